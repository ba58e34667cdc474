"""The running service as the doors see it: hub, catalog, policy, and who is connected."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from stream.access import Access
from stream.catalog import Catalog
from stream.drain import plan
from stream.errors import ClientError
from stream.hub import Hub
from stream.loop_lag import LoopLag
from stream.pulse import Pulse
from stream.settings import Settings
from stream.subscriber import Subscriber

TICK_S: Final = 0.025
"""How often the drain looks whose turn has come: one timer, not one for each connection."""


@dataclass(slots=True, eq=False)
class Peer:
    """An address that has connections: one object for all of them, gone with the last."""

    address: str
    connections: int = 0


@dataclass(slots=True, eq=False)
class Service:
    """Everything a door needs.

    Attributes:
        draining: the service is about to stop: nothing new is let in.
        emptied: set once the last connection has gone during the drain.
        connected: the connections that are open, by their handle, with where they come from.
        peers: the addresses that have connections now, and no others.
        lag: how late the loop runs.
    """

    settings: Settings
    hub: Hub
    catalog: Catalog
    access: Access
    started: bool = False
    draining: bool = False
    connected: dict[Subscriber, Peer] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)
    refused: int = 0
    emptied: asyncio.Event = field(default_factory=asyncio.Event)
    lag: LoopLag = field(default_factory=LoopLag)
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
        peer = self.peers.get(address)
        full = len(self.connected) >= limits.connections
        if full or (peer is not None and peer.connections >= limits.connections_per_address):
            self.refused += 1
            whose = "the service" if full else "your address"
            raise ClientError(
                "too_many_connections", f"{whose} has too many connections", status=503
            )
        if peer is None:
            peer = self.peers[address] = Peer(address)
        peer.connections += 1
        subscriber = self.hub.subscriber()
        self.connected[subscriber] = peer
        return subscriber

    def release(self, subscriber: Subscriber) -> None:
        """The stream has ended."""
        subscriber.close()
        peer = self.connected.pop(subscriber, None)
        if peer is not None:
            peer.connections -= 1
            if not peer.connections:
                del self.peers[peer.address]
        if self.draining and not self.connected:
            self.emptied.set()

    async def say_goodbye(self, drain_s: float) -> None:
        """Let nobody in any more, and tell everybody goodbye, each in its turn.

        Until its turn a connection is served as ever. Returns once the last one has been told,
        not when it has gone: ``emptied`` says that.

        Args:
            drain_s: how long the whole drain may take; goodbyes take a part of it.
        """
        self.draining = True
        if not self.connected:
            self.emptied.set()
            return
        begun = monotonic()
        # In random order, so that no address and no age of connection always goes first.
        waiting = random.sample(list(self.connected), len(self.connected))
        for subscriber, slot in zip(
            waiting, plan(len(waiting), drain_s, random.random), strict=True
        ):
            if (left_s := begun + slot.at_s - monotonic()) > 0:
                await asyncio.sleep(max(TICK_S, left_s))
            if subscriber in self.connected:
                subscriber.end(slot.retry_ms)

    @property
    def is_ready(self) -> bool:
        """Whether new work is welcome."""
        return self.started and not self.draining and self.hub.engine.ready

    @staticmethod
    def retry_ms() -> int:
        """When a client should come back: spread, so that not all come at once."""
        return random.randint(1000, 5000)  # noqa: S311  (a spread, not a secret)

    @staticmethod
    def retry_after_s() -> int:
        """When one that was refused should try again: spread too, and not soon."""
        return random.randint(1, 10)  # noqa: S311  (a spread, not a secret)
