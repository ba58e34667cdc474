"""Runs the real service inside a test's loop, on a free port of 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import httpx
import orjson
from websockets.asyncio.client import ClientConnection

from stream import config
from stream.app import create_app
from stream.server import HANDSHAKE_S, Server, listen, make_server, url_of
from stream.service import Service
from stream.settings import Settings
from tests.waiting import until

LIMIT_S: Final = 8.0
"""Longest that any one wait of these tests may take."""

_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Of no use on plain HTTP, but each client without one reads all of the system's certificates."""

ROAD = "direct"
"""Whether connections are taken over (``direct``) or served by uvicorn's own (``portable``)."""

Message: TypeAlias = dict[str, Any]


class _Quiet(Server):
    """The product's server, leaving the signals of the test run alone, and quick to stop."""

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            await asyncio.sleep(0.01)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@dataclass(frozen=True, slots=True)
class Running:
    """A service that is up."""

    url: str
    service: Service
    server: Server

    @property
    def ws_url(self) -> str:
        """The same place for WebSocket."""
        return self.url.replace("http", "ws", 1)

    def http(self) -> httpx.AsyncClient:
        """A client of this service; close it."""
        return httpx.AsyncClient(base_url=self.url, timeout=LIMIT_S, trust_env=False, verify=_TLS)


@contextlib.asynccontextmanager
async def serving(
    settings: str | Settings,
    *,
    environ: Mapping[str, str] | None = None,
    handshake_s: float = HANDSHAKE_S,
) -> AsyncIterator[Running]:
    """The service by this TOML; at the end it drains, within a bounded time."""
    if isinstance(settings, str):
        settings = config.loads(settings, environ or {})
    app = create_app(settings)
    listener: socket.socket = listen("127.0.0.1", 0, lag_timeout_s=settings.limits.lag_timeout)
    made = make_server(app, settings)
    if ROAD == "portable":
        made.config.http, made.config.ws = "httptools", "websockets-sansio"
    service: Service = app.state.service
    server = _Quiet(
        made.config,
        service,
        drain_s=min(settings.server.drain, 1.0),
        handshake_s=handshake_s,
    )
    task = asyncio.create_task(server.serve([listener]))
    try:
        await until(lambda: server.started or task.done(), what="the service's start")
        has_tls = settings.server.tls_cert is not None
        yield Running(url_of(listener, has_tls=has_tls), service, server)
    finally:
        server.stop()
        async with asyncio.timeout(LIMIT_S):
            await task


async def receive(websocket: ClientConnection) -> Message:
    """The next message, as JSON."""
    async with asyncio.timeout(LIMIT_S):
        message: Message = orjson.loads(await websocket.recv())
        return message


async def receive_until(websocket: ClientConnection, event: str) -> Message:
    """The next message of this type; what comes before it is passed over."""
    while (message := await receive(websocket))["type"] != event:
        pass
    return message


async def events(response: httpx.Response) -> AsyncGenerator[dict[str, str], None]:
    """The blocks of an event stream as fields; a comment stands under an empty name."""
    buffer = b""
    async for chunk in response.aiter_raw():
        buffer += chunk
        while b"\n\n" in buffer:
            block, buffer = buffer.split(b"\n\n", 1)
            fields: dict[str, str] = {}
            for line in block.decode().split("\n"):
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            yield fields


async def next_event(
    stream: AsyncGenerator[dict[str, str], None], event: str | None = None
) -> dict[str, str]:
    """The next block of this type; of any type without one."""
    async with asyncio.timeout(LIMIT_S):
        async for fields in stream:
            if event is None or fields.get("event") == event:
                return fields
    raise AssertionError(f"the stream ended before {event or 'a block'}")


async def publish(running: Running, channel: str, body: object) -> str:
    """Publish to a push channel; the cursor of the change."""
    async with running.http() as client:
        response = await client.post(f"/channels/{channel}", content=orjson.dumps(body))
    assert response.status_code == 200, response.text
    cursor: str = response.json()["cursor"]
    return cursor
