"""Connections that are kept: lent to one at a time, and closed when nobody needs them."""

from __future__ import annotations

import pytest

from stream.pools import MAX_IDLE, Pools


class Line:
    """Something that can be closed."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def pools() -> Pools[Line]:
    return Pools()


def test_what_was_used_last_is_lent_again(pools: Pools[Line]) -> None:
    one, two = pools.borrow("a", Line), pools.borrow("a", Line)
    assert one is not two
    pools.give_back("a", two)
    pools.give_back("a", one)
    assert pools.borrow("a", Line) is one
    assert pools.borrow("a", Line) is two


def test_another_place_gets_another(pools: Pools[Line]) -> None:
    one = pools.borrow(("a", True), Line)
    pools.give_back(("a", True), one)
    assert pools.borrow(("a", False), Line) is not one


def test_few_are_kept_and_the_rest_is_closed(pools: Pools[Line]) -> None:
    lines = [pools.borrow("a", Line) for _ in range(MAX_IDLE + 4)]
    for line in lines:
        pools.give_back("a", line)
    assert sum(not line.closed for line in lines) == MAX_IDLE
    pools.close()
    assert all(line.closed for line in lines)


def test_what_is_in_use_at_the_end_is_closed_when_it_is_given_back(pools: Pools[Line]) -> None:
    line = pools.borrow("a", Line)
    pools.close()
    assert not line.closed
    pools.give_back("a", line)
    assert line.closed


def test_the_place_unused_for_longest_is_forgotten_but_none_in_use(
    pools: Pools[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.pools.MAX_PLACES", 2)
    busy, old = pools.borrow("busy", Line), pools.borrow("old", Line)
    pools.give_back("old", old)
    new = pools.borrow("new", Line)
    pools.give_back("new", new)
    assert (busy.closed, old.closed, new.closed) == (False, True, False)
