"""Values, ages and states as short texts for a terminal. Nothing in them can steer it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from stream.model import Json
from stream.plain import printable

LONGEST: Final = 300
"""Most characters of a cell; no terminal is wider, and items may hold whole articles."""
STATE_STYLES: Final = {
    "ok": "green",
    "waiting": "yellow",
    "stale": "yellow",
    "limited": "yellow",
    "failing": "bold red",
    "paused": "dim",
    "on demand": "dim",
}


def cell(value: Json) -> str:
    """One value on one line; empty where there is none."""
    if isinstance(value, str):
        return printable(" ".join(value[:LONGEST].split()))
    if value is None:
        return "–"
    return printable(json.dumps(value, ensure_ascii=False, separators=(",", ":"))[:LONGEST])


def is_number(value: Json) -> bool:
    """Whether a value belongs on the right."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def ago(at: datetime | str | None, now: datetime) -> str:
    """How long ago that was: ``3 s``, ``4 min``, ``5 h``, ``6 d``; empty where it is not known."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    if at is None:
        return ""
    seconds = max(0.0, (now - at).total_seconds())
    for size, unit, most in ((1, "s", 100), (60, "min", 6_000), (3_600, "h", 172_800)):
        if seconds < most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
