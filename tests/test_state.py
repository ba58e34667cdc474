"""Tests of state: what changed since any N, and that what is remembered is bounded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.diff import apply
from stream.model import Change, Item, Key
from stream.state import State


def history(dice: random.Random, state: State, *, length: int) -> list[dict[Key, Item]]:
    """The items after each of many random changes; the place in the list is the seq."""
    states: list[dict[Key, Item]] = [{}]
    for seq in range(1, length + 1):
        put: dict[Key, Item] = {}
        patch: dict[Key, Item] = {}
        delete: list[Key] = []
        for key in dice.sample("abcde", dice.randint(1, 3)):
            act = dice.random()
            if act < 0.5 and key in state.entries:
                patch[key] = {dice.choice("pqr"): dice.randint(0, 9)}
            elif act < 0.7:
                put[key] = {name: dice.randint(0, 9) for name in dice.sample("pqr", 2)}
            else:
                delete.append(key)
        change = Change(put, patch, tuple(delete))
        state.apply(change, seq)
        states.append(apply(change, states[-1]))
        assert state.snapshot() == states[-1]
    return states


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**48), deletions=st.sampled_from([1, 3, 100]))
def test_since_any_cursor_leads_to_now_or_asks_for_a_snapshot(seed: int, deletions: int) -> None:
    state = State(deletions=deletions)
    states = history(random.Random(seed), state, length=30)
    for seq, items in enumerate(states):
        change = state.since(seq)
        assert (change is None) == (seq < state.floor)
        if change is not None:
            assert apply(change, items) == states[-1]
    assert state.since(len(states)) == Change()


def test_a_reader_is_told_only_the_fields_it_lacks_however_far_behind() -> None:
    state = State()
    state.apply(Change({"a": {"p": 0, "q": 0}}), 1)
    for seq in range(2, 1002):
        state.apply(Change(patch={"a": {"p": seq}}), seq)
    assert state.since(0) == Change({"a": {"p": 1001, "q": 0}})
    assert state.since(1) == Change(patch={"a": {"p": 1001}})
    assert state.entries["a"].patched == {"p": 1001}


def test_a_forgotten_deletion_raises_the_floor() -> None:
    state = State(deletions=2)
    state.apply(Change({key: {} for key in "abc"}), 1)
    for seq, key in enumerate("abc", start=2):
        state.apply(Change(delete=(key,)), seq)
    assert state.since(1) is None
    assert state.since(2) == Change(delete=("b", "c"))


def test_a_deletion_of_what_is_not_there_is_not_remembered() -> None:
    state = State(deletions=1)
    state.apply(Change(delete=("a", "b", "c")), 1)
    assert state.knows(0)
    assert state.since(0) == Change()


def test_a_refused_change_changes_nothing() -> None:
    state = State(seq=5)
    with pytest.raises(ValueError, match="comes after"):
        state.apply(Change({"a": {}}), 5)
    with pytest.raises(KeyError):
        state.apply(Change({"a": {}}, {"b": {"p": 1}}), 6)
    assert (len(state), state.seq) == (0, 5)


def test_cursors_from_before_the_birth_or_a_reset_get_a_snapshot() -> None:
    state = State(seq=5)
    assert (state.since(4), state.since(5)) == (None, Change())
    state.apply(Change({"a": {}}), 6)
    state.reset(7)
    assert (state.since(6), state.since(7)) == (None, Change())


def test_a_replaced_item_keeps_its_place_and_a_revived_one_comes_last() -> None:
    state = State()
    state.apply(Change({"a": {}, "b": {}, "c": {}}), 1)
    state.apply(Change({"a": {"p": 1}}, delete=("b",)), 2)
    state.apply(Change({"b": {}}), 3)
    assert list(state.snapshot()) == ["a", "c", "b"]
