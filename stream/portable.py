"""The portable road: for servers that can only be sent messages, one after another.

A connection on it is always lagging: one task of its own waits here until something is owed, then
composes and sends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from stream.subscriber import Subscriber


class PortableRoad:
    """Wakes the task that writes to one connection.

    Args:
        subscriber: the connection's handle; it is woken through this from now on.
        clock: monotonic seconds.
    """

    def __init__(
        self, subscriber: Subscriber, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._subscriber = subscriber
        self._clock = clock
        self._awake = asyncio.Event()
        subscriber.road = self

    def wake(self) -> None:
        """Something may be owed."""
        self._awake.set()

    def lag(self) -> None:
        """It always does."""

    async def ready(self, *, within_s: float | None = None) -> bool:
        """Wait until something is owed and may be sent; False where the time passed first."""
        until = None if within_s is None else self._clock() + within_s
        while (wait_s := self._subscriber.wait_s()) != 0.0:
            if until is not None:
                left_s = until - self._clock()
                if left_s <= 0:
                    return False
                wait_s = left_s if wait_s is None else min(wait_s, left_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._awake.wait()
            self._awake.clear()
        return True
