"""Rows of a database → items."""

from __future__ import annotations

import enum
import math
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.errors import SourceError
from stream.rows import as_items, as_json


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Span:
    """A range as a driver gives it."""

    lower: object
    upper: object
    lower_inc: bool = True
    upper_inc: bool = False
    isempty: bool = False


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (2**53, 2**53),
        (2**53 + 1, "9007199254740993"),
        (-(2**70), "-1180591620717411303424"),
        (0.5, 0.5),
        (math.nan, None),
        (-math.inf, None),
        ("Grüße", "Grüße"),
        ("half \ud800", "half ?"),
        (Decimal("1.5"), 1.5),
        (Decimal("0.1"), 0.1),
        (Decimal("7"), 7.0),
        (Decimal("0.1000000000000000055511151231257827"), "0.1000000000000000055511151231257827"),
        (Decimal("12345678901234567890"), "12345678901234567890"),
        (Decimal("1e400"), "1E+400"),
        (Decimal("NaN"), None),
        (datetime(2026, 11, 22, 2, 11, 9, tzinfo=UTC), "2026-11-22T02:11:09Z"),
        (datetime(2026, 11, 22, 2, 11, 9), "2026-11-22T02:11:09Z"),
        (
            datetime(2026, 11, 22, 2, 11, 9, 750_000, timezone(timedelta(hours=1))),
            "2026-11-22T01:11:09.750000Z",
        ),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "0001-01-01T00:00:00+01:00"),
        (date(2026, 11, 22), "2026-11-22"),
        (time(2, 11), "02:11:00"),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (b"\x00\xff", "AP8="),
        (memoryview(b"a"), "YQ=="),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        ({"a": [Decimal("1.5"), None]}, {"a": [1.5, None]}),
        ((1, "b"), [1, "b"]),
        (Span(1, 5), "[1,5)"),
        (Span(None, date(2026, 11, 26), lower_inc=False, upper_inc=True), "(,2026-11-26]"),
        (Span(Decimal("0.5"), None), "[0.5,)"),
        (Span(None, None, isempty=True), "empty"),
        (1 + 2j, "(1+2j)"),
    ],
)
def test_a_value_becomes_json(value: Any, expected: Any) -> None:
    made = as_json(value)
    assert made == expected
    assert type(made) is type(expected)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_loses_no_digit(value: Decimal) -> None:
    made = as_json(value)
    assert isinstance(made, str | float)
    assert Decimal(repr(made) if isinstance(made, float) else made) == value


@settings(max_examples=40)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters())
        | st.binary()
        | st.decimals()
        | st.datetimes()
        | st.dates()
        | st.times()
        | st.timedeltas()
        | st.uuids(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
        max_leaves=8,
    )
)
def test_whatever_a_driver_gives_can_be_written(value: Any) -> None:
    orjson.dumps(as_json(value))


def test_rows_become_objects_and_null_stays() -> None:
    assert as_items(["id", "name"], [(1, "a"), (2, None)]) == [
        {"id": 1, "name": "a"},
        {"id": 2, "name": None},
    ]


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(SourceError, match="two columns are named 'id'; give one another name"):
        as_items(["id", "id"], [(1, 2)])
