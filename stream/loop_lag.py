"""How late the event loop runs: whatever holds it up holds up every connection alike.

It measures and keeps figures; it must not look for who is to blame.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from bisect import bisect_left
from collections import deque
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import Final

EVERY_S: Final = 0.05
"""How often it is measured: a stall of this length is always seen, and 20 wakes cost nothing."""
KEPT: Final = 1200
"""Samples that the quantiles are of: those of the last minute."""
BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the histogram: from the clock's grain to what makes peers give up."""


class LoopLag:
    """How late the loop's timers were.

    Bounded: ``KEPT`` samples and a count for each bucket.

    Attributes:
        counts: samples since the start by bucket, each in the first whose bound is not below it;
            the last is for those above all bounds.
        total_s: the sum of all samples since the start.
    """

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.total_s = 0.0
        self._recent: deque[float] = deque(maxlen=KEPT)

    def record(self, late_s: float) -> None:
        """Take a sample, and those that could not be taken while it lasted.

        Without the latter a stall of ten seconds would be one sample of a minute's 1,200, and
        the 99th percentile would not see it.
        """
        for missed in range(min(KEPT, int(late_s / EVERY_S) + 1)):
            sample_s = max(0.0, late_s - missed * EVERY_S)
            self._recent.append(sample_s)
            self.counts[bisect_left(BUCKETS_S, sample_s)] += 1
            self.total_s += sample_s

    def quantiles(self, *shares: float) -> list[float]:
        """For each share (0.99 and such), the lag in seconds that so many of the last minute's
        samples did not exceed; 0 before the first sample."""
        ordered = sorted(self._recent)
        return [quantile(ordered, share) for share in shares]

    @contextlib.asynccontextmanager
    async def measured(self) -> AsyncIterator[None]:
        """Measure until the end of the block."""
        task = asyncio.create_task(self._measure())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _measure(self) -> None:
        while True:
            due = monotonic() + EVERY_S
            await asyncio.sleep(EVERY_S)
            # Not the loop's own time: uvloop's stands still while callbacks run.
            self.record(max(0.0, monotonic() - due))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The least of these samples that at least this share of them does not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
