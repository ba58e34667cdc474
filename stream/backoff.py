"""When a link that was lost is tried again. Pure: it is told how long it lived, and the draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.5
"""Longest wait before the first attempt; it doubles with each one that fails."""
MOST_S: Final = 20.0
"""Longest wait, a hint of the server aside."""
PATIENT_S: Final = 2.0
"""Until half of the outage is longer, no wait is: a server that is restarted is found again within
this time, and a long outage is not made worse by who waits for its end."""
PROVEN_S: Final = 5.0
"""A link that lived so long starts anew; a shorter one may be a server that falls over again."""
MOST_HINT_S: Final = 3600.0
"""Most that is believed of a server's hint."""


class Backoff:
    """Waits that grow, each drawn between nothing and the whole, so that a crowd is spread.

    The whole doubles, but is never longer than half of what was waited so far, or `PATIENT_S`.

    Args:
        draw: a number of 0 to 1, a new one each time.
    """

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._failed = 0
        self._waited_s = 0.0

    def lived(self, seconds: float) -> None:
        """A link was open for so long."""
        if seconds >= PROVEN_S:
            self._failed = 0
            self._waited_s = 0.0

    def next_s(self, hint_s: float | None = None) -> float:
        """Seconds until the next attempt, on top of what the server asked for."""
        doubled_s = min(MOST_S, FIRST_S * 2.0 ** min(self._failed, 10))
        longest_s = min(doubled_s, max(PATIENT_S, self._waited_s / 2))
        self._failed += 1
        asked_s = min(max(hint_s or 0.0, 0.0), MOST_HINT_S)
        wait_s = asked_s + self._draw() * longest_s
        self._waited_s += wait_s
        return wait_s
