"""Tests of splice: a change told as it happens is what would be composed of it."""

from __future__ import annotations

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from stream.encode import Format, Head, Message
from stream.model import Change, Cursor, Item, Key
from stream.query import compile_query
from stream.splice import Splice, Telling
from stream.state import State
from stream.view import Spec, View, Window

KEYS: tuple[Key, ...] = ("a", "b", "c", 7)
SPECS = (
    Spec(),
    Spec(fields=("p",)),
    Spec(keys=frozenset({"a", "7"})),
    Spec(keys=frozenset({"b"}), fields=("q",)),
    Spec(where=compile_query("p > 4")),
    Spec(where=compile_query("p > 4"), fields=("q",), keys=frozenset({"a", "b", "c"})),
)
HEAD = Head("one", "k", None, 1763777469.12, 0)


def random_change(dice: random.Random, state: State) -> Change:
    put: dict[Key, Item] = {}
    patch: dict[Key, Item] = {}
    delete: list[Key] = []
    for key in dice.sample(KEYS, dice.randint(1, 3)):
        fields: Item = {name: dice.randint(0, 9) for name in "pq" if dice.random() < 0.7}
        if key in state.entries and dice.random() < 0.6:
            if fields and dice.random() < 0.7:
                patch[key] = fields
            else:
                delete.append(key)
        else:
            put[key] = {"k": key, **fields}
    return Change(put, patch, tuple(delete))


def splice_of(state: State, change: Change, seq: int) -> Splice:
    new = frozenset(key for key in change.put if state.entries[key].arrived == seq)
    return Splice(HEAD, state, Cursor("e1", seq), change, new)


def shown(view: View, change: Change) -> list[Key]:
    keys = (*change.put, *change.patch, *change.delete)
    return [key for key in keys if view.spec.keys is None or str(key) in view.spec.keys]


def share(state: State, view: View, change: Change, seq: int) -> Window:
    if view.spec.where is not None:
        return view.window(change, seq)
    return splice_of(state, change, seq).window(view.names, shown(view, change))


def told(state: State, view: View, change: Change, seq: int) -> Message:
    window = None if view.spec.where is None else view.window(change, seq)
    telling = Telling(splice_of(state, change, seq), view, Format.JSON, shown(view, change), window)
    (message,) = telling.messages()
    return message


@given(st.integers(0, 2**32))
def test_the_window_of_a_change_is_what_changed_since_the_one_before(seed: int) -> None:
    dice = random.Random(seed)
    state = State()
    views = [View(state, "k", spec) for spec in SPECS]
    for seq in range(1, 12):
        change = random_change(dice, state)
        state.apply(change, seq)
        for view in views:
            if not view.observe(change, seq):
                continue
            window, composed = share(state, view, change, seq), view.since(seq - 1)
            assert composed is not None
            assert dict(window.change.put) == dict(composed.change.put)
            assert dict(window.change.patch) == dict(composed.change.patch)
            assert set(window.change.delete) == set(composed.change.delete)
            assert len(view) == sum(1 for _ in view.items())
            body = json.loads(told(state, view, change, seq).data)
            assert {r["k"]: r for r in body.get("put", [])} == dict(window.change.put)
            patches = {k: {"k": k, **fields} for k, fields in window.change.patch.items()}
            assert {r["k"]: r for r in body.get("patch", [])} == patches
            assert set(body.get("del", [])) == set(window.change.delete)
            assert body["count"] == len(view)


def test_a_diff_has_its_members_in_the_order_of_the_protocol() -> None:
    state = State()
    state.apply(Change({"a": {"k": "a", "p": 1}, "b": {"k": "b", "p": 1}}), 1)
    view = View(state, "k", Spec())
    change = Change({"c": {"k": "c", "p": 2}}, {"a": {"p": 3}}, ("b",))
    state.apply(change, 2)
    assert view.observe(change, 2)
    message = told(state, view, change, 2)
    assert (message.event, message.cursor) == ("diff", "e1-2")
    assert message.data == (
        b'{"type":"diff","channel":"one","cursor":"e1-2","as_of":"2025-11-22T02:11:09.120Z",'
        b'"count":2,"put":[{"k":"c","p":2}],"patch":[{"k":"a","p":3}],"del":["b"]}'
    )


def test_views_of_other_fields_are_not_given_each_others_parts() -> None:
    state = State()
    state.apply(Change({"a": {"k": "a", "p": 1, "q": 1}}), 1)
    views = [View(state, "k", Spec(fields=names)) for names in (None, ("p",), ("q",))]
    change = Change({"b": {"k": "b", "p": 2, "q": 3}}, {"a": {"p": 4, "q": 5}})
    state.apply(change, 2)
    splice = splice_of(state, change, 2)
    found = []
    for view in views:
        assert view.observe(change, 2)
        (message,) = Telling(splice, view, Format.JSON, None).messages()
        body = json.loads(message.data)
        found.append((body["put"], body["patch"]))
    assert found == [
        ([{"k": "b", "p": 2, "q": 3}], [{"k": "a", "p": 4, "q": 5}]),
        ([{"k": "b", "p": 2}], [{"k": "a", "p": 4}]),
        ([{"k": "b", "q": 3}], [{"k": "a", "q": 5}]),
    ]
