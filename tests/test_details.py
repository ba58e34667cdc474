"""Which items of a list are asked for, and which are shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.details import Details
from stream.model import Item, Key

LISTS = st.lists(st.lists(st.integers(0, 30), max_size=25), max_size=12)


def keep(details: Details, keys: list[Key], now_s: float) -> None:
    for key in keys:
        details.keep(key, {"id": key}, now_s)


def test_only_what_is_new_is_asked_for_and_what_is_gone_is_forgotten() -> None:
    details = Details(most=3, refresh_s=1000.0)
    assert details.wanted([1, 2, 2, 3, 4], 0.0) == [1, 2, 3]
    keep(details, [1, 2, 3], 0.0)
    assert details.wanted([9, 1, 3], 1.0) == [9]
    keep(details, [9], 1.0)
    assert list(details.items()) == [9, 1, 3]
    assert details.wanted([2, 9, 1], 2.0) == [2]


def test_what_failed_is_asked_for_again_and_what_is_nothing_is_not() -> None:
    details = Details(most=9, refresh_s=1000.0)
    details.wanted([1, 2, 3], 0.0)
    details.keep(1, None, 0.0)
    details.keep(3, {"id": 3}, 0.0)
    assert details.wanted(None, 1.0) == [2]
    assert list(details.items()) == [3]


def test_each_item_is_asked_for_again_in_its_time_a_few_at_once() -> None:
    details = Details(most=60, refresh_s=300.0)
    keep(details, details.wanted(list(range(60)), 0.0), 0.0)
    asked: list[Key] = []
    for minute in range(1, 6):
        wanted = details.wanted(None, 60.0 * minute)
        assert len(wanted) == 12
        keep(details, wanted, 60.0 * minute)
        asked += wanted
    assert sorted(map(int, asked)) == list(range(60))


def test_a_read_after_a_long_silence_asks_for_each_item_once() -> None:
    details = Details(most=60, refresh_s=300.0)
    keep(details, details.wanted(list(range(9)), 0.0), 0.0)
    assert len(details.wanted(None, 1e9)) == 9


def test_reads_that_come_often_add_up_to_an_item() -> None:
    details = Details(most=60, refresh_s=10.0)
    keep(details, details.wanted([1], 0.0), 0.0)
    counts = [len(details.wanted(None, float(second))) for second in range(1, 22)]
    assert sum(counts) == 2


def test_what_is_shown_may_be_added_to() -> None:
    details = Details(most=9, refresh_s=300.0)
    details.wanted([1], 0.0)
    held: Item = {"id": 1}
    details.keep(1, held, 0.0)
    details.items()[1]["_rank"] = 1
    assert details.items() == {1: {"id": 1}}


@given(LISTS, st.integers(1, 20), st.floats(1, 1000), st.floats(0, 500))
def test_whatever_the_lists_it_shows_the_top_of_the_last_in_its_order(
    lists: list[list[int]], most: int, refresh_s: float, step_s: float
) -> None:
    details, now_s = Details(most, refresh_s), 0.0
    for listed in lists:
        wanted = details.wanted(listed, now_s)
        top = list(dict.fromkeys(listed))[:most]
        assert len(wanted) == len(set(wanted)) <= most
        assert set(wanted) <= set(top)
        keep(details, wanted, now_s)
        assert list(details.items()) == top
        now_s += step_s
