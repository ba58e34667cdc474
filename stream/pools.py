"""Connections that are kept for the next request to the same place.

It must not know what a connection is: it lends what it was given and closes what nobody needs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

MAX_IDLE: Final = 8
"""Kept connections of one place that are not in use."""
MAX_PLACES: Final = 2048
"""Redirects choose places, so their number needs an end; the one unused for longest goes."""


class Closable(Protocol):
    """Anything that can be closed."""

    def close(self) -> None:
        """Close it."""
        ...


T = TypeVar("T", bound=Closable)


@dataclass(slots=True)
class _Place(Generic[T]):
    """What of one place nobody uses now, the last used at the end."""

    idle: list[T] = field(default_factory=list)
    users: int = 0


class Pools(Generic[T]):
    """All kept connections of one process, each for one user at a time."""

    def __init__(self) -> None:
        self._places: dict[Hashable, _Place[T]] = {}

    def borrow(self, place: Hashable, make: Callable[[], T]) -> T:
        """The connection of this place that was used last, or a new one; to be given back."""
        pool = self._places.pop(place, None) or _Place[T]()
        self._places[place] = pool  # so the dict is in the order of last use
        one = pool.idle.pop() if pool.idle else make()
        pool.users += 1
        if len(self._places) > MAX_PLACES:
            self._forget_the_oldest()
        return one

    def give_back(self, place: Hashable, one: T) -> None:
        """It is not used any more."""
        pool = self._places.get(place)
        if pool is None:  # closed meanwhile
            one.close()
            return
        pool.users -= 1
        pool.idle.append(one)
        if len(pool.idle) > MAX_IDLE:
            pool.idle.pop(0).close()

    def close(self) -> None:
        """Close every connection that is not in use; the others when they are given back."""
        while self._places:
            _close(self._places.popitem()[1])

    def _forget_the_oldest(self) -> None:
        oldest = next((place for place, one in self._places.items() if not one.users), None)
        if oldest is not None:
            _close(self._places.pop(oldest))


def _close(pool: _Place[T]) -> None:
    while pool.idle:
        pool.idle.pop().close()
