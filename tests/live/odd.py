"""Servers that speak the protocol in ways ours does not, for clients that must cope."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

Talk = Callable[[ServerConnection], Awaitable[None]]


async def say(socket: ServerConnection, **message: object) -> None:
    """Send one message."""
    await socket.send(orjson.dumps(message).decode())


async def say_snapshot(socket: ServerConnection, cursor: str, *names: str, channel: str) -> None:
    """Send a whole channel whose items are these names."""
    items = [{"id": name} for name in names]
    members = {"channel": channel, "cursor": cursor, "key": "id", "count": len(items)}
    await say(socket, type="snapshot", **members, items=items)


class Odd:
    """A server that is at its nth connection.

    Attributes:
        asked: the path and query of each handshake, refused ones included.
        headers: those of the last handshake.
        refusals: answers to the next handshakes: status, headers, body.
    """

    def __init__(self, *talks: Talk) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.headers = Headers()
        self.refusals: list[tuple[int, dict[str, str], bytes]] = []
        self._talks = list(talks)
        self._opened = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Odd]:
        """On a free port, until the end of the block."""
        async with serve(
            self._talk, "127.0.0.1", 0, process_request=self._greet, close_timeout=0.2
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"http://127.0.0.1:{port}"
            yield self

    def _greet(self, socket: ServerConnection, request: Request) -> Response | None:
        self.asked.append(request.path)
        self.headers = request.headers
        if not self.refusals:
            return None
        status, headers, body = self.refusals.pop(0)
        return Response(status, "Odd", Headers({**headers, "Content-Length": str(len(body))}), body)

    async def _talk(self, socket: ServerConnection) -> None:
        """The last talk serves all later connections as well."""
        talk = self._talks[min(self._opened, len(self._talks) - 1)]
        self._opened += 1
        await talk(socket)
