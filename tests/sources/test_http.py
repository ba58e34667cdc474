"""One read of JSON over HTTP: batches of watched keys, and what one of them may break."""

from __future__ import annotations

from typing import Any

import pytest

from stream.errors import SourceError
from stream.fetch import Fetcher
from stream.fetched_settings import HttpSettings
from stream.sources.base import Poll, PollState
from stream.sources.http import HttpSource
from tests.upstream import Answer, Upstream

BOTH = PollState(keys=("A", "B"))


def source(upstream: Upstream, fetcher: Fetcher, **more: Any) -> HttpSource:
    table = {
        "kind": "http",
        "url": upstream.url("/{keys[0]}"),
        "keys": {"max": 1},
        "add": {"code": "{keys[0]}"},
        "key": "code",
        "error_when": "error",
        **more,
    }
    return HttpSource(HttpSettings.model_validate(table), fetcher, channel="c", values={})


def items(poll: Poll) -> dict[Any, Any]:
    assert poll.keyed is not None
    return dict(poll.keyed.items)


async def test_each_batch_is_a_request_and_all_are_one_answer(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.set("/A", {"p": 1})
    upstream.set("/B", {"p": 2, "code": None})
    poll = await source(upstream, fetcher).poll(BOTH)
    assert items(poll) == {"A": {"code": "A", "p": 1}, "B": {"code": "B", "p": 2}}
    assert (poll.requests, poll.received_bytes) == (2, len('{"p":1}') + len('{"p":2,"code":null}'))


async def test_each_request_of_a_batch_is_told_of_before_it_is_sent(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    seen: list[int] = []

    def count(requests: int) -> None:
        seen.append(len(upstream.hits("/A")) + len(upstream.hits("/B")))

    upstream.set("/A", {"p": 1})
    upstream.set("/B", b"", status=503)
    with pytest.raises(SourceError) as caught:
        await source(upstream, fetcher).poll(PollState(keys=("A", "B"), count=count))
    assert (seen, caught.value.was_sent) == ([0, 1], True)


async def test_a_read_of_which_nothing_was_sent_says_so(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    told: list[int] = []

    def refuse_the_second(requests: int) -> None:
        if sum(told) == 1 and requests > 0:
            raise SourceError("quota", "used up", was_sent=False)
        told.append(requests)

    upstream.set("/A", {"p": 1})
    for sent in (True, False):
        with pytest.raises(SourceError) as caught:
            await source(upstream, fetcher).poll(PollState(("A", "B"), count=refuse_the_second))
        assert caught.value.was_sent is sent


@pytest.mark.parametrize(
    "answer",
    [Answer({"error": "no such thing"}), Answer(b"", 404), Answer({"error": "x"}, 400)],
)
async def test_what_does_not_exist_fails_alone_and_what_it_was_goes(
    answer: Answer, upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.set("/A", {"p": 1})
    upstream.set("/B", {"p": 2})
    quotes = source(upstream, fetcher)
    await quotes.poll(BOTH)
    upstream.script("/B", answer)
    poll = await quotes.poll(BOTH)
    assert list(items(poll)) == ["A"]
    assert poll.keyed is not None and poll.keyed.skipped == 1


async def test_an_upstream_that_is_down_fails_the_whole_read(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.set("/A", {"p": 1})
    upstream.set("/B", b"", status=503)
    with pytest.raises(SourceError) as caught:
        await source(upstream, fetcher).poll(BOTH)
    assert caught.value.kind == "http_503"


async def test_where_nothing_exists_the_read_has_failed(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    for path in ("/A", "/B"):
        upstream.set(path, {"error": f"no {path}"})
    with pytest.raises(SourceError, match="no /A"):
        await source(upstream, fetcher).poll(BOTH)


async def test_a_batch_that_did_not_change_counts_as_it_was(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.set("/A", {"p": 1}, etag=True)
    upstream.set("/B", {"p": 2})
    quotes = source(upstream, fetcher)
    await quotes.poll(BOTH)
    upstream.set("/B", {"p": 3})
    assert items(await quotes.poll(BOTH)) == {
        "A": {"code": "A", "p": 1},
        "B": {"code": "B", "p": 3},
    }
