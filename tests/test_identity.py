"""Raw items → keyed items: which key, and that no item is lost, merged or left without it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.errors import SourceError
from stream.extract import Container, Extracted, Rules, extract
from stream.identity import DEFAULT_KEYS, MAX_KEY, Keyed, KeyRule, identify
from stream.model import ADDED_KEY, RANK, Item, Json, Key

awkward: st.SearchStrategy[Json] = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, 1.0, 1.5, 1e300])
    | st.sampled_from(["", "1", "True", "a", "a#2", "a#3", "1#2", "x" * 300])
    | st.just([])
)
rows = st.lists(
    st.dictionaries(st.sampled_from(["id", "code", "m.n", "_key", "v"]), awkward, max_size=4),
    max_size=12,
)
rules = st.sampled_from([KeyRule(), KeyRule(("id",)), KeyRule(("id", "v")), KeyRule(("m.n",))])


def of(*items: Item) -> Extracted:
    return Extracted([dict(item) for item in items], None, Container.LIST)


def keys(keyed: Keyed) -> list[Key]:
    for key, item in keyed.items.items():
        assert item[keyed.key] == key and type(item[keyed.key]) is type(key)
    return list(keyed.items)


def wrong(extracted: Extracted, *fields: str) -> str:
    with pytest.raises(SourceError) as caught:
        identify(extracted, KeyRule(fields))
    assert caught.value.kind == "wrong_shape"
    return caught.value.message


@given(rows, rules, st.sampled_from([None, ADDED_KEY, "id", "code"]), st.booleans())
@example([{"id": 1}, {"id": True}, {"id": "1"}, {"id": 1.0}], KeyRule(("id",)), None, False)
@example([{"id": "a"}, {"id": "a"}, {"id": "a#2"}, {"id": "a"}], KeyRule(), None, False)
def test_no_item_is_lost_or_merged_and_each_carries_its_own_key(
    items: list[Item], rule: KeyRule, found: str | None, rank: bool
) -> None:
    extracted = of(*items)
    try:
        keyed = identify(extracted, rule, found=found, rank=rank)
    except SourceError as error:
        assert error.kind == "wrong_shape" and items and rule.fields
        return
    assert len(keyed.items) + keyed.skipped == len(items)
    assert len({(type(key), key) for key in keys(keyed)}) == len(keyed.items)
    assert all(type(key) in (str, int) and key != "" for key in keyed.items)
    ranks = [item.get(RANK) for item in keyed.items.values()]
    assert ranks == (list(range(1, len(ranks) + 1)) if rank else [None] * len(ranks))


@given(rows)
def test_what_was_found_once_is_found_again(items: list[Item]) -> None:
    first = identify(of(*items), KeyRule())
    again = identify(of(*items), KeyRule(), found=first.found)
    assert (again.items, again.key, again.found) == (first.items, first.key, first.found)


@given(st.lists(rows, max_size=4))
def test_a_key_once_given_up_for_the_hash_never_comes_back(answers: list[list[Item]]) -> None:
    found = None
    hashed = False
    for answer in answers:
        keyed = identify(of(*answer), KeyRule(), found=found)
        found = keyed.found
        assert not hashed or found == ADDED_KEY
        hashed = found == ADDED_KEY


def test_one_true_and_the_text_one_are_not_the_same_key() -> None:
    keyed = identify(of({"id": 1}, {"id": "1"}, {"id": True}, {"id": 2.0}), KeyRule(("id",)))
    assert keys(keyed) == [1, "1", 2]
    assert (keyed.duplicates, keyed.skipped) == (0, 1)


def test_a_duplicate_key_gets_a_suffix_and_is_counted() -> None:
    removed: Item = {"url": "https://removed.com"}
    keyed = identify(of(removed, {"url": "https://a.example"}, removed, removed), KeyRule())
    assert keys(keyed) == [
        "https://removed.com",
        "https://a.example",
        "https://removed.com#2",
        "https://removed.com#3",
    ]
    assert keyed.duplicates == 2 and keyed.key == "url"


def test_a_suffix_never_takes_the_key_of_another_item() -> None:
    keyed = identify(of({"id": "a"}, {"id": "a"}, {"id": "a#2"}, {"id": "a#2"}), KeyRule(("id",)))
    assert keys(keyed) == ["a", "a#3", "a#2", "a#2#2"]
    both = identify(of({"id": 5}, {"id": "5"}, {"id": 5}, {"id": "5"}), KeyRule(("id",)))
    assert keys(both) == [5, "5", "5#2", "5#3"]


def test_ten_thousand_equal_keys_take_no_longer_than_others() -> None:
    same: Item = {"id": "a"}
    keyed = identify(of(*[same] * 10_000), KeyRule(("id",)))
    assert len(keyed.items) == 10_000 and "a#10000" in keyed.items


@pytest.mark.parametrize("name", DEFAULT_KEYS)
def test_each_default_key_is_found(name: str) -> None:
    keyed = identify(of({"x": 1, name: "p"}, {"x": 1, name: "q"}), KeyRule())
    assert (keyed.key, keyed.found, keys(keyed)) == (name, name, ["p", "q"])


def test_a_key_is_found_only_if_every_item_has_it_and_names_only_if_most_differ() -> None:
    partly = of({"id": 1, "code": "a"}, {"id": None, "code": "b"})
    assert identify(partly, KeyRule()).key == "code"
    trades: list[Item] = [{"symbol": "BTC", "price": n} for n in range(4)]
    assert identify(of(*trades), KeyRule()).key == ADDED_KEY
    assert identify(of({"symbol": "BTC"}), KeyRule()).key == "symbol"


def test_without_any_key_the_content_is_hashed_whatever_the_order_of_members() -> None:
    one = identify(of({"date": "d", "close": 1}, {"date": "e", "close": 1}), KeyRule())
    two = identify(of({"close": 1, "date": "e"}), KeyRule())
    assert one.key == ADDED_KEY and keys(two)[0] == keys(one)[1]
    assert all(isinstance(key, str) and len(key) == 16 for key in keys(one))
    assert [next(iter(item)) for item in one.items.values()] == [ADDED_KEY] * 2
    same = identify(of({"a": 1}, {"a": 1.0}, {"a": True}), KeyRule())
    assert same.duplicates == 0


def test_the_field_that_was_found_is_kept_while_it_works_then_the_hash_for_good() -> None:
    first = identify(of({"code": "a"}, {"code": "b"}), KeyRule())
    better = identify(of({"id": 1, "code": "a"}), KeyRule(), found=first.found)
    assert (better.key, better.found) == ("code", "code")
    equal = identify(of({"code": "a"}, {"code": "a"}), KeyRule(), found="code")
    assert equal.key == "code" and equal.duplicates == 1
    empty = identify(of(), KeyRule(), found="code")
    assert (empty.key, empty.found, empty.items) == ("code", "code", {})
    broken = identify(of({"code": None}), KeyRule(), found="code")
    assert (broken.key, broken.found) == (ADDED_KEY, ADDED_KEY)
    healed = identify(of({"code": "a"}), KeyRule(), found=broken.found)
    assert (healed.key, healed.found) == (ADDED_KEY, ADDED_KEY)
    assert identify(of(), KeyRule(), found=ADDED_KEY).key == ADDED_KEY


def test_an_empty_answer_finds_nothing() -> None:
    assert identify(of(), KeyRule()) == Keyed({}, ADDED_KEY, 0, 0, None)
    assert identify(of(), KeyRule(("id",))) == Keyed({}, "id", 0, 0, None)


def test_items_without_the_configured_key_are_skipped_and_counted() -> None:
    keyed = identify(
        of({"code": "a"}, {"close": 1}, {"code": ""}, {"code": "b"}), KeyRule(("code",))
    )
    assert keys(keyed) == ["a", "b"] and keyed.skipped == 2


def test_a_configured_key_that_no_item_has_is_an_error_that_names_the_fields() -> None:
    message = wrong(of({"Code": 1, "close": 2}), "code")
    assert message == "no item has the key 'code'; fields are: Code, close, did you mean 'Code'?"
    many = wrong(of({f"f{n}": 1 for n in range(20)}), "zzzz")
    assert many.endswith("f11, …")
    assert "is in no item a text" in wrong(of({"code": True}), "code")
    assert "'meta.id'" in wrong(of({"meta": {"ID": 1}}), "meta.id")
    assert "'date'" in wrong(of({"url": "u"}), "url", "date")


def test_a_composite_key_is_joined_into_a_field_of_ours() -> None:
    answer = of({"url": "u", "n": 1}, {"url": "u", "n": 2.0}, {"url": "u", "n": None})
    keyed = identify(answer, KeyRule(("url", "n")))
    assert keys(keyed) == ["u|1", "u|2"] and keyed.key == ADDED_KEY and keyed.skipped == 1
    joined = identify(of({"a": "x|y", "b": "z"}, {"a": "x", "b": "y|z"}), KeyRule(("a", "b")))
    assert keys(joined) == ["x|y|z", "x|y|z#2"]


def test_a_path_and_a_field_with_a_dot_in_its_name() -> None:
    edits = of({"meta": {"id": "e1"}, "_key": "theirs"}, {"meta": None})
    keyed = identify(edits, KeyRule(("meta.id",)))
    assert (keyed.key, keys(keyed), keyed.skipped) == (ADDED_KEY, ["e1"], 1)
    assert list(keyed.items["e1"]) == [ADDED_KEY, "meta"]
    quote = identify(of({"01. symbol": "IBM"}), KeyRule(("01. symbol",)))
    assert (quote.key, keys(quote)) == ("01. symbol", ["IBM"])
    mixed = identify(of({"01. symbol": "IBM", "meta": {"d": 3}}), KeyRule(("01. symbol", "meta.d")))
    assert keys(mixed) == ["IBM|3"]


def test_an_object_map_is_keyed_by_its_names() -> None:
    answer: Json = {"bitcoin": {"usd": 1, "id": "x"}, "ether": {"usd": 2, "id": "y"}}
    keyed = identify(extract(answer, Rules()), KeyRule())
    assert (keyed.key, keys(keyed), keyed.found) == (ADDED_KEY, ["bitcoin", "ether"], None)
    named = identify(extract({"a": {"id": "x"}}, Rules()), KeyRule(("id",)))
    assert (named.key, keys(named)) == ("id", ["x"])


def test_scalars_are_their_own_keys() -> None:
    keyed = identify(extract([8863, "a", 1.5, 8863, ""], Rules()), KeyRule())
    assert keys(keyed) == [8863, "a", "1.5", "8863#2"] and keyed.skipped == 1
    assert keyed.items[8863] == {ADDED_KEY: 8863, "value": 8863}
    assert keyed.items["1.5"] == {ADDED_KEY: "1.5", "value": 1.5}


def test_a_single_object_without_a_key_keeps_one_key_while_it_changes() -> None:
    for price in ("6268.48", "6270.00"):
        keyed = identify(extract({"price": price}, Rules()), KeyRule(), single="BTC-USD")
        assert keyed.items == {"BTC-USD": {ADDED_KEY: "BTC-USD", "price": price}}
    with_code = identify(extract({"code": "AAPL.US", "close": 1}, Rules()), KeyRule())
    assert with_code.key == "code"


def test_a_list_and_a_single_object_of_one_source_have_the_same_key() -> None:
    several = identify(extract([{"code": "A"}, {"code": "B"}], Rules()), KeyRule())
    single = identify(extract({"code": "A"}, Rules()), KeyRule(), found=several.found)
    assert single.key == several.key == "code" and set(single.items) < set(several.items)


def test_a_long_text_is_hashed_and_stays_readable() -> None:
    link = "https://a.example/" + "x" * MAX_KEY
    keyed = identify(of({"url": link}, {"url": "https://b.example"}), KeyRule())
    key = keys(keyed)[0]
    assert isinstance(key, str) and len(key) == 16
    assert keyed.items[key]["_url"] == link and "_url" not in keyed.items["https://b.example"]
    exact = "x" * MAX_KEY
    assert keys(identify(of({"url": exact}), KeyRule())) == [exact]


def test_numbers_that_are_not_integers_are_no_keys() -> None:
    keyed = identify(of({"id": 1.5}, {"id": 1e300}, {"id": -3.0}), KeyRule(("id",)))
    assert keys(keyed) == [-3] and keyed.skipped == 2


def test_the_rank_is_the_place_among_the_items_that_are_kept() -> None:
    answer = of({"id": "b", RANK: 9}, {"x": 1}, {"id": "a"})
    keyed = identify(answer, KeyRule(("id",)), rank=True)
    assert [item[RANK] for item in keyed.items.values()] == [1, 2]
    theirs: Any = identify(of({"id": "b", RANK: 9}), KeyRule())
    assert theirs.items["b"][RANK] == 9


def test_of_a_publication_the_last_of_equal_keys_counts_in_the_place_of_the_first() -> None:
    answer = of({"id": "a", "n": 1}, {"id": "b", "n": 1}, {"id": "a", "n": 2})
    keyed = identify(answer, KeyRule(("id",)), latest=True)
    assert list(keyed.items.values()) == [{"id": "a", "n": 2}, {"id": "b", "n": 1}]
    assert keyed.duplicates == 0
    unnamed = identify(of({"x": 1}, {"x": 1}), KeyRule(), latest=True)
    assert len(unnamed.items) == 1
