"""Tests of the portable road: when the task that writes is woken."""

from __future__ import annotations

from stream.encode import Format
from stream.engines.memory import MemoryEngine
from stream.hub import Hub
from stream.model import Change
from stream.portable import PortableRoad
from stream.view import Spec


async def test_ready_comes_at_once_when_something_is_owed_and_not_when_nothing_is() -> None:
    hub = Hub(MemoryEngine("e1"))
    channel = hub.open("one", sort=None, kind="test")
    subscriber = hub.subscriber()
    road = PortableRoad(subscriber)
    subscriber.subscribe(channel, Spec(), Format.JSON)
    assert await road.ready()
    subscriber.take()
    assert not await road.ready(within_s=0.0)
    hub.publish(channel, Change({"a": {"id": "a"}}), key="id")
    assert await road.ready(within_s=0.0)
    subscriber.take()
    subscriber.end()
    assert await road.ready()
