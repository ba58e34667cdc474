"""The live connections that watch exactly the same: what is written once for all of them.

A live connection has no state of its own: where it stands is where its audience stands. What its
channels tell is collected here, and once a tick one slice of connections after another is handed
the very same bytes. Nothing is awaited.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from stream.encode import Format, Message
from stream.framing import Framing, frames

if TYPE_CHECKING:
    from stream.channel import Channel, SharedView
    from stream.direct import DirectRoad

MOST_PENDING_BYTES: Final = 256 * 1024
"""More than this within one tick is not written as it came: everybody is sent what it comes to."""
MOST_PENDING: Final = 1024
"""The same for the number of changes, which are not encoded before they are written."""
TICK_S: Final = 0.01
"""Least time between two writes to one audience: what changes meanwhile goes out in one. The first
change after a pause is written at once."""

Place: TypeAlias = tuple[Framing, tuple[tuple[str, Format, object], ...]]
"""What makes two connections the same audience: framing, and channel, format and view of each."""
Shares: TypeAlias = "tuple[tuple[SharedView, Format], ...]"
"""The views that an audience looks through, each in its format."""


class Told(Protocol):
    """What a channel tells: a change, or a status."""

    @property
    def seq(self) -> int:
        """The number of the change; 0 where it is none."""

    def messages(self) -> Sequence[Message]:
        """What is to be sent, made once for all."""


class Notice:
    """A message that is no change: it moves no cursor."""

    __slots__ = ("_messages",)
    seq: Final = 0

    def __init__(self, message: Message) -> None:
        self._messages = (message,)

    def messages(self) -> Sequence[Message]:
        """The one message."""
        return self._messages


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
        "due_at",
        "framing",
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
        self.framing = place[0]
        self.shares = shares
        self.members: dict[DirectRoad, None] = {}
        self.seen = now_seq()
        self.last_seq = 0
        self.due_at = 0.0
        self.pending: list[Told] = []
        self.statuses: set[Channel] = set()
        self.is_overrun = False
        self._now_seq = now_seq
        self._batch: Sequence[bytes] = ()
        self._left: dict[DirectRoad, None] = {}
        self._joiners: list[DirectRoad] = []
        for shared, form in shares:
            shared.audiences.setdefault(form, {})[self] = None

    @property
    def is_empty(self) -> bool:
        """Whether nobody is in it, or waits to be."""
        return not (self.members or self._joiners)

    def is_due(self, now_s: float) -> bool:
        """Whether its tick is over, or it is in the middle of writing."""
        return bool(self._left) or self.due_at <= now_s

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to write."""
        return not (self._left or self.pending or self.is_overrun)

    @property
    def position(self) -> int:
        """Everything up to here has been written to every member, a batch under way aside."""
        return self.seen if self.pending or self.is_overrun else self._now_seq()

    def add(self, telling: Told) -> None:
        """Collect what a channel tells; in the order of the hub's sequence."""
        if self.is_overrun:
            return
        self.pending.append(telling)
        self.last_seq = telling.seq or self.last_seq
        if len(self.pending) > MOST_PENDING:
            self.overrun()

    def add_status(self, channel: Channel, status: Notice) -> None:
        """Collect a status."""
        self.add(status)
        self.statuses.add(channel)

    def overrun(self) -> None:
        """Give up what was collected: each member is to be sent what it all comes to."""
        self.is_overrun = True
        self.pending = []

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

    def write(self, most: int, now_s: float) -> int:
        """Write to at most so many connections.

        Returns:
            How many were written to.
        """
        if self._left:
            return self._go_on(most)
        self.due_at = now_s + TICK_S
        self._encode()
        if self.is_overrun:
            return self._scatter()
        self._seal()
        batch, members = self._batch, list(self.members)
        if len(members) > most:
            self._left = dict.fromkeys(members[most:])
            members = members[:most]
        for road in members:
            road.write(batch)
        if not self._left:
            self._batch = ()
        self._admit()
        return len(members) + 1

    def _encode(self) -> None:
        """Make the bytes of what is pending, unless they are more than a tick may hold."""
        framing, found, size = self.framing, [], 0
        if len(self.pending) == 1 and len(messages := self.pending[0].messages()) == 1:
            self._batch = frames(messages[0], framing)  # so it is nearly always
            return
        for telling in self.pending:
            for message in telling.messages():
                for piece in frames(message, framing):
                    found.append(piece)
                    size += len(piece)
            if size > MOST_PENDING_BYTES:
                self.overrun()
                return
        self._batch = found if len(found) == 1 else [b"".join(found)]

    def _go_on(self, most: int) -> int:
        written = 0
        while self._left and written < most:
            road, _ = self._left.popitem()
            road.write(self._batch)
            written += 1
        if not self._left:
            self._batch = ()
        return written

    def _seal(self) -> None:
        self.seen = self._now_seq()
        self.statuses.clear()
        self.pending = []

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
