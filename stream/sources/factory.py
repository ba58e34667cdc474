"""From a source's settings to the source: kind by kind, and what several of them share.

It must not know the channels, nor read anything itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stream.fetch import Fetcher
from stream.merge import Contribution
from stream.schedule import Pace
from stream.source_settings import (
    FeedSettings,
    FetchedSettings,
    HttpSettings,
    KeysSettings,
    PolledSettings,
)
from stream.sources.base import Source
from stream.sources.http import HttpSource
from stream.sources.system import SystemSource


@dataclass(frozen=True, slots=True)
class Traits:
    """What a kind's settings say to those who feed a channel with what it reads.

    Attributes:
        window: items gone from the answer have aged out; otherwise they are deleted.
        empty_ok: an empty answer is believed at once.
        ignore, tolerance: what is no change, see `stream.diff`.
        keys: the source reads only keys that are watched.
    """

    window: bool = False
    empty_ok: bool = True
    ignore: frozenset[str] = frozenset()
    tolerance: Mapping[str, float] = field(default_factory=dict)
    keys: KeysSettings | None = None

    @classmethod
    def of(cls, settings: PolledSettings) -> Traits:
        """Those of a source's settings."""
        if not isinstance(settings, FetchedSettings):
            return cls()
        http = settings if isinstance(settings, HttpSettings) else None
        return cls(
            window=settings.removal == "window",
            empty_ok=settings.empty_ok,
            ignore=frozenset(settings.ignore),
            tolerance=http.tolerance if http is not None else {},
            keys=http.keys if http is not None else None,
        )

    def contribution(self, name: str) -> Contribution:
        """The place of this source's items among those of its channel."""
        return Contribution(name, window=self.window, empty_ok=self.empty_ok)


def pace_of(settings: PolledSettings) -> Pace:
    """How often the source may be read."""
    quota = settings.quota if isinstance(settings, FetchedSettings) else None
    if quota is None:
        return Pace(settings.every)
    return Pace(settings.every, quota.per_day, quota.cost)


class Factory:
    """Makes sources.

    Args:
        fetcher: shared by all sources that read over HTTP; closed with the factory.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def make(self, settings: PolledSettings, *, channel: str, values: Mapping[str, str]) -> Source:
        """The source of these settings.

        Args:
            channel: the name of the channel it feeds.
            values: what the placeholders of the channel's name stand for.
        """
        if isinstance(settings, HttpSettings | FeedSettings):
            return HttpSource(settings, self._fetcher, channel=channel, values=values)
        return SystemSource()

    async def aclose(self) -> None:
        """Let go of what the sources share."""
        await self._fetcher.aclose()
