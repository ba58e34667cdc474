"""One change of one channel → its messages for every view that shows it.

Pure. What many views have in common is encoded once: the head, and each item's part per selection
of fields. A view's message is those bytes put together, and not before somebody is to be sent it:
with thousands of watchlists on one channel that is the larger part of the work, and it can be done
in slices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from stream import encode
from stream.encode import Format, Head, Message, dumps, item_bytes
from stream.model import Change, Cursor, Item, Key
from stream.state import State
from stream.view import View, Window

_Names: TypeAlias = frozenset[str] | None
_PUT: Final = 0
_PATCH: Final = 1
_DEL: Final = 2
_NOTHING: Final = 3


class Splice:
    """What is known of one change, for readers who have everything before it.

    Args:
        head: the head of the channel's messages; its count is that of no view.
        state: the state just after the change.
        cursor: the place of the change.
        change: as the state took it.
        new: the keys that were not there before it.
    """

    def __init__(
        self, head: Head, state: State, cursor: Cursor, change: Change, new: frozenset[Key]
    ) -> None:
        self.head = head
        self.state = state
        self.cursor = cursor
        self.change = change
        self.new = new
        self.cursor_text = str(cursor)
        self._prefix = b""
        self._parts: dict[_Names, dict[Key, tuple[int, bytes]]] = {}

    def keys(self) -> Iterable[Key]:
        """Every key of the change."""
        change = self.change
        return (*change.put, *change.patch, *change.delete)

    def prefix(self) -> bytes:
        """A JSON diff up to the value of its count."""
        if not self._prefix:
            members: dict[str, object] = {"type": "diff", "channel": self.head.channel}
            members["cursor"] = self.cursor_text
            if self.head.as_of is not None:
                members["as_of"] = encode.timestamp(self.head.as_of)
            self._prefix = dumps(members)[:-1] + b',"count":'
        return self._prefix

    def rows(self, names: _Names, keys: Iterable[Key]) -> tuple[list[bytes], ...]:
        """The parts of these keys' puts, patches and deletions."""
        found: tuple[list[bytes], ...] = ([], [], [], [])
        parts = self._parts.setdefault(names, {})
        for key in keys:
            part = parts.get(key)
            if part is None:
                part = parts[key] = self._part(names, key)
            found[part[0]].append(part[1])
        return found

    def _part(self, names: _Names, key: Key) -> tuple[int, bytes]:
        change = self.change
        if key in change.put:
            item = change.put[key]
            if names is None:
                return _PUT, item_bytes(self.state, key, item)
            return _PUT, dumps(projected(item, names))
        if key in change.patch:
            fields = change.patch[key]
            if names is not None:
                fields = projected(fields, names)
            return (_PATCH, dumps({self.head.key: key, **fields})) if fields else (_NOTHING, b"")
        return _DEL, dumps(key)

    def window(self, names: _Names, keys: Iterable[Key]) -> Window:
        """These keys' share of the change."""
        change = self.change
        put: dict[Key, Item] = {}
        patch: dict[Key, Item] = {}
        delete: list[Key] = []
        for key in keys:
            if key in change.put:
                item = change.put[key]
                put[key] = item if names is None else projected(item, names)
            elif key in change.patch:
                fields = change.patch[key]
                if names is not None:
                    fields = projected(fields, names)
                if fields:
                    patch[key] = fields
            else:
                delete.append(key)
        return Window(Change(put, patch, tuple(delete)), self.new.issuperset(put))


class Telling:
    """One change as one view shows it, in one format; encoded when it is to be sent.

    Args:
        view: it is looked at now, and not again.
        keys: those of the change's keys that the view shows, None for all.
        window: the view's own account of the change, where it is more than its keys' share.
    """

    __slots__ = ("_count", "_form", "_keys", "_messages", "_names", "_splice", "_window")

    def __init__(
        self,
        splice: Splice,
        view: View,
        form: Format,
        keys: Sequence[Key] | None,
        window: Window | None = None,
    ) -> None:
        self._splice = splice
        self._names = view.names
        self._count = len(view)
        self._form = form
        self._keys = keys
        self._window = window
        self._messages: list[Message] | None = None

    @property
    def seq(self) -> int:
        """The number of the change."""
        return self._splice.cursor.seq

    def messages(self) -> list[Message]:
        """What is to be sent, made once."""
        if self._messages is None:
            is_plain = self._form is Format.JSON and self._window is None
            self._messages = [self._spliced()] if is_plain else self._encoded()
        return self._messages

    def _spliced(self) -> Message:
        splice = self._splice
        keys = splice.keys() if self._keys is None else self._keys
        put, patch, delete, _ = splice.rows(self._names, keys)
        parts = [splice.prefix(), b"%d" % self._count]
        if put:
            parts += (b',"put":[', b",".join(put), b"]")
        if patch:
            parts += (b',"patch":[', b",".join(patch), b"]")
        if delete:
            parts += (b',"del":[', b",".join(delete), b"]")
        parts.append(b"}")
        return Message("diff", splice.cursor_text, b"".join(parts))

    def _encoded(self) -> list[Message]:
        splice = self._splice
        window = self._window
        if window is None:
            keys = splice.keys() if self._keys is None else self._keys
            window = splice.window(self._names, keys)
        return encode.diff(
            replace(splice.head, count=self._count),
            splice.state,
            window,
            self._form,
            before=str(Cursor(splice.cursor.epoch, splice.cursor.seq - 1)),
            cursor=splice.cursor_text,
        )


def projected(fields: Item, names: frozenset[str]) -> Item:
    """Only these fields."""
    return {name: value for name, value in fields.items() if name in names}
