"""``stream check``: every source read once or twice, side by side, nothing served.

It reads as the service would, validators included; what the answers mean is for
`check_findings.py`, and how that is shown for `check_print.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from stream.app import build
from stream.catalog import Catalog, Line
from stream.cli.check_findings import Finding, Plan, Reading, find, not_read
from stream.cli.check_print import as_json, show
from stream.errors import ClientError, ConfigError, SourceError, did_you_mean
from stream.exchange import Response
from stream.fetched_settings import FetchedSettings, PolledSettings, SourceTable
from stream.poller import Poller
from stream.settings import Settings
from stream.source_settings import PushSettings
from stream.sources.base import PollState

PAUSE_S: Final = 1.0
"""Between the two reads of a source: long enough for a clock in the answer to move on."""
LONGEST_S: Final = 60.0
"""Longest that one read may take, whatever its source does."""

_ANSWERS: ContextVar[list[Response] | None] = ContextVar("answers", default=None)

_Work: TypeAlias = Callable[[], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to have checked.

    Attributes:
        channels: only these; a parametrised one by a full name, ``user:1``.
        source: only this one.
        keys: for sources that are read by keys on demand.
        once: do not read a second time.
        json: print JSON.
    """

    channels: tuple[str, ...] = ()
    source: str | None = None
    keys: tuple[str, ...] = ()
    once: bool = False
    json: bool = False


async def check_sources(settings: Settings, wish: Wish, console: Console | None = None) -> int:
    """Read, and print what was found; 0 where all could be read, 1 where one could not.

    Raises:
        ConfigError: the wish names a channel, a source or a key that there is not.
    """
    service, factory = build(settings, None)
    factory.fetcher.on_answer.append(_note)
    try:
        work = plan(settings, service.catalog, wish)
        findings = await _side_by_side(work)
    finally:
        await factory.aclose()
    console = console or Console()
    if wish.json:
        console.file.write(as_json(findings) + "\n")
    else:
        show(findings, console)
    return 1 if any(finding.state == "failed" for finding in findings) else 0


def plan(settings: Settings, catalog: Catalog, wish: Wish) -> list[_Work]:
    """What to do for each source that is wished for, in the order of the configuration.

    Raises:
        ConfigError: see `check_sources`.
    """
    if wish.source is not None and wish.source not in settings.sources:
        hint = did_you_mean(wish.source, settings.sources)
        raise ConfigError(f"there is no source {wish.source!r}{hint}")
    lines = _lines(catalog, wish)
    work: list[_Work] = []
    for name, source in settings.sources.items():
        if wish.source not in (None, name):
            continue
        at = [line for line in lines if _feeds(source.channel, line, catalog)]
        if isinstance(source, PushSettings):
            work += [_said(name, line, "push", "fed by POST, nothing to read") for line in at]
            continue
        for line in at:
            work += [
                _reader(poller, line, source, wish)
                for poller in line.pollers
                if poller.name == name
            ]
        if not at and not wish.channels:
            shown = f"opened by its first reader; to try it: stream check {_example(source)}"
            work.append(_said(name, None, source.kind, shown, source.channel))
    return work


def _lines(catalog: Catalog, wish: Wish) -> list[Line]:
    """The channels wished for; parametrised ones are opened."""
    try:
        for name in wish.channels:
            line = catalog.reach(name)
            if line.allow is not None:
                catalog.reach(name, wish.keys)
        lines = list(catalog.lines.values())
        for line in lines:
            if line.allow is not None and not wish.channels:
                catalog.reach(line.channel.name, wish.keys)
    except ClientError as error:
        raise ConfigError(error.message) from None
    return [line for line in lines if not wish.channels or line.channel.name in wish.channels]


def _feeds(channel: str, line: Line, catalog: Catalog) -> bool:
    if channel in catalog.patterns:
        return catalog.patterns[channel][0].match(line.channel.name) is not None
    return channel == line.channel.name


def _example(source: SourceTable) -> str:
    """A name of the pattern that might do."""
    match = source.match if isinstance(source, FetchedSettings) else {}
    name = source.channel
    for placeholder in match:
        rule = match[placeholder]
        value = "1" if rule == "int" else rule[0] if isinstance(rule, tuple) else placeholder
        name = name.replace(f"{{{placeholder}}}", value)
    return name


def _said(name: str, line: Line | None, kind: str, why: str, channel: str = "") -> _Work:
    async def say() -> Finding:
        return not_read(name, line.channel.name if line is not None else channel, kind, why)

    return say


def _reader(poller: Poller, line: Line, source: SourceTable, wish: Wish) -> _Work:
    keys = tuple(sorted(poller.wanted_keys())) if poller.wanted_keys is not None else ()
    kind = str(getattr(source, "kind", line.channel.kind))
    if poller.wanted_keys is not None and not keys:
        why = "read for the keys that are watched; to try it: stream check --keys KEY,KEY"
        return _said(poller.name, line, kind, why)
    fetched = source if isinstance(source, FetchedSettings) else None
    told = Plan(
        poller.name,
        line.channel.name,
        kind,
        poller.pace,
        frozenset(fetched.ignore) if fetched is not None else frozenset(),
        bool(keys) or (isinstance(source, PolledSettings) and source.demand == "watched"),
        fetched is not None,
    )

    async def work() -> Finding:
        first = await _read(poller, PollState(keys, 0))
        # A second read would cost a quota more than it is worth, and a failed one tells no more.
        if wish.once or first.error is not None or poller.pace.quota_per_day is not None:
            return find(told, first, None)
        await asyncio.sleep(PAUSE_S)
        return find(told, first, await _read(poller, PollState(keys, 1)))

    return work


async def _read(poller: Poller, state: PollState) -> Reading:
    answers: list[Response] = []
    _ANSWERS.set(answers)
    started = time.monotonic()
    poll, error = None, None
    try:
        async with asyncio.timeout(LONGEST_S):
            poll = await poller.source.poll(state)
    except TimeoutError:
        error = SourceError("timeout", f"no answer in {LONGEST_S:g} s")
    except SourceError as failure:
        error = failure
    except Exception as mistake:  # a source of one's own may do anything; the others are still told
        error = SourceError("internal", f"reading failed: {type(mistake).__name__}: {mistake}")
    elapsed_s = sum(answer.elapsed_s for answer in answers) or time.monotonic() - started
    return Reading(elapsed_s, poll, error, tuple(answers))


def _note(response: Response) -> None:
    """Take an answer down for the read in whose task it came."""
    answers = _ANSWERS.get()
    if answers is not None:
        answers.append(response)


async def _side_by_side(work: Sequence[_Work]) -> list[Finding]:
    with _progress(len(work)) as advance:

        async def counted(do: _Work) -> Finding:
            finding = await do()
            advance()
            return finding

        return list(await asyncio.gather(*map(counted, work)))


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar while a person waits: on the error stream, so that a pipe gets the findings only."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("reading the sources"),
        BarColumn(),
        MofNCompleteColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)
