"""A client's copy of one channel: messages go in, what is new since the last look comes out. Pure.

There is no queue. What has come in and was not looked at yet is merged, so a reader that looks
rarely sees fewer and larger updates, and what is held is at most two copies of the channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from stream.diff import diff
from stream.model import Change, Item, Json, Key

Kind: TypeAlias = Literal["snapshot", "diff", "status"]
Body: TypeAlias = Mapping[str, Any]
"""One message of the server, decoded."""


class Diverged(Exception):
    """The copy is not what the server has; it must be asked for everything again."""


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How a channel's sources are doing (protocol.md §3).

    Attributes:
        state: ``waiting``, ``ok``, ``stale``, ``failing``, ``limited`` or ``paused``.
        since: since when; None where it is not known, as for a plain ``ok``.
        next_poll: when the source is read next.
        error_kind, error: why the last read failed; empty where it did not.
    """

    state: str = "ok"
    since: datetime | None = None
    next_poll: datetime | None = None
    error_kind: str = ""
    error: str = ""


OK: Final = ChannelStatus()


@dataclass(frozen=True, slots=True)
class Update:
    """What is new on one channel. Items belong to the copy: do not change them.

    Attributes:
        cursor: resume from here and nothing is missed, on any channel of the subscription; None
            until all of them have had their first message.
        kind: ``snapshot``: `items` is everything, whatever was there before; ``diff``; ``status``:
            only the status is new.
        put, patch, delete: what leads from the items of the last update to these, for a snapshot
            too. A patch holds the key and the fields that changed.
        added, changed, removed: the same as keys.
        items: all items by key, in order of arrival; until the next update is taken. Empty after a
            resume from a cursor without a copy, until a snapshot comes.
        key: the field that identifies an item; None where it was never told.
        sort: how to order items: a field, ``-`` for descending; None for order of arrival.
        resumed: the first one since a link took up where the last one was lost.
        conflated: so many changes, or more, stand behind this; 0 for one.
        as_of: when the source was last read successfully.
    """

    channel: str
    cursor: str | None
    kind: Kind
    put: tuple[Item, ...] = ()
    patch: tuple[Item, ...] = ()
    delete: tuple[Key, ...] = ()
    added: tuple[Key, ...] = ()
    changed: tuple[Key, ...] = ()
    removed: tuple[Key, ...] = ()
    items: Mapping[Key, Item] = field(default_factory=dict, repr=False)
    key: str | None = None
    sort: str | None = None
    resumed: bool = False
    conflated: int = 0
    as_of: datetime | None = None
    status: ChannelStatus = OK

    def rows(self) -> list[Item]:
        """The items in the channel's order."""
        return in_order(self.items, self.sort)


class Mirror:
    """One channel's copy.

    Attributes:
        items: as of the last update that was given.
        is_new: there is something to give.
    """

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.items: dict[Key, Item] = {}
        self.key: str | None = None
        self.sort: str | None = None
        self.status = OK
        self.as_of: datetime | None = None
        self.is_new = False
        self._arrived: dict[Key, Item] = {}
        self._touched: dict[Key, None] = {}
        self._kind: Kind = "status"
        self._passed: Change | None = None
        self._rows: tuple[tuple[Item, ...], tuple[Item, ...]] = ((), ())
        self._resumed = False
        self._conflated = 0

    @property
    def may_take(self) -> bool:
        """Whether a message can be merged with what is not given yet.

        Without a key, which a snapshot tells, it cannot: the reader has to look first.
        """
        return self.key is not None or self._passed is None

    def take(self, message: Body) -> bool:
        """Take one message.

        Returns:
            Whether it was about this channel's items: its first message, for a new link.

        Raises:
            Diverged: the copy is no longer the server's.
        """
        kind = message.get("type")
        try:
            if kind == "snapshot":
                self._snapshot(message)
            elif kind == "diff":
                self._diff(message)
            elif kind == "status":
                self.status = _status_of(message)
            else:
                return False
        except (KeyError, TypeError, ValueError) as error:
            raise Diverged(f"{self.channel}: {error!r}") from None
        if "as_of" in message:
            self.as_of = _time(message["as_of"])
        self.is_new = True
        return bool(kind != "status")

    def _snapshot(self, message: Body) -> None:
        key = str(message["key"])
        self._arrived = {item[key]: item for item in message["items"]}
        self.key, self.sort = key, message.get("sort")
        self._kind = "snapshot"
        self._passed = None
        self._count(message)
        self.status = OK  # a status follows a first message only where it is another

    def _diff(self, message: Body) -> None:
        put, patch = message.get("put", ()), message.get("patch", ())
        delete = tuple(message.get("del", ()))
        if self._kind == "status":
            self._kind = "diff"
        if message.get("resumed"):
            self._resumed = True
            self.status = OK
        if self.key is None:
            self._passed = Change(delete=delete)
            self._rows = (tuple(put), tuple(patch))
            self._tally(message)
            return
        for item in put:
            self._write(item[self.key], item)
        for part in patch:
            key = part[self.key]
            self._write(key, {**self._arrived[key], **part})
        for key in delete:
            self._arrived.pop(key, None)
            self._touched[key] = None
        self._count(message)

    def _write(self, key: Key, item: Item) -> None:
        self._arrived[key] = item
        self._touched[key] = None

    def _count(self, message: Body) -> None:
        if message["count"] != len(self._arrived):
            told = message["count"]
            raise Diverged(f"{self.channel}: {len(self._arrived)} items, the server has {told}")
        self._tally(message)

    def _tally(self, message: Body) -> None:
        self._conflated += message.get("conflated", 1)

    def give(self, cursor: str | None) -> Update:
        """What is new since the last time; from here on `items` is as of now."""
        change = self._settle()
        put, patch = self._rows
        if self.key is not None:
            put = tuple(change.put.values())
            patch = tuple({self.key: key, **fields} for key, fields in change.patch.items())
        added = tuple(key for key in change.put if key not in self.items)
        replaced = tuple(key for key in change.put if key in self.items)
        self._renew()
        update = Update(
            channel=self.channel,
            cursor=cursor,
            kind=self._kind,
            put=put,
            patch=patch,
            delete=change.delete,
            added=added,
            changed=(*replaced, *change.patch),
            removed=change.delete if self.key is not None else (),
            items=MappingProxyType(self.items),
            key=self.key,
            sort=self.sort,
            resumed=self._resumed,
            conflated=self._conflated if self._conflated > 1 else 0,
            as_of=self.as_of,
            status=self.status,
        )
        self._rows, self._passed, self._kind = ((), ()), None, "status"
        self._resumed, self.is_new, self._conflated = False, False, 0
        return update

    def _settle(self) -> Change:
        """What leads from the items that were given to those that have arrived."""
        if self._passed is not None:
            return self._passed
        if self._kind == "snapshot":
            return diff(self.items, self._arrived)
        before = {key: self.items[key] for key in self._touched if key in self.items}
        after = {key: self._arrived[key] for key in self._touched if key in self._arrived}
        return diff(before, after)

    def _renew(self) -> None:
        if self._kind == "snapshot":
            self.items = dict(self._arrived)
        else:
            for key in self._touched:
                if key in self._arrived:
                    self.items[key] = self._arrived[key]
                else:
                    self.items.pop(key, None)
        self._touched = {}


def in_order(items: Mapping[Key, Item], sort: str | None) -> list[Item]:
    """The items ordered by a field, ``-`` for descending; those without it last."""
    rows = list(items.values())
    if not sort:
        return rows
    down, field = sort.startswith("-"), sort.removeprefix("-")
    known = [row for row in rows if _rank(row.get(field)) is not None]
    known.sort(key=lambda row: _rank(row.get(field)) or (0, 0), reverse=down)
    return known + [row for row in rows if _rank(row.get(field)) is None]


def _rank(value: Json) -> tuple[int, Any] | None:
    """What values of several types are ordered by; None for what has no order."""
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    return (1, value) if isinstance(value, str) else None


def _status_of(message: Body) -> ChannelStatus:
    error = message.get("error") or {}
    return ChannelStatus(
        str(message["state"]),
        _time(message.get("since")),
        _time(message.get("next_poll")),
        str(error.get("kind", "")),
        str(error.get("message", "")),
    )


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
