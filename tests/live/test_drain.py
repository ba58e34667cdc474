from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

START_S = 15.0
"""Longest that the service may take to say where it is, on a busy machine too."""
EACH = 50
DEMO = ("demo", "--port", "0")

Raw = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def started(*words: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """``stream …`` as a person starts it, and its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            found = None
            while found is None:
                line = await process.stdout.readline()
                assert line, "it ended before it said where it is"
                found = re.search(rb"http://127\.0\.0\.1:\d+", line)
        yield process, found[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _open_sse(url: str) -> Raw:
    host, port = urlsplit(url).hostname, urlsplit(url).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /sse/quotes HTTP/1.1\r\nHost: demo\r\n\r\n")
    await reader.readuntil(b"event: snapshot\n")
    return reader, writer


async def _websocket_end(websocket: ClientConnection) -> tuple[str, int]:
    """The last message's type and the close code."""
    last = ""
    try:
        while True:
            last = orjson.loads(await websocket.recv())["type"]
    except ConnectionClosed as closed:
        return last, closed.rcvd.code if closed.rcvd is not None else 0


async def _wait_open(url: str, path: str) -> ClientConnection:
    websocket = await connect(url.replace("http", "ws", 1) + path, open_timeout=10)
    await websocket.recv()
    return websocket


async def test_the_first_diff_comes_soon_after_the_start() -> None:
    async with started(*DEMO) as (_, url):
        async with asyncio.timeout(10), connect(url.replace("http", "ws", 1) + "/ws/quotes") as ws:
            kinds = []
            while "diff" not in kinds:
                kinds.append(orjson.loads(await ws.recv())["type"])
            assert kinds[0] == "snapshot"


async def test_sigterm_says_bye_to_everybody_and_ends_in_time() -> None:
    async with started(*DEMO) as (process, url), asyncio.timeout(40):
        sockets = await asyncio.gather(*(_wait_open(url, "/ws/quotes") for _ in range(EACH)))
        streams = await asyncio.gather(*(_open_sse(url) for _ in range(EACH)))
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        ends, tails, _ = await asyncio.gather(
            asyncio.gather(*map(_websocket_end, sockets)),
            asyncio.gather(*(reader.read() for reader, _ in streams)),
            process.wait(),
        )
        assert time.monotonic() - begun < 10
        assert ends == [("bye", 1012)] * EACH
        for tail in tails:
            bye = tail[tail.rindex(b"event: ") :]
            assert bye.startswith(b"event: bye\n")
            assert b"\nretry: " in bye
        for _, writer in streams:
            writer.close()
        assert process.returncode in (0, -signal.SIGTERM)


async def _stuck(url: str) -> socket.socket:
    """A peer that asks for a stream of megabytes and then reads nothing at all."""
    parts = urlsplit(url)
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(peer, (parts.hostname, parts.port))
    await loop.sock_sendall(peer, b"GET /sse/big HTTP/1.1\r\nHost: demo\r\n\r\n")
    await loop.sock_recv(peer, 16)
    return peer


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_it_at_once(which: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "stream.toml"
    path.write_text('[server]\ndrain = "30s"\n[sources.big]\nkind = "push"\n')
    serve = started("serve", "--config", str(path), "--port", "0")
    async with serve as (process, url), asyncio.timeout(30):
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            for key in range(6):
                item = {"id": key, "text": "x" * 900_000}
                assert (await client.post("/channels/big", json=item)).status_code == 200
            with await _stuck(url):
                process.send_signal(which)
                while (await client.get("/readyz")).status_code != 503:
                    pass
                assert process.returncode is None
                begun = time.monotonic()
                process.send_signal(which)
                await process.wait()
                assert time.monotonic() - begun < 3
