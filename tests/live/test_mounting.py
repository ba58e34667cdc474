"""Our app inside another one: FastAPI runs our lifespan in its own and serves us under a path."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator

import httpx
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import connect

from stream import config
from stream.app import create_app
from stream.client import connect as follow
from tests.live.commands import ran
from tests.live.following import take
from tests.live.serving import LIMIT_S, receive
from tests.waiting import until


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def test_the_app_mounts_in_a_fastapi_app_with_its_pages_and_streams() -> None:
    ours = create_app(config.loads('[sources.host]\nkind = "system"\nevery = "100ms"\n', {}))

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with ours.router.lifespan_context(ours):
            yield

    host = FastAPI(lifespan=lifespan)
    host.mount("/live", ours)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = _Quiet(
        uvicorn.Config(
            host, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=2
        )
    )
    task = asyncio.create_task(server.serve([listener]))
    try:
        await until(lambda: server.started, what="the host's start")
        base = f"http://127.0.0.1:{port}/live"
        async with httpx.AsyncClient(timeout=LIMIT_S, trust_env=False) as client:
            assert (await client.get(f"{base}/channels/host")).json()["key"] == "id"
            page = await client.get(f"{base}/", headers={"Accept": "text/html"})
            assert "console.js" in page.text
            assert f"curl {base}/channels/host" in (await client.get(f"{base}/")).text
            assert (await client.get(f"{base}/static/stream.js")).status_code == 200
        async with connect(f"ws://127.0.0.1:{port}/live/ws/host") as websocket:
            assert (await receive(websocket))["type"] == "snapshot"
            assert (await receive(websocket))["type"] == "diff"
        async with follow(base) as session:
            assert (await take(session.subscribe("host"))).kind == "snapshot"
        assert (await ran("tail", base, "host", "-n", "2")).code == 0
        assert '"key":"id"' in (await ran("get", base, "host")).out
    finally:
        server.should_exit = True
        async with asyncio.timeout(LIMIT_S):
            await task
