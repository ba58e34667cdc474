"""`stream record`: sources read as `stream serve` would, and what they answered put on a tape.

It publishes nothing and decides no interval: the pollers do that.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from stream import __version__
from stream.catalog import Catalog
from stream.engines.memory import MemoryEngine
from stream.errors import ClientError, ConfigError, did_you_mean
from stream.fetch import Fetcher
from stream.hub import Hub
from stream.ledger import Ledger
from stream.settings import Settings
from stream.source_settings import PushSettings
from stream.sources.recording import Recorder, TapeFile, table_of
from stream.tape import Head
from stream.template import ChannelPattern
from stream.units import format_duration, format_size

TOLD_EVERY_S: Final = 1.0
"""How often progress is shown."""


async def record_sources(
    settings: Settings,
    names: Sequence[str],
    out: Path,
    *,
    for_s: float | None,
    max_bytes: int,
    keys: Sequence[str],
) -> str:
    """Record these sources, or channels of parametrised ones, until the time is up, the tape is
    full or somebody interrupts.

    Returns:
        One sentence that says what there is now.

    Raises:
        ConfigError: there is no such source, or the tape cannot be written.
    """
    chosen = _chosen(settings, names)
    _check_keys(settings, chosen, keys)
    head = _head(settings, chosen)
    stop = asyncio.Event()
    contact = f"; contact={settings.server.contact}" if settings.server.contact else ""
    fetcher = Fetcher(user_agent=f"stream/{__version__} (recorder{contact})")
    tape = TapeFile(out, max_bytes)
    try:
        recorder = Recorder(fetcher, tape, on_full=stop.set)
        try:
            recorder.begin(head)
            why = await _run(_only(settings, chosen), chosen, recorder, stop, for_s, keys)
        finally:
            await recorder.aclose()
    finally:
        tape.close()
    count = recorder.count
    return (
        f"{out}: {count.reads} reads ({count.failed} failed) of {', '.join(chosen)}, "
        f"{format_size(tape.bytes)}; {why}"
    )


_Chosen = dict[str, tuple[str, str, Mapping[str, str]]]
"""What was asked for → the source's name, its channel, what its placeholders stand for."""


def _chosen(settings: Settings, names: Sequence[str]) -> _Chosen:
    chosen: _Chosen = {}
    for asked in names or list(settings.sources):
        found = _found(settings, asked)
        if found is None:
            if not names:
                continue
            hint = (
                did_you_mean(asked, settings.sources)
                or f"; there are {', '.join(settings.sources)}"
            )
            raise ConfigError(f"there is no source {asked!r} to record{hint}")
        chosen[asked] = found
    if not chosen:
        raise ConfigError("there is no source to record; name a channel of a parametrised one")
    return chosen


def _found(settings: Settings, asked: str) -> tuple[str, str, Mapping[str, str]] | None:
    source = settings.sources.get(asked)
    if source is not None and not isinstance(source, PushSettings) and "{" not in source.channel:
        return asked, source.channel, {}
    for name, each in settings.sources.items():
        if "{" not in each.channel or isinstance(each, PushSettings):
            continue
        with contextlib.suppress(ValueError):
            values = ChannelPattern(each.channel, getattr(each, "match", {})).match(asked)
            if values is not None:
                return name, asked, values
    return None


def _check_keys(settings: Settings, chosen: _Chosen, keys: Sequence[str]) -> None:
    for name, _, _ in chosen.values():
        if getattr(settings.sources[name], "keys", None) is not None and not keys:
            raise ConfigError(f"{name!r} is read by keys on demand: name some with --keys A,B")


def _head(settings: Settings, chosen: _Chosen) -> Head:
    tables: dict[str, Mapping[str, Any]] = {}
    for name, channel, values in chosen.values():
        if name in tables:
            raise ConfigError(f"{name!r} can be recorded once on one tape")
        tables[name] = table_of(settings.sources[name], channel=channel, values=values)
    made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Head(made, f"stream {__version__}", tables)


def _only(settings: Settings, chosen: _Chosen) -> Settings:
    """The settings with these sources alone."""
    names = {name for name, _, _ in chosen.values()}
    sources = {name: each for name, each in settings.sources.items() if name in names}
    return settings.model_copy(update={"sources": sources})


async def _run(
    settings: Settings,
    chosen: _Chosen,
    recorder: Recorder,
    stop: asyncio.Event,
    for_s: float | None,
    keys: Sequence[str],
) -> str:
    ledger = Ledger(None, now=time.time)
    catalog = Catalog(settings, Hub(MemoryEngine("record")), recorder, ledger)
    for _, channel, _ in chosen.values():
        _listen(catalog, channel, keys)
    async with _interruptible(stop) as was_interrupted, catalog.running():
        telling = asyncio.create_task(_tell(recorder))
        try:
            async with asyncio.timeout(for_s):
                await stop.wait()
        except TimeoutError:
            return f"{format_duration(for_s or 0.0)} are over"
        finally:
            telling.cancel()
        return "interrupted" if was_interrupted.is_set() else "the tape is full (--max-bytes)"


def _listen(catalog: Catalog, channel: str, keys: Sequence[str]) -> None:
    """Be a reader of this channel, one that never leaves."""
    try:
        line = catalog.reach(channel, keys)
    except ClientError as error:
        raise ConfigError(error.message) from None
    line.touched_until = math.inf
    if line.allow is not None:
        line.asked = dict.fromkeys(keys, math.inf)


@contextlib.asynccontextmanager
async def _interruptible(stop: asyncio.Event) -> AsyncIterator[asyncio.Event]:
    """Ctrl-C, and what supervisors send, end the recording and leave a tape that can be read."""
    loop = asyncio.get_running_loop()
    interrupted = asyncio.Event()

    def interrupt() -> None:
        interrupted.set()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        yield interrupted
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _tell(recorder: Recorder) -> None:
    told = 0
    while True:
        count = recorder.count
        if count.reads != told:
            told = count.reads
            click.echo(
                f"{recorder.elapsed_s:6.0f} s  {told} reads, {count.failed} failed", err=True
            )
        await asyncio.sleep(TOLD_EVERY_S)
