"""The three promises to a subscriber: cursor, state, bound (random histories, random cuts)."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.channel import Channel
from stream.encode import Format
from stream.engines.memory import MemoryEngine
from stream.hub import Hub
from stream.model import Change, Cursor, Fault, Item, Json, Key, SourceState, Status
from stream.query import compile_query
from stream.subscriber import Subscriber
from stream.view import Spec
from tests.apply import merged, pruned
from tests.reader import Reader

KEYS: tuple[Key, ...] = ("a", "b", "c", "d/~", 7)
VALUES: tuple[Json, ...] = (0, 1, 1.0, True, False, None, "", "x", [], [None, 1], {}, {"m": 1})
NESTED: tuple[Json, ...] = ({"m": None, "n": {"o": 1}}, {"n": {"p": None}}, {"n": 2}, 3, 8, 12)
SPECS = (
    Spec(),
    Spec(fields=("p", "r")),
    Spec(keys=frozenset({"a", "7", "zz"})),
    Spec(where=compile_query("p > 2")),
    Spec(where=compile_query("p > 2"), fields=("q",), keys=frozenset({"a", "b", "d/~"})),
)
FORMS = (Format.JSON, Format.MERGE_PATCH, Format.JSON_PATCH)


def exact(value: object) -> str:
    """A text that is the same only for strictly equal JSON: true, 1 and 1.0 are three."""
    return json.dumps(value, sort_keys=True)


def visible(channel: Channel, spec: Spec, form: Format) -> dict[str, Json]:
    """What a subscriber should hold, worked out from the items and the spec alone."""
    shown: dict[str, Json] = {}
    for key, entry in channel.state.entries.items():
        if spec.keys is not None and str(key) not in spec.keys:
            continue
        if spec.where is not None and not spec.where.test(entry.item):
            continue
        names = entry.item if spec.fields is None else {"k", *spec.fields}
        item: Json = {n: v for n, v in entry.item.items() if n in names}
        shown[str(key)] = pruned(item) if form is Format.MERGE_PATCH else item
    return shown


class World:
    """One hub, a few channels, one reader with a bad connection, all by one random number."""

    def __init__(self, seed: int, form: Format) -> None:
        self.dice = random.Random(seed)
        self.form = form
        self.spec = self.dice.choice(SPECS)
        self.rate = self.dice.choice((None, None, 0.5, 10.0))
        self.now = 100.0
        self.hub = Hub(MemoryEngine("e1"), deletions=self.dice.choice((1, 3, 3, 100)))
        names = ("one", "two", "three")[: self.dice.randint(1, 3)]
        self.channels = [self.hub.open(name, sort=None, kind="test") for name in names]
        self.reader = Reader()
        self.keep = self.dice.random() < 0.5
        if self.keep:
            for channel in self.channels:
                channel.watch(self.spec, Subscriber("e1", lambda: self.hub.seq))
        self.subscriber = self.connect()

    def connect(self) -> Subscriber:
        subscriber = Subscriber("e1", lambda: self.hub.seq, clock=lambda: self.now)
        if self.rate is not None:
            subscriber.set_rate(self.rate)
        since = Cursor.parse(self.reader.cursor) if self.reader.cursor is not None else None
        for channel in self.dice.sample(self.channels, len(self.channels)):
            subscriber.subscribe(channel, self.spec, self.form, since=since)
        return subscriber

    def item(self, key: Key) -> Item:
        values = VALUES + NESTED * 2
        names = [name for name in "pqr" if self.dice.random() < 0.8]
        return {"k": key, **{name: self.dice.choice(values) for name in names}}

    def publish(self) -> None:
        channel = self.dice.choice(self.channels)
        put: dict[Key, Item] = {}
        patch: dict[Key, Item] = {}
        delete: list[Key] = []
        for key in self.dice.sample(KEYS, self.dice.randint(1, 3)):
            have = key in channel.state.entries
            act = self.dice.random()
            if have and act < 0.5:
                patch[key] = {n: v for n, v in self.item(key).items() if n != "k"}
            elif act < 0.75:
                put[key] = self.item(key)
            else:
                delete.append(key)
        self.hub.publish(channel, Change(put, patch, tuple(delete)), key="k")

    def cut(self) -> None:
        self.subscriber.close()
        self.subscriber = self.connect()

    def deliver(self, *, breaks: float) -> None:
        for message in self.subscriber.take():
            self.reader.read(message)
            if self.dice.random() < breaks:
                self.cut()
                return

    def resubscribe(self) -> None:
        channel = self.dice.choice(self.channels)
        since = Cursor.parse(self.reader.cursor) if self.reader.cursor is not None else None
        if self.dice.random() < 0.5:
            since = None
        self.subscriber.subscribe(channel, self.spec, self.form, since=since)

    def step(self) -> None:
        act = self.dice.random()
        if act < 0.5:
            self.publish()
        elif act < 0.85:
            self.deliver(breaks=0.2)
        elif act < 0.9:
            self.cut()
        elif act < 0.94:
            self.resubscribe()
        elif act < 0.97:
            self.subscriber.pause()
        elif act < 0.99:
            self.subscriber.resume()
        self.now += self.dice.choice((0.0, 0.05, 1.0))

    def check(self) -> None:
        self.now += 1000.0
        self.subscriber.resume()
        self.deliver(breaks=0.0)
        for channel in self.channels:
            expected = visible(channel, self.spec, self.form)
            assert exact(self.reader.states[channel.name]) == exact(expected)
        assert self.subscriber.cursor == str(self.hub.cursor)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**48))
def test_whatever_happens_the_reader_ends_with_the_state_seen_through_its_view(
    form: Format, seed: int
) -> None:
    world = World(seed, form)
    for _ in range(60):
        world.step()
    world.check()


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**48))
def test_a_connection_cut_after_every_message_still_arrives(form: Format, seed: int) -> None:
    world = World(seed, form)
    for _ in range(25):
        world.publish()
        world.now += 10.0
        world.deliver(breaks=1.0)
    world.check()


class Desk:
    """A hub with two channels and one subscriber whose clock stands still until told."""

    def __init__(self, *, deletions: int = 100) -> None:
        self.now = 0.0
        self.hub = Hub(MemoryEngine("e1"), deletions=deletions)
        self.one = self.hub.open("one", sort=None, kind="test")
        self.two = self.hub.open("two", sort=None, kind="test")
        self.put(self.one, "a", 1)
        self.put(self.two, "a", 1)
        self.subscriber = self.another()

    def another(self) -> Subscriber:
        return Subscriber("e1", lambda: self.hub.seq, clock=lambda: self.now)

    def put(self, channel: Channel, key: str, p: Json, **more: Json) -> Cursor:
        return self.hub.publish(channel, Change({key: {"k": key, "p": p, **more}}), key="k")

    def patch(self, channel: Channel, key: str, p: Json) -> Cursor:
        return self.hub.publish(channel, Change(patch={key: {"p": p}}))

    def delete(self, channel: Channel, key: str) -> Cursor:
        return self.hub.publish(channel, Change(delete=(key,)))

    def take(self, subscriber: Subscriber | None = None) -> list[dict[str, Json]]:
        """The messages about state, read."""
        messages = (subscriber or self.subscriber).take()
        return [json.loads(message.data) for message in messages if message.cursor is not None]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def begun(desk: Desk) -> Desk:
    """The desk with its subscriber at the state of both channels."""
    for channel in (desk.one, desk.two):
        desk.subscriber.subscribe(channel, Spec(), Format.JSON)
    desk.subscriber.take()
    return desk


def kinds(messages: list[dict[str, Json]]) -> list[Json]:
    return [message["type"] for message in messages]


def test_a_held_cursor_resumes_with_one_diff_even_if_it_is_empty(desk: Desk) -> None:
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON, since=desk.hub.cursor)
    (message,) = desk.take()
    assert message == {
        "type": "diff",
        "channel": "one",
        "cursor": "e1-2",
        "count": 1,
        "resumed": True,
    }


@pytest.mark.parametrize("since", [Cursor("e1", 99), Cursor("e2", 2), Cursor("e2", 0)])
@pytest.mark.parametrize("base", [True, False])
def test_a_cursor_from_the_future_or_another_life_gets_a_snapshot(
    desk: Desk, since: Cursor, base: bool
) -> None:
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON, since=since, base=base)
    (message,) = desk.take()
    assert message["type"] == "snapshot"
    assert "resumed" not in message


def test_a_cursor_from_before_a_forgotten_deletion_gets_a_snapshot() -> None:
    desk = Desk(deletions=2)
    for key in "bcd":
        desk.put(desk.one, key, 1)
    since = desk.hub.cursor
    forgotten = desk.delete(desk.one, "b")
    for key in "cd":
        desk.delete(desk.one, key)
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON, since=since)
    assert kinds(desk.take()) == ["snapshot"]
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON, since=forgotten)
    (message,) = desk.take()
    assert (message["type"], message["del"]) == ("diff", ["c", "d"])


def test_missed_changes_are_composed_into_one_diff_that_says_so(desk: Desk) -> None:
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON)
    desk.take()
    for p in (2, 3, 4):
        desk.patch(desk.one, "a", p)
    (message,) = desk.take()
    assert message["patch"] == [{"k": "a", "p": 4}]
    assert message["conflated"] == 3
    desk.patch(desk.one, "a", 5)
    (message,) = desk.take()
    assert "conflated" not in message


def test_a_rate_holds_diffs_back_and_lets_first_messages_through(desk: Desk) -> None:
    desk.subscriber.set_rate(2.0)
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON)
    assert kinds(desk.take()) == ["snapshot"]
    held = desk.patch(desk.one, "a", 2)
    assert desk.take() == []
    desk.subscriber.subscribe(desk.two, Spec(), Format.JSON)
    (first,) = desk.take()
    assert first["type"] == "snapshot"
    assert Cursor.parse(cast("str", first["cursor"])).seq < held.seq
    desk.now = 0.5
    (message,) = desk.take()
    assert (message["channel"], message["cursor"]) == ("one", str(held))


def test_a_paused_reader_is_sent_nothing_and_then_what_it_came_to(begun: Desk) -> None:
    begun.subscriber.pause()
    for p in range(5):
        begun.patch(begun.one, "a", p)
    assert begun.subscriber.wait_s() is None
    assert begun.take() == []
    assert not begun.subscriber.may_be_live
    begun.subscriber.resume()
    assert begun.subscriber.wait_s() == 0.0
    (diff,) = begun.take()
    assert (diff["patch"], diff["conflated"]) == ([{"k": "a", "p": 4}], 5)
    assert begun.subscriber.may_be_live


def test_a_pause_lets_first_messages_and_statuses_through_and_holds_the_cursor_back(
    begun: Desk,
) -> None:
    before = begun.subscriber.cursor
    begun.subscriber.pause()
    begun.put(begun.one, "a", 2)
    three = begun.hub.open("three", sort=None, kind="test")
    begun.subscriber.subscribe(three, Spec(), Format.JSON, reply_to=7)
    assert begun.subscriber.wait_s() == 0.0
    (first,) = begun.take()
    assert (first["type"], first["channel"], first["id"]) == ("snapshot", "three", 7)
    assert first["cursor"] == before
    begun.hub.set_status(begun.one, Status(SourceState.FAILING, error=Fault("dns", "no such")))
    assert begun.subscriber.wait_s() == 0.0
    assert [message.event for message in begun.subscriber.take()] == ["status"]
    assert begun.subscriber.wait_s() is None


def test_resuming_what_is_not_paused_does_not_shorten_the_wait_of_a_rate(begun: Desk) -> None:
    begun.subscriber.set_rate(1.0)
    begun.put(begun.one, "a", 2)
    begun.take()
    begun.put(begun.one, "a", 3)
    waited = begun.subscriber.wait_s()
    assert waited
    begun.subscriber.resume()
    assert begun.subscriber.wait_s() == waited


def test_the_snapshot_of_another_format_answers_no_command_again(begun: Desk) -> None:
    three = begun.hub.open("three", sort=None, kind="test")
    begun.subscriber.subscribe(three, Spec(), Format.JSON, reply_to=7)
    assert [message["id"] for message in begun.take()] == [7]
    begun.subscriber.set_form(Format.MERGE_PATCH)
    assert all("id" not in message for message in begun.take())
    four = begun.hub.open("four", sort=None, kind="test")
    begun.subscriber.subscribe(four, Spec(), Format.JSON, reply_to=8)
    begun.subscriber.set_form(Format.JSON_PATCH)
    assert [message.get("id") for message in begun.take()].count(8) == 1


def test_a_rate_that_is_set_during_a_pause_does_not_end_it(begun: Desk) -> None:
    begun.subscriber.pause()
    begun.subscriber.set_rate(10.0)
    begun.put(begun.one, "a", 2)
    assert begun.take() == []
    begun.subscriber.resume()
    assert kinds(begun.take()) == ["diff"]


def test_a_pause_outlived_by_a_forgotten_deletion_ends_with_a_snapshot() -> None:
    desk = Desk(deletions=1)
    desk.put(desk.one, "b", 1)
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON)
    desk.take()
    desk.subscriber.pause()
    desk.delete(desk.one, "a")
    desk.delete(desk.one, "b")
    desk.subscriber.resume()
    assert kinds(desk.take()) == ["snapshot"]


def test_another_format_of_data_begins_with_a_snapshot_and_text_goes_on(begun: Desk) -> None:
    begun.subscriber.set_form(Format.TEXT)
    assert begun.subscriber.take() == []
    begun.put(begun.one, "b", 1)
    (line,) = begun.subscriber.take()
    assert line.data.startswith(b"+ ")
    begun.subscriber.set_form(Format.JSON_PATCH)
    messages = begun.take()
    assert kinds(messages) == ["snapshot", "snapshot"]
    assert {len(cast("dict[str, Json]", m["doc"])) for m in messages} == {1, 2}
    begun.subscriber.set_form(Format.JSON_PATCH)
    assert begun.take() == []


def test_no_cursor_claims_what_another_channel_is_still_owed(desk: Desk) -> None:
    early = desk.hub.cursor
    desk.patch(desk.one, "a", 2)
    late = desk.put(desk.two, "a", 2)
    desk.put(desk.two, "a", 3)
    desk.patch(desk.one, "a", 3)
    desk.subscriber.subscribe(desk.two, Spec(), Format.MERGE_PATCH, since=late)
    desk.subscriber.subscribe(desk.one, Spec(), Format.MERGE_PATCH, since=early)
    messages = desk.take()
    assert [message["channel"] for message in messages] == ["two", "two", "one"]
    cursors = [Cursor.parse(cast("str", message["cursor"])) for message in messages]
    assert max(cursors[:2]) <= early
    assert cursors[2] == desk.hub.cursor


def test_a_merge_patch_for_a_reader_ahead_of_its_cursor_leaves_no_old_member(desk: Desk) -> None:
    before = desk.hub.cursor
    desk.put(desk.one, "b", 1, q=1)
    ahead: Json = {"a": {"k": "a", "p": 1}, "b": {"k": "b", "p": 1, "q": 1}}
    desk.put(desk.one, "b", None)
    desk.subscriber.subscribe(desk.one, Spec(), Format.MERGE_PATCH, since=before)
    for message in desk.take():
        ahead = merged(ahead, message["merge"])
    assert ahead == {"a": {"k": "a", "p": 1}, "b": {"k": "b"}}


def test_without_a_snapshot_the_stream_starts_from_now(desk: Desk) -> None:
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON, base=False)
    (message,) = desk.take()
    assert (message["type"], message["resumed"]) == ("diff", True)
    assert "put" not in message
    desk.patch(desk.one, "a", 9)
    (message,) = desk.take()
    assert message["patch"] == [{"k": "a", "p": 9}]


def test_a_change_outside_the_view_sends_nothing_and_moves_the_cursor(desk: Desk) -> None:
    desk.subscriber.subscribe(desk.one, Spec(fields=("q",)), Format.JSON)
    desk.take()
    desk.patch(desk.one, "a", 2)
    desk.subscriber.catch_up()
    assert desk.subscriber.cursor == str(desk.hub.cursor)
    assert desk.take() == []


def test_catching_up_swallows_no_status(desk: Desk) -> None:
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON)
    assert [m.event for m in desk.subscriber.take()] == ["snapshot", "status"]
    fault = Fault("http_503", "503")
    desk.hub.set_status(desk.one, Status(SourceState.FAILING, error=fault))
    desk.subscriber.catch_up()
    assert [m.event for m in desk.subscriber.take()] == ["status"]


def test_a_where_view_turns_entering_and_leaving_into_put_and_del(desk: Desk) -> None:
    spec = Spec(where=compile_query("p > 5"))
    desk.subscriber.subscribe(desk.one, spec, Format.JSON)
    assert [m["count"] for m in desk.take()] == [0]
    desk.patch(desk.one, "a", 6)
    (message,) = desk.take()
    assert (message["put"], message["count"]) == ([{"k": "a", "p": 6}], 1)
    desk.patch(desk.one, "a", 7)
    (message,) = desk.take()
    assert message["patch"] == [{"k": "a", "p": 7}]
    desk.patch(desk.one, "a", 5)
    (message,) = desk.take()
    assert (message["del"], message["count"]) == (["a"], 0)


def test_a_new_key_field_gives_every_reader_a_snapshot(desk: Desk) -> None:
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON)
    desk.take()
    desk.hub.publish(desk.one, Change({"a": {"id": "a"}}), key="id")
    (message,) = desk.take()
    assert (message["type"], message["key"]) == ("snapshot", "id")


def test_a_slow_reader_costs_no_more_however_much_it_misses(desk: Desk) -> None:
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON)
    desk.take()
    for p in range(2000):
        desk.patch(desk.one, "a", p)
    tracemalloc.start()
    for p in range(2000):
        desk.patch(desk.one, "a", str(p) * 100)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 100_000
    (message,) = desk.take()
    assert message["patch"] == [{"k": "a", "p": "1999" * 100}]
    assert cast("int", message["conflated"]) >= 1000


def test_a_closed_subscriber_leaves_no_view_behind(desk: Desk) -> None:
    desk.subscriber.subscribe(desk.one, Spec(), Format.JSON)
    other = desk.another()
    other.subscribe(desk.one, Spec(), Format.JSON)
    other.close()
    assert list(desk.one.subscribers()) == [desk.subscriber]
    assert desk.subscriber.unsubscribe("one")
    assert not desk.subscriber.unsubscribe("one")
    assert desk.one.views == {}


def test_readers_of_one_rate_are_due_at_the_same_moments_and_share_their_messages(
    desk: Desk,
) -> None:
    readers = [desk.another() for _ in range(2)]
    for reader, begun in zip(readers, (0.1, 0.33), strict=True):
        desk.now = begun
        reader.set_rate(2.0)
        reader.subscribe(desk.one, Spec(), Format.JSON)
        reader.take()
    desk.patch(desk.one, "a", 2)
    desk.now = 0.49
    assert [reader.wait_s() for reader in readers] == [pytest.approx(0.01)] * 2
    desk.now = 0.5
    first, second = (reader.take() for reader in readers)
    assert first == second
    assert first[0] is second[0]
