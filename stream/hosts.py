"""Manners towards one host, whichever sources read it: how many at once, how close, when not.

It only lets in and keeps out; it must not know what is fetched, nor decide when a source is read
next.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from stream.addresses import is_public
from stream.errors import SourceError

AT_ONCE: Final = 2
SPACING_S: Final = 0.1
"""Ten requests a second: what the strictest public upstream (SEC) allows one reader."""
REST_S: Final = 10.0
"""How long a host rests that answered 429 and named no time."""
MAX_HOSTS: Final = 2048
"""Redirects choose hosts, so what is remembered of them needs an end."""


@dataclass(slots=True, eq=False)
class _Host:
    slots: asyncio.Semaphore
    users: int = 0
    next_start_s: float = 0.0
    rests_until_s: float = 0.0


@dataclass(slots=True)
class Hosts:
    """The manners of one process.

    Turns are given in the order they were asked for, so that no source is passed over.

    Attributes:
        at_once: most fetches at one time from one host.
        spacing_s: least time between the starts of two.
        now: a monotonic clock.
        sleep: waits so many seconds by that clock.
    """

    at_once: int = AT_ONCE
    spacing_s: float = SPACING_S
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    _hosts: dict[str, _Host] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def turn(self, name: str, *, is_led: bool = False) -> AsyncIterator[None]:
        """Wait until the host may be asked, and hold that right in the block.

        Args:
            is_led: another host was asked already, and led here.

        Raises:
            SourceError: kind ``retry_after``, status 429: the host asked to be left alone.
        """
        if is_own(name):
            yield
            return
        host = self._host(name)
        host.users += 1
        try:
            self._refuse_if_resting(name, host, is_led)
            async with host.slots:
                await self._keep_apart(host)
                # While we waited somebody else may have been told.
                self._refuse_if_resting(name, host, is_led)
                yield
        finally:
            host.users -= 1

    def rest(self, name: str, seconds: float | None) -> None:
        """The host answered that it wants to be left alone, for so long if it named a time."""
        if is_own(name):
            return
        until_s = self.now() + (REST_S if seconds is None else seconds)
        host = self._host(name)
        host.rests_until_s = max(host.rests_until_s, until_s)

    def _host(self, name: str) -> _Host:
        name = name.lower().removesuffix(".")
        host = self._hosts.pop(name, None) or _Host(asyncio.Semaphore(self.at_once))
        self._hosts[name] = host  # so the dict is in the order of last use
        if len(self._hosts) > MAX_HOSTS:
            idle = (each for each, one in self._hosts.items() if not one.users and one is not host)
            self._hosts.pop(next(idle, ""), None)
        return host

    def _refuse_if_resting(self, name: str, host: _Host, is_led: bool) -> None:
        left_s = host.rests_until_s - self.now()
        if left_s > 0:
            raise SourceError(
                "retry_after",
                f"{name} asked to be left alone, for {math.ceil(left_s)} s more",
                retry_after_s=left_s,
                status=429,
                was_sent=is_led,
            )

    async def _keep_apart(self, host: _Host) -> None:
        now = self.now()
        start_s = max(now, host.next_start_s)
        host.next_start_s = start_s + self.spacing_s
        if start_s > now:
            await self.sleep(start_s - now)


@lru_cache(maxsize=MAX_HOSTS)
def is_own(host: str) -> bool:
    """Whether a host is written as an address that is not public, or as localhost.

    Such hosts are the operator's, and he says how often they are read: they get no manners.
    """
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not is_public(name)
    except ValueError:
        return False
