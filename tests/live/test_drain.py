from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

START_S = 15.0
"""Longest that the service may take to say where it is, on a busy machine too."""
EACH = 25
DEMO = ("demo", "--port", "0")
HOST = '[server]\ndrain = "10s"\n[sources.host]\nkind = "system"\nevery = "100ms"\n'

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
                found = re.search(rb"https?://127\.0\.0\.1:\d+", line)
        yield process, found[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@dataclass(slots=True)
class Farewell:
    """How a stream ended.

    Attributes:
        told_at: when the ``bye`` came (monotonic seconds).
        code: the close code; 0 for server-sent events, which end with the ``bye``.
        last_diff_at: when the last change before it came.
    """

    told_at: float
    retry_ms: int
    code: int
    last_diff_at: float


async def _open_sse(url: str) -> Raw:
    host, port = urlsplit(url).hostname, urlsplit(url).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /sse/host HTTP/1.1\r\nHost: desk\r\n\r\n")
    await reader.readuntil(b"event: snapshot\n")
    return reader, writer


async def _sse_end(reader: asyncio.StreamReader) -> Farewell:
    diff_at = 0.0
    while event := (await reader.readuntil(b"event: ") and await reader.readuntil(b"\n")):
        if event == b"bye\n":
            break
        diff_at = time.monotonic()
    told_at = time.monotonic()
    tail = await reader.read()
    hint = re.search(rb"^retry: (\d+)\n", tail, re.MULTILINE)
    assert hint is not None and b'"retry_ms":' + hint[1] in tail
    return Farewell(told_at, int(hint[1]), 0, diff_at)


async def _open_websocket(url: str) -> ClientConnection:
    websocket = await connect(url.replace("http", "ws", 1) + "/ws/host", open_timeout=10)
    await websocket.recv()
    return websocket


async def _websocket_end(websocket: ClientConnection) -> Farewell:
    diff_at = told_at = 0.0
    last: dict[str, Any] = {}
    try:
        while True:
            last = orjson.loads(await websocket.recv())
            if last["type"] == "bye":
                told_at = time.monotonic()
            else:
                diff_at = time.monotonic()
    except ConnectionClosed as closed:
        assert last["type"] == "bye"
        code = closed.rcvd.code if closed.rcvd is not None else 0
        return Farewell(told_at, last["retry_ms"], code, diff_at)


async def _refusals(client: httpx.AsyncClient) -> list[int]:
    """What health checks and new readers are told, once the drain has begun."""
    while (ready := await client.get("/readyz")).status_code == 200:
        pass
    stream = await client.get("/sse/host")
    assert 1 <= int(stream.headers["retry-after"]) <= 10
    health = await client.get("/healthz")
    return [ready.status_code, stream.status_code, health.status_code]


async def test_the_first_diff_comes_soon_after_the_start() -> None:
    async with started(*DEMO) as (_, url):
        async with asyncio.timeout(10), connect(url.replace("http", "ws", 1) + "/ws/quotes") as ws:
            kinds = []
            while "diff" not in kinds:
                kinds.append(orjson.loads(await ws.recv())["type"])
            assert kinds[0] == "snapshot"


async def test_sigterm_ends_everybody_in_turn_and_the_process_after_the_last(
    tmp_path: Path,
) -> None:
    path = tmp_path / "stream.toml"
    path.write_text(HOST)
    serve = started("serve", "--config", str(path), "--port", "0")
    async with serve as (process, url), asyncio.timeout(40), asyncio.TaskGroup() as group:
        client = httpx.AsyncClient(base_url=url, trust_env=False)
        assert (await client.get("/readyz")).status_code == 200  # and its connection stays open
        sockets = await asyncio.gather(*(_open_websocket(url) for _ in range(EACH)))
        streams = await asyncio.gather(*(_open_sse(url) for _ in range(EACH)))
        ends = [group.create_task(_websocket_end(websocket)) for websocket in sockets]
        ends += [group.create_task(_sse_end(reader)) for reader, _ in streams]
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert await _refusals(client) == [503, 503, 200]
        assert not all(end.done() for end in ends), "they were all gone at once"
        farewells = await asyncio.gather(*ends)
        last_told_at = max(farewell.told_at for farewell in farewells)
        await process.wait()
        assert time.monotonic() - last_told_at < 5
        for _, writer in streams:
            writer.close()
        await client.aclose()
    assert process.returncode == 0
    assert sorted(farewell.code for farewell in farewells) == [0] * EACH + [1012] * EACH
    # 50 connections are spread over one second, in no order of doors.
    told_s = sorted(farewell.told_at - begun for farewell in farewells)
    assert told_s[-1] - told_s[0] > 0.6
    assert max(Counter(int(at_s * 10) for at_s in told_s).values()) < 2 * EACH * 0.85
    # Whoever comes back when told to finds nobody here any more.
    for farewell in farewells:
        assert farewell.told_at + farewell.retry_ms / 1000 > last_told_at + 0.3
    # Data goes on to the end: the last ones got changes long after the signal.
    assert max(farewell.last_diff_at for farewell in farewells) > begun + 0.5


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


async def _is_listening(url: str) -> bool:
    try:
        _, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    except ConnectionError:
        return False
    writer.close()
    return True


async def test_a_stuck_peer_is_waited_for_but_nobody_listens_and_a_second_signal_ends_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "stream.toml"
    path.write_text('[server]\ndrain = "30s"\n[sources.big]\nkind = "push"\n')
    serve = started("serve", "--config", str(path), "--port", "0")
    async with serve as (process, url), asyncio.timeout(30):
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            for key in range(6):
                item = {"id": key, "text": "x" * 900_000}
                assert (await client.post("/channels/big", json=item)).status_code == 200
            with await _stuck(url):
                process.send_signal(signal.SIGTERM)
                while await _is_listening(url):
                    pass
                assert (await client.get("/readyz")).status_code == 503
                assert process.returncode is None
                assert await _seconds_to_end(process, signal.SIGTERM) < 1.5


async def test_a_second_signal_ends_it_at_once_though_readers_are_connected(
    tmp_path: Path,
) -> None:
    path = tmp_path / "stream.toml"
    path.write_text(HOST)
    serve = started("serve", "--config", str(path), "--port", "0")
    async with serve as (process, url), asyncio.timeout(30):
        sockets = await asyncio.gather(*(_open_websocket(url) for _ in range(3 * EACH)))
        process.send_signal(signal.SIGINT)
        async with asyncio.TaskGroup() as group:
            ends = [group.create_task(websocket.wait_closed()) for websocket in sockets]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            assert not all(end.done() for end in ends)
            assert await _seconds_to_end(process, signal.SIGINT) < 1.5


async def _seconds_to_end(process: asyncio.subprocess.Process, which: signal.Signals) -> float:
    begun = time.monotonic()
    process.send_signal(which)
    await process.wait()
    return time.monotonic() - begun
