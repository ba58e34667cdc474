"""Tests of the trail: which points it keeps, and that a snapshot's bytes stay shared."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.encode import Format
from stream.engines.memory import MemoryEngine
from stream.hub import Hub
from stream.model import Change, Json, SourceState, Status
from stream.trail import SET_BACK_MS, Trail, is_number
from stream.view import Spec

NOON = 1_763_784_000
EVERY_MS = (100, 250, 1000, 1500, 5000, 60_000)
WAITS_MS = st.integers(0, 400) | st.integers(0, 20_000) | st.integers(0, 200_000)
VALUES = st.integers(0, 5) | st.floats(-1e9, 1e9)
Point = list[float]


class Walk(NamedTuple):
    """One value over time: when it was told, and what it was then."""

    every_ms: int
    points: int
    told: list[tuple[int, float]]
    until_ms: int

    def value_at(self, at_ms: int) -> float:
        """What was told last until then."""
        return [value for told_ms, value in self.told if told_ms <= at_ms][-1]

    def bucket(self, at_ms: int) -> int:
        return at_ms // self.every_ms

    def line(self) -> list[Point]:
        trail = Trail(["v"], points=self.points, every_s=self.every_ms / 1000)
        for at_ms, value in self.told:
            trail.record(Change(patch={"k": {"v": value}}), at_ms / 1000)
        line: list[Point] = shown(trail, as_of=self.until_ms / 1000)["k"]["v"]
        return line


@st.composite
def walks(draw: st.DrawFn, most_points: int = 8, least_points: int = 2) -> Walk:
    told, at_ms = [], NOON * 1000
    for wait_ms, value in draw(st.lists(st.tuples(WAITS_MS, VALUES), min_size=1, max_size=25)):
        at_ms += wait_ms
        told.append((at_ms, value))
    points = draw(st.integers(least_points, most_points))
    return Walk(draw(st.sampled_from(EVERY_MS)), points, told, at_ms + draw(WAITS_MS))


def shown(trail: Trail, *keys: str | int, as_of: float | None = None, **more: Any) -> Any:
    return orjson.loads(trail.text(keys or ["k"], more.get("names"), as_of))


def ms(seconds: float) -> int:
    return round(seconds * 1000)


@given(walks())
def test_a_line_is_bounded_ascends_and_ends_with_the_value_of_the_present(walk: Walk) -> None:
    line = walk.line()
    times = [at for at, _ in line]
    assert 1 <= len(line) <= walk.points
    assert times == sorted(set(times))
    assert line[-1][1] == walk.told[-1][1]
    assert walk.bucket(ms(times[-1])) == walk.bucket(walk.until_ms)


@given(walks())
def test_each_bucket_has_one_point_and_every_point_is_true(walk: Walk) -> None:
    line = walk.line()
    buckets = [walk.bucket(ms(at)) for at, _ in line]
    assert len(set(buckets)) == len(buckets)
    if walk.every_ms % 1000:  # else the fraction of the second is not told
        assert all(value == walk.value_at(ms(at)) for at, value in line)


@given(walks())
def test_between_points_far_apart_the_line_is_flat(walk: Walk) -> None:
    line = walk.line()
    for (at, value), (next_at, next_value) in zip(line, line[1:], strict=False):
        if walk.bucket(ms(next_at)) - walk.bucket(ms(at)) > 1:
            assert value == next_value


@given(walks(least_points=60, most_points=60))
def test_the_last_value_of_every_bucket_can_be_read_from_the_line(walk: Walk) -> None:
    line = [(walk.bucket(ms(at)), value) for at, value in walk.line()]
    for at_ms, _ in walk.told:
        bucket = walk.bucket(at_ms)
        expected = walk.value_at((bucket + 1) * walk.every_ms - 1)
        assert [value for known, value in line if known <= bucket][-1] == expected


@given(walks(), walks())
def test_more_points_are_the_same_line_with_more_of_the_past(one: Walk, other: Walk) -> None:
    longer = one._replace(points=one.points + other.points).line()
    assert longer[-len(one.line()) :] == one.line()


def test_a_quiet_item_is_a_step() -> None:
    trail = Trail(["v"], points=120, every_s=5)
    trail.record(Change({"k": {"v": 1.5}, "other": {"v": 0}}), NOON)
    trail.record(Change(patch={"other": {"v": 1}}), NOON + 50)
    assert shown(trail)["k"]["v"] == [[NOON, 1.5], [NOON + 50, 1.5]]
    trail.record(Change(patch={"k": {"v": 2}}), NOON + 60)
    assert shown(trail)["k"]["v"] == [[NOON, 1.5], [NOON + 55, 1.5], [NOON + 60, 2]]
    assert shown(trail, as_of=NOON + 600.9)["k"]["v"][-1] == [NOON + 600, 2]


def test_numbers_keep_the_form_of_the_source_and_times_have_milliseconds_where_they_matter() -> (
    None
):
    trail = Trail(["v"], points=9, every_s=0.5)
    trail.record(Change({"k": {"v": 189}}), NOON + 0.1254)
    trail.record(Change({"k": {"v": 0.1}}), NOON + 0.75)
    assert trail.text(["k"], None, None) == (
        b'{"k":{"v":[[%d.125,189],[%d.75,0.1]]}}' % (NOON, NOON)
    )


@pytest.mark.parametrize(
    "value", [None, True, "5", "9007199254740993", 2**53 + 1, math.inf, math.nan, [1], {"v": 1}]
)
def test_what_is_no_number_leaves_the_last_one_standing(value: Json) -> None:
    trail = Trail(["v"], points=9, every_s=1)
    trail.record(Change({"j": {"v": value}, "k": {"v": 1}}), NOON)
    trail.record(Change(patch={"k": {"v": value}}), NOON + 1)
    assert shown(trail, "j", "k") == {"k": {"v": [[NOON, 1], [NOON + 1, 1]]}}
    assert not is_number(value)


def test_a_deleted_item_forgets_its_line() -> None:
    trail = Trail(["v"], points=2, every_s=1)
    for second in range(5):
        trail.record(Change({"k": {"v": second}}), NOON + second)
    assert 0 < trail.kept_bytes <= 48
    trail.record(Change(delete=("k", "never there")), NOON + 9)
    assert (shown(trail), trail.kept_bytes) == ({}, 0)
    trail.record(Change({"k": {"v": 7}}), NOON + 9)
    assert shown(trail) == {"k": {"v": [[NOON + 9, 7]]}}


def test_fields_and_keys_choose_and_odd_names_stay_json() -> None:
    trail = Trail(["a", 'b"'], points=9, every_s=1)
    trail.record(Change({"x\u2028": {"a": 1, 'b"': 2}, 7: {"a": 3}, "z": {"c": 1}}), NOON)
    both = shown(trail, "x\u2028", 7, "z", "gone")
    assert both == {"x\u2028": {"a": [[NOON, 1]], 'b"': [[NOON, 2]]}, "7": {"a": [[NOON, 3]]}}
    assert shown(trail, "x\u2028", 7, names={'b"', "k"}) == {"x\u2028": {'b"': [[NOON, 2]]}}
    assert shown(trail, "x\u2028", names={"k"}) == {}
    assert "\u2028".encode() not in trail.text(["x\u2028"], None, None)


def test_a_moment_of_before_counts_as_the_last_one_and_a_clock_put_right_begins_anew() -> None:
    trail = Trail(["v"], points=9, every_s=1)
    trail.record(Change({"k": {"v": 1}}), NOON)
    trail.record(Change({"k": {"v": 2}}), NOON + 3)
    trail.record(Change({"k": {"v": 3}}), NOON + 1)
    assert shown(trail)["k"]["v"] == [[NOON, 1], [NOON + 2, 1], [NOON + 3, 3]]
    past = NOON - 2 * SET_BACK_MS / 1000
    trail.record(Change({"k": {"v": 4}}), past)
    assert shown(trail)["k"]["v"] == [[past, 4]]


class Stage:
    """A hub with one channel that keeps a trail, and the clock of what is published."""

    def __init__(self) -> None:
        self.now = float(NOON)
        self.hub = Hub(MemoryEngine("e1"), now=lambda: self.now)
        trail = Trail(["v"], points=9, every_s=1)
        self.channel = self.hub.open("q", sort=None, kind="t", trail=trail)
        self.hub.publish(self.channel, Change({"a": {"id": "a", "v": 1}}), key="id")

    def body(self, *, trail: bool, form: Format = Format.JSON) -> bytes:
        view = self.channel.view(Spec())
        return self.channel.snapshot(view, form, "e1-1", trail=trail).body


def test_snapshots_with_and_without_a_trail_are_each_made_once() -> None:
    stage = Stage()
    plain, trailed = stage.body(trail=False), stage.body(trail=True)
    assert plain == b',"items":[{"id":"a","v":1}]}'
    assert trailed == plain[:-1] + b',"trail":{"a":{"v":[[%d,1]]}}}' % NOON
    assert stage.body(trail=False) is plain
    assert stage.body(trail=True) is trailed
    assert stage.body(trail=True, form=Format.TEXT) == stage.body(trail=False, form=Format.TEXT)


def test_a_read_that_changes_nothing_makes_the_line_longer() -> None:
    stage = Stage()
    plain, trailed = stage.body(trail=False), stage.body(trail=True)
    stage.hub.set_status(stage.channel, Status(SourceState.OK, NOON, as_of=NOON + 9))
    assert stage.body(trail=False) is plain
    assert stage.body(trail=True) == trailed[:-4] + b",[%d,1]]}}}" % (NOON + 9)


def test_another_key_field_begins_new_lines() -> None:
    stage = Stage()
    stage.now += 5
    change = Change({"a": {"other": "a", "v": 2}})
    stage.hub.publish(stage.channel, change, key="other")
    assert b'"trail":{"a":{"v":[[%d,2]]}}' % (NOON + 5) in stage.body(trail=True)
