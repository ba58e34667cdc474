"""Whoever is only written to is still listened to: pings, commands, closes (reliability R3)."""

from __future__ import annotations

import itertools

import pytest

from tests.hostile.peers import (
    CLOSE,
    DOORS,
    PING,
    PONG,
    TEXT,
    Ear,
    close_code,
    following,
    frame,
    head,
    opened,
    put,
    up_to_date,
)
from tests.live.serving import serving
from tests.waiting import until

pytestmark = pytest.mark.both_roads

TOML = """
[limits]
lag_timeout = "20s"
connections_per_address = 2000
[sources.q]
kind = "push"
key = "k"
"""


async def test_pings_and_commands_on_a_subscription_are_answered_and_it_lives_on() -> None:
    async with serving(TOML) as running, following(running, "ws") as reader:
        for n in range(10):
            put(running, "q", {"k": "a", "n": n})
            await reader.peer.send(frame(PING, b"%d" % n) + frame(TEXT, b"whatever %d" % n))
        await until(lambda: reader.heard.count("error") == 10, what="ten answers")
        assert reader.ear.controls == [(PONG, b"%d" % n) for n in range(10)]
        put(running, "q", {"k": "b"})
        await until(up_to_date(running, reader), what="the next change")
        assert not reader.is_over


async def test_a_request_behind_an_event_stream_does_not_disturb_it() -> None:
    async with serving(TOML) as running, following(running, "sse") as reader:
        await reader.peer.send(head("sse", "/q") * 3)
        for n in range(10):
            put(running, "q", {"k": "a", "n": n})
            await until(up_to_date(running, reader), what="the next change")
        assert not reader.is_over
        assert len(running.service.connected) == 1


async def test_a_close_is_answered_at_once() -> None:
    async with serving(TOML) as running:
        put(running, "q", {"k": "a"})
        with await opened(running, "ws") as peer:
            await peer.send(frame(CLOSE, close_code(1000) + b"done"))
            ear = Ear("ws")
            ear.hear(await peer.receive_rest())
            assert ear.controls[-1][0] == CLOSE
            assert ear.controls[-1][1][:2] == close_code(1000)
            await until(lambda: not running.service.connected, what="its release")


async def test_a_peer_that_goes_without_a_word_is_released_at_once() -> None:
    async with serving(TOML) as running:
        put(running, "q", {"k": "a"})
        for door, how in itertools.product(DOORS, ("reset", "close", "half close")):
            with await opened(running, door) as peer:
                if how == "reset":
                    peer.reset()
                elif how == "close":
                    peer.sock.close()
                else:
                    peer.half_close()
                    await peer.receive_rest()
                await until(lambda: not running.service.connected, what=f"{door} after {how}")
                await until(lambda: not running.server.server_state.connections, what=how)
        assert not running.service.hub.get("q").views
