"""A TCP relay in front of a service: cuts links, holds them silent, refuses streams in a deploy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_PIECE_BYTES: Final = 65536
_REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


@dataclass(slots=True, eq=False)
class Relay:
    """Passes connections on, for as long as it is told to.

    Attributes:
        url: where it listens.
        target: the service's URL; it may change while there are no connections.
        is_refusing: streams that are asked for get 503, as from a proxy without a server behind it.
        flowing: cleared, nothing passes in either direction, and nothing is closed.
        asked: the request line of every connection so far.
    """

    target: str
    url: str = ""
    is_refusing: bool = False
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Reset every connection, as a network that fails does."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from a client."""
        self._writers.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            line = head.split(b"\r\n", 1)[0].decode()
            self.asked.append(line)
            if self._refuses(head):
                writer.write(_REFUSAL)
                return
            await self._join(head, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _join(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        place = urlsplit(self.target)
        there, back = await asyncio.open_connection(place.hostname, place.port)
        self._writers.add(back)
        try:
            back.write(head)
            ways = {
                asyncio.create_task(self._pass(reader, back, asker=writer)),
                asyncio.create_task(self._pass(there, writer)),
            }
            _, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in rest:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._writers.discard(back)
            back.close()

    def _refuses(self, request: bytes) -> bool:
        return self.is_refusing and request.startswith((b"GET /sse", b"GET /ws"))

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        asker: asyncio.StreamWriter | None = None,
    ) -> None:
        while data := await reader.read(_PIECE_BYTES):
            await self.flowing.wait()
            # A browser asks for a stream over a connection kept from before, too.
            if asker is not None and self._refuses(data):
                asker.write(_REFUSAL)
                return
            writer.write(data)
            await writer.drain()


@contextlib.asynccontextmanager
async def relaying(target: str) -> AsyncIterator[Relay]:
    """A relay to the service at this URL, on a free port of 127.0.0.1."""
    relay = Relay(target)
    relay.flowing.set()
    server = await asyncio.start_server(relay.take, "127.0.0.1", 0)
    relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield relay
    finally:
        server.close()
        relay.cut()
        relay.flowing.set()
