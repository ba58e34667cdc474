"""websockets' own server and its ``broadcast``, on uvloop.

That server reads no request bodies, so publishing has a port of its own: subscribers connect to
``ws://127.0.0.1:PORT/ws/<channel>``; ``POST /publish/<channel>`` and ``GET /ready`` are on PORT+1.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.asyncio.server import serve as serve_websockets

if TYPE_CHECKING:
    from bench.peers.serving import BACKLOG, HOST, PING_S, config, port, raise_file_limit
else:
    from serving import BACKLOG, HOST, PING_S, config, port, raise_file_limit

CONNECT_S = 60  # for the handshake of one among thousands
channels: defaultdict[str, set[ServerConnection]] = defaultdict(set)


async def ready(request: Request) -> Response:
    """Answer once both ports listen."""
    return PlainTextResponse("ready")


async def publish(request: Request) -> Response:
    """Broadcast the body to the channel's connections, as text."""
    body = await request.body()
    broadcast(channels.get(request.path_params["channel"], ()), body, text=True)
    return Response(status_code=204)


async def subscribe(connection: ServerConnection) -> None:
    """Subscribe to the path's channels for as long as the client stays."""
    assert connection.request is not None
    names = connection.request.path.removeprefix("/ws/").split(",")
    for name in names:
        channels[name].add(connection)
    try:
        await connection.wait_closed()
    finally:
        for name in names:
            channels[name].discard(connection)


app = Starlette(
    routes=[
        Route("/ready", ready),
        Route("/publish/{channel}", publish, methods=["POST"]),
    ]
)


async def main() -> None:
    """Serve WebSockets on the port and publishing on the next, until a signal comes."""
    async with serve_websockets(
        subscribe,
        HOST,
        port(),
        compression=None,
        open_timeout=CONNECT_S,
        ping_interval=PING_S,
        ping_timeout=PING_S,
        close_timeout=1,
        backlog=BACKLOG,
    ):
        await uvicorn.Server(config(app, port() + 1)).serve()


if __name__ == "__main__":
    raise_file_limit()
    uvloop.run(main())
