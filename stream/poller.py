"""One supervised task per source: wait, read, feed the channel, tell how it went."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from stream.errors import SourceError
from stream.identity import Keyed
from stream.inflow import Inflow
from stream.ledger import Ledger
from stream.model import ADDED_KEY, Fault, SourceState, Status
from stream.schedule import Hints, Pace, backoff_s, first_delay_s, next_delay_s, stale_after_s
from stream.sources.base import Poll, PollState, Source

log = logging.getLogger("stream.poller")

POKE_SPACING_S: Final = 0.5
"""Least time between two reads however many new keys are asked for: they share the next one."""


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
        pace: how often.
        is_wanted: whether somebody listens, or nobody has to.
        wanted_keys: the keys to read, for a source that reads keys on demand; else None.
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
    draw: Callable[[], float] = random.random
    status: Status = field(default_factory=lambda: Status(since=time.time()))
    tally: Tally = field(default_factory=Tally)
    read_once: asyncio.Event = field(default_factory=asyncio.Event)
    _read_again: asyncio.Event = field(default_factory=asyncio.Event)
    _poked: asyncio.Event = field(default_factory=asyncio.Event)
    _stale: asyncio.TimerHandle | None = None

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
        await self._pause(first_delay_s(self.pace.every_s, self.draw()))
        try:
            while True:
                await self._until_wanted()
                started = time.monotonic()
                delay_s = await self._read()
                left_s = max(0.0, delay_s - (time.monotonic() - started))
                self._tell(next_poll=time.time() + left_s)
                await self._pause(left_s, pokable=self.tally.in_a_row == 0)
        finally:
            if self._stale is not None:
                self._stale.cancel()

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
        if (wait_s := self._quota_wait_s()) is not None:
            return wait_s
        self.tally.polls += 1
        try:
            keys = self.wanted_keys() if self.wanted_keys is not None else set()
            poll = await self.source.poll(PollState(tuple(sorted(keys)), self.tally.polls - 1))
            return await self._succeeded(poll)
        except SourceError as error:
            return self._failed(error)
        except Exception as error:  # the supervisor: counted, told and logged, never fatal
            if not self.tally.in_a_row:
                log.exception("source=%s read failed unexpectedly", self.name)
            return self._failed(SourceError("internal", f"reading failed: {type(error).__name__}"))

    def _quota_wait_s(self) -> float | None:
        per_day, cost = self.pace.quota_per_day, self.pace.cost
        if per_day is None:
            return None
        if self.ledger.left(self.name, per_day) >= cost:
            self.ledger.spend(self.name, cost)
            return None
        fault = Fault("quota", f"the day's budget of {per_day} calls is used up")
        self._mark(SourceState.LIMITED, fault)
        self._has_read()
        return self.ledger.seconds_to_reset()

    async def _succeeded(self, poll: Poll) -> float:
        tally = self.tally
        if tally.in_a_row:
            log.info("source=%s recovered after=%d failures", self.name, tally.in_a_row)
        tally.in_a_row = 0
        tally.received_bytes += poll.received_bytes
        tally.not_modified += poll.not_modified
        keyed = poll.keyed
        if keyed is None and self.inflow.is_doubted(self.name):
            keyed = Keyed({}, ADDED_KEY, 0, 0, None)
        # as_of first: the diff that this read causes carries it.
        self._mark(SourceState.OK, as_of=time.time())
        if keyed is not None:
            tally.duplicates, tally.skipped = keyed.duplicates, keyed.skipped
        if keyed is not None and await self.inflow.take(self.name, keyed):
            tally.changes += 1
        else:
            tally.unchanged += 1
        self._has_read()
        delay_s = next_delay_s(self.pace, poll.hints, self.draw())
        self._watch_for_staleness(max(delay_s, self.pace.interval_s))
        return delay_s

    def _failed(self, error: SourceError) -> float:
        tally = self.tally
        tally.failures += 1
        tally.in_a_row += 1
        if tally.in_a_row == 1:
            log.warning("source=%s kind=%s %s", self.name, error.kind, error.message)
        limited = error.status == 429
        state = SourceState.LIMITED if limited else SourceState.FAILING
        self._mark(state, Fault(error.kind, error.message))
        self._has_read()
        return backoff_s(
            tally.in_a_row,
            self.draw(),
            every_s=next_delay_s(self.pace, Hints(), 0.5),
            retry_after_s=error.retry_after_s,
            status=error.status,
        )

    def _mark(
        self, state: SourceState, error: Fault | None = None, *, as_of: float | None = None
    ) -> None:
        """Take a new state; it is told at once."""
        old = self.status
        since = old.since if old.state is state else time.time()
        read_at = old.as_of if as_of is None else as_of
        self.status = Status(state, since, read_at, old.next_poll, error)
        if state is not SourceState.OK and self._stale is not None:
            self._stale.cancel()
            self._stale = None
        self._tell()

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
