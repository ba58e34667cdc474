"""Many different views of one channel: 2,000 readers, each with 20 of 5,000 quotes."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from functools import partial

import orjson

from bench.measure import Window, in_turns, window
from bench.place import Place
from bench.publish import Publisher, every
from bench.report import Part, lost, ms
from bench.targets import Target, chosen, running

CHANNEL = "quotes"
QUOTES = 5000
KEYS = 20
CHANGED = 0.2
TICK_S = 0.5
SEED = 11


@dataclass(frozen=True, slots=True)
class Views:
    """One window, and how many ticks there were."""

    ticks: int
    window: Window


def views(place: Place) -> Part:
    """2,000 readers with different key lists."""
    readers = place.pick(2000, 100)
    targets = chosen(place, ("stream-ws", "stream-sse")[: place.pick(2, 1)])
    found, missing = in_turns(place.once(), targets, partial(_views, place, readers))
    rows = [
        [
            name,
            f"{one.window.cpu_ns / 1e6 / one.ticks:.1f}",
            f"{one.window.cpu_ns / 1e3 / max(1, one.window.messages):.1f}"
            if one.window.messages
            else "–",
            f"{one.window.cpu_us:.2f}",
            f"{one.window.messages / one.ticks:,.0f}" if one.window.messages else "–",
            f"{one.window.deliveries / one.ticks:,.0f}",
            ms(one.window.p50_ms),
            ms(one.window.p99_ms),
            lost(one.window.lost, one.window.expected),
        ]
        for name, (one, *_) in found.items()
    ]
    return Part(
        "c",
        f"(c) {readers:,} readers, each with {KEYS} of {QUOTES:,} quotes",
        (
            "server",
            "CPU ms/tick",
            "µs/message",
            "µs/row",
            "messages/tick",
            "rows/tick",
            "p50 ms",
            "p99 ms",
            "rows lost",
        ),
        rows,
        (
            f"Every {TICK_S * 1e3:.0f} ms one publication patches {CHANGED:.0%} of the quotes; "
            "no two readers ask for the same keys. A row is one quote that changed, at one reader. "
            "Messages are counted on WebSocket only.",
        ),
        missing,
        {name: [asdict(result) for result in results] for name, results in found.items()},
    )


def _views(place: Place, readers: int, target: Target) -> Views:
    draw = random.Random(SEED)
    names = [f"Q{number:05d}" for number in range(QUOTES)]
    wanted = [draw.sample(names, KEYS) for _ in range(readers)]
    holders = dict.fromkeys(names, 0)
    for keys in wanted:
        for key in keys:
            holders[key] += 1
    with running(place, target, [CHANNEL]) as server, server.publisher() as publisher:
        _fill(publisher, target.publish_path(CHANNEL), names, draw)
        requests = [target.request([CHANNEL], f"?keys={','.join(keys)}") for keys in wanted]
        with server.load(readers, requests) as load:
            load.wait_connected()

            def publish(count: int) -> int:
                due = 0

                def tick(at_ns: int) -> None:
                    nonlocal due
                    moved = draw.sample(names, int(QUOTES * CHANGED))
                    rows = [
                        {"id": name, "t": at_ns, "last": round(draw.uniform(1, 900), 4)}
                        for name in moved
                    ]
                    publisher.post(target.publish_path(CHANNEL), orjson.dumps({"patch": rows}))
                    due += sum(holders[name] for name in moved)

                every(TICK_S, count, tick)
                return due

            window(server, load, partial(publish, 3))
            ticks = place.pick(20, 4)
            return Views(ticks, window(server, load, partial(publish, ticks)))


def _fill(publisher: Publisher, path: str, names: list[str], draw: random.Random) -> None:
    rows = [
        {
            "id": name,
            "t": 0,
            "last": round(draw.uniform(1, 900), 4),
            "open": round(draw.uniform(1, 900), 4),
            "volume": draw.randrange(10_000_000),
            "name": f"Company {name} of the exchange",
        }
        for name in names
    ]
    for start in range(0, len(rows), 1000):
        publisher.post(path, orjson.dumps({"put": rows[start : start + 1000]}))
