"""Tests of merge: removal policies, retention and several sources."""

from __future__ import annotations

import pytest

from stream.identity import Keyed
from stream.merge import Contribution, Merge, retained
from stream.model import Item, Json, Key


def keyed(names: str, key: str = "id") -> Keyed:
    return Keyed({name: {key: name} for name in names}, key, 0, 0, None)


def numbered(count: int) -> Keyed:
    return Keyed({n: {"id": n} for n in range(count)}, "id", 0, 0, None)


def test_gone_from_the_answer_is_gone() -> None:
    merge = Merge([Contribution("s")], retain=None, sort=None)
    merge.take("s", keyed("ab"))
    merge.take("s", keyed("bc"))
    assert list(merge.items()) == ["b", "c"]


def test_a_window_keeps_what_aged_out_until_newer_push_it_out() -> None:
    merge = Merge([Contribution("s", window=True)], retain=3, sort=None)
    for names in ("ab", "c", "d"):
        merge.take("s", keyed(names))
    assert len(merge.items()) == 3
    assert {"c", "d"} <= merge.items().keys()


def test_a_window_does_not_keep_what_came_under_another_key() -> None:
    def take(merge: Merge, **items: Json) -> list[Key]:
        found: dict[Key, Item] = {key: {"id": key, "ids": ids} for key, ids in items.items()}
        merge.take("s", Keyed(found, "id", 0, 0, "id"))
        return list(merge.items())

    merge = Merge([Contribution("s", window=True, aliases="ids")], retain=None, sort=None)
    assert take(merge, nc1=["nc1"], nc2=["nc2"]) == ["nc1", "nc2"]
    assert take(merge, us7=["nc1", "us7"]) == ["us7", "nc2"]
    # Two in one answer are two, whatever they say of each other.
    assert take(merge, us7=["nc2"], nc2=["us7"]) == ["us7", "nc2"]
    assert take(merge, us8=None) == ["us8", "us7", "nc2"]


def test_in_a_sorted_window_the_last_by_sort_is_pushed_out_whenever_it_aged_out() -> None:
    merge = Merge([Contribution("s", window=True)], retain=3, sort="-at")
    for names in (("a1", "b2"), ("c3",), ("d4",)):
        items: dict[Key, Item] = {name: {"id": name, "at": name[1:]} for name in names}
        merge.take("s", Keyed(items, "id", 0, 0, "id"))
    assert set(merge.items()) == {"b2", "c3", "d4"}


def test_an_empty_answer_is_doubted_once_unless_it_may_be_empty() -> None:
    for empty_ok in (False, True):
        source = Contribution("s", empty_ok=empty_ok)
        source.take(keyed("a"), None)
        assert source.take(keyed(""), None) is empty_ok
        assert source.take(keyed(""), None)
        assert source.items == {}


@pytest.mark.parametrize(
    ("before", "after", "is_held"),
    [
        (100, 9, True),
        (100, 10, False),
        (11, 1, True),
        (10, 1, False),
        (100, 0, True),
        (1, 0, True),
        (0, 5, False),
    ],
)
def test_losing_more_than_nine_in_ten_is_doubted_once(
    before: int, after: int, is_held: bool
) -> None:
    source = Contribution("s")
    source.take(numbered(before), None)
    assert source.take(numbered(after), None) is not is_held
    assert source.removals == (before - after if is_held else 0)
    assert source.take(numbered(after), None)
    assert len(source.items) == after


@pytest.mark.parametrize(
    "source",
    [
        Contribution("s", empty_ok=True),
        Contribution("s", window=True),
        Contribution("s", on_demand=True),
    ],
)
def test_a_mass_removal_is_not_doubted_in_a_window_or_where_it_may_be_empty(
    source: Contribution,
) -> None:
    source.take(numbered(100), None)
    assert source.take(numbered(1), None)


def test_what_was_doubted_is_forgotten_when_the_items_come_back() -> None:
    source = Contribution("s")
    source.take(numbered(100), None)
    assert not source.take(numbered(1), None)
    assert source.take(numbered(100), None)
    assert not source.take(numbered(1), None)
    assert len(source.items) == 100


def test_the_first_source_wins_and_each_item_says_where_it_is_from() -> None:
    merge = Merge([Contribution("s"), Contribution("t")], retain=None, sort=None)
    merge.take("t", keyed("ab"))
    merge.take("s", keyed("a"))
    assert {key: item["source"] for key, item in merge.items().items()} == {"a": "s", "b": "t"}


def test_sources_with_other_key_fields_share_an_added_one() -> None:
    merge = Merge([Contribution("s"), Contribution("t")], retain=None, sort=None)
    merge.take("s", keyed("a"))
    merge.take("t", keyed("b", "code"))
    assert merge.key == "_key"
    assert [item["_key"] for item in merge.items().values()] == ["a", "b"]


@pytest.mark.parametrize(("sort", "kept"), [(None, "ab"), ("p", "bc"), ("-p", "ad")])
def test_retention_keeps_the_first_by_sort(sort: str | None, kept: str) -> None:
    values = {"a": "x", "b": None, "c": 1, "d": 2}
    items: dict[Key, Item] = {key: {"p": p} for key, p in values.items()}
    assert list(retained(items, retain=2, sort=sort)) == list(kept)
