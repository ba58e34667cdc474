"""One change of one channel → its messages for every view that shows it, as it happens.

Pure. What many views have in common is encoded once: the head, and each item's part per selection
of fields. A view's message is those bytes put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from stream import encode
from stream.encode import Format, Head, Message, dumps, item_bytes
from stream.model import Cursor, Item, Key
from stream.state import State
from stream.view import View, Window

_Parts: TypeAlias = dict[tuple[frozenset[str] | None, Key], bytes]


class Splice:
    """The messages of one change, for readers who have everything before it.

    Args:
        head: the head of the channel's messages; its count is that of no view.
        state: the state after the change.
        cursor: the place of the change.
    """

    def __init__(self, head: Head, state: State, cursor: Cursor) -> None:
        self._head = head
        self._state = state
        self._cursor = cursor
        self._prefix = b""
        self._puts: _Parts = {}
        self._patches: _Parts = {}

    def messages(self, view: View, window: Window, form: Format) -> list[Message]:
        """The change as this view shows it."""
        count = len(view)
        if form is Format.JSON:
            return [self._diff(view, window, count)]
        return encode.diff(
            replace(self._head, count=count),
            self._state,
            window,
            form,
            before=str(Cursor(self._cursor.epoch, self._cursor.seq - 1)),
            cursor=str(self._cursor),
        )

    def _diff(self, view: View, window: Window, count: int) -> Message:
        change = window.change
        parts = [self._prefix or self._begin(), b"%d" % count]
        if change.put:
            parts += (b',"put":[', b",".join(self._put_parts(view, change.put)), b"]")
        if change.patch:
            parts += (b',"patch":[', b",".join(self._patch_parts(view, change.patch)), b"]")
        if change.delete:
            parts += (b',"del":', dumps(change.delete))
        parts.append(b"}")
        return Message("diff", str(self._cursor), b"".join(parts))

    def _begin(self) -> bytes:
        members: dict[str, object] = {"type": "diff", "channel": self._head.channel}
        members["cursor"] = str(self._cursor)
        if self._head.as_of is not None:
            members["as_of"] = encode.timestamp(self._head.as_of)
        self._prefix = dumps(members)[:-1] + b',"count":'
        return self._prefix

    def _put_parts(self, view: View, rows: Mapping[Key, Item]) -> list[bytes]:
        if view.names is None:
            return [item_bytes(self._state, key, item) for key, item in rows.items()]
        found = []
        for key, item in rows.items():
            place = (view.names, key)
            if place not in self._puts:
                self._puts[place] = dumps(item)
            found.append(self._puts[place])
        return found

    def _patch_parts(self, view: View, rows: Mapping[Key, Item]) -> list[bytes]:
        found = []
        for key, fields in rows.items():
            place = (view.names, key)
            if place not in self._patches:
                self._patches[place] = dumps({self._head.key: key, **fields})
            found.append(self._patches[place])
        return found
