"""The memory of a real process under floods and stuck peers (reliability M3, M5; CWE-770)."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import httpx
import psutil

from tests.hostile.peers import DOORS, SMALL_BYTES, Peer, head
from tests.live.test_drain import started
from tests.waiting import until

TOML = """
[limits]
lag_timeout = "60s"
connections_per_address = 2000
[sources.q]
kind = "push"
key = "k"
"""
STUCK = 100
FLAT_BYTES = 32 * 2**20
"""A fraction of what would be held if anything were kept for somebody who does not take it."""


async def test_stuck_peers_and_floods_leave_a_process_its_size(tmp_path: Path) -> None:
    path = tmp_path / "stream.toml"
    path.write_text(TOML)
    serve = started("serve", "--config", str(path), "--port", "0")
    async with serve as (process, url), contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False))
        memory = psutil.Process(process.pid)

        async def publish(number: int) -> None:
            item = {"k": str(number % 2), "n": number, "text": str(number % 10) * 800_000}
            assert (await client.post("/channels/q", json=item)).status_code == 200

        async def connections() -> int:
            text = (await client.get("/metrics")).text
            row = next(line for line in text.splitlines() if line.startswith("stream_connections"))
            return int(float(row.split()[-1]))

        for number in range(20):
            await publish(number)
        descriptors = memory.num_fds()
        before = memory.memory_info().rss
        peers = []
        for number in range(STUCK):
            peer = await Peer.connect(url, receive_bytes=SMALL_BYTES)
            peers.append(stack.enter_context(peer))
            await peer.send(head(DOORS[number % 2], "/q"))
            await peer.receive(16)
        for number in range(80):
            await publish(number)
        with await Peer.connect(url) as flood:
            await flood.send(b"GET /sse/q HTTP/1.1\r\nX-Long: ")
            with contextlib.suppress(OSError):
                for _ in range(40):
                    await flood.send(b"x" * 1_000_000)
        grown = memory.memory_info().rss - before
        assert await connections() == STUCK
        for peer in peers:
            peer.reset()
        await until(lambda: memory.num_fds() == descriptors, what="the descriptors' return")
        assert grown < FLAT_BYTES, f"{grown / 2**20:.0f} MiB"
        process.terminate()
        async with asyncio.timeout(10):
            await process.wait()
