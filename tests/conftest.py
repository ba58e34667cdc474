"""Real upstreams and the fetcher that reads them, for every test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stream.fetch import Fetcher
from tests.upstream import RawUpstream, Upstream


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


@pytest.fixture
async def raw() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as raw:
        yield raw


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(user_agent="stream/0 (+https://stream.example)")
    yield fetcher
    await fetcher.aclose()
