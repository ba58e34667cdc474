"""Tests of diff: what counts as a change, and that a diff leads exactly where it should."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.diff import apply, diff, may_hold_booleans, same
from stream.model import Change, Item, Json, Key

SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, 0.0, "", "1", 2])
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner),
    max_leaves=4,
)
ITEMS: st.SearchStrategy[Item] = st.dictionaries(st.sampled_from("pqr"), VALUES)
KEYS: st.SearchStrategy[Key] = st.sampled_from(["a", "b", 1, "1"])
STATES: st.SearchStrategy[dict[Key, Item]] = st.dictionaries(KEYS, ITEMS)


def exact(value: Json) -> str:
    """JSON text in which true and 1 differ, and 1 and 1.0 are one number."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, int | float):
        return str(float(value))
    if isinstance(value, list):
        return "[" + ",".join(map(exact, value)) + "]"
    return "{" + ",".join(f"{name}:{exact(value[name])}" for name in sorted(value)) + "}"


@settings(max_examples=200, deadline=None)
@given(before=STATES, after=STATES)
def test_a_diff_applied_to_before_gives_after(
    before: dict[Key, Item], after: dict[Key, Item]
) -> None:
    result = apply(diff(before, after), before)
    assert result.keys() == after.keys()
    assert {key: exact(item) for key, item in result.items()} == {
        key: exact(item) for key, item in after.items()
    }


@settings(max_examples=200, deadline=None)
@given(a=VALUES, b=VALUES)
def test_same_means_the_same_json(a: Json, b: Json) -> None:
    assert same(a, b) == (exact(a) == exact(b))


@settings(max_examples=100, deadline=None)
@given(state=STATES)
def test_no_difference_is_no_change(state: dict[Key, Item]) -> None:
    copy: dict[Key, Item] = {key: dict(reversed(item.items())) for key, item in state.items()}
    assert not diff(state, copy)


@pytest.mark.parametrize(
    ("old", "new"),
    [(True, 1), (1, True), (False, 0), ([True], [1]), ({"m": 0.0}, {"m": False}), (None, 0)],
)
def test_a_bool_is_not_a_number(old: Json, new: Json) -> None:
    change = diff({"a": {"p": old, "q": 1}}, {"a": {"p": new, "q": 1}})
    assert list(change.patch) == ["a"]
    assert list(change.patch["a"]) == ["p"]


def test_one_and_one_point_zero_are_one_number() -> None:
    assert not diff({"a": {"p": 1, "q": [1]}}, {"a": {"p": 1.0, "q": [1.0]}})


def test_a_field_that_disappears_makes_the_item_a_put() -> None:
    change = diff({"a": {"p": 1, "q": 2}}, {"a": {"p": 1}})
    assert change == Change({"a": {"p": 1}})


def test_a_field_that_becomes_null_is_a_patch() -> None:
    assert diff({"a": {"p": 1}}, {"a": {"p": None}}) == Change(patch={"a": {"p": None}})
    assert diff({"a": {}}, {"a": {"p": None}}) == Change(patch={"a": {"p": None}})


def test_a_change_of_ignored_fields_alone_is_none() -> None:
    before: dict[Key, Item] = {"a": {"p": 1, "ts": 1}}
    assert not diff(before, {"a": {"p": 1, "ts": 2}}, ignore={"ts"})
    change = diff(before, {"a": {"p": 2, "ts": 2}}, ignore={"ts"})
    assert change.patch == {"a": {"p": 2, "ts": 2}}


def test_a_slow_drift_is_delivered_once_it_leaves_the_tolerance() -> None:
    state: dict[Key, Item] = {"a": {"p": 0}}
    delivered = []
    for p in range(1, 8):
        change = diff(state, {"a": {"p": p}}, tolerance={"p": 2})
        state = apply(change, state)
        delivered += [fields["p"] for fields in change.patch.values()]
    assert delivered == [3, 6]


@pytest.mark.parametrize("new", [None, True, "1", [1]])
def test_tolerance_is_for_numbers_only(new: Json) -> None:
    assert diff({"a": {"p": 1}}, {"a": {"p": new}}, tolerance={"p": 100})


def test_applying_leaves_what_was_given_as_it_was_and_refuses_a_patch_of_nothing() -> None:
    before: dict[Key, Item] = {"a": {"p": 1}}
    assert apply(Change(patch={"a": {"p": 2}}), before) == {"a": {"p": 2}}
    assert before == {"a": {"p": 1}}
    with pytest.raises(KeyError):
        apply(Change(patch={"b": {"p": 2}}), before)


@given(STATES, STATES, st.sets(st.sampled_from("pqr")))
def test_without_booleans_the_shorter_way_gives_the_same_change(
    before: dict[Key, Item], after: dict[Key, Item], ignore: set[str]
) -> None:
    if any("true" in text or "false" in text for text in map(str.lower, map(str, (before, after)))):
        return
    assert diff(before, after, ignore=ignore, plain=True) == diff(before, after, ignore=ignore)


@pytest.mark.parametrize(
    ("body", "may"),
    [(b'[{"a":true}]', True), (b'{"a": [false ]}', True), (b'{"a":1}', False), (b"", False)],
)
def test_booleans_are_looked_for_in_the_bytes(body: bytes, may: bool) -> None:
    assert may_hold_booleans(body) is may
