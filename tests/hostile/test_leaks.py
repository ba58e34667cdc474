"""Whoever comes and goes leaves nothing behind (reliability R16; CWE-401, CWE-772)."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from tests.hostile.peers import (
    CLOSE,
    DOORS,
    SMALL_BYTES,
    Footprint,
    Peer,
    close_code,
    frame,
    head,
    opened,
    put,
)
from tests.live.serving import Running, serving
from tests.waiting import until

CYCLES = {"direct": 350, "portable": 150}
AT_ONCE = 10
TOML = """
[limits]
connections_per_address = 2000
lag_timeout = "1s"
[sources.q]
kind = "push"
key = "k"
[sources.r]
kind = "push"
key = "k"
"""
PATHS = ("/q", "/q,r", "/q?keys=1,2", "/r?where=n%20%3E%205", "/q?format=merge-patch&max_rate=5")


async def _come_and_go(running: Running, number: int) -> None:
    door = DOORS[number % 2]
    path = PATHS[number % len(PATHS)]
    how = number // 2 % 6
    if how == 5:  # gone before the service has answered, or even read
        with await Peer.connect(running.url) as peer:
            await peer.send(head(door, path)[: 10 * number])
            peer.reset()
        return
    receive_bytes = SMALL_BYTES if how == 4 else None
    with await opened(running, door, path, receive_bytes=receive_bytes) as peer:
        put(running, "q", {"k": str(number % 7), "n": number, "text": "x" * 2000})
        put(running, "r", {"k": str(number % 7), "n": number % 10})
        if how == 0:
            peer.reset()
        elif how == 1 and door == "ws":
            await peer.send(frame(CLOSE, close_code(1000)))
            await peer.receive_rest()
        elif how == 2:
            peer.half_close()
            await peer.receive_rest()
        # Else it just closes, with whatever there is unread.


@pytest.mark.both_roads
async def test_hundreds_who_come_and_go_in_every_way_leave_nothing_behind(road: str) -> None:
    async with serving(TOML) as running:
        for number in range(len(DOORS)):  # some things are made once, for all who follow
            await _come_and_go(running, number)
        service = running.service
        await until(lambda: not service.connected and not running.server.server_state.tasks)
        before = Footprint.of(running)
        assert before.views == before.audiences == before.live == before.beating == 0
        numbers = iter(range(CYCLES[road]))

        async def some() -> None:
            for number in numbers:
                await _come_and_go(running, number)

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        publishing = itertools.count()

        def is_as_before() -> bool:
            put(running, "q", {"k": "0", "n": next(publishing)})
            return Footprint.of(running) == before

        try:
            await until(is_as_before, within_s=15.0, what=f"{before} again")
        except AssertionError:
            raise AssertionError(f"left behind: {Footprint.of(running)}") from None
        assert not service.peers
        assert all(not channel._by_key for channel in service.hub.channels.values())
