"""sse-starlette on uvicorn: a queue for each subscriber, an ``EventSourceResponse`` empties it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from bench.peers.serving import PING_S, serve
else:
    from serving import PING_S, serve

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


async def events(names: list[str], queue: asyncio.Queue[str]) -> AsyncIterator[ServerSentEvent]:
    """What comes out of the queue, until the client is gone."""
    try:
        while True:
            yield ServerSentEvent(await queue.get(), sep="\n")
    finally:
        for name in names:
            channels[name].discard(queue)


async def subscribe(request: Request) -> Response:
    """Subscribe to the path's channels for as long as the client stays."""
    names = request.path_params["channels"].split(",")
    queue: asyncio.Queue[str] = asyncio.Queue()
    for name in names:
        channels[name].add(queue)
    return EventSourceResponse(events(names, queue), ping=PING_S, sep="\n")


app = Starlette(
    routes=[
        Route("/ready", ready),
        Route("/publish/{channel}", publish, methods=["POST"]),
        Route("/sse/{channels}", subscribe),
    ]
)

if __name__ == "__main__":
    serve(app)
