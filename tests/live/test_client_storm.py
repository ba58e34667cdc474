"""The Python client while links break and programs start anew: nothing missing, nothing doubled."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from typing import cast

import orjson

from stream.client import Update, connect
from stream.doors.websocket_direct import DirectWebSocket
from stream.model import Item, Key
from tests.live.following import soon
from tests.live.serving import LIMIT_S, Running, serving

TOML = """
[sources.a]
kind = "push"
[sources.b]
kind = "push"
"""
CHANGES = 300
STARTS = 60
NAMES = ("a", "b")

Held = dict[str, dict[Key, Item]]


async def _publish(
    running: Running, chance: random.Random, *, until: Callable[[int], bool]
) -> None:
    """Changes of both channels, one after the other, and links that break now and then."""
    async with running.http() as client:
        for n in itertools.takewhile(lambda n: not until(n), itertools.count()):
            key, name = chance.randrange(6), chance.choice(NAMES)
            body: dict[str, object] = {"put": [{"id": key, "n": n}]}
            if n % 5 == 4:
                body = {"del": [key]}
            answer = await client.post(f"/channels/{name}", content=orjson.dumps(body))
            assert answer.status_code == 200
            if n % 40 == 20:
                for subscriber in list(running.service.connected):
                    if isinstance(subscriber.road, DirectWebSocket):
                        subscriber.road.transport.abort()


def _follow(held: Held, change: Update) -> None:
    """What a program does that keeps items of its own."""
    items = held[change.channel]
    if change.kind == "snapshot":
        items.clear()
        items.update(change.items)
        return
    items.update({cast("Key", item["id"]): item for item in change.put})
    for part in change.patch:
        key = cast("Key", part["id"])
        items[key] = {**items[key], **part}
    for key in change.delete:
        items.pop(key, None)


async def _truth(running: Running) -> Held:
    async with running.http() as client:
        bodies = [(await client.get(f"/channels/{name}")).json() for name in NAMES]
    return {body["channel"]: {item["id"]: item for item in body["items"]} for body in bodies}


async def test_a_reader_that_looks_rarely_ends_with_what_the_service_has() -> None:
    chance = random.Random(1)
    async with serving(TOML) as running, connect(running.url, draw=soon) as session:
        subscription = session.subscribe(*NAMES)
        held: Held = {name: {} for name in NAMES}
        over = _publish(running, chance, until=lambda n: n == CHANGES)
        publishing = asyncio.create_task(over)
        async with asyncio.timeout(4 * LIMIT_S):
            async for change in subscription:
                before = dict(held[change.channel])
                _follow(held, change)
                assert held[change.channel] == change.items
                assert set(change.added) == set(change.items) - set(before)
                assert set(change.removed) == set(before) - set(change.items)
                for _ in range(chance.randrange(40)):
                    await asyncio.sleep(0)  # a reader that is busy with something else
                if publishing.done() and session.state == await _truth(running):
                    break
        await publishing
        assert held == await _truth(running)


async def test_a_program_that_starts_again_and_again_from_its_cursor_misses_nothing() -> None:
    chance = random.Random(2)
    held: Held = {name: {} for name in NAMES}
    cursor: str | None = None
    starts = 0

    async def start(is_enough: Callable[[int], bool]) -> None:
        # It keeps an item before it keeps the cursor: what came after that is given again.
        nonlocal cursor
        taken = 0
        async with connect(running.url, draw=soon) as session:
            async for change in session.subscribe(*NAMES, since=cursor):
                _follow(held, change)
                cursor = change.cursor or cursor
                taken += 1
                if is_enough(taken):
                    break

    async with serving(TOML) as running, asyncio.timeout(4 * LIMIT_S):
        # There are changes for as long as there are programs that wait for some.
        over = _publish(running, chance, until=lambda n: starts == STARTS)
        publishing = asyncio.create_task(over)
        while starts < STARTS:
            most = chance.randrange(1, 8)
            await start(lambda taken: taken >= most)  # noqa: B023
            starts += 1
        await publishing
        last = str(running.service.hub.cursor)
        await start(lambda _: cursor == last)
        assert held == await _truth(running)
