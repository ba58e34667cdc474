"""How late the loop runs: the figures, and a loop that is really held up."""

from __future__ import annotations

import asyncio
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.loop_lag import BUCKETS_S, EVERY_S, KEPT, LoopLag, quantile
from tests.waiting import until

LAGS = st.lists(st.floats(0, EVERY_S, exclude_max=True), max_size=60)
SHARES = st.floats(0.01, 1)


@given(LAGS, SHARES)
def test_a_quantile_is_the_least_sample_that_enough_do_not_exceed(
    samples: list[float], share: float
) -> None:
    found = quantile(sorted(samples), share)
    if not samples:
        assert found == 0
        return
    assert found in samples
    assert sum(each <= found for each in samples) >= share * len(samples) - 1e-9
    assert sum(each < found for each in samples) < math.ceil(share * len(samples))


@given(LAGS)
def test_short_lags_are_one_sample_each_in_the_right_bucket(samples: list[float]) -> None:
    lag = LoopLag()
    for sample in samples:
        lag.record(sample)
    assert sum(lag.counts) == len(samples)
    assert lag.total_s == pytest.approx(sum(samples))
    for place, bound in enumerate(BUCKETS_S):
        assert sum(lag.counts[: place + 1]) == sum(each <= bound for each in samples)
    assert lag.quantiles(1.0) == [max(samples, default=0)]


@given(st.floats(0, 500))
def test_a_stall_counts_for_every_sample_that_it_swallowed(late_s: float) -> None:
    lag = LoopLag()
    lag.record(late_s)
    assert sum(lag.counts) == min(KEPT, int(late_s / EVERY_S) + 1)
    assert lag.quantiles(1.0) == [late_s]


def test_a_second_of_stall_within_a_minute_is_seen_by_its_p99() -> None:
    lag = LoopLag()
    for _ in range(KEPT):
        lag.record(0.001)
    lag.record(1.0)
    p50, p99, most = lag.quantiles(0.5, 0.99, 1.0)
    assert (p50, most) == (0.001, 1.0)
    assert 0.3 < p99 < 0.5


def test_only_the_last_minute_is_kept_but_the_histogram_forgets_nothing() -> None:
    lag = LoopLag()
    lag.record(EVERY_S * 0.9)
    for _ in range(KEPT - 1):
        lag.record(0.0)
    assert lag.quantiles(1.0) == [EVERY_S * 0.9]
    lag.record(0.0)
    assert lag.quantiles(1.0) == [0.0]
    assert sum(lag.counts) == KEPT + 1
    assert lag.total_s == pytest.approx(EVERY_S * 0.9)


async def test_a_loop_that_is_held_up_shows_and_one_that_is_not_does_not() -> None:
    lag = LoopLag()
    async with lag.measured():
        await until(lambda: sum(lag.counts) >= 2, what="the first samples")
        before = lag.quantiles(1.0)[0]
        time.sleep(0.2)  # noqa: ASYNC251  (this is what holds it up)
        await until(lambda: lag.quantiles(1.0)[0] > 0.14, what="the stall")
        assert before < lag.quantiles(1.0)[0]
    samples = sum(lag.counts)
    await asyncio.sleep(0)
    assert sum(lag.counts) == samples
