"""Connections that are only held: memory for each, and how late a rare message reaches all."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial

from bench.load import Load
from bench.measure import Window, base_of, in_turns, ratio, steady, window
from bench.place import Place
from bench.publish import Payload
from bench.report import Part, lost, mb, ms
from bench.targets import NAMES, Running, Target, chosen, running

CHANNEL = "c1"
WARM = 50
KB = 1000
HELD = ("stream-ws", "nchan-ws")


@dataclass(frozen=True, slots=True)
class Idle:
    """What connections cost while nothing happens.

    Attributes:
        connect_s: how long it took until all of them stood.
        cpu_share: of one core, while idle.
    """

    connections: int
    before: int
    after: int
    connect_s: float
    cpu_share: float

    @property
    def bytes_each(self) -> float:
        """Resident bytes for each connection."""
        return (self.after - self.before) / self.connections


@dataclass(frozen=True, slots=True)
class Held:
    """Many connections, and a message now and then."""

    idle: Idle
    window: Window


def idle(place: Place) -> Part:
    """Memory of 5,000 idle connections."""
    count = place.connections(place.pick(5000, 300))
    targets = chosen(place, NAMES[:5] if place.is_quick else NAMES)
    found, missing = in_turns(place.once(), targets, partial(_idle, place, count))
    base = base_of(found)
    rows = [
        [
            name,
            f"{results[0].bytes_each / KB:.1f}",
            f"{ratio(found, name, lambda r: r.bytes_each):.2f}",
            mb(results[0].before),
            mb(results[0].after),
            f"{count / results[0].connect_s:,.0f}",
            f"{results[0].cpu_share:.1%}",
        ]
        for name, results in found.items()
    ]
    return Part(
        "d",
        f"(d) {count:,} idle connections",
        ("server", "kB each", f"× {base}", "MB before", "MB with them", "connects/s", "idle CPU"),
        rows,
        (
            f"Resident memory of all processes of the server {place.pick(3.0, 0.5):g} s after the "
            f"last connect, less that after {WARM} connections had come and gone. What the kernel "
            "holds for a socket is not in it; it is the same for all.",
        ),
        missing,
        {name: [asdict(result) for result in results] for name, results in found.items()},
        {name: results[0].bytes_each / KB for name, results in found.items()},
    )


def _idle(place: Place, count: int, target: Target) -> Idle:
    with running(place, target, [CHANNEL]) as server:
        warm(server)
        before = server.process.rss()
        with server.load(count, [target.request([CHANNEL])]) as load:
            return settle(server, load, before)


def warm(server: Running) -> None:
    """Let a few connections come, be sent something, and go: what is loaded late is loaded now."""
    target = server.target
    payload = Payload(target.body_bytes)
    with (
        server.load(WARM, [target.request([CHANNEL])]) as load,
        server.publisher() as publisher,
    ):
        load.wait_connected()
        go = partial(steady, server, publisher, payload, channel=CHANNEL, readers=WARM)
        window(server, load, partial(go, rate=20, seconds=server.place.pick(0.5, 0.2)))
    time.sleep(server.place.pick(0.5, 0.1))


def settle(server: Running, load: Load, before: int) -> Idle:
    """Wait for all connections, then see what they cost at rest."""
    began = time.monotonic()
    load.wait_connected()
    connected = time.monotonic()
    time.sleep(server.place.pick(3.0, 0.5))
    cpu_ns = server.process.cpu_ns()
    watched_s = server.place.pick(1.0, 0.3)
    time.sleep(watched_s)
    share = (server.process.cpu_ns() - cpu_ns) / 1e9 / watched_s
    return Idle(load.count, before, server.process.rss(), connected - began, share)


def held(place: Place) -> Part:
    """20,000 connections on one process, 1 message a second."""
    wanted = place.pick(20_000, 1000)
    count = place.connections(wanted)
    found, missing = in_turns(place.once(), chosen(place, HELD), partial(_held, place, count))
    rows = [
        [
            name,
            f"{one.idle.bytes_each / KB:.1f}",
            ms(one.window.p50_ms),
            ms(one.window.p99_ms),
            ms(one.window.max_ms),
            f"{one.window.cpu_us:.2f}",
            f"{count / one.idle.connect_s:,.0f}",
            str(one.window.closed),
            lost(one.window.lost, one.window.expected),
        ]
        for name, (one, *_) in found.items()
    ]
    notes = [f"1 message a second for {place.pick(20, 2)} s to everybody; none failed to connect."]
    if count < wanted:
        notes.append(
            f"{wanted:,} were wanted, but a process may open {place.most_files:,} files here."
        )
    return Part(
        "f",
        f"(f) {count:,} connections on one process",
        (
            "server",
            "kB each",
            "p50 ms",
            "p99 ms",
            "max ms",
            "µs/delivery",
            "connects/s",
            "closed",
            "lost",
        ),
        rows,
        notes,
        missing,
        {name: [asdict(result) for result in results] for name, results in found.items()},
    )


def _held(place: Place, count: int, target: Target) -> Held:
    with running(place, target, [CHANNEL]) as server:
        warm(server)
        before = server.process.rss()
        with (
            server.load(count, [target.request([CHANNEL])]) as load,
            server.publisher() as publisher,
        ):
            cost = settle(server, load, before)
            payload = Payload(target.body_bytes)
            go = partial(steady, server, publisher, payload, channel=CHANNEL, readers=count)
            window(server, load, partial(go, rate=1, seconds=place.pick(2, 1)))
            return Held(cost, window(server, load, partial(go, rate=1, seconds=place.pick(20, 2))))
