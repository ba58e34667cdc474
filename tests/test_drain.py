"""Who is told goodbye when: the plan alone; tests/live has the drain itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.drain import SHARE, SOONEST_MS, SPREAD_MS, plan, window_s

COUNTS = st.integers(0, 600)
DRAINS = st.floats(0, 600)
DRAWS = st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20)


def drawing(draws: list[float]) -> Callable[[], float]:
    """These draws over and over again."""
    left: list[float] = []

    def draw() -> float:
        left.extend([] if left else draws)
        return left.pop()

    return draw


@given(COUNTS, DRAINS, DRAWS)
def test_everybody_has_one_turn_in_order_within_the_drains_share(
    count: int, drain_s: float, draws: list[float]
) -> None:
    turns = [slot.at_s for slot in plan(count, drain_s, drawing(draws))]
    assert len(turns) == count
    assert turns == sorted(turns)
    assert all(0 <= at_s <= SHARE * drain_s for at_s in turns)
    if turns:
        assert turns[0] == 0


@given(COUNTS.filter(lambda count: count > 1), DRAINS)
def test_turns_are_evenly_spread(count: int, drain_s: float) -> None:
    turns = [slot.at_s for slot in plan(count, drain_s, lambda: 0.5)]
    step_s = window_s(count, drain_s) / count
    for earlier, later in zip(turns, turns[1:], strict=False):
        assert abs(later - earlier - step_s) < 1e-6


@given(COUNTS, DRAINS, DRAWS)
def test_nobody_comes_back_before_the_last_one_was_told(
    count: int, drain_s: float, draws: list[float]
) -> None:
    slots = plan(count, drain_s, drawing(draws))
    for slot in slots:
        back_ms = slot.at_s * 1000 + slot.retry_ms
        last_ms = slots[-1].at_s * 1000
        width_ms = max(SPREAD_MS, window_s(count, drain_s) * 1000)
        assert last_ms + SOONEST_MS - 1 <= back_ms <= last_ms + SOONEST_MS + width_ms + 1


@given(COUNTS.filter(bool), DRAINS)
def test_those_who_come_back_are_as_spread_as_the_draw(count: int, drain_s: float) -> None:
    """With even draws no 100 ms sees more than its part, however many there are."""
    even = iter(range(count))
    slots = plan(count, drain_s, lambda: next(even) / count)
    back_ms = sorted(slot.at_s * 1000 + slot.retry_ms for slot in slots)
    share = 100 / max(SPREAD_MS, window_s(count, drain_s) * 1000)
    first = 0
    for last, at_ms in enumerate(back_ms):
        while at_ms - back_ms[first] >= 100:
            first += 1
        assert last - first + 1 <= share * count * 1.02 + 2


@pytest.mark.parametrize(
    ("count", "drain_s", "window"),
    [(0, 10, 0), (1, 10, 0.02), (50, 10, 1), (500, 10, 8), (9, 0, 0)],
)
def test_few_leave_quickly_and_many_over_the_drain(
    count: int, drain_s: float, window: float
) -> None:
    assert window_s(count, drain_s) == pytest.approx(window)
