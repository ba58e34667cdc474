"""A server that says what a test tells it to: states that a real one is hard to bring into.

A small Starlette app on a real socket; it serves the scripts of ``static/`` and pages under the
strictest policy, and speaks the messages of docs/protocol.md on ``/ws/{channels}``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from html import escape
from typing import Any, Final, TypeAlias

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from stream.doors.pages import static_folder
from stream.server import listen, url_of
from tests.waiting import until

STRICT: Final = "default-src 'self'"
_BOOT: Final = """
import "./static/widgets.js";
const all = [...document.querySelectorAll(":not(:defined)")];
await Promise.all(all.map(({ localName }) => customElements.whenDefined(localName)));
document.documentElement.dataset.ready = "";
"""
LIMIT_S: Final = 8.0

Message: TypeAlias = Mapping[str, Any]


class Stage:
    """What is said to whom; the test writes the parts."""

    def __init__(self) -> None:
        self.url = ""
        self.first: dict[str, list[Message]] = {}
        """What a channel says to each that comes."""
        self.refused: dict[str, str] = {}
        """Channels that are answered 403, with the reason."""
        self.asked: list[str] = []
        """Path and query of each WebSocket that came, and what was then asked on it."""
        self.body = ""
        """The markup of the page."""
        self.sockets: dict[WebSocket, list[str]] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/boot.js", self._boot),
                Route("/sse/{channels}", self._plain),
                WebSocketRoute("/ws/{channels}", self._follow),
                Mount("/static", StaticFiles(directory=static_folder())),
            ]
        )

    def snapshot(self, channel: str, items: list[dict[str, Any]], **more: Any) -> None:
        """Let a channel begin with these items; ``more`` are members of the message."""
        self.first[channel] = [snapshot(channel, items, **more)]

    async def say(self, message: Message) -> None:
        """Send this to all that follow its channel."""
        for socket, channels in list(self.sockets.items()):
            if message["channel"] in channels:
                await socket.send_text(orjson.dumps(message).decode())

    async def hang_up(self) -> None:
        """Lose all links, as in a restart."""
        for socket in list(self.sockets):
            await socket.close(1012)

    async def _page(self, request: Request) -> Response:
        page = (
            "<!doctype html><html lang=en><meta charset=utf-8><title>page</title>"
            f'<link rel=icon href="/static/favicon.svg"><body>{self.body}'
            '<script type=module src="/boot.js"></script></body></html>'
        )
        return HTMLResponse(page, headers={"content-security-policy": STRICT})

    async def _boot(self, request: Request) -> Response:
        return Response(_BOOT, media_type="text/javascript")

    async def _plain(self, request: Request) -> Response:
        for channel in request.path_params["channels"].split(","):
            if channel in self.refused:
                problem = {"status": 403, "title": "Forbidden", "detail": self.refused[channel]}
                return Response(orjson.dumps(problem), 403, media_type="application/problem+json")
        return Response("", 200, media_type="text/event-stream")

    async def _follow(self, socket: WebSocket) -> None:
        self.asked.append(f"{socket.url.path}?{socket.url.query}".rstrip("?"))
        channels = socket.path_params["channels"].split(",")
        if any(channel in self.refused for channel in channels):
            await socket.close()
            return
        await socket.accept()
        self.sockets[socket] = channels
        try:
            await self._begin(socket, channels)
            while True:
                await self._obey(socket, orjson.loads(await socket.receive_text()))
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            del self.sockets[socket]

    async def _begin(self, socket: WebSocket, channels: list[str]) -> None:
        for channel in channels:
            for message in self.first.get(channel, []):
                await socket.send_text(orjson.dumps(message).decode())

    async def _obey(self, socket: WebSocket, command: dict[str, Any]) -> None:
        asked: list[str] = command.get("channels", [])
        self.asked.append(f"{command['op']} {','.join(asked)}".strip())
        if command["op"] == "unsubscribe":
            self.sockets[socket] = [name for name in self.sockets[socket] if name not in asked]
        if command["op"] != "subscribe":
            return
        for channel in set(asked) & set(self.refused):
            refusal = {"type": "error", "code": "forbidden", "message": self.refused[channel]}
            await socket.send_text(orjson.dumps({**refusal, "channel": channel}).decode())
        granted = [channel for channel in asked if channel not in self.refused]
        self.sockets[socket] = [*self.sockets[socket], *granted]
        await self._begin(socket, granted)


def snapshot(channel: str, items: list[dict[str, Any]], **more: Any) -> Message:
    """A first message; the key is the first field of the first item."""
    key = next(iter(items[0])) if items else "id"
    head = {"type": "snapshot", "channel": channel, "cursor": "e-1", "key": key}
    return {**head, "as_of": None, "count": len(items), "items": items, **more}


def diff(channel: str, count: int, **more: Any) -> Message:
    """A change that leaves this many items."""
    return {"type": "diff", "channel": channel, "cursor": "e-2", "count": count, **more}


def status(channel: str, state: str, **more: Any) -> Message:
    """How the source stands."""
    return {"type": "status", "channel": channel, "state": state, **more}


def element(name: str, **attributes: str | int) -> str:
    """The markup of an element; ``_`` in a name stands for ``-``."""
    given = (f'{key.replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items())
    return f"<stream-{name} {' '.join(given)}></stream-{name}>"


@contextlib.asynccontextmanager
async def hosting(app: Starlette) -> AsyncIterator[str]:
    """An app of the test's on a free port; its URL."""
    listener = listen("127.0.0.1", 0, lag_timeout_s=LIMIT_S)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", ws="websockets-sansio", lifespan="off")
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    task = asyncio.create_task(server.serve([listener]))
    try:
        await until(lambda: server.started or task.done(), what="the app's start")
        yield url_of(listener)
    finally:
        server.should_exit = server.force_exit = True
        async with asyncio.timeout(LIMIT_S):
            await task


@contextlib.asynccontextmanager
async def staging() -> AsyncIterator[Stage]:
    """A stage that is up."""
    stage = Stage()
    async with hosting(stage.app()) as stage.url:
        yield stage
