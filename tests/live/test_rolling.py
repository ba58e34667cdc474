"""A rolling restart of two real nodes under load, as bench/rolling.py plays it."""

from __future__ import annotations

import asyncio

import pytest

from bench.rolling import histogram, roll

CLIENTS = 100


@pytest.mark.timeout(120)
async def test_a_rolling_restart_loses_nothing_and_causes_no_storm() -> None:
    async with asyncio.timeout(100):
        outcome = await roll(CLIENTS)
    # roll itself has waited until every client held the final values.
    assert outcome.mistakes == []
    assert outcome.changes > 50
    first, second = outcome.phases
    assert (first.clients, second.clients) == (CLIENTS // 2, CLIENTS)
    for phase in outcome.phases:
        shown = histogram(phase, 0.5)
        assert len(phase.came_back_s) == phase.clients, shown
        assert min(phase.came_back_s) > 0.5, shown
        assert phase.worst_share < 0.2, shown
        assert phase.gone_s < 10, shown
