"""Values of any API as values of the common shapes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.extract import Container, Extracted
from stream.model import SAFE_INTEGER, Item, Json
from stream.shape import ARTICLE, QUOTE, SHAPES, Finish, converted, date, number, shape_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("6268.48", 6268.48),
        ("67205.10002000", 67205.10002),
        ("293.0000", 293),
        ("0.6319%", 0.6319),
        ("-0.141 %", -0.141),
        ("+1.5", 1.5),
        (" 12 ", 12),
        ("1e3", 1000),
        (".5", 0.5),
        (3, 3),
        (2.5, 2.5),
        ("NA", None),
        ("n/a", None),
        ("", None),
        ("-", None),
        ("abc", None),
        ("1,234", None),
        ("0x10", None),
        ("1_000", None),
        ("٣", None),
        (True, None),
        (None, None),
        ([1], None),
        ({}, None),
        # More digits than a double holds: nothing is lost.
        ("0.1234567890123456789", "0.1234567890123456789"),
        ("12345678901234567890", "12345678901234567890"),
        ("1e999", "1e999"),
    ],
)
def test_a_number_is_made_of_a_text_where_no_digit_is_lost(value: Json, wanted: Json) -> None:
    made = number(value)
    assert made == wanted
    assert type(made) is type(wanted)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**12)))
def test_a_number_says_exactly_what_its_text_said(value: Decimal) -> None:
    made = number(str(value))
    if isinstance(made, int | float):
        assert Decimal(repr(made)) == value
    else:
        assert made is None or made == str(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_comes_back_from_its_text(value: float) -> None:
    assert number(repr(value)) == value


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1795480200, "2026-11-24T00:30:00Z"),
        (1795480200123, "2026-11-24T00:30:00Z"),
        (1795480200.9, "2026-11-24T00:30:00Z"),
        ("1795480200", "2026-11-24T00:30:00Z"),
        ("2026-11-24T02:11:09Z", "2026-11-24T02:11:09Z"),
        ("2026-11-24T02:11:09.833Z", "2026-11-24T02:11:09Z"),
        ("2026-11-24T02:11:09+02:00", "2026-11-24T00:11:09Z"),
        ("2026-11-24 02:11:09", "2026-11-24T02:11:09Z"),
        ("2026-11-24", "2026-11-24T00:00:00Z"),
        ("Tue, 24 Nov 2026 02:11:09 +0100", "2026-11-24T01:11:09Z"),
        ("0001-01-01T00:00:00+05:00", None),
        (0, None),
        (-5, None),
        (1e300, None),
        ("NA", None),
        ("soon", None),
        ("", None),
        ("x" * 100, None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_a_moment_is_written_in_utc_with_seconds(value: Json, wanted: str | None) -> None:
    assert date(value) == wanted


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), st.integers(-1439, 1439))
def test_any_offset_leads_to_the_same_moment(moment: datetime, offset_min: int) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    wanted = there.astimezone(UTC).replace(microsecond=0)
    made = date(there.isoformat())
    assert made is not None
    assert _RFC3339.fullmatch(made)
    assert datetime.fromisoformat(made) == wanted


@given(st.dictionaries(st.sampled_from([*ARTICLE, *QUOTE, "other"]), JSON))
def test_whatever_comes_is_of_the_right_type_or_absent(item: dict[str, Json]) -> None:
    for fields in SHAPES.values():
        made = converted(item, fields)
        assert set(made) <= set(item)
        for name, value in made.items():
            match fields.get(name):
                case None:
                    assert value == item[name]
                case "number":
                    assert isinstance(value, int | float | str) and not isinstance(value, bool)
                case "date":
                    assert isinstance(value, str) and _RFC3339.fullmatch(value)
                case "list":
                    assert isinstance(value, list)
                    assert 0 < len(value) <= 20
                    assert all(isinstance(each, str) and each for each in value)
                case "line" | "text" | "url":
                    assert isinstance(value, str) and value


@given(st.dictionaries(st.sampled_from([*ARTICLE, *QUOTE]), JSON))
def test_a_finished_item_stays_as_it_is(item: dict[str, Json]) -> None:
    for fields in SHAPES.values():
        once = converted(item, fields)
        # A summary may hold what looks like a tag once its entities are resolved.
        fixed = {name: each for name, each in fields.items() if each != "text"}
        assert converted(once, fixed) == once


def test_a_title_is_no_html_but_a_summary_is() -> None:
    made = converted({"title": "<vector>  &amp;", "summary": "<b>a</b> &amp; b"}, ARTICLE)
    assert made == {"title": "<vector> &amp;", "summary": "a & b"}


def test_texts_with_commas_are_lists_and_lists_are_bounded() -> None:
    assert converted({"symbols": "SQ, BTC,,SQ"}, ARTICLE) == {"symbols": ["SQ", "BTC"]}
    assert converted({"tags": [1, None, "a", {}, "NA"]}, ARTICLE) == {"tags": ["1", "a"]}
    assert len(converted({"tags": [str(n) for n in range(99)]}, ARTICLE)["tags"]) == 20  # type: ignore[arg-type]
    assert converted({"tags": [], "symbols": ""}, ARTICLE) == {}


def test_a_long_id_becomes_a_hash_that_stays_the_same() -> None:
    long = "https://h.example/" + "x" * 300
    (first, second) = (converted({"id": long}, ARTICLE) for _ in range(2))
    assert first == second
    assert len(str(first["id"])) == 16
    assert converted({"id": 7}, ARTICLE) == {"id": 7}
    assert converted({"id": SAFE_INTEGER}, ARTICLE) == {"id": SAFE_INTEGER}


def test_what_is_lacking_is_added_and_what_is_there_stays() -> None:
    rows: list[dict[str, Json]] = [{"last": 1}, {"last": 2, "symbol": "B"}, {"symbol": None}]
    listed = Extracted(rows, None, Container.LIST)
    made = Finish({"symbol": "A", "name": "{_key}"}, {}).of(listed)
    assert made.items == [
        {"symbol": "A", "last": 1},
        {"last": 2, "symbol": "B"},
        {"symbol": "A"},
    ]
    assert rows == [{"last": 1}, {"last": 2, "symbol": "B"}, {"symbol": None}]


def test_the_name_of_an_item_keeps_its_type_where_it_stands_alone() -> None:
    named = Extracted([{"p": 1}, {"p": 2}], ["btc", 7], Container.MAP)
    made = Finish({"symbol": "{_key}", "label": "coin {_key}"}, {}).of(named)
    assert made.items == [
        {"symbol": "btc", "label": "coin btc", "p": 1},
        {"symbol": 7, "label": "coin 7", "p": 2},
    ]
    assert made.names == ["btc", 7]


def test_without_anything_to_do_the_items_are_those_that_came() -> None:
    extracted = Extracted([{"p": None}], None, Container.LIST)
    assert Finish({}, {}).of(extracted) is extracted


@pytest.mark.parametrize(
    ("item", "shape"),
    [
        ({"symbol": "A", "last": 1}, "quote"),
        ({"id": 1, "title": "T", "url": "https://a.example"}, "article"),
        ({"id": 1, "title": "T", "published": "2026-01-01T00:00:00Z"}, "article"),
        ({"id": 1, "title": "a task"}, None),
        ({"symbol": "A"}, None),
        ({}, None),
    ],
)
def test_a_shape_is_known_by_the_fields_a_screen_needs(item: Item, shape: str | None) -> None:
    assert shape_of(item) == shape
