"""A line asks over a connection that is kept while it is good, and holds a flood back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from stream.answer import BadAnswer
from stream.connection import MAX_BUFFERED_BYTES, Connection, Line
from tests.fetching import OK, head
from tests.upstream import RawUpstream
from tests.waiting import until

ASK = b"GET /q HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture
async def line(raw: RawUpstream) -> AsyncIterator[Line]:
    async def connect() -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", raw.port)
        return connection

    line = Line(connect)
    yield line
    line.close()


async def asked(line: Line) -> bytes:
    """The whole body of the next answer."""
    try:
        await line.ask(ASK)
        pieces = []
        while piece := await line.read():
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        line.finish()


async def test_a_head_is_there_before_its_body(raw: RawUpstream, line: Line) -> None:
    go_on = asyncio.Event()

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head("Content-Length: 4", "ETag: e"))
        await go_on.wait()
        writer.write(b"[12]")

    raw.set("/q", script)
    answer = await line.ask(ASK)
    assert (answer.status, answer.headers["etag"]) == (200, "e")
    go_on.set()
    assert await line.read() == b"[12]"
    assert await line.read() == b""


async def test_who_sends_more_than_is_taken_is_held_back(raw: RawUpstream, line: Line) -> None:
    total = 32 * 2**20
    raw.set("/q", head(f"Content-Length: {total}") + bytes(total))
    answer = await line.ask(ASK)
    received = 0
    while piece := await line.read():
        received += len(piece)
        for _ in range(20):  # turns of the loop in which more could come
            await asyncio.sleep(0)
        assert answer.buffered <= MAX_BUFFERED_BYTES + 2**18
    assert received == total


async def test_what_comes_when_nobody_asked_is_no_answer(raw: RawUpstream, line: Line) -> None:
    go_on, gone = asyncio.Event(), asyncio.Event()

    async def forge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await go_on.wait()
        writer.write(head("Content-Length: 6") + b"forged")
        await reader.read()
        gone.set()

    raw.set("/q", forge)
    assert await asked(line) == b"[]"
    go_on.set()
    await until(gone.is_set, what="the end of that connection")
    raw.set("/q", OK)
    assert await asked(line) == b"[]"
    assert raw.connections == 2


async def test_a_second_answer_behind_the_first_is_nobodys(raw: RawUpstream, line: Line) -> None:
    raw.set("/q", OK + head("Content-Length: 6") + b"forged")
    for _ in range(2):
        assert await asked(line) == b"[]"
    assert raw.connections == 2


async def test_a_kept_connection_that_breaks_amid_an_answer_is_not_asked_again(
    raw: RawUpstream, line: Line
) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await raw.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nConte")

    raw.set("/q", break_off)
    assert await asked(line) == b"[]"
    with pytest.raises(BadAnswer):
        await asked(line)
    assert len(raw.heads("/q")) == 2
    assert await asked(line) == b"[]"


async def test_an_answer_that_is_not_wanted_any_more_ends_its_connection(
    raw: RawUpstream, line: Line
) -> None:
    gone = asyncio.Event()

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head("Content-Length: 9") + b"[")
        await reader.read()
        gone.set()

    raw.set("/q", half)
    await line.ask(ASK)
    line.finish()
    await until(gone.is_set, what="its end")


async def test_a_large_answer_that_nobody_takes_does_not_hold_up_the_next(
    raw: RawUpstream, line: Line
) -> None:
    large = MAX_BUFFERED_BYTES + 2**13

    async def serve_two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head(f"Content-Length: {large}") + bytes(large))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await raw.read_head(reader)
            writer.write(OK)

    raw.set("/q", serve_two)
    answer = await line.ask(ASK)
    await until(lambda: answer.buffered > MAX_BUFFERED_BYTES, what="a full buffer")
    line.finish()
    raw.set("/q", OK)
    assert await asked(line) == b"[]"


async def test_a_connection_that_nobody_asks_is_closed_in_time_but_none_in_use(
    raw: RawUpstream, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.connection.KEEP_ALIVE_S", 0.05)
    clock, go_on, gone = asyncio.get_running_loop().time, asyncio.Event(), asyncio.Event()

    async def serve_two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await raw.read_head(reader)
        await go_on.wait()
        writer.write(OK)
        await reader.read()
        gone.set()

    raw.set("/q", serve_two)
    assert await asked(line) == b"[]"
    second = asyncio.create_task(asked(line))
    await raw_heads(raw, 2)
    until_s = clock() + 0.1
    await until(lambda: clock() > until_s, what="more time than a connection is kept")
    assert not gone.is_set()
    go_on.set()
    assert await second == b"[]"
    await until(gone.is_set, what="the end of what nobody uses")
    assert raw.connections == 1


@pytest.mark.parametrize("late", [OK.replace(b"[]", b"{}"), b""], ids=["an answer", "a goodbye"])
async def test_what_waits_unread_in_a_kept_connection_is_no_answer_to_the_next_request(
    late: bytes,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        made: list[Connection] = []

        async def connect() -> Connection:
            loop, address = asyncio.get_running_loop(), listener.getsockname()
            made.append((await loop.create_connection(Connection, *address))[1])
            return made[-1]

        line = Line(connect)
        for _ in range(2):
            asking = asyncio.create_task(asked(line))
            peer, _ = await asyncio.to_thread(listener.accept)
            with peer:
                await asyncio.to_thread(peer.recv, 4096)
                peer.sendall(OK)
                assert await asking == b"[]"
                # From here to the next request the loop does not turn, and cannot see this.
                peer.sendall(late)
        line.close()
    assert len(made) == 2


async def raw_heads(raw: RawUpstream, count: int) -> None:
    await until(lambda: len(raw.heads("/q")) == count, what=f"request {count}")
