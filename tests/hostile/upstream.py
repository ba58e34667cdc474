"""The hostile upstream: one server on a real socket, with a trap behind every path.

A path gives a good answer until its trap is set (`set_trap`), so that there is something to lose.
With ``?now`` it is set from the beginning.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Script: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

GOOD_JSON: Final = b'[{"id":1,"name":"one"},{"id":2,"name":"two"},{"id":3,"name":"three"}]'
GOOD_FEED: Final = (
    b'<rss version="2.0"><channel><title>t</title>'
    b"<item><guid>1</guid><title>one</title></item><item><guid>2</guid><title>two</title></item>"
    b"<item><guid>3</guid><title>three</title></item></channel></rss>"
)
_NOT_NUMBERED: Final = "Content-Length"


def head(*lines: str, status: str = "200 OK") -> bytes:
    """The head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def answer(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    """A whole answer with the length it has."""
    return head(f"{_NOT_NUMBERED}: {len(body)}", *lines, status=status) + body


@dataclass(frozen=True, slots=True)
class Trap:
    """What a path answers, and what must come of it.

    Attributes:
        does: the bytes to send before hanging up, or what to do with the connection; a list is
            answered in turn, the last for ever.
        kinds: the kinds of error that may come of it; none = the read is good.
        feed: it is read as a feed.
        first: headers of the good answer of before.
        changes: publications that a trap may cause after the good answer.
    """

    does: bytes | Script | list[bytes]
    kinds: str = ""
    feed: bool = False
    first: tuple[str, ...] = ()
    changes: int = 0


class HostileUpstream:
    """Serves traps by path."""

    def __init__(self, traps: Mapping[str, Trap]) -> None:
        self._traps = traps
        self._tasks: set[asyncio.Task[None]] = set()
        self._set: set[str] = set()
        self._sprung: Counter[str] = Counter()
        self.sprung_at_s: dict[str, float] = {}
        self.heads: defaultdict[str, list[bytes]] = defaultdict(list)
        self.port = 0

    def url(self, name: str) -> str:
        """Where a trap lies."""
        return f"http://127.0.0.1:{self.port}/{name}"

    def set_trap(self, name: str) -> None:
        """From now on every request for it steps into the trap."""
        self._set.add(name)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[HostileUpstream]:
        """Serve until the end of the block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._reply(reader, writer):
                    await writer.drain()
        except asyncio.CancelledError:
            # Cancelled by `running` only; asyncio would log a cancelled connection as an error.
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection is kept."""
        asked = await reader.readuntil(b"\r\n\r\n")
        target = asked.split(b" ", 2)[1].decode()
        name, _, query = target.lstrip("/").partition("?")
        self.heads[name].append(asked)
        trap = self._traps.get(name)
        if trap is None:
            writer.write(answer(b"", status="404 Not Found"))
            return True
        if name not in self._set and "now" not in query:
            body, kind = (GOOD_FEED, "rss+xml") if trap.feed else (GOOD_JSON, "json")
            writer.write(answer(body, f"Content-Type: application/{kind}", *trap.first))
            return True
        self.sprung_at_s.setdefault(name, time.monotonic())
        if isinstance(trap.does, list):
            writer.write(trap.does[min(self._sprung[name], len(trap.does) - 1)])
            self._sprung[name] += 1
            return True
        if isinstance(trap.does, bytes):
            writer.write(trap.does)
            await writer.drain()
        else:
            await trap.does(reader, writer)
        return False


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with a reset instead of a goodbye."""
    peer: socket.socket = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def reset_after(sent: bytes) -> Script:
    """Send this and reset the connection."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        reset(writer)

    return script


def forever(piece: bytes, *, before: bytes = b"", every_s: float = 0.0) -> Script:
    """Send ``before``, and then a piece again and again, as fast as it is taken or slowly."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every_s)

    return script


def then_silence(sent: bytes) -> Script:
    """Send this, and then say nothing more."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await reader.read()

    return script
