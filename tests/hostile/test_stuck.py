"""Peers that never read, or a byte a second (reliability R1, R2; CWE-400)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools

import pytest

from stream import direct, server
from stream.doors import websocket
from tests.hostile.peers import (
    DOORS,
    SMALL_BYTES,
    Follower,
    Footprint,
    following,
    opened,
    put,
    state,
    unsent_bytes,
    up_to_date,
)
from tests.live.serving import Running, serving
from tests.waiting import until

LAG_S = 1.0
MARGIN_S = 15.0
"""Only for a machine that is very busy; conditions come true long before."""
ITEM_BYTES = 8 * 1024
KEYS = 20
TOML = f"""
[limits]
lag_timeout = {LAG_S}
connections_per_address = 2000
[sources.q]
kind = "push"
key = "k"
"""


class Publisher:
    """Publishes a change whenever it is asked, and watches what it does to everybody."""

    def __init__(self, running: Running, good: list[Follower]) -> None:
        self.running = running
        self.good = good
        self.numbers = itertools.count()
        self.most_unsent_bytes = 0
        self.most_behind = 0

    def __call__(self) -> None:
        hub = self.running.service.hub
        behind = hub.seq - min(follower.seq for follower in self.good)
        self.most_behind = max(self.most_behind, behind)
        number = next(self.numbers)
        put(self.running, "q", {"k": str(number % KEYS), "n": number, "text": "x" * ITEM_BYTES})
        self.most_unsent_bytes = max(self.most_unsent_bytes, *unsent_bytes(self.running))


@pytest.mark.parametrize(
    ("road", "count", "helper"),
    [
        ("direct", 1, "kernel"),
        ("direct", 10, "nobody"),
        ("direct", 100, "kernel"),
        ("portable", 10, "kernel"),
    ],
    indirect=["road"],
)
async def test_peers_that_do_not_read_are_gone_in_time_and_nobody_else_notices(
    count: int, helper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if helper == "nobody":  # the direct road needs no TCP_USER_TIMEOUT, which is Linux's alone
        monkeypatch.setattr(server, "tcp_options", lambda _: {"TCP_NOTSENT_LOWAT": 16384})
    monkeypatch.setattr(websocket, "CLOSE_S", 0.2)
    async with serving(TOML) as running, contextlib.AsyncExitStack() as stack:
        good = [await stack.enter_async_context(following(running, d)) for d in ("ws", "sse")]
        publish = Publisher(running, good)
        publish()
        await until(up_to_date(running, *good), what="the good readers' first message")
        before = Footprint.of(running)
        stuck = [
            stack.enter_context(await opened(running, DOORS[number % 2], receive_bytes=SMALL_BYTES))
            for number in range(count)
        ]
        # Every other pair sips: a byte at a time shows the server no progress at all.
        for number, peer in enumerate(stuck):
            if number % 4 >= 2:
                sipper = Follower(peer, DOORS[number % 2], pace=(1, 0.3))
                stack.callback(asyncio.create_task(sipper.run()).cancel)

        def are_gone() -> bool:
            publish()
            return len(running.service.connected) == len(good)

        await until(are_gone, within_s=LAG_S + MARGIN_S)
        assert publish.most_unsent_bytes <= direct.HIGH_WATER_BYTES + KEYS * (ITEM_BYTES + 100)
        assert publish.most_behind <= KEYS
        assert next(publish.numbers) > KEYS

        def is_as_before() -> bool:
            now = Footprint.of(running)
            sockets = now.descriptors == before.descriptors + count  # ours are still open
            return sockets and now.connections == before.connections and now.live == before.live

        await until(is_as_before, within_s=LAG_S + MARGIN_S, what="the sockets' end")
        await until(up_to_date(running, *good), what="the last change")
        for follower in good:
            assert follower.copy("q") == state(running.service.hub.get("q"))
            assert not follower.is_over


@pytest.mark.both_roads
async def test_a_slow_reader_that_is_alive_is_kept_and_ends_with_the_latest_state(
    road: str,
) -> None:
    # The direct road watches for progress; the portable one gives each message its time.
    pace = (1024, 0.02) if road == "direct" else (4096, 0.01)
    async with serving(TOML) as running, contextlib.AsyncExitStack() as stack:
        slow = [
            await stack.enter_async_context(
                following(running, door, receive_bytes=SMALL_BYTES, pace=pace)
            )
            for door in DOORS
        ]
        begun = asyncio.get_running_loop().time()
        published_bytes = 0
        numbers = itertools.count()

        def has_gone_on_for_long() -> bool:
            nonlocal published_bytes
            number = next(numbers)
            put(running, "q", {"k": f"once-{number}"})
            for key in range(4):
                put(running, "q", {"k": str(key), "n": number, "text": "x" * ITEM_BYTES})
                published_bytes += ITEM_BYTES
            assert max(unsent_bytes(running)) <= direct.HIGH_WATER_BYTES + 10 * ITEM_BYTES
            return asyncio.get_running_loop().time() - begun > 1.6 * LAG_S and number > 120

        await until(has_gone_on_for_long, within_s=MARGIN_S)
        assert not any(follower.is_over for follower in slow)
        put(running, "q", {"k": "last", "n": 0})
        for follower in slow:
            follower.pace = (4096, 0.002)
        await until(up_to_date(running, *slow), within_s=MARGIN_S, what="the slow to catch up")
        for follower in slow:
            assert follower.copy("q") == state(running.service.hub.get("q"))
            assert follower.received_bytes < published_bytes / 3
            assert follower.most_conflated > 1
            assert follower.heard.count("snapshot") == 1
        assert len(running.service.connected) == len(slow)
