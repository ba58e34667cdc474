"""What a fetch does not put up with: slow, giant and broken answers."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from pathlib import Path

import pytest

from stream.fetch import Fetcher, Request
from tests.fetching import OK, fault, head, secretive
from tests.upstream import RawScript, RawUpstream, Upstream


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Type: application/json"))
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def stay_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("script", [drip, drip_head, stay_silent])
async def test_the_deadline_is_for_the_whole_fetch(
    raw: RawUpstream, fetcher: Fetcher, script: RawScript
) -> None:
    raw.set("/q", script)
    started = time.monotonic()
    error = await fault(fetcher, secretive(raw.url("/q"), timeout_s=0.3))
    assert time.monotonic() - started < 3
    assert error.kind == "timeout"
    assert error.message == f"no complete answer from {raw.url('/q')} in 0.3 s"


async def test_redirects_do_not_extend_the_deadline(upstream: Upstream, fetcher: Fetcher) -> None:
    upstream.set("/a", b"", status=302, headers={"Location": "/b"}, delay_s=0.2)
    upstream.set("/b", [], delay_s=30)
    error = await fault(fetcher, Request(upstream.url("/a"), timeout_s=0.4))
    assert error.kind == "timeout"


async def test_a_timed_out_connection_is_not_used_again(raw: RawUpstream, fetcher: Fetcher) -> None:
    raw.set("/slow", stay_silent)
    raw.set("/q", OK)
    await fault(fetcher, Request(raw.url("/slow"), timeout_s=0.1))
    assert (await fetcher.get(Request(raw.url("/q")))).body == b"[]"
    assert raw.connections == 2


@pytest.mark.parametrize("gzipped", [False, True])
async def test_the_cap_counts_decoded_bytes(
    upstream: Upstream, fetcher: Fetcher, gzipped: bool
) -> None:
    headers = {"Content-Encoding": "gzip"} if gzipped else {}
    for size in (1000, 1001):
        body = b"x" * size
        upstream.set(f"/{size}", gzip.compress(body) if gzipped else body, headers=headers)
    fits = await fetcher.get(Request(upstream.url("/1000"), max_bytes=1000))
    assert fits.body == b"x" * 1000
    error = await fault(fetcher, Request(upstream.url("/1001"), max_bytes=1000))
    assert (error.kind, error.message) == ("too_large", "the body is larger than 1000 bytes")


async def test_a_gzip_bomb_is_not_unpacked(upstream: Upstream, fetcher: Fetcher) -> None:
    bomb = gzip.compress(bytes(200 * 2**20), 9)
    upstream.set("/bomb", bomb, headers={"Content-Encoding": "gzip"})
    before = peak_rss_bytes()
    error = await fault(fetcher, Request(upstream.url("/bomb")))
    assert error.kind == "too_large"
    assert peak_rss_bytes() - before < 40 * 2**20


async def test_two_codings_are_refused_before_the_body_is_read(
    raw: RawUpstream, fetcher: Fetcher
) -> None:
    async def never_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head("Content-Encoding: gzip", "Content-Encoding: gzip"))
        await reader.read()

    raw.set("/q", never_end)
    assert (await fault(fetcher, Request(raw.url("/q")))).kind == "bad_encoding"


async def test_an_announced_giant_is_refused_before_it_is_read(
    raw: RawUpstream, fetcher: Fetcher
) -> None:
    async def announce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head("Content-Length: 10000000000"))
        await reader.read()

    raw.set("/q", announce)
    assert (await fault(fetcher, Request(raw.url("/q")))).kind == "too_large"


async def test_an_endless_chunked_body_ends_at_the_cap(raw: RawUpstream, fetcher: Fetcher) -> None:
    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head("Transfer-Encoding: chunked"))
        while True:
            writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
            await writer.drain()

    raw.set("/q", pour)
    assert (await fault(fetcher, Request(raw.url("/q")))).kind == "too_large"


@pytest.mark.parametrize(
    "answer",
    [
        head("Content-Length: 9") + b"[1, 2",
        head("Transfer-Encoding: chunked") + b"3\r\n[1,\r\n",
        head("Transfer-Encoding: chunked") + b"zz\r\n[1]\r\n",
        head("Content-Length: 2, 3") + b"[]",
        head("Content-Length: -2") + b"[]",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"hello, this is not HTTP\r\n\r\n",
        b"GET /q?api_token=hunter2-hunter2 HTTP/1.1\r\n\r\n",
        head("Upgrade: x", status="101 Switching Protocols"),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    ],
)
async def test_a_broken_answer_is_a_protocol_error(
    raw: RawUpstream, fetcher: Fetcher, answer: bytes
) -> None:
    raw.set("/q", answer)
    error = await fault(fetcher, secretive(raw.url("/q")))
    assert error.kind in ("protocol", "http_101")
    assert raw.url("/q") in error.message or error.kind == "http_101"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"[1]" * 99)[:-3]),
        ("gzip", gzip.compress(b"[1]") + b"garbage"),
        ("gzip", b"[1]"),
        ("deflate", zlib.compress(b"[1]" * 99)[:-1]),
        ("br", b"whatever"),
        ("zstd", b"whatever"),
    ],
)
async def test_a_body_that_cannot_be_unpacked_is_an_error(
    upstream: Upstream, fetcher: Fetcher, coding: str, body: bytes
) -> None:
    upstream.set("/q", body, headers={"Content-Encoding": coding})
    assert (await fault(fetcher, Request(upstream.url("/q")))).kind == "bad_encoding"


async def test_a_packed_body_is_unpacked_and_counted_as_packed(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    packed = gzip.compress(b"[1]" * 1000)
    upstream.set("/q", packed, headers={"Content-Encoding": "gzip"})
    response = await fetcher.get(Request(upstream.url("/q")))
    assert response.body == b"[1]" * 1000
    assert response.received_bytes == len(packed)


def peak_rss_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM in /proc/self/status")
