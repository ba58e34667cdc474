"""Connections that are kept: lent to one at a time, and closed when nobody needs them."""

from __future__ import annotations

import pytest

from stream.pools import MAX_IDLE, Pools


class Line:
    """Something that can be closed."""

    def __init__(self) -> None:
        self.closed = False

    async def aclose(self) -> None:
        self.closed = True


async def test_what_was_used_last_is_lent_again() -> None:
    pools: Pools[Line] = Pools()
    async with pools.lend("a", Line) as one, pools.lend("a", Line) as two:
        assert one is not two
    async with pools.lend("a", Line) as again:
        assert again is one


async def test_another_place_gets_another() -> None:
    pools: Pools[Line] = Pools()
    async with pools.lend(("a", True), Line) as one:
        pass
    async with pools.lend(("a", False), Line) as two:
        assert two is not one


async def test_few_are_kept_and_the_rest_is_closed() -> None:
    pools: Pools[Line] = Pools()
    lines: list[Line] = []

    async def lend(n: int) -> None:
        async with pools.lend("a", Line) as one:
            lines.append(one)
            if n:
                await lend(n - 1)

    await lend(MAX_IDLE + 4)
    assert sum(not line.closed for line in lines) == MAX_IDLE
    await pools.aclose()
    assert all(line.closed for line in lines)


async def test_the_place_unused_for_longest_is_forgotten_but_none_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.pools.MAX_PLACES", 2)
    pools: Pools[Line] = Pools()
    async with pools.lend("busy", Line) as busy:
        async with pools.lend("old", Line) as old:
            pass
        async with pools.lend("new", Line) as new:
            pass
        assert (busy.closed, old.closed, new.closed) == (False, True, False)
