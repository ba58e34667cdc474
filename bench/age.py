"""From the upstream's answer to the reader's socket: how old a polled change is when it arrives."""

from __future__ import annotations

import http.client
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial

from bench.measure import Window, in_turns, window
from bench.place import HERE, Place
from bench.process import Process, free_port
from bench.report import Part, lost, ms
from bench.targets import Target, chosen, running

EVERY = "500ms"


@dataclass(frozen=True, slots=True)
class Age:
    """One target, once."""

    seconds: int
    window: Window


def polled(place: Place) -> Part:
    """100 addresses of 50 kB polled twice a second, 3,000 readers."""
    addresses, readers = place.pick(100, 10), place.pick(3000, 100)
    targets = chosen(place, ("stream-ws", "stream-sse")[: place.pick(2, 1)])
    found, missing = in_turns(place.once(), targets, partial(_polled, place, addresses, readers))
    rows = [
        [
            name,
            ms(one.window.p50_ms),
            ms(one.window.p99_ms),
            ms(one.window.max_ms),
            f"{one.window.messages / one.seconds:,.0f}" if one.window.messages else "–",
            f"{one.window.deliveries / one.seconds:,.0f}",
            f"{one.window.cpu_ns / 1e9 / one.window.seconds:.0%}",
            lost(one.window.lost, one.window.expected),
        ]
        for name, (one, *_) in found.items()
    ]
    return Part(
        "e",
        f"(e) {addresses} addresses polled every {EVERY}, {readers:,} readers",
        (
            "server",
            "p50 ms",
            "p99 ms",
            "max ms",
            "messages/s",
            "rows/s",
            "core used",
            "rows lost",
        ),
        rows,
        (
            "50 kB of JSON at each address, a fifth of its rows different every 500 ms, each "
            f"address a channel with {readers // addresses} readers. Age counts from the moment "
            "the upstream begins to answer with a change. Beside it: Axway Streams publishes a p99 "
            "of 21 ms and a max of 250 ms for this shape, on a cluster and other hardware.",
        ),
        missing,
        {name: [asdict(result) for result in results] for name, results in found.items()},
    )


def _polled(place: Place, addresses: int, readers: int, target: Target) -> Age:
    port = free_port()
    command = [sys.executable, "-m", "bench.upstream", str(port), str(addresses)]
    log = place.folder / "upstream.log"
    with Process(command, core=place.client_core, log=log, cwd=HERE.parent) as upstream:
        upstream.wait_ready(port, "/count")
        config = "\n".join(
            f'[sources.u{number}]\nkind = "http"\nkey = "id"\nevery = "{EVERY}"\n'
            f'url = "http://127.0.0.1:{port}/u/{number}"'
            for number in range(addresses)
        )
        channels = [f"u{number}" for number in range(addresses)]
        with running(place, target, channels, config=config) as server:
            requests = [target.request([channel]) for channel in channels]
            with server.load(readers, requests) as load:
                load.wait_connected()
                time.sleep(place.pick(2.0, 1.0))
                _ask(port, "/stop")
                time.sleep(1.5)  # what was on its way has arrived
                seconds = place.pick(20, 2)

                def move() -> int:
                    before = _ask(port, "/go")
                    time.sleep(seconds)
                    return (_ask(port, "/stop") - before) * (readers // addresses)

                return Age(seconds, window(server, load, move))


def _ask(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return int(connection.getresponse().read())
    finally:
        connection.close()
