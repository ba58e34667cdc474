"""Peers that stop half-way through a request, or never end one (M4, M5, R35; CWE-400)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time

import pytest

from stream import wire
from tests.hostile.peers import DOORS, Peer, following, head
from tests.live.serving import Running, serving
from tests.waiting import until

PUSH = """
[sources.q]
kind = "push"
key = "k"
"""
TOML = "[limits]\nconnections_per_address = 2000\n" + PUSH
SILENT = 500
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n"


async def _drip(peer: Peer, data: bytes) -> None:
    """A byte every 50 ms, as an attacker does, until the peer is closed."""
    with contextlib.suppress(OSError):
        for byte in data:
            await peer.send(bytes((byte,)))
            await asyncio.sleep(0.05)  # the peer's own pace


async def _answered(running: Running, peer: Peer) -> None:
    await peer.send(WHOLE)
    await peer.receive_until(b"ok\n")


BEGINNINGS = (
    b"",
    b"GET /ws/q HTT",
    head("ws", "/q")[:-2],
    b"\r\n\r\n",
    b"GET /ws/q HTTP/1.1\r\nX-Drip: ",
)


async def _stays(running: Running, beginning: bytes, *, is_first: bool) -> None:
    """Begin a request and stay until the service has closed the connection."""
    with await Peer.connect(running.url) as peer:
        if not is_first:
            await _answered(running, peer)
        await peer.send(beginning)
        dripping = asyncio.create_task(_drip(peer, b"x" * 10_000 * beginning.endswith(b"Drip: ")))
        assert await peer.receive_rest() == b""
        dripping.cancel()


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_head_that_is_not_complete_in_time_closes_the_connection(
    is_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HEAD_S", 0.3)
    async with serving(TOML) as running:
        monkeypatch.setattr(running.server.config, "timeout_keep_alive", 0.3)
        await asyncio.gather(*(_stays(running, b, is_first=is_first) for b in BEGINNINGS))
        await until(lambda: not running.server.server_state.connections, what="their release")


FLOODS = {
    "one endless line": [b"GET /sse/q HTTP/1.1\r\nX-Long: ", b"x" * 65536],
    "endless lines": [b"GET /sse/q HTTP/1.1\r\n", b"X-More: yes\r\n" * 5000],
    "an endless path": [b"GET /", b"x" * 65536],
    "an endless method": [b"G", b"G" * 65536],
    "endless blank lines": [b"\r\n", b"\r\n" * 32768],
}


async def _flooded_bytes(peer: Peer, more: bytes) -> int:
    """How much of 40 MB was taken; some of it only by the kernels of both ends."""
    sent_bytes = 0
    with contextlib.suppress(OSError):
        while sent_bytes < 40_000_000:
            await peer.send(more)
            sent_bytes += len(more)
    return sent_bytes


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_head_that_never_ends_is_cut_off_early(is_first: bool) -> None:
    async with serving(TOML) as running:
        for name, (beginning, more) in FLOODS.items():
            with await Peer.connect(running.url) as peer:
                if not is_first:
                    await _answered(running, peer)
                await peer.send(beginning)
                assert await _flooded_bytes(peer, more) < 10_000_000, name
        await until(lambda: not running.server.server_state.connections, what="their release")


async def test_a_whole_head_that_is_too_large_is_refused_though_it_comes_at_once() -> None:
    sizes = (wire.HEAD_BYTES + 2000, 3 * wire.HEAD_BYTES)
    async with serving(TOML) as running:
        for door, size in itertools.product(DOORS, sizes):
            lines = [f"X-{n}: {'x' * 90}" for n in range(size // 100)]
            with await Peer.connect(running.url) as peer:
                await peer.send(head(door, "/q", *lines))
                answer = await peer.receive()
                assert answer == b"" or answer.split()[1] == b"431", (door, size, answer[:200])


async def test_a_large_head_within_the_bound_is_obeyed() -> None:
    lines = [f"X-{n}: {'x' * 90}" for n in range(100)]
    async with serving(TOML) as running:
        with await Peer.connect(running.url) as peer:
            await peer.send(head("sse", "/q", *lines))
            await peer.receive_until(b"event: snapshot")


async def test_five_hundred_silent_peers_keep_nobody_out() -> None:
    async with serving(TOML) as running, contextlib.AsyncExitStack() as stack:
        sources = [f"127.0.0.{n}" for n in range(2, 12)]
        for n in range(SILENT):
            peer = await Peer.connect(running.url, source=sources[n % len(sources)])
            stack.enter_context(peer)
            if n % 2:
                await peer.send(b"GET /ws/q HTT")
        connections = running.server.server_state.connections
        await until(lambda: len(connections) == SILENT, what="all of them")
        took_s = []
        for _ in range(3):
            begun = time.monotonic()
            async with following(running, "ws") as ws, following(running, "sse") as sse:
                await until(lambda: ws.heard and sse.heard, what="the first message")
            took_s.append(time.monotonic() - begun)
        assert min(took_s) < 1
        assert len(connections) >= SILENT


UNREADABLE = {
    "another method": head("ws", "/q").replace(b"GET", b"POST", 1),
    "a body": head("ws", "/q", "Content-Length: 5") + b"12345",
    "a chunked body": head("ws", "/q", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "too many lines": head("ws", "/q", *(f"X-{n}: 1" for n in range(200))),
    "a line too long": head("ws", "/q", "X-Long: " + "x" * 9000),
    "a path too long": head("ws", "/q?" + "x" * 9000),
    "another version": head("ws", "/q").replace(b"Version: 13", b"Version: 7"),
    "no key": head("ws", "/q").replace(b"Sec-WebSocket-Key", b"X-Key"),
}


async def test_a_websocket_handshake_that_cannot_be_read_is_answered_and_closed() -> None:
    async with serving(TOML) as running:
        for name, data in UNREADABLE.items():
            with await Peer.connect(running.url) as peer:
                await peer.send(data)
                answer = await peer.receive_rest()
                assert answer.startswith(b"HTTP/1.1 4"), (name, answer)
        await until(lambda: not running.server.server_state.connections, what="their release")
        assert not running.service.connected


CHUNKED = b"POST /channels/q HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
APPENDED = {
    "endless trailers": [b"0\r\n", b"X-More: yes\r\n" * 5000],
    "one endless trailer": [b"0\r\nX-Long: ", b"x" * 65536],
    "an endless extension": [b"1;x=", b"x" * 65536],
}


async def test_what_is_neither_head_nor_body_is_cut_off_early_too() -> None:
    async with serving(TOML) as running:
        for name, (beginning, more) in APPENDED.items():
            with await Peer.connect(running.url) as peer:
                await peer.send(CHUNKED + beginning)
                assert await _flooded_bytes(peer, more) < 10_000_000, name
        await until(lambda: not running.server.server_state.connections, what="their release")


async def test_a_body_in_the_smallest_chunks_is_taken() -> None:
    body = b'{"k": "a", "text": "%b"}' % (b"x" * 20_000)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    async with serving(TOML) as running:
        with await Peer.connect(running.url) as peer:
            await peer.send(CHUNKED + chunks + b"0\r\n\r\n")
            assert (await peer.receive()).startswith(b"HTTP/1.1 200")


async def test_a_body_that_goes_on_after_it_was_refused_comes_to_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "HEAD_S", 0.3)
    start = b"POST /channels/q HTTP/1.1\r\nHost: test\r\nContent-Length: 90000000\r\n\r\n"
    async with serving("[limits]\npublish_bytes = 1000\n" + PUSH) as running:
        with await Peer.connect(running.url) as peer:
            await peer.send(start + b"x" * 2000)
            assert (await peer.receive()).startswith(b"HTTP/1.1 413")
            dripping = asyncio.create_task(_drip(peer, b"x" * 10_000))
            await peer.receive_rest()
            dripping.cancel()
        await until(lambda: not running.server.server_state.connections, what="its release")


async def test_a_publisher_that_goes_half_way_is_no_error_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    start = b"POST /channels/q HTTP/1.1\r\nHost: test\r\nContent-Length: 90\r\n\r\n"
    async with serving(TOML) as running:
        # uvicorn keeps what it logs to itself.
        logging.getLogger("uvicorn").addHandler(caplog.handler)
        with await Peer.connect(running.url) as peer:
            await peer.send(start + b"{")
            await until(lambda: running.server.server_state.tasks, what="the request")
            peer.reset()
            await until(lambda: not running.server.server_state.tasks, what="its end")
        logging.getLogger("uvicorn").removeHandler(caplog.handler)
    assert not caplog.records
