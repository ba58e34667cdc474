"""The running service as the doors see it: hub, catalog, policy, and who is connected."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from stream.access import Access
from stream.catalog import Catalog
from stream.errors import ClientError
from stream.hub import Hub
from stream.pulse import Pulse
from stream.settings import Settings
from stream.subscriber import Subscriber


@dataclass(slots=True, eq=False)
class Service:
    """Everything a door needs.

    Attributes:
        draining: the service is about to stop: nothing new is let in.
        emptied: set once the last connection has gone during the drain.
        connected: the connections that are open, by their handle, with the peer's address.
    """

    settings: Settings
    hub: Hub
    catalog: Catalog
    access: Access
    started: bool = False
    draining: bool = False
    connected: dict[Subscriber, str] = field(default_factory=dict)
    refused: int = 0
    per_address: Counter[str] = field(default_factory=Counter)
    emptied: asyncio.Event = field(default_factory=asyncio.Event)
    pulse: Pulse = field(init=False)

    def __post_init__(self) -> None:
        self.pulse = Pulse(self.settings.server.heartbeat)

    def admit(self, address: str) -> Subscriber:
        """Let a stream in.

        Raises:
            ClientError: ``draining`` or ``too_many_connections``, 503.
        """
        limits = self.settings.limits
        if self.draining:
            raise ClientError("draining", "the service is restarting; try again", status=503)
        full = len(self.connected) >= limits.connections
        if full or self.per_address[address] >= limits.connections_per_address:
            self.refused += 1
            whose = "the service" if full else "your address"
            raise ClientError(
                "too_many_connections", f"{whose} has too many connections", status=503
            )
        subscriber = self.hub.subscriber()
        self.connected[subscriber] = address
        self.per_address[address] += 1
        return subscriber

    def release(self, subscriber: Subscriber) -> None:
        """The stream has ended."""
        subscriber.close()
        address = self.connected.pop(subscriber, None)
        if address is not None:
            self.per_address[address] -= 1
            if self.per_address[address] <= 0:
                del self.per_address[address]
        if self.draining and not self.connected:
            self.emptied.set()

    def drain(self) -> None:
        """Let nobody in any more, and have everybody told goodbye."""
        self.draining = True
        for subscriber in list(self.connected):
            subscriber.end(self.retry_ms())
        if not self.connected:
            self.emptied.set()

    @property
    def is_ready(self) -> bool:
        """Whether new work is welcome."""
        return self.started and not self.draining and self.hub.engine.ready

    @staticmethod
    def retry_ms() -> int:
        """When a client should come back: spread, so that not all come at once."""
        return random.randint(1000, 5000)  # noqa: S311  (a spread, not a secret)
