"""What polling costs: 1,000 sources, each read once a second, beside a naive loop.

``python -m bench.polling [--quick] [--tls]``. The upstream is a process of its own on this machine.
Half of its answers are a 304, a quarter the same 4 KB again, a quarter 4 KB with a changed item.
The processor time is that of the reading process alone. The naive loops ask as often, without
conditional requests, parse every answer with `json` and compare it as a whole. With ``--tls`` the
service reads the same over HTTPS instead, beside itself without; its connections are kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias, cast

import httpx
import orjson
import uvloop

from stream import config
from stream.app import build
from tests.certificates import Certified, certify
from tests.waiting import until

Measured: TypeAlias = Callable[[Callable[[], int]], Awaitable[None]]
"""Given how to count reads, waits while it measures."""
Way: TypeAlias = Callable[[list[str], Measured], Coroutine[Any, Any, None]]

SOURCES = 1_000
ITEMS = 16
"""Of 250 bytes each: bodies of 4 KB."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to poll: reads a second, and cores of processor time while it did."""

    name: str
    reads_per_s: float
    cores: float


class Upstream(asyncio.Protocol):
    """HTTP/1.1 in as few steps as will do, so that it never is what is measured."""

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the other end."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._rest += data
        while b"\r\n\r\n" in self._rest:
            head, _, self._rest = self._rest.partition(b"\r\n\r\n")
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1]
        asked = _ASKED[path] = _ASKED.get(path, 0) + 1
        number = int(path[2:])
        # s1, s3, …: never changes and has an ETag. s2, s6, …: never changes. s4, s8, …: changes.
        if number % 2 and b"if-none-match" in head.lower():
            return b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
        body = body_of(number, asked if number % 4 == 0 else 0)
        tag = b'ETag: "1"\r\n' if number % 2 else b""
        head = b"HTTP/1.1 200 OK\r\n%bContent-Type: application/json\r\n" % tag
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


_ASKED: dict[bytes, int] = {}


def body_of(number: int, moved: int) -> bytes:
    """An answer of 4 KB; each time it moved, one item in it has changed."""
    rows = [
        {
            "symbol": f"S{number}-{item}",
            "last": 100.25 + item + (moved if item == moved % ITEMS else 0),
            "open": 99.5,
            "high": 120.75,
            "low": 90.125,
            "volume": 90_000_000 + item,
            "name": "A company of the exchange, common stock, class A, with a name of its own " * 2,
        }
        for item in range(ITEMS)
    ]
    return orjson.dumps(rows)


def addresses(hosts: int) -> list[str]:
    """So many addresses of this machine."""
    return [f"127.0.{n // 250}.{n % 250 + 1}" for n in range(hosts)]


def serve(ready: Connection, hosts: int, certified: Certified | None) -> None:
    """The upstream's process: so many hosts, each an address of its own on this machine."""
    tls = None
    if certified is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certified.cert, certified.key)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        servers = [
            await loop.create_server(Upstream, address, 0, backlog=1000, ssl=tls)
            for address in addresses(hosts)
        ]
        names = [server.sockets[0].getsockname() for server in servers]
        ready.send([f"{address}:{port}" for address, port in names])
        await asyncio.Event().wait()

    uvloop.run(run())


@contextlib.contextmanager
def upstream(hosts: int, certified: Certified | None = None) -> Iterator[list[str]]:
    """A running upstream; its hosts as ``address:port``."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, hosts, certified), daemon=True)
    process.start()
    try:
        if not ours.poll(20):
            raise TimeoutError("the upstream did not start")
        yield ours.recv()
    finally:
        process.kill()
        process.join()


async def service(urls: list[str], measured: Measured) -> None:
    """Ours: the whole way, from the schedule to a published change."""
    tables = [
        f'[sources.s{number}]\nkind = "http"\nkey = "symbol"\nevery = "1s"\nurl = "{url}"\n'
        for number, url in enumerate(urls)
    ]
    made, fetcher = build(config.loads("".join(tables), {}), None)
    pollers = list(made.catalog.pollers())
    async with made.catalog.running():
        # A busy machine takes a while for a thousand handshakes, which are not what is measured.
        await until(lambda: all(poller.tally.polls > 1 for poller in pollers), within_s=60)
        await measured(lambda: sum(poller.tally.polls for poller in pollers))
    failures = sum(poller.tally.failures for poller in pollers)
    await fetcher.aclose()
    assert not failures, f"{failures} reads failed"


async def naive(urls: list[str], measured: Measured, *, shared: bool) -> None:
    """What one writes first: ask, parse, compare, sleep."""
    reads = 0
    # With its usual limits of 100 connections and 5 s it fails at this pace instead of being slow.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    client = httpx.AsyncClient(trust_env=False, limits=limits, timeout=60)

    async def loop(url: str) -> None:
        nonlocal reads
        last: object = None
        while True:
            started = time.monotonic()
            try:
                if shared:
                    answer = await client.get(url)
                else:
                    async with httpx.AsyncClient(trust_env=False, timeout=60) as own:
                        answer = await own.get(url)
            except httpx.HTTPError:
                await asyncio.sleep(1.0)  # it comes to that when a thousand connections are slow
                continue
            found = json.loads(answer.content)
            if found != last:
                last = found
            reads += 1
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - started)))

    async def spread(n: int, url: str) -> None:
        await asyncio.sleep(n / len(urls))
        await loop(url)

    tasks = [asyncio.create_task(spread(n, url)) for n, url in enumerate(urls)]
    try:
        await measured(lambda: reads)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.aclose()


def measure(name: str, way: Way, urls: list[str], warm_s: float, for_s: float) -> Row:
    """Let one way run, and read its clocks once it has warmed up."""
    found: list[Row] = []

    async def measured(reads: Callable[[], int]) -> None:
        await asyncio.sleep(warm_s)
        before, cpu, wall = reads(), time.process_time(), time.monotonic()
        await asyncio.sleep(for_s)
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        found.append(Row(name, (reads() - before) / wall, cpu / wall))

    uvloop.run(way(urls, measured))
    return found[0]


def rows(*, quick: bool) -> list[Row]:
    """Every way, one after the other, against one upstream."""
    sources, warm_s, for_s = sizes(quick=quick)
    # A client of httpx reads all certificates when it is made: more than a tenth would not end.
    few = sources // 10
    ways: list[tuple[str, Way, int]] = [
        ("stream", service, sources),
        ("naive, one client", partial(naive, shared=True), sources),
        (f"naive, a client for each read, {few} sources", partial(naive, shared=False), few),
    ]
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with upstream(sources // 4) as hosts:
        urls = [f"http://{hosts[n % len(hosts)]}/s{n}" for n in range(sources)]
        return [measure(name, way, urls[:most], warm_s, for_s) for name, way, most in ways]


def rows_tls(*, quick: bool) -> list[Row]:
    """Ours without TLS and with it, one after the other."""
    sources, warm_s, for_s = sizes(quick=quick)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        certified = certify(Path(folder), addresses(sources // 4))
        # As an operator would have us trust an authority of his own.
        os.environ["SSL_CERT_FILE"] = str(certified.authority)
        for name, scheme, by in (("stream", "http", None), ("stream, TLS", "https", certified)):
            with upstream(sources // 4, by) as hosts:
                urls = [f"{scheme}://{hosts[n % len(hosts)]}/s{n}" for n in range(sources)]
                found.append(measure(name, service, urls, warm_s, for_s))
    return found


def sizes(*, quick: bool) -> tuple[int, float, float]:
    """How many sources, seconds to warm up, and seconds to measure."""
    return (100, 1.5, 2.0) if quick else (SOURCES, 4.0, 10.0)


def table(found: list[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = [
        "| way | reads/s | cores | CPU per read | × stream |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    unit = found[0].cores / found[0].reads_per_s
    for row in found:
        each = row.cores / row.reads_per_s
        lines.append(
            f"| {row.name} | {row.reads_per_s:.0f} | {row.cores:.2f} | {each * 1e6:.0f} µs "
            f"| {each / unit:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.polling", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test with 100 sources")
    parser.add_argument("--tls", action="store_true", help="what TLS adds, instead of naive loops")
    args = parser.parse_args()
    print(table((rows_tls if args.tls else rows)(quick=args.quick)))


if __name__ == "__main__":
    main()
