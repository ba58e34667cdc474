"""The heartbeat of all direct connections: each in its turn, so that they never beat at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from stream.direct import DirectRoad

BUCKETS: Final = 64
"""Parts of a heartbeat: 20,000 connections are 310 at a time, 3 to 4 ms of the loop (measured)."""


class Pulse:
    """Lets every connection beat once in so many seconds.

    Args:
        heartbeat_s: longest silence on a connection.
    """

    def __init__(self, heartbeat_s: float) -> None:
        self._every_s = heartbeat_s / BUCKETS
        self._buckets: list[set[DirectRoad]] = [set() for _ in range(BUCKETS)]
        self._next = 0

    def add(self, road: DirectRoad) -> None:
        """Let it beat from now on; the first time within one heartbeat."""
        self._bucket(road).add(road)

    def remove(self, road: DirectRoad) -> None:
        """Let it be."""
        self._bucket(road).discard(road)

    def _bucket(self, road: DirectRoad) -> set[DirectRoad]:
        return self._buckets[id(road) // 64 % BUCKETS]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Beat until the end of the block."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            self.turn()

    def turn(self) -> None:
        """Let the next part of the connections beat."""
        self._next = (self._next + 1) % BUCKETS
        for road in list(self._buckets[self._next]):
            road.beat()
