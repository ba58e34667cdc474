"""One supervised task per source that tells by itself when it has something.

Like a poller, but without an interval: `poll` returns when there is something, and is asked again
at once. It must not read for itself.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from stream.breaker import Breaker
from stream.errors import SourceError
from stream.poller import Poller
from stream.schedule import Hints
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
                delay_s = await self._read()
                if self.backs_off and delay_s:
                    self._tell(next_poll=time.time() + delay_s)
                await asyncio.sleep(delay_s if self.backs_off else 0.0)
        finally:
            if self._stale is not None:
                self._stale.cancel()

    async def _read(self) -> float:
        self._started = time.monotonic()
        if self.backs_off:
            return await Poller._read(self)
        # A tape spares nobody by being left alone: what fails on it does so at its own time.
        self.breaker = Breaker()
        return await self._ask()

    def _failed(self, error: SourceError) -> float:
        # It may have waited for minutes: the pause is counted from the failure.
        self._started = time.monotonic()
        return Poller._failed(self, error)

    def _planned_s(self, hints: Hints) -> float:
        self._watch_for_staleness(self.pace.interval_s)
        return 0.0

    def _watch_for_staleness(self, interval_s: float) -> None:
        if self.silence_s is not None:
            Poller._watch_for_staleness(self, self.silence_s / 6)
