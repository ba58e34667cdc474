"""Every close has a deadline, whatever the peer does (reliability M1, M2, R4; CWE-404)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

import jwt
import pytest

from stream import direct, server
from stream.doors import guest, websocket
from stream.subscriber import Subscriber
from tests.hostile.peers import (
    CLOSE,
    DOORS,
    SMALL_BYTES,
    TEXT,
    Door,
    Follower,
    Peer,
    close_code,
    frame,
    opened,
    put,
    unsent_bytes,
)
from tests.live.serving import Running, serving
from tests.waiting import until

KEY = "k" * 32
DRAIN_S = 0.3
TOML = f"""
[server]
drain = {DRAIN_S}
[limits]
lag_timeout = "60s"
connections_per_address = 2000
[sources.q]
kind = "push"
key = "k"
[auth]
mode = "jwt"
key_env = "KEY"
anonymous = ["*"]
"""
GONE_S = 5.0
"""Many times the deadline, and a fraction of what such a peer could hold out for."""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines are short, so that tests need not wait for long."""
    monkeypatch.setattr(direct, "CLOSE_S", 0.3)
    monkeypatch.setattr(websocket, "CLOSE_S", 0.3)
    monkeypatch.setattr(server, "GRACE_S", 0.5)


@contextlib.asynccontextmanager
async def sipping(
    running: Running, doors: Iterable[Door], *, path: str = "/q", is_full: bool = False
) -> AsyncIterator[list[Peer]]:
    """Peers for which bytes are held back in this process, and that read a few now and then.

    The kernel sees that they live, so that nothing but our own deadline ends them.
    """
    numbers = itertools.count()

    def are_held_back() -> bool:
        put(running, "q", {"k": "a", "n": next(numbers), "text": "x" * 4096})
        return min(unsent_bytes(running)) >= (direct.HIGH_WATER_BYTES if is_full else 16 * 1024)

    async with contextlib.AsyncExitStack() as stack:
        peers, sips = [], []
        for door in doors:
            peer = await opened(running, door, path, receive_bytes=SMALL_BYTES)
            peers.append(stack.enter_context(peer))
            sips.append(Follower(peer, door, pace=(16, 0.05)).run())
        await until(are_held_back, what="buffers with something in them")
        assert is_full or max(unsent_bytes(running)) < direct.HIGH_WATER_BYTES
        tasks = [asyncio.create_task(sip) for sip in sips]
        try:
            yield peers
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _are_gone(running: Running, names: Mapping[Subscriber, str] | None = None) -> None:
    connected, connections = running.service.connected, running.server.server_state.connections
    with contextlib.suppress(AssertionError):
        await until(lambda: not connected and not connections, within_s=GONE_S)
    assert not [(names or {}).get(subscriber, subscriber) for subscriber in connected]
    assert not connections


async def _close(peer: Peer) -> None:
    await peer.send(frame(CLOSE, close_code(1000)))


async def _half_close(peer: Peer) -> None:
    peer.half_close()


async def _too_many_commands(peer: Peer) -> None:
    await peer.send(frame(TEXT, b"ping") * 100)


async def _too_many_commands_and_a_close(peer: Peer) -> None:
    await peer.send(frame(TEXT, b"ping") * 100)
    await peer.send(frame(CLOSE, close_code(1008)))


async def _not_masked(peer: Peer) -> None:
    await peer.send(b"\x81\x04ping")


async def _not_utf8(peer: Peer) -> None:
    await peer.send(frame(TEXT, b"\xff\xff"))


ENDS: dict[str, tuple[Door, Callable[[Peer], Awaitable[None]]]] = {
    "its close": ("ws", _close),
    "half a close": ("ws", _half_close),
    "half a close of events": ("sse", _half_close),
    "too many commands": ("ws", _too_many_commands),
    "too many commands, and the close answered": ("ws", _too_many_commands_and_a_close),
    "a broken frame": ("ws", _not_masked),
    "a broken text": ("ws", _not_utf8),
}


async def test_a_close_does_not_wait_for_a_peer_that_hardly_reads() -> None:
    async with serving(TOML, environ={"KEY": KEY}) as running:
        async with sipping(running, [door for door, _ in ENDS.values()]) as peers:
            names = dict(zip(running.service.connected, ENDS, strict=True))
            for peer, (_, end) in zip(peers, ENDS.values(), strict=True):
                await end(peer)
            await _are_gone(running, names)


async def test_half_a_close_of_events_does_not_wait_behind_a_full_buffer() -> None:
    async with serving(TOML, environ={"KEY": KEY}) as running:
        async with sipping(running, ["sse"], is_full=True) as peers:
            peers[0].half_close()
            await _are_gone(running)


async def test_a_token_that_expires_ends_a_peer_that_hardly_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exp = int(time.time()) + 60
    monkeypatch.setattr(guest, "LEEWAY_S", time.time() + 1 - exp)  # a second is left
    path = "/q?token=" + jwt.encode({"exp": exp, "read": ["*"]}, KEY, algorithm="HS256")
    async with serving(TOML, environ={"KEY": KEY}) as running:
        async with sipping(running, DOORS, path=path, is_full=True):
            await _are_gone(running)


async def test_a_goodbye_does_not_wait_for_a_peer_that_hardly_reads() -> None:
    async with serving(TOML, environ={"KEY": KEY}) as running, sipping(running, DOORS):
        running.server.stop()
        await _are_gone(running)


@pytest.mark.both_roads
async def test_a_stop_ends_in_time_with_peers_that_do_not_read() -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with serving(TOML, environ={"KEY": KEY}) as running:
            await stack.enter_async_context(sipping(running, DOORS * 5, is_full=True))
            begun = time.monotonic()
        # To wait for the peers would take minutes.
        assert time.monotonic() - begun < DRAIN_S + server.GRACE_S + GONE_S


@pytest.mark.both_roads
async def test_a_peer_that_hardly_reads_and_then_goes_is_released() -> None:
    async with serving(TOML, environ={"KEY": KEY}) as running:
        for is_full in (False, True):
            async with sipping(running, DOORS, is_full=is_full) as peers:
                for peer in peers:
                    peer.reset()
                await _are_gone(running)
