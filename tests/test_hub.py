"""Tests of the hub: numbering, waking, and what it remembers."""

from __future__ import annotations

import pytest

from stream.encode import Format
from stream.engines.memory import MemoryEngine
from stream.errors import ClientError
from stream.hub import IDEMPOTENCY_KEYS, Hub, snapshot_items
from stream.model import Change, Cursor, SourceState, Status
from stream.portable import PortableRoad
from stream.view import Spec


@pytest.fixture
def hub() -> Hub:
    return Hub(MemoryEngine("e1"))


def test_all_channels_share_one_sequence(hub: Hub) -> None:
    one, two = (hub.open(name, sort=None, kind="t") for name in ("one", "two"))
    assert hub.publish(one, Change({"a": {"id": "a"}}), key="id") == Cursor("e1", 1)
    assert hub.publish(two, Change({"a": {"id": "a"}}), key="id") == Cursor("e1", 2)
    assert (one.cursor, two.cursor, str(hub.cursor)) == ("e1-1", "e1-2", "e1-2")
    assert snapshot_items(one) == {"a": {"id": "a"}}


def test_a_patch_of_nothing_takes_no_number(hub: Hub) -> None:
    channel = hub.open("one", sort=None, kind="t")
    with pytest.raises(KeyError):
        hub.publish(channel, Change(patch={"a": {"p": 1}}))
    assert (hub.seq, hub.published) == (0, 0)


def test_an_unknown_channel_is_a_404_with_the_nearest_name(hub: Hub) -> None:
    hub.open("quotes", sort=None, kind="t")
    with pytest.raises(ClientError, match="did you mean 'quotes'") as refused:
        hub.get("qoutes")
    assert (refused.value.code, refused.value.status) == ("unknown_channel", 404)


async def test_only_who_sees_a_change_is_woken(hub: Hub) -> None:
    channel = hub.open("one", sort=None, kind="t")
    hub.publish(channel, Change({"a": {"id": "a"}}), key="id")
    near, far = hub.subscriber(), hub.subscriber()
    near_road, far_road = PortableRoad(near), PortableRoad(far)
    near.subscribe(channel, Spec(), Format.JSON)
    far.subscribe(channel, Spec(keys=frozenset({"z"})), Format.JSON)
    near.take()
    far.take()
    hub.publish(channel, Change(patch={"a": {"p": 1}}))
    assert await near_road.ready(within_s=0.0)
    assert not await far_road.ready(within_s=0.0)


def test_a_status_that_reads_as_before_is_not_told_again(hub: Hub) -> None:
    channel = hub.open("one", sort=None, kind="t")
    subscriber = hub.subscriber()
    subscriber.subscribe(channel, Spec(), Format.JSON)
    subscriber.take()
    for as_of in (1.0, 2.0):
        hub.set_status(channel, Status(SourceState.OK, 0.0, as_of))
    assert [message.event for message in subscriber.take()] == ["status"]
    assert subscriber.take() == []


def test_a_channel_opened_again_honours_no_cursor_of_its_former_life(hub: Hub) -> None:
    channel = hub.open("one", sort=None, kind="t")
    cursor = hub.publish(channel, Change({"a": {"id": "a"}}), key="id")
    hub.publish(channel, Change(delete=("a",)))
    hub.close("one")
    again = hub.open("one", sort=None, kind="t")
    subscriber = hub.subscriber()
    subscriber.subscribe(again, Spec(), Format.JSON, since=cursor)
    assert subscriber.take()[0].event == "snapshot"


def test_idempotency_keys_are_per_channel_and_bounded(hub: Hub) -> None:
    for number in range(IDEMPOTENCY_KEYS + 1):
        hub.remember("one", str(number), Cursor("e1", number))
    assert hub.answered("one", "0") is None
    assert hub.answered("one", "1") == Cursor("e1", 1)
    assert hub.answered("two", "1") is None
