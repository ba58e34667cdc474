"""All channels and everybody who watches them. ``publish`` never awaits.

It knows nothing of sources, sockets or HTTP: who polls is told by ``on_demand`` alone.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from stream.channel import Channel, Woken
from stream.delivery import Delivery, Loop
from stream.engines.memory import MemoryEngine
from stream.errors import ClientError, did_you_mean
from stream.model import Change, Cursor, Item, Key, Status
from stream.subscriber import Subscriber
from stream.trail import Trail

IDEMPOTENCY_KEYS: Final = 1000
"""Idempotency-Keys remembered, the oldest forgotten first."""


class Hub:
    """The state of everything that can be subscribed to.

    Args:
        engine: numbers the changes.
        deletions: how many deletions each channel remembers.
        loop: who calls it when something is to be written; the running loop where None.
        now: the wall clock, Unix seconds, for the trail of what was not read but published.
    """

    def __init__(
        self,
        engine: MemoryEngine,
        *,
        deletions: int = 10_000,
        loop: Loop | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.engine = engine
        self.delivery = Delivery(lambda: engine.seq, loop)
        self.channels: dict[str, Channel] = {}
        self.published = 0
        self.on_publish: list[Callable[[Channel], None]] = []
        self._deletions = deletions
        self._now = now
        self._answered: OrderedDict[tuple[str, str], Cursor] = OrderedDict()

    @property
    def epoch(self) -> str:
        """The engine's epoch."""
        return self.engine.epoch

    @property
    def seq(self) -> int:
        """The seq of the last change of all."""
        return self.engine.seq

    @property
    def cursor(self) -> Cursor:
        """The place of the last change of all."""
        return Cursor(self.engine.epoch, self.engine.seq)

    def open(
        self, name: str, *, sort: str | None, kind: str, trail: Trail | None = None
    ) -> Channel:
        """Make a channel."""
        channel = Channel(
            name,
            epoch=self.epoch,
            seq=self.seq,
            sort=sort,
            kind=kind,
            deletions=self._deletions,
            trail=trail,
        )
        self.channels[name] = channel
        return channel

    def close(self, name: str) -> None:
        """Let a channel go."""
        self.channels.pop(name, None)

    def get(self, name: str) -> Channel:
        """A channel by name.

        Raises:
            ClientError: ``unknown_channel``, 404, with the nearest name.
        """
        channel = self.channels.get(name)
        if channel is None:
            raise unknown_channel(name, self.channels)
        return channel

    def publish(
        self,
        channel: Channel,
        change: Change,
        *,
        key: str | None = None,
        at: float | None = None,
    ) -> Cursor:
        """Number a change, apply it and wake whoever sees it.

        Args:
            key: the field that carries the key from now on; None for the one of before.
            at: when it was read, Unix seconds; None for now.

        Raises:
            KeyError: a patch names an item that is not there; nothing happened.
        """
        if missing := change.patch.keys() - channel.state.entries.keys():
            raise KeyError(next(iter(missing)))
        cursor = self.engine.number()
        if channel.trail is not None and at is None:
            at = self._now()
        self._tell(channel.apply(change, cursor.seq, key or channel.key, at=at))
        self.published += 1
        for listener in self.on_publish:
            listener(channel)
        return cursor

    def set_status(self, channel: Channel, status: Status) -> None:
        """Take a channel's status and tell whoever watches."""
        self._tell(channel.set_status(status))
        for listener in self.on_publish:
            listener(channel)

    def _tell(self, woken: Woken) -> None:
        for subscriber in woken.subscribers:
            subscriber.wake()
        for audience in woken.audiences:
            self.delivery.mark(audience)

    def subscriber(self) -> Subscriber:
        """A handle for one connection."""
        return Subscriber(self.epoch, lambda: self.seq)

    def answered(self, channel: str, idempotency_key: str) -> Cursor | None:
        """What was answered to an earlier publication with this Idempotency-Key."""
        return self._answered.get((channel, idempotency_key))

    def remember(self, channel: str, idempotency_key: str, cursor: Cursor) -> None:
        """Keep an answer for repetitions of the same publication."""
        self._answered[channel, idempotency_key] = cursor
        if len(self._answered) > IDEMPOTENCY_KEYS:
            self._answered.popitem(last=False)


def unknown_channel(name: str, known: Mapping[str, object]) -> ClientError:
    """The error for a name nothing answers to."""
    shown = name[:128]
    message = f"no channel {shown!r}{did_you_mean(shown, known)}"
    return ClientError("unknown_channel", message, status=404, details={"channel": shown})


def snapshot_items(channel: Channel) -> dict[Key, Item]:
    """A channel's items by key."""
    return dict(channel.state.items())
