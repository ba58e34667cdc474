from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.backoff import MOST_HINT_S, MOST_S, PATIENT_S, PROVEN_S, Backoff


def waits(draw: float, count: int) -> list[float]:
    backoff = Backoff(lambda: draw)
    return [backoff.next_s() for _ in range(count)]


def test_the_longest_wait_doubles_from_half_a_second_and_then_follows_the_outage() -> None:
    assert waits(1.0, 5) == [0.5, 1, 2, 2, 2.75]
    assert waits(1.0, 2_000)[-1] == 20


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_nobody_waits_longer_than_half_the_outage_or_two_seconds(draws: list[float]) -> None:
    left = iter(draws)
    backoff = Backoff(lambda: next(left))
    gone_s = 0.0
    for _ in draws:
        wait_s = backoff.next_s()
        assert 0 <= wait_s <= min(MOST_S, max(PATIENT_S, gone_s / 2))
        gone_s += wait_s


def test_a_wait_is_drawn_between_nothing_and_the_longest() -> None:
    assert waits(0.0, 3) == [0, 0, 0]
    assert waits(0.25, 3) == [0.125, 0.25, 0.5]


@pytest.mark.parametrize(("lived_s", "next_s"), [(PROVEN_S, 0.5), (PROVEN_S - 0.1, 2.0)])
def test_only_a_link_that_lived_starts_anew(lived_s: float, next_s: float) -> None:
    backoff = Backoff(lambda: 1.0)
    for _ in range(2):
        backoff.next_s()
    backoff.lived(lived_s)
    assert backoff.next_s() == next_s


@pytest.mark.parametrize(
    ("hint_s", "at_least_s"), [(None, 0), (3.0, 3), (-5.0, 0), (1e9, MOST_HINT_S)]
)
def test_what_the_server_asked_for_comes_on_top(hint_s: float | None, at_least_s: float) -> None:
    assert Backoff(lambda: 1.0).next_s(hint_s) == at_least_s + 0.5
