"""Waiting for a condition. Tests must not sleep for a while and hope."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_EVERY_S = 0.005


async def until(condition: Callable[[], T], *, within_s: float = 15.0, what: str = "") -> T:
    """The condition's first true value, asked for every 5 ms.

    Raises:
        AssertionError: it was still false (its last value is shown) after ``within_s``.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not (value := condition()):
        if loop.time() >= deadline:
            name = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"waited {within_s:g} s for: {name}; last seen: {value!r}")
        await asyncio.sleep(_EVERY_S)
    return value
