"""The follower: one real loop, a source that does as it is told, a real hub."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stream.breaker import OPEN_AFTER, Breaker
from stream.engines.memory import MemoryEngine
from stream.errors import SourceError
from stream.follower import Follower
from stream.hub import Hub
from stream.inflow import Inflow
from stream.ledger import Ledger
from stream.merge import Contribution
from stream.model import SourceState
from stream.schedule import Hints, Pace
from stream.sources.base import Poll, PollState
from tests.waiting import until


class Script:
    """A source that gives what it is told, and then nothing more."""

    def __init__(self, *answers: Poll | SourceError, wait_s: float = 0.0) -> None:
        self.answers = list(answers)
        self.wait_s = wait_s
        self.polls = self.closed = 0

    async def poll(self, state: PollState) -> Poll:
        if not self.answers:
            await asyncio.Event().wait()
        await asyncio.sleep(self.wait_s)
        self.polls += 1
        answer = self.answers.pop(0)
        if isinstance(answer, SourceError):
            raise answer
        return answer

    async def aclose(self) -> None:
        self.closed += 1


def item(n: int, hints: Hints | None = None) -> Poll:
    return Poll(Poll.of([{"id": n}]).keyed, hints or Hints())


@contextlib.asynccontextmanager
async def following(source: Script, **more: Any) -> AsyncIterator[Follower]:
    hub = Hub(MemoryEngine("e1"))
    inflow = Inflow(hub, hub.open("q", sort=None, kind="t"), [Contribution("q")], retain=None)
    more = {"is_wanted": lambda: True, "draw": lambda: 0.0} | more
    ledger = Ledger(None, now=time.time)
    follower = Follower("q", "t", source, inflow, Pace(0.05), ledger, **more)
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_asks_again_at_once_whatever_the_hints_say() -> None:
    source = Script(*(item(n, Hints(3600.0)) for n in range(50)))
    async with following(source) as follower:
        await until(lambda: source.polls == 50)
        assert follower.status.state is SourceState.OK


async def test_a_tape_is_never_left_alone_however_often_it_fails() -> None:
    errors = [SourceError("http_503", "503", status=503, retry_after_s=900.0)] * (3 * OPEN_AFTER)
    source = Script(*errors, item(1))
    async with following(source, backs_off=False) as follower:
        await until(lambda: follower.status.state is SourceState.OK)
    assert (source.polls, follower.tally.failures) == (len(errors) + 1, len(errors))


async def test_a_pause_is_counted_from_the_failure_and_not_from_the_start() -> None:
    source = Script(SourceError("silence", "nothing", retry_after_s=5.0), item(1), wait_s=0.2)
    async with following(source) as follower:
        failed_by = time.time() + 5.0
        await until(lambda: follower.status.next_poll)
        next_poll = follower.status.next_poll
    assert next_poll is not None
    assert 5.0 <= next_poll - failed_by + 5.0 < 8.0


async def test_a_stream_that_fails_again_and_again_opens_the_breaker_and_is_not_hammered() -> None:
    breaker = Breaker(failures=OPEN_AFTER)
    breaker._until = time.monotonic() + 60.0
    source = Script(item(1))
    async with following(source, breaker=breaker) as follower:
        await until(lambda: follower.status.state is SourceState.FAILING)
        await asyncio.sleep(0)
        assert (source.polls, follower.status.next_poll is not None) == (0, True)


async def test_it_hangs_up_while_nobody_wants_it() -> None:
    wanted = True
    source = Script(item(1), item(2), wait_s=0.01)
    async with following(source, is_wanted=lambda: wanted) as follower:
        await until(lambda: source.polls == 1)
        wanted = False
        await until(lambda: follower.status.state is SourceState.PAUSED)
        assert source.closed == 1


@pytest.mark.parametrize(("silence_s", "state"), [(0.1, "stale"), (None, "ok")])
async def test_half_of_the_silence_is_stale(silence_s: float | None, state: str) -> None:
    source = Script(item(1))
    async with following(source, silence_s=silence_s) as follower:
        await until(lambda: follower.status.state is SourceState.OK)
        if silence_s is not None:
            await until(lambda: follower.status.state is SourceState.STALE)
        assert follower.status.state == state
