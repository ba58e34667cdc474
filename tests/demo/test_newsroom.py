from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from random import Random
from xml.etree import ElementTree

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.demo.newsroom import (
    REMOVED,
    REMOVED_URL,
    Desk,
    Story,
    article,
    harbour_wire,
    headlines,
    rss,
)

START = 1_790_000_000.0


def watched(desk: Desk, seconds: int) -> list[tuple[Story, ...]]:
    """The desk's stories after each of these seconds."""
    seen = []
    for second in range(1, seconds + 1):
        desk.step(START + second)
        seen.append(desk.stories)
    return seen


def desk(seed: int = 1) -> Desk:
    return headlines(Random(seed), START)


def test_it_opens_with_twenty_five_stories_of_the_last_two_hours_newest_first() -> None:
    published = [story.published for story in desk().stories]
    assert len(published) == 25
    assert START - 7200 <= published[-1] and published[0] < START
    assert published == sorted(published, reverse=True)


def test_an_article_has_the_shape_of_a_newsapi_article() -> None:
    row = article(desk().stories[0])
    assert list(row) == [
        "source",
        "author",
        "title",
        "description",
        "url",
        "urlToImage",
        "publishedAt",
        "content",
    ]
    assert isinstance(row["source"], dict) and list(row["source"]) == ["id", "name"]
    assert isinstance(row["publishedAt"], str)
    published = datetime.strptime(row["publishedAt"], "%Y-%m-%dT%H:%M:%S%z")
    assert START - 7200 <= published.timestamp() <= START
    assert str(row["content"]).endswith(" chars]")


def test_a_new_story_appears_every_four_to_nine_seconds() -> None:
    one = desk()
    before = one.stories[0].id
    watched(one, 900)
    assert 100 <= one.stories[0].id - before <= 225


def test_the_window_holds_the_forty_newest() -> None:
    for stories in watched(desk(), 600)[300:]:
        assert len(stories) == 40
        assert [story.id for story in stories] == list(range(stories[0].id, stories[0].id - 40, -1))


def test_titles_and_addresses_on_the_desk_are_distinct() -> None:
    for stories in watched(desk(2), 900):
        assert len({story.title for story in stories}) == len(stories)
        assert len({story.url for story in stories}) == len(stories)


def test_some_stories_are_corrected_and_some_grow_and_their_address_stays() -> None:
    versions: dict[int, list[Story]] = {}
    for stories in watched(desk(3), 600):
        for story in stories:
            known = versions.setdefault(story.id, [])
            if not known or known[-1] != story:
                known.append(story)
    pairs = [
        (old, new)
        for known in versions.values()
        for old, new in zip(known, known[1:], strict=False)
    ]
    corrected = [new for old, new in pairs if new.title != old.title]
    grown = [new for old, new in pairs if new.more_chars > old.more_chars]
    assert len(corrected) >= 5 and len(grown) >= 5
    assert all(new.title.startswith("Correction: ") for new in corrected)
    assert not any("Correction: Correction" in new.title for new in corrected)
    assert all(len(new.summary) >= len(old.summary) for old, new in pairs)
    assert all(new.url == old.url and new.published == old.published for old, new in pairs)


def test_a_story_is_told_no_sentence_twice() -> None:
    for story in watched(desk(4), 1_800)[-1]:
        assert len(set(story.follow_ups)) == len(story.follow_ups)


def test_retracted_stories_all_become_the_same_row() -> None:
    removed = [
        article(story)
        for stories in watched(desk(5), 1_800)
        for story in stories
        if story.is_removed
    ]
    assert removed and all(row == removed[0] for row in removed)
    assert removed[0]["title"] == REMOVED
    assert removed[0]["url"] == REMOVED_URL
    assert removed[0]["source"] == {"id": None, "name": REMOVED}
    assert removed[0]["publishedAt"] == "1970-01-01T00:00:00Z"


def test_retractions_are_rare_and_do_not_move_other_stories() -> None:
    one = desk(6)
    for stories in watched(one, 1_800):
        assert Counter(story.is_removed for story in stories)[True] <= 4
        assert [s.id for s in stories] == sorted((s.id for s in stories), reverse=True)


@pytest.mark.parametrize("make", [headlines, harbour_wire])
def test_the_same_seed_writes_the_same_news(make: Callable[[Random, float], Desk]) -> None:
    one, other, third = (make(Random(seed), START) for seed in (1, 1, 2))
    assert watched(one, 120) == watched(other, 120)
    assert one.stories != third.stories


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    strides=st.lists(st.floats(0.0, 1e7), min_size=1, max_size=20),
)
def test_after_any_silence_the_desk_is_in_order_and_not_ahead_of_its_time(
    seed: int, strides: list[float]
) -> None:
    one, now = desk(seed), START
    for stride in strides:
        now += stride
        one.step(now)
        published = [story.published for story in one.stories]
        assert published == sorted(published, reverse=True)
        assert published[0] <= now
        assert 25 <= len(published) <= 40


def test_the_wire_never_retracts() -> None:
    for stories in watched(harbour_wire(Random(1), START), 1_200):
        assert not any(story.is_removed for story in stories)


def test_the_feed_is_rss_that_a_feed_reader_understands() -> None:
    wire = harbour_wire(Random(1), START)
    watched(wire, 60)
    feed = feedparser.parse(rss(wire))
    assert not feed.bozo
    assert feed.version == "rss20"
    assert feed.feed.title == "Harbour Wire"
    assert [entry.title for entry in feed.entries] == [story.title for story in wire.stories]
    assert [entry.author for entry in feed.entries] == [story.author for story in wire.stories]
    assert all(entry.tags[0].term for entry in feed.entries)


def test_the_items_of_the_feed_have_a_guid_a_date_and_a_category() -> None:
    wire = harbour_wire(Random(1), START)
    channel = ElementTree.fromstring(rss(wire)).find("channel")  # noqa: S314 - our own text
    assert channel is not None
    items = channel.findall("item")
    assert len(items) == len(wire.stories)
    assert len({item.findtext("guid") for item in items}) == len(items)
    assert all(item.findtext("category") for item in items)
    for item, story in zip(items, wire.stories, strict=True):
        published = parsedate_to_datetime(item.findtext("pubDate", ""))
        assert published.timestamp() == int(story.published)
    assert channel.findtext("ttl") == "0"


def test_the_feed_changes_exactly_when_a_story_does() -> None:
    wire = harbour_wire(Random(2), START)
    quiet = 0
    text, stories = rss(wire), wire.stories
    for second in range(1, 301):
        wire.step(START + second)
        assert (rss(wire) == text) == (wire.stories == stories)
        if wire.stories == stories:
            quiet += 1
        else:
            assert wire.changed_at == START + second
        text, stories = rss(wire), wire.stories
    assert 0 < quiet < 300
