"""What a restart must not forget: the calls each source has spent today (UTC), and when it is due.

One small file. It counts and writes; it must not decide when a source is read, and trouble with its
file never stops a read. Items and validators are not in it: a 304 is worth something only to who
still has the items.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

log = logging.getLogger("stream.ledger")

WRITE_EVERY_S: Final = 2.0
"""A crash forgets at most the calls of this long; a busy node does not write at every read."""

KEEP_FROM_S: Final = 10.0
"""A read that is due sooner is not remembered: a restart takes about as long."""

_DAY_S: Final = 86_400


class Due(NamedTuple):
    """When a source is to be read.

    Attributes:
        at: Unix seconds.
        owed: it must not be read sooner, not even after a restart.
    """

    at: float
    owed: bool


class Ledger:
    """The daily budget of calls, per source, and the next read of each.

    Args:
        path: the file; None keeps the counts in memory only.
        now: the wall clock, Unix seconds: quotas are reset by the calendar, not by our uptime.
    """

    def __init__(self, path: Path | None, *, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now
        self._day = int(now() // _DAY_S)
        self._spent: dict[str, int] = {}
        self._due: dict[str, Due] = {}
        self._begun: set[str] = set()
        self._dirty = False
        self._written_at: float | None = None
        self._may_complain = True
        if path is not None:
            self._load(path)

    def spend(self, source: str, cost: int) -> None:
        """Count calls before they are made, for failed ones are counted too.

        Args:
            cost: below 0 for calls that were not made after all.
        """
        self._turn_day()
        self._spent[source] = max(0, self._spent.get(source, 0) + cost)
        self._dirty = True
        self.flush_in_time()

    def begin(self, place: str, delay_s: float) -> None:
        """A read begins. Should the process not survive it, the next is not before its time.

        The first time it is written at once, or a start that always fails would ask each time.

        Args:
            place: what is read: the name of a source, and of the channel where it has several.
            delay_s: until the next read.
        """
        self.plan(place, delay_s, owed=True)
        if place in self._due and place not in self._begun:
            self._begun.add(place)
            self.flush()

    def plan(self, place: str, delay_s: float, *, owed: bool) -> None:
        """The next read is due in so many seconds; ``owed``: and must not come sooner."""
        if self._path is None:
            return
        if delay_s >= KEEP_FROM_S:
            self._due[place] = Due(self._now() + delay_s, owed)
        elif self._due.pop(place, None) is None:
            return
        self._dirty = True
        self.flush_in_time()

    def due(self, place: str) -> Due | None:
        """When it is due, where that was remembered."""
        return self._due.get(place)

    def flush_in_time(self) -> None:
        """Write what is not written yet, unless that was done a moment ago. To be called often."""
        # A clock that was set back must not hold up the next write.
        since = None if self._written_at is None else self._now() - self._written_at
        if since is None or not 0 <= since < WRITE_EVERY_S:
            self.flush()

    def left(self, source: str, per_day: int) -> int:
        """How many calls of today's quota are left; never below 0."""
        self._turn_day()
        return max(0, per_day - self._spent.get(source, 0))

    def seconds_to_reset(self) -> float:
        """Until the next midnight UTC: above 0, at most 86,400."""
        return _DAY_S - self._now() % _DAY_S

    def flush(self) -> None:
        """Write now what is not written yet. To be called at close."""
        if self._path is None or not self._dirty:
            return
        self._written_at = now = self._now()
        self._due = {place: due for place, due in self._due.items() if due.at > now}
        try:
            self._write(self._path)
        except OSError as error:
            if self._may_complain:
                log.warning("cannot write the state file path=%s error=%s", self._path, error)
            self._may_complain = False
        else:
            self._dirty = False
            self._may_complain = True

    def _turn_day(self) -> None:
        # Any other day counts as a new one: after a clock that ran ahead was put right, waiting
        # for "a later day" would hold the budget spent for as long as it had run ahead.
        day = int(self._now() // _DAY_S)
        if day != self._day:
            self._day = day
            self._spent.clear()
            self._dirty = True

    def _write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(path.name + ".tmp")
        try:
            due = {place: tuple(each) for place, each in self._due.items()}
            half.write_bytes(orjson.dumps({"day": self._day, "spent": self._spent, "due": due}))
            os.replace(half, path)
        except OSError:
            with contextlib.suppress(OSError):
                half.unlink(missing_ok=True)
            raise

    def _load(self, path: Path) -> None:
        try:
            day, spent, due = _parse(path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            log.warning(
                "the state file is ignored, counts start at 0 path=%s error=%s", path, error
            )
            return
        self._due = due
        if day == self._day:
            self._spent = spent


def _parse(text: bytes) -> tuple[int, dict[str, int], dict[str, Due]]:
    document = orjson.loads(text)
    if not isinstance(document, dict):
        raise ValueError("expected an object")
    day, spent, due = document.get("day"), document.get("spent"), document.get("due", {})
    if type(day) is not int or not isinstance(spent, dict) or not isinstance(due, dict):
        raise ValueError("expected a day, what was spent on it, and what is due")
    if any(type(calls) is not int or calls < 0 for calls in spent.values()):
        raise ValueError("expected counts of calls")
    return day, spent, {place: _due(row) for place, row in due.items()}


def _due(row: Any) -> Due:
    match row:
        case [int() | float() as at, bool() as owed]:
            return Due(float(at), owed)
    raise ValueError("expected a time, and whether it is owed")
