"""A source that puts on a tape what it reads, and otherwise is the source it was.

It writes one line per read and takes secrets out; it decides neither what is read nor when.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

from stream.errors import ConfigError, SourceError
from stream.exchange import Getter, Request, Response
from stream.fetch import Fetcher
from stream.fetched_settings import (
    ITEM_KEY,
    FeedSettings,
    FetchedSettings,
    HttpSettings,
    SourceTable,
)
from stream.model import ADDED_KEY
from stream.source_settings import SqlSettings
from stream.sources.base import Poll, PollState, Source, close
from stream.sources.factory import Factory, Traits
from stream.sources.http import HttpSource
from stream.tape import Answer, Head, Read, Redactor, likely_secrets, write_head, write_read
from stream.template import Template

END_BYTES: Final = 64
"""Room for what ends a packed file."""


class TapeFull(Exception):
    """The next line would make the tape larger than it may be."""


class TapeFile:
    """A tape that is written; packed where its name ends in ``.gz``.

    Args:
        path: where to; what was there is replaced.
        max_bytes: how large the file may become.

    Raises:
        ConfigError: it cannot be written.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._max = max_bytes
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
        self._is_packed = path.suffix == ".gz"
        packed = gzip.GzipFile("", "wb", fileobj=self._file, mtime=0) if self._is_packed else None
        self._out: IO[bytes] = cast("IO[bytes]", packed) if packed is not None else self._file
        self.bytes = 0

    def write(self, line: bytes) -> None:
        """Append a line; after this the tape can be read up to here, whatever happens.

        Raises:
            TapeFull: it does not fit, and was not written.
        """
        # An upper bound: with what was written before it, a line never packs worse than alone.
        size = len(zlib.compress(line)) if self._is_packed else len(line)
        if self.bytes + size + END_BYTES > self._max:
            raise TapeFull
        self._out.write(line)
        self._out.flush()
        self.bytes = self._file.tell()

    def close(self) -> None:
        """End the file."""
        if self._out is not self._file:
            self._out.close()
        self._file.close()


@dataclass(slots=True)
class Count:
    """What was recorded so far."""

    reads: int = 0
    failed: int = 0


class Recorder(Factory):
    """Makes sources that record what they read.

    Args:
        fetcher: as of every factory.
        tape: where to.
        on_full: called when the tape is full.
        now: monotonic seconds.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        tape: TapeFile,
        *,
        on_full: Callable[[], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(fetcher)
        self.count = Count()
        self._tape = tape
        self._on_full = on_full
        self._now = now
        self._began_s = now()
        self._is_full = False

    def make(
        self, name: str, settings: SourceTable, *, channel: str, values: Mapping[str, str]
    ) -> Source:
        """The source of these settings, recording."""
        redactor = Redactor(secrets_of(settings))
        if not isinstance(settings, HttpSettings | FeedSettings):
            source = super().make(name, settings, channel=channel, values=values)
            return _Recording(self, name, source, None, redactor)
        tap = _Tap(self.fetcher)
        source = HttpSource(settings, tap, channel=channel, values=values)
        return _Recording(self, name, source, tap, redactor)

    def begin(self, head: Head) -> None:
        """Write the first line."""
        self._began_s = self._now()
        self._write(write_head(head))

    def take(self, read: Read, redactor: Redactor) -> None:
        """Write a read."""
        self.count.reads += 1
        self.count.failed += read.error is not None or any(a.error for a in read.answers or ())
        self._write(write_read(read, redactor))

    def _write(self, line: bytes) -> None:
        if self._is_full:
            return
        try:
            self._tape.write(line)
        except TapeFull:
            self._is_full = True
            self._on_full()

    @property
    def elapsed_s(self) -> float:
        """Since the first line."""
        return self._now() - self._began_s


class _Tap:
    """A fetcher that keeps what was answered, until it is asked for it."""

    def __init__(self, inner: Getter) -> None:
        self._inner = inner
        self.answers: list[Answer] = []

    async def get(self, request: Request) -> Response:
        try:
            response = await self._inner.get(request)
        except SourceError as error:
            self.answers.append(Answer(request.public_url, error.status, error=error))
            raise
        self.answers.append(
            Answer(
                request.public_url,
                response.status,
                response.content_type,
                response.body,
                etag=response.validators.etag,
                last_modified=response.validators.last_modified,
                min_delay_s=response.hints.min_delay_s,
            )
        )
        return response


class _Recording:
    """One source, recorded."""

    def __init__(
        self, recorder: Recorder, name: str, inner: Source, tap: _Tap | None, redactor: Redactor
    ) -> None:
        self._recorder = recorder
        self._name = name
        self._inner = inner
        self._tap = tap
        self._redactor = redactor

    async def poll(self, state: PollState) -> Poll:
        """Read once, and put it on the tape."""
        try:
            poll = await self._inner.poll(state)
        except SourceError as error:
            answers = self._answers()
            self._take(state, answers=answers, error=None if answers else error)
            raise
        keyed = poll.keyed
        if self._tap is not None:
            self._take(state, answers=self._answers())
        elif keyed is not None:
            self._take(state, items=keyed.items, key=keyed.key)
        else:
            self._take(state)
        return poll

    async def aclose(self) -> None:
        """Let go of what the source holds open."""
        await close(self._inner)

    def _answers(self) -> list[Answer] | None:
        if self._tap is None:
            return None
        answers, self._tap.answers = self._tap.answers, []
        return answers

    def _take(self, state: PollState, **what: Any) -> None:
        read = Read(self._recorder.elapsed_s, self._name, tuple(state.keys), **what)
        self._recorder.take(read, self._redactor)


def secrets_of(settings: SourceTable) -> list[str]:
    """What must not appear on a tape of this source."""
    secrets: list[str] = []
    if isinstance(settings, FetchedSettings):
        secrets += likely_secrets(settings.params) + likely_secrets(settings.headers)
        if settings.auth is not None:
            secrets += [*settings.auth.params().values(), *settings.auth.headers().values()]
    if isinstance(settings, SqlSettings):
        secrets += [settings.address]
    return secrets


def table_of(settings: SourceTable, *, channel: str, values: Mapping[str, str]) -> dict[str, Any]:
    """What the tape's first line says of a source: all that its reads need to be read again."""
    redactor = Redactor(secrets_of(settings))
    table: dict[str, Any] = settings.model_dump(mode="json", exclude_defaults=True)
    table["channel"] = channel
    for name in ("match", "demand", "linger", "quota"):
        table.pop(name, None)
    if isinstance(settings, HttpSettings | FeedSettings):
        # A preset, too: filled in it is a table of kind http, which needs no key to be read.
        table["kind"] = "http" if isinstance(settings, HttpSettings) else "feed"
        return redactor.table(table | _filled(settings, values))
    names = ("kind", "channel", "query", "every")
    shown: dict[str, Any] = {name: table[name] for name in names if name in table}
    return redactor.table(shown) | {"traits": Traits.of(settings).record()}


def _filled(settings: HttpSettings | FeedSettings, values: Mapping[str, str]) -> dict[str, Any]:
    """The texts of a table with the placeholders of its channel filled."""
    filled: dict[str, Any] = {"url": Template(settings.url).fill(values)}
    filled["params"] = {k: Template(v).fill_text(values) for k, v in settings.params.items()}
    if isinstance(settings, HttpSettings):
        own = {**values, ADDED_KEY: f"{{{ADDED_KEY}}}"}
        filled["add"] = {k: Template(v).fill_text(own) for k, v in settings.add.items()}
    if isinstance(settings, HttpSettings) and settings.detail is not None:
        hole = f"{{{ITEM_KEY}}}"
        url = hole.join(Template(part).fill(values) for part in settings.detail.url.split(hole))
        filled["detail"] = settings.detail.model_dump(mode="json") | {"url": url}
    return filled
