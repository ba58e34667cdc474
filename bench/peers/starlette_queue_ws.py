"""Starlette on uvicorn: a queue for each WebSocket, and ``send_text`` for each message."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from bench.peers.serving import serve
else:
    from serving import serve

channels: defaultdict[str, set[asyncio.Queue[str]]] = defaultdict(set)


async def ready(request: Request) -> Response:
    """Answer once the server listens."""
    return PlainTextResponse("ready")


async def publish(request: Request) -> Response:
    """Put the body into the queue of every subscriber of the channel."""
    text = (await request.body()).decode()
    for queue in channels.get(request.path_params["channel"], ()):
        queue.put_nowait(text)
    return Response(status_code=204)


async def pump(websocket: WebSocket, queue: asyncio.Queue[str]) -> None:
    """Send what comes out of the queue until the client is gone."""
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.send_text(await queue.get())


async def subscribe(websocket: WebSocket) -> None:
    """Subscribe to the path's channels for as long as the client stays."""
    names = websocket.path_params["channels"].split(",")
    queue: asyncio.Queue[str] = asyncio.Queue()
    for name in names:
        channels[name].add(queue)
    try:
        await websocket.accept()
        sender = asyncio.create_task(pump(websocket, queue))
        try:
            while (await websocket.receive())["type"] != "websocket.disconnect":
                pass
        finally:
            sender.cancel()
    finally:
        for name in names:
            channels[name].discard(queue)


app = Starlette(
    routes=[
        Route("/ready", ready),
        Route("/publish/{channel}", publish, methods=["POST"]),
        WebSocketRoute("/ws/{channels}", subscribe),
    ]
)

if __name__ == "__main__":
    serve(app)
