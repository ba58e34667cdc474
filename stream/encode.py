"""Snapshots and changes → messages as bytes, in the formats of protocol.md §3 and §4.

Pure. An item is turned into JSON once (``Entry.encoded``); messages are spliced from those bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import orjson

from stream import text
from stream.model import Change, Item, Json, Key, Status
from stream.state import State
from stream.text import notice, spoken, status_line, text_line
from stream.view import View, Window


class Format(StrEnum):
    """How a subscriber wants its messages written."""

    JSON = "json"
    MERGE_PATCH = "merge-patch"
    JSON_PATCH = "json-patch"
    TEXT = "text"
    COLORED = "text+color"

    @property
    def is_text(self) -> bool:
        """Whether it is lines for people, which nobody applies to anything."""
        return self is Format.TEXT or self is Format.COLORED

    __hash__ = str.__hash__  # an Enum's own is written in Python, and this is asked per message


@dataclass(slots=True, eq=False)
class Message:
    """One message: its type, the cursor it carries, if any, and its payload.

    Attributes:
        head: the payload, or its beginning.
        body: the rest of it, where that is large and shared by many messages: a copy for each of
            a thousand readers who join at once would be gigabytes.
        frames: the bytes on the wire, by framing, once somebody needed them (framing.py).
    """

    event: str
    cursor: str | None
    head: bytes
    body: bytes = b""
    frames: dict[object, tuple[bytes, ...]] | None = None

    @property
    def data(self) -> bytes:
        """The payload: one line, except in the text format, where it is one line per item."""
        return self.head + self.body


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the head of a message of a view."""

    channel: str
    key: str
    sort: str | None
    as_of: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Marks:
    """What a message says of the one reader it is for."""

    resumed: bool = False
    conflated: int = 0
    reply_to: Json = None


NO_MARKS: Final = Marks()
_MAY_HOLD_NULLS: Final = frozenset({type(None), dict})


def timestamp(at: float) -> str:
    """Unix seconds as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def dumps(value: object) -> bytes:
    """Compact JSON on one line, safe for readers that also split lines at U+2028 and the like."""
    data = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    # One look for both: to look for two bytes in a row takes twenty times as long.
    if data.isascii():
        return data
    if b"\xe2\x80" in data:
        data = data.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    if b"\xc2\x85" in data:
        data = data.replace(b"\xc2\x85", b"\\u0085")
    return data


def item_bytes(state: State, key: Key, item: Item) -> bytes:
    """The item as JSON; made once for an item that is sent whole."""
    entry = state.entries.get(key)
    if entry is None or entry.item is not item:
        return dumps(item)
    if entry.encoded is None:
        entry.encoded = dumps(item)
    return entry.encoded


def _join(head: dict[str, object], members: Iterable[tuple[bytes, bytes]]) -> bytes:
    """An object of the head's members followed by ready-made ones."""
    parts = [dumps(head)[:-1]]
    for name, value in members:
        parts += (b',"', name, b'":', value)
    parts.append(b"}")
    return b"".join(parts)


def _array(values: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(values) + b"]"


def _marked(members: dict[str, object], marks: Marks) -> dict[str, object]:
    if marks.resumed:
        members["resumed"] = True
    if marks.conflated:
        members["conflated"] = marks.conflated
    if marks.reply_to is not None:
        members["id"] = marks.reply_to
    return members


def snapshot_body(head: Head, view: View, form: Format) -> bytes:
    """The expensive end of a snapshot, the items, shared by all who join at one moment."""
    if form.is_text:
        return _lines(head, view.items(), form)
    # One call for all items: piece by piece 10,000 of them hold the loop six times as long.
    if form is Format.JSON:
        return b"".join((b',"items":', dumps([item for _, item in view.items()]), b"}"))
    if form is Format.JSON_PATCH:
        document = {str(key): item for key, item in view.items()}
    else:
        document = {str(key): without_nulls(item) for key, item in view.items()}
    return b"".join((b',"doc":', dumps(document), b"}"))


def with_trail(body: bytes, trail: bytes) -> bytes:
    """A body of ``snapshot_body``, in JSON, with the text of a trail as its last member."""
    return b"".join((memoryview(body)[:-1], b',"trail":', trail, b"}"))


def snapshot(
    head: Head, form: Format, cursor: str, body: bytes, marks: Marks = NO_MARKS
) -> Message:
    """A snapshot message around a body of ``snapshot_body``."""
    if form.is_text:
        return Message("snapshot", cursor, body or _without_items(head, form))
    members: dict[str, object] = {"type": "snapshot", "channel": head.channel, "cursor": cursor}
    members["key"] = head.key
    if head.sort is not None:
        members["sort"] = head.sort
    members |= _stamp(head)
    return Message("snapshot", cursor, dumps(_marked(members, marks))[:-1], body)


def _stamp(head: Head) -> dict[str, object]:
    stamp: dict[str, object] = {} if head.as_of is None else {"as_of": timestamp(head.as_of)}
    return stamp | {"count": head.count}


def diff(
    head: Head,
    state: State,
    window: Window,
    form: Format,
    *,
    before: str,
    cursor: str,
    marks: Marks = NO_MARKS,
) -> list[Message]:
    """A composed change as one message, or two where a merge patch needs a clean start.

    Args:
        before: the cursor the reader has; a message that is not the last of the change carries it.
        cursor: the cursor the reader has after the last message.
    """
    if form.is_text:
        return _text_diff(head, window.change, cursor, form)
    if form is Format.JSON:
        return [_json_diff(head, state, window.change, cursor, marks)]
    members: dict[str, object] = {"type": "patch", "channel": head.channel, "cursor": cursor}
    members = _marked(members | _stamp(head), marks)
    if form is Format.JSON_PATCH:
        members["ops"] = json_patch(window)
        return [Message("patch", cursor, dumps(members))]
    clear, merge = merge_patch(window)
    messages = []
    if clear:
        first = {"type": "patch", "channel": head.channel, "cursor": before, "merge": clear}
        messages.append(Message("patch", before, dumps(first)))
    members["merge"] = merge
    return [*messages, Message("patch", cursor, dumps(members))]


def _json_diff(head: Head, state: State, change: Change, cursor: str, marks: Marks) -> Message:
    members: dict[str, object] = {"type": "diff", "channel": head.channel, "cursor": cursor}
    tail: list[tuple[bytes, bytes]] = []
    if change.put:
        put = _array(item_bytes(state, key, item) for key, item in change.put.items())
        tail.append((b"put", put))
    if change.patch:
        rows = [{head.key: key, **fields} for key, fields in change.patch.items()]
        tail.append((b"patch", dumps(rows)))
    if change.delete:
        tail.append((b"del", dumps(change.delete)))
    return Message("diff", cursor, _join(_marked(members | _stamp(head), marks), tail))


def merge_patch(window: Window) -> tuple[dict[str, Json], dict[str, Json]]:
    """Two RFC 7396 patches, to be applied one after the other; the first is often empty.

    A merge patch can only merge into an object that is there, never replace it. What has to be
    replaced (an item the reader may have, a member that is an object) is therefore removed first.
    Members that are null cannot be expressed and are absent from the document.
    """
    clear: dict[str, Json] = {}
    merge: dict[str, Json] = {}
    for key, item in window.change.put.items():
        if not window.exact:
            clear[str(key)] = None
        merge[str(key)] = without_nulls(item)
    for key, fields in window.change.patch.items():
        nested: dict[str, Json] = {n: None for n, v in fields.items() if isinstance(v, dict)}
        if nested:
            clear[str(key)] = nested
        merge[str(key)] = {
            n: without_nulls(v) if isinstance(v, dict) else v for n, v in fields.items()
        }
    for key in window.change.delete:
        merge[str(key)] = None
    return clear, merge


def json_patch(window: Window) -> list[dict[str, Json]]:
    """RFC 6902 operations that hold whether or not the reader has what goes.

    ``remove`` of a path that is not there fails the whole patch, so where it is not certain that
    the reader has the item it is added first.
    """
    ops: list[dict[str, Json]] = [
        {"op": "add", "path": pointer(key), "value": item}
        for key, item in window.change.put.items()
    ]
    for key, fields in window.change.patch.items():
        ops += (
            {"op": "add", "path": pointer(key, name), "value": value}
            for name, value in fields.items()
        )
    for key in window.change.delete:
        if not window.exact:
            ops.append({"op": "add", "path": pointer(key), "value": None})
        ops.append({"op": "remove", "path": pointer(key)})
    return ops


def pointer(*names: Key) -> str:
    """An RFC 6901 pointer."""
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)


def without_nulls(value: dict[str, Json]) -> dict[str, Json]:
    """The object without members that are null, at every depth outside arrays."""
    if _MAY_HOLD_NULLS.isdisjoint(map(type, value.values())):
        return value
    return {
        name: without_nulls(member) if isinstance(member, dict) else member
        for name, member in value.items()
        if member is not None
    }


def newest(
    head: Head,
    rows: Iterable[tuple[Key, Item]],
    state: str | None,
    form: Format,
    marks: Marks = NO_MARKS,
) -> Message:
    """A few items, for one look: no part of what is sent in order, so it carries no cursor.

    Args:
        state: how the channel is doing, where that is to be told.
    """
    if form.is_text:
        lines = _lines(head, rows, form) or _without_items(head, form)
        if state is not None:
            words = f"{head.channel} is {state}"
            lines += b"\n" + notice(head.as_of, words, colored=form is Format.COLORED)
        return Message("last", None, lines)
    members: dict[str, object] = {"type": "last", "channel": head.channel, "key": head.key}
    if head.sort is not None:
        members["sort"] = head.sort
    if state is not None:
        members["state"] = state
    members = _marked(members | _stamp(head), marks)
    return Message("last", None, dumps(members | {"items": [item for _, item in rows]}))


def _lines(head: Head, rows: Iterable[tuple[Key, Item]], form: Format, mark: str = "") -> bytes:
    colored = form is Format.COLORED
    return b"\n".join(text_line(mark, head, key, item, colored=colored) for key, item in rows)


def _without_items(head: Head, form: Format) -> bytes:
    """Said in words: an empty line would look as if nothing had happened."""
    return notice(head.as_of, f"{head.channel} has no items", colored=form is Format.COLORED)


def _text_diff(head: Head, change: Change, cursor: str, form: Format) -> list[Message]:
    groups = (
        _lines(head, change.put.items(), form, text.NEW),
        _lines(head, change.patch.items(), form, text.CHANGED),
        _lines(head, ((key, {}) for key in change.delete), form, text.GONE),
    )
    lines = b"\n".join(filter(None, groups))
    if not lines:
        words = f"{head.channel} has nothing new"
        lines = notice(head.as_of, words, colored=form is Format.COLORED)
    return [Message("diff", cursor, lines)]


def status(channel: str, status: Status, form: Format) -> Message:
    """A status message."""
    if form.is_text:
        line = status_line(channel, status, colored=form is Format.COLORED)
        return Message("status", None, line)
    members: dict[str, object] = {"type": "status", "channel": channel}
    return Message("status", None, dumps(members | status_members(status)))


def status_members(status: Status) -> dict[str, object]:
    """A status as members of a message, absent where unknown."""
    members: dict[str, object] = {"state": str(status.state)}
    if status.as_of is not None:
        members["as_of"] = timestamp(status.as_of)
    members["since"] = timestamp(status.since)
    if status.next_poll is not None:
        members["next_poll"] = timestamp(status.next_poll)
    if status.error is not None:
        members["error"] = {"kind": status.error.kind, "message": status.error.message}
    return members


def control(event: str, form: Format = Format.JSON, **members: object) -> Message:
    """A message about the connection itself: welcome, error, pong, bye …"""
    present = {name: value for name, value in members.items() if value is not None}
    if form.is_text:
        return Message(event, None, spoken(event, present, colored=form is Format.COLORED))
    return Message(event, None, dumps({"type": event, **present}))
