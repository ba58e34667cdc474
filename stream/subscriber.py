"""One connection's cursor: what it is subscribed to, what it has been sent, what it is owed.

There is no queue. What a connection is owed is composed from the channels' state at the moment it
can be written, by whichever road writes it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from stream.audience import Audience, Place, Shares
from stream.channel import Channel
from stream.encode import Format, Marks, Message
from stream.framing import Framing
from stream.model import Cursor, Json
from stream.view import Spec, View

Moment: TypeAlias = tuple[object, ...]
"""The hub's seq, and what a reader watches and has been sent."""


@dataclass(slots=True, eq=False)
class Subscription:
    """One channel through one view, for one connection.

    Attributes:
        seen: everything up to here has been sent.
        first: the first message is still owed.
        resumed: that first message answers a cursor.
        base: whether a first snapshot is wanted at all (``snapshot=0``); one that stands in for
            a cursor that cannot be honoured always is.
        trail: whether snapshots carry the channel's trail. What else is sent does not depend on it.
    """

    channel: Channel
    view: View
    form: Format
    seen: int
    first: bool = True
    resumed: bool = False
    base: bool = True
    trail: bool = False
    reply_to: Json = None
    status_seen: int = -1

    @property
    def is_owed(self) -> bool:
        """Whether there is something to send, a status aside."""
        return self.first or self.view.seq > self.seen

    @property
    def is_owed_status(self) -> bool:
        """Whether the status has to be told."""
        return not self.first and self.status_seen != self.channel.status_version

    def begin_anew(self) -> None:
        """Owe a snapshot again, whatever was sent."""
        if not self.first:
            self.reply_to = None  # which was answered
        self.first, self.resumed, self.base = True, False, True

    @property
    def unsent_from(self) -> int:
        """The seq of the earliest change of this channel that has not been sent."""
        if self.first and not self.resumed:
            return 1
        return self.seen + 1


class Road(Protocol):
    """What writes to a connection."""

    def wake(self) -> None:
        """Something may be owed."""

    def lag(self) -> None:
        """What the connection is owed is about to change: it must be composed."""


class Subscriber:
    """A connection's handle in the hub.

    Args:
        epoch: the engine's epoch.
        now_seq: the hub's seq, asked at each moment.
        clock: monotonic seconds, for ``max_rate``.

    Attributes:
        road: what writes to the connection, once there is one.
        is_ending: the connection is to be told goodbye, and to come back after ``retry_ms``.
        rate: most rounds of diffs a second; None for no limit.
        is_paused: no diffs are wanted now.
        told: the seq of the last cursor that was sent.
    """

    __slots__ = (
        "_clock",
        "_due_at",
        "_now_seq",
        "epoch",
        "is_ending",
        "is_paused",
        "rate",
        "retry_ms",
        "road",
        "seen",
        "subscriptions",
        "told",
    )

    def __init__(
        self,
        epoch: str,
        now_seq: Callable[[], int],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.epoch = epoch
        self.seen = 0
        self.told = 0
        self.subscriptions: dict[str, Subscription] = {}
        self.road: Road | None = None
        self.is_ending = False
        self.retry_ms = 0
        self.rate: float | None = None
        self.is_paused = False
        self._due_at = 0.0
        self._now_seq = now_seq
        self._clock = clock

    @property
    def cursor(self) -> str:
        """Everything up to here has been sent."""
        return str(Cursor(self.epoch, self.seen))

    def wake(self) -> None:
        """Something may be owed. Called by the hub; touches nothing else of the connection."""
        if self.road is not None:
            self.road.wake()

    def end(self, retry_ms: int = 0) -> None:
        """Whoever writes should say goodbye, with this hint of when to come back."""
        self.is_ending = True
        self.retry_ms = retry_ms
        self.wake()

    def set_rate(self, rate: float | None) -> None:
        """Most rounds of diffs a second from now on; None for no limit."""
        self._lag()
        self.rate = rate
        self._make_due()

    def pause(self) -> None:
        """Send no diffs until ``resume``: the connection lags, by as much as happens meanwhile.

        First messages and statuses are sent all the same, as with a rate.
        """
        self._lag()
        self.is_paused = True
        self._make_due()

    def resume(self) -> None:
        """Send what the pause came to, and go on."""
        if self.is_paused:
            self.is_paused = False
            self._make_due()

    def set_form(self, form: Format) -> None:
        """Write every subscription so from now on.

        Who reads data begins with a snapshot: diffs of one format do not fit what another made.
        """
        self._lag()
        for subscription in self.subscriptions.values():
            if subscription.form is not form:
                subscription.form = form
                if not form.is_text:
                    subscription.begin_anew()
        self.wake()

    def _make_due(self) -> None:
        self._due_at = math.inf if self.is_paused else self._clock()
        self.wake()

    @property
    def may_be_live(self) -> bool:
        """Whether everything may be written to it as it happens, once nothing is owed."""
        return self.rate is None and not self.is_paused and bool(self.subscriptions)

    def _lag(self) -> None:
        if self.road is not None:
            self.road.lag()

    def wait_s(self) -> float | None:
        """How long until something may be sent; None where nothing is owed."""
        if self.is_ending:
            return 0.0
        owed = False
        for subscription in self.subscriptions.values():
            if subscription.first or subscription.is_owed_status:
                return 0.0
            owed = owed or subscription.is_owed
        if self.is_paused or not owed:
            return None
        return max(0.0, self._due_at - self._clock())

    def subscribe(
        self,
        channel: Channel,
        spec: Spec,
        form: Format,
        *,
        since: Cursor | None = None,
        base: bool = True,
        trail: bool = False,
        reply_to: Json = None,
    ) -> None:
        """Begin, or begin anew, to be sent a channel through a view."""
        self._lag()
        self.unsubscribe(channel.name)
        view = channel.watch(spec, self)
        now = self._now_seq()
        honoured = since is not None and since.epoch == self.epoch and since.seq <= now
        seen = since.seq if honoured and since is not None else now
        self.subscriptions[channel.name] = Subscription(
            channel,
            view,
            form,
            seen,
            resumed=honoured,
            base=base or since is not None,
            trail=trail and channel.trail is not None,
            reply_to=reply_to,
        )
        self.wake()

    def unsubscribe(self, name: str) -> bool:
        """End a subscription; False where there was none."""
        if name not in self.subscriptions:
            return False
        self._lag()
        subscription = self.subscriptions.pop(name)
        subscription.channel.unwatch(subscription.view.spec, self)
        if self.subscriptions:
            self.wake()
        return True

    def close(self) -> None:
        """End every subscription."""
        for name in list(self.subscriptions):
            self.unsubscribe(name)

    def place(self, framing: Framing) -> Place:
        """What it watches, and how: who has the same can be sent the same bytes."""
        rows = sorted(self.subscriptions.items(), key=lambda row: row[0])
        return framing, tuple((name, s.form, s.view.spec) for name, s in rows)

    def shares(self) -> Shares:
        """The views it looks through, each in its format."""
        found = [(s.channel.views[s.view.spec], s.form) for s in self.subscriptions.values()]
        return tuple(found)

    def go_live(self) -> None:
        """From here on an audience writes what the channels tell; nothing is owed now."""
        for shared, _ in self.shares():
            shared.lagging.discard(self)

    def fall_behind(self, position: int, audience: Audience) -> None:
        """From here on it is composed what is owed; up to position all has been written."""
        for subscription in self.subscriptions.values():
            channel = subscription.channel
            subscription.seen = position
            told = not audience.tells_status_of(channel)
            subscription.status_seen = channel.status_version if told else -1
            channel.views[subscription.view.spec].lagging.add(self)
        self.seen = max(self.seen, position)
        self.told = max(self.told, audience.last_seq)

    def moment(self) -> Moment | None:
        """What it watches and how far it has been sent each, where nothing is for it alone: whoever
        is at the same moment is owed the same, and is at the hub's seq after it.
        """
        if self._clock() < self._due_at:
            return None
        rows: list[object] = [self._now_seq(), self.seen]
        for name, subscription in self.subscriptions.items():
            if subscription.first or subscription.is_owed_status:
                return None
            rows += (name, subscription.form, subscription.view.spec, subscription.trail)
            rows.append(subscription.seen)
        return tuple(rows)

    def take_as(self, *, seen: int, told: int) -> None:
        """Another one at this moment has composed what is owed; it has been written."""
        self.seen, self.told = seen, max(self.told, told)
        for subscription in self.subscriptions.values():
            subscription.seen = seen
        self._set_due()

    def _set_due(self) -> None:
        # All who asked for this rate are due at the same moments, so that those who see the same
        # are sent the same bytes.
        if self.rate is not None:
            self._due_at = (math.floor(self._clock() * self.rate) + 1) / self.rate

    def take(self) -> list[Message]:
        """What may be sent now, in order. Where nothing is held back by ``max_rate``, the
        connection's cursor is the hub's after it.

        A message's cursor never claims what has not been sent before it: it is held to just before
        the earliest change still owed.
        """
        now = self._now_seq()
        due = self._clock() >= self._due_at
        owed = [s for s in self.subscriptions.values() if s.is_owed]
        taken = [s for s in owed if due or s.first]
        taken.sort(key=lambda s: (not s.first, s.view.seq))
        messages: list[Message] = []
        for subscription, bound in zip(taken, self._bounds(owed, taken, now), strict=True):
            messages += self._compose(subscription, bound, now)
        held = len(taken) < len(owed)
        for subscription in self.subscriptions.values():
            if not (held and subscription.is_owed):
                subscription.seen = now
            if subscription.is_owed_status:
                messages += self._status(subscription)
        self.seen = max(self.seen, now) if not held else self.seen
        if taken and due:
            self._set_due()
        return messages

    def catch_up(self) -> None:
        """Move the cursor to the hub's, where nothing is owed: what happened was elsewhere."""
        if not any(s.is_owed or s.is_owed_status for s in self.subscriptions.values()):
            self.take()

    @staticmethod
    def _bounds(owed: list[Subscription], taken: list[Subscription], now: int) -> list[int]:
        """For each message in turn, the highest seq that its cursor may claim."""
        bound = now
        for subscription in owed:
            if subscription not in taken:
                bound = min(bound, subscription.unsent_from - 1)
        bounds: list[int] = []
        for subscription in reversed(taken):
            bounds.append(bound)
            bound = min(bound, subscription.unsent_from - 1)
        return bounds[::-1]

    def _compose(self, subscription: Subscription, bound: int, now: int) -> list[Message]:
        channel, view = subscription.channel, subscription.view
        first, subscription.first = subscription.first, False
        at = min(max(view.seq, self.seen, subscription.seen if subscription.resumed else 0), bound)
        if first and not subscription.resumed:
            at = min(max(channel.state.seq, self.seen), bound)
        self.told = max(self.told, at)
        cursor = str(Cursor(self.epoch, at))
        marks = Marks(
            resumed=first and subscription.resumed,
            reply_to=subscription.reply_to if first else None,
        )
        if first:
            subscription.status_seen = channel.status_version if channel.is_ok else -1
        if first and not subscription.resumed and not subscription.base:
            marks = Marks(resumed=True, reply_to=marks.reply_to)
            subscription.seen = now
        seen, subscription.seen = subscription.seen, now
        if not first or marks.resumed:
            messages = channel.diff(view, subscription.form, seen, cursor, marks)
            if messages is not None:
                return messages
            marks = Marks(reply_to=marks.reply_to)
        asked = subscription.trail
        return [channel.snapshot(view, subscription.form, cursor, marks, trail=asked)]

    def _status(self, subscription: Subscription) -> list[Message]:
        subscription.status_seen = subscription.channel.status_version
        return [subscription.channel.status_message(subscription.form)]
