"""Lets the real service read traps, each with a source of its own, and notes what came of it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from stream import config
from stream.app import build
from stream.catalog import Line
from stream.model import SourceState
from tests.hostile.upstream import HostileUpstream, Trap
from tests.waiting import until

TIMEOUT_S: Final = 8.0
"""The deadline of a fetch in these runs: none but slow traps should come near it."""
SLACK_S: Final = 12.0
"""How much longer a busy machine may take to notice."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a channel was like before its source stepped into the trap, and after."""

    before: dict[object, object]
    after: dict[object, object]
    changes: int
    state: SourceState
    kind: str
    message: str
    took_s: float


def toml(traps: Mapping[str, Trap], upstream: HostileUpstream, *, timeout_s: float) -> str:
    """A source for every trap."""
    return "\n".join(
        f'[sources.{name}]\nkind = "{"feed" if trap.feed else "http"}"\nevery = "100ms"\n'
        f'url = "{upstream.url(name)}"\ntimeout = "{timeout_s * 1000:.0f}ms"\n'
        + ("" if trap.feed else 'key = "id"\n')
        for name, trap in traps.items()
    )


def observe(traps: Mapping[str, Trap], *, timeout_s: float = TIMEOUT_S) -> dict[str, Outcome]:
    """Run them all at once, in a loop of its own."""
    return asyncio.run(_observe(traps, timeout_s))


async def _observe(traps: Mapping[str, Trap], timeout_s: float) -> dict[str, Outcome]:
    async with HostileUpstream(traps).running() as upstream:
        settings = config.loads(toml(traps, upstream, timeout_s=timeout_s), {})
        service, fetcher = build(settings, None)
        lines = service.catalog.lines
        try:
            async with service.catalog.running(), asyncio.TaskGroup() as group:
                tasks = {
                    name: group.create_task(_one(name, trap, lines[name], upstream, timeout_s))
                    for name, trap in traps.items()
                }
        finally:
            await fetcher.aclose()
    return {name: task.result() for name, task in tasks.items()}


async def _one(
    name: str, trap: Trap, line: Line, upstream: HostileUpstream, timeout_s: float
) -> Outcome:
    poller, channel = line.pollers[0], line.channel

    def items() -> dict[object, object]:
        return dict(channel.state.items())

    await until(lambda: items(), within_s=SLACK_S, what=f"the good answer of {name}")
    before, changes = items(), poller.tally.changes
    upstream.set_trap(name)
    polls, failures = poller.tally.polls, poller.tally.failures
    if trap.kinds:
        await until(
            lambda: poller.tally.failures > failures,
            within_s=timeout_s + SLACK_S,
            what=f"the end of {name}",
        )
    else:
        await until(
            lambda: poller.tally.polls > polls + 3, within_s=SLACK_S, what=f"reads of {name}"
        )
    took_s = time.monotonic() - upstream.sprung_at_s.get(name, time.monotonic())
    fault = channel.status.error
    return Outcome(
        before,
        items(),
        poller.tally.changes - changes,
        channel.status.state,
        fault.kind if fault else "",
        fault.message if fault else "",
        took_s,
    )


def check(trap: Trap, outcome: Outcome) -> None:
    """What must be true of every trap: in time, named as documented, and nothing published."""
    assert len(outcome.before) == 3
    if trap.kinds:
        assert outcome.kind in trap.kinds.split(), outcome
        assert outcome.state in (SourceState.FAILING, SourceState.LIMITED)
        assert outcome.message.isprintable()
        assert len(outcome.message) < 400
    else:
        assert (outcome.kind, outcome.state) == ("", SourceState.OK), outcome
    assert outcome.changes == trap.changes
    if not trap.changes:
        assert outcome.after == outcome.before


@dataclass(frozen=True, slots=True)
class Strain:
    """What reading one trap cost a process of its own.

    Attributes:
        kind: of the error, empty if none.
        peak_bytes: by how much the process grew at most (VmHWM) beyond what it had before.
        gap_s: the longest that its loop did not turn.
    """

    kind: str
    peak_bytes: int
    gap_s: float
    took_s: float


async def strain(
    traps: Mapping[str, Trap], *, timeout_s: float = 3.0, parse: bool = False
) -> dict[str, Strain]:
    """Let a process of its own read each trap, one after the other, under the default cap.

    Args:
        parse: whether bodies are read for their items too, or only fetched.
    """
    async with HostileUpstream(traps).running() as upstream:
        plan = {
            "timeout_s": timeout_s,
            "parse": parse,
            "urls": {name: f"{upstream.url(name)}?now" for name in traps},
            "feeds": [name for name, trap in traps.items() if trap.feed],
        }
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.hostile.upstream_child",
            orjson.dumps(plan).decode(),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        async with asyncio.timeout(len(traps) * (timeout_s + 1) + 20):
            out, _ = await child.communicate()
    assert child.returncode == 0
    rows: dict[str, list[object]] = orjson.loads(out)
    return {name: Strain(*row) for name, row in rows.items()}  # type: ignore[arg-type]
