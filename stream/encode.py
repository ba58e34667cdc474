"""Snapshots and changes → messages as bytes, in the four formats of protocol.md §3 and §4.

Pure. An item is turned into JSON once (``Entry.encoded``); messages are spliced from those bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import orjson

from stream.model import Change, Item, Json, Key, Status
from stream.plain import printable
from stream.state import State
from stream.view import View, Window


class Format(StrEnum):
    """How a subscriber wants its messages written."""

    JSON = "json"
    MERGE_PATCH = "merge-patch"
    JSON_PATCH = "json-patch"
    TEXT = "text"

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
    if form is Format.TEXT:
        return b"\n".join(text_line("", head, key, item) for key, item in view.items())
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
    if form is Format.TEXT:
        return Message("snapshot", cursor, body)
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
    if form is Format.TEXT:
        return _text_diff(head, window.change, cursor)
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


def _text_diff(head: Head, change: Change, cursor: str) -> list[Message]:
    lines = [text_line("+ ", head, key, item) for key, item in change.put.items()]
    lines += [text_line("~ ", head, key, fields) for key, fields in change.patch.items()]
    lines += [text_line("- ", head, key, {}) for key in change.delete]
    return [Message("diff", cursor, b"\n".join(lines))]


def text_line(mark: str, head: Head, key: Key, fields: Item) -> bytes:
    """``~ 12:04:05 quotes AAPL.US close=189.2``: one item for human eyes."""
    clock = "--:--:--" if head.as_of is None else timestamp(head.as_of)[11:19]
    words = [mark + clock, head.channel, plain(key)]
    words += [
        f"{printable(name)}={plain(value)}" for name, value in fields.items() if name != head.key
    ]
    return " ".join(words).encode()


def plain(value: Json) -> str:
    """A value as a word: text as it is where it has no blank, else as JSON. Never two lines.

    JSON leaves some controls as they are, and this is read on terminals.
    """
    if isinstance(value, str) and value.isprintable() and value and " " not in value:
        return value
    return printable(dumps(value).decode())


def status(channel: str, status: Status, form: Format) -> Message:
    """A status message."""
    if form is Format.TEXT:
        reason = f": {status.error.message}" if status.error is not None else ""
        line = f"! {timestamp(status.since)[11:19]} {channel} is {status.state}{reason}"
        return Message("status", None, printable(" ".join(line.split())).encode())
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
    if form is Format.TEXT:
        words = " ".join(f"{name}={plain_any(value)}" for name, value in present.items())
        return Message(event, None, f"! {event} {words}".rstrip().encode())
    return Message(event, None, dumps({"type": event, **present}))


def plain_any(value: object) -> str:
    """``plain`` for the members of control messages, sentences as they are."""
    return printable(value if isinstance(value, str) else dumps(value).decode())
