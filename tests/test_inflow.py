"""Tests of inflow: answers of sources and publications become changes and statuses."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from stream.engines.memory import MemoryEngine
from stream.errors import ClientError
from stream.hub import Hub
from stream.identity import Keyed
from stream.inflow import THREAD_ITEMS, Inflow, Push
from stream.merge import Contribution
from stream.model import Change, Cursor, Fault, Item, Json, SourceState, Status


def keyed(key: str = "id", **items: Json) -> Keyed:
    return Keyed({name: {key: name, "p": value} for name, value in items.items()}, key, 0, 0, None)


@pytest.fixture
def hub() -> Hub:
    return Hub(MemoryEngine("e1"))


async def test_only_what_changed_is_published(hub: Hub) -> None:
    inflow = Inflow(hub, hub.open("c", sort=None, kind="t"), [Contribution("s")], retain=None)
    assert await inflow.take("s", keyed(a=1, b=1))
    assert not await inflow.take("s", keyed(a=1, b=1))
    assert await inflow.take("s", keyed(a=True))
    assert inflow.channel.state.since(1) == Change(patch={"a": {"p": True}}, delete=("b",))


async def test_the_shorter_comparison_is_not_used_where_somebody_else_publishes(hub: Hub) -> None:
    channel = hub.open("c", sort=None, kind="t")
    channel.key = "id"
    inflow = Inflow(hub, channel, [Contribution("s")], retain=None)
    await inflow.take("s", replace(keyed(a=1, b=2), plain=True))
    assert not await inflow.take("s", replace(keyed(a=1, b=2), plain=True))
    Push(hub, channel, retain=9).publish(keyed(a=True), {}, ())
    assert await inflow.take("s", replace(keyed(a=1, b=2), plain=True))
    assert channel.state.entries["a"].item["p"] is not True


async def test_an_empty_answer_is_believed_when_it_comes_twice(hub: Hub) -> None:
    inflow = Inflow(hub, hub.open("c", sort=None, kind="t"), [Contribution("s")], retain=None)
    await inflow.take("s", keyed(a=1))
    assert not await inflow.take("s", keyed())
    assert inflow.held("s") == keyed()
    assert inflow.removals("s") == 1
    assert await inflow.take("s", keyed())
    assert len(inflow.channel.state) == 0


async def test_the_loss_of_nearly_all_is_believed_when_it_comes_twice(hub: Hub) -> None:
    inflow = Inflow(hub, hub.open("c", sort=None, kind="t"), [Contribution("s")], retain=None)
    await inflow.take("s", keyed("id", **{f"k{n}": n for n in range(100)}))
    half = keyed(k1=7)
    assert not await inflow.take("s", half)
    assert (inflow.held("s"), inflow.removals("s")) == (half, 99)
    assert len(inflow.channel.state) == 100
    assert await inflow.take("s", half)
    assert (inflow.held("s"), inflow.removals("s")) == (None, 0)
    assert list(inflow.channel.state.entries) == ["k1"]


async def test_a_new_key_field_begins_anew(hub: Hub) -> None:
    inflow = Inflow(hub, hub.open("c", sort=None, kind="t"), [Contribution("s")], retain=None)
    await inflow.take("s", keyed(a=1))
    await inflow.take("s", keyed("code", b=1))
    assert inflow.channel.key == "code"
    assert list(inflow.channel.state.entries) == ["b"]
    assert not inflow.channel.state.knows(1)


async def test_a_large_answer_is_compared_beside_the_loop_and_again_if_it_was_overtaken(
    hub: Hub,
) -> None:
    sources = [Contribution("s"), Contribution("t")]
    inflow = Inflow(hub, hub.open("c", sort=None, kind="t"), sources, retain=None)
    large = {f"k{n}": n for n in range(THREAD_ITEMS)}
    taking = asyncio.create_task(inflow.take("s", keyed("id", **large)))
    await asyncio.sleep(0)
    assert not taking.done()
    assert await inflow.take("t", keyed(a=1))
    await taking
    assert len(inflow.channel.state) == THREAD_ITEMS + 1
    assert not await inflow.take("s", keyed("id", **large))
    assert await inflow.take("s", keyed("id", **large | {"k7": -1}))
    assert inflow.channel.state.entries["k7"].item["p"] == -1


def test_the_status_of_a_channel_is_the_worst_of_its_sources(hub: Hub) -> None:
    sources = [Contribution("s"), Contribution("t")]
    inflow = Inflow(hub, hub.open("c", sort=None, kind="t"), sources, retain=None)
    inflow.set_status("s", Status(SourceState.OK, 1.0, 5.0, 9.0))
    inflow.set_status("t", Status(SourceState.FAILING, 2.0, 3.0, 8.0, Fault("http_500", "no")))
    assert inflow.channel.status == Status(
        SourceState.FAILING, 2.0, 5.0, 8.0, Fault("http_500", "t: no")
    )


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), ([1], [True])])
def test_a_published_patch_from_a_number_to_a_bool_is_a_change(
    hub: Hub, old: Json, new: Json
) -> None:
    push = Push(hub, hub.open("c", sort=None, kind="push"), retain=9)
    push.publish(keyed(a=old), {}, ())
    assert push.publish(None, {"a": {"p": new}}, ()) == Cursor("e1", 2)
    assert push.channel.state.entries["a"].item["p"] is new or isinstance(new, list)


def test_a_publication_of_what_is_so_has_the_cursor_of_before(hub: Hub) -> None:
    push = Push(hub, hub.open("c", sort=None, kind="push"), retain=9)
    cursor = push.publish(keyed(a=1), {}, ())
    assert push.publish(keyed(a=1), {"a": {"p": 1}}, ("z",)) == cursor
    with pytest.raises(ClientError) as refused:
        push.publish(None, {"z": {"p": 1}}, ())
    assert refused.value.code == "unknown_key"


def test_the_oldest_arrivals_are_pushed_out(hub: Hub) -> None:
    push = Push(hub, hub.open("c", sort=None, kind="push"), retain=2)
    for name in "abc":
        item: Item = {"id": name}
        push.publish(Keyed({name: item}, "id", 0, 0, None), {}, ())
    assert list(push.channel.state.entries) == ["b", "c"]
