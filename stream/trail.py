"""The recent values of some fields of each item, so that a line is there at once.

Pure: it is told the time. A point is made when a value changes, never by a timer: what stays as it
is costs nothing, and reads as a step. Points that will not change any more are kept as the text
that is sent, so that a snapshot copies them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Final, TypeGuard

import orjson

from stream.encode import dumps
from stream.model import SAFE_INTEGER, Change, Item, Json, Key

SET_BACK_MS: Final = 60_000
"""A clock that goes back further was put right, and what it said before is forgotten. Less is two
sources that were read at about the same time."""


class Curve:
    """One field of one item: points that are done, and the newest, which its bucket may replace.

    Attributes:
        done: the text of ``count`` points, each with a comma behind it.
        at_ms: when the newest value came to be, Unix time.
    """

    __slots__ = ("at_ms", "count", "done", "value")

    def __init__(self, at_ms: int, value: float) -> None:
        self.done = bytearray()
        self.count = 0
        self.at_ms = at_ms
        self.value = value


class Trail:
    """The curves of one channel.

    Time is cut into buckets; of each bucket the last value is kept. A value that held for more than
    a bucket has a second point just before the next, so that straight lines between the points
    show what was there. A value that is no number, or none at all, leaves the last one standing.

    Memory is bounded by items × fields × points: about 22 bytes a point, at most 48, and 200 bytes
    a curve.

    Args:
        fields: the top-level fields to keep.
        points: most points of a curve, at least 2.
        every_s: the length of a bucket, in whole milliseconds.
    """

    def __init__(self, fields: Sequence[str], *, points: int, every_s: float) -> None:
        self.fields = tuple(fields)
        self.points = points
        self.every_s = every_s
        self._every_ms = round(every_s * 1000)
        self._tells_ms = self._every_ms % 1000 != 0
        self._newest_ms = 0
        self._curves: dict[str, dict[Key, Curve]] = {name: {} for name in self.fields}

    @property
    def kept_bytes(self) -> int:
        """The texts of all points that are done."""
        return sum(len(c.done) for curves in self._curves.values() for c in curves.values())

    def clear(self) -> None:
        """Forget everything."""
        for curves in self._curves.values():
            curves.clear()

    def record(self, change: Change, at: float) -> None:
        """Take what changed.

        Args:
            at: when it was read, Unix seconds; a moment before the last one counts as that.
        """
        at_ms = round(at * 1000)
        if at_ms < self._newest_ms - SET_BACK_MS:
            self.clear()
            self._newest_ms = at_ms
        self._newest_ms = at_ms = max(at_ms, self._newest_ms)
        for name, curves in self._curves.items():
            self._record(name, curves, change.put, at_ms)
            self._record(name, curves, change.patch, at_ms)
            for key in change.delete:
                curves.pop(key, None)

    def _record(
        self, name: str, curves: dict[Key, Curve], rows: Mapping[Key, Item], at_ms: int
    ) -> None:
        for key, fields in rows.items():
            value = fields.get(name)
            if value is None or not is_number(value):
                continue
            curve = curves.get(key)
            if curve is None:
                curves[key] = Curve(at_ms, value)
            elif value != curve.value:
                self._move(curve, value, at_ms)

    def _move(self, curve: Curve, value: float, at_ms: int) -> None:
        passed = at_ms // self._every_ms - curve.at_ms // self._every_ms
        if passed > 0:
            self._close(curve, curve.at_ms)
        if passed > 1:
            self._close(curve, at_ms - self._every_ms)
        curve.at_ms, curve.value = at_ms, value

    def _close(self, curve: Curve, at_ms: int) -> None:
        curve.done += self._point(at_ms, curve.value)
        curve.done += b","
        curve.count += 1
        if curve.count >= self.points:
            del curve.done[: _end_of_first(curve.done)]
            curve.count -= 1

    def _point(self, at_ms: int, value: float) -> bytes:
        return orjson.dumps((at_ms / 1000 if self._tells_ms else at_ms // 1000, value))

    def text(self, keys: Iterable[Key], names: Set[str] | None, as_of: float | None) -> bytes:
        """The points by key and field, oldest first, as JSON; a key without any is left out.

        Args:
            names: only these fields; None for all.
            as_of: when the channel was last read, Unix seconds: until then its values have held.
        """
        until_ms = max(self._newest_ms, round((as_of or 0.0) * 1000))
        wanted = [
            (dumps(name) + b":[", curves)
            for name, curves in self._curves.items()
            if names is None or name in names
        ]
        pieces: list[bytes | bytearray] = [b"{"]
        for name, key in {str(key): key for key in keys}.items():
            comma = b"" if len(pieces) == 1 else b","
            opening = comma + dumps(name) + b":{"
            for head, curves in wanted:
                if (curve := curves.get(key)) is not None:
                    pieces += (opening, head, *self._points(curve, until_ms), b"]")
                    opening = b","
            if opening == b",":
                pieces.append(b"}")
        pieces.append(b"}")
        return b"".join(pieces)

    def _points(self, curve: Curve, until_ms: int) -> tuple[bytes | bytearray, ...]:
        newest = self._point(curve.at_ms, curve.value)
        if until_ms // self._every_ms == curve.at_ms // self._every_ms:
            return curve.done, newest
        held = b"," + self._point(until_ms, curve.value)
        if curve.count + 2 <= self.points:
            return curve.done, newest, held
        return curve.done[_end_of_first(curve.done) :], newest, held


def _end_of_first(done: bytearray) -> int:
    return done.index(b"]") + 2


def is_number(value: Json) -> TypeGuard[int | float]:
    """Whether it can be drawn: no bool, nothing that JavaScript has no number for."""
    if type(value) is float:
        return math.isfinite(value)
    return type(value) is int and -SAFE_INTEGER <= value <= SAFE_INTEGER
