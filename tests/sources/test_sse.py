"""An upstream event stream, from real servers on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from stream.errors import SourceError
from stream.fetch import Fetcher
from stream.source_settings import SseSettings
from stream.sources import sse
from stream.sources.base import Poll, PollState
from stream.sources.sse import SseSource
from tests.upstream import RawScript, RawUpstream
from tests.waiting import until

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
Make = Callable[..., SseSource]


@pytest.fixture
async def make(raw: RawUpstream, fetcher: Fetcher) -> AsyncIterator[Make]:
    """Makes sources of the raw upstream, and hangs all of them up at the end."""
    made: list[SseSource] = []

    def source(*, fast: dict[str, Any] | None = None, **table: Any) -> SseSource:
        rows = {"kind": "sse", "channel": "s", "url": raw.url("/s"), "every": 0.02} | table
        settings = SseSettings.model_validate(rows, context={"secret": _secret})
        settings = settings.model_copy(update=fast or {})
        one = SseSource(settings, fetcher, channel="s", values={}, draw=lambda: 0.0)
        made.append(one)
        return one

    yield source
    for one in made:
        await one.aclose()


def _secret(holder: str, name: str) -> SecretStr:
    return SecretStr("hunter22")


def sending(*parts: bytes, stay: bool = True) -> RawScript:
    """A script: the head, these parts one by one, and then silence or the end."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if stay:
            await reader.read()

    return script


async def poll(source: SseSource) -> Poll:
    async with asyncio.timeout(5):
        return await source.poll(PollState())


async def items(source: SseSource) -> list[Any]:
    """The items of the next poll that brings any."""
    while (keyed := (await poll(source)).keyed) is None:
        pass
    return list(keyed.items.values())


async def fault(source: SseSource) -> SourceError:
    with pytest.raises(SourceError) as caught:
        while True:
            await poll(source)
    return caught.value


async def test_events_become_items_newest_first_and_one_key_once(
    raw: RawUpstream, make: Make
) -> None:
    raw.set("/s", sending(b'data: {"id":1,"n":1}\n\ndata: {"id":2}\n\ndata: {"id":1,"n":2}\n\n'))
    source = make()
    assert await items(source) == [{"id": 1, "n": 2}, {"id": 2}]
    (head,) = raw.heads("/s")
    assert b"accept: text/event-stream\r\n" in head.lower()
    assert b"accept-encoding: identity\r\n" in head.lower()
    assert b"last-event-id" not in head.lower()


async def test_items_are_found_shaped_and_dropped_as_over_http(
    raw: RawUpstream, make: Make
) -> None:
    raw.set(
        "/s",
        sending(
            b'event: skip\ndata: {"rows":[{"meta":{"id":"no"}}]}\n\n'
            b'event: put\ndata: {"rows":[{"meta":{"id":"a"},"n":1},{"meta":{"id":"b"},"n":9}]}\n\n'
        ),
    )
    source = make(event=["put"], items="rows", key="who", select="{who: meta.id}", drop="n == `9`")
    assert await items(source) == [{"who": "a"}]


async def test_an_event_without_a_key_is_known_by_its_id_or_its_content(
    raw: RawUpstream, make: Make
) -> None:
    raw.set("/s", sending(b'id: e7\ndata: {"n":1}\n\n', b'data: {"n":2}\n\n', b'data: {"n":2}\n\n'))
    rows = await items(make(fast={"every": 0.2}))
    assert [row["n"] for row in rows] == [2, 1]
    assert rows[1] == {"_key": "e7", "n": 1}


async def test_an_object_of_objects_is_one_item(raw: RawUpstream, make: Make) -> None:
    raw.set("/s", sending(b'id: e1\ndata: {"a":{"x":1},"b":{"x":2}}\n\n'))
    assert await items(make()) == [{"_key": "e1", "a": {"x": 1}, "b": {"x": 2}}]


async def test_a_cut_stream_is_resumed_where_it_was_cut(raw: RawUpstream, make: Make) -> None:
    raw.set(
        "/s", sending(b'retry: 1\n\nid: 41\ndata: {"id":1}\n\nid: 42\ndata: {"id":2', stay=False)
    )
    source = make()
    assert await items(source) == [{"id": 1}]
    raw.set("/s", sending(b'id: 42\ndata: {"id":2}\n\n'))
    assert await items(source) == [{"id": 2}]
    assert b"last-event-id: 41\r\n" in raw.heads("/s")[1].lower()


async def test_a_cut_stream_is_not_opened_again_before_the_upstream_wishes(
    raw: RawUpstream, make: Make
) -> None:
    loop = asyncio.get_running_loop()
    at_s: list[float] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_s.append(loop.time())
        writer.write(HEAD + b'retry: 200\n\ndata: {"id":%d}\n\n' % len(at_s))

    raw.set("/s", script)
    source = make()
    assert [await items(source), await items(source)] == [[{"id": 1}], [{"id": 2}]]
    assert at_s[1] - at_s[0] >= 0.2


async def test_an_id_that_the_upstream_does_not_know_is_forgotten(
    raw: RawUpstream, make: Make
) -> None:
    raw.set("/s", sending(b'retry: 1\n\nid: 41\ndata: {"id":1}\n\n', stay=False))
    source = make()
    await items(source)
    raw.set("/s", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    assert (await fault(source)).kind == "http_400"
    raw.set("/s", sending(b'data: {"id":2}\n\n'))
    assert await items(source) == [{"id": 2}]
    assert b"last-event-id" not in raw.heads("/s")[-1].lower()


async def test_204_ends_it_for_good(raw: RawUpstream, make: Make) -> None:
    raw.set("/s", b"HTTP/1.1 204 No Content\r\n\r\n")
    source = make()
    error = await fault(source)
    assert (error.kind, error.message) == ("http_204", "the upstream ended this stream for good")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await source.poll(PollState())
    assert raw.connections == 1


@pytest.mark.parametrize(
    ("answer", "kind", "asked_s"),
    [
        (b"HTTP/1.1 503 x\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n", "http_503", 9.0),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", "wrong_shape", None),
        (b"HTTP/1.1 200 OK\r\n\r\n", "wrong_shape", None),
        (HEAD, "cut", None),
        (HEAD + b": hello\n\n", "cut", None),
        (HEAD[:-2] + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b", "bad_encoding", None),
        (b"nonsense\r\n\r\n", "protocol", None),
        (HEAD + b"retry: 30000\n\n", "cut", 30.0),
        (HEAD + b"data: " + b"x" * 5000, "too_large", None),
    ],
)
async def test_what_is_no_stream_is_a_fault(
    raw: RawUpstream, make: Make, answer: bytes, kind: str, asked_s: float | None
) -> None:
    raw.set("/s", answer)
    error = await fault(make(max_bytes=1024))
    assert (error.kind, error.retry_after_s) == (kind, asked_s)


async def test_a_head_that_does_not_come_is_a_timeout(raw: RawUpstream, make: Make) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    raw.set("/s", script)
    error = await fault(make(timeout=0.1))
    assert (error.kind, error.message.endswith("in 0.1 s")) == ("timeout", True)


async def test_silence_is_noticed_and_comments_are_no_silence(raw: RawUpstream, make: Make) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b'data: {"id":1}\n\n')
        for _ in range(6):
            await asyncio.sleep(0.05)
            writer.write(b": still here\n\n")
        await reader.read()

    raw.set("/s", script)
    source = make(fast={"silence": 0.2})
    assert await items(source) == [{"id": 1}]
    started = asyncio.get_running_loop().time()
    error = await fault(source)
    assert (error.kind, error.message) == ("silence", "nothing came for 0.2 s")
    assert asyncio.get_running_loop().time() - started >= 0.4
    assert source._line is None


async def test_a_stream_without_events_is_well_but_only_once_without_a_sign(
    raw: RawUpstream, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HELLO_S", 0.05)
    raw.set("/s", sending())
    source = make(fast={"silence": 0.3})
    assert (await poll(source)).keyed is None
    assert (await fault(source)).kind == "silence"


async def test_a_flood_becomes_few_polls_and_nothing_is_lost(raw: RawUpstream, make: Make) -> None:
    flood = b"".join(b'data: {"id":%d}\n\n' % n for n in range(5000))
    raw.set("/s", sending(*(flood[n : n + 7001] for n in range(0, len(flood), 7001))))
    source = make()
    seen: set[int] = set()
    polls = 0
    while len(seen) < 5000:
        seen |= {row["id"] for row in await items(source)}
        polls += 1
    assert seen == set(range(5000))
    assert polls < 100


async def test_garbage_between_events_is_left_out_and_garbage_alone_is_a_fault(
    raw: RawUpstream, make: Make
) -> None:
    raw.set("/s", sending(b'data: {oops\n\ndata: 5\n\ndata: {"id":1}\n\ndata: null\n\ndata:\n\n'))
    source = make()
    found = await poll(source)
    assert found.keyed is not None
    assert (list(found.keyed.items), found.keyed.skipped) == ([1], 2)
    raw.set("/s", sending(b"data: {oops\n\n"))
    other = make(fast={"every": 0.0})
    assert (await fault(other)).kind in ("bad_json",)
    assert raw.connections == 2


async def test_an_event_that_is_an_error_is_told_without_the_secret(
    raw: RawUpstream, make: Make
) -> None:
    raw.set("/s", sending(b'data: {"error":"no such key hunter22"}\n\n'))
    auth = {"query": "token", "env": "TOKEN"}
    error = await fault(make(error_when="error", auth=auth))
    assert (error.kind, error.message) == ("error_in_body", "no such key ***")
    assert b"?token=hunter22 " in raw.heads("/s")[0]


async def test_a_redirect_is_followed(raw: RawUpstream, make: Make) -> None:
    raw.set("/s", b"HTTP/1.1 307 x\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
    raw.set("/other", sending(b'data: {"id":1}\n\n'))
    assert await items(make()) == [{"id": 1}]


async def test_a_poll_that_is_cancelled_hangs_up(raw: RawUpstream, make: Make) -> None:
    gone = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        await reader.read()
        gone.set()

    raw.set("/s", script)
    source = make()
    polling = asyncio.create_task(source.poll(PollState()))
    await until(lambda: source._line is not None, what="the connection")
    polling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await polling
    async with asyncio.timeout(5):
        await gone.wait()


async def test_a_change_of_the_key_field_within_a_batch_keeps_every_item(
    raw: RawUpstream, make: Make
) -> None:
    raw.set("/s", sending(b'data: {"id":1}\n\nid: e2\ndata: {"n":2}\n\n'))
    assert await items(make()) == [{"_key": "e2", "n": 2}, {"_key": 1, "id": 1}]


async def test_a_stream_that_never_rests_is_never_called_silent(
    raw: RawUpstream, make: Make
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        for n in range(10_000):
            writer.write(b'data: {"id":%d}\n\n' % n)
            await writer.drain()
            await asyncio.sleep(0.0005)

    raw.set("/s", script)
    source = make(every=0.01)
    for _ in range(40):
        assert (await poll(source)).keyed is not None
    assert raw.connections == 1


async def test_a_redirect_on_the_way_to_a_stream_is_not_held_with_it(
    raw: RawUpstream, make: Make
) -> None:
    gone = asyncio.Event()

    async def move(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /s\r\nContent-Length: 9\r\n\r\n")
        await reader.read()
        gone.set()

    raw.set("/old", move)
    raw.set("/s", sending(b'data: {"id": 1}\n\n'))
    source = make(url=raw.url("/old"))
    assert (await source.poll(PollState())).keyed is not None
    await until(gone.is_set, what="the end of the connection that only led here")
