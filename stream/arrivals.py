"""Requests that come at once begin a few at a time, so that the loop stays live for everybody else.

It knows nothing of what it lets begin.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

MOST: Final = 8
"""Requests that begin in one turn of the loop: 3 ms at 0.3 to 0.5 ms each (measured). A thousand
that came at once held it for half a second."""


class Arrivals:
    """Lets so many begin in one turn of the loop, the others in the order in which they came."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._begun = 0
        self._waiting: deque[Callable[[], None]] = deque()

    def come(self, begin: Callable[[], None]) -> bool:
        """Begin, or wait for a turn.

        Returns:
            Whether it has begun.
        """
        if self._begun == 0:
            self._loop.call_soon(self._turn)
        if self._begun >= MOST or self._waiting:
            self._waiting.append(begin)
            return False
        self._begun += 1
        begin()
        return True

    def _turn(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < MOST:
            self._begun += 1
            self._waiting.popleft()()
        if self._begun:
            self._loop.call_soon(self._turn)
