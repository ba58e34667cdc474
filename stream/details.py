"""A list that only names its items, and what a second request brought for each: what to ask next.

Pure: it is told the time. Items stay while their name is in the list; a few of the oldest are asked
for again each time, so that all of them stay fresh and the upstream never meets a burst.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stream.model import Item, Key


@dataclass(frozen=True, slots=True)
class _Read:
    """What one request brought (None: there is no such item) and when, in seconds."""

    item: Item | None
    at_s: float


@dataclass(slots=True)
class Details:
    """The items of one list.

    Args:
        most: most items, from the top of the list.
        refresh_s: the time in which every item is asked for again.
    """

    most: int
    refresh_s: float
    _keys: tuple[Key, ...] = ()
    _read: dict[Key, _Read] = field(default_factory=dict)
    _listed_s: float | None = None
    _due: float = 0.0

    def wanted(self, keys: Sequence[Key] | None, now_s: float) -> list[Key]:
        """The list was read: what to ask for, new items first, in the order of the list.

        Args:
            keys: the list; None = as it was. Of equal keys the first counts.
        """
        if keys is not None:
            self._keys = tuple(dict.fromkeys(keys))[: self.most]
            self._read = {key: self._read[key] for key in self._keys if key in self._read}
        new = [key for key in self._keys if key not in self._read]
        return new + self._oldest(now_s)

    def _oldest(self, now_s: float) -> list[Key]:
        """As many of the oldest as fall due in the time since the last list."""
        passed_s = 0.0 if self._listed_s is None else max(0.0, now_s - self._listed_s)
        self._listed_s = now_s
        # What is less than one item is kept for the next time; more than all of them is never due.
        due = self._due + len(self._read) * passed_s / self.refresh_s
        count = int(min(due, len(self._read)))
        self._due = min(due - count, 1.0)
        known = (key for key in self._keys if key in self._read)
        return sorted(known, key=lambda key: self._read[key].at_s)[:count]

    def keep(self, key: Key, item: Item | None, now_s: float) -> None:
        """What a request brought; None where there is nothing to show. A request that failed is
        not told, so that it is made again: as a new item, or as one of the oldest."""
        self._read[key] = _Read(item, now_s)

    def items(self) -> dict[Key, Item]:
        """What is known, in the order of the list; each item is a copy that may be added to."""
        shown = ((key, self._read[key].item) for key in self._keys if key in self._read)
        return {key: dict(item) for key, item in shown if item is not None}
