"""A thousand at the door at once: what the snapshots cost, and whether the others notice."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import orjson

from bench.load import Load, Report
from bench.measure import Window, in_turns, window
from bench.place import Place, Unavailable
from bench.process import peak_rss
from bench.publish import Payload, Publisher
from bench.report import Part, lost, mb, ms
from bench.targets import Running, Target, chosen, running

BIG, LIVE = "big", "live"
BYSTANDERS = 50
RATE = 20
ITEM_BYTES = 200
NEARLY = 0.98
"""Of the snapshot's size over REST: as many bytes are as good as all of them."""
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Joined:
    """One target, once.

    Attributes:
        first_ms, full_ms: when the last one had its first byte, and its whole snapshot.
        calm, busy: the others before the rush and during it.
    """

    snapshot: int
    before: int
    peak: int
    after: int
    full: int
    first_ms: float
    full_ms: float
    calm: Window
    busy: Window


def rush(place: Place) -> Part:
    """1,000 readers join a channel of 10,000 items."""
    readers, items = place.pick(1000, 100), place.pick(10_000, 2000)
    targets = chosen(place, ("stream-ws", "stream-sse")[: place.pick(2, 1)])
    found, missing = in_turns(place.once(), targets, partial(_rush, place, readers, items))
    rows = [
        [
            name,
            mb(one.snapshot),
            f"{one.full:,}",
            f"{one.full_ms / 1e3:.2f}",
            f"{one.first_ms / 1e3:.2f}",
            mb(one.peak - one.before),
            mb(one.after - one.before),
            ms(one.calm.p99_ms),
            ms(one.busy.p99_ms),
            ms(one.busy.max_ms),
            lost(one.busy.lost, one.busy.expected),
        ]
        for name, (one, *_) in found.items()
    ]
    return Part(
        "g",
        f"(g) {readers:,} join a channel of {items:,} items at once",
        (
            "server",
            "snapshot MB",
            "served",
            "last one full s",
            "last first byte s",
            "peak RSS +MB",
            "RSS after +MB",
            "others' p99 ms before",
            "others' p99 ms meanwhile",
            "max ms",
            "others lost",
        ),
        rows,
        (
            f"Meanwhile {BYSTANDERS} readers of another channel get {RATE} messages a second. "
            "Memory is sampled every 50 ms.",
        ),
        missing,
        {name: [asdict(result) for result in results] for name, results in found.items()},
    )


def _rush(place: Place, readers: int, items: int, target: Target) -> Joined:
    with (
        running(place, target, [BIG, LIVE]) as server,
        server.publisher() as publisher,
        server.load(BYSTANDERS, [target.request([LIVE])]) as others,
    ):
        others.wait_connected()
        snapshot = _fill(server, publisher, items)
        live = _Live(server, publisher, Payload(target.body_bytes))
        window(server, others, partial(live.until_s, 1.0))
        calm = window(server, others, partial(live.until_s, place.pick(5.0, 1.0)))
        with peak_rss(server.process) as samples:
            result: list[Report] = []

            def publish() -> int:
                full = int(snapshot * NEARLY)
                request = [target.request([BIG])]
                with server.load(
                    readers, request, full=full, inflight=readers, rate=1_000_000, nice=10
                ) as load:
                    due = live.until_full(load)
                    result.append(load.report())
                    return due

            busy = window(server, others, publish)
        if not result:
            raise Unavailable("nobody could join")
        seen = result[0]
        return Joined(
            snapshot,
            samples[0],
            max(samples),
            server.process.rss(),
            seen.full,
            seen.first_ms,
            seen.full_ms,
            calm,
            busy,
        )


def _fill(server: Running, publisher: Publisher, items: int) -> int:
    """Publish the large channel; answers the size of its snapshot."""
    rows = [{"id": f"I{n:06d}", "n": n, "p": ""} for n in range(items)]
    for one in rows:
        one["p"] = "x" * (ITEM_BYTES - len(orjson.dumps(one)))
    for start in range(0, items, 2000):
        part = orjson.dumps({"put": rows[start : start + 2000]})
        publisher.post(server.target.publish_path(BIG), part)
    return items * (ITEM_BYTES + 1)


@dataclass(slots=True)
class _Live:
    """The other channel, which goes on."""

    server: Running
    publisher: Publisher
    payload: Payload

    def until_s(self, seconds: float) -> int:
        """Publish for so long."""
        until = time.monotonic() + seconds
        return self._while(lambda: time.monotonic() < until)

    def until_full(self, load: Load) -> int:
        """Publish until everybody has joined and has everything."""
        until = time.monotonic() + LIMIT_S

        def goes_on() -> bool:
            if time.monotonic() > until:
                return False
            return not load.is_connected() or load.report().full < load.count

        return self._while(goes_on)

    def _while(self, goes_on: Callable[[], bool]) -> int:
        """At an even pace; what the post before it held up is as old as when it was due."""
        path = self.server.target.publish_path(LIVE)
        step_ns = int(1e9 / RATE)
        due_ns, free_ns, count = time.monotonic_ns(), 0, 0
        while goes_on():
            now_ns = time.monotonic_ns()
            if now_ns < due_ns:
                time.sleep(min(0.02, (due_ns - now_ns) / 1e9))
                continue
            self.publisher.post(path, self.payload(due_ns if free_ns > due_ns else now_ns))
            free_ns = time.monotonic_ns()
            due_ns += step_ns
            count += 1
        return count * BYSTANDERS
