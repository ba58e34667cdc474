"""The upstreams that other tests rely on do what they are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from tests.upstream import Answer, RawUpstream, Upstream
from tests.waiting import until


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


async def get(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, headers=headers)


async def texts(url: str, n: int) -> list[str]:
    return [(await get(url)).text for _ in range(n)]


async def test_a_path_told_nothing_is_404_and_recorded(upstream: Upstream) -> None:
    assert (await get(upstream.url("/x?a=1"), Accept="text/plain")).status_code == 404
    (hit,) = upstream.hits("/x")
    assert (hit.method, hit.query["a"], hit.headers["accept"]) == ("GET", "1", "text/plain")
    assert abs(time.monotonic() - hit.at_s) < 5


async def test_an_answer_stays_and_one_for_some_times_comes_before_it(upstream: Upstream) -> None:
    upstream.set("/x", 1)
    upstream.set("/x", 2, times=2)
    assert await texts(upstream.url("/x"), 4) == ["2", "2", "1", "1"]


async def test_a_script_is_played_and_its_last_answer_stays(upstream: Upstream) -> None:
    upstream.script("/x", Answer(1), Answer(b"", status=500), Answer(2))
    assert await texts(upstream.url("/x"), 4) == ["1", "", "2", "2"]


async def test_a_strong_etag_is_answered_with_304(upstream: Upstream) -> None:
    upstream.set("/x", 1, etag=True)
    etag = (await get(upstream.url("/x"))).headers["etag"]
    assert (await get(upstream.url("/x"), **{"If-None-Match": etag})).status_code == 304
    upstream.set("/x", 2, etag=True)
    assert (await get(upstream.url("/x"), **{"If-None-Match": etag})).text == "2"


async def test_a_handler_answers_its_path_and_what_is_below(upstream: Upstream) -> None:
    async def echo(request: Request) -> Response:
        return Response(request.url.path)

    upstream.handle("/user", echo)
    upstream.set("/user/2", "set")
    paths = ["/user", "/user/1", "/users", "/user/2"]
    assert [(await get(upstream.url(path))).text for path in paths] == [
        "/user",
        "/user/1",
        "",
        '"set"',
    ]


async def test_closing_does_not_wait_for_a_slow_answer() -> None:
    async with Upstream() as upstream:
        upstream.set("/x", 1, delay_s=50)
        task = asyncio.create_task(get(upstream.url("/x")))
        await upstream.wait_hits("/x", 1)
        closing = time.monotonic()
    assert time.monotonic() - closing < 5
    await task


async def test_closing_a_raw_upstream_does_not_wait_for_its_scripts() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with RawUpstream() as raw:
        raw.set("/x", hang)
        task = asyncio.create_task(get(raw.url("/x")))
        await until(lambda: raw.heads("/x"), what="the request")
    with pytest.raises(httpx.TransportError):
        await task


async def test_waiting_gives_the_first_true_value() -> None:
    values = iter([0, 0, 7, 8])
    assert await until(lambda: next(values)) == 7


async def test_waiting_in_vain_says_for_what_and_what_was_seen() -> None:
    with pytest.raises(AssertionError, match=r"waited 0\.01 s for: seven; last seen: 0"):
        await until(lambda: 0, within_s=0.01, what="seven")
