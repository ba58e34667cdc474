"""Upstream JSON → raw items, with the quirks of real sources in small."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.errors import SourceError
from stream.extract import Container, Extracted, Rules, extract, parse_json
from stream.model import SAFE_INTEGER, Item, Json
from stream.query import compile_query

numbers = (
    st.integers(-(10**25), 10**25)
    | st.integers(SAFE_INTEGER - 3, SAFE_INTEGER + 3)
    | st.floats(allow_nan=False, allow_infinity=False)
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.from_regex(
    r"[:,\[{ ]?-?[0-9]{14,20}[,}]?", fullmatch=True
)
documents = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
layouts = st.sampled_from(
    [{"separators": (",", ":")}, {"indent": 2}, {"separators": (" , ", " : ")}]
)


def with_digits(value: Any) -> Json:
    """What a document should be read as: the same, with huge integers as texts."""
    if isinstance(value, dict):
        return {name: with_digits(member) for name, member in value.items()}
    if isinstance(value, list):
        return [with_digits(member) for member in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE_INTEGER:
        return str(value)
    return value  # type: ignore[no-any-return]


def refused(body: bytes, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        parse_json(body, **options)
    return caught.value


def shape_error(document: Json, rules: Rules | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        extract(document, rules or Rules())
    assert len(caught.value.message) < 700
    return caught.value


def take(document: Json, **rules: Any) -> Extracted:
    queries = {name: compile_query(text) for name, text in rules.items() if type(text) is str}
    return extract(document, Rules(**{**rules, **queries}))


@given(documents, layouts)
@example([10**19, {"id": -(10**16)}, SAFE_INTEGER, -SAFE_INTEGER - 1], {})
@example({"a": ", 12345678901234567890, "}, {})
@example(12345678901234567890, {})
@example(-12345678901234567890, {})
def test_every_number_keeps_its_value_and_huge_integers_keep_their_digits(
    document: Json, layout: dict[str, Any]
) -> None:
    read = parse_json(json.dumps(document, **layout).encode())
    # repr tells 1 from 1.0 and from True, which == does not.
    assert repr(read) == repr(with_digits(document))


@given(documents, st.integers(1, 6))
def test_what_is_nested_deeper_than_allowed_is_refused_and_nothing_else(
    document: Json, most: int
) -> None:
    def depth(value: Json) -> int:
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0  # type: ignore[arg-type]

    body = json.dumps(document).encode()
    if depth(document) > most:
        assert refused(body, max_depth=most).kind == "too_deep"
    else:
        parse_json(body, max_depth=most)


@pytest.mark.parametrize(
    ("opening", "closing", "times"), [("[", "]", 100), ('{"a":', "}", 100), ('[{"a":', "}]", 50)]
)
def test_a_hundred_levels_are_read_and_one_more_is_not(
    opening: str, closing: str, times: int
) -> None:
    parse_json((opening * times + "1" + closing * times).encode())
    body = (opening * times + "[1]" + closing * times).encode()
    assert refused(body).kind == "too_deep"


@pytest.mark.parametrize("depth", [254, 255, 1024, 1025, 100_000])
def test_a_depth_bomb_is_refused(depth: int) -> None:
    assert refused(b"[" * depth + b"]" * depth).kind == "too_deep"


def test_brackets_in_texts_do_not_hide_depth_and_do_not_count_as_it() -> None:
    deep = '["' + "]" * 60 + '",' + "[" * 60 + '"' + "[" * 60 + '",' + "[" * 60
    body = (deep + "1" + "]" * 121).encode()
    assert refused(body).kind == "too_deep"
    assert parse_json(orjson.dumps(["[" * 500, {"a": "{" * 500}])) == ["[" * 500, {"a": "{" * 500}]


def test_a_wide_document_is_not_deep() -> None:
    rows: Json = [{"a": [n], "b": {}} for n in range(300)]
    assert parse_json(orjson.dumps(rows)) == rows


@pytest.mark.parametrize("body", [b"", b" \n\t", b"\xef\xbb\xbf", b" " * 100])
def test_nothing_is_empty(body: bytes) -> None:
    assert refused(body).kind == "empty"


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse_json(b'\xef\xbb\xbf {"a": 1}') == {"a": 1}


def test_an_html_page_is_named_with_its_title() -> None:
    page = b"<!doctype html><html><head><title>\n Access &amp; limits </title>" + b"x" * 10
    error = refused(page)
    assert error.kind == "html" and "'Access & limits'" in error.message
    assert refused(b" " * 200 + b"<p>whoa there</p>").message.endswith("instead of JSON")
    long = refused(b"<title>" + b"y" * 10_000 + b"</title>")
    assert len(long.message) < 300


def test_a_text_labelled_as_html_is_a_page_but_json_labelled_so_is_json() -> None:
    label = "text/html; charset=utf-8"
    assert refused(b"Too many requests", content_type=label).kind == "html"
    assert parse_json(b'{"a": 1}', content_type=label) == {"a": 1}
    assert refused(b'{"a": 1', content_type=label).kind == "bad_json"
    assert parse_json(b"7", content_type="application/json") == 7


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'[{"a": 1}, {"b', "line 1, column 15; 14 bytes"),
        (b'{"a": 1,}', "column"),
        (b"Too many requests", "column 1"),
        (b'{"a": NaN}', "column 7"),
        (b'{"a": Infinity}', "column 7"),
        (b'{"a": 1e400}', "infinity"),
        (b"[" + b"9" * 400 + b"]", "infinity"),
        (b'["\\ud800"]', "surrogate"),
        (b'["\xed\xa0\x80"]', "UTF-8"),
        (b'["\xff"]', "UTF-8"),
    ],
)
def test_what_is_not_json_is_refused_with_its_position(body: bytes, says: str) -> None:
    error = refused(body)
    assert error.kind == "bad_json" and says in error.message and "\n" not in error.message


def test_of_members_with_one_name_the_last_wins() -> None:
    assert parse_json(b'{"a": 1, "a": 2}') == {"a": 2}
    assert parse_json(b'{"a": 1, "a": 12345678901234567890}') == {"a": "12345678901234567890"}


def test_newsapi_articles_are_found_and_the_retracted_ones_dropped() -> None:
    removed: Item = {"source": {"id": None, "name": "[Removed]"}, "url": "https://removed.com"}
    article: Item = {"source": {"id": "bbc", "name": "BBC"}, "url": "https://a.example/1"}
    answer: Json = {"status": "ok", "totalResults": 3, "articles": [removed, article, removed]}
    assert len(take(answer).items) == 3
    found = take(answer, drop="url == 'https://removed.com'")
    assert found.items == [article] and found.container is Container.LIST


def test_newsapi_errors_speak_for_themselves() -> None:
    answer: Json = {"status": "error", "code": "rateLimited", "message": "Too many requests."}
    error = shape_error(answer, Rules(error_when=compile_query("status == 'error'")))
    assert (error.kind, error.message) == ("error_in_body", "Too many requests.")


def test_eodhd_gives_an_object_for_one_symbol_and_a_list_for_several() -> None:
    quote: Item = {"code": "AAPL.US", "close": 189.1, "volume": None}
    both: Json = [quote, {"code": "VTI.US", "close": "NA"}]
    one, several = take(quote), take(both, drop="close == 'NA'")
    assert (one.items, one.container) == ([quote], Container.OBJECT)
    assert (several.items, several.container) == ([quote], Container.LIST)


def test_eodhd_delayed_quotes_are_a_map_under_data() -> None:
    answer: Json = {"meta": {"count": 1}, "data": {"AAPL.US": {"bid": 1}}, "links": {"next": None}}
    found = take(answer, items="data")
    assert (found.items, found.names) == ([{"bid": 1}], ["AAPL.US"])


def test_alpha_vantage_errors_come_with_a_200_and_members_have_dots() -> None:
    rule = compile_query('Information || Note || "Error Message"')
    note: Json = {"Information": "25 requests per day " + "x" * 400}
    error = shape_error(note, Rules(error_when=rule))
    assert error.kind == "error_in_body" and error.message.startswith("25 requests per day")
    assert len(error.message) == 200
    quote: Json = {"Global Quote": {"01. symbol": "IBM", "05. price": "201.5"}}
    found = extract(quote, Rules(error_when=rule, items=compile_query('"Global Quote"')))
    assert found.items == [{"01. symbol": "IBM", "05. price": "201.5"}]
    assert found.container is Container.OBJECT


def test_coingecko_is_a_map_whose_names_stay_with_their_items() -> None:
    answer: Json = {"bitcoin": {"usd": 67187.33}, "dead": {"usd": 0}, "ether": {"usd": 3300}}
    found = take(answer, drop="usd == 0", select="{last: usd}")
    assert found.container is Container.MAP
    assert found.names == ["bitcoin", "ether"]
    assert found.items == [{"last": 67187.33}, {"last": 3300}]


def test_hacker_news_ids_are_scalars_and_null_items_are_left_out() -> None:
    ids = take([8863, 9224])
    assert ids.container is Container.SCALARS
    assert (ids.items, ids.names) == ([{"value": 8863}, {"value": 9224}], [8863, 9224])
    assert take([{"id": 1}, None, {"id": 2}]).items == [{"id": 1}, {"id": 2}]
    assert take([1, "a", 1.5]).names == [1, "a", "1.5"]
    assert take([3, 1, 2], drop="value == 1").names == [3, 2]


def test_usgs_features_keep_their_shape() -> None:
    feature: Item = {"type": "Feature", "id": "us1", "geometry": {"coordinates": [1.0, 2.0, 3.0]}}
    answer: Json = {"type": "FeatureCollection", "bbox": [1, 2], "features": [feature]}
    assert take(answer).items == [feature]


def test_statuspage_incidents_are_chosen_even_while_there_are_none() -> None:
    answer: Item = {"page": {"id": "x"}, "components": [{"id": "c"}], "incidents": []}
    assert take(answer).items == []
    assert take(answer | {"incidents": [{"id": "i"}]}).items == [{"id": "i"}]
    assert take(answer, items="components").items == [{"id": "c"}]


@pytest.mark.parametrize(
    ("document", "items"),
    [
        ({"data": [{"a": 1}], "items": [{"a": 2}]}, [{"a": 2}]),
        ({"other": [{"a": 1}], "rows": [{"a": 2}]}, [{"a": 2}]),
        ({"data": [1, 2], "other": [{"a": 1}]}, [{"a": 1}]),
        ({"total": 1, "things": [{"a": 1}, None]}, [{"a": 1}]),
        ({"id": 1, "tags": []}, [{"id": 1, "tags": []}]),
        ({"x": [{"a": 1}], "y": [{"a": 1}]}, [{"x": [{"a": 1}], "y": [{"a": 1}]}]),
        ([], []),
        ({}, []),
        ({"items": []}, []),
    ],
)
def test_the_items_are_found_in_the_documented_order(document: Json, items: list[Item]) -> None:
    assert take(document).items == items


def test_the_container_can_be_told() -> None:
    weather: Json = {"coord": {"lat": 1}, "main": {"temp": 2}}
    assert take(weather).container is Container.MAP
    assert take(weather, container=Container.OBJECT).items == [weather]
    user: Json = {"id": 1, "orders": [{"id": 2}]}
    assert take(user, container=Container.OBJECT).items == [user]
    prices: Json = {"a": {"usd": 1}, "b": None}
    assert take(prices, container=Container.MAP).names == ["a"]
    assert (
        "'b' is a number" in shape_error({"a": {}, "b": 1}, Rules(container=Container.MAP)).message
    )
    assert "expected a map" in shape_error([{}], Rules(container=Container.MAP)).message
    assert "expected a list" in shape_error({"a": 1}, Rules(container=Container.LIST)).message


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "found null"),
        (5, "found a number"),
        (True, "found a boolean"),
        ("x", "found a text"),
        ([{"a": 1}, 2], "found a number, an object in it"),
        ([[1, 2], [3, 4]], "found a list in it"),
        ([1, None], "found a number, null in it"),
        ([True], "found a boolean in it"),
    ],
)
def test_a_wrong_shape_says_what_was_found(document: Json, says: str) -> None:
    error = shape_error(document)
    assert error.kind == "wrong_shape" and says in error.message


def test_a_path_that_finds_nothing_names_what_is_there() -> None:
    answer: Json = {"status": "error", "articels": [], **{f"m{n}": n for n in range(40)}}
    message = shape_error(answer, Rules(items=compile_query("articles"))).message
    assert "items = 'articles' finds nothing" in message
    assert "status, articels" in message and message.endswith("did you mean 'articels'?")
    assert "m30" not in message
    assert "found" in shape_error([1], Rules(items=compile_query("[0]"))).message
    assert "the answer is a list" in shape_error([1], Rules(items=compile_query("a"))).message


def test_a_query_that_cannot_be_applied_is_a_wrong_shape() -> None:
    rules = Rules(items=compile_query("keys(@)"))
    assert shape_error([1], rules).kind == "wrong_shape"
    error = shape_error([{"a": 1}, {"a": "x"}], Rules(select=compile_query("{a: abs(a)}")))
    assert error.kind == "wrong_shape" and "item 2" in error.message


def test_select_must_give_objects() -> None:
    error = shape_error([{"a": 1}], Rules(select=compile_query("a")))
    assert error.kind == "wrong_shape" and "it gave a number" in error.message


def test_drop_sees_the_item_as_it_came() -> None:
    assert take([{"a": 1}, {"a": 2}], drop="a == 1", select="{b: a}").items == [{"b": 2}]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"ok": False, "error": {"message": "Invalid symbol."}}, "Invalid symbol."),
        ({"ok": False, "errors": ["daily limit"]}, "daily limit"),
        ({"ok": False, "errors": [{"detail": "no"}]}, "no"),
        ({"ok": False, "code": -1121, "msg": "bad"}, "bad"),
        ({"ok": False}, "the upstream answered an error: ok == false"),
    ],
)
def test_an_error_in_the_body_is_told_in_its_own_words(document: Json, says: str) -> None:
    error = shape_error(document, Rules(error_when=compile_query("ok == false")))
    assert (error.kind, error.message) == ("error_in_body", says)


def test_more_items_than_allowed_are_an_error() -> None:
    rows: Json = [{"id": n} for n in range(4)]
    assert shape_error(rows, Rules(max_items=3)).kind == "too_many_items"
    assert len(take(rows, max_items=4).items) == 4


@pytest.mark.parametrize("path", ["[a, a]", "`[{}, {}]`"])
def test_items_are_objects_of_their_own(path: str) -> None:
    document: Json = {"a": {"x": 1}}
    first, second = take(document, items=path).items
    first["_key"] = 1
    assert "_key" not in second
    assert all("_key" not in item for item in take(document, items=path).items)


def test_selected_items_are_objects_of_their_own() -> None:
    rules = Rules(select=compile_query('`{"a": 1}`'))
    one, two = extract([{}, {}], rules).items
    one["_key"] = 1
    assert two == {"a": 1} and extract([{}], rules).items == [{"a": 1}]


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.integers(0, 3)), max_size=8))
def test_names_and_items_of_a_map_stay_aligned(rows: list[Item]) -> None:
    document: Json = {f"k{n}": row for n, row in enumerate(rows)}
    found = take(document, drop="a == 1", container=Container.MAP)
    assert found.names is not None
    assert dict(zip(found.names, found.items, strict=True)) == {
        f"k{n}": row for n, row in enumerate(rows) if row.get("a") != 1
    }
