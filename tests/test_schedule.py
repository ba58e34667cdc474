from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.schedule import (
    BACKOFF_CAP_S,
    DAY_S,
    MOST_SKIPPED_H,
    REFUSED,
    SKIP_SPREAD_S,
    SPENT_S,
    Hints,
    Pace,
    backoff_s,
    budget_s,
    failing_every_s,
    first_delay_s,
    left_s,
    next_delay_s,
    parse_date,
    parse_expires,
    parse_max_age,
    parse_retry_after,
    parse_seconds,
    read_hints,
    read_retry,
    restart_delay_s,
    rested_s,
    stale_after_s,
)

NOW = 1_763_777_469.0

draws = st.floats(0, 1, exclude_max=True)
intervals = st.floats(0.01, 1e7)
any_seconds = st.none() | st.floats() | st.integers(-10, 10**30).map(float)
paces = st.builds(
    Pace,
    every_s=intervals,
    quota_per_day=st.none() | st.integers(100, 10**9),
    cost=st.integers(1, 100),
)


def is_usable(delay_s: float) -> bool:
    return math.isfinite(delay_s) and delay_s >= 0


@given(intervals, draws)
def test_the_first_read_comes_within_a_second_and_within_the_interval(
    every_s: float, draw: float
) -> None:
    assert 0 <= first_delay_s(every_s, draw) <= min(every_s, 1.0)


def test_first_reads_are_spread_by_the_draw() -> None:
    assert first_delay_s(60, 0.0) == 0
    assert first_delay_s(60, 0.9) == pytest.approx(0.9)
    assert first_delay_s(0.2, 0.5) == pytest.approx(0.1)


def test_the_interval_strays_by_a_twentieth_to_either_side() -> None:
    pace = Pace(100)
    assert next_delay_s(pace, Hints(), 0.0) == pytest.approx(95)
    assert next_delay_s(pace, Hints(), 0.5) == pytest.approx(100)
    assert next_delay_s(pace, Hints(), 0.999999) == pytest.approx(105, rel=1e-5)


@given(paces, any_seconds, draws)
def test_a_delay_is_finite_and_never_shorter_than_interval_and_quota(
    pace: Pace, hint: float | None, draw: float
) -> None:
    delay = next_delay_s(pace, Hints(hint), draw)
    assert is_usable(delay)
    assert delay >= pace.every_s * 0.95 * (1 - 1e-9)
    assert delay >= pace.quota_s


@given(paces, any_seconds, draws)
def test_a_hint_never_makes_a_read_sooner(pace: Pace, hint: float | None, draw: float) -> None:
    assert next_delay_s(pace, Hints(hint), draw) >= next_delay_s(pace, Hints(), draw)


@given(paces, st.floats(0, 1e9), st.floats(0, 1e9), draws)
def test_a_longer_hint_is_never_sooner_than_a_shorter_one(
    pace: Pace, one: float, other: float, draw: float
) -> None:
    short, long = sorted([one, other])
    assert next_delay_s(pace, Hints(short), draw) <= next_delay_s(pace, Hints(long), draw)


@given(st.floats(0, DAY_S / 1.05), draws)
def test_a_hint_of_up_to_a_day_is_obeyed(hint: float, draw: float) -> None:
    assert next_delay_s(Pace(1), Hints(hint), draw) >= hint


@given(st.floats(DAY_S, allow_nan=False), draws)
def test_a_hint_is_capped_at_a_day(hint: float, draw: float) -> None:
    assert next_delay_s(Pace(1), Hints(hint), draw) == DAY_S


def test_a_hint_does_not_shorten_an_interval_of_more_than_a_day() -> None:
    assert next_delay_s(Pace(7 * DAY_S), Hints(math.inf), 0.5) == pytest.approx(7 * DAY_S)


@pytest.mark.parametrize(
    ("one", "other", "both"), [(None, None, None), (60, None, 60), (None, 5, 5), (60, 5, 60)]
)
def test_of_two_hints_the_slower_counts(
    one: float | None, other: float | None, both: float | None
) -> None:
    assert Hints(one).slower(Hints(other)) == Hints(both)


def test_a_quota_stretches_the_interval_over_the_day() -> None:
    pace = Pace(5, quota_per_day=100, cost=3)
    assert pace.interval_s == pytest.approx(2592)
    assert next_delay_s(pace, Hints(), 0.0) == pytest.approx(2592)


@given(st.integers(1, 1000), st.integers(1, 10), st.lists(draws, min_size=1, max_size=20))
def test_a_day_of_reads_never_exceeds_the_quota(
    reads: int, cost: int, some_draws: list[float]
) -> None:
    pace = Pace(0.01, quota_per_day=reads * cost, cost=cost)
    mean = sum(next_delay_s(pace, Hints(), draw) for draw in some_draws) / len(some_draws)
    assert DAY_S / mean * cost <= reads * cost * (1 + 1e-9)


def test_a_generous_quota_changes_nothing() -> None:
    assert Pace(5, quota_per_day=100_000).interval_s == 5


@pytest.mark.parametrize(
    ("every_s", "quota", "cost"),
    [(0, None, 1), (-1, None, 1), (math.nan, None, 1), (math.inf, None, 1), (1, 2, 3), (1, 2, 0)],
)
def test_an_impossible_pace_is_refused(every_s: float, quota: int | None, cost: int) -> None:
    with pytest.raises(ValueError, match="expected|costs"):
        Pace(every_s, quota, cost)


@given(
    st.integers(0, 10_000),
    draws,
    intervals,
    any_seconds,
    st.none() | st.sampled_from([401, 403, 404, 410, 429, 500, 503]),
)
def test_a_failing_source_is_never_read_faster_than_a_healthy_one(
    failures: int, draw: float, every_s: float, retry_after: float | None, status: int | None
) -> None:
    delay = backoff_s(failures, draw, every_s=every_s, retry_after_s=retry_after, status=status)
    assert is_usable(delay)
    assert delay >= every_s


@given(st.integers(0, 10_000), draws, intervals)
def test_backoff_is_capped(failures: int, draw: float, every_s: float) -> None:
    assert backoff_s(failures, draw, every_s=every_s) <= max(BACKOFF_CAP_S, every_s * 1.05) + 1e-6


@given(st.integers(0, 10_000), draws, intervals)
def test_one_more_failure_never_shortens_the_backoff(
    failures: int, draw: float, every_s: float
) -> None:
    assert backoff_s(failures + 1, draw, every_s=every_s) >= backoff_s(
        failures, draw, every_s=every_s
    )


def test_the_ceiling_doubles_with_each_failure() -> None:
    almost = 1 - 1e-12
    ceilings = [backoff_s(n, almost, every_s=5) for n in (1, 2, 3, 6, 7, 10_000)]
    assert ceilings == pytest.approx([10, 20, 40, 300, 300, 300])


def test_backoff_is_spread_over_the_whole_range_between_interval_and_ceiling() -> None:
    assert [backoff_s(3, draw, every_s=5) for draw in (0.0, 0.5)] == pytest.approx([5, 22.5])


def test_even_where_the_interval_is_above_the_cap_failures_do_not_march_in_step() -> None:
    assert backoff_s(50, 0.9, every_s=3600) > backoff_s(50, 0.1, every_s=3600) > 3600


@given(st.integers(0, 10_000), draws, st.floats(0, DAY_S))
def test_retry_after_is_a_lower_bound(failures: int, draw: float, asked: float) -> None:
    delay = backoff_s(failures, draw, every_s=1, retry_after_s=asked)
    assert delay >= asked
    assert delay >= backoff_s(failures, draw, every_s=1)


@given(draws, st.floats(DAY_S, allow_nan=False))
def test_retry_after_is_obeyed_up_to_a_day(draw: float, asked: float) -> None:
    assert DAY_S <= backoff_s(1, draw, every_s=1, retry_after_s=asked) <= DAY_S + 60


def test_those_who_got_the_same_retry_after_do_not_come_back_together() -> None:
    early, late = (backoff_s(1, draw, every_s=1, retry_after_s=30) for draw in (0.0, 0.9))
    assert early == 30
    assert late == pytest.approx(32.7)


@pytest.mark.parametrize("status", sorted(REFUSED))
@given(failures=st.integers(1, 10_000), draw=draws)
def test_a_refusal_is_not_hammered(status: int, failures: int, draw: float) -> None:
    longest = 1.1 * SPENT_S if status == 402 else BACKOFF_CAP_S
    assert 60 <= backoff_s(failures, draw, every_s=1, status=status) <= longest


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_passing_trouble_is_tried_again_soon(status: int) -> None:
    assert backoff_s(1, 0.5, every_s=1, status=status) < 2


def test_a_source_is_stale_after_three_intervals() -> None:
    assert stale_after_s(20) == 60


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("1.5", 1.5),
        ("1000000000", DAY_S),
        ("9" * 5000, DAY_S),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW - 90, usegmt=True), 0),
        (formatdate(NOW + 10**8, usegmt=True), DAY_S),
        ("Sat, 22 Nov 2025 02:12:39 -0000", 90),
        ("Saturday, 22-Nov-25 02:12:39 GMT", 90),
        ("-5", None),
        ("", None),
        ("soon", None),
        ("1e3", None),
        ("nan", None),
        ("inf", None),
        ("٣", None),
        ("Sat, 99 Foo 2025 99:99:99 GMT", None),
        ("Sat, 22 Nov 99999999 02:12:39 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, NOW) == seconds


@given(st.text(), st.floats(0, 4e9))
def test_no_text_breaks_the_parsers(text: str, now: float) -> None:
    for found in (
        parse_retry_after(text, now),
        parse_max_age(text, text),
        parse_expires(text, now),
        parse_seconds(text),
    ):
        assert found is None or 0 <= found <= DAY_S
    moment = parse_date(text)
    assert moment is None or math.isfinite(moment)


@pytest.mark.parametrize(
    ("cache_control", "age", "seconds"),
    [
        ("max-age=60", None, 60),
        ("public, MAX-AGE = 60", None, None),
        ("public, Max-Age=60, must-revalidate", "15", 45),
        ('max-age="60"', None, 60),
        ("max-age=60", "90", 0),
        ("max-age=60", "garbage", 60),
        ("max-age=60, max-age=90", None, 60),
        ("max-age=60, no-cache", None, 0),
        ("no-store", None, 0),
        ("max-age=" + "9" * 400, None, DAY_S),
        ("max-age=-1", None, None),
        ("max-age", None, None),
        ("s-maxage=60", None, None),
        ("private", None, None),
        ("", None, None),
    ],
)
def test_max_age_counts_less_the_age(
    cache_control: str, age: str | None, seconds: float | None
) -> None:
    assert parse_max_age(cache_control, age) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(formatdate(NOW + 30, usegmt=True), 30), ("0", 0), ("-1", 0), ("", 0)],
)
def test_an_unreadable_expires_means_expired(text: str, seconds: float) -> None:
    assert parse_expires(text, NOW) == seconds


HOUR = 3_600.0
SATURDAY = 1_763_769_600.0  # 2025-11-22 00:00 UTC


def test_hints_of_both_are_skipped() -> None:
    both = Hints(None, frozenset({1})).slower(Hints(5, frozenset({2}), frozenset({6})))
    assert both == Hints(5, frozenset({1, 2}), frozenset({6}))


@pytest.mark.parametrize(
    ("hours", "days", "at_h", "next_h"),
    [
        ({2, 3}, set(), 1.5, 1.5),
        ({2, 3}, set(), 2.5, 4),
        ({23, 0, 1}, set(), 23.5, 26),
        (set(), {5, 6}, 1, 48),
        ({0}, {5, 6}, 1, 49),
        (set(), {0}, 1, 1),
        (set(range(24)), set(), 1, 1),
        (set(), set(range(7)), 1, 1),
        (set(), {5, 6, 0, 1, 2, 3}, 0.5, MOST_SKIPPED_H),
    ],
)
def test_a_read_waits_for_the_first_hour_that_is_not_skipped(
    hours: set[int], days: set[int], at_h: float, next_h: float
) -> None:
    hints = Hints(None, frozenset(hours), frozenset(days))
    assert rested_s(at_h * HOUR, hints, 0.0, SATURDAY) == next_h * HOUR
    late = rested_s(at_h * HOUR, hints, 0.5, SATURDAY) - next_h * HOUR
    assert late == (0 if next_h == at_h else SKIP_SPREAD_S / 2)


@given(
    st.floats(0, DAY_S), st.sets(st.integers(0, 23)), st.sets(st.integers(0, 6)), draws,
    st.floats(0, 4e9),
)  # fmt: skip
def test_skipped_hours_only_ever_slow_us_down_and_not_for_ever(
    delay: float, hours: set[int], days: set[int], draw: float, now: float
) -> None:
    rested = rested_s(delay, Hints(None, frozenset(hours), frozenset(days)), draw, now)
    assert delay <= rested <= delay + MOST_SKIPPED_H * HOUR + SKIP_SPREAD_S


def test_the_next_delay_counts_skipped_hours_from_the_time_it_is_told() -> None:
    hints = Hints(60, frozenset({0}))
    assert next_delay_s(Pace(10), hints, 0.0, now=SATURDAY) == HOUR
    assert next_delay_s(Pace(10), hints, 0.0, now=SATURDAY + HOUR) == 60


def test_an_adaptive_interval_follows_the_changes_within_its_bounds() -> None:
    pace = Pace(10, adaptive=(5, 12))
    assert pace.after(changed=True).every_s == 6
    assert pace.after(changed=True).after(changed=True).every_s == 5
    assert pace.after(changed=False).every_s == 12
    assert Pace(10).after(changed=True) == Pace(10)


@given(st.lists(st.booleans(), max_size=40), st.floats(0.1, 100), st.floats(1, 100))
def test_an_adaptive_interval_never_leaves_its_bounds(
    changes: list[bool], least: float, factor: float
) -> None:
    pace = Pace(least * 2, adaptive=(least, least * factor))
    for changed in changes:
        pace = pace.after(changed=changed)
        assert least <= pace.every_s <= least * factor


def test_adaptive_bounds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="least and a longest"):
        Pace(10, adaptive=(5, 4))


def test_what_is_left_of_a_budget_lasts_until_it_is_renewed() -> None:
    assert budget_s(10, 2, 1000) == 200
    assert budget_s(0, 2, 1000) == 1000
    assert next_delay_s(Pace(1), Hints(), 0.0, budget_s=200) == 200


@pytest.mark.parametrize(
    ("delay", "elapsed", "left"), [(5, 1, 4), (5, 5, 5), (5, 12, 3), (0, 3, 0), (5, 0, 5)]
)
def test_the_next_read_is_counted_from_the_start_and_missed_ticks_are_left_out(
    delay: float, elapsed: float, left: float
) -> None:
    assert left_s(delay, elapsed) == left


def test_after_a_restart_what_is_owed_is_kept_and_the_rest_is_spread() -> None:
    assert restart_delay_s(300, 0.5, left_s=200, owed=True) == 200
    assert restart_delay_s(300, 0.5, left_s=200, owed=False) == 5
    assert restart_delay_s(300, 0.5, left_s=4, owed=False) == 2
    assert restart_delay_s(300, 0.5, left_s=-1, owed=True) == 0.5
    assert restart_delay_s(300, 0.5, left_s=math.inf, owed=True) == MOST_SKIPPED_H * HOUR


def test_a_source_that_fails_keeps_to_its_hints_as_far_as_they_are_short() -> None:
    assert failing_every_s(Pace(5), Hints(60)) == 60
    assert failing_every_s(Pace(5), Hints(DAY_S)) == BACKOFF_CAP_S
    assert failing_every_s(Pace(600), Hints(60)) == 600


def test_a_402_without_a_date_is_asked_again_after_an_hour() -> None:
    assert backoff_s(1, 0.0, every_s=5, status=402) == SPENT_S
    assert backoff_s(1, 0.0, every_s=5, status=402, retry_after_s=120) == 120


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 90)}, 90),
        ({"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "42"}, 42),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "7"}, 7),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "42"}, None),
        ({"x-ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-remaining": "none", "x-ratelimit-reset": "42"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 400}, DAY_S),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, None),
    ],
)
def test_a_spent_allowance_is_waited_for(headers: dict[str, str], wait: float | None) -> None:
    assert read_hints(headers.get, NOW).min_delay_s == wait
    assert read_retry(headers.get, NOW) == wait
    assert read_retry({**headers, "retry-after": "3"}.get, NOW) == 3
