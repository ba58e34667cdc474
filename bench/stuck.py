"""Readers that never read: what they cost the server, and what they cost the others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial

from bench.measure import Window, in_turns, steady, window
from bench.place import Place
from bench.process import kernel_tcp
from bench.publish import Payload
from bench.report import Part, lost, mb, ms
from bench.targets import Target, chosen, running

CHANNEL = "c1"
TARGETS = ("stream-ws", "nchan-ws", "stream-sse", "starlette_queue_ws")
STUCK = (0, 1, 10, 100)
BODY_BYTES = 4096
"""Large enough that in ten seconds the kernel's buffers of a stuck reader are full."""
RATE = 20


@dataclass(frozen=True, slots=True)
class Stuck:
    """One target beside so many stuck readers.

    Attributes:
        kernel: by what the kernel's buffers grew, the readers' small ones included.
    """

    stuck: int
    before: int
    after: int
    kernel: int
    window: Window


def stalled(place: Place) -> Part:
    """0, 1, 10 and 100 stuck readers beside 1,000."""
    readers = place.pick(1000, 100)
    steps = STUCK if not place.is_quick else (0, 10)
    targets = chosen(place, TARGETS if not place.is_quick else TARGETS[:2])

    def run(target: Target) -> list[Stuck]:
        return [_stalled(place, readers, stuck, target) for stuck in steps]

    found, missing = in_turns(place.once(), targets, run)
    rows = [
        [
            name,
            f"{one.stuck}",
            ms(one.window.p50_ms),
            ms(one.window.p99_ms),
            f"{one.window.p99_ms / max(results[0][0].window.p99_ms, 1e-9):.2f}",
            f"{one.window.cpu_us:.2f}",
            mb(one.after - one.before),
            mb(one.kernel),
            lost(one.window.lost, one.window.expected),
        ]
        for name, results in found.items()
        for one in results[0]
    ]
    return Part(
        "h",
        f"(h) Stuck readers beside {readers:,}",
        (
            "server",
            "stuck",
            "others' p50 ms",
            "others' p99 ms",
            "× none stuck",
            "µs/delivery",
            "RSS +MB",
            "kernel +MB",
            "others lost",
        ),
        rows,
        (
            f"{BODY_BYTES:,} bytes, {RATE} times a second for {place.pick(10, 1)} s, to readers of "
            "whom some never read after the handshake. Memory is what the server grew by, "
            "and what the kernel holds in its send buffers by then.",
        ),
        missing,
        {name: [asdict(one) for one in results[0]] for name, results in found.items()},
    )


def _stalled(place: Place, readers: int, stuck: int, target: Target) -> Stuck:
    kernel = kernel_tcp()
    with (
        running(place, target, [CHANNEL]) as server,
        server.load(readers + stuck, [target.request([CHANNEL])], stuck=stuck) as load,
        server.publisher() as publisher,
    ):
        load.wait_connected()
        payload = Payload(BODY_BYTES)
        go = partial(
            steady, server, publisher, payload, channel=CHANNEL, rate=RATE, readers=readers
        )
        window(server, load, partial(go, seconds=place.pick(1.0, 0.3)))
        before = server.process.rss()
        found = window(server, load, partial(go, seconds=place.pick(10, 1)))
        return Stuck(stuck, before, server.process.rss(), kernel_tcp() - kernel, found)
