"""Who is let in: the caps over real sockets, from several addresses of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from stream.cli.open_files import raise_limit
from tests.live.serving import (
    LIMIT_S,
    Running,
    events,
    next_event,
    publish,
    receive,
    serving,
)
from tests.waiting import until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 without being told"
)

PUSH = '[sources.desk]\nkind = "push"\n'
HEALTH = ("/healthz", "/readyz", "/metrics")
SILENT = 500


@dataclass(slots=True)
class Refused(Exception):
    """The answer to one that was not let in."""

    status: int
    headers: dict[str, str]
    body: str


@contextlib.asynccontextmanager
async def websocket_reader(running: Running, address: str) -> AsyncIterator[None]:
    try:
        reader = connect(f"{running.ws_url}/ws/desk", local_addr=(address, 0))
        async with reader as websocket:
            assert (await receive(websocket))["type"] == "snapshot"
            yield
    except InvalidStatus as refusal:
        answer = refusal.response
        headers = {name.lower(): value for name, value in answer.headers.raw_items()}
        raise Refused(answer.status_code, headers, answer.body.decode()) from None


@contextlib.asynccontextmanager
async def sse_reader(running: Running, address: str) -> AsyncIterator[None]:
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(
        transport=transport, base_url=running.url, timeout=LIMIT_S
    ) as client:
        async with client.stream("GET", "/sse/desk") as response:
            if response.status_code != 200:
                body = (await response.aread()).decode()
                raise Refused(response.status_code, dict(response.headers), body)
            stream = events(response)
            await next_event(stream, "snapshot")
            yield


DOORS = {"ws": websocket_reader, "sse": sse_reader}


async def assert_refused(door: str, running: Running, address: str, whose: str) -> None:
    with pytest.raises(Refused) as caught:
        async with DOORS[door](running, address):
            pass
    refused = caught.value
    assert refused.status == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert "too_many_connections" in refused.body
    assert f"{whose} has too many connections" in refused.body
    assert 1 <= int(refused.headers["retry-after"]) <= 10


async def assert_healthy(running: Running) -> None:
    async with running.http() as client:
        answers = await asyncio.gather(*(client.get(path) for path in HEALTH))
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        # Nor is anybody refused who only asks for the state.
        assert (await client.get("/channels/desk")).status_code == 200


async def test_each_cap_holds_at_its_number_and_both_doors_count() -> None:
    toml = f"[limits]\nconnections = 5\nconnections_per_address = 3\n{PUSH}"
    async with serving(toml) as running, contextlib.AsyncExitStack() as stack:
        for door in ("ws", "sse"):
            await stack.enter_async_context(DOORS[door](running, "127.0.0.2"))
        assert len(running.service.connected) == 2
        third = contextlib.AsyncExitStack()
        await third.enter_async_context(sse_reader(running, "127.0.0.2"))
        await assert_refused("ws", running, "127.0.0.2", "your address")
        await assert_refused("sse", running, "127.0.0.2", "your address")
        for door in ("sse", "ws"):
            await stack.enter_async_context(DOORS[door](running, "127.0.0.3"))
        for door, address in (("ws", "127.0.0.3"), ("sse", "127.0.0.4"), ("ws", "127.0.0.5")):
            await assert_refused(door, running, address, "the service")
        await assert_healthy(running)
        assert running.service.refused == 5
        assert {a: p.connections for a, p in running.service.peers.items()} == {
            "127.0.0.2": 3,
            "127.0.0.3": 2,
        }
        await third.aclose()
        await until(lambda: len(running.service.connected) == 4, what="the release")
        await stack.enter_async_context(websocket_reader(running, "127.0.0.4"))
        await assert_refused("sse", running, "127.0.0.2", "the service")
        await stack.aclose()
        await until(lambda: not running.service.connected, what="everybody's release")
        assert not running.service.peers


async def test_a_long_poll_counts_as_a_connection_and_is_given_back() -> None:
    toml = f"[limits]\nconnections = 1\n{PUSH}"
    async with serving(toml) as running, running.http() as client:
        cursor = await publish(running, "desk", {"id": 1})
        waiting = asyncio.create_task(client.get(f"/channels/desk?since={cursor}&wait=20"))
        await until(lambda: running.service.connected, what="the long-poll's arrival")
        refused = await client.get(f"/channels/desk?since={cursor}&wait=20")
        assert refused.status_code == 503
        await publish(running, "desk", {"id": 2})
        assert (await waiting).json()["put"] == [{"id": 2}]
        assert not running.service.connected


async def test_hints_of_when_to_try_again_are_spread() -> None:
    toml = f"[limits]\nconnections = 1\n{PUSH}"
    async with serving(toml) as running, running.http() as client:
        async with sse_reader(running, "127.0.0.2"):
            answers = [await client.get("/sse/desk") for _ in range(25)]
        hints = {int(answer.headers["retry-after"]) for answer in answers}
        assert len(hints) > 3
        assert hints <= set(range(1, 11))


async def test_500_silent_sockets_keep_nobody_out() -> None:
    raise_limit(2 * SILENT)  # both ends of each are this process's
    async with serving(PUSH) as running, contextlib.AsyncExitStack() as stack:
        host, port = urlsplit(running.url).hostname, urlsplit(running.url).port
        silent = await asyncio.gather(
            *(
                asyncio.open_connection(host, port, local_addr=(f"127.0.0.{2 + n % 10}", 0))
                for n in range(SILENT)
            )
        )
        for _, writer in silent:
            stack.callback(writer.close)
        begun = time.monotonic()
        async with websocket_reader(running, "127.0.0.2"), sse_reader(running, "127.0.0.3"):
            await assert_healthy(running)
        assert time.monotonic() - begun < 1
        assert not running.service.refused
