"""How a fetch connects, keeps connections, and says why it could not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from starlette.requests import Request as Asked
from starlette.responses import Response as Reply

from stream.errors import SourceError
from stream.fetch import Fetcher, Request, Validators
from tests.fetching import HUSH, OK, fault, head, secretive, self_signed
from tests.upstream import RawUpstream, Upstream, unused_port
from tests.waiting import until


async def test_a_refused_connection_says_where(fetcher: Fetcher) -> None:
    port = unused_port()
    error = await fault(fetcher, secretive(f"http://127.0.0.1:{port}/x"))
    assert (error.kind, error.message) == ("connect", f"connection refused by 127.0.0.1:{port}")


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", ".".join(["x" * 60] * 5)])
async def test_a_name_without_an_address_says_so(fetcher: Fetcher, host: str) -> None:
    error = await fault(fetcher, secretive(f"http://{host}/x"))
    assert error.kind == "dns"
    assert host in error.message


async def test_an_address_nobody_can_connect_to_is_named_with_the_systems_reason(
    fetcher: Fetcher,
) -> None:
    error = await fault(fetcher, secretive("http://255.255.255.255:9/x"))
    assert error.kind == "connect"
    assert error.message.startswith("cannot connect to 255.255.255.255:9: ")


async def test_a_peer_that_does_not_accept_is_given_up_before_the_deadline(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.fetch.CONNECT_TIMEOUT_S", 0.1)
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(3):  # more than its queue holds, so that the next finds no place
            peer = waiting.enter_context(socket.socket())
            peer.setblocking(False)
            peer.connect_ex(address)
        error = await fault(fetcher, secretive(f"http://127.0.0.1:{address[1]}/"))
    assert (error.kind, error.message) == (
        "timeout",
        f"no connection to 127.0.0.1:{address[1]} in 0.1 s",
    )


async def test_a_request_that_breaks_the_protocol_is_not_sent(
    raw: RawUpstream, fetcher: Fetcher
) -> None:
    request = Request(raw.url("/q"), secret_headers={"Content-Length": HUSH})
    assert (await fault(fetcher, request)).kind == "protocol"
    assert raw.heads("/q") == []


async def test_a_connection_is_kept_and_used_again(raw: RawUpstream, fetcher: Fetcher) -> None:
    async def serve_two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await raw.read_head(reader)
        writer.write(OK)

    raw.set("/q", serve_two)
    for _ in range(2):
        assert (await fetcher.get(Request(raw.url("/q")))).body == b"[]"
    assert raw.connections == 1


@pytest.mark.parametrize(
    "first",
    [
        head('ETag: "1"', status="304 Not Modified"),
        head("Location: /end", "Content-Length: 5", status="302 Found") + b"moved",
    ],
)
async def test_a_304_and_a_redirect_leave_the_connection_in_use(
    raw: RawUpstream, fetcher: Fetcher, first: bytes
) -> None:
    async def serve_two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await raw.read_head(reader)
        writer.write(OK)

    raw.set("/q", serve_two)
    shown = Validators(etag='"1"')
    response = await fetcher.get(Request(raw.url("/q"), validators=shown))
    if response.not_modified:
        response = await fetcher.get(Request(raw.url("/q")))
    assert response.body == b"[]"
    assert raw.connections == 1


@pytest.mark.parametrize("has_end", [True, False])
async def test_a_redirect_is_followed_though_its_body_does_not_come(
    raw: RawUpstream, fetcher: Fetcher, has_end: bool
) -> None:
    async def promise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head("Location: /end", "Content-Length: 5", status="302 Found"))
        if not has_end:
            await reader.read()

    raw.set("/q", promise)
    raw.set("/end", OK)
    assert (await fetcher.get(Request(raw.url("/q")))).body == b"[]"


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("where", ["handshake", "tls", "head", "body"])
def test_a_fetch_that_is_cancelled_leaves_no_socket_and_no_task(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop], where: str
) -> None:
    server_tls, client_tls = self_signed(tmp_path)

    async def stop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head("Content-Length: 9") + b"[" if where == "body" else b"")
        await reader.read()

    async def run() -> None:
        fetcher = Fetcher(user_agent="stream", tls=client_tls)
        async with RawUpstream(tls=server_tls if where == "tls" else None) as raw:
            raw.set("/q", stop)
            url = raw.url("/q").replace("http:", "https:" if where == "handshake" else "http:")
            with contextlib.suppress(SourceError):  # so that all is there that stays
                await fetcher.get(Request(url, timeout_s=0.05))
            await until(lambda: not raw.busy, what="quiet")
            before = held()
            for turns in range(40):
                task = asyncio.create_task(fetcher.get(Request(url)))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await until(lambda: held() <= before, what="as much as before")
        await fetcher.aclose()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


def held() -> int:
    """How many descriptors and tasks there are."""
    return len(list(Path("/proc/self/fd").iterdir())) + len(asyncio.all_tasks())


async def test_origins_that_are_no_longer_asked_are_forgotten(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.pools.MAX_PLACES", 1)
    gone = asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await reader.read()
        gone.set()

    async with RawUpstream() as one, RawUpstream() as other:
        one.set("/q", wait_for_the_end)
        other.set("/q", OK)
        await fetcher.get(Request(one.url("/q")))
        assert not gone.is_set()
        await fetcher.get(Request(other.url("/q")))
        await until(gone.is_set, what="the end of the older origin's connection")


async def test_a_kept_connection_closed_just_then_is_not_an_error(
    raw: RawUpstream, fetcher: Fetcher
) -> None:
    async def hang_up_on_the_second(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(OK)
        await raw.read_head(reader)

    raw.set("/q", hang_up_on_the_second)
    for _ in range(3):
        assert (await fetcher.get(Request(raw.url("/q")))).body == b"[]"
    assert raw.connections == 3


async def test_a_fresh_connection_that_gives_nothing_is_not_asked_twice(
    raw: RawUpstream, fetcher: Fetcher
) -> None:
    raw.set("/q", b"")
    error = await fault(fetcher, secretive(raw.url("/q")))
    assert error.kind == "protocol"
    assert len(raw.heads("/q")) == 1


async def test_bytes_beyond_content_length_do_not_poison_the_next_answer(
    raw: RawUpstream, fetcher: Fetcher
) -> None:
    raw.set("/long", head("Content-Length: 2") + b"[]garbage")
    raw.set("/q", OK)
    assert (await fetcher.get(Request(raw.url("/long")))).body == b"[]"
    assert (await fetcher.get(Request(raw.url("/q")))).body == b"[]"


async def test_no_more_fetches_than_allowed_run_at_one_time(upstream: Upstream) -> None:
    running = most = 0
    release = asyncio.Event()

    async def count(_: Asked) -> Reply:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1
        return Reply(b"[]")

    upstream.handle("/q", count)
    fetcher = Fetcher(user_agent="stream", max_connections=2)
    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(fetcher.get(Request(upstream.url("/q"))))
        await upstream.wait_hits("/q", 2)
        release.set()
    assert len(upstream.hits("/q")) == 6
    assert most == 2
    await fetcher.aclose()


async def test_a_cancelled_fetch_gives_its_place_back(upstream: Upstream) -> None:
    upstream.set("/slow", b"[]", delay_s=30)
    upstream.set("/q", [])
    fetcher = Fetcher(user_agent="stream", max_connections=1)
    for _ in range(3):
        task = asyncio.create_task(fetcher.get(Request(upstream.url("/slow"))))
        await upstream.wait_hits("/slow", 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (await fetcher.get(Request(upstream.url("/q")))).body == b"[]"
    await fetcher.aclose()
