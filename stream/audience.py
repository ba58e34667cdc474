"""The live connections that watch exactly the same: what is written once for all of them.

A live connection has no state of its own: where it stands is where its audience stands. What its
channels tell is collected here, and one slice of connections after another is handed the very same
bytes. Nothing is awaited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from stream.encode import Format, Message
from stream.framing import Framing, frames

if TYPE_CHECKING:
    from stream.channel import Channel, SharedView
    from stream.direct import DirectRoad

MOST_PENDING_BYTES: Final = 256 * 1024
"""More than this within one tick is not written as it came: everybody is sent what it comes to."""

Place: TypeAlias = tuple[Framing, tuple[tuple[str, Format, object], ...]]
"""What makes two connections the same audience: framing, and channel, format and view of each."""
Shares: TypeAlias = "tuple[tuple[SharedView, Format], ...]"
"""The views that an audience looks through, each in its format."""


class Audience:
    """Live connections that are sent the same bytes at the same moment.

    Args:
        place: what they watch, and how.
        shares: the views they look through.
        now_seq: the hub's seq, asked at each moment.
    """

    __slots__ = (
        "_batch",
        "_joiners",
        "_left",
        "_now_seq",
        "_pending_bytes",
        "is_overrun",
        "last_seq",
        "members",
        "pending",
        "place",
        "seen",
        "shares",
        "statuses",
    )

    def __init__(
        self,
        place: Place,
        shares: Shares,
        now_seq: Callable[[], int],
    ) -> None:
        self.place = place
        self.shares = shares
        self.members: dict[DirectRoad, None] = {}
        self.seen = now_seq()
        self.last_seq = 0
        self.pending: list[bytes] = []
        self.statuses: set[Channel] = set()
        self.is_overrun = False
        self._now_seq = now_seq
        self._pending_bytes = 0
        self._batch: list[bytes] = []
        self._left: dict[DirectRoad, None] = {}
        self._joiners: list[DirectRoad] = []
        for shared, form in shares:
            shared.audiences.setdefault(form, {})[self] = None

    @property
    def framing(self) -> Framing:
        """How the members' connections are framed."""
        return self.place[0]

    @property
    def is_empty(self) -> bool:
        """Whether nobody is in it, or waits to be."""
        return not (self.members or self._joiners)

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to write."""
        return not (self._left or self.pending or self.is_overrun)

    @property
    def position(self) -> int:
        """Everything up to here has been written to every member, a batch under way aside."""
        return self.seen if self.pending or self.is_overrun else self._now_seq()

    def add(self, messages: Iterable[Message], seq: int) -> None:
        """Collect what a channel tells; in the order of the hub's sequence."""
        if self.is_overrun:
            return
        for message in messages:
            for piece in frames(message, self.framing):
                self.pending.append(piece)
                self._pending_bytes += len(piece)
        self.last_seq = seq
        if self._pending_bytes > MOST_PENDING_BYTES:
            self.overrun()

    def add_status(self, channel: Channel, message: Message) -> None:
        """Collect a status; it moves no cursor."""
        self.add((message,), self.last_seq)
        self.statuses.add(channel)

    def overrun(self) -> None:
        """Give up what was collected: each member is to be sent what it all comes to."""
        self.is_overrun = True
        self._forget_pending()

    def _forget_pending(self) -> None:
        self.pending = []
        self._pending_bytes = 0

    def join(self, road: DirectRoad) -> bool:
        """Take in a connection to which nothing is owed.

        Returns:
            False where something has been collected but not written: it is asked again once it is.
        """
        if self.pending or self.is_overrun:
            self._joiners.append(road)
            return False
        self.members[road] = None
        return True

    def leave(self, road: DirectRoad) -> int:
        """Let a connection go; it has been written everything up to the seq returned."""
        if road in self._left:
            del self._left[road]
            if not road.transport.is_closing():
                road.write(self._batch)
        self.members.pop(road, None)
        return self.position

    def tells_status_of(self, channel: Channel) -> bool:
        """Whether a status of this channel has not been written yet."""
        return channel in self.statuses

    def write(self, most: int) -> int:
        """Write to at most so many connections.

        Returns:
            How many were written to.
        """
        if self._left:
            return self._go_on(most)
        if self.is_overrun:
            return self._scatter()
        self._seal()
        batch, members = self._batch, list(self.members)
        self._left = dict.fromkeys(members[most:])
        for road in members[:most]:
            road.write(batch)
        if not self._left:
            self._batch = []
        self._admit()
        return min(most, len(members)) + 1

    def _go_on(self, most: int) -> int:
        written = 0
        while self._left and written < most:
            road, _ = self._left.popitem()
            road.write(self._batch)
            written += 1
        if not self._left:
            self._batch = []
        return written

    def _seal(self) -> None:
        self._batch = joined(self.pending)
        self.seen = self._now_seq()
        self.statuses.clear()
        self._forget_pending()

    def _scatter(self) -> int:
        """Everybody for himself: laggards until they are sent what it came to."""
        members = list(self.members)
        for road in members:
            road.lag()
            road.wake()
        self.is_overrun = False
        self.seen = self._now_seq()
        self.statuses.clear()
        self._admit()
        return len(members) // 8 + 1

    def _admit(self) -> None:
        joiners, self._joiners = self._joiners, []
        for road in joiners:
            road.wake()

    def disband(self) -> None:
        """Take leave of the views: nobody is in it any more."""
        for shared, form in self.shares:
            audiences = shared.audiences.get(form)
            if audiences is not None:
                audiences.pop(self, None)
                if not audiences:
                    del shared.audiences[form]


def joined(pieces: list[bytes]) -> list[bytes]:
    """The pieces as one."""
    return pieces if len(pieces) == 1 else [b"".join(pieces)]
