"""A preset, its address pointed to an upstream of ours, read as the service reads it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from stream.app import build
from stream.catalog import Catalog, Line
from stream.config import loads
from stream.poller import Poller
from stream.settings import Settings

SECRET = "hush-hush-hush"  # noqa: S105
_HOLDERS = """NEWSAPI_KEY GNEWS_KEY EODHD_TOKEN FINNHUB_TOKEN ALPHAVANTAGE_KEY COINGECKO_KEY
    GITHUB_TOKEN"""
SECRETS: Mapping[str, str] = dict.fromkeys(_HOLDERS.split(), SECRET)


def settings(table: str, name: str = "s") -> Settings:
    """The settings of one source."""
    return loads(f'[sources."{name}"]\n{table}', SECRETS)


@dataclass(frozen=True, slots=True)
class Reading:
    """One source that is being read."""

    catalog: Catalog
    line: Line

    @property
    def poller(self) -> Poller:
        return self.line.pollers[0]

    @property
    def items(self) -> list[dict[str, object]]:
        return [dict(item) for _, item in self.line.channel.state.items()]


@contextlib.asynccontextmanager
async def reading(table: str, name: str = "s", channel: str = "") -> AsyncIterator[Reading]:
    """The source, read by its poller, once its first read is over.

    Args:
        channel: which channel of a parametrised source.
    """
    service, fetcher = build(settings(table, name), None)
    try:
        async with service.catalog.running():
            line = service.catalog.reach(channel or name)
            for poller in line.pollers:
                poller.draw = lambda: 0.0
            if not line.allow:
                await line.pollers[0].read_once.wait()
            yield Reading(service.catalog, line)
    finally:
        await fetcher.aclose()
