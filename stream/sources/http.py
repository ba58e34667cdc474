"""Any JSON, or any feed, over HTTP: request, guarded fetch, extraction, keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from stream.articles import parse_feed
from stream.diff import may_hold_booleans
from stream.errors import SourceError
from stream.exchange import Request, Response, Validators
from stream.extract import Container, Extracted, Rules, extract, parse_json
from stream.feedhints import feed_hints
from stream.fetch import Fetcher
from stream.identity import Keyed, KeyRule, identify
from stream.model import Item
from stream.query import Query, compile_query
from stream.schedule import Hints
from stream.source_settings import FeedSettings, FetchedSettings, HttpSettings
from stream.sources.base import Poll, PollState
from stream.template import KeysTemplate, Template

THREAD_BYTES: Final = 64 * 1024
"""Bodies above this are read in a thread, so that the loop stays free for sockets."""


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
        fetcher: Fetcher,
        *,
        channel: str,
        values: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._url = Template(settings.url).fill(values)
        self._params = {k: Template(v).fill_text(values) for k, v in settings.params.items()}
        self._validators: dict[Sequence[str], Validators] = {}
        self._found: str | None = None
        self._feed_hints = Hints()
        self._read: Callable[[bytes, str], Keyed] = (
            self._json_reader(settings, channel)
            if isinstance(settings, HttpSettings)
            else self._feed_reader(settings)
        )
        self._last: dict[Sequence[str], Keyed] = {}

    async def poll(self, state: PollState) -> Poll:
        """Read once: one request, or one per batch of watched keys."""
        keys = getattr(self._settings, "keys", None)
        if keys is None:
            return await self._poll_one(())
        wanted = sorted(state.keys)
        batches = [tuple(wanted[at : at + keys.max]) for at in range(0, len(wanted), keys.max)]
        polls = [await self._poll_one(batch) for batch in batches]
        self._forget(batches)
        return self._joined(batches, polls)

    def _forget(self, batches: Sequence[Sequence[str]]) -> None:
        for batch in set(self._validators) - set(batches):
            del self._validators[batch]
            self._last.pop(batch, None)

    def _joined(self, batches: Sequence[Sequence[str]], polls: Sequence[Poll]) -> Poll:
        """All batches as one answer; a batch that did not change counts as it was."""
        parts = [self._last[batch] for batch in batches]
        items = {key: item for part in parts for key, item in part.items.items()}
        key = parts[0].key if parts else (self._found or "_key")
        return Poll(
            Keyed(
                items,
                key,
                sum(part.duplicates for part in parts),
                sum(part.skipped for part in parts),
                self._found,
            ),
            Hints(max((p.hints.min_delay_s or 0.0 for p in polls), default=0.0) or None),
            sum(poll.received_bytes for poll in polls),
            requests=len(polls),
        )

    async def _poll_one(self, batch: Sequence[str]) -> Poll:
        try:
            return await self._read_one(batch)
        except SourceError as error:
            # Some upstreams repeat the key they were given in the text of their error.
            raise SourceError(
                error.kind,
                redacted(error.message, self._secrets()),
                retry_after_s=error.retry_after_s,
                status=error.status,
            ) from None

    def _secrets(self) -> list[str]:
        auth = self._settings.auth
        return [] if auth is None else [*auth.params().values(), *auth.headers().values()]

    async def _read_one(self, batch: Sequence[str]) -> Poll:
        response = await self._fetcher.get(self._request(batch))
        keyed = None
        if response.body is not None:
            keyed = await self._keyed(response)
            self._found = keyed.found
            if batch:
                self._last[batch] = keyed
        # Only now: the validators of a body that could not be read would make it "unchanged".
        self._validators[batch] = response.validators
        hints = response.hints.slower(self._feed_hints)
        return Poll(keyed, hints, response.received_bytes, response.not_modified)

    def _request(self, batch: Sequence[str]) -> Request:
        settings = self._settings
        url, params = self._url, self._params
        if batch:
            url = KeysTemplate(url).fill(batch)
            params = {k: KeysTemplate(v).fill_text(batch) for k, v in params.items()}
        auth = settings.auth
        return Request(
            url=url,
            params=params,
            headers=settings.headers,
            secret_headers=auth.headers() if auth is not None else {},
            secret_params=auth.params() if auth is not None else {},
            timeout_s=settings.timeout,
            max_bytes=settings.max_bytes,
            validators=self._validators.get(batch),
        )

    async def _keyed(self, response: Response) -> Keyed:
        body = response.body or b""
        if len(body) > THREAD_BYTES:
            return await asyncio.to_thread(self._read, body, response.content_type)
        return self._read(body, response.content_type)

    def _json_reader(self, settings: HttpSettings, channel: str) -> Callable[[bytes, str], Keyed]:
        rules = Rules(
            items=_query(settings.items),
            select=_query(settings.select),
            drop=_query(settings.drop),
            error_when=_query(settings.error_when),
        )
        rule = key_rule(settings.key)

        def read(body: bytes, content_type: str) -> Keyed:
            extracted = extract(parse_json(body), rules)
            # A query may make booleans of its own.
            is_plain = rules.select is None and not may_hold_booleans(body)
            return identify(
                extracted,
                rule,
                found=self._found,
                single=channel,
                rank=settings.rank,
                plain=is_plain and (rules.items is None or rules.items.is_path),
            )

        return read

    def _feed_reader(self, settings: FeedSettings) -> Callable[[bytes, str], Keyed]:
        drop, select = _query(settings.drop), _query(settings.select)

        def read(body: bytes, content_type: str) -> Keyed:
            feed = parse_feed(body, content_type, content=settings.content)
            self._feed_hints = feed_hints(body, feed.ttl_s)
            articles = shaped(feed.articles, drop, select)
            return identify(Extracted(articles, None, Container.LIST), KeyRule(("id",)))

        return read


def redacted(message: str, secrets: Iterable[str]) -> str:
    """The message without the secrets, should one stand in it."""
    for secret in secrets:
        for part in {secret, secret.removeprefix("Bearer "), secret.removeprefix("Basic ")}:
            message = message.replace(part, "***") if part else message
    return message


def shaped(items: list[Item], drop: Query | None, select: Query | None) -> list[Item]:
    """The items that are not dropped, each as selected."""
    kept = [item for item in items if drop is None or not drop.test(item)]
    if select is None:
        return kept
    return [made for item in kept if isinstance(made := select.search(item), dict)]


def key_rule(key: str | Sequence[str] | None) -> KeyRule:
    """The rule for a ``key`` setting."""
    if key is None:
        return KeyRule()
    return KeyRule((key,) if isinstance(key, str) else tuple(key))


def _query(text: str | None) -> Query | None:
    return None if text is None else compile_query(text)


def is_on_demand(settings: FetchedSettings) -> bool:
    """Whether the source reads only the keys that are watched."""
    return isinstance(settings, HttpSettings) and settings.keys is not None
