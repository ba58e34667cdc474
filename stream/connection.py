"""One connection to an upstream: one request, one answer, and then the next.

It must not know what is asked, nor where a connection may lead: it is given a way to connect.
"""

from __future__ import annotations

import asyncio
import select
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, cast

from stream.answer import Answer, BadAnswer

KEEP_ALIVE_S: Final = 55.0
"""Just below the 60 s after which common servers and balancers hang up."""
MAX_BUFFERED_BYTES: Final = 65_536
"""A body that nobody takes is held back by TCP from here on. What was read with one call comes on
top: at most 256 KiB."""

Connect: TypeAlias = "Callable[[], Awaitable[Connection]]"


class Connection(asyncio.Protocol):
    """A transport's other half. Used by one task at a time.

    Attributes:
        has_heard: something came since it was last asked.
        lost_by: what ended it, where that was an error.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.has_heard = False
        self.lost_by: Exception | None = None
        self._answer: Answer | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop, once TLS is there if there is any."""
        self._transport = cast("asyncio.Transport", transport)
        self._descriptor: int = transport.get_extra_info("socket").fileno()
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        answer = self._answer
        if answer is None or answer.is_complete:
            # Nobody asked: whoever asks next must not take it for an answer.
            self.close()
            return
        self.has_heard = True
        try:
            answer.feed(data)
        except BadAnswer:
            self.close()
        if answer.buffered > MAX_BUFFERED_BYTES and self.is_open and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Called by the loop; it closes the transport."""
        self.is_open = False
        if self._answer is not None:
            try:
                self._answer.end()
            except BadAnswer:
                self.close()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop, once."""
        if exc is None and self.is_open:
            # uvloop's only word where the other side ends TLS without a goodbye.
            self.eof_received()
        self.is_open = False
        self.lost_by = exc
        self._wake()

    @property
    def is_idle(self) -> bool:
        """It is open and nobody uses it."""
        return self.is_open and self._answer is None

    @property
    def is_quiet(self) -> bool:
        """It is open, and nothing came that the loop did not have the time to see."""
        return self.is_open and not _is_readable(self._descriptor)

    async def ask(self, head: bytes) -> Answer:
        """Send a request without a body, and wait for the head of its answer.

        Raises:
            BadAnswer: there is none.
        """
        if not self.is_open:
            raise BadAnswer
        self._answer = answer = Answer()
        self.has_heard = False
        self._transport.write(head)
        while not answer.has_head:
            await self._news()
        return answer

    async def read(self) -> bytes:
        """The next bytes of the body; none at its end.

        Raises:
            BadAnswer: it broke off or cannot be understood.
        """
        answer = self._answer
        while answer is not None:
            if answer.buffered:
                if self._is_paused and self.is_open:
                    self._is_paused = False
                    self._transport.resume_reading()
                return answer.take()
            if answer.is_complete:
                break
            await self._news()
        return b""

    def finish(self) -> None:
        """Be ready for the next request, or closed where none can follow this answer."""
        if self._is_paused or self._answer is None or not self._answer.may_follow:
            self.close()
        self._answer = None

    def close(self) -> None:
        """End it at once: nothing that was written is of use any more."""
        self.is_open = False
        self._transport.abort()

    async def _news(self) -> None:
        """Wait until something came, or the connection ended."""
        if not self.is_open:
            raise BadAnswer
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _is_readable(descriptor: int) -> bool:
    """Whether bytes, or the end, wait in the kernel."""
    if sys.platform == "win32":
        return bool(select.select([descriptor], [], [], 0)[0])
    # select takes no descriptor above 1,023.
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(0))


class Line:
    """A connection to one place, opened when it is first needed and again when it was lost.

    Args:
        connect: opens one.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: Connection | None = None
        self._idle_since_s = 0.0
        self._end: asyncio.TimerHandle | None = None

    @property
    def lost_by(self) -> Exception | None:
        """What ended the connection, where that was an error."""
        return self._connection.lost_by if self._connection is not None else None

    async def ask(self, head: bytes) -> Answer:
        """Send a request without a body, and wait for the head of its answer.

        Raises:
            BadAnswer: there is none.
        """
        kept, self._connection = self._connection, None
        # Bytes that wait would be taken for the answer: whatever they are, nobody asked for them.
        if kept is not None and kept.is_quiet:
            self._connection = kept
            try:
                return await kept.ask(head)
            except BadAnswer:
                # The other side may close it just as it is used again.
                if kept.has_heard:
                    raise
        elif kept is not None:
            kept.close()
        self._connection = await self._connect()
        return await self._connection.ask(head)

    async def read(self) -> bytes:
        """The next bytes of the body; none at its end.

        Raises:
            BadAnswer: it broke off or cannot be understood.
        """
        return await self._connection.read() if self._connection is not None else b""

    def finish(self) -> None:
        """The answer is no longer wanted, whether it is complete or not."""
        if self._connection is None:
            return
        self._connection.finish()
        self._idle_since_s = asyncio.get_running_loop().time()
        self._wait_for_the_end()

    def close(self) -> None:
        """Close what is kept."""
        if self._connection is not None:
            self._connection.close()
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _wait_for_the_end(self) -> None:
        """See to it that what nobody uses is closed in time."""
        # One timer for all that is asked until then: a thousand reads a second would leave as many
        # timers behind, each for a minute.
        if self._end is None and self._connection is not None and self._connection.is_idle:
            loop, end_s = asyncio.get_running_loop(), self._idle_since_s + KEEP_ALIVE_S
            self._end = loop.call_at(end_s, self._at_the_end)

    def _at_the_end(self) -> None:
        self._end = None
        is_idle = self._connection is not None and self._connection.is_idle
        if is_idle and asyncio.get_running_loop().time() >= self._idle_since_s + KEEP_ALIVE_S:
            self.close()
        else:
            self._wait_for_the_end()
