"""Rows of a database → items: every value as JSON, nothing rounded without a word.

Pure. It must not know where the rows come from, nor give them keys (``identity.py``).
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

from stream.errors import SourceError
from stream.model import SAFE_INTEGER, Item, Json

Row: TypeAlias = Sequence[Any]


@runtime_checkable
class Range(Protocol):
    """From one value to another, as the drivers of PostgreSQL give it; None = without end."""

    lower: Any
    upper: Any
    lower_inc: bool
    upper_inc: bool
    isempty: bool


def as_items(columns: Sequence[str], rows: Sequence[Row]) -> list[Item]:
    """The rows as objects, each column a field.

    Raises:
        SourceError: ``wrong_shape``: two columns have one name.
    """
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        message = f"two columns are named {twice[0][:64]!r}; give one another name with AS"
        raise SourceError("wrong_shape", message)
    return [dict(zip(columns, map(as_json, row), strict=True)) for row in rows]


def as_json(value: Any) -> Json:
    """A value as JSON.

    NULL is null: the columns are the shape of a row. Integers beyond 2^53 and decimals that no
    double equals are texts with all their digits. Moments are RFC 3339 in UTC; one without a zone
    counts as UTC. Durations are seconds, bytes base64; NaN and the infinities, which JSON does not
    have, are null; arrays and JSON columns are read value by value; ranges are written as
    PostgreSQL does, all else is its text.
    """
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return _readable(value) if kind is str else value
    if kind is int:
        return value if abs(value) <= SAFE_INTEGER else str(value)
    if kind is float:
        return value if math.isfinite(value) else None
    return _rarer(value)


def _rarer(value: Any) -> Json:
    match value:
        case Enum():
            return as_json(value.value)
        case bool() | int() | float() | str():
            return as_json(
                next(base for base in (bool, int, float, str) if isinstance(value, base))(value)
            )
        case Decimal():
            return _decimal(value)
        case datetime() | date() | time():
            return _moment(value)
        case timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return b64encode(value).decode()
        case UUID():
            return str(value)
        case Mapping():
            return {str(name): as_json(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [as_json(each) for each in value]
        case Range():
            return _range(value)
    return _readable(str(value))


def _readable(text: str) -> str:
    """The text without half characters, which no encoder of ours would write."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _decimal(value: Decimal) -> Json:
    if not value.is_finite():
        return None
    number = float(value)
    if not math.isfinite(number) or Decimal(repr(number)) != value:
        return str(value)
    return number


def _range(value: Range) -> str:
    """As PostgreSQL writes it: ``[1,5)``, ``[,2026-11-26)``, ``empty``."""
    if value.isempty:
        return "empty"
    ends = ("" if end is None else str(as_json(end)) for end in (value.lower, value.upper))
    return f"{'(['[value.lower_inc]}{','.join(ends)}{')]'[value.upper_inc]}"


def _moment(value: datetime | date | time) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    zoned = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    try:
        zoned = zoned.astimezone(UTC)
    except OverflowError:  # within hours of the first or the last day there is
        return value.isoformat()
    return zoned.isoformat().replace("+00:00", "Z")
