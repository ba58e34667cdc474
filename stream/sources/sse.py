"""An upstream event stream: held open, watched for silence, resumed where it was cut.

`poll` returns when something came, so its caller waits in it; between two calls the upstream is
held back by TCP alone. How bytes become events is for ``eventstream.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from stream.errors import SourceError
from stream.eventstream import Event, EventStream
from stream.exchange import Held, Request
from stream.extract import Container, Rules, extract, parse_json
from stream.fetch import Fetcher
from stream.hold import hold
from stream.identity import MAX_KEY, Keyed, identify
from stream.model import ADDED_KEY, Item, Key
from stream.query import compile_optional
from stream.redact import redacted
from stream.source_settings import SseSettings
from stream.sources.base import Poll, PollState
from stream.sources.http import key_rule
from stream.template import Template

MAX_BATCH: Final = 1000
"""Events after which what was gathered is published, should more come than time to look up."""
HELLO_S: Final = 1.0
"""How long a fresh stream may wait with its first event before it is called well; and how often at
most a sign of life without an event is told."""
RETRY_S: Final = 1.0
"""The wait before a stream that was cut is opened again, where the upstream names none."""
STEADY_S: Final = 5.0
"""A connection that held so long was a good one, though no event came."""
_FORGET_ID: Final = frozenset({400, 410, 412, 416})
"""Answers that may mean: such an id is not known here."""


@dataclass(slots=True)
class _Line:
    """One connection that is open."""

    held: Held
    stream: EventStream
    since_s: float
    heard_s: float
    events: int = 0
    is_greeted: bool = False
    pending: asyncio.Task[bytes] | None = None
    fault: SourceError | None = None


@dataclass(slots=True)
class _Batch:
    """The items of some events: what came last of each key."""

    items: dict[Key, Item] = field(default_factory=dict)
    key: str | None = None
    events: int = 0
    received_bytes: int = 0
    skipped: int = 0
    fault: SourceError | None = None

    def put(self, keyed: Keyed) -> None:
        if self.key not in (None, keyed.key) and self.key != ADDED_KEY:
            self.items = {name: {ADDED_KEY: name, **item} for name, item in self.items.items()}
            self.key = ADDED_KEY
        is_other = self.key is not None and keyed.key != self.key
        for name, item in keyed.items.items():
            self.items.pop(name, None)
            self.items[name] = {ADDED_KEY: name, **item} if is_other else item
        self.key = self.key or keyed.key
        self.skipped += keyed.skipped

    def poll(self, found: str | None) -> Poll:
        if self.fault is not None and not self.items:
            raise self.fault
        # The newest first, as in every other answer: where there is no order to go by, the first
        # are kept.
        items = dict(reversed(self.items.items()))
        keyed = Keyed(items, self.key or ADDED_KEY, 0, self.skipped, found) if items else None
        return Poll(keyed, received_bytes=self.received_bytes)


class SseSource:
    """One event stream, or one instance of a parametrised one.

    Args:
        settings: its table.
        fetcher: holds the connection.
        channel: the channel's name.
        values: what the placeholders stand for.
        draw: a uniform draw from [0, 1).
    """

    def __init__(
        self,
        settings: SseSettings,
        fetcher: Fetcher,
        *,
        channel: str,
        values: Mapping[str, str],
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._channel = channel
        self._url = Template(settings.url).fill(values)
        self._params = {k: Template(v).fill_text(values) for k, v in settings.params.items()}
        self._rules = _rules(settings)
        self._rule = key_rule(settings.key)
        self._draw = draw
        self._open = contextlib.AsyncExitStack()
        self._line: _Line | None = None
        self._last_id = ""
        self._retry_s: float | None = None
        self._pause_s = 0.0
        self._is_over = False
        self._found: str | None = None

    async def poll(self, state: PollState) -> Poll:
        """Wait for what comes next.

        Returns:
            The items of the events of a moment; none for a sign of life.
        """
        if self._is_over:
            await asyncio.Event().wait()
        try:
            if self._line is None:
                await self._connect()
            return (await self._gather()).poll(self._found)
        except SourceError as error:
            raise self._told(error) from None
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Hang up."""
        line, self._line = self._line, None
        if line is not None:
            if line.pending is not None:
                line.pending.cancel()
                await asyncio.gather(line.pending, return_exceptions=True)
            await line.held.chunks.aclose()
        await self._open.aclose()

    def _told(self, error: SourceError) -> SourceError:
        auth = self._settings.auth
        secrets = [] if auth is None else [*auth.params().values(), *auth.headers().values()]
        asked = [s for s in (error.retry_after_s, self._retry_s) if s is not None]
        return SourceError(
            error.kind,
            redacted(error.message, secrets),
            retry_after_s=max(asked, default=None) if self._line is None else None,
            status=error.status,
            was_sent=error.was_sent,
        )

    async def _connect(self) -> None:
        await asyncio.sleep(self._pause_s)
        self._pause_s = 0.0
        try:
            held = await self._open.enter_async_context(hold(self._fetcher, self._request()))
            self._check(held)
        except SourceError as error:
            if error.status in _FORGET_ID:
                self._last_id = ""
            await self.aclose()
            raise
        now = asyncio.get_running_loop().time()
        limit = self._settings.max_bytes
        stream = EventStream(max_event_bytes=limit, last_id=self._last_id)
        self._line = _Line(held, stream, now, now)

    def _check(self, held: Held) -> None:
        if held.status == 204:
            self._is_over = True
            raise SourceError(
                f"http_{held.status}", "the upstream ended this stream for good", status=204
            )
        kind = held.content_type.partition(";")[0].strip().lower()
        if kind != "text/event-stream":
            found = kind[:64] or "something without a type"
            raise SourceError("wrong_shape", f"expected an event stream, found {found}")

    def _request(self) -> Request:
        settings = self._settings
        auth = settings.auth
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store", **settings.headers}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        return Request(
            url=self._url,
            params=self._params,
            headers=headers,
            secret_headers=auth.headers() if auth is not None else {},
            secret_params=auth.params() if auth is not None else {},
            timeout_s=settings.timeout,
        )

    async def _gather(self) -> _Batch:
        """What comes, until there are items and their moment is over, or a sign of life to tell."""
        line = self._line
        assert line is not None  # noqa: S101  (opened by `poll`)
        loop = asyncio.get_running_loop()
        batch = _Batch()
        started = loop.time()
        until = None if line.is_greeted else started + HELLO_S
        line.is_greeted = True
        while True:
            silent_at = line.heard_s + self._settings.silence
            chunk = await self._chunk(line, min(silent_at, until or silent_at) - loop.time())
            now = loop.time()
            if chunk is None:
                # Which of the two it waited for, and not what time it is: a timer may come early.
                if until is not None and until <= silent_at:
                    return batch
                await self.aclose()
                message = f"nothing came for {self._settings.silence:g} s"
                raise SourceError("silence", message)
            if not chunk:
                return await self._cut(line, batch)
            line.heard_s = now
            had = batch.events
            await self._take(line, chunk, batch)
            if batch.events >= MAX_BATCH or (until is not None and now >= until):
                return batch
            if batch.events and not had:
                until = now + self._settings.every
            elif not batch.events and now - started >= HELLO_S:
                return batch

    async def _chunk(self, line: _Line, within_s: float) -> bytes | None:
        """The next bytes; none of them at the stream's end, None where nothing came in time."""
        if line.pending is None:
            line.pending = asyncio.create_task(_next(line.held.chunks))
        done, _ = await asyncio.wait({line.pending}, timeout=max(0.0, within_s))
        if not done:
            return None
        pending, line.pending = line.pending, None
        try:
            return pending.result()
        except SourceError as error:
            line.fault = error
            return b""

    async def _cut(self, line: _Line, batch: _Batch) -> _Batch:
        """The stream ended. That is how such streams live: it is opened again, soon."""
        now = asyncio.get_running_loop().time()
        was_good = line.events > 0 or now - line.since_s >= STEADY_S
        await self.aclose()
        if not was_good:
            raise line.fault or SourceError("cut", "the stream ended before an event came")
        wait_s = RETRY_S if self._retry_s is None else self._retry_s
        self._pause_s = wait_s + self._draw() * max(wait_s, RETRY_S)
        return batch

    async def _take(self, line: _Line, chunk: bytes, batch: _Batch) -> None:
        batch.received_bytes += len(chunk)
        try:
            events = line.stream.feed(chunk)
        except SourceError:
            await self.aclose()
            raise
        self._last_id, self._retry_s = line.stream.last_id, line.stream.retry_s
        wanted = self._settings.event
        for event in events:
            line.events += 1
            if wanted and event.name not in wanted:
                continue
            batch.events += 1
            try:
                keyed = self._keyed(event)
            except SourceError as error:
                batch.skipped += 1
                batch.fault = error
                continue
            if keyed is not None:
                batch.put(keyed)

    def _keyed(self, event: Event) -> Keyed | None:
        # Nothing and null are what some servers send to keep a connection alive.
        document = parse_json(event.data.encode()) if event.data else None
        if document is None:
            return None
        rules = self._rules
        if rules.items is None and isinstance(document, dict):
            rules = replace(rules, container=Container.OBJECT)
        extracted = extract(document, rules)
        name = event.id or ""
        if extracted.container is Container.OBJECT and not (0 < len(name) <= MAX_KEY):
            extracted = replace(extracted, container=Container.LIST)
        keyed = identify(extracted, self._rule, found=self._found, single=name)
        self._found = keyed.found
        return keyed


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    """The next bytes that are some; none at the end."""
    async for chunk in chunks:
        if chunk:
            return chunk
    return b""


def _rules(settings: SseSettings) -> Rules:
    return Rules(
        items=compile_optional(settings.items),
        select=compile_optional(settings.select),
        drop=compile_optional(settings.drop),
        error_when=compile_optional(settings.error_when),
    )
