"""A transport in memory, whose other end takes as many bytes as a test says, and what it then read.

It keeps to asyncio's contract of transports: high and low water, ``pause_writing`` from within
``write``, ``connection_lost`` in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from stream.direct import DirectRoad
from stream.framing import Framing


class MemoryWire(asyncio.Transport):
    """What the peer has not taken yet is ``unsent``; what it has is ``arrived``."""

    def __init__(self, *, high_bytes: int) -> None:
        super().__init__()
        self.road: DirectRoad | None = None
        self.unsent = bytearray()
        self.arrived = bytearray()
        self.writes = 0
        self.is_paused = False
        self.is_closed = False
        self._high_bytes = high_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The test's own limits stand."""

    def get_write_buffer_size(self) -> int:
        return len(self.unsent)

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        assert not self.is_closed, "written to after the close"
        self.writes += 1
        self.unsent += data
        if len(self.unsent) > self._high_bytes and not self.is_paused:
            self.is_paused = True
            if self.road is not None:
                self.road.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        self.write(b"".join(list_of_data))

    def take(self, most: int | None = None) -> None:
        """The peer takes so many bytes, or all."""
        most = len(self.unsent) if most is None else most
        self.arrived += self.unsent[:most]
        del self.unsent[:most]
        if self.is_paused and len(self.unsent) <= self._high_bytes // 4:
            self.is_paused = False
            if self.road is not None:
                self.road.resume_writing()

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.unsent.clear()
        self.lose()

    def lose(self) -> None:
        """The connection breaks right here."""
        self.is_closed = True
        road, self.road = self.road, None
        if road is not None:
            road.connection_lost(None)

    def pause_reading(self) -> None:
        """Nothing is read here."""

    def resume_reading(self) -> None:
        """Nothing is read here."""


class Decoder:
    """Bytes as they arrive → the payloads of the messages that are complete."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._rest = b""
        self._client = Protocol(Side.CLIENT, state=State.OPEN, max_size=None)
        if framing is Framing.DEFLATED:
            self._client.extensions = [PerMessageDeflate(True, True, 15, 15)]

    def decode(self, wire: MemoryWire) -> list[bytes]:
        """What has become complete with what has arrived on the wire."""
        data = bytes(wire.arrived)
        wire.arrived.clear()
        if self._framing is Framing.CHUNKED:
            return self._events(data)
        self._client.receive_data(data)
        events = self._client.events_received()
        return [
            bytes(event.data)
            for event in events
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT
        ]

    def _events(self, data: bytes) -> list[bytes]:
        data = self._rest + data
        found = []
        while (end := data.find(b"\r\n")) >= 0:
            size = int(data[:end], 16)
            if len(data) < end + 2 + size + 2:
                break
            body, data = data[end + 2 : end + 2 + size], data[end + 4 + size :]
            lines = [line for line in body.split(b"\n") if line.startswith(b"data: ")]
            found += [line.removeprefix(b"data: ") for line in lines]
        self._rest = data
        return found
