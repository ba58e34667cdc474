"""The three promises on the direct road: random histories, full buffers, cuts, slices, rates."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import audience, delivery
from stream.channel import Channel
from stream.direct import DirectRoad
from stream.encode import Format, Message
from stream.engines.memory import MemoryEngine
from stream.framing import Framing
from stream.hub import Hub
from stream.model import Change, Cursor, Fault, Item, Key, SourceState, Status
from stream.subscriber import Subscriber
from stream.view import Spec
from tests.reader import Reader
from tests.test_subscriber import FORMS, KEYS, NESTED, SPECS, VALUES, exact, visible
from tests.waiting import until
from tests.wires import Decoder, MemoryWire


class PlainRoad(DirectRoad):
    """A direct road with nothing of a door's."""

    def __init__(self, subscriber: Subscriber, hub: Hub, framing: Framing) -> None:
        super().__init__(
            subscriber, hub.delivery, framing, lag_timeout_s=20.0, on_gone=subscriber.close
        )

    def say_goodbye(self) -> None:
        self.transport.close()

    def beat(self) -> None:
        raise NotImplementedError


class Turn:
    """The end of the loop's turn, when the test says so; time passes when there is none to run."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[Callable[[], None]] = []
        self.later: list[Callable[[], None]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], None], /) -> None:
        self.due.append(callback)

    def call_later(self, delay_s: float, callback: Callable[[], None], /) -> None:
        self.later.append(callback)

    def run(self) -> None:
        if not self.due:
            self.now += 1.0
            self.due, self.later = self.later, []
        due, self.due = self.due, []
        for callback in due:
            callback()

    def run_soon(self) -> None:
        while self.due:
            self.run()

    def run_out(self) -> None:
        for _ in range(10_000):
            if not (self.due or self.later):
                return
            self.run()
        raise AssertionError("the delivery does not come to rest")


class Peer:
    """One client with a bad connection: what it watches, its wire, and its copy of the channels."""

    def __init__(
        self, world: LiveWorld, channels: list[Channel], spec: Spec, form: Format, framing: Framing
    ) -> None:
        self.world = world
        self.channels = channels
        self.spec, self.form, self.framing = spec, form, framing
        self.rate = world.dice.choice((None, None, None, 10.0))
        self.reader = Reader()
        self.statuses: dict[str, str] = {}
        self.has_switched = False
        self.connect()

    def cursor(self) -> Cursor | None:
        if self.reader.cursor is None or self.has_switched:
            return None
        return Cursor.parse(self.reader.cursor)

    def connect(self) -> None:
        hub = self.world.hub
        self.decoder = Decoder(self.framing)
        self.wire = MemoryWire(high_bytes=self.world.dice.choice((50, 400, 10_000)))
        self.subscriber = Subscriber("e1", lambda: hub.seq, clock=lambda: self.world.now)
        self.road = PlainRoad(self.subscriber, hub, self.framing)
        since = self.cursor()
        if self.rate is not None:
            self.subscriber.set_rate(self.rate)
        for channel in self.channels:
            self.subscriber.subscribe(channel, self.spec, self.form, since=since)
        self.wire.road = self.road
        self.road.take_over(self.wire, set(), is_full=False)
        self.road.advance()

    def read(self) -> None:
        for data in self.decoder.decode(self.wire):
            body = json.loads(data)
            self.reader.read(Message(body["type"], body.get("cursor"), data))
            if body["type"] == "status":
                self.statuses[body["channel"]] = body.get("error", {}).get("message", "")

    def switch(self, form: Format) -> None:
        """Ask for another format. A cursor does not say what the state it stands for is made of."""
        self.form = form
        self.has_switched = True
        self.subscriber.set_form(form)

    def cut(self) -> None:
        """The connection breaks in the middle of whatever is on its way."""
        self.wire.take(self.world.dice.randint(0, len(self.wire.unsent)))
        self.read()
        self.wire.lose()
        self.connect()

    def resubscribe(self) -> None:
        channel = self.world.dice.choice(self.channels)
        self.subscriber.unsubscribe(channel.name)
        self.subscriber.subscribe(channel, self.spec, self.form)
        self.road.wake()

    def check(self) -> None:
        self.read()
        for channel in self.channels:
            expected = visible(channel, self.spec, self.form)
            assert exact(self.reader.states[channel.name]) == exact(expected)
            error = channel.status.error
            assert self.statuses[channel.name] == (error.message if error is not None else "")


class LiveWorld:
    """One hub, a few channels, several peers on the direct road, all by one random number."""

    def __init__(self, seed: int, form: Format) -> None:
        self.dice = random.Random(seed)
        self.now = 100.0
        self.turn = Turn()
        deletions = self.dice.choice((1, 3, 100))
        self.hub = Hub(MemoryEngine("e1"), deletions=deletions, loop=self.turn)
        names = ("one", "two", "three")[: self.dice.randint(1, 3)]
        self.channels = [self.hub.open(name, sort=None, kind="test") for name in names]
        spec, framing = self.dice.choice(SPECS), self.dice.choice(list(Framing))
        # Some of them watch the same, so that they share an audience.
        channels = self.some_channels()
        self.peers = [Peer(self, channels, spec, form, framing) for _ in range(5)]
        for _ in range(2):
            spec, framing = self.dice.choice(SPECS), self.dice.choice(list(Framing))
            self.peers.append(Peer(self, self.some_channels(), spec, form, framing))

    def some_channels(self) -> list[Channel]:
        return self.dice.sample(self.channels, self.dice.randint(1, len(self.channels)))

    def item(self, key: Key) -> Item:
        names = [name for name in "pqr" if self.dice.random() < 0.8]
        return {"k": key, **{name: self.dice.choice(VALUES + NESTED) for name in names}}

    def publish(self) -> None:
        channel = self.dice.choice(self.channels)
        put: dict[Key, Item] = {}
        patches: dict[Key, Item] = {}
        delete: list[Key] = []
        for key in self.dice.sample(KEYS, self.dice.randint(1, 3)):
            act = self.dice.random()
            if key in channel.state.entries and act < 0.5:
                patches[key] = {n: v for n, v in self.item(key).items() if n != "k"}
            elif act < 0.75:
                put[key] = self.item(key)
            else:
                delete.append(key)
        self.hub.publish(channel, Change(put, patches, tuple(delete)), key="k")

    def tell_status(self) -> None:
        channel = self.dice.choice(self.channels)
        fault = Fault("http_503", str(self.dice.random()))
        self.hub.set_status(channel, Status(SourceState.FAILING, error=fault))

    def step(self) -> None:
        peer = self.dice.choice(self.peers)
        act = self.dice.random()
        if act < 0.4:
            self.publish()
        elif act < 0.65:
            self.turn.run()
        elif act < 0.85:
            peer.wire.take(self.dice.choice((1, 10, 100, None)))
            peer.read()
        elif act < 0.9:
            peer.cut()
        elif act < 0.93:
            peer.resubscribe()
        elif act < 0.95:
            self.tell_status()
        elif act < 0.97:
            peer.subscriber.set_rate(self.dice.choice((None, 1.0)))
        elif act < 0.985:
            self.dice.choice((peer.subscriber.pause, peer.subscriber.resume))()
        else:
            peer.switch(self.dice.choice(FORMS))
        self.now += self.dice.choice((0.0, 0.05, 1.0))

    def settle(self) -> None:
        for _ in range(10):
            self.now += 1000.0
            for peer in self.peers:
                peer.subscriber.resume()
                peer.road.wake()
            self.turn.run_out()
            for peer in self.peers:
                peer.wire.take()
        self.turn.run_out()


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**48))
def test_whatever_happens_every_peer_ends_with_the_state_seen_through_its_view(
    form: Format, seed: int
) -> None:
    async def history() -> None:
        world = LiveWorld(seed, form)
        for _ in range(80):
            world.step()
        world.settle()
        for peer in world.peers:
            peer.check()
            if peer.subscriber.rate is None:
                assert peer.road.audience is not None
                assert peer.road.position == world.hub.seq
        for peer in world.peers:
            peer.wire.lose()
        assert not world.hub.delivery.audiences
        assert world.hub.delivery.live == 0
        assert not any(channel.views for channel in world.channels)

    with patch.object(delivery, "SLICE", 2), patch.object(audience, "MOST_PENDING_BYTES", 400):
        asyncio.run(history())


class Stage:
    """One channel, one peer on a wire of 500 bytes, and time that stands still."""

    def __init__(self, form: Format = Format.JSON) -> None:
        self.turn = Turn()
        self.hub = Hub(MemoryEngine("e1"), loop=self.turn)
        self.channel = self.hub.open("one", sort=None, kind="test")
        self.put("a", 0)
        self.wire = MemoryWire(high_bytes=500)
        self.road = self.open(self.wire)
        self.decoder = Decoder(Framing.WEBSOCKET)
        self.form = form

    def open(self, wire: MemoryWire) -> PlainRoad:
        subscriber = self.hub.subscriber()
        road = PlainRoad(subscriber, self.hub, Framing.WEBSOCKET)
        subscriber.subscribe(self.channel, Spec(), Format.JSON)
        wire.road = road
        road.take_over(wire, set(), is_full=False)
        road.advance()
        return road

    def put(self, key: Key, p: object) -> None:
        self.hub.publish(self.channel, Change({key: {"k": key, "p": str(p)}}), key="k")

    def patch(self, key: Key, p: object) -> None:
        self.hub.publish(self.channel, Change(patch={key: {"p": str(p)}}))

    def heard(self) -> list[dict[str, object]]:
        self.turn.run_out()
        self.wire.take()
        self.turn.run_out()
        self.wire.take()
        return [json.loads(data) for data in self.decoder.decode(self.wire)]


async def test_what_was_written_before_the_buffer_filled_is_not_sent_again() -> None:
    stage = Stage()
    stage.heard()
    stage.put("long", "x" * 600)
    stage.turn.run_out()
    assert stage.road.is_full
    assert stage.road.audience is None
    for p in range(50):
        stage.patch("a", p)
        stage.turn.run_out()
    messages = stage.heard()
    assert [sorted(m.keys() & {"put", "patch"}) for m in messages] == [["put"], ["patch"]]
    assert messages[1]["patch"] == [{"k": "a", "p": "49"}]
    assert messages[1]["conflated"] == 50
    assert stage.road.audience is not None


async def test_all_changes_of_one_turn_go_out_in_one_write() -> None:
    stage = Stage()
    stage.heard()
    before = stage.wire.writes
    for p in range(5):
        stage.patch("a", p)
    assert len(stage.heard()) == 5
    assert stage.wire.writes == before + 1


async def test_the_first_change_goes_at_once_and_what_follows_within_a_tick_together() -> None:
    stage = Stage()
    stage.heard()
    before = stage.wire.writes
    stage.turn.now += 1.0
    stage.patch("a", 0)
    stage.turn.run()
    assert stage.wire.writes == before + 1
    for p in range(5):
        stage.patch("a", p)
        stage.turn.run_soon()
    assert stage.wire.writes == before + 1
    stage.turn.run_out()
    assert stage.wire.writes == before + 2
    assert len(stage.heard()) == 6


async def test_a_status_that_waits_for_its_tick_is_told_although_a_pause_begins() -> None:
    stage = Stage()
    stage.heard()
    stage.turn.now += 1.0
    stage.patch("a", 0)
    stage.turn.run()
    stage.heard()
    fault = Fault("dns", "no such host")
    stage.hub.set_status(stage.channel, Status(SourceState.FAILING, error=fault))
    stage.road.subscriber.pause()
    stage.turn.run_out()
    assert [message["type"] for message in stage.heard()] == ["status"]


async def test_more_than_a_tick_may_hold_becomes_what_it_comes_to() -> None:
    stage = Stage()
    stage.heard()
    with patch.object(audience, "MOST_PENDING_BYTES", 400):
        for p in range(50):
            stage.patch("a", p)
        (message,) = stage.heard()
    assert message["patch"] == [{"k": "a", "p": "49"}]


async def test_a_peer_that_takes_nothing_is_cut_off_and_one_that_takes_a_little_is_not() -> None:
    stage = Stage()
    stage.road._lag_timeout_s = 0.08
    stage.heard()
    stage.put("long", "x" * 2000)
    stage.turn.run_out()
    for _ in range(8):
        stage.wire.take(100)
        left = len(stage.wire.unsent)
        await until(lambda left=left: stage.road._unsent_bytes == left, what="a look at it")  # type: ignore[misc]
    assert not stage.wire.is_closed
    await until(lambda: stage.wire.is_closed, what="the cut")
    assert not stage.channel.views
    assert not stage.wire.unsent


async def test_laggards_at_the_same_moment_are_sent_the_very_same_bytes() -> None:
    stage = Stage()
    wires = [MemoryWire(high_bytes=500) for _ in range(3)]
    roads = [stage.open(wire) for wire in wires]
    stage.turn.run_out()
    for road in roads:
        road.subscriber.set_rate(100.0)
        road.subscriber._clock = lambda: 1e9
    stage.turn.run_out()
    stage.patch("a", 1)
    with patch.object(PlainRoad, "write", autospec=True, side_effect=PlainRoad.write) as write:
        stage.turn.run_out()
    sent = [call.args[1] for call in write.call_args_list if call.args[0] in roads]
    assert len(sent) == 3
    assert sent[0] is sent[1] is sent[2]
    assert {road.position for road in roads} == {stage.hub.seq}
    stage.patch("a", 2)
    for road in roads:
        road.subscriber._clock = lambda: 2e9
        road.wake()
    stage.turn.run_out()
    for wire in wires:
        wire.take()
        last = json.loads(Decoder(Framing.WEBSOCKET).decode(wire)[-1])
        assert last["patch"] == [{"k": "a", "p": "2"}]
