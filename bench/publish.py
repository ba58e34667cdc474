"""A publisher: HTTP on one connection that stays open, one request after the other or pipelined."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from bench.place import Unavailable

ANSWER_S = 30.0
BEHIND_NS = 2_000_000
"""A tick that begins later than that was held up by the one before."""

Post = tuple[str, bytes]


class Publisher:
    """Posts bodies to one server, on a new connection only where the old one was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open = 0
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=ANSWER_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def post(self, path: str, body: bytes) -> None:
        """Publish, and wait for the answer.

        Raises:
            Unavailable: it was refused, or not answered.
        """
        self._send([(path, body)])
        self._answer()

    def start(self, path: str, body: bytes) -> None:
        """Publish, and leave the answer for ``finish``."""
        self._send([(path, body)])

    def finish(self) -> None:
        """Wait for the answer to ``start``."""
        self._answer()

    def pipeline(self, posts: Sequence[Post]) -> None:
        """Publish all in one write, and wait for all answers."""
        self._send(posts)
        for _ in posts:
            self._answer()

    def burst(
        self, make: Callable[[], Post], count: int, *, ahead: int = 16, most_s: float = 15.0
    ) -> int:
        """Publish as fast as answers come, so many requests ahead of them.

        Returns:
            How many were published: fewer than wanted where that takes too long.
        """
        until = time.monotonic() + most_s
        sent = answered = 0
        while sent < count and time.monotonic() < until:
            if sent - answered >= ahead:
                self._answer()
                answered += 1
            self._send([make()])
            sent += 1
        for _ in range(sent - answered):
            self._answer()
        return sent

    def _send(self, posts: Sequence[Post]) -> None:
        if not self._open and self._was_closed():
            self._socket.close()
            self._connect()
        self._open += len(posts)
        parts: list[bytes] = []
        for path, body in posts:
            head = (
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            parts += [head.encode(), body]
        try:
            self._socket.sendall(b"".join(parts))
        except OSError as error:
            raise Unavailable(f"a publication could not be sent: {error}") from None

    def _was_closed(self) -> bool:
        """Whether the server has ended a connection that was idle for long."""
        if not select.select([self._socket], [], [], 0)[0]:
            return False
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _answer(self) -> None:
        head = self._until(b"\r\n\r\n").lower()
        status = head[9:12]
        if b"transfer-encoding: chunked" in head:
            self._until(b"0\r\n\r\n")
        elif (at := head.find(b"\r\ncontent-length:")) >= 0:
            self._exactly(int(head[at + 17 :].split(b"\r\n", 1)[0]))
        self._open -= 1
        if not status.startswith(b"2"):
            raise Unavailable(f"a publication was answered {status.decode(errors='replace')}")

    def _until(self, end: bytes) -> bytes:
        while (at := self._unread.find(end)) < 0:
            self._more()
        found, self._unread = self._unread[: at + len(end)], self._unread[at + len(end) :]
        return found

    def _exactly(self, length: int) -> None:
        while len(self._unread) < length:
            self._more()
        self._unread = self._unread[length:]

    def _more(self) -> None:
        try:
            data = self._socket.recv(65536)
        except OSError as error:
            raise Unavailable(f"a publication was not answered: {error}") from None
        if not data:
            raise Unavailable("the server closed the publisher's connection")
        self._unread += data


def every(seconds: float, count: int, tick: Callable[[int], None]) -> int:
    """Call ``tick`` at a steady pace, with the time to publish as; answers how often.

    Where the server cannot keep the pace it ends after twice the time.

    A tick that the one before held up is stamped with when it was due: who blocks its publisher
    does not get younger deliveries for it.
    """
    step_ns = int(seconds * 1e9)
    due_ns = time.monotonic_ns()
    until_ns = due_ns + 2 * count * step_ns
    for number in range(count):
        now_ns = time.monotonic_ns()
        if now_ns > until_ns:
            return number
        if now_ns < due_ns:
            time.sleep((due_ns - now_ns) / 1e9)
            tick(time.monotonic_ns())
        else:
            tick(due_ns if now_ns - due_ns > BEHIND_NS else now_ns)
        due_ns += step_ns
    return count


class Payload:
    """Bodies of one size: an item whose time and padding are new each time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._number = 0

    def __call__(self, at_ns: int | None = None, *, name: str = "A") -> bytes:
        """The next one, as of now or of a given moment."""
        self._number += 1
        at_ns = time.monotonic_ns() if at_ns is None else at_ns
        head = f'{{"id":"{name}","t":{at_ns},"p":"{self._number:08x}'
        return (head + "x" * (self._size - len(head) - 2) + '"}').encode()
