"""python-socketio on uvicorn: a room for each channel, and ``emit`` to the room.

A client connects to ``/socket.io/?EIO=4&transport=websocket&channel=<channel>`` and sends ``40``.
It is in the room once it is answered ``40{"sid":...}``; a message comes as ``42["m","<body>"]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import socketio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from bench.peers.serving import PING_S, serve
else:
    from serving import PING_S, serve

server = socketio.AsyncServer(
    async_mode="asgi",
    transports=["websocket"],
    http_compression=False,
    ping_interval=PING_S,
    ping_timeout=PING_S,
)


async def ready(request: Request) -> Response:
    """Answer once the server listens."""
    return PlainTextResponse("ready")


async def publish(request: Request) -> Response:
    """Emit the body to the channel's room."""
    text = (await request.body()).decode()
    await server.emit("m", text, room=request.path_params["channel"])
    return Response(status_code=204)


async def connect(sid: str, environ: dict[str, Any]) -> None:
    """Enter the rooms that the query names."""
    for names in parse_qs(environ["QUERY_STRING"])["channel"]:
        for name in names.split(","):
            await server.enter_room(sid, name)


server.on("connect", connect)
app = socketio.ASGIApp(
    server,
    Starlette(
        routes=[
            Route("/ready", ready),
            Route("/publish/{channel}", publish, methods=["POST"]),
        ]
    ),
)

if __name__ == "__main__":
    serve(app)
