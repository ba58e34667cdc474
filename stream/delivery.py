"""When what is owed is written: at most once a tick, and a slice of connections at a time.

However many connections there are, the loop is given back between two slices, so that a change for
twenty thousand readers holds up nobody for more than a few milliseconds. Nothing is awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from stream.audience import Audience, Place, Shares
from stream.framing import pieces

if TYPE_CHECKING:
    from stream.direct import DirectRoad

SLICE: Final = 256
"""Connections written to before the loop is given back: 2 to 4 ms at 8 to 15 µs each (measured)."""
COMPOSING: Final = 8
"""What a connection counts for that has to be composed a message of its own."""

MOST_COMPOSED: Final = 256
"""Composed answers kept until the next change, for laggards who are at the same moment."""


class Loop(Protocol):
    """What is needed of an event loop."""

    def time(self) -> float:
        """Monotonic seconds."""

    def call_soon(self, callback: Callable[[], None], /) -> object:
        """Call at the end of the loop's turn."""

    def call_later(self, delay_s: float, callback: Callable[[], None], /) -> object:
        """Call after so long."""


class Delivery:
    """Writes what audiences have collected and what laggards are owed.

    Args:
        now_seq: the hub's seq, asked at each moment.
        loop: who calls it; the running loop where None.
    """

    def __init__(self, now_seq: Callable[[], int], loop: Loop | None = None) -> None:
        self.audiences: dict[Place, Audience] = {}
        self.live = 0
        self._now_seq = now_seq
        self._loop = loop
        self._dirty: dict[Audience, None] = {}
        self._waking: dict[DirectRoad, None] = {}
        self._composed: dict[object, tuple[list[bytes], int]] = {}
        self._composed_at = 0
        self._is_due = False
        self._is_timed = False

    def mark(self, audience: Audience) -> None:
        """This audience has something to be written."""
        self._dirty[audience] = None
        self._schedule()

    def wake(self, road: DirectRoad) -> None:
        """This laggard may be owed something."""
        self._waking[road] = None
        self._schedule()

    def forget(self, road: DirectRoad) -> None:
        """This connection is gone."""
        self._waking.pop(road, None)

    def join(self, road: DirectRoad, place: Place, shares: Shares) -> Audience | None:
        """Make a connection to which nothing is owed live.

        Returns:
            Its audience; None where it has to wait, to be woken again.
        """
        audience = self.audiences.get(place)
        if audience is None:
            audience = self.audiences[place] = Audience(place, shares, self._now_seq)
        if not audience.join(road):
            return None
        self.live += 1
        return audience

    def compose(self, road: DirectRoad) -> list[bytes]:
        """What a laggard is owed, as bytes; made once for all who are at the same moment."""
        subscriber, seq = road.subscriber, self._now_seq()
        moment = subscriber.moment()
        if moment is None:
            return pieces(subscriber.take(), road.framing)
        if self._composed_at != seq:
            self._composed.clear()
            self._composed_at = seq
        place = (road.framing, moment)
        if place in self._composed:
            found, told = self._composed[place]
            subscriber.take_as(seen=seq, told=told)
            return found
        found = pieces(subscriber.take(), road.framing)
        if len(self._composed) < MOST_COMPOSED:
            self._composed[place] = found, subscriber.told
        return found

    def leave(self, road: DirectRoad, audience: Audience) -> int:
        """Make it a laggard again; everything up to the seq returned has been written to it."""
        position = audience.leave(road)
        self.live -= 1
        if not audience.members:
            self._disband_if_empty(audience)
        return position

    def _disband_if_empty(self, audience: Audience) -> None:
        if audience.is_empty and self.audiences.get(audience.place) is audience:
            del self.audiences[audience.place]
            self._dirty.pop(audience, None)
            audience.disband()

    def _running(self) -> Loop:
        return asyncio.get_running_loop() if self._loop is None else self._loop

    def _schedule(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._running().call_soon(self.run)

    def _schedule_at(self, moment_s: float, now_s: float) -> None:
        if not self._is_timed:
            self._is_timed = True
            self._running().call_later(moment_s - now_s, self._tick)

    def _tick(self) -> None:
        self._is_timed = False
        self._schedule()

    def run(self) -> None:
        """Write one slice; the rest at the end of the loop's next turn, or when it is due."""
        self._is_due = False
        now_s = self._running().time()
        left, later_s = self._write_audiences(now_s)
        self._advance_laggards(max(left, SLICE // 4))
        if left <= 0 or self._waking:
            self._schedule()
        elif later_s is not None:
            self._schedule_at(later_s, now_s)

    def _write_audiences(self, now_s: float) -> tuple[int, float | None]:
        """Write to those that are due.

        Returns:
            How many connections are left of the slice, and when the next audience is due.
        """
        left, later_s = SLICE, None
        for audience in list(self._dirty):
            if left <= 0:
                break
            if not audience.is_due(now_s):
                later_s = audience.due_at if later_s is None else min(later_s, audience.due_at)
                continue
            left -= audience.write(left, now_s)
            # To the end of the line, so that a busy audience does not starve the others.
            self._dirty.pop(audience, None)
            if not audience.is_quiet:
                self._dirty[audience] = None
            elif audience.is_empty:
                self._disband_if_empty(audience)
        return left, later_s

    def _advance_laggards(self, left: int) -> None:
        while self._waking and left > 0:
            road = next(iter(self._waking))
            del self._waking[road]
            left -= COMPOSING
            road.advance()
