"""Every source and the channels they feed: started, stopped, opened on demand, let go.

The doors ask it for channels by name; it knows who polls for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stream.breaker import Breaker
from stream.channel import Channel
from stream.errors import ClientError
from stream.fetched_settings import FeedSettings
from stream.follower import Follower
from stream.hub import Hub, unknown_channel
from stream.inflow import Inflow, Push
from stream.ledger import Ledger
from stream.merge import Contribution
from stream.model import ADDED_KEY, SourceState, Status
from stream.poller import Poller
from stream.schedule import Pace
from stream.settings import ChannelSettings, Settings
from stream.source_settings import Parametrised, PushSettings, SourceSettings
from stream.sources.base import Source, close
from stream.sources.factory import Factory, Traits
from stream.template import BadParameter, ChannelPattern, Rule
from stream.trail import Trail

log = logging.getLogger("stream.catalog")

RETAIN_WINDOW = 500
"""Items kept in a channel of a ``window`` source that sets no limit: a day of a busy feed."""
RETAIN_PUSH = 10_000
"""Items kept in a push channel that sets no limit, so that publishers cannot grow memory."""
SWEEP_S = 1.0
"""How often channels that nobody watches are looked for."""


@dataclass(slots=True, eq=False)
class Line:
    """One channel with all that feeds it.

    Attributes:
        ephemeral: created by its first reader, to be let go after the last.
        linger_s: how long it is still read after the last reader.
        allow: what a key may be, for a channel read by keys on demand.
        touched_until: a reader without a connection counts until then (monotonic seconds).
        asked: such readers' keys, each until when.
    """

    channel: Channel
    pollers: list[Poller] = field(default_factory=list)
    push: Push | None = None
    push_settings: PushSettings | None = None
    ephemeral: bool = False
    linger_s: float = 30.0
    allow: Rule | None = None
    max_keys: int = 1000
    touched_until: float = 0.0
    asked: dict[str, float] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def touch(self, keys: Iterable[str] = ()) -> None:
        """A reader came: count it for a while, and wake what was paused."""
        until = time.monotonic() + self.linger_s
        self.touched_until = until
        new = False
        if keys := set(keys):
            new = bool(keys - self.asked.keys() - self.channel.watched_keys())
            self.asked.update(dict.fromkeys(keys, until))
        for poller in self.pollers:
            if new or poller.status.state is SourceState.PAUSED:
                poller.poke()

    async def next_read(self, within_s: float) -> None:
        """Wait until one of the sources was read again, well or badly."""
        waits = [asyncio.ensure_future(poller.next_read()) for poller in self.pollers]
        _, pending = await asyncio.wait(
            waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
        )
        for wait in pending:
            wait.cancel()

    def is_watched(self) -> bool:
        """Whether somebody reads, or did so a moment ago."""
        if self.channel.views:
            self.touched_until = max(self.touched_until, time.monotonic() + self.linger_s)
        return time.monotonic() < self.touched_until

    def wanted_keys(self) -> set[str]:
        """The union of the keys that are watched, or were a moment ago."""
        now = time.monotonic()
        for key in self.channel.watched_keys():
            self.asked[key] = now + self.linger_s
        self.asked = {key: until for key, until in self.asked.items() if until > now}
        return set(self.asked)


class Catalog:
    """All lines of one service.

    Args:
        settings: what to read.
        hub: where changes go.
        factory: makes the sources.
        ledger: daily budgets.
        extra: sources of one's own: name → (source, seconds between reads).
    """

    def __init__(
        self,
        settings: Settings,
        hub: Hub,
        factory: Factory,
        ledger: Ledger,
        *,
        extra: Mapping[str, tuple[Source, float]] | None = None,
    ) -> None:
        self.lines: dict[str, Line] = {}
        self.patterns: dict[str, tuple[ChannelPattern, str, Parametrised]] = {}
        self._settings = settings
        self._hub = hub
        self._factory = factory
        self._ledger = ledger
        self._extra = dict(extra or {})
        self._breakers: dict[str, Breaker] = {}
        self._group: asyncio.TaskGroup | None = None
        self._declare()

    def _declare(self) -> None:
        by_channel: dict[str, dict[str, SourceSettings]] = {}
        for name, source in self._settings.sources.items():
            channel = source.channel or name
            if isinstance(source, Parametrised) and "{" in channel:
                pattern = ChannelPattern(channel, source.match)
                self.patterns[channel] = (pattern, name, source)
                # What cannot be made should be told now, and not to the first reader.
                values = dict.fromkeys(pattern.names, "0")
                self._factory.make(name, source, channel=channel, values=values)
            else:
                by_channel.setdefault(channel, {})[name] = source
        for channel, sources in by_channel.items():
            self._open(channel, sources)
        for name, (own, every_s) in self._extra.items():
            self._open_own(name, own, every_s)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Poll until the end of the block."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for line in self.lines.values():
                self._start(line)
            sweeper = group.create_task(self._sweep())
            try:
                yield
            finally:
                sweeper.cancel()
                for line in self.lines.values():
                    for task in line.tasks:
                        task.cancel()
                self._group = None
        self._ledger.flush()

    def _start(self, line: Line) -> None:
        if self._group is not None:
            line.tasks = [self._group.create_task(_run(poller)) for poller in line.pollers]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self._ledger.flush_in_time()
            for name, line in list(self.lines.items()):
                if line.ephemeral and not line.is_watched():
                    self._close(name, line)

    def _close(self, name: str, line: Line) -> None:
        log.info("channel=%s let go: nobody reads it", name)
        for task in line.tasks:
            task.cancel()
        del self.lines[name]
        self._hub.close(name)

    def reach(self, name: str, keys: Iterable[str] = ()) -> Line:
        """The line of a channel somebody wants to read; a parametrised one is opened.

        Raises:
            ClientError: ``unknown_channel`` 404, ``bad_parameter`` or ``bad_keys`` 400,
                ``too_many_channels`` 503.
        """
        line = self.lines.get(name) or self._open_parametrised(name)
        asked = tuple(keys)
        if line.allow is not None:
            self._check_keys(line, asked)
        line.touch(asked if line.allow is not None else ())
        return line

    def _check_keys(self, line: Line, keys: Sequence[str]) -> None:
        for key in keys:
            if line.allow is not None and not line.allow.accepts(key):
                shown = key[:64]
                raise ClientError(
                    "bad_keys", f"keys: {shown!r} is not allowed, expected {line.allow.expected}"
                )
        if len(line.wanted_keys() | set(keys)) > line.max_keys:
            raise ClientError("too_many_keys", "too many keys are watched here", status=503)

    def _open_parametrised(self, name: str) -> Line:
        if name in self.patterns:
            holes = " and ".join(f"{{{hole}}}" for hole in self.patterns[name][0].names)
            words = f"{name!r} stands for many channels: put a value in the place of {holes}"
            raise ClientError("bad_parameter", words)
        for template, (pattern, source_name, settings) in self.patterns.items():
            try:
                values = pattern.match(name)
            except BadParameter as error:
                raise ClientError("bad_parameter", f"channel {name[:128]!r}: {error}") from None
            if values is None:
                continue
            most = self._settings.limits.parametrised_channels
            if sum(1 for line in self.lines.values() if line.ephemeral) >= most:
                raise ClientError(
                    "too_many_channels", f"{most} such channels are open already", status=503
                )
            line = self._open(name, {source_name: settings}, template=template, values=values)
            line.ephemeral = True
            self._start(line)
            return line
        raise unknown_channel(name, {**self.lines, **self.patterns})

    def _open(
        self,
        name: str,
        sources: Mapping[str, SourceSettings],
        *,
        template: str = "",
        values: Mapping[str, str] | None = None,
    ) -> Line:
        tables = self._settings.channels
        settings = tables.get(name) or tables.get(template) or ChannelSettings()
        kinds = ",".join(dict.fromkeys(source.kind for source in sources.values()))
        sort = settings.sort
        if sort is None and all(isinstance(s, FeedSettings) for s in sources.values()):
            sort = "-published"
        channel = self._hub.open(name, sort=sort, kind=kinds, trail=_trail(settings))
        # Known before the first read, so that the first items are a diff, not a new beginning.
        traits = {n: self._factory.traits(n, source) for n, source in sources.items()}
        expected = {each.key for each in traits.values()}
        channel.key = expected.pop() if len(expected) == 1 else ADDED_KEY
        line = self.lines[name] = Line(channel)
        read = {n: s for n, s in sources.items() if not isinstance(s, PushSettings)}
        pushed = [s for s in sources.values() if isinstance(s, PushSettings)]
        if pushed:
            line.push = Push(self._hub, channel, retain=settings.retain or RETAIN_PUSH)
            line.push_settings = pushed[0]
        if read:
            self._attach(line, read, traits, settings, values or {})
        elif pushed:
            self._hub.set_status(channel, Status(SourceState.OK, time.time()))
        return line

    def _attach(
        self,
        line: Line,
        sources: Mapping[str, SourceSettings],
        traits: Mapping[str, Traits],
        settings: ChannelSettings,
        values: Mapping[str, str],
    ) -> None:
        windowed = any(traits[name].window for name in sources)
        tolerance: dict[str, float] = {}
        for name in sources:
            tolerance |= traits[name].tolerance
        inflow = Inflow(
            self._hub,
            line.channel,
            [traits[name].contribution(name) for name in sources],
            retain=settings.retain or (RETAIN_WINDOW if windowed else None),
            ignore=frozenset[str]().union(*(traits[name].ignore for name in sources)),
            tolerance=tolerance,
        )
        for name, source in sources.items():
            made = self._factory.make(name, source, channel=line.channel.name, values=values)
            line.linger_s = traits[name].linger_s
            poller = self._poller(line, (name, source.kind), made, traits[name], inflow)
            poller.remembers = not values
            line.pollers.append(poller)

    def _poller(
        self, line: Line, named: tuple[str, str], source: Source, traits: Traits, inflow: Inflow
    ) -> Poller:
        is_wanted, wanted_keys = _always, None
        if traits.keys is not None:
            line.allow = Rule.of(traits.keys.allow)
            line.max_keys = self._settings.limits.keys_per_view
            is_wanted, wanted_keys = lambda: bool(line.wanted_keys()), line.wanted_keys
        elif traits.demand == "watched":
            is_wanted = line.is_watched
        given = (*named, source, inflow, traits.pace, self._ledger, is_wanted)
        breaker = self._breakers.setdefault(named[0], Breaker())
        if traits.follows:
            backs_off, silence_s = traits.backs_off, traits.silence_s
            return Follower(*given, breaker=breaker, backs_off=backs_off, silence_s=silence_s)
        return Poller(*given, wanted_keys=wanted_keys, breaker=breaker)

    def _open_own(self, name: str, source: Source, every_s: float) -> None:
        settings = self._settings.channels.get(name, ChannelSettings())
        channel = self._hub.open(name, sort=settings.sort, kind="own", trail=_trail(settings))
        line = self.lines[name] = Line(channel)
        inflow = Inflow(self._hub, channel, [Contribution(name)], retain=settings.retain)
        poller = Poller(name, "own", source, inflow, Pace(every_s), self._ledger, is_wanted=_always)
        line.pollers.append(poller)

    async def first_read(self, line: Line, *, within_s: float) -> None:
        """Wait for the first read of a cold channel.

        Raises:
            ClientError: the upstream has no such thing (404), failed (502) or took too long (504).
        """
        for poller in line.pollers:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await poller.read_once.wait()
        status = line.channel.status
        if status.as_of is not None or not line.pollers:
            return
        name = line.channel.name
        if status.error is None:
            raise ClientError("upstream_timeout", f"{name}: no answer yet", status=504)
        kind = status.error.kind
        code = 404 if kind in {"http_404", "http_410"} else 504 if kind == "timeout" else 502
        raise ClientError(f"upstream_{kind}", f"{name}: {status.error.message}", status=code)

    def known_names(self) -> dict[str, object]:
        """Every name that could be asked for, patterns included."""
        return {**self.lines, **self.patterns}

    def pollers(self) -> Iterable[Poller]:
        """Every poller."""
        for line in self.lines.values():
            yield from line.pollers


async def _run(poller: Poller) -> None:
    try:
        await poller.run()
    finally:
        await close(poller.source)


def _trail(settings: ChannelSettings) -> Trail | None:
    kept = settings.trail
    if kept is None:
        return None
    return Trail(kept.fields, points=kept.points, every_s=kept.every)


def _always() -> bool:
    return True
