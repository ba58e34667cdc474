"""Subscriptions that change all the time, while everything else does (reliability R7, R17)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random

import orjson
import pytest

from tests.hostile.peers import TEXT, Follower, delete, following, frame, put, state, up_to_date
from tests.live.serving import Running, serving
from tests.waiting import until

pytestmark = pytest.mark.both_roads

TOML = """
[limits]
connections_per_address = 2000
commands_per_second = 100000
[sources.q]
kind = "push"
key = "k"
[sources.r]
kind = "push"
key = "k"
"""
CLIENTS = 60
COMMANDS = (
    b"sub q",
    b"sub q",
    b"sub q r",
    b"unsub q",
    b"unsub r",
    b"sub q format=merge-patch",
    b"sub r format=json-patch",
    b"sub q,r format=json",
    b"rate 50",
    b"rate off",
    b"sub r snapshot=0",
    b"ping",
)


def _publish(running: Running, number: int) -> None:
    name = "qr"[number % 2]
    put(running, name, {"k": str(number % 40), "n": number})
    if number % 7 == 0:
        delete(running, name, str((number + 20) % 40))


async def _say(follower: Follower, *commands: bytes) -> None:
    for command in commands:
        await follower.peer.send(frame(TEXT, command))


def _answers(follower: Follower, event: str, number: object) -> bool:
    return any(m["type"] == event and m.get("id") == number for m in follower.messages)


async def test_whatever_was_subscribed_and_how_often_the_last_word_counts() -> None:
    dice = random.Random(7)
    async with serving(TOML) as running, contextlib.AsyncExitStack() as stack:
        numbers = itertools.count(1)
        put(running, "q", {"k": "0", "n": 0})
        put(running, "r", {"k": "0", "n": 0})
        clients = [
            await stack.enter_async_context(following(running, "ws", "/q")) for _ in range(20)
        ]
        for _ in range(15):
            for client in clients:
                _publish(running, next(numbers))
                await _say(client, *dice.choices(COMMANDS, k=dice.randint(0, 2)))
        last = orjson.dumps({"op": "subscribe", "channels": ["q", "r"], "format": "json"})
        for client in clients:
            await _say(client, b"rate off", last, b'{"op":"ping","id":1}')
        await until(lambda: all(_answers(c, "pong", 1) for c in clients), what="the last answer")
        for _ in range(10):
            _publish(running, next(numbers))
        await until(up_to_date(running, *clients), what="the last change")
        for client in clients:
            for name in ("q", "r"):
                expected = state(running.service.hub.get(name))
                await until(lambda c=client, n=name, e=expected: c.copy(n) == e)  # type: ignore[misc]
            assert client.heard.count("bye") == 0
        # Everybody watches the same again, and so shares what is written.
        assert all(len(c.views) == 1 for c in running.service.hub.channels.values())


async def test_many_who_leave_a_channel_on_its_first_frame_disturb_nobody() -> None:
    async with serving(TOML) as running, contextlib.AsyncExitStack() as stack:
        put(running, "q", {"k": "0", "n": 0})
        clients = [
            await stack.enter_async_context(following(running, "ws", "/q,r"))
            for _ in range(CLIENTS)
        ]
        numbers = itertools.count(1)

        async def leave(client: Follower) -> None:
            await until(lambda: client.heard, what="its first frame")
            await _say(client, b'{"op":"unsubscribe","channels":["q"],"id":1}')
            await until(lambda: _answers(client, "unsubscribed", 1), what="the answer")

        leaving = [asyncio.create_task(leave(client)) for client in clients[::2]]

        def is_done() -> bool:
            _publish(running, next(numbers))
            return all(task.done() for task in leaving)

        await until(is_done, within_s=15.0, what="half of them to leave")
        await asyncio.gather(*leaving)
        told = [c.messages.index(_unsubscribed(c)) for c in clients[::2]]
        for number in range(10):
            put(running, "r", {"k": str(number), "n": number})
        await until(up_to_date(running, *clients), what="the last change")
        for client, at in zip(clients[::2], told, strict=True):
            assert all(m.get("channel") != "q" for m in client.messages[at:])
        for client in clients[1::2]:
            assert client.copy("q") == state(running.service.hub.get("q"))
        for client in clients:
            assert client.copy("r") == state(running.service.hub.get("r"))
        watching = running.service.hub.get("q").subscribers()
        assert sum(1 for _ in watching) == CLIENTS // 2


def _unsubscribed(client: Follower) -> dict[str, object]:
    return next(m for m in client.messages if m["type"] == "unsubscribed")
