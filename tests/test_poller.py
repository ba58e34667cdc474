"""Tests of the poller: one real loop, a source that does as it is told, a real hub."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from stream.breaker import OPEN_AFTER, Breaker
from stream.engines.memory import MemoryEngine
from stream.errors import SourceError
from stream.hub import Hub
from stream.inflow import Inflow
from stream.ledger import Ledger
from stream.merge import Contribution
from stream.model import SourceState
from stream.poller import Poller
from stream.schedule import Hints, Pace
from stream.sources.base import Poll, PollState
from tests.waiting import until

BROKEN = SourceError("http_503", "503 Service Unavailable", status=503)


class Script:
    """A source that gives what it is told; of the last one, again and again."""

    def __init__(self, *answers: Poll | SourceError | Exception) -> None:
        self.answers = list(answers)
        self.began: list[float] = []
        self.running = self.most_running = 0
        self.gate: asyncio.Event | None = None

    async def poll(self, state: PollState) -> Poll:
        self.began.append(time.monotonic())
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.gate is not None:
                await self.gate.wait()
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            self.running -= 1


def items(*names: str, hints: Hints | None = None) -> Poll:
    poll = Poll.of([{"id": name} for name in names], key="id")
    return Poll(poll.keyed, hints or Hints())


def polling(
    source: Script,
    pace: Pace | None = None,
    *,
    ledger: Ledger | None = None,
    breaker: Breaker | None = None,
) -> Poller:
    hub = Hub(MemoryEngine("e1"))
    inflow = Inflow(hub, hub.open("q", sort=None, kind="t"), [Contribution("q")], retain=None)
    return Poller(
        name="q",
        kind="t",
        source=source,
        inflow=inflow,
        pace=pace or Pace(0.01),
        ledger=ledger or Ledger(None, now=time.time),
        is_wanted=lambda: True,
        breaker=breaker or Breaker(),
        draw=lambda: 0.0,
    )


@contextlib.asynccontextmanager
async def running(*pollers: Poller) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(poller.run()) for poller in pollers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def polls(poller: Poller, count: int) -> None:
    await until(lambda: poller.tally.polls >= count, what=f"{count} polls")


def wait_s(poller: Poller) -> Callable[[], float]:
    """How long until the next read, once that is known."""
    return lambda: (poller.status.next_poll or 0.0) - time.time()


async def test_two_polls_of_one_source_never_run_at_once_however_slow_it_is() -> None:
    source = Script(items("a"))
    source.gate = asyncio.Event()
    poller = polling(source, Pace(0.001))
    async with running(poller):
        await until(lambda: source.running == 1)
        poller.poke()
        source.gate.set()
        await polls(poller, 5)
    assert source.most_running == 1


async def test_a_hint_of_the_upstream_is_waited_for() -> None:
    poller = polling(Script(items("a", hints=Hints(600))))
    async with running(poller):
        await poller.read_once.wait()
        await until(lambda: wait_s(poller)() > 590)
    assert poller.tally.polls == 1


async def test_the_hours_that_a_feed_skips_are_waited_for() -> None:
    now = int(time.time() // 3600) % 24
    skipped = Hints(None, frozenset({now, (now + 1) % 24}))
    poller = polling(Script(items("a", hints=skipped)))
    async with running(poller):
        await poller.read_once.wait()
        await until(lambda: 3600 < wait_s(poller)() <= 7200)


async def test_an_adaptive_interval_follows_the_changes() -> None:
    source = Script(items("a"), items("b"), items("c"), items("c"), Poll(None))
    poller = polling(source, Pace(0.02, adaptive=(0.01, 0.04)))
    seen: list[float] = []
    async with running(poller):
        for count in range(1, 5):
            await polls(poller, count)
            await until(lambda: poller.status.next_poll is not None)
            seen.append(poller.pace.every_s)
        await until(lambda: poller.pace.every_s == 0.04, what="the longest interval")
    assert min(seen) < 0.02


async def test_after_five_failures_there_is_one_probe_and_it_is_told() -> None:
    breaker = Breaker()
    source = Script(*[BROKEN] * OPEN_AFTER, items("a"))
    poller, other = (polling(source, Pace(0.05), breaker=breaker) for _ in range(2))
    async with running(poller, other):
        await until(lambda: breaker.is_open)
        for each in (poller, other):
            await until(lambda each=each: each.status.state is SourceState.FAILING)  # type: ignore[misc]
            assert each.status.error is not None
            assert each.status.error.kind == "http_503"
        source.gate = asyncio.Event()
        await until(lambda: breaker.state == "probing")
        await until(lambda: source.running == 1)
        assert source.running == 1
        source.gate.set()
        await until(lambda: breaker.state == "closed")
        await until(lambda: {poller.status.state, other.status.state} == {SourceState.OK})


async def test_a_reader_of_a_new_channel_learns_at_once_that_the_upstream_is_down() -> None:
    breaker = Breaker()
    first = polling(Script(BROKEN), Pace(0.01), breaker=breaker)
    async with running(first):
        await until(lambda: breaker.is_open)
    breaker.ended(first, time.monotonic() + 900)
    breaker._until = time.monotonic() + 900
    source = Script(items("a"))
    late = polling(source, Pace(0.01), breaker=breaker)
    async with running(late), asyncio.timeout(5):
        await late.read_once.wait()
        assert late.status.error == breaker.fault
        assert wait_s(late)() > 890
    assert source.began == []


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SourceError("http_402", "402", status=402), SourceState.LIMITED),
        (SourceError("http_429", "429", status=429, retry_after_s=90), SourceState.LIMITED),
        (SourceError("http_403", "403", status=403, retry_after_s=90), SourceState.LIMITED),
        (SourceError("http_403", "403", status=403), SourceState.FAILING),
        (SourceError("http_401", "401", status=401), SourceState.FAILING),
        (SourceError("http_404", "404", status=404), SourceState.FAILING),
        (SourceError("http_410", "410", status=410), SourceState.FAILING),
    ],
)
async def test_a_refusal_is_told_with_the_time_of_the_next_read_and_not_hammered(
    error: SourceError, state: SourceState
) -> None:
    poller = polling(Script(error))
    told: list[tuple[SourceState, float | None]] = []
    channel = poller.inflow.channel
    poller.inflow._hub.on_publish.append(
        lambda _: told.append((channel.status.state, channel.status.next_poll))
    )
    async with running(poller):
        await poller.read_once.wait()
        assert poller.status.state is state
        assert wait_s(poller)() >= 59
    first = next(row for row in told if row[0] is state)
    assert first[1] is not None
    assert first[1] > time.time() + 58


async def test_a_used_up_quota_is_limited_until_midnight_and_asks_nothing() -> None:
    source = Script(Poll(items("a").keyed, requests=5))
    ledger = Ledger(None, now=time.time)
    poller = polling(source, Pace(0.01, quota_per_day=10**9, cost=2), ledger=ledger)
    async with running(poller):
        await poller.read_once.wait()
        assert 10**9 - ledger.left("q", 10**9) == 10
    ledger.spend("q", 10**9)
    poller = polling(source, Pace(0.01, quota_per_day=10**9, cost=2), ledger=ledger)
    async with running(poller):
        await poller.read_once.wait()
        assert poller.status.state is SourceState.LIMITED
        assert abs(wait_s(poller)() - ledger.seconds_to_reset()) < 5
    assert poller.tally.polls == 0


async def test_a_host_that_is_left_alone_costs_no_read_no_failure_and_no_call() -> None:
    resting = SourceError("retry_after", "later", retry_after_s=90, status=429, was_sent=False)
    ledger, breaker = Ledger(None, now=time.time), Breaker()
    pace = Pace(0.01, quota_per_day=10**9)
    poller = polling(Script(resting), pace, ledger=ledger, breaker=breaker)
    async with running(poller):
        await poller.read_once.wait()
        assert poller.status.state is SourceState.LIMITED
        assert poller.status.error is not None
        assert poller.status.error.kind == "retry_after"
        assert 85 < wait_s(poller)() < 120
    assert (poller.tally.polls, poller.tally.failures, breaker.failures) == (0, 0, 0)
    assert ledger.left("q", 10**9) == 10**9


async def test_requests_that_are_told_of_are_counted_once_and_end_with_the_budget() -> None:
    class Batches(Script):
        async def poll(self, state: PollState) -> Poll:
            for _ in range(3):
                state.count(1)
                self.began.append(time.monotonic())
            return Poll(items("a").keyed, requests=3)

    source, ledger = Batches(), Ledger(None, now=time.time)
    poller = polling(source, Pace(0.01, quota_per_day=10, cost=2), ledger=ledger)
    async with running(poller):
        await poller.read_once.wait()
        assert ledger.left("q", 10) == 4
    poller = polling(source, Pace(0.01, quota_per_day=10, cost=2), ledger=ledger)
    async with running(poller):
        await poller.read_once.wait()
        assert poller.status.error is not None
        assert poller.status.error.kind == "quota"
        assert poller.status.state is SourceState.LIMITED
    assert (len(source.began), ledger.left("q", 10)) == (5, 0)


async def test_a_read_that_failed_is_counted_too() -> None:
    ledger = Ledger(None, now=time.time)
    poller = polling(Script(BROKEN), Pace(60, quota_per_day=10**6, cost=2), ledger=ledger)
    async with running(poller):
        await poller.read_once.wait()
    assert ledger.left("q", 10**6) == 10**6 - 2


async def test_what_is_left_of_a_quota_is_made_to_last() -> None:
    ledger = Ledger(None, now=time.time)
    ledger.spend("q", 10**6 - 10)
    poller = polling(Script(items("a")), Pace(0.01, quota_per_day=10**6), ledger=ledger)
    async with running(poller):
        await poller.read_once.wait()
        await until(lambda: wait_s(poller)() > 0)
        assert wait_s(poller)() >= ledger.seconds_to_reset() / 9 - 5


async def test_the_next_read_is_on_disk_while_a_read_is_on_its_way(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    source = Script(items("a"))
    source.gate = asyncio.Event()
    async with running(polling(source, Pace(300), ledger=Ledger(path, now=time.time))):
        await until(lambda: source.running == 1)
        # Here the process dies. Whoever starts it again at once, it does not ask at once.
        again = polling(source, Pace(300), ledger=Ledger(path, now=time.time))
        async with running(again):
            await until(lambda: wait_s(again)() > 290)
    assert len(source.began) == 1


async def test_after_a_restart_a_pause_that_was_asked_for_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for hints, least, most in ((Hints(600), 590, 601), (Hints(), 0, 10)):
        path.unlink(missing_ok=True)
        ledger = Ledger(path, now=time.time)
        first = polling(Script(items("a", hints=hints)), Pace(300), ledger=ledger)
        async with running(first):
            await first.read_once.wait()
            await until(lambda first=first: wait_s(first)() > 0)  # type: ignore[misc]
        ledger.flush()
        again = polling(Script(items("a")), Pace(300), ledger=Ledger(path, now=time.time))
        again.draw = lambda: 0.99
        async with running(again):
            await until(lambda again=again: again.status.next_poll is not None)  # type: ignore[misc]
            assert least <= wait_s(again)() <= most
            assert again.tally.polls == 0


async def test_a_mass_removal_is_believed_when_the_upstream_says_that_nothing_has_changed() -> None:
    many = items(*map(str, range(100)))
    poller = polling(Script(many, items("1"), Poll(None, not_modified=True)))
    channel = poller.inflow.channel
    async with running(poller):
        await until(lambda: len(channel.state) == 100)
        await until(lambda: len(channel.state) == 1)
        assert poller.tally.polls >= 3


async def test_a_mistake_of_ours_is_a_failure_and_waits_as_one() -> None:
    poller = polling(Script(ZeroDivisionError(), items("a")), Pace(0.05))
    async with running(poller):
        await until(lambda: poller.status.state is SourceState.OK)
    assert poller.tally.failures == 1
    began = poller.source.began  # type: ignore[attr-defined]
    assert began[1] - began[0] >= 0.05
