"""One channel to a thousand, twenty channels to two hundred: what a delivery costs the server."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial

from bench.load import Load
from bench.measure import Window, base_of, in_turns, middle, ratio, steady, window
from bench.place import Place
from bench.publish import Payload, Post, Publisher, every
from bench.report import Part, lost, ms
from bench.targets import NAMES, Running, Target, chosen, running

RATE = 20
CHANNELS = tuple(f"c{number}" for number in range(1, 21))
TICK_S = 0.1
MAX_RATE = 20
"""Twice as often as something changes, so that nothing is left out."""
MANY = (
    "stream-ws",
    "nchan-ws",
    "stream-sse",
    "nchan-sse",
    "websockets_broadcast",
    "starlette_queue_ws",
    "node_ws",
)


@dataclass(frozen=True, slots=True)
class FanOut:
    """One target, once: at an even pace, and as fast as it takes publications."""

    steady: Window
    burst: Window


def one_channel(place: Place) -> Part:
    """1,000 subscribers of one channel."""
    readers = place.pick(1000, 100)
    found, missing = in_turns(place, chosen(place, NAMES), partial(_one_channel, place, readers))
    base = base_of(found)
    rows = [_fan_out_row(found, name) for name in found]
    return Part(
        "a",
        f"(a) One channel, {readers:,} subscribers",
        (
            "server",
            f"µs/delivery at {RATE}/s",
            f"× {base}",
            "p50 ms",
            "p99 ms",
            "bytes/delivery",
            "lost",
            "µs/delivery in a burst",
            f"× {base}",
            "deliveries/s",
            "burst p99 ms",
            "not delivered",
        ),
        rows,
        (
            f"{RATE} publications a second for {place.pick(10, 1)} s, then a burst of "
            f"{place.pick(200, 40)}, 16 requests ahead of the answers. CPU is the server's alone, "
            f"kernel included. Medians of {place.rounds} rounds in alternating order.",
            "A server that needs more than 50 µs for a delivery cannot keep this pace on one core: "
            "its ages are those of its backlog, and fewer publications are made.",
            "stream sends a reader that is behind the newest state: what it does not deliver in a "
            "burst was conflated, not lost.",
        ),
        missing,
        {name: [asdict(result) for result in results] for name, results in found.items()},
        {name: middle(r.steady.cpu_us for r in results) for name, results in found.items()},
    )


def _one_channel(place: Place, readers: int, target: Target) -> FanOut:
    channel = CHANNELS[0]
    with (
        running(place, target, [channel]) as server,
        server.load(readers, [target.request([channel])]) as load,
        server.publisher() as publisher,
    ):
        load.wait_connected()
        payload = Payload(target.body_bytes)
        go = partial(
            steady, server, publisher, payload, channel=channel, rate=RATE, readers=readers
        )
        window(server, load, partial(go, seconds=place.pick(1.0, 0.3)))
        even = window(server, load, partial(go, seconds=place.pick(10, 1)))
        _burst(server, load, publisher, payload, place.pick(20, 10), readers)
        burst = _burst(server, load, publisher, payload, place.pick(200, 40), readers)
        return FanOut(even, burst)


def _burst(
    server: Running,
    load: Load,
    publisher: Publisher,
    payload: Payload,
    count: int,
    readers: int,
) -> Window:
    path = server.target.publish_path(CHANNELS[0])

    def publish() -> int:
        return readers * publisher.burst(lambda: (path, payload()), count)

    return window(server, load, publish)


def _fan_out_row(found: dict[str, list[FanOut]], name: str) -> list[str]:
    results = found[name]
    return [
        name,
        f"{middle(r.steady.cpu_us for r in results):.2f}",
        f"{ratio(found, name, lambda r: r.steady.cpu_us):.2f}",
        ms(middle(r.steady.p50_ms for r in results)),
        ms(middle(r.steady.p99_ms for r in results)),
        f"{middle(r.steady.bytes_each for r in results):.0f}",
        lost(sum(r.steady.lost for r in results), sum(r.steady.expected for r in results)),
        f"{middle(r.burst.cpu_us for r in results):.2f}",
        f"{ratio(found, name, lambda r: r.burst.cpu_us):.2f}",
        f"{middle(r.burst.rate for r in results):,.0f}",
        ms(middle(r.burst.p99_ms for r in results)),
        lost(sum(r.burst.lost for r in results), sum(r.burst.expected for r in results)),
    ]


def many_channels(place: Place) -> Part:
    """200 subscribers of 20 channels each, all of which change at every tick."""
    return _many_channels(place, "b", 1)


def many_publishers(place: Place) -> Part:
    """The same, each channel published by somebody else."""
    return _many_channels(place, "b2", len(CHANNELS))


def _many_channels(place: Place, key: str, publishers: int) -> Part:
    readers = place.pick(200, 50)
    targets = _variants(chosen(place, MANY[:3] if place.is_quick else MANY), publishers)
    found, missing = in_turns(place, targets, partial(_ticks, place, readers, publishers))
    base = base_of(found)
    rows = [
        [
            name,
            f"{middle(r.cpu_us for r in results):.2f}",
            f"{ratio(found, name, lambda r: r.cpu_us):.2f}",
            ms(middle(r.p50_ms for r in results)),
            ms(middle(r.p99_ms for r in results)),
            f"{middle(r.bytes_each for r in results):.0f}",
            lost(sum(r.lost for r in results), sum(r.expected for r in results)),
        ]
        for name, results in found.items()
    ]
    how = "back to back on one connection" if publishers == 1 else "at once, each on its own"
    return Part(
        key,
        f"({key}) {len(CHANNELS)} channels to each of {readers} subscribers, published {how}",
        ("server", "µs/delivery", f"× {base}", "p50 ms", "p99 ms", "bytes/delivery", "lost"),
        rows,
        (
            f"All {len(CHANNELS)} channels are published every {TICK_S * 1e3:.0f} ms; "
            "a delivery is one channel's change at one subscriber. With max_rate a reader is sent "
            "all that changed in one write, as often as it asked for.",
        ),
        missing,
        {name: [asdict(result) for result in results] for name, results in found.items()},
    )


def _variants(targets: list[Target], publishers: int) -> list[Target]:
    """Ours once more, published to by one request, and with readers who ask for fewer writes."""
    more = []
    for target in targets:
        if target.name != "stream-ws":
            continue
        if publishers == 1:
            more.append(replace(target, name=f"{target.name}, one POST", together=True))
        rated = f"{target.name} max_rate={MAX_RATE}"
        more.append(replace(target, name=rated, query=f"?max_rate={MAX_RATE}"))
    return targets + more


def _ticks(place: Place, readers: int, publishers: int, target: Target) -> Window:
    with ExitStack() as stack:
        server = stack.enter_context(running(place, target, CHANNELS))
        request = target.request(CHANNELS, target.query)
        load = stack.enter_context(server.load(readers, [request]))
        load.wait_connected()
        posting = [stack.enter_context(server.publisher()) for _ in range(publishers)]
        payload = Payload(target.body_bytes)

        def tick(at_ns: int) -> None:
            posts: list[Post] = [(target.publish_path(name), payload(at_ns)) for name in CHANNELS]
            if target.together:
                posting[0].post("/channels", _together(posts))
                return
            if publishers == 1:
                posting[0].pipeline(posts)
                return
            for publisher, post in zip(posting, posts, strict=True):
                publisher.start(*post)
            for publisher in posting:
                publisher.finish()

        def publish(count: int) -> int:
            return every(TICK_S, count, tick) * len(CHANNELS) * readers

        window(server, load, partial(publish, place.pick(10, 2)))
        return window(server, load, partial(publish, place.pick(100, 10)))


def _together(posts: list[Post]) -> bytes:
    """The bodies of several publications as one."""
    members = (b'"%b":%b' % (path.rsplit("/", 1)[1].encode(), body) for path, body in posts)
    return b"{" + b",".join(members) + b"}"
