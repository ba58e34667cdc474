"""Durations and sizes as people write them."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from stream.units import (
    MAX_DURATION_S,
    MAX_SIZE_BYTES,
    Bytes,
    Seconds,
    format_duration,
    format_size,
    is_duration,
    is_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("9ms", 0.009),
        ("10s", 10.0),
        ("1.5s", 1.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("1d", 86400.0),
        ("1h30m", 5400.0),
        ("1d2h3m4s5ms", 93784.005),
        ("0s", 0.0),
        (15, 15.0),
        (0.25, 0.25),
    ],
)
def test_a_duration_is_read_in_seconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert isinstance(parse_duration(text), float)


@pytest.mark.parametrize(
    "text",
    ["", "5", "5x", "s", "-5s", "5 s", "30m1h", "5s5s", "1e3s", "٥s", "5s\n", True, None, [5]],
)
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match='expected a duration such as "5s", "2m" or "1h"'):
        parse_duration(text)


@pytest.mark.parametrize("value", [-1, -0.5, math.inf, -math.inf, math.nan, 10**400, "400d"])
def test_a_duration_out_of_range_is_refused_with_the_range(value: object) -> None:
    with pytest.raises(ValueError, match="expected a duration from 0s to 366d"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("5MiB", 5 * 1024 * 1024),
        ("16KiB", 16384),
        ("1MB", 1_000_000),
        ("2kB", 2000),
        ("2KB", 2000),
        ("1.5KiB", 1536),
        ("7B", 7),
        ("0B", 0),
        (4096, 4096),
    ],
)
def test_a_size_is_read_in_bytes(text: object, size: int) -> None:
    assert parse_size(text) == size
    assert isinstance(parse_size(text), int)


@pytest.mark.parametrize("text", ["", "5", "5Mb", "5 MiB", "MiB", "-1B", "5mib", True, 1.5, None])
def test_what_is_no_size_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match='expected a size such as "16KiB", "5MiB" or "1MB"'):
        parse_size(text)


def test_half_a_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="a whole number of bytes"):
        parse_size("1.5B")


@pytest.mark.parametrize("value", [-1, MAX_SIZE_BYTES + 1, "9999GiB"])
def test_a_size_out_of_range_is_refused_with_the_range(value: object) -> None:
    with pytest.raises(ValueError, match="expected a size from 0B to 1024GiB"):
        parse_size(value)


@given(st.integers(0, MAX_DURATION_S * 1000))
def test_a_formatted_duration_reads_back_the_same(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(0, MAX_SIZE_BYTES))
def test_a_formatted_size_reads_back_the_same(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.one_of(st.text(), st.text(alphabet="0123456789.dhmsBKiMG"), st.floats(), st.integers()))
def test_any_value_is_read_within_bounds_or_refused_with_a_value_error(value: object) -> None:
    try:
        seconds = parse_duration(value)
    except ValueError:
        pass
    else:
        assert 0 <= seconds <= MAX_DURATION_S
    try:
        size = parse_size(value)
    except ValueError:
        pass
    else:
        assert 0 <= size <= MAX_SIZE_BYTES


def test_formats_are_the_shortest_people_would_write() -> None:
    assert format_duration(5400) == "1h30m"
    assert format_duration(0.1) == "100ms"
    assert format_duration(0) == "0s"
    assert format_size(16384) == "16KiB"
    assert format_size(1_000_000) == "1MB"
    assert format_size(1_500_001) == "1500001B"
    assert format_size(0) == "0B"


@pytest.mark.parametrize("seconds", [-1.0, math.inf, math.nan])
def test_what_is_no_duration_is_not_formatted(seconds: float) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        format_duration(seconds)


def test_the_field_types_read_texts_and_refuse_nonsense() -> None:
    assert TypeAdapter(Seconds).validate_python("2m") == 120.0
    assert TypeAdapter(Bytes).validate_python("16KiB") == 16384
    with pytest.raises(ValidationError, match="expected a duration"):
        TypeAdapter(Seconds).validate_python("soon")


def test_the_marks_of_the_field_types_are_told_apart() -> None:
    seconds, size = get_args(Seconds)[1:], get_args(Bytes)[1:]
    assert is_duration(seconds) and not is_duration(size)
    assert is_size(size) and not is_size(seconds)
