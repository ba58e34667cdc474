from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.cli.cells import LONGEST, ago, cell, is_number
from stream.model import Json
from stream.plain import printable

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (41.0, "41.0"),
        (True, "true"),
        (None, "–"),
        ("two\n words", "two words"),
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'),
        ("\x1b[2J", "\\u001b[2J"),
        ("x" * 999, "x" * LONGEST),
    ],
)
def test_a_value_is_one_short_line(value: Json, text: str) -> None:
    assert cell(value) == text


@given(JSON)
def test_no_value_can_steer_the_terminal(value: Json) -> None:
    assert cell(value) == printable(cell(value))


def test_only_numbers_belong_on_the_right() -> None:
    assert [is_number(value) for value in (1, 1.5, True, "1", None)] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (3.4, "3 s"), (99, "99 s"), (240, "4 min"), (18_000, "5 h"), (600_000, "7 d")],
)
def test_an_age_is_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    at = NOW - timedelta(seconds=seconds)
    assert ago(at, NOW) == text
    assert ago(at.isoformat(), NOW) == text
    assert ago(None, NOW) == ""
