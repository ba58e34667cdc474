"""Messages as lines for people: the format ``text``, with colours where they are asked for.

Pure. What upstreams wrote is shown, never obeyed: no line holds what could steer a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import orjson

from stream.model import Item, Json, Key, Status
from stream.plain import printable

if TYPE_CHECKING:
    from stream.encode import Head

NEW: Final = "+ "
CHANGED: Final = "~ "
GONE: Final = "- "
TOLD: Final = "! "

_COLORS: Final = {NEW: "32", CHANGED: "33", GONE: "31", TOLD: "35"}
_KEY: Final = "1"
_UP: Final = "32"
_DOWN: Final = "31"
_SIGNED: Final = ("change", "change_pct")
"""How the names of fields end that say by their sign whether something rose or fell."""
_SENTENCES: Final = frozenset({"message", "hint"})
_FOR_PROGRAMS: Final = frozenset({"code", "cursor", "channel"})


def text_line(mark: str, head: Head, key: Key, fields: Item, *, colored: bool = False) -> bytes:
    """``~ 12:04:05 quotes AAPL.US close=189.2``: one item for human eyes."""
    shown = plain(key)
    words = [_marked(mark, colored=colored) + clock(head.as_of), head.channel]
    words.append(_painted(shown, _KEY) if colored else shown)
    for name, value in fields.items():
        if name != head.key:
            shown = plain(value)
            if colored and (color := _direction(name, value)):
                shown = _painted(shown, color)
            words.append(f"{printable(name)}={shown}")
    return " ".join(words).encode()


def notice(at: float | None, words: str, *, colored: bool = False) -> bytes:
    """``! 12:04:05 quotes is failing``: what is no item, in one line."""
    shown = " ".join(printable(" ".join(words.split())).split())
    return f"{_marked(TOLD, colored=colored)}{clock(at)} {shown}".encode()


def status_line(channel: str, status: Status, *, colored: bool = False) -> bytes:
    """A channel's status, and why."""
    reason = f": {status.error.message}" if status.error is not None else ""
    return notice(status.since, f"{channel} is {status.state}{reason}", colored=colored)


def spoken(event: str, members: Mapping[str, object], *, colored: bool = False) -> bytes:
    """A message about the connection: ``! channels: news quotes``. Codes are for programs."""
    parts = [_said(name, value) for name, value in members.items() if name not in _FOR_PROGRAMS]
    words = f"{event}: {'; '.join(parts)}" if parts else event
    return f"{_marked(TOLD, colored=colored)}{printable(words)}".encode()


def _said(name: str, value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if name in _SENTENCES else f"{name}={text}"


def plain(value: Json) -> str:
    """A value as a word: text as it is where it has no blank, else as JSON. Never two lines."""
    if isinstance(value, str) and value.isprintable() and value and " " not in value:
        return value
    return printable(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode())


def clock(at: float | None) -> str:
    """The time of day in UTC."""
    return "--:--:--" if at is None else f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _direction(name: str, value: Json) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value:
        return None
    if not name.endswith(_SIGNED):
        return None
    return _UP if value > 0 else _DOWN


def _marked(mark: str, *, colored: bool) -> str:
    return f"{_painted(mark[0], _COLORS[mark])} " if colored and mark else mark


def _painted(text: str, color: str) -> str:
    """Between SGR sequences (ECMA-48 §8.3.117); the second takes everything back."""
    return f"\x1b[{color}m{text}\x1b[0m"
