"""Lines of NDJSON → publications: many lines in one request, where that means the same. Pure.

Within one publication the server does not apply lines one after another, so no key may stand in it
twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn

from stream.model import Json

MOST_LINES: Final = 500
MOST_BYTES: Final = 256 * 1024
"""A quarter of what a service takes by default, unless a single line is longer."""
SECTIONS: Final = ("put", "patch", "del")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that was understood.

    Attributes:
        number: from 1.
        size: in bytes.
    """

    number: int
    size: int
    put: list[Json] = field(default_factory=list)
    patch: list[Json] = field(default_factory=list)
    delete: list[Json] = field(default_factory=list)

    def keys(self, key: str) -> Iterator[str | None]:
        """What it is about; None for an item whose key is not to be seen."""
        for row in (*self.put, *self.patch):
            value = row.get(key) if isinstance(row, dict) else None
            yield None if value is None else str(value)
        for value in self.delete:
            yield str(value)


def parse_line(number: int, data: bytes) -> Line:
    """Read an item, an array of items, or ``{"put":[…],"patch":[…],"del":[…]}``.

    Raises:
        ValueError: it is none of these; the message says why.
    """
    try:
        value: Json = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if isinstance(value, dict) and value and value.keys() <= set(SECTIONS):
        put, patch, delete = (_rows(value.get(name, [])) for name in SECTIONS)
        return Line(number, len(data), put, patch, delete)
    if isinstance(value, dict) or (
        isinstance(value, list) and all(isinstance(row, dict) for row in value)
    ):
        return Line(number, len(data), _rows(value))
    raise ValueError("expected an item, a list of items, or put, patch and del")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _rows(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


class Batch:
    """Lines that are published together.

    Args:
        key: the field that identifies the channel's items; None where it is not known, and then
            each line goes by itself.
    """

    def __init__(self, key: str | None) -> None:
        self._key = key
        self._keys: set[str] = set()
        self._bytes = 0
        self._is_closed = False
        self.lines: list[Line] = []

    def add(self, line: Line) -> bool:
        """Take the line; False where it must go into the next batch."""
        keys = [None] if self._key is None else list(line.keys(self._key))
        is_alone = None in keys
        if self.lines and (
            is_alone
            or self._is_closed
            or len(self.lines) >= MOST_LINES
            or self._bytes + line.size > MOST_BYTES
            or not self._keys.isdisjoint(key for key in keys if key is not None)
        ):
            return False
        self.lines.append(line)
        self._bytes += line.size
        self._keys.update(key for key in keys if key is not None)
        self._is_closed = is_alone
        return True


def body_of(lines: list[Line]) -> bytes:
    """The lines as one publication."""
    sections = {
        "put": [row for line in lines for row in line.put],
        "patch": [row for line in lines for row in line.patch],
        "del": [key for line in lines for key in line.delete],
    }
    return json.dumps({name: rows for name, rows in sections.items() if rows}).encode()
