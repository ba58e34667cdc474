"""Durations and sizes as people write them ("1h30m", "16KiB") and as numbers.

Pure: knows texts and numbers only, not which setting they belong to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator

MAX_DURATION_S: Final = 366 * 86_400
"""A year: timers of the event loop overflow far beyond it, and nobody means more."""
MAX_SIZE_BYTES: Final = 2**40
"""1 TiB: more than one process can hold."""

_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,6})?)"
_DURATION = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in ("d", "h", "m", "s", "ms")))
_SECONDS = (Decimal(86_400), Decimal(3_600), Decimal(60), Decimal(1), Decimal("0.001"))
_MILLISECONDS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))

_SIZE = re.compile(f"{_NUMBER}(B|[kK]B|MB|GB|KiB|MiB|GiB)")
_BYTES = {
    "GiB": 2**30,
    "MiB": 2**20,
    "KiB": 2**10,
    "GB": 10**9,
    "MB": 10**6,
    "KB": 10**3,
    "kB": 10**3,
    "B": 1,
}


def parse_duration(value: object) -> float:
    """Seconds of ``"500ms"``, ``"10s"``, ``"2m"``, ``"1h30m"``, ``"1d"`` or a number of seconds.

    Raises:
        ValueError: it is none of these, is negative, or is more than MAX_DURATION_S.
    """
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        if found is None or not value:
            raise ValueError('expected a duration such as "5s", "2m" or "1h"')
        parts = zip(found.groups(), _SECONDS, strict=True)
        seconds = float(sum(Decimal(number) * unit for number, unit in parts if number))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # A whole number beyond float's range would raise OverflowError in float().
        seconds = float(min(value, 2 * MAX_DURATION_S))
    else:
        raise ValueError('expected a duration such as "5s", "2m" or "1h"')
    if not 0 <= seconds <= MAX_DURATION_S:
        raise ValueError(f"expected a duration from 0s to {format_duration(MAX_DURATION_S)}")
    return seconds


def parse_size(value: object) -> int:
    """Bytes of ``"16KiB"`` (1024s), ``"1MB"`` (1000s), ``"512B"`` or a whole number of bytes.

    Raises:
        ValueError: it is none of these, is no whole number of bytes, or is out of range.
    """
    if isinstance(value, str) and (found := _SIZE.fullmatch(value)):
        number = Decimal(found[1]) * _BYTES[found[2]]
        if number != int(number):
            raise ValueError("expected a whole number of bytes")
        size = int(number)
    elif isinstance(value, int) and not isinstance(value, bool):
        size = value
    else:
        raise ValueError('expected a size such as "16KiB", "5MiB" or "1MB"')
    if not 0 <= size <= MAX_SIZE_BYTES:
        raise ValueError(f"expected a size from 0B to {format_size(MAX_SIZE_BYTES)}")
    return size


def format_duration(seconds: float) -> str:
    """``"1h30m"``, ``"500ms"``, ``"0s"``: to the nearest millisecond, read back by parse_duration.

    Raises:
        ValueError: it is negative or not finite.
    """
    if not 0 <= seconds < math.inf:
        raise ValueError(f"not a duration: {seconds!r}")
    left = round(seconds * 1000)
    parts = []
    for unit, size in _MILLISECONDS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_size(size: int) -> str:
    """``"16KiB"``, ``"1MB"``, ``"1500001B"``: exact, in the largest unit that divides it."""
    for unit, factor in _BYTES.items():
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return "0B"


def _is_marked(metadata: Sequence[object], reader: object) -> bool:
    return any(isinstance(m, BeforeValidator) and m.func is reader for m in metadata)


def is_duration(metadata: Sequence[object]) -> bool:
    """Whether the metadata of a field is that of Seconds."""
    return _is_marked(metadata, parse_duration)


def is_size(metadata: Sequence[object]) -> bool:
    """Whether the metadata of a field is that of Bytes."""
    return _is_marked(metadata, parse_size)


Seconds = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=str | float)]
"""A duration in seconds, written as parse_duration reads it."""
Bytes = Annotated[int, BeforeValidator(parse_size, json_schema_input_type=str | int)]
"""A size in bytes, written as parse_size reads it."""
