"""Tests of the wire, on a real server: the bound on request heads, and who is taken over."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from stream import wire
from stream.framing import Framing
from stream.server import protocol_classes
from stream.wire import HEAD_BYTES, HttpProtocol, missing_attributes
from tests.live.serving import LIMIT_S, Running, publish, receive, receive_until, serving
from tests.waiting import until

TOML = """
[sources.quotes]
kind = "push"
key = "code"
"""
DEFLATE = "[server]\ndeflate = true\n" + TOML


async def exchange(running: Running, request: bytes) -> bytes:
    """All that is answered until the server closes."""
    port = int(running.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(LIMIT_S):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def request(head: bytes) -> bytes:
    return b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: %b\r\n\r\n" % head


async def test_a_head_as_large_as_allowed_is_served_and_a_larger_one_refused() -> None:
    async with serving(TOML) as running:
        room = HEAD_BYTES - len(request(b""))
        assert (await exchange(running, request(b"a" * room))).startswith(b"HTTP/1.1 200")
        endless = request(b"a" * 2 * HEAD_BYTES)[:-4]
        assert (await exchange(running, endless)).startswith(b"HTTP/1.1 431")


async def test_a_body_is_no_part_of_the_head() -> None:
    async with serving(TOML) as running:
        for size in (10, 2 * HEAD_BYTES, 10 * HEAD_BYTES):
            await publish(running, "quotes", {"code": "A", "text": "x" * size})


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo", b"GET /healthz HTTP/1.1\r\n"])
async def test_who_does_not_finish_a_head_is_closed(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HEAD_S", 0.2)
    async with serving(TOML) as running:
        assert await exchange(running, sent) == b""
        await until(lambda: not running.server.server_state.connections, what="the close")


async def test_a_second_head_on_one_connection_has_the_same_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "HEAD_S", 0.2)
    async with serving(TOML) as running:
        whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = await exchange(running, whole + b"GET / HTTP/1.1\r\nHost")
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"ok\n" in answer
        answer = await exchange(running, whole + whole[:-2] + b"X: " + b"a" * 2_000_000)
        assert answer == b"" or b"HTTP/1.1 431" in answer


async def test_a_stream_is_not_held_to_the_time_of_its_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "HEAD_S", 0.1)
    async with serving(TOML) as running:
        async with connect(f"{running.ws_url}/ws/quotes") as websocket:
            await receive(websocket)
            late = asyncio.get_running_loop().time() + 0.3
            await until(lambda: asyncio.get_running_loop().time() > late)
            await publish(running, "quotes", {"code": "A"})
            assert (await receive_until(websocket, "diff"))["count"] == 1


def test_this_uvicorn_has_all_that_is_leaned_on() -> None:
    assert missing_attributes() == []
    assert protocol_classes()["http"] is HttpProtocol


def test_another_uvicorn_is_served_by_its_own_classes_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Other:
        def __init__(self) -> None:
            self.transport = None

    monkeypatch.setattr(wire, "_NEEDED", ((Other, ("transport", "flow"), ("on_url",)),))
    with caplog.at_level(logging.WARNING):
        assert protocol_classes() == {"http": "httptools", "ws": "websockets-sansio"}
    (record,) = caplog.records
    assert record.getMessage() == "no direct road: this uvicorn has no Other.flow, Other.on_url"


def roads(running: Running) -> list[Any]:
    return [subscriber.road for subscriber in running.service.connected]


async def test_a_request_of_http_1_0_goes_by_the_portable_road() -> None:
    async with serving(TOML) as running:
        port = int(running.url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /sse/quotes HTTP/1.0\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"event: snapshot")
        assert [type(road).__name__ for road in roads(running)] == ["PortableRoad"]
        writer.close()


async def test_without_being_asked_for_nothing_is_deflated() -> None:
    async with serving(TOML) as running:
        async with connect(f"{running.ws_url}/ws/quotes", compression="deflate") as websocket:
            assert websocket.protocol.extensions == []


@pytest.mark.both_roads
async def test_deflated_frames_are_made_once_for_all(road: str) -> None:
    text = "the same again and again " * 40
    async with serving(DEFLATE) as running:
        url = f"{running.ws_url}/ws/quotes"
        async with (
            connect(url) as one,
            connect(url) as two,
            connect(url, compression=None) as three,
        ):
            for websocket in (one, two, three):
                await receive(websocket)
            assert [bool(w.protocol.extensions) for w in (one, two, three)] == [True, True, False]
            await publish(running, "quotes", {"code": "A", "text": text})
            for websocket in (one, two, three):
                diff = await receive_until(websocket, "diff")
                assert diff["put"] == [{"code": "A", "text": text}]
            await one.send("ping " + " " * 200)
            assert (await receive(one))["type"] == "pong"
            if road == "direct":
                framings = sorted(r.framing for r in roads(running))
                assert framings == [Framing.DEFLATED, Framing.DEFLATED, Framing.WEBSOCKET]
                assert len(running.service.hub.delivery.audiences) == 2


async def test_a_smaller_window_than_the_shared_one_goes_by_the_portable_road() -> None:
    factory = ClientPerMessageDeflateFactory(server_max_window_bits=10)
    async with serving(DEFLATE) as running:
        url = f"{running.ws_url}/ws/quotes"
        async with connect(url, compression=None, extensions=[factory]) as websocket:
            await receive(websocket)
            assert [type(r).__name__ for r in roads(running)] == ["PortableRoad"]
            await publish(running, "quotes", {"code": "A", "text": "x" * 500})
            assert (await receive_until(websocket, "diff"))["put"][0]["text"] == "x" * 500
