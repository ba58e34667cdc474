"""The direct road: a connection's own protocol object, written to without tasks or queues.

It is *live* while whatever its channels tell can be written at once: then it stands in an audience
and has no state of its own. It *lags* while its buffer is full, or by a rate it asked for: then it
has a cursor, and is sent one composed message when it may be. How bytes lie on the wire, and what
comes in, are known to the doors that derive from it.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from stream.audience import Audience
from stream.delivery import Delivery
from stream.encode import Message
from stream.framing import Framing, pieces
from stream.subscriber import Subscriber

HIGH_WATER_BYTES: Final = 64 * 1024
"""Unsent bytes that make a connection lag; the kernel holds as much again (server.py)."""
LAG_CHECKS: Final = 4
"""How often within ``lag_timeout`` a full connection is looked at for progress."""
CLOSE_S: Final = 2.0
"""Longest that a goodbye may take to get out; behind a full buffer it would wait for ever."""


class DirectRoad(asyncio.Protocol):
    """One open stream, taken over from the server's own protocol object.

    Args:
        subscriber: the connection's handle; it is woken through this from now on.
        delivery: who writes, and when.
        lag_timeout_s: a peer that takes nothing for so long is gone.
        on_gone: called once, when the connection is lost.
    """

    __slots__ = (
        "_checks_left",
        "_connections",
        "_lag_timeout_s",
        "_on_gone",
        "_timer",
        "_unsent_bytes",
        "audience",
        "delivery",
        "framing",
        "is_closing",
        "is_full",
        "loop",
        "subscriber",
        "transport",
    )

    def __init__(
        self,
        subscriber: Subscriber,
        delivery: Delivery,
        framing: Framing,
        *,
        lag_timeout_s: float,
        on_gone: Callable[[], None],
    ) -> None:
        self.subscriber = subscriber
        self.delivery = delivery
        self.framing = framing
        self.transport: asyncio.Transport = cast("Any", None)
        self.loop: asyncio.AbstractEventLoop = cast("Any", None)
        self.audience: Audience | None = None
        self.is_full = False
        self.is_closing = False
        self._lag_timeout_s = lag_timeout_s
        self._on_gone: Callable[[], None] | None = on_gone
        self._connections: set[Any] = cast("Any", None)
        self._timer: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0
        self._checks_left = 0

    def take_over(
        self, transport: asyncio.Transport, connections: set[Any], *, is_full: bool
    ) -> None:
        """Begin: the transport is this object's from now on.

        Args:
            connections: the server's open connections, which it shuts down when it stops.
            is_full: the transport holds too much already.
        """
        self.transport = transport
        self._connections = connections
        connections.add(self)
        self.loop = asyncio.get_running_loop()
        transport.set_write_buffer_limits(HIGH_WATER_BYTES)
        self.subscriber.road = self
        if is_full:
            self.pause_writing()

    @property
    def position(self) -> int:
        """Everything up to this seq has been sent on this connection."""
        return self.subscriber.seen if self.audience is None else self.audience.position

    def write(self, data: Sequence[bytes]) -> None:
        """Hand bytes to the transport; it tells by ``pause_writing`` when that was too much."""
        if len(data) == 1:
            self.transport.write(data[0])
        elif data:
            self.transport.writelines(data)

    def say(self, *messages: Message) -> None:
        """Write messages that are about the connection itself."""
        if not self.is_closing:
            self.write(pieces(messages, self.framing))

    def wake(self) -> None:
        """Something may be owed; it is looked at in the loop's turn."""
        if self._may_write():
            self.delivery.wake(self)

    def _may_write(self) -> bool:
        return not (self.is_full or self.is_closing)

    def advance(self) -> None:
        """Write what is owed and may be written, and be live where nothing holds it back."""
        subscriber = self.subscriber
        if subscriber.is_ending and self._may_write():
            self.lag()
            self.write(pieces(subscriber.take(), self.framing))
            self.say_goodbye()
        if self.audience is not None or not self._may_write():
            return
        wait_s = subscriber.wait_s()
        if wait_s == 0.0:
            self.write(self.delivery.compose(self))
            if not self._may_write():
                return
            wait_s = subscriber.wait_s()
        if wait_s is not None:
            self._wake_in(wait_s)
        elif subscriber.may_be_live:
            self._join()

    def _wake_in(self, wait_s: float) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(wait_s, self._time_has_come)

    def _time_has_come(self) -> None:
        self._timer = None
        self.wake()

    def _join(self) -> None:
        subscriber = self.subscriber
        place = subscriber.place(self.framing)
        self.audience = self.delivery.join(self, place, subscriber.shares())
        if self.audience is not None:
            subscriber.go_live()

    def lag(self) -> None:
        """Leave the audience: from here on what is owed is composed."""
        if not self.is_full:
            self._cancel_timer()
        audience, self.audience = self.audience, None
        if audience is not None:
            position = self.delivery.leave(self, audience)
            self.subscriber.fall_behind(position, audience)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pause_writing(self) -> None:
        """The transport holds too much."""
        if self.is_closing:
            self.is_full = True
            return
        self.lag()
        self.is_full = True
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._watch_progress()

    def _watch_progress(self) -> None:
        self._checks_left = LAG_CHECKS
        delay_s = self._lag_timeout_s / LAG_CHECKS
        self._timer = self.loop.call_later(delay_s, self._check_progress, delay_s)

    def _check_progress(self, delay_s: float) -> None:
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes < self._unsent_bytes:
            self._checks_left = LAG_CHECKS + 1
        self._unsent_bytes = unsent_bytes
        self._checks_left -= 1
        if self._checks_left <= 0:
            self.transport.abort()
            return
        self._timer = self.loop.call_later(delay_s, self._check_progress, delay_s)

    def resume_writing(self) -> None:
        """The transport can take more."""
        if not self.is_closing:
            self._cancel_timer()
        self.is_full = False
        self.wake()

    def eof_received(self) -> bool:
        """The peer writes no more; nobody half-closes a stream he still reads."""
        self.close_soon()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the subscriber back. Called once by the transport."""
        self.lag()
        self.is_closing = True
        self._cancel_timer()
        self.delivery.forget(self)
        self._connections.discard(self)
        on_gone, self._on_gone = self._on_gone, None
        if on_gone is not None:
            on_gone()

    def close_soon(self) -> None:
        """Let what has been written get out, for a bounded time; nothing more is written."""
        if self.is_closing:
            return
        self.lag()
        self.is_closing = True
        self._cancel_timer()
        self._timer = self.loop.call_later(CLOSE_S, self.transport.abort)

    def shutdown(self) -> None:
        """The server stops and waits no longer."""
        self.close_soon()
        if self.is_full:
            self.transport.abort()
        else:
            self.transport.close()

    @abstractmethod
    def say_goodbye(self) -> None:
        """Tell the peer that the service ends, and close."""

    @abstractmethod
    def beat(self) -> None:
        """Break the silence: something for proxies to see, and for dead peers to fail on."""
