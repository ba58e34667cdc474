"""``python -m bench.upstream PORT COUNT``: an API to poll, as small and fast as Python allows.

``GET /u/<number>`` answers 50 kB of items; every 500 ms a fifth of them is different. The rows that
changed carry ``t``, the moment this change was answered. ``GET /stop`` ends all change, ``/go``
begins it again, ``/count`` says how many changed rows were answered so far.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field

ROWS = 200
CHANGED = 40
ROW_BYTES = 250
STEP_NS = 500_000_000


@dataclass(slots=True)
class Document:
    """What one address answers.

    Attributes:
        phase_ns: when within a step it changes: not all at once.
    """

    number: int
    phase_ns: int
    version: int = -1
    answered: int = 0
    rows: list[bytes] = field(default_factory=list)
    body: bytes = b""

    def at(self, now_ns: int, is_moving: bool) -> bytes:
        """The body as of now; what has changed since it was last asked for is as old as that."""
        version = (now_ns + self.phase_ns) // STEP_NS
        if not self.rows:
            self.rows = [row(self.number, place, 0, 0) for place in range(ROWS)]
        elif not is_moving or version == self.version:
            return self.body
        else:
            first = version % (ROWS // CHANGED) * CHANGED
            for place in range(first, first + CHANGED):
                self.rows[place] = row(self.number, place, now_ns, version)
            self.answered += CHANGED
        self.version = version
        self.body = b"[" + b",".join(self.rows) + b"]"
        return self.body


def row(number: int, place: int, now_ns: int, version: int) -> bytes:
    """One item of about 250 bytes, of which three fields change."""
    head = (
        f'{{"id":"U{number}-{place}","t":{now_ns},"last":{(version * 7919 + place) % 100_000 / 100}'
        f',"volume":{version * 31 + place},"name":"'
    )
    return (head + "x" * (ROW_BYTES - len(head) - 2) + '"}').encode()


class Upstream:
    """All documents, and whether they move."""

    def __init__(self, count: int) -> None:
        self.documents = [Document(n, n * STEP_NS // count) for n in range(count)]
        self.is_moving = True

    def answer(self, path: str) -> bytes:
        """The body for a path."""
        if path.startswith("/u/"):
            return self.documents[int(path[3:])].at(time.monotonic_ns(), self.is_moving)
        if path in ("/stop", "/go"):
            self.is_moving = path == "/go"
        return str(sum(document.answered for document in self.documents)).encode()


class Connection(asyncio.Protocol):
    """HTTP/1.1, GET only, kept open."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to write."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._unread += data
        while (at := self._unread.find(b"\r\n\r\n")) >= 0:
            head, self._unread = self._unread[:at], self._unread[at + 4 :]
            body = self._upstream.answer(head.split(b" ", 2)[1].decode())
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )


async def main(port: int, count: int) -> None:
    """Serve until killed."""
    upstream = Upstream(count)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(upstream), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
