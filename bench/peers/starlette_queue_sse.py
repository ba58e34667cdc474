"""Starlette on uvicorn: a queue for each subscriber, a ``StreamingResponse`` empties it."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from bench.peers.serving import serve
else:
    from serving import serve

channels: defaultdict[str, set[asyncio.Queue[bytes]]] = defaultdict(set)


async def ready(request: Request) -> Response:
    """Answer once the server listens."""
    return PlainTextResponse("ready")


async def publish(request: Request) -> Response:
    """Write the body as an event once, and put it into the queue of every subscriber."""
    lines = re.split(rb"\r\n|\r|\n", await request.body())
    event = b"".join(b"data: %b\n" % line for line in lines) + b"\n"
    for queue in channels.get(request.path_params["channel"], ()):
        queue.put_nowait(event)
    return Response(status_code=204)


async def events(names: list[str], queue: asyncio.Queue[bytes]) -> AsyncIterator[bytes]:
    """What comes out of the queue, until the client is gone."""
    try:
        while True:
            yield await queue.get()
    finally:
        for name in names:
            channels[name].discard(queue)


async def subscribe(request: Request) -> Response:
    """Subscribe to the path's channels for as long as the client stays."""
    names = request.path_params["channels"].split(",")
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    for name in names:
        channels[name].add(queue)
    return StreamingResponse(
        events(names, queue),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


app = Starlette(
    routes=[
        Route("/ready", ready),
        Route("/publish/{channel}", publish, methods=["POST"]),
        Route("/sse/{channels}", subscribe),
    ]
)

if __name__ == "__main__":
    serve(app)
