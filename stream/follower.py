"""One supervised task per source that tells by itself when it has something.

Like a poller, but without an interval: `poll` returns when there is something, and is asked again
at once. It must not read for itself.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from stream.poller import Poller
from stream.sources.base import close


@dataclass(slots=True, eq=False)
class Follower(Poller):
    """Follows one source for as long as it is wanted.

    Attributes:
        backs_off: whether it waits after a failure, longer after each; otherwise the source itself
            knows when to go on.
        silence_s: no word for half of this, and the source is called stale; None for never.
    """

    backs_off: bool = True
    silence_s: float | None = None

    async def run(self) -> None:
        """Follow for ever."""
        try:
            while True:
                if not self.is_wanted():
                    await close(self.source)
                await self._until_wanted()
                self._started = time.monotonic()
                delay_s = self._left_s(await self._read())
                if self.tally.in_a_row and self.backs_off:
                    self._tell(next_poll=time.time() + delay_s)
                    await asyncio.sleep(delay_s)
                else:
                    await asyncio.sleep(0)
        finally:
            if self._stale is not None:
                self._stale.cancel()

    def _breaker_wait_s(self) -> float:
        """A stream that breaks off is opened again after its backoff: that is its only probe."""
        return 0.0

    def _watch_for_staleness(self, interval_s: float) -> None:
        if self.silence_s is not None:
            Poller._watch_for_staleness(self, self.silence_s / 6)
