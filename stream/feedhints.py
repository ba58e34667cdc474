"""Feed bytes → when the publisher wants no reads: `skipHours` and `skipDays` of RSS.

Pure. It looks at the ends of the feed only, outside its items, and reads no XML: the parser of
`feedxml.py` keeps one hour of the list. How long a feed stays as it is (`ttl`, `sy:`) is found by
`articles.py`.
"""

from __future__ import annotations

import re
from typing import Final

from stream.schedule import Hints

_WITHIN: Final = 65_536
"""Most bytes looked at before the first item, and after the last: a channel's head is a few KB."""
_ITEM: Final = (b"<item", b"<entry")
_ITEM_END: Final = (b"</item>", b"</entry>")
_LIST = re.compile(
    rb"<(skipHours|skipDays)>((?:\s*+<(hour|day)>[^<>]{1,40}</(?:hour|day)>){0,50})", re.IGNORECASE
)
_ENTRY = re.compile(rb"<(?:hour|day)>\s*([A-Za-z0-9]{1,9})\s*</", re.IGNORECASE)
_DAYS: Final = (b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday")


def feed_hints(body: bytes, ttl_s: float | None = None) -> Hints:
    """What a feed says about when to read it.

    Args:
        body: the feed, in an encoding that has ASCII in it (others have no such hints).
        ttl_s: how long it says that it stays as it is.

    Returns:
        Hours in UTC, 24 being 0; days by their English names. Anything else is passed over.
    """
    hours: set[int] = set()
    days: set[int] = set()
    for found in _LIST.finditer(_outside(body)):
        words = [word.lower() for word in _ENTRY.findall(found[2])]
        if found[1].lower() == b"skiphours":
            hours |= {int(word) % 24 for word in words if word.isdigit() and int(word) <= 24}
        else:
            days |= {_DAYS.index(word) for word in words if word in _DAYS}
    return Hints(ttl_s, frozenset(hours), frozenset(days))


def _outside(body: bytes) -> bytes:
    """The feed without its items, in which anybody may have written anything."""
    starts = [at for at in (body.find(mark) for mark in _ITEM) if at >= 0]
    if not starts:
        return body[:_WITHIN]
    last = max(body.rfind(mark) for mark in _ITEM_END)
    tail = body[max(last, len(body) - _WITHIN) :] if last >= 0 else b""
    return body[: min(*starts, _WITHIN)] + b"\n" + tail
