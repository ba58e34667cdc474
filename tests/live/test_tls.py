"""TLS on real sockets, with certificates that the test makes."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect

from stream.server import TLS_CLOSE_S
from tests.certificates import Certified, certify
from tests.live.serving import LIMIT_S, Running, events, next_event, receive, serving

PUSH = '[sources.desk]\nkind = "push"\n'
HANDSHAKE_S = 0.3


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certify(tmp_path_factory.mktemp("tls"))


@contextlib.asynccontextmanager
async def over_tls(files: Certified) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    toml = f"[server]\n{files.toml}{PUSH}"
    async with serving(toml, handshake_s=HANDSHAKE_S) as running:
        client = httpx.AsyncClient(
            base_url=running.url, verify=files.trust(), timeout=LIMIT_S, trust_env=False
        )
        async with client:
            yield running, client


async def test_pages_streams_and_sockets_are_served_over_tls(files: Certified) -> None:
    async with over_tls(files) as (running, client):
        assert running.url.startswith("https://")
        assert (await client.post("/channels/desk", json={"id": 1})).status_code == 200
        # The page's own origin, which is https too, may open a WebSocket.
        own = connect(f"{running.ws_url}/ws/desk", ssl=files.trust(), origin=running.url)  # type: ignore[arg-type]
        async with own as websocket, client.stream("GET", "/sse/desk") as response:
            stream = events(response)
            assert (await receive(websocket))["items"] == [{"id": 1}]
            await next_event(stream, "snapshot")
            assert (await client.post("/channels/desk", json={"id": 2})).status_code == 200
            assert (await receive(websocket))["put"] == [{"id": 2}]
            assert '"id":2' in (await next_event(stream, "diff"))["data"]


async def test_a_client_that_does_not_trust_the_authority_is_not_served(files: Certified) -> None:
    async with over_tls(files) as (running, _), httpx.AsyncClient(trust_env=False) as stranger:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await stranger.get(f"{running.url}/healthz")


def _half_a_hello() -> bytes:
    """The first half of a real ClientHello."""
    outgoing = ssl.MemoryBIO()
    hello = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="desk.example"
    )
    with contextlib.suppress(ssl.SSLWantReadError):
        hello.do_handshake()
    whole = outgoing.read()
    return whole[: len(whole) // 2]


@pytest.mark.parametrize("sent", [b"", _half_a_hello()], ids=["nothing", "half"])
async def test_a_peer_that_stops_within_the_handshake_is_gone_in_time(
    sent: bytes, files: Certified
) -> None:
    async with over_tls(files) as (running, client):
        parts = urlsplit(running.url)
        async with asyncio.timeout(LIMIT_S):
            begun = time.monotonic()
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(sent)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            assert time.monotonic() - begun > HANDSHAKE_S / 2
            writer.close()
        assert (await client.get("/healthz")).status_code == 200


async def test_a_peer_that_speaks_no_tls_gets_nothing(files: Certified) -> None:
    async with over_tls(files) as (running, client):
        parts = urlsplit(running.url)
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: desk\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert b"HTTP" not in await reader.read()
            writer.close()
        assert (await client.get("/healthz")).status_code == 200


async def test_a_stop_does_not_wait_for_idle_connections(files: Certified) -> None:
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(verify=files.trust()))
        async with over_tls(files) as (running, _):
            assert (await client.get(f"{running.url}/healthz")).text == "ok\n"
            begun = time.monotonic()
        # Such a client does not answer the end of TLS before it is used again.
        assert time.monotonic() - begun < TLS_CLOSE_S
