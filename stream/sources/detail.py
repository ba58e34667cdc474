"""The second requests of a list that only names its items: a few at one time, each as guarded as
any other. One that fails fails alone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stream.details import Details
from stream.errors import SourceError
from stream.exchange import Getter, Validators
from stream.fetched_settings import DetailSettings
from stream.model import Key
from stream.reader import JsonReader
from stream.schedule import Hints
from stream.sources.asking import Asking
from stream.sources.base import Poll

log = logging.getLogger("stream.sources.detail")

ENOUGH_FAILURES: Final = 5
"""Failed requests after which the rest waits for the next read: then it is not the items."""
NO_SUCH_ITEM: Final = frozenset({404, 410})


@dataclass(slots=True)
class Round:
    """How the second requests of one read went.

    Attributes:
        calls: how many were made.
        kept: how many of them told what their item is, or that there is none.
        failures: those that failed, in order.
        retry_after_s: how long the upstream asked to be left alone.
    """

    calls: int = 0
    kept: int = 0
    received_bytes: int = 0
    failures: int = 0
    first: SourceError | None = None
    retry_after_s: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether to ask for nothing more for now."""
        return self.retry_after_s is not None or self.failures >= ENOUGH_FAILURES

    def failed(self, error: SourceError) -> None:
        """Count a failure."""
        self.failures += 1
        self.first = self.first or error
        if error.retry_after_s is not None or error.status == 429:
            self.retry_after_s = max(self.retry_after_s or 0.0, error.retry_after_s or 0.0)


class DetailSource:
    """Reads a list, and one by one what is new in it.

    Args:
        settings: the table ``detail``.
        reader: of the list and of its items.
        now: a clock that only goes forward, in seconds.
    """

    def __init__(
        self,
        settings: DetailSettings,
        fetcher: Getter,
        asking: Asking,
        reader: JsonReader,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._concurrency = settings.concurrency
        self._fetcher = fetcher
        self._asking = asking
        self._reader = reader
        self._now = now
        self._details = Details(settings.most, settings.refresh)
        self._validators: Validators | None = None

    async def poll(self) -> Poll:
        """Read the list, then what is new in it and a few of the oldest.

        Raises:
            SourceError: the list could not be read, or none of its items and there is nothing
                from before to show.
        """
        response = await self._fetcher.get(self._asking.request((), self._validators))
        names = None
        if response.body is not None:
            names = self._reader.names(response.body, response.content_type)
        made = await self._ask(self._details.wanted(names, self._now()))
        keyed = None
        if names is not None or made.kept:
            keyed = self._reader.joined(self._details.items(), left_out=made.failures)
        # Only now, as in http.py.
        self._validators = response.validators
        return Poll(
            keyed,
            response.hints.slower(Hints(made.retry_after_s)),
            response.received_bytes + made.received_bytes,
            response.not_modified and not made.calls,
            requests=1 + made.calls,
        )

    async def _ask(self, keys: Sequence[Key]) -> Round:
        made, left = Round(), iter(keys)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._concurrency, len(keys))):
                group.create_task(self._work(left, made))
        if made.first is not None:
            log.info("failed=%d of=%d first=%s", made.failures, made.calls, made.first.kind)
            if not made.kept and not self._details.items():
                raise made.first
        return made

    async def _work(self, left: Iterator[Key], made: Round) -> None:
        for key in left:
            if made.is_over:
                return
            made.calls += 1
            try:
                response = await self._fetcher.get(self._asking.request_item(key))
                item = self._reader.detail(response.body or b"", key, self._asking.add())
            except SourceError as error:
                made.calls -= not error.was_sent
                if error.status not in NO_SUCH_ITEM:
                    made.failed(error)
                    continue
                item = None
            else:
                made.received_bytes += response.received_bytes
            made.kept += 1
            self._details.keep(key, item, self._now())
