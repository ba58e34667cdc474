"""What the sources of one channel answered → the items the channel should now hold.

Pure. Removal policy, retention, the guard against empty answers, and several sources by key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from stream.identity import Keyed
from stream.model import ADDED_KEY, Item, Json, Key

MASS_ITEMS: Final = 10
"""Collections above this are guarded against mass removal; of a few items, most may well go."""
MASS_SHARE: Final = 0.9
"""Losing more than this share of the items at once is more often half an answer than the truth."""


@dataclass(slots=True)
class Contribution:
    """What one source last brought, and how its items leave.

    Attributes:
        window: an item that is gone from the answer has aged out: it is kept until newer ones push
            it out. Otherwise gone from the answer is gone.
        aliases: the field that lists all keys an item goes by. What is kept under one of them is
            that item as it was called before, and goes.
        empty_ok: answers that take away nearly all are believed at once, not only when they come
            twice.
        on_demand: an item that is gone may only be wanted no longer, so that losing many is no
            reason to doubt; losing all still is.
        held: an answer that is doubted, held back until the next one.
        plain: no answer so far had a boolean in it, as far as that is known.
    """

    name: str
    window: bool = False
    aliases: str | None = None
    empty_ok: bool = False
    on_demand: bool = False
    key: str | None = None
    items: dict[Key, Item] = field(default_factory=dict)
    held: Keyed | None = None
    plain: bool = True

    def take(self, keyed: Keyed, retain: int | None, sort: str | None = None) -> bool:
        """Take an answer.

        Returns:
            False where it is held back: it takes nearly all away, and that was seen only once.
        """
        if self.held is None and not self.empty_ok and self._is_doubtful(keyed):
            self.held = keyed
            return False
        self.held = None
        self.plain = self.plain and keyed.plain
        answer = dict(keyed.items)
        if self.window and self.key == keyed.key:
            room = None if retain is None else max(0, retain - len(answer))
            current = answer.keys() | self._aliases(answer)
            aged = {name: item for name, item in self.items.items() if name not in current}
            answer.update(retained(aged, retain=room, sort=sort))
        self.items = answer
        if keyed.items or self.key is None:
            self.key = keyed.key
        return True

    def _aliases(self, answer: Mapping[Key, Item]) -> set[Key]:
        if self.aliases is None:
            return set()
        lists = [item.get(self.aliases) for item in answer.values()]
        return {
            name
            for names in lists
            if isinstance(names, list)
            for name in names
            if isinstance(name, str | int) and not isinstance(name, bool)
        }

    def _is_doubtful(self, keyed: Keyed) -> bool:
        """Whether many items became none, or more than nine in ten would go."""
        if not keyed.items:
            return bool(self.items)
        if self.window or self.on_demand or len(self.items) <= MASS_ITEMS:
            return False
        if self.key != keyed.key:
            return False
        kept = len(self.items.keys() & keyed.items.keys())
        return len(self.items) - kept > MASS_SHARE * len(self.items)

    @property
    def removals(self) -> int:
        """How many items the answer that is held back would take away."""
        return 0 if self.held is None else len(self.items.keys() - self.held.items.keys())


def sort_value(item: Item, name: str) -> tuple[int, float | str]:
    """A place for any JSON value in one order: absent first, then numbers, texts, the rest."""
    value: Json = item.get(name)
    if value is None:
        return (0, 0.0)
    if isinstance(value, bool | int | float):
        return (1, float(value))
    return (2, value) if isinstance(value, str) else (3, 0.0)


class Merge:
    """One channel's items from its sources.

    Where a key comes from several sources, the one named first in the configuration wins.

    Args:
        sources: in the order of the configuration.
        retain: most items kept; the last by ``sort`` go first, else the oldest arrivals.
        sort: a field, with ``-`` for descending.
    """

    def __init__(
        self, sources: Iterable[Contribution], *, retain: int | None, sort: str | None
    ) -> None:
        self.sources = {source.name: source for source in sources}
        self.retain = retain
        self.sort = sort

    def take(self, name: str, keyed: Keyed) -> bool:
        """Take the answer of one source; False where it is held back (see ``Contribution``)."""
        if len(self.sources) > 1:
            for item in keyed.items.values():
                item.setdefault("source", name)
        return self.sources[name].take(keyed, self.retain, self.sort)

    @property
    def key(self) -> str | None:
        """The field that carries the key in every item; None while nothing was read."""
        keys = {source.key for source in self.sources.values() if source.key is not None}
        return keys.pop() if len(keys) == 1 else (ADDED_KEY if keys else None)

    @property
    def plain(self) -> bool:
        """Whether it is known that no item has ever held a boolean."""
        return all(source.plain for source in self.sources.values())

    def items(self) -> dict[Key, Item]:
        """What the channel should hold."""
        key = self.key
        if len(self.sources) == 1:
            (source,) = self.sources.values()
            return self._retained(source.items)
        merged: dict[Key, Item] = {}
        for source in self.sources.values():
            rekey = source.key != key
            for name, item in source.items.items():
                if name not in merged:
                    merged[name] = {ADDED_KEY: name, **item} if rekey else item
        return self._retained(merged)

    def _retained(self, items: Mapping[Key, Item]) -> dict[Key, Item]:
        return retained(items, retain=self.retain, sort=self.sort)


def retained(items: Mapping[Key, Item], *, retain: int | None, sort: str | None) -> dict[Key, Item]:
    """At most ``retain`` of the items: the first by ``sort``, else as they come."""
    if retain is None or len(items) <= retain:
        return dict(items)
    if sort is None:
        return dict(list(items.items())[:retain])
    name = sort.removeprefix("-")
    ranked = sorted(
        items, key=lambda key: sort_value(items[key], name), reverse=sort.startswith("-")
    )
    kept = set(ranked[:retain])
    return {key: item for key, item in items.items() if key in kept}
