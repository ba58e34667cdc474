from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.diff import diff
from stream.mirror import ChannelStatus, Diverged, Mirror, Update, in_order
from stream.model import Item, Key

Items = dict[Key, Item]

ITEMS = st.dictionaries(
    st.sampled_from(["A", "B", "C", "D"]),
    st.dictionaries(
        st.sampled_from(["x", "y"]), st.one_of(st.booleans(), st.integers(0, 2)), max_size=2
    ),
)
STEPS = st.lists(st.tuples(ITEMS, st.sampled_from(["diff", "snapshot"]), st.booleans()))


def keyed(items: dict[str, Item]) -> Items:
    return {key: {"k": key, **item} for key, item in items.items()}


def snapshot(items: Items, **members: object) -> dict[str, Any]:
    base = {"type": "snapshot", "channel": "q", "cursor": "e-1", "key": "k"}
    return {**base, "count": len(items), "items": list(items.values()), **members}


def difference(before: Items, after: Items, **members: object) -> dict[str, Any]:
    change = diff(before, after)
    return {
        "type": "diff",
        "channel": "q",
        "cursor": "e-2",
        "count": len(after),
        "put": list(change.put.values()),
        "patch": [{"k": key, **fields} for key, fields in change.patch.items()],
        "del": list(change.delete),
        **members,
    }


def filled(**items: int) -> Mirror:
    """A copy that was looked at."""
    mirror = Mirror("q")
    mirror.take(snapshot({key: {"k": key, "v": value} for key, value in items.items()}))
    mirror.give("e-1")
    return mirror


def followed(held: Items, update: Update) -> Items:
    """What somebody holds who does as the update says, and knows no more than that."""
    held = dict(held)
    held |= {cast("Key", item["k"]): item for item in update.put}
    for part in update.patch:
        key = cast("Key", part["k"])
        held[key] = {**held[key], **part}
    for key in update.delete:
        del held[key]
    return held


@given(STEPS)
def test_whoever_follows_the_updates_holds_what_the_server_has_however_rarely_they_look(
    steps: list[tuple[dict[str, Item], str, bool]],
) -> None:
    mirror, truth, held = Mirror("q"), cast("Items", {}), cast("Items", {})
    mirror.take(snapshot(truth))
    for items, kind, is_looking in steps:
        before, truth = truth, keyed(items)
        mirror.take(snapshot(truth) if kind == "snapshot" else difference(before, truth))
        if is_looking:
            update = mirror.give("e-2")
            present = set(held)
            held = followed(held, update)
            # As JSON: 1 is not true.
            assert json.dumps(held, sort_keys=True) == json.dumps(truth, sort_keys=True)
            assert dict(update.items) == truth
            assert set(update.added) == set(held) - present
            assert set(update.removed) == present - set(held)
            assert set(update.changed) <= present & set(held)


def test_a_first_snapshot_adds_everything_and_a_later_one_only_tells_what_differs() -> None:
    mirror = Mirror("q")
    mirror.take(snapshot({"A": {"k": "A", "v": 1}, "B": {"k": "B", "v": 1}}, sort="-v"))
    first = mirror.give("e-1")
    assert (first.kind, first.added, first.key, first.sort) == ("snapshot", ("A", "B"), "k", "-v")
    mirror.take(snapshot({"B": {"k": "B", "v": 2}, "C": {"k": "C", "v": 1}}))
    again = mirror.give("f-1")
    assert (again.kind, again.added, again.changed) == ("snapshot", ("C",), ("B",))
    assert again.patch == ({"k": "B", "v": 2},)
    assert again.removed == again.delete == ("A",)
    assert list(again.items) == ["B", "C"]


def test_what_was_not_looked_at_is_merged_and_counted() -> None:
    mirror = filled(A=1)
    for value in (2, 3):
        mirror.take({"type": "diff", "count": 1, "patch": [{"k": "A", "v": value}]})
    mirror.take({"type": "diff", "count": 1, "patch": [{"k": "A", "w": 1}], "conflated": 5})
    update = mirror.give("e-9")
    assert update.patch == ({"k": "A", "v": 3, "w": 1},)
    assert update.conflated == 7
    assert not mirror.is_new


def test_items_stay_as_they_were_until_the_next_look() -> None:
    mirror = filled(A=1)
    mirror.take({"type": "diff", "count": 1, "patch": [{"k": "A", "v": 2}]})
    assert mirror.items["A"]["v"] == 1
    held = mirror.items["A"]
    mirror.give("e-2")
    assert mirror.items["A"]["v"] == 2
    assert held["v"] == 1


@pytest.mark.parametrize(
    "message",
    [
        {"type": "diff", "count": 2},
        {"type": "diff", "count": 1, "patch": [{"k": "B", "v": 1}]},
        {"type": "diff", "count": 2, "put": [{"v": 1}]},
        {"type": "diff"},
        {"type": "snapshot", "count": 0, "items": []},
        {"type": "snapshot", "key": "k", "count": 2, "items": [{"k": "A"}]},
        {"type": "snapshot", "key": "k", "count": 1, "items": [{"k": []}]},
        {"type": "status"},
    ],
)
def test_a_copy_that_cannot_be_the_servers_is_said_to_have_diverged(
    message: dict[str, object],
) -> None:
    with pytest.raises(Diverged, match="q"):
        filled(A=1).take(message)


def test_messages_of_other_kinds_are_passed_over() -> None:
    mirror = filled(A=1)
    for kind in ("error", "bye", "something new"):
        assert mirror.take({"type": kind, "channel": "q"}) is False
    assert not mirror.is_new


def test_a_status_is_told_alone_or_with_what_else_is_new() -> None:
    mirror = filled(A=1)
    failing = {"state": "failing", "since": "2026-11-24T02:56:30.000Z", "as_of": None}
    error = {"kind": "timeout", "message": "no answer within 15 s"}
    assert mirror.take({"type": "status", **failing, "error": error}) is False
    told = ChannelStatus(
        "failing",
        datetime(2026, 11, 24, 2, 56, 30, tzinfo=UTC),
        None,
        "timeout",
        "no answer within 15 s",
    )
    assert mirror.give("e-2").status == told
    mirror.take({"type": "status", "state": "stale"})
    mirror.take({"type": "diff", "count": 0, "del": ["A"]})
    update = mirror.give("e-3")
    assert (update.kind, update.status.state, update.removed) == ("diff", "stale", ("A",))


def test_a_first_message_of_a_link_takes_back_a_status_that_is_not_repeated() -> None:
    mirror = filled(A=1)
    mirror.take({"type": "status", "state": "failing"})
    mirror.take({"type": "diff", "count": 1, "resumed": True})
    update = mirror.give("e-2")
    assert (update.resumed, update.status.state, update.put) == (True, "ok", ())


def test_resumed_without_a_copy_it_passes_on_what_is_sent_one_by_one_until_a_snapshot() -> None:
    mirror = Mirror("q")
    sent = {"put": [{"k": "A"}], "patch": [{"k": "B", "v": 1}], "del": ["C"]}
    mirror.take({"type": "diff", "count": 7, "resumed": True, **sent})
    may_take = [mirror.may_take]
    update = mirror.give("e-2")
    assert (update.put, update.patch) == (({"k": "A"},), ({"k": "B", "v": 1},))
    assert (update.delete, update.added, update.removed) == (("C",), (), ())
    assert dict(update.items) == {}
    may_take.append(mirror.may_take)
    mirror.take(snapshot({"A": {"k": "A"}}))
    may_take.append(mirror.may_take)
    assert may_take == [False, True, True]
    assert mirror.give("e-3").items == {"A": {"k": "A"}}


def test_rows_are_ordered_as_the_channel_says_and_what_has_no_value_comes_last() -> None:
    items: Items = {
        1: {"v": 2},
        2: {"v": None},
        3: {"v": "b"},
        4: {},
        5: {"v": 10},
        6: {"v": "a"},
        7: {"v": True},
    }

    def order(sort: str | None) -> list[Key]:
        places = {id(item): key for key, item in items.items()}
        return [places[id(row)] for row in in_order(items, sort)]

    assert order(None) == [1, 2, 3, 4, 5, 6, 7]
    assert order("v") == [1, 5, 6, 3, 7, 2, 4]
    assert order("-v") == [7, 3, 6, 5, 1, 2, 4]
