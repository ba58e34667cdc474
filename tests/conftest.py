"""Real upstreams, the fetcher that reads them, and the road of services, for all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from stream.fetch import Fetcher
from tests.live import serving
from tests.upstream import RawUpstream, Upstream

# How long an example takes says how busy the machine is, and nothing of what it shows.
settings.register_profile("stream", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stream")


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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that is marked ``both_roads`` once on each."""
    if metafunc.definition.get_closest_marker("both_roads") is not None:
        metafunc.parametrize("road", ["direct", "portable"], indirect=True)


@pytest.fixture(autouse=True)
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The road that services of this test offer."""
    chosen: str = getattr(request, "param", "direct")
    monkeypatch.setattr(serving, "ROAD", chosen)
    return chosen
