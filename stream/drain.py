"""Who is told goodbye when, and when each may come back.

Only the plan: nobody is told anything here, and the draw is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SHARE: Final = 0.8
"""The part of the drain over which goodbyes are spread; the rest is for slow peers to go."""
PER_S: Final = 50
"""Goodbyes a second where there is time for all: 50 connections leave within one second."""
SPREAD_MS: Final = 4000
"""Least width over which clients come back: what receives them needs time, however few leave."""
SOONEST_MS: Final = 500
"""Nobody comes back sooner than this after the last goodbye: by then nobody listens here, so
that no browser meets a 503, after which an EventSource gives up for good."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One connection's turn.

    Attributes:
        at_s: seconds after the beginning of the drain at which it is told.
        retry_ms: how long after that it should come back.
    """

    at_s: float
    retry_ms: int


def window_s(count: int, drain_s: float) -> float:
    """Over how long so many goodbyes are spread: short for few, never above the drain's share."""
    return min(SHARE * drain_s, count / PER_S)


def plan(count: int, drain_s: float, draw: Callable[[], float]) -> list[Slot]:
    """A turn for each of so many connections, the earliest first, evenly spread.

    Args:
        drain_s: how long the whole drain may take.
        draw: a uniform draw from [0, 1), made once for each connection.
    """
    window = window_s(count, drain_s)
    width_ms = max(SPREAD_MS, window * 1000)
    turns = [window * place / count for place in range(count)]
    last_s = turns[-1] if turns else 0.0
    return [
        Slot(at_s, round((last_s - at_s) * 1000 + SOONEST_MS + draw() * width_ms)) for at_s in turns
    ]
