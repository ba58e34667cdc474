"""Tests of views: what a spec shows, and what it tells of a change."""

from __future__ import annotations

from stream.model import Change
from stream.query import compile_query
from stream.state import CHANGES, State
from stream.view import Spec, View, Window, forms


def numbers() -> State:
    state = State()
    state.apply(Change({k: {"k": k, "p": p, "q": 0} for k, p in (("a", 1), ("b", 2), (7, 3))}), 1)
    return state


def tell(view: View, change: Change, seq: int) -> bool:
    view.state.apply(change, seq)
    return view.observe(change, seq)


def test_fields_always_include_the_key() -> None:
    view = View(numbers(), "k", Spec(fields=("p",)))
    assert dict(view.items())["a"] == {"k": "a", "p": 1}


def test_a_change_of_other_fields_or_keys_is_not_noticed() -> None:
    view = View(numbers(), "k", Spec(fields=("p",), keys=frozenset({"a"})))
    assert not tell(view, Change(patch={"a": {"q": 1}}), 2)
    assert not tell(view, Change(patch={"b": {"p": 1}}), 3)
    assert tell(view, Change(patch={"a": {"p": 9, "q": 9}}), 4)
    assert view.since(1) == Window(Change(patch={"a": {"p": 9}}), exact=True)


def test_a_key_may_be_written_as_text_or_number() -> None:
    view = View(numbers(), "k", Spec(keys=frozenset({"7", "a", "zz"})))
    assert [key for key, _ in view.items()] == ["a", 7]
    assert len(view) == 2
    assert (forms("7"), forms("07"), forms("-3"), forms("-")) == (
        ("7", 7),
        ("07",),
        ("-3", -3),
        ("-",),
    )


def test_an_item_enters_and_leaves_with_where() -> None:
    view = View(numbers(), "k", Spec(where=compile_query("p > 1")))
    assert [key for key, _ in view.items()] == ["b", 7]
    assert tell(view, Change(patch={"a": {"p": 5}, "b": {"p": 0}}), 2)
    window = view.since(1)
    assert window is not None
    assert window.change == Change({"a": {"k": "a", "p": 5, "q": 0}}, delete=("b",))
    assert not tell(view, Change(patch={"b": {"p": 1}}), 3)
    assert view.since(2) == Window(Change(), exact=True)


def test_a_view_made_later_does_not_trust_an_older_reader() -> None:
    state = numbers()
    state.apply(Change(patch={"a": {"p": 5}, "b": {"p": 0}}), 2)
    window = View(state, "k", Spec(where=compile_query("p > 1"))).since(1)
    assert window == Window(Change({"a": {"k": "a", "p": 5, "q": 0}}, delete=("b",)), exact=False)


def test_only_an_item_still_as_it_arrived_is_known_to_be_new() -> None:
    view = View(numbers(), "k", Spec())
    tell(view, Change({"n": {"k": "n", "p": 1}}), 2)
    assert view.since(1) == Window(Change({"n": {"k": "n", "p": 1}}), exact=True)
    tell(view, Change(patch={"n": {"p": None}}), 3)
    assert view.since(1) == Window(Change({"n": {"k": "n", "p": None}}), exact=False)


def test_a_position_counts_the_changes_that_came_after_it() -> None:
    view = View(numbers(), "k", Spec())
    for seq in (3, 5, 6):
        tell(view, Change(patch={"a": {"p": seq}}), seq)
    assert [view.position(seq) for seq in (1, 3, 4, 6, 9)] == [
        (1, 3),
        (3, 2),
        (3, 2),
        (6, 0),
        (6, 0),
    ]
    for seq in range(7, 9 + CHANGES):
        tell(view, Change(patch={"a": {"p": seq}}), seq)
    assert view.position(1) == (1, CHANGES)


def test_the_newest_are_the_last_to_change_and_the_newest_of_all_comes_last() -> None:
    view = View(numbers(), "k", Spec(fields=("p",)))
    assert [key for key, _ in view.newest(2, None)] == ["b", 7]
    tell(view, Change(patch={"a": {"q": 1}}), 2)
    assert view.newest(2, "p") == [(7, {"k": 7, "p": 3}), ("a", {"k": "a", "p": 1})]
    assert [key for key, _ in view.newest(9, None)] == ["b", 7, "a"]


def test_of_a_channel_that_is_ordered_downwards_the_newest_are_its_first() -> None:
    view = View(numbers(), "k", Spec(where=compile_query("p > 1")))
    tell(view, Change({"c": {"k": "c"}, "d": {"k": "d", "p": 9}}, {"b": {"q": 1}}), 2)
    assert [key for key, _ in view.newest(2, "-p")] == [7, "d"]
    assert [key for key, _ in view.newest(9, "-p")] == ["b", 7, "d"]
    mixed = View(view.state, "k", Spec(fields=()))
    assert [key for key, _ in mixed.newest(3, "-p")] == ["b", 7, "d"]
    assert [key for key, _ in mixed.newest(9, "-p")][0] == "c"
    some = View(view.state, "k", Spec(keys=frozenset({"a", "7"})))
    assert [key for key, _ in some.newest(9, None)] == ["a", 7]


def test_of_values_that_are_the_same_the_first_to_arrive_is_the_newest_of_all() -> None:
    state = State()
    state.apply(Change({k: {"k": k, "at": "now"} for k in "abc"}), 1)
    assert [key for key, _ in View(state, "k", Spec()).newest(2, "-at")] == ["b", "a"]


def test_a_deleted_item_is_among_the_newest_no_more() -> None:
    view = View(numbers(), "k", Spec())
    tell(view, Change(delete=(7,)), 2)
    assert [key for key, _ in view.newest(2, None)] == ["a", "b"]
