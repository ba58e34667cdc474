"""Tests of what is delivered run on both roads: the direct one and the portable one."""

from __future__ import annotations

import pytest

from tests.live import serving


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
