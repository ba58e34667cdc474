from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.articles import parse_feed
from stream.feedhints import feed_hints
from stream.schedule import Hints

FEED = b"""<?xml version="1.0"?>
<rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel>
<title>Desk</title><ttl>45</ttl>
<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>
<skipHours>
  <hour>24</hour><hour> 1 </hour><hour>23</hour><hour>25</hour><hour>x</hour>
</skipHours>
<skipDays><day>Saturday</day><day>SUNDAY</day><day>Someday</day></skipDays>
<item><title>One</title><guid>1</guid><description>&lt;skipHours&gt;</description></item>
</channel></rss>"""


def test_hours_and_days_are_found_and_what_is_none_is_passed_over() -> None:
    assert feed_hints(FEED) == Hints(None, frozenset({0, 1, 23}), frozenset({5, 6}))


def test_the_longer_of_ttl_and_update_period_is_the_least_delay() -> None:
    feed = parse_feed(FEED)
    assert feed_hints(FEED, feed.ttl_s).min_delay_s == 45 * 60
    rarer = FEED.replace(b"hourly", b"daily")
    assert parse_feed(rarer).ttl_s == 12 * 3600


def test_what_stands_after_the_items_counts_and_what_stands_in_one_does_not() -> None:
    inside = b"<rss><item><skipHours><hour>3</hour></skipHours></item><item/></rss>"
    after = b"<rss><item>a</item><skipDays><day>Monday</day></skipDays></rss>"
    assert feed_hints(inside) == Hints()
    assert feed_hints(after) == Hints(None, frozenset(), frozenset({0}))


def test_a_feed_without_such_hints_has_none() -> None:
    assert feed_hints(b"<feed><entry/></feed>") == feed_hints(b"{}") == Hints()


@given(
    st.lists(
        st.sampled_from(
            [b"<skipHours>", b"<hour>", b"7", b"</hour>", b"</skipHours>", b"<skipDays>",
             b"<day>", b"Monday", b"</day>", b"<item>", b"</item>", b" "]
        )
    ).map(b"".join) | st.binary()
)  # fmt: skip
def test_no_bytes_break_it(body: bytes) -> None:
    hints = feed_hints(body)
    assert hints.skip_hours <= set(range(24))
    assert hints.skip_days <= set(range(7))


def test_a_hostile_head_takes_no_time() -> None:
    assert feed_hints(b"<skipHours><hour>" * 300_000) == Hints()
    assert feed_hints(b"<skipHours>" + b"<hour>1</hour>" * 300_000).skip_hours == {1}
