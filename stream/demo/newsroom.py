"""Two invented news desks: stories that appear, get longer, get corrected and now and then go.

Pure: it is handed its draw and its time. It must not read a clock or know about HTTP.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from stream.demo.plots import CORRECTED, FOLLOW_UPS, HEADLINES, OTHER, WIRE, Plot, person, words
from stream.model import Item

if TYPE_CHECKING:
    from random import Random

REMOVED: Final = "[Removed]"
REMOVED_URL: Final = "https://removed.com"

_WINDOW: Final = 40
"""Most stories on a desk; the oldest leaves when one more comes."""
_BACKLOG: Final = 25
_BACKLOG_S: Final = 7200.0
_NEW_S: Final = (4.0, 9.0)
_EDIT_S: Final = (8.0, 16.0)
_RETRACT_S: Final = (90.0, 180.0)
_CORRECTION: Final = "Correction: "
_CORRECTION_SHARE: Final = 0.35
_FRESH: Final = 12
"""Only the newest stories are edited or retracted: old ones are left in peace."""


class Outlet(NamedTuple):
    """Who publishes: NewsAPI's id (some have none), the name, and the host of its pages."""

    id: str | None
    name: str
    host: str


_OUTLETS: Final = (
    Outlet("the-lantern", "The Lantern", "lantern.example"),
    Outlet(None, "Northcoast Courier", "northcoastcourier.example"),
    Outlet("meridian-post", "Meridian Post", "meridianpost.example"),
    Outlet(None, "Field and Factory", "fieldandfactory.example"),
)
_HARBOUR_WIRE: Final = Outlet("harbour-wire", "Harbour Wire", "harbourwire.example")


@dataclass(frozen=True, slots=True)
class Story:
    """One story as it stands now. Times are Unix seconds; an edit makes a new object."""

    id: int
    section: str
    title: str
    summary: str
    author: str
    outlet: Outlet
    url: str
    published: float
    more_chars: int
    follow_ups: tuple[str, ...] = ()
    is_corrected: bool = False
    is_removed: bool = False


class Desk:
    """The newest stories of one desk, newest first.

    Args:
        draw: where chance comes from; the same seed writes the same news.
        start: Unix seconds now; the backlog is spread over the two hours before.
        plots: what the stories are about.
        outlets: who publishes them.
        retracts: whether a story is now and then taken back.
    """

    def __init__(
        self,
        draw: Random,
        start: float,
        *,
        plots: Sequence[Plot],
        outlets: Sequence[Outlet],
        retracts: bool,
    ) -> None:
        self._draw = draw
        self._plots = plots
        self._outlets = outlets
        self._deck: list[Plot] = []
        self._written = 0
        self.stories: tuple[Story, ...] = ()
        self.changed_at = start
        for ago_s in sorted((draw.uniform(5.0, _BACKLOG_S) for _ in range(_BACKLOG)), reverse=True):
            self._publish(start - ago_s)
        self._next_new = start + draw.uniform(*_NEW_S)
        self._next_edit = start + draw.uniform(*_EDIT_S)
        self._next_retraction = start + draw.uniform(*_RETRACT_S) if retracts else float("inf")

    def step(self, now: float) -> None:
        """Do what is due by this time (Unix seconds).

        After a long silence no more is written than the window can hold.
        """
        before = self.stories
        self._next_new = max(self._next_new, now - _WINDOW * _NEW_S[0])
        while self._next_new <= now:
            self._publish(self._next_new)
            self._next_new += self._draw.uniform(*_NEW_S)
        if self._next_edit <= now:
            self._edit()
            self._next_edit = now + self._draw.uniform(*_EDIT_S)
        if self._next_retraction <= now:
            self._retract()
            self._next_retraction = now + self._draw.uniform(*_RETRACT_S)
        if self.stories != before:
            self.changed_at = now

    def _publish(self, at: float) -> None:
        plot, title, summary = self._write(at)
        self._written += 1
        outlet = self._draw.choice(self._outlets)
        slug = "-".join(re.findall(r"[a-z0-9]+", title.lower())[:8])
        story = Story(
            id=self._written,
            section=plot.section,
            title=title,
            summary=summary,
            author=person(self._draw),
            outlet=outlet,
            url=f"https://{outlet.host}/{plot.section}/{slug}-{self._written}",
            published=at,
            more_chars=self._draw.randint(900, 5200),
        )
        self.stories = (story, *self.stories)[:_WINDOW]

    def _write(self, at: float) -> tuple[Plot, str, str]:
        """The next plot with its words filled in, under a title that is not on the desk yet."""
        taken = {story.title.removeprefix(_CORRECTION) for story in self.stories}
        while True:
            if not self._deck:
                self._deck = list(self._plots)
                self._draw.shuffle(self._deck)
            plot, drawn = self._deck.pop(), words(self._draw, at)
            title = plot.title.format_map(drawn)
            if title not in taken:
                return plot, title, plot.summary.format_map(drawn)

    def _edit(self) -> None:
        """Correct a story, or let it grow."""
        story = self._draw.choice(self._fresh())
        is_correction = not story.is_corrected and self._draw.random() < _CORRECTION_SHARE
        self._replace(_corrected(story) if is_correction else self._grown(story))

    def _grown(self, story: Story) -> Story:
        """The story with a longer body, and a new sentence in the summary while there are some."""
        drawn = words(self._draw, story.published)
        told = story.follow_ups
        left = [line for line in FOLLOW_UPS.get(story.section, OTHER) if line not in told]
        line = self._draw.choice(left) if left else None
        return replace(
            story,
            summary=f"{story.summary} {line.format_map(drawn)}" if line else story.summary,
            more_chars=story.more_chars + self._draw.randint(120, 700),
            follow_ups=(*told, line) if line else told,
        )

    def _retract(self) -> None:
        self._replace(replace(self._draw.choice(self._fresh()), is_removed=True))

    def _fresh(self) -> list[Story]:
        return [story for story in self.stories if not story.is_removed][:_FRESH]

    def _replace(self, edited: Story) -> None:
        self.stories = tuple(edited if s.id == edited.id else s for s in self.stories)


def _corrected(story: Story) -> Story:
    return replace(
        story,
        title=f"{_CORRECTION}{story.title}",
        summary=f"{story.summary} {CORRECTED}",
        is_corrected=True,
    )


def headlines(draw: Random, start: float) -> Desk:
    """The desk behind the NewsAPI-like endpoints."""
    return Desk(draw, start, plots=HEADLINES, outlets=_OUTLETS, retracts=True)


def harbour_wire(draw: Random, start: float) -> Desk:
    """The desk behind the RSS feed."""
    return Desk(draw, start, plots=WIRE, outlets=(_HARBOUR_WIRE,), retracts=False)


def article(story: Story) -> Item:
    """A story as NewsAPI shows it; a retracted one is the row that all retracted ones share."""
    if story.is_removed:
        return {
            "source": {"id": None, "name": REMOVED},
            "author": None,
            "title": REMOVED,
            "description": REMOVED,
            "url": REMOVED_URL,
            "urlToImage": None,
            "publishedAt": "1970-01-01T00:00:00Z",
            "content": REMOVED,
        }
    return {
        "source": {"id": story.outlet.id, "name": story.outlet.name},
        "author": story.author,
        "title": story.title,
        "description": story.summary,
        "url": story.url,
        "urlToImage": None,
        "publishedAt": f"{_moment(story.published):%Y-%m-%dT%H:%M:%SZ}",
        "content": f"{story.summary[:200]}… [+{story.more_chars} chars]",
    }


def rss(desk: Desk) -> str:
    """The desk as RSS 2.0. The same stories give the same text, so its hash is a good ETag."""
    items = "".join(_rss_item(story) for story in desk.stories)
    # A ttl of 0 minutes: RSS cannot say "a second", and a larger one would slow polite readers.
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>\n'
        f"<title>{_HARBOUR_WIRE.name}</title><link>https://{_HARBOUR_WIRE.host}/</link>\n"
        "<description>Ships, ferries and quays (invented for the demo)</description>\n"
        f"<language>en</language><lastBuildDate>{_rfc822(desk.changed_at)}</lastBuildDate>"
        f"<ttl>0</ttl>\n{items}</channel></rss>\n"
    )


def _rss_item(story: Story) -> str:
    return (
        f"<item><title>{html.escape(story.title)}</title><link>{html.escape(story.url)}</link>\n"
        f'<guid isPermaLink="false">harbour-wire-{story.id}</guid>'
        f"<pubDate>{_rfc822(story.published)}</pubDate>"
        f"<dc:creator>{html.escape(story.author)}</dc:creator>"
        f"<category>{story.section}</category>\n"
        f"<description>{html.escape(story.summary)}</description></item>\n"
    )


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _rfc822(at: float) -> str:
    return format_datetime(_moment(at), usegmt=True)
