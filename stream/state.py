"""A channel's versioned, keyed state: what it holds now, and what changed since N.

Pure. Memory is bounded by the items held, their fields, and the number of deletions remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stream.model import Change, Item, Key

CHANGES: Final = 1024
"""Sequence numbers of past changes a view remembers, to say how many were composed into one."""


@dataclass(slots=True)
class Entry:
    """One item and when it came to be what it is.

    Attributes:
        arrived: seq of the insert that began this life of the key.
        revived: seq of the deletion that ended the life before; 0 where none is remembered.
            A reader at c with revived <= c < arrived is known not to have the item.
        whole: seq of the last put: readers before it need the whole item.
        patched: field → seq of the last patch of it since then.
        encoded: the item as JSON text, once somebody needed it; emptied by every change.
    """

    item: Item
    seq: int
    arrived: int
    revived: int
    whole: int
    place: int
    patched: dict[str, int] = field(default_factory=dict)
    encoded: bytes | None = None

    def fields_since(self, seq: int) -> frozenset[str] | None:
        """Names of the fields that changed after seq; None where the whole item must be sent."""
        if self.whole > seq:
            return None
        return frozenset(name for name, at in self.patched.items() if at > seq)


class Changed(NamedTuple):
    """One key that changed after a cursor: its entry, or None where it was deleted."""

    key: Key
    entry: Entry | None


class State:
    """The items of one channel with the seq at which each last changed.

    Args:
        deletions: how many deletions are remembered; a reader from before a forgotten one gets a
            snapshot.
        seq: the hub's seq at the birth of the channel: cursors before it know nothing of it.
    """

    def __init__(self, *, deletions: int = 10_000, seq: int = 0) -> None:
        self.entries: dict[Key, Entry] = {}
        self.seq = seq
        self.floor = seq
        self._deleted: dict[Key, int] = {}
        self._most_deletions = deletions
        # Keys in the order of their last change, the newest last: since() reads it backwards.
        self._order: dict[Key, None] = {}
        self._places = 0

    def __len__(self) -> int:
        return len(self.entries)

    def apply(self, change: Change, seq: int) -> None:
        """Take a change numbered seq.

        Raises:
            ValueError: seq is not after the last one.
            KeyError: a patch names an item that is not there; nothing was applied.
        """
        if seq <= self.seq:
            raise ValueError(f"change {seq} comes after {self.seq}")
        missing = change.patch.keys() - self.entries.keys()
        if missing:
            raise KeyError(next(iter(missing)))
        for key, item in change.put.items():
            self._put(key, item, seq)
        for key, fields in change.patch.items():
            self._patch(key, fields, seq)
        for key in change.delete:
            self._delete(key, seq)
        self._forget()
        self.seq = seq

    def reset(self, seq: int) -> None:
        """Forget how things came about: every reader from before seq gets a snapshot."""
        self.floor = self.seq = seq
        self._deleted.clear()

    def _touch(self, key: Key) -> None:
        self._order.pop(key, None)
        self._order[key] = None

    def _put(self, key: Key, item: Item, seq: int) -> None:
        old = self.entries.get(key)
        if old is None:
            self._places += 1
            revived = self._deleted.pop(key, 0)
            self.entries[key] = Entry(item, seq, seq, revived, seq, self._places)
        else:
            self.entries[key] = Entry(item, seq, old.arrived, old.revived, seq, old.place)
        self._touch(key)

    def _patch(self, key: Key, fields: Item, seq: int) -> None:
        entry = self.entries[key]
        entry.patched.update(dict.fromkeys(fields, seq))
        entry.item = {**entry.item, **fields}
        entry.encoded = None
        entry.seq = seq
        self._touch(key)

    def _delete(self, key: Key, seq: int) -> None:
        if self.entries.pop(key, None) is None:
            return
        self._deleted[key] = seq
        self._touch(key)

    def _forget(self) -> None:
        while len(self._deleted) > self._most_deletions:
            key = next(iter(self._deleted))
            self.floor = max(self.floor, self._deleted.pop(key))
            self._order.pop(key, None)

    def knows(self, seq: int) -> bool:
        """Whether since(seq) can be answered: no deletion after it has been forgotten."""
        return seq >= self.floor

    def changed_since(self, seq: int) -> list[Changed]:
        """The keys that changed after seq, oldest change first. O(changed keys)."""
        found: list[Changed] = []
        for key in reversed(self._order):
            entry = self.entries.get(key)
            at = entry.seq if entry is not None else self._deleted[key]
            if at <= seq:
                break
            found.append(Changed(key, entry))
        found.reverse()
        return found

    def changed_among(self, keys: Iterable[Key], seq: int) -> list[Changed]:
        """Those of the keys that changed after seq, oldest change first. O(keys)."""
        found: list[tuple[int, Changed]] = []
        for key in keys:
            entry = self.entries.get(key)
            at = entry.seq if entry is not None else self._deleted.get(key, 0)
            if at > seq:
                found.append((at, Changed(key, entry)))
        found.sort(key=lambda row: row[0])
        return [changed for _, changed in found]

    def latest(self) -> Iterator[tuple[Key, Entry]]:
        """The items, the last to change first."""
        for key in reversed(self._order):
            entry = self.entries.get(key)
            if entry is not None:
                yield key, entry

    def since(self, seq: int) -> Change | None:
        """What changed after seq, composed; None where only a snapshot will do."""
        if not self.knows(seq):
            return None
        put: list[tuple[int, Key, Item]] = []
        patch: dict[Key, Item] = {}
        delete: list[Key] = []
        for key, entry in self.changed_since(seq):
            if entry is None:
                delete.append(key)
                continue
            names = entry.fields_since(seq)
            if names is None:
                put.append((entry.place, key, entry.item))
            else:
                patch[key] = {name: entry.item[name] for name in entry.item if name in names}
        put.sort(key=lambda row: row[0])
        return Change({key: item for _, key, item in put}, patch, tuple(delete))

    def items(self) -> Iterator[tuple[Key, Item]]:
        """The items in the order of arrival, newest last."""
        return ((key, entry.item) for key, entry in self.entries.items())

    def snapshot(self) -> Mapping[Key, Item]:
        """All items by key, in the order of arrival, newest last."""
        return dict(self.items())
