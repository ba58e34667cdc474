"""From a source's settings to the source: kind by kind, and what several of them share.

It must not know the channels' states, nor read anything of an upstream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from stream.errors import ConfigError
from stream.fetch import Fetcher
from stream.fetched_settings import (
    FeedSettings,
    FetchedSettings,
    HttpSettings,
    KeysSettings,
    PolledSettings,
    SourceTable,
)
from stream.merge import Contribution
from stream.mistakes import one_line
from stream.model import ADDED_KEY
from stream.own_kinds import own_kinds
from stream.schedule import Pace
from stream.source_settings import (
    AnySource,
    OwnSettings,
    PushSettings,
    ReplaySettings,
    SqlSettings,
    SseSettings,
)
from stream.sources.base import Source
from stream.sources.http import HttpSource
from stream.sources.replay import Playback, ReplaySource, Tape
from stream.sources.sse import SseSource
from stream.sources.system import SystemSource
from stream.tape import BadTape

if TYPE_CHECKING:
    from stream.sources.sql import Databases

_ANY_SOURCE: Final[TypeAdapter[Any]] = TypeAdapter(AnySource)


@dataclass(frozen=True, slots=True)
class Traits:
    """What a kind's settings say to those who feed a channel with what it reads.

    Attributes:
        window: items gone from the answer have aged out; otherwise they are deleted.
        aliases: the field that lists all keys an item goes by.
        empty_ok: an empty answer is believed at once.
        ignore, tolerance: what is no change, see `stream.diff`.
        keys: the source reads only keys that are watched.
        key: the field that will carry the key, where the configuration says so.
        pace: how often it is read.
        follows: it tells by itself when it has something, and is asked again at once.
        backs_off: whether such a source is left alone for a while after a failure.
        silence_s: how long such a source may be silent.
        demand, linger_s: whether it is read only while somebody listens, and how long after.
    """

    window: bool = False
    empty_ok: bool = True
    ignore: frozenset[str] = frozenset()
    tolerance: Mapping[str, float] = field(default_factory=dict)
    keys: KeysSettings | None = None
    key: str = "id"
    pace: Pace = Pace(1.0)
    follows: bool = False
    backs_off: bool = True
    silence_s: float | None = None
    demand: str = "always"
    linger_s: float = 30.0
    aliases: str | None = None

    @classmethod
    def of(cls, settings: SourceTable) -> Traits:
        """Those of a source's settings; of a tape it knows only that it is one."""
        traits = cls()
        if isinstance(settings, PolledSettings):
            traits = replace(
                traits,
                pace=_pace(settings),
                demand=settings.demand,
                linger_s=settings.linger,
            )
        if isinstance(settings, FetchedSettings):
            traits = replace(
                traits, window=settings.removal == "window", empty_ok=settings.empty_ok
            )
        if isinstance(settings, FetchedSettings | SqlSettings):
            traits = replace(traits, ignore=frozenset(settings.ignore))
        if isinstance(settings, HttpSettings | SqlSettings | SseSettings):
            traits = replace(traits, tolerance=settings.tolerance)
        if isinstance(settings, HttpSettings | SqlSettings | SseSettings | PushSettings):
            is_plain = isinstance(settings.key, str) and "." not in settings.key
            traits = replace(traits, key=str(settings.key) if is_plain else ADDED_KEY)
        if isinstance(settings, HttpSettings):
            traits = replace(traits, keys=settings.keys, aliases=settings.aliases)
        if isinstance(settings, SseSettings):
            traits = replace(traits, follows=True, silence_s=settings.silence)
        return traits

    def record(self) -> dict[str, Any]:
        """What a tape of items says of them; see `recorded`."""
        return {
            "window": self.window,
            "empty_ok": self.empty_ok,
            "ignore": sorted(self.ignore),
            "tolerance": dict(self.tolerance),
            "key": self.key,
        }

    @classmethod
    def recorded(cls, table: object) -> Traits:
        """Those that a tape's first line holds.

        Raises:
            BadTape: they are of another form.
        """
        match table:
            case {
                "window": bool(window),
                "empty_ok": bool(empty_ok),
                "ignore": [*ignore],
                "tolerance": {**tolerance},
                "key": str(key),
            }:
                numbers = {str(n): v for n, v in tolerance.items() if isinstance(v, int | float)}
                return cls(window, empty_ok, frozenset(map(str, ignore)), numbers, key=key)
        raise BadTape("line 1: its traits are not those of a source")

    def contribution(self, name: str) -> Contribution:
        """The place of this source's items among those of its channel."""
        return Contribution(
            name,
            window=self.window,
            aliases=self.aliases,
            empty_ok=self.empty_ok,
            on_demand=self.keys is not None,
        )


def _pace(settings: PolledSettings) -> Pace:
    quota = settings.quota if isinstance(settings, FetchedSettings) else None
    bounds = settings.adaptive
    adaptive = (bounds.min, bounds.max) if bounds is not None else None
    if quota is None:
        return Pace(settings.every, adaptive=adaptive)
    return Pace(settings.every, quota.per_day, quota.cost, adaptive=adaptive)


class Factory:
    """Makes sources, and holds what they share.

    Args:
        fetcher: shared by all sources that read over HTTP; closed with the factory.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self.fetcher = fetcher
        self._databases: Databases | None = None

    def traits(self, name: str, settings: SourceTable) -> Traits:
        """What is to be known of a source before it is read; a tape says it in its first line.

        Raises:
            ConfigError: the tape cannot be read.
        """
        if not isinstance(settings, ReplaySettings):
            return Traits.of(settings)
        _, _, recorded = _picked(name, settings)
        traits = recorded if isinstance(recorded, Traits) else Traits.of(recorded)
        traits = replace(traits, pace=Pace(1.0), follows=True, backs_off=False)
        return replace(traits, keys=None, silence_s=None, demand="always")

    def make(
        self, name: str, settings: SourceTable, *, channel: str, values: Mapping[str, str]
    ) -> Source:
        """The source of these settings.

        Args:
            name: the source's, for messages.
            channel: the name of the channel it feeds.
            values: what the placeholders of the channel's name stand for.

        Raises:
            ConfigError: it cannot be made: a tape that is broken, a package that is missing.
        """
        if isinstance(settings, HttpSettings | FeedSettings):
            return HttpSource(settings, self.fetcher, channel=channel, values=values)
        if isinstance(settings, SseSettings):
            return SseSource(settings, self.fetcher, channel=channel, values=values)
        if isinstance(settings, SqlSettings):
            return self._sql(name, settings, channel, values)
        if isinstance(settings, ReplaySettings):
            return _replay(name, settings)
        if isinstance(settings, OwnSettings):
            return _own(name, settings)
        return SystemSource()

    def _sql(
        self, name: str, settings: SqlSettings, channel: str, values: Mapping[str, str]
    ) -> Source:
        try:
            from stream.sources.sql import Databases, SqlSource
        except ModuleNotFoundError as error:
            message = f"kind sql needs {error.name}: pip install 'stream[sql]'"
            raise ConfigError(f"[sources.{name}] {message}") from None
        self._databases = self._databases or Databases()
        try:
            database = self._databases.get(settings.address)
            return SqlSource(settings, database, channel=channel, values=values)
        except ConfigError as error:
            raise ConfigError(f"[sources.{name}] {error}") from None

    async def aclose(self) -> None:
        """Let go of what the sources share."""
        if self._databases is not None:
            await self._databases.aclose()
        await self.fetcher.aclose()


def _picked(name: str, settings: ReplaySettings) -> tuple[Tape, str, SourceTable | Traits]:
    """The tape, the source's name on it, and its settings or what its items need to be known of."""
    try:
        tape = Tape(settings.path)
        recorded_name, table = tape.pick(settings.source)
        if "traits" in table:
            return tape, recorded_name, Traits.recorded(table["traits"])
        return tape, recorded_name, _ANY_SOURCE.validate_python(dict(table))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:80]
        what = f"its settings of {recorded_name!r} are wrong: {where}: {first['msg']}"
    except BadTape as error:
        what = str(error)
    raise ConfigError(one_line(f"[sources.{name}] {settings.path}: {what}"))


def _replay(name: str, settings: ReplaySettings) -> Source:
    tape, recorded_name, recorded = _picked(name, settings)
    inner: tuple[Source, Playback] | None = None
    if isinstance(recorded, HttpSettings | FeedSettings):
        playback = Playback()
        source = HttpSource(recorded, playback, channel=recorded.channel, values={})
        inner = (source, playback)
    return ReplaySource(
        tape, recorded_name, speed=settings.speed, is_looped=settings.loop, inner=inner
    )


def _own(name: str, settings: OwnSettings) -> Source:
    """A source of one's own; whatever its maker raises is a mistake in the configuration."""
    where = f"[sources.{name}] kind {settings.kind!r}"
    try:
        made = own_kinds()[settings.kind].load()(**(settings.model_extra or {}))
    except ConfigError as error:
        raise ConfigError(one_line(f"{where}: {error}")) from None
    except Exception as error:
        message = f"{where} cannot be made: {type(error).__name__}: {error}"
        raise ConfigError(one_line(message)) from error
    if not callable(getattr(made, "poll", None)):
        raise ConfigError(f"{where} has no poll: expected `async def poll(self, state) -> Poll`")
    source: Source = made
    return source
