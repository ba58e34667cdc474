from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect

from tests.live.serving import (
    LIMIT_S,
    Message,
    Running,
    events,
    next_event,
    publish,
    receive,
    serving,
)

pytestmark = pytest.mark.both_roads

TOML = """
[sources.quotes]
kind = "push"
key = "code"
"""
CHANGES = 120


class Copy:
    """A client's copy of a channel, and the one cursor it carries from door to door."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.cursor = ""
        self.snapshots = 0

    def apply(self, message: Message) -> None:
        """Take one message, by the rules for clients; its count must agree."""
        if message["type"] == "snapshot":
            self.snapshots += 1
            self.items = {item["code"]: item for item in message["items"]}
        elif message["type"] == "diff":
            for item in message.get("put", []):
                self.items[item["code"]] = item
            for item in message.get("patch", []):
                self.items[item["code"]].update(item)
            for key in message.get("del", []):
                del self.items[key]
        else:
            return
        self.cursor = message["cursor"]
        assert len(self.items) == message["count"]


async def _publish_all(running: Running) -> str:
    last = ""
    for n in range(CHANGES):
        code = f"K{n % 7}"
        body: dict[str, Any] = {"put": [{"code": code, "n": n, "even": n % 2 == 0}]}
        if n % 5 == 4:
            body = {"del": [code]}
        last = await publish(running, "quotes", body)
    return last


async def _by_sse(running: Running, copy: Copy, times: int) -> None:
    async with running.http() as client:
        headers = {"Last-Event-ID": copy.cursor} if copy.cursor else {}
        async with client.stream("GET", "/sse/quotes", headers=headers) as response:
            stream = events(response)
            for _ in range(times):
                fields = await next_event(stream)
                while "data" not in fields:
                    fields = await next_event(stream)
                copy.apply(orjson.loads(fields["data"]))
                assert fields["id"] == copy.cursor


async def _by_websocket(running: Running, copy: Copy, times: int) -> None:
    async with connect(f"{running.ws_url}/ws/quotes?since={copy.cursor}") as websocket:
        for _ in range(times):
            copy.apply(await receive(websocket))


async def _by_long_poll(running: Running, copy: Copy) -> None:
    async with running.http() as client:
        answer = await client.get(f"/channels/quotes?since={copy.cursor}&wait=1")
        if answer.status_code == 200:
            copy.apply(answer.json())


async def test_one_cursor_goes_from_door_to_door_and_nothing_is_missing() -> None:
    async with serving(TOML) as running, asyncio.timeout(4 * LIMIT_S):
        await publish(running, "quotes", [{"code": "K0", "n": -1}, {"code": "Z", "n": -1}])
        copy = Copy()
        await _by_sse(running, copy, 1)
        publishing = asyncio.create_task(_publish_all(running))
        rounds = 0
        while not publishing.done():
            await _by_sse(running, copy, 1)
            await _by_websocket(running, copy, 1)
            await _by_long_poll(running, copy)
            rounds += 1
        last = await publishing
        while copy.cursor != last:
            await _by_long_poll(running, copy)
        async with running.http() as client:
            truth = (await client.get("/channels/quotes")).json()
        assert rounds >= 3
        assert copy.snapshots == 1
        assert copy.items == {item["code"]: item for item in truth["items"]}


async def test_a_resumed_reader_is_told_so_even_where_nothing_changed() -> None:
    async with serving(TOML) as running:
        cursor = await publish(running, "quotes", {"code": "A"})
        async with connect(f"{running.ws_url}/ws/quotes?since={cursor}") as websocket:
            first = await receive(websocket)
        assert first["type"] == "diff"
        assert first["resumed"] is True
        assert first["cursor"] == cursor
        assert not first.keys() & {"put", "patch", "del"}


async def test_a_forgotten_deletion_makes_the_cursor_a_snapshot() -> None:
    limited = TOML + "[limits]\ndeletions = 1\n"
    async with serving(limited) as running:
        old = await publish(running, "quotes", [{"code": c} for c in "ABCD"])
        new = await publish(running, "quotes", {"del": ["A", "B"]})
        await publish(running, "quotes", {"del": ["C"]})
        async with connect(f"{running.ws_url}/ws/quotes?since={old}") as websocket:
            first = await receive(websocket)
            assert first["type"] == "snapshot"
            assert first["items"] == [{"code": "D"}]
        async with connect(f"{running.ws_url}/ws/quotes?since={new}") as websocket:
            assert (await receive(websocket))["del"] == ["C"]
