"""A list that only names its items, read from a real server: ids, then the items."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stream.errors import SourceError
from stream.fetch import Fetcher
from stream.identity import KeyRule
from stream.reader import JsonReader
from stream.source_settings import HttpSettings
from stream.sources.asking import Asking
from stream.sources.base import Poll, PollState
from stream.sources.detail import DetailSource
from stream.sources.http import HttpSource
from tests.upstream import Answer, Upstream


def source(upstream: Upstream, fetcher: Fetcher, detail: Any = None, **more: Any) -> HttpSource:
    table = {"kind": "http", "url": upstream.url("/ids"), "key": "id", "rank": True, **more}
    table["detail"] = {"url": upstream.url("/item/{key}"), **(detail or {})}
    settings = HttpSettings.model_validate(table)
    return HttpSource(settings, fetcher, channel="c", values={})


def stories(upstream: Upstream, *numbers: int) -> None:
    upstream.set("/ids", list(numbers))
    for number in numbers:
        upstream.set(f"/item/{number}", {"id": number, "score": 1})


def shown(poll: Poll) -> list[object]:
    assert poll.keyed is not None
    return list(poll.keyed.items)


def asked(upstream: Upstream, *numbers: int) -> list[int]:
    return [len(upstream.hits(f"/item/{number}")) for number in numbers]


async def test_only_new_items_are_asked_for(upstream: Upstream, fetcher: Fetcher) -> None:
    stories(upstream, 3, 1, 2)
    hn = source(upstream, fetcher)
    first = await hn.poll(PollState())
    assert first.keyed is not None
    assert first.keyed.items[1] == {"id": 1, "score": 1, "_rank": 2}
    assert shown(first) == [3, 1, 2]
    assert first.requests == 4
    stories(upstream, 4, 3, 1)
    second = await hn.poll(PollState())
    assert shown(second) == [4, 3, 1]
    assert second.requests == 2
    assert asked(upstream, 1, 2, 3, 4) == [1, 1, 1, 1]


async def test_all_requests_count_in_the_bytes(upstream: Upstream, fetcher: Fetcher) -> None:
    stories(upstream, 1, 2)
    poll = await source(upstream, fetcher).poll(PollState())
    assert poll.received_bytes == len(b"[1,2]") + 2 * len(b'{"id":1,"score":1}')


async def test_an_unchanged_list_asks_for_nothing_and_changes_nothing(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    stories(upstream, 1, 2)
    upstream.set("/ids", [1, 2], etag=True)
    hn = source(upstream, fetcher)
    await hn.poll(PollState())
    poll = await hn.poll(PollState())
    assert poll.keyed is None
    assert poll.not_modified
    assert poll.requests == 1


async def test_the_first_of_the_list_are_enough(upstream: Upstream, fetcher: Fetcher) -> None:
    stories(upstream, 1, 2, 3)
    assert shown(await source(upstream, fetcher, {"most": 2}).poll(PollState())) == [1, 2]
    assert asked(upstream, 3) == [0]


async def test_an_item_that_fails_fails_alone_and_is_tried_again(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    stories(upstream, 1, 2, 3)
    upstream.script("/item/2", Answer(b"oops", 500), Answer({"id": 2}))
    upstream.script("/item/3", Answer(b"{"), Answer({"id": 3}))
    hn = source(upstream, fetcher)
    first = await hn.poll(PollState())
    assert shown(first) == [1]
    assert first.keyed is not None and first.keyed.skipped == 2
    assert shown(await hn.poll(PollState())) == [1, 2, 3]
    assert asked(upstream, 1, 2, 3) == [1, 2, 2]


async def test_what_is_null_gone_or_dropped_is_left_out_and_not_asked_for_again(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    stories(upstream, 1, 2, 3, 4)
    upstream.set("/item/2", b"null")
    upstream.set("/item/3", {"id": 3, "deleted": True})
    upstream.set("/item/4", b"", status=404)
    hn = source(upstream, fetcher, drop="deleted")
    poll = await hn.poll(PollState())
    assert shown(poll) == [1]
    assert poll.keyed is not None and poll.keyed.skipped == 0
    await hn.poll(PollState())
    assert asked(upstream, 2, 3, 4) == [1, 1, 1]


async def test_scores_move_without_a_change_of_the_list(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    stories(upstream, 1, 2)
    now_s = 0.0
    detail = {"url": upstream.url("/item/{key}"), "refresh": "2m"}
    table = {"kind": "http", "url": upstream.url("/ids"), "detail": detail}
    settings = HttpSettings.model_validate(table)
    assert settings.detail is not None
    asking, reader = Asking(settings, {}), JsonReader(key=KeyRule(("id",)))
    hn = DetailSource(settings.detail, fetcher, asking, reader, now=lambda: now_s)
    await hn.poll()
    upstream.set("/item/1", {"id": 1, "score": 9})
    now_s = 60.0
    poll = await hn.poll()
    assert poll.keyed is not None
    assert poll.keyed.items[1] == {"id": 1, "score": 9}
    assert asked(upstream, 1, 2) == [2, 1]


async def test_no_more_than_so_many_are_asked_for_at_one_time(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    now, most = 0, 0

    async def item(request: Request) -> Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return JSONResponse({"id": int(request.url.path.rpartition("/")[2])})

    upstream.set("/ids", list(range(1, 21)))
    upstream.handle("/item", item)
    poll = await source(upstream, fetcher, {"concurrency": 2}).poll(PollState())
    assert shown(poll) == list(range(1, 21))
    assert 1 <= most <= 2


async def test_an_upstream_that_wants_peace_is_left_in_peace(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    stories(upstream, 1, 2, 3, 4)
    upstream.set("/item/2", b"", status=429, headers={"Retry-After": "77"})
    poll = await source(upstream, fetcher, {"concurrency": 1}).poll(PollState())
    assert shown(poll) == [1]
    assert asked(upstream, 3, 4) == [0, 0]
    assert poll.hints.min_delay_s == 77.0


async def test_after_some_failures_the_rest_waits(upstream: Upstream, fetcher: Fetcher) -> None:
    upstream.set("/ids", list(range(40)))
    upstream.set("/item/0", {"id": 0})
    for number in range(1, 40):
        upstream.set(f"/item/{number}", b"", status=503)
    poll = await source(upstream, fetcher, {"concurrency": 1}).poll(PollState())
    assert shown(poll) == [0]
    assert poll.requests == 7


async def test_where_no_item_can_be_read_the_read_has_failed(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.set("/ids", [1, 2])
    for number in (1, 2):
        upstream.set(f"/item/{number}", b"", status=503)
    hn = source(upstream, fetcher)
    with pytest.raises(SourceError) as caught:
        await hn.poll(PollState())
    assert caught.value.kind == "http_503"
    stories(upstream, 1, 2)
    assert shown(await hn.poll(PollState())) == [1, 2]


async def test_a_key_cannot_change_the_address(upstream: Upstream, fetcher: Fetcher) -> None:
    upstream.set("/ids", ["../secret", "a?b=c"])
    hn = source(upstream, fetcher)
    await hn.poll(PollState())
    assert upstream.hits("/secret") == []
    assert [hit.query for hit in upstream.hits("/item/a")] == []
