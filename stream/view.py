"""A channel seen through keys, fields and where: the state in, this view's items and changes out.

Pure. A view is shared by all who ask the same. It keeps no items of its own; a view with ``where``
keeps, for each of its keys, when it entered and when it left.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from stream.merge import sort_value
from stream.model import Change, Item, Key
from stream.query import Query
from stream.state import CHANGES, Changed, Entry, State


@dataclass(frozen=True, slots=True)
class Spec:
    """What a subscriber asked to see. Equal specs share a view.

    Attributes:
        fields: the top-level fields to send beside the key; None for all.
        keys: the items to send, as written by the subscriber; None for all.
        where: the items to send are those for which this is true.
    """

    fields: tuple[str, ...] | None = None
    keys: frozenset[str] | None = None
    where: Query | None = None


class Window(NamedTuple):
    """A view's change after a cursor.

    Attributes:
        change: in the view's own terms: what enters is put, what leaves is deleted.
        exact: every put is known to be new to the reader, or had just as it is; every delete known
            to be had.
    """

    change: Change
    exact: bool


class View:
    """One spec over one state.

    Args:
        state: the channel's state; the view reads it, never writes it.
        key: the field that carries the key, always sent.
        spec: what to show.
    """

    def __init__(self, state: State, key: str, spec: Spec) -> None:
        self.state = state
        self.spec = spec
        self.restart(key)

    def restart(self, key: str) -> None:
        """Begin at the state as it is now, its items carrying their key in this field."""
        self.seq = self.state.seq
        self.changes: deque[int] = deque(maxlen=CHANGES)
        self.names = None if self.spec.fields is None else frozenset(self.spec.fields) | {key}
        self._forms = _forms_of(self.spec.keys)
        self._known_from = self.state.seq
        self._left: dict[Key, int] = {}
        self._entered: dict[Key, int] = {}
        if self.spec.where is not None:
            self._entered = {key: 0 for key, entry in self._candidates() if self._matches(entry)}
        self._present = 0 if self.spec.keys is None else sum(1 for _ in self._candidates())

    @property
    def _shows_all(self) -> bool:
        return self.spec.keys is None and self.names is None and self.spec.where is None

    def _wants(self, key: Key) -> bool:
        return self.spec.keys is None or str(key) in self.spec.keys

    def _matches(self, entry: Entry) -> bool:
        return self.spec.where is None or self.spec.where.test(entry.item)

    def _candidates(self) -> Iterable[tuple[Key, Entry]]:
        entries = self.state.entries
        if self._forms is None:
            return entries.items()
        found = [(key, entries[key]) for key in self._forms if key in entries]
        return sorted(found, key=lambda row: row[1].place)

    def _project(self, item: Item) -> Item:
        names = self.names
        if names is None:
            return item
        return {name: value for name, value in item.items() if name in names}

    def observe(self, change: Change, seq: int, keys: Collection[Key] | None = None) -> bool:
        """Take notice of a change the state has just applied.

        Args:
            keys: those of the change's keys that the view may show, where somebody knows them.

        Returns:
            Whether this view changed: whether its readers have something to be told.
        """
        if self._shows_all:
            touched = bool(change)
        else:
            if keys is None:
                keys = [key for key in _keys_of(change) if self._wants(key)]
            if self.spec.keys is not None and (change.put or change.delete):
                self._count(change, seq, keys)
            touched = self._notice_all(change, seq, keys)
        if touched:
            self.seq = seq
            self.changes.append(seq)
        return touched

    def _notice_all(self, change: Change, seq: int, keys: Collection[Key]) -> bool:
        if self.spec.where is None and self.names is None:
            return bool(keys)
        touched = False
        for key in keys:
            if self._notice(key, change, seq):
                touched = True
        return touched

    def _count(self, change: Change, seq: int, keys: Iterable[Key]) -> None:
        entries = self.state.entries
        for key in keys:
            entry = entries.get(key)
            if entry is None:
                self._present -= 1
            elif entry.arrived == seq:
                self._present += 1

    def window(self, change: Change, seq: int, keys: Iterable[Key] | None = None) -> Window:
        """The change that ``observe`` has just noticed in a view with ``where``.

        The same as ``since(seq - 1)`` for a reader who has all before it, without looking at
        anything but the change's own keys.
        """
        if keys is None:
            keys = [key for key in _keys_of(change) if self._wants(key)]
        put: dict[Key, Item] = {}
        patch: dict[Key, Item] = {}
        delete: list[Key] = []
        for key in keys:
            if self._left.get(key) == seq:
                delete.append(key)
            elif key not in self._entered:
                continue
            elif self._entered[key] == seq or key in change.put:
                put[key] = self._project(self.state.entries[key].item)
            elif fields := self._project(change.patch[key]):
                patch[key] = fields
        exact = all(self._entered[key] == seq for key in put)
        return Window(Change(put, patch, tuple(delete)), exact)

    def position(self, seq: int) -> tuple[int, int]:
        """Where a reader at seq stands in this view's changes.

        Returns:
            The seq of the last change the reader has (readers with the same one are told the same),
            and how many came after it, as far as is remembered.
        """
        count = 0
        for at in reversed(self.changes):
            if at <= seq:
                return at, count
            count += 1
        return seq, count

    def _notice(self, key: Key, change: Change, seq: int) -> bool:
        fields = change.patch.get(key)
        if self.spec.where is None:
            return fields is None or self.names is None or not self.names.isdisjoint(fields)
        entry = self.state.entries.get(key)
        was = key in self._entered
        now = entry is not None and self._matches(entry)
        if now and not was:
            self._entered[key] = seq
            self._left.pop(key, None)
        elif was and not now:
            del self._entered[key]
            self._left[key] = seq
            if len(self._left) > 1024:
                self._known_from = max(self._known_from, self._left.pop(next(iter(self._left))))
        if now and was and fields is not None and self.names is not None:
            return not self.names.isdisjoint(fields)
        return now or was

    def __len__(self) -> int:
        if self.spec.where is not None:
            return len(self._entered)
        return len(self.state) if self.spec.keys is None else self._present

    def _shown(self) -> Iterable[tuple[Key, Entry]]:
        inside = self._entered if self.spec.where is not None else None
        for key, entry in self._candidates():
            if inside is None or key in inside:
                yield key, entry

    def items(self) -> Iterable[tuple[Key, Item]]:
        """The view's items in the order of arrival, projected."""
        return ((key, self._project(entry.item)) for key, entry in self._shown())

    def newest(self, most: int, sort: str | None) -> list[tuple[Key, Item]]:
        """So many of the items, the newest last.

        Newest are the first of a channel that is ordered downwards, as articles are by the time
        they were published, else the last to change.
        """
        if sort is not None and sort.startswith("-"):
            rows = list(self._shown())
            ranks = _ranks([entry.item for _, entry in rows], sort[1:])
            first = heapq.nlargest(most, range(len(rows)), key=ranks.__getitem__)
            found = [rows[at] for at in first]
        else:
            found = list(islice(filter(self._shows, self.state.latest()), most))
        return [(key, self._project(entry.item)) for key, entry in reversed(found)]

    def _shows(self, row: tuple[Key, Entry]) -> bool:
        return self._wants(row[0]) and (self.spec.where is None or row[0] in self._entered)

    def keys(self) -> Iterable[Key]:
        """The keys of the view's items in the order of arrival."""
        return (key for key, _ in self._shown())

    def since(self, seq: int) -> Window | None:
        """What changed in the view after seq, composed; None where only a snapshot will do."""
        if not self.state.knows(seq):
            return None
        put: list[tuple[int, Key, Item]] = []
        patch: dict[Key, Item] = {}
        delete: list[Key] = []
        exact = True
        for key, entry in self._changed_since(seq):
            verdict = self._verdict(Changed(key, entry), seq)
            if verdict is None:
                continue
            if entry is None or not verdict.inside:
                delete.append(key)
            elif verdict.names is None:
                put.append((entry.place, key, self._project(entry.item)))
            elif fields := self._pick(entry.item, verdict.names):
                patch[key] = fields
            exact = exact and verdict.exact
        put.sort(key=lambda row: row[0])
        change = Change({key: item for _, key, item in put}, patch, tuple(delete))
        return Window(change, exact)

    def _changed_since(self, seq: int) -> list[Changed]:
        if self._forms is None:
            return self.state.changed_since(seq)
        return self.state.changed_among(self._forms, seq)

    def _pick(self, item: Item, names: frozenset[str]) -> Item:
        wanted = names if self.names is None else names & self.names
        return {name: item[name] for name in item if name in wanted}

    def _verdict(self, changed: Changed, seq: int) -> _Verdict | None:
        key, entry = changed
        if self.spec.where is None:
            if entry is None:
                return _Verdict(inside=False, names=None, exact=False)
            names = entry.fields_since(seq)
            # A reader cut off in the middle of a batch is ahead of its cursor: it may have the item
            # already, so only one that is still as it arrived can be given again without harm.
            new = entry.revived <= seq < entry.arrived == entry.seq
            return _Verdict(inside=True, names=names, exact=names is not None or new)
        remembers = seq >= self._known_from
        entered = self._entered.get(key)
        if entered is None:
            if remembers and self._left.get(key, 0) <= seq:
                return None
            return _Verdict(inside=False, names=None, exact=False)
        names = None
        if entry is not None and remembers and entered <= seq:
            names = entry.fields_since(seq)
        return _Verdict(inside=True, names=names, exact=names is not None)


class _Verdict(NamedTuple):
    inside: bool
    names: frozenset[str] | None
    exact: bool


def _ranks(items: list[Item], name: str) -> list[Any]:
    """What the items are ordered by. Values of one kind are that themselves, six times as fast."""
    values = [item.get(name) for item in items]
    kinds = set(map(type, values))
    if kinds <= {int, float} or kinds == {str}:
        return values
    return [sort_value(item, name) for item in items]


def _keys_of(change: Change) -> Iterable[Key]:
    yield from change.put
    yield from change.patch
    yield from change.delete


def _forms_of(keys: frozenset[str] | None) -> tuple[Key, ...] | None:
    return None if keys is None else tuple(form for text in sorted(keys) for form in forms(text))


def forms(text: str) -> tuple[Key, ...]:
    """The keys a written key may mean: the text, and the integer where it is one."""
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 19:
        number = int(text)
        if str(number) == text:
            return (text, number)
    return (text,)
