"""One supervised task per source: wait, read, feed the channel, tell how it went."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from stream.breaker import Breaker
from stream.errors import SourceError
from stream.inflow import Inflow
from stream.ledger import Ledger
from stream.model import Fault, SourceState, Status
from stream.schedule import (
    LIMITING,
    Hints,
    Pace,
    backoff_s,
    budget_s,
    failing_every_s,
    left_s,
    next_delay_s,
    restart_delay_s,
    rested_s,
    stale_after_s,
)
from stream.sources.base import Poll, PollState, Source

log = logging.getLogger("stream.poller")

POKE_SPACING_S: Final = 0.5
"""Least time between two reads however many new keys are asked for: they share the next one."""
RESET_SPREAD_S: Final = 60.0
"""Over how long reads are spread after midnight UTC, when all quotas are renewed at once."""


@dataclass(slots=True)
class Tally:
    """What a source has done so far, for /status."""

    polls: int = 0
    failures: int = 0
    in_a_row: int = 0
    unchanged: int = 0
    changes: int = 0
    not_modified: int = 0
    received_bytes: int = 0
    duplicates: int = 0
    skipped: int = 0


@dataclass(slots=True, eq=False)
class Poller:
    """Reads one source for as long as it is wanted.

    Attributes:
        name: the source's name.
        pace: how often; it follows the changes where the source asks for that.
        is_wanted: whether somebody listens, or nobody has to.
        wanted_keys: the keys to read, for a source that reads keys on demand; else None.
        breaker: shared by all pollers of the source.
        remembers: whether a restart must know when it is due.
        draw: a uniform draw from [0, 1).
    """

    name: str
    kind: str
    source: Source
    inflow: Inflow
    pace: Pace
    ledger: Ledger
    is_wanted: Callable[[], bool]
    wanted_keys: Callable[[], set[str]] | None = None
    breaker: Breaker = field(default_factory=Breaker)
    remembers: bool = True
    draw: Callable[[], float] = random.random
    status: Status = field(default_factory=lambda: Status(since=time.time()))
    tally: Tally = field(default_factory=Tally)
    read_once: asyncio.Event = field(default_factory=asyncio.Event)
    _read_again: asyncio.Event = field(default_factory=asyncio.Event)
    _poked: asyncio.Event = field(default_factory=asyncio.Event)
    _stale: asyncio.TimerHandle | None = None
    _hints: Hints = field(default_factory=Hints)
    _started: float = 0.0
    _requests: int = 0
    _owed: bool = False

    @property
    def place(self) -> str:
        """What it reads, as the ledger calls it."""
        channel = self.inflow.channel.name
        return self.name if channel == self.name else f"{self.name} {channel}"

    def poke(self) -> None:
        """Somebody new listens, or listens to something new: look at once."""
        self._poked.set()

    async def next_read(self) -> None:
        """Return after the next read, well or badly."""
        self._read_again.clear()
        await self._read_again.wait()

    def _has_read(self) -> None:
        self.read_once.set()
        self._read_again.set()

    async def run(self) -> None:
        """Read for ever. A mistake of ours in a source fails that read, never the task."""
        delay_s = self._first_delay_s()
        self._tell(next_poll=time.time() + delay_s)
        await self._pause(delay_s, pokable=not self._owed)
        try:
            while True:
                await self._until_wanted()
                self._started = time.monotonic()
                if self.remembers:
                    self.ledger.begin(self.place, self.pace.interval_s)
                delay_s = self._left_s(await self._read())
                if self.remembers:
                    self.ledger.plan(self.place, delay_s, owed=self._owed)
                self._tell(next_poll=time.time() + delay_s)
                await self._pause(delay_s, pokable=self.tally.in_a_row == 0)
        finally:
            if self._stale is not None:
                self._stale.cancel()

    def _first_delay_s(self) -> float:
        due = self.ledger.due(self.place) if self.remembers else None
        left_s = due.at - time.time() if due is not None else 0.0
        self._owed = due is not None and due.owed and left_s > 0
        return restart_delay_s(self.pace.every_s, self.draw(), left_s=left_s, owed=self._owed)

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started

    def _left_s(self, delay_s: float) -> float:
        return left_s(delay_s, self._elapsed_s())

    async def _pause(self, seconds: float, *, pokable: bool = True) -> None:
        """Sleep; a poke ends it only where the source reads keys on demand."""
        if self.wanted_keys is None or not pokable:
            await asyncio.sleep(seconds)
            return
        spacing_s = min(seconds, POKE_SPACING_S)
        await asyncio.sleep(spacing_s)
        try:
            async with asyncio.timeout(seconds - spacing_s):
                await self._poked.wait()
        except TimeoutError:
            return
        self._poked.clear()

    async def _until_wanted(self) -> None:
        while not self.is_wanted():
            self._poked.clear()
            self._mark(SourceState.PAUSED)
            self._tell()
            await self._poked.wait()

    async def _read(self) -> float:
        """One read. Returns how long after its start the next one is due, in seconds."""
        delay_s = 0.0
        try:
            delay_s = self._breaker_wait_s() or self._quota_wait_s() or await self._ask()
        finally:
            self.breaker.ended(self, self._started + delay_s)
        return delay_s

    async def _ask(self) -> float:
        self._requests = 0
        try:
            keys = self.wanted_keys() if self.wanted_keys is not None else set()
            state = PollState(tuple(sorted(keys)), self.tally.polls, self._count)
            poll = await self.source.poll(state)
            self._charge(max(0, poll.requests - self._requests))
            return await self._succeeded(poll)
        except SourceError as error:
            return self._failed(error) if error.was_sent else self._put_off(error)
        except Exception as error:  # the supervisor: counted, told and logged, never fatal
            if not self.tally.in_a_row:
                log.exception("source=%s read failed unexpectedly", self.name)
            return self._failed(SourceError("internal", f"reading failed: {type(error).__name__}"))

    def _breaker_wait_s(self) -> float:
        """How long the source is to be left alone; 0 where it may be read."""
        wait_s = self.breaker.wait_s(self, self._started)
        if not wait_s:
            return 0.0
        wait_s += self.draw() * self.pace.interval_s
        self._mark(SourceState.FAILING, self.breaker.fault, next_in_s=wait_s)
        self._has_read()
        return wait_s

    def _quota_wait_s(self) -> float:
        """How long until the day's budget is renewed; 0 where a request is left of it."""
        if self._may_spend(1):
            return 0.0
        fault = self._spent()
        wait_s = self.ledger.seconds_to_reset() + self.draw() * RESET_SPREAD_S
        self._owed = True
        self._mark(SourceState.LIMITED, fault, next_in_s=wait_s)
        self._has_read()
        return wait_s

    def _may_spend(self, requests: int) -> bool:
        per_day, cost = self.pace.quota_per_day, requests * self.pace.cost
        return per_day is None or self.ledger.left(self.name, per_day) >= cost

    def _spent(self) -> Fault:
        calls = self.pace.quota_per_day
        return Fault("quota", f"the day's budget of {calls} calls is used up")

    def _count(self, requests: int) -> None:
        """See `PollState.count`."""
        if requests > 0 and not self._may_spend(requests):
            fault = self._spent()
            raise SourceError(fault.kind, fault.message, was_sent=False)
        self._charge(requests)

    def _charge(self, requests: int) -> None:
        self._requests += requests
        if self.pace.quota_per_day is not None and requests:
            self.ledger.spend(self.name, requests * self.pace.cost)

    def _budget_s(self) -> float:
        """The interval at which what is left of the day's budget lasts; 0 without one."""
        per_day, cost = self.pace.quota_per_day, self.pace.cost
        if per_day is None:
            return 0.0
        left = self.ledger.left(self.name, per_day)
        return budget_s(left, cost, self.ledger.seconds_to_reset())

    async def _succeeded(self, poll: Poll) -> float:
        tally = self.tally
        if tally.in_a_row:
            log.info("source=%s recovered after=%d failures", self.name, tally.in_a_row)
        tally.polls += 1
        tally.in_a_row = 0
        tally.received_bytes += poll.received_bytes
        tally.not_modified += poll.not_modified
        self.breaker.succeeded()
        is_first = self.status.as_of is None
        # as_of first: the diff that this read causes carries it.
        self._mark(SourceState.OK, as_of=time.time())
        changed = await self._take(poll)
        self._has_read()
        if not is_first:
            self.pace = self.pace.after(changed=changed)
        return self._planned_s(poll.hints)

    async def _take(self, poll: Poll) -> bool:
        """Feed the channel; whether anything changed."""
        tally = self.tally
        # What was held back comes again where the upstream says that nothing has changed since.
        keyed = poll.keyed if poll.keyed is not None else self.inflow.held(self.name)
        if keyed is not None:
            tally.duplicates, tally.skipped = keyed.duplicates, keyed.skipped
        changed = keyed is not None and await self.inflow.take(self.name, keyed)
        tally.changes += changed
        tally.unchanged += not changed
        return changed

    def _planned_s(self, hints: Hints) -> float:
        """From the start of this read, which went well, to the start of the next."""
        draw, elapsed_s = self.draw(), self._elapsed_s()
        self._hints = hints
        delay_s = next_delay_s(
            self.pace,
            hints.counted_from(elapsed_s),
            draw,
            now=time.time() - elapsed_s,
            budget_s=self._budget_s(),
        )
        self._owed = delay_s > next_delay_s(self.pace, Hints(), draw)
        self._watch_for_staleness(max(delay_s, self.pace.interval_s))
        return delay_s

    def _failed(self, error: SourceError) -> float:
        self._charge(0 if self._requests else 1)
        tally = self.tally
        tally.polls += 1
        tally.failures += 1
        tally.in_a_row += 1
        if tally.in_a_row == 1:
            log.warning("source=%s kind=%s %s", self.name, error.kind, error.message)
        fault = Fault(error.kind, error.message)
        was_open = self.breaker.is_open
        self.breaker.failed(self, fault, error.status)
        if self.breaker.is_open and not was_open:
            log.warning("source=%s left alone after=%d failures", self.name, self.breaker.failures)
        asked = error.retry_after_s
        is_limited = error.status in LIMITING or (error.status == 403 and asked is not None)
        state = SourceState.LIMITED if is_limited else SourceState.FAILING
        delay_s = self._backoff_s(error)
        self._owed = True
        self._mark(state, fault, next_in_s=self._left_s(delay_s))
        self._has_read()
        return delay_s

    def _put_off(self, error: SourceError) -> float:
        """Nothing was asked, because the host or the budget is to be spared: this was no read."""
        delay_s = self._backoff_s(error)
        self._owed = True
        fault = Fault(error.kind, error.message)
        self._mark(SourceState.LIMITED, fault, next_in_s=self._left_s(delay_s))
        self._has_read()
        return delay_s

    def _backoff_s(self, error: SourceError) -> float:
        draw, elapsed_s, asked = self.draw(), self._elapsed_s(), error.retry_after_s
        delay_s = backoff_s(
            max(self.tally.in_a_row, self.breaker.failures),
            draw,
            every_s=failing_every_s(self.pace, self._hints),
            retry_after_s=None if asked is None else asked + elapsed_s,
            status=error.status,
        )
        return rested_s(delay_s, self._hints, draw, time.time() - elapsed_s)

    def _mark(
        self,
        state: SourceState,
        error: Fault | None = None,
        *,
        as_of: float | None = None,
        next_in_s: float | None = None,
    ) -> None:
        """Take a new state; it is told at once, so it must say by now when the next read is."""
        old = self.status
        since = old.since if old.state is state else time.time()
        read_at = old.as_of if as_of is None else as_of
        next_poll = old.next_poll if next_in_s is None else time.time() + next_in_s
        if next_poll is not None and next_poll <= time.time():
            next_poll = None
        self.status = Status(state, since, read_at, next_poll, error)
        if state is not SourceState.OK and self._stale is not None:
            self._stale.cancel()
            self._stale = None
        self.inflow.set_status(self.name, self.status)

    def _tell(self, *, next_poll: float | None = None) -> None:
        old = self.status
        self.status = Status(old.state, old.since, old.as_of, next_poll, old.error)
        self.inflow.set_status(self.name, self.status)

    def _watch_for_staleness(self, interval_s: float) -> None:
        if self._stale is not None:
            self._stale.cancel()
        loop = asyncio.get_running_loop()
        self._stale = loop.call_later(stale_after_s(interval_s), self._grow_stale)

    def _grow_stale(self) -> None:
        self._stale = None
        self._mark(SourceState.STALE)
