"""Any JSON, or any feed, over HTTP: which requests one read takes, and one answer of them all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from stream.errors import SourceError
from stream.exchange import Getter, Response, Validators
from stream.extract import Rules
from stream.fetched_settings import FeedSettings, HttpSettings
from stream.identity import Keyed, KeyRule
from stream.model import ADDED_KEY
from stream.query import Query, compile_query
from stream.reader import FeedReader, JsonReader
from stream.schedule import Hints
from stream.sources.asking import Asking, Batch
from stream.sources.base import Poll, PollState
from stream.sources.counted import Counted
from stream.sources.detail import DetailSource

THREAD_BYTES: Final = 64 * 1024
"""Bodies above this are read in a thread, so that the loop stays free for sockets."""
ABOUT_THE_KEYS: Final = frozenset({"error_in_body", "http_400", "http_404"})
"""Faults that say something of the keys asked for, not of the upstream."""


class HttpSource:
    """One HTTP source, or one instance of a parametrised one.

    Args:
        settings: its table.
        fetcher: shared by all sources.
        channel: the channel's name, the key of a single object that has none.
        values: what the placeholders stand for.
    """

    def __init__(
        self,
        settings: HttpSettings | FeedSettings,
        fetcher: Getter,
        *,
        channel: str,
        values: Mapping[str, str],
    ) -> None:
        self._fetcher = Counted(fetcher)
        self._asking = Asking(settings, values)
        self._most: int | None = None
        self._details: DetailSource | None = None
        self._reader: JsonReader | FeedReader
        if isinstance(settings, HttpSettings):
            self._reader = _json_reader(settings, channel)
            self._most = settings.keys.max if settings.keys is not None else None
            if settings.detail is not None:
                self._details = DetailSource(
                    settings.detail, self._fetcher, self._asking, self._reader
                )
        else:
            drop, select = _query(settings.drop), _query(settings.select)
            base = self._asking.request().public_url
            self._reader = FeedReader(drop, select, settings.content, base)
        self._validators: dict[Batch, Validators] = {}
        self._found: str | None = None
        self._hints = Hints()
        self._last: dict[Batch, Keyed] = {}

    async def poll(self, state: PollState) -> Poll:
        """Read once: one request, or one per batch of watched keys, or a list and its items."""
        self._fetcher.tell, self._fetcher.sent = state.count, 0
        try:
            if self._details is not None:
                return await self._details.poll()
            if self._most is None:
                return await self._poll_one(())
            wanted = sorted(state.keys)
            starts = range(0, len(wanted), self._most)
            return await self._poll_all([tuple(wanted[at : at + self._most]) for at in starts])
        except SourceError as error:
            raise SourceError(
                error.kind,
                self._asking.redacted(error.message),
                retry_after_s=error.retry_after_s,
                status=error.status,
                was_sent=error.was_sent or self._fetcher.sent > 0,
            ) from None

    async def _poll_all(self, batches: Sequence[Batch]) -> Poll:
        """A request for each batch. One that asks for what does not exist fails alone."""
        polls: list[Poll] = []
        first: SourceError | None = None
        for batch in batches:
            try:
                polls.append(await self._poll_one(batch))
            except SourceError as error:
                if error.kind not in ABOUT_THE_KEYS:
                    raise
                first = first or error
                self._forget(batch)
        if first is not None and not polls:
            raise first
        for batch in set(self._validators) - set(batches):
            self._forget(batch)
        return self._joined(batches, polls)

    def _forget(self, batch: Batch) -> None:
        self._validators.pop(batch, None)
        self._last.pop(batch, None)

    def _joined(self, batches: Sequence[Batch], polls: Sequence[Poll]) -> Poll:
        """All batches as one answer; a batch that did not change counts as it was."""
        parts = [self._last[batch] for batch in batches if batch in self._last]
        items = {key: item for part in parts for key, item in part.items.items()}
        key = parts[0].key if parts else (self._found or ADDED_KEY)
        duplicates = sum(part.duplicates for part in parts)
        skipped = sum(part.skipped for part in parts) + len(batches) - len(polls)
        hints = Hints()
        for poll in polls:
            hints = hints.slower(poll.hints)
        return Poll(
            Keyed(items, key, duplicates, skipped, self._found),
            hints,
            sum(poll.received_bytes for poll in polls),
            requests=max(1, len(batches)),
        )

    async def _poll_one(self, batch: Batch) -> Poll:
        request = self._asking.request(batch, self._validators.get(batch))
        response = await self._fetcher.get(request)
        keyed = None
        if response.body is not None:
            read = partial(self._keyed, response, response.body, batch)
            # Feeds always: their parser is slow, and slower still on what is no feed.
            beside = _is_large(response.body) or isinstance(self._reader, FeedReader)
            keyed, self._hints = await asyncio.to_thread(read) if beside else read()
            self._found = keyed.found
            if batch:
                self._last[batch] = keyed
        # Only now: the validators of a body that could not be read would make it "unchanged".
        self._validators[batch] = response.validators
        hints = response.hints.slower(self._hints)
        return Poll(keyed, hints, response.received_bytes, response.not_modified)

    def _keyed(self, response: Response, body: bytes, batch: Batch) -> tuple[Keyed, Hints]:
        if isinstance(self._reader, FeedReader):
            return self._reader.keyed(body, response.content_type)
        add = self._asking.add(batch)
        keyed = self._reader.keyed(body, response.content_type, found=self._found, add=add)
        return keyed, Hints()


def key_rule(key: str | Sequence[str] | None) -> KeyRule:
    """The rule for a ``key`` setting."""
    if key is None:
        return KeyRule()
    return KeyRule((key,) if isinstance(key, str) else tuple(key))


def _json_reader(settings: HttpSettings, channel: str) -> JsonReader:
    return JsonReader(
        Rules(
            items=_query(settings.items),
            select=_query(settings.select),
            drop=_query(settings.drop),
            error_when=_query(settings.error_when),
        ),
        key_rule(settings.key),
        settings.conversions(),
        single=channel,
        rank=settings.rank,
    )


def _query(text: str | None) -> Query | None:
    return None if text is None else compile_query(text)


def _is_large(body: bytes) -> bool:
    return len(body) > THREAD_BYTES
