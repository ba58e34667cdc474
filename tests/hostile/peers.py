"""Peers on raw sockets, so that nothing is polite unless a test says so: bytes out, bytes in.

``Follower`` is the one with manners: it reads everything and keeps a copy of what it is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

import orjson

from stream.channel import Channel
from stream.encode import Message
from stream.model import Change, Item, Key
from tests.live.serving import LIMIT_S, Running
from tests.reader import Reader
from tests.waiting import until

Door = Literal["ws", "sse"]
DOORS: Final[tuple[Door, ...]] = ("ws", "sse")
SMALL_BYTES: Final = 4096
"""A receive buffer that is full at once."""
TEXT, BINARY, CONT, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
MASK: Final = b"\x37\xfa\x21\x3d"


def head(door: Door, path: str, *lines: str) -> bytes:
    """The request that opens a stream."""
    rows = [f"GET /{door}{path} HTTP/1.1", "Host: test", *lines]
    if door == "ws":
        rows += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        rows += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    return "\r\n".join([*rows, "", ""]).encode()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """A client's frame, masked."""
    size = len(payload)
    first = (0x80 if fin else 0) | rsv | opcode
    if size < 126:
        start = bytes((first, 0x80 | size))
    else:
        start = struct.pack("!BBH", first, 0x80 | 126, size)
    masked = bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))
    return start + MASK + masked


def close_code(code: int) -> bytes:
    """A close frame's payload."""
    return struct.pack("!H", code)


class Peer:
    """One TCP connection to the service."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.loop = asyncio.get_running_loop()

    @classmethod
    async def connect(
        cls, url: str, *, receive_bytes: int | None = None, source: str | None = None
    ) -> Self:
        """A connection, its receive buffer set before, from this address of ours."""
        parts = urlsplit(url)
        sock = socket.socket()
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if receive_bytes is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            if source is not None:
                sock.bind((source, 0))
            async with asyncio.timeout(LIMIT_S):
                loop = asyncio.get_running_loop()
                await loop.sock_connect(sock, (parts.hostname, parts.port))
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        async with asyncio.timeout(LIMIT_S):
            await self.loop.sock_sendall(self.sock, data)

    async def receive(self, most: int = 65536) -> bytes:
        """What is there, or comes; nothing at the end of the connection, however it ended."""
        try:
            async with asyncio.timeout(LIMIT_S):
                return await self.loop.sock_recv(self.sock, most)
        except (ConnectionResetError, BrokenPipeError, TimeoutError) as error:
            if isinstance(error, TimeoutError) and error.errno is None:
                raise
            return b""

    async def receive_until(self, mark: bytes) -> bytes:
        """Everything up to this and what came with it."""
        found = b""
        while mark not in found:
            data = await self.receive()
            assert data, f"it ended before {mark!r}: {found[-200:]!r}"
            found += data
        return found

    async def receive_rest(self) -> bytes:
        """Everything up to the end of the connection."""
        found = b""
        while data := await self.receive():
            found += data
        return found

    def half_close(self) -> None:
        """Say that nothing more is sent."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Go without a word (RST)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


async def opened(
    running: Running,
    door: Door,
    path: str = "/q",
    *,
    receive_bytes: int | None = None,
) -> Peer:
    """A stream that the service has let in; of what it sends nothing is read beyond the head."""
    before = set(running.service.connected)
    peer = await Peer.connect(running.url, receive_bytes=receive_bytes)
    try:
        await peer.send(head(door, path))
        await until(lambda: running.service.connected.keys() - before, what="the admission")
        found = b""
        while b"\r\n\r\n" not in found:
            data = await peer.receive(1)
            assert data, f"it ended before it was open: {found!r}"
            found += data
    except BaseException:
        peer.sock.close()
        raise
    return peer


class Ear:
    """Bytes off a connection → the messages that are complete."""

    def __init__(self, door: Door) -> None:
        self.controls: list[tuple[int, bytes]] = []
        self._decode = self._frames if door == "ws" else self._events
        self._door = door
        self._rest = b""
        self._body = b""

    def hear(self, data: bytes) -> list[bytes]:
        """The messages, as JSON, that these bytes complete."""
        self._rest += data
        return list(self._decode())

    def _frames(self) -> Iterator[bytes]:
        at, data = 0, self._rest
        while len(data) - at >= 2:
            size, start = data[at + 1], at + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                size, start = int.from_bytes(data[start : start + width]), start + width
            if len(data) < start + size:
                break
            opcode, payload = data[at] & 0x0F, data[start : start + size]
            at = start + size
            if opcode == TEXT:
                yield payload
            else:
                self.controls.append((opcode, payload))
        self._rest = data[at:]

    def _events(self) -> Iterator[bytes]:
        at, data = 0, self._rest
        while (end := data.find(b"\r\n", at)) >= 0:
            size = int(data[at:end], 16)
            if len(data) < end + 2 + size + 2:
                break
            self._body += data[end + 2 : end + 2 + size]
            at = end + size + 4
        self._rest = data[at:]
        *blocks, self._body = self._body.split(b"\n\n")
        for block in blocks:
            for line in block.split(b"\n"):
                if line.startswith(b"data: "):
                    yield line.removeprefix(b"data: ")


class Follower:
    """Reads a stream and keeps a copy of its channels, as it is told.

    Attributes:
        pace: most bytes of one read, and seconds between two; None reads all there is.
    """

    def __init__(self, peer: Peer, door: Door, *, pace: tuple[int, float] | None = None) -> None:
        self.peer = peer
        self.ear = Ear(door)
        self.reader = Reader()
        self.pace = pace
        self.heard: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.received_bytes = 0
        self.most_conflated = 0
        self.is_over = False

    @property
    def seq(self) -> int:
        """The number in the last cursor."""
        return int(self.reader.cursor.rpartition("-")[2]) if self.reader.cursor else -1

    def copy(self, channel: str) -> object:
        """What it believes the channel to be."""
        return self.reader.states.get(channel)

    async def run(self) -> None:
        """Read until the end."""
        while data := await self._next():
            self.received_bytes += len(data)
            for message in self.ear.hear(data):
                self._take(message)
        self.is_over = True

    async def _next(self) -> bytes:
        if self.pace is None:
            return await self._forever(65536)
        most, every_s = self.pace
        await asyncio.sleep(every_s)  # the peer's own pace
        return await self._forever(most)

    async def _forever(self, most: int) -> bytes:
        try:
            return await self.peer.loop.sock_recv(self.peer.sock, most)
        except OSError:
            return b""

    def _take(self, data: bytes) -> None:
        body = orjson.loads(data)
        self.heard.append(body["type"])
        self.messages.append({n: v for n, v in body.items() if n not in {"items", "put", "doc"}})
        self.most_conflated = max(self.most_conflated, body.get("conflated", 0))
        if "channel" in body:
            self.reader.read(Message(body["type"], body.get("cursor"), data))


@contextlib.asynccontextmanager
async def following(
    running: Running,
    door: Door,
    path: str = "/q",
    *,
    receive_bytes: int | None = None,
    pace: tuple[int, float] | None = None,
) -> AsyncIterator[Follower]:
    """A follower that reads until the end of the block."""
    with await opened(running, door, path, receive_bytes=receive_bytes) as peer:
        follower = Follower(peer, door, pace=pace)
        task = asyncio.create_task(follower.run())
        try:
            yield follower
        finally:
            failed = task.done()
            task.cancel()
            (result,) = await asyncio.gather(task, return_exceptions=True)
            if failed and isinstance(result, BaseException):
                raise result


def put(running: Running, name: str, *items: Item) -> None:
    """Publish items whose key is ``k``."""
    change = Change({str(item["k"]): item for item in items})
    running.service.hub.publish(running.service.hub.get(name), change, key="k")


def delete(running: Running, name: str, *keys: Key) -> None:
    """Publish deletions."""
    running.service.hub.publish(running.service.hub.get(name), Change(delete=keys), key="k")


def state(channel: Channel) -> dict[str, Item]:
    """What a plain view of the channel shows."""
    return {str(key): item for key, item in channel.state.items()}


def up_to_date(running: Running, *followers: Follower) -> Callable[[], bool]:
    """Whether they have all been told of the last change of all."""
    return lambda: all(follower.seq >= running.service.hub.seq for follower in followers)


def unsent_bytes(running: Running) -> list[int]:
    """What is held in this process for each connection."""
    connections = running.server.server_state.connections
    return [connection.transport.get_write_buffer_size() for connection in connections]


@dataclass(frozen=True, slots=True)
class Footprint:
    """What connections cost while they are there, and must not afterwards."""

    descriptors: int
    tasks: int
    connections: int
    server_tasks: int
    connected: int
    addresses: int
    views: int
    audiences: int
    live: int
    beating: int
    waking: int

    @classmethod
    def of(cls, running: Running) -> Footprint:
        """As it is now."""
        service, delivery = running.service, running.service.hub.delivery
        return cls(
            descriptors=len(os.listdir("/proc/self/fd")),
            tasks=len(asyncio.all_tasks()),
            connections=len(running.server.server_state.connections),
            server_tasks=len(running.server.server_state.tasks),
            connected=len(service.connected),
            addresses=sum(peer.connections for peer in service.peers.values()),
            views=sum(len(channel.views) for channel in service.hub.channels.values()),
            audiences=len(delivery.audiences),
            live=delivery.live,
            beating=sum(len(bucket) for bucket in service.pulse._buckets),
            waking=len(delivery._waking) + len(delivery._dirty),
        )
