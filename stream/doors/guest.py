"""A direct connection as the service sees it: let in, beaten for, and out with its token.

What is written, and what comes in, is for the doors that derive from it.
"""

from __future__ import annotations

import asyncio

from stream.access import LEEWAY_S
from stream.direct import DirectRoad
from stream.doors import gate
from stream.doors.clock import seconds_left
from stream.framing import Framing
from stream.service import Service
from stream.subscriber import Subscriber


class Guest(DirectRoad):
    """Stands in the service's pulse from ``admit`` until it is gone."""

    __slots__ = ("_expiry", "service")

    def __init__(self, service: Service, subscriber: Subscriber, framing: Framing) -> None:
        super().__init__(
            subscriber,
            service.hub.delivery,
            framing,
            lag_timeout_s=service.settings.limits.lag_timeout,
            on_gone=self._gone,
        )
        self.service = service
        self._expiry: asyncio.TimerHandle | None = None

    def admit(self, opening: gate.Opening) -> None:
        """Be beaten for, and end when the token does."""
        self.service.pulse.add(self)
        expires_at = opening.caller.grant.expires_at
        if expires_at is not None:
            self._expiry = self.loop.call_later(seconds_left(expires_at, LEEWAY_S), self.expire)

    def expire(self) -> None:
        """Say that the token has expired, and close."""
        raise NotImplementedError

    def beat(self) -> None:
        """Show the peer that the link lives."""
        raise NotImplementedError

    def say_goodbye(self) -> None:
        """Tell the peer that the service ends, and close."""
        raise NotImplementedError

    def _gone(self) -> None:
        self.service.pulse.remove(self)
        if self._expiry is not None:
            self._expiry.cancel()
        self.service.release(self.subscriber)
