"""Tests of arrivals: a crowd begins in order, a few at each turn of the loop."""

from __future__ import annotations

import asyncio

from stream.arrivals import MOST, Arrivals


async def test_a_crowd_begins_in_order_and_a_few_at_a_turn() -> None:
    arrivals = Arrivals(asyncio.get_running_loop())
    begun: list[int] = []
    at_once = [arrivals.come(lambda n=n: begun.append(n)) for n in range(3 * MOST)]  # type: ignore[misc]
    assert at_once == [True] * MOST + [False] * 2 * MOST
    most = 0
    for _ in range(10):
        before = len(begun)
        await asyncio.sleep(0)
        most = max(most, len(begun) - before)
    assert begun == list(range(3 * MOST))
    assert most == MOST


async def test_who_comes_alone_begins_at_once() -> None:
    arrivals = Arrivals(asyncio.get_running_loop())
    begun: list[int] = []
    for n in range(3 * MOST):
        assert arrivals.come(lambda n=n: begun.append(n))  # type: ignore[misc]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(begun) == 3 * MOST
