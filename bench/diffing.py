"""What a read costs after the bytes are here, beside what orjson takes to parse them.

Every step is timed once in each round, in turn, so that a slow moment of the machine hits all of
them alike; the medians are compared.
"""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter_ns

import orjson

from bench.place import Place
from bench.report import Part
from stream.diff import diff
from stream.exchange import hash_of
from stream.extract import Rules, extract, parse_json
from stream.identity import Keyed, KeyRule, identify
from stream.model import Change, Item

ITEMS = 10_000
CHANGED = 0.01
RULE = KeyRule(("symbol",))
PLAIN = Rules()


@dataclass(frozen=True, slots=True)
class Row:
    """One step: its median in milliseconds, and that as a multiple of orjson's."""

    name: str
    median_ms: float
    ratio: float


def quotes(draw: random.Random) -> list[Item]:
    """Quotes of 12 fields, about 250 bytes each."""
    return [
        {
            "symbol": f"S{number:05d}.US",
            "last": round(draw.uniform(1, 900), 4),
            "open": round(draw.uniform(1, 900), 4),
            "high": round(draw.uniform(1, 900), 4),
            "low": round(draw.uniform(1, 900), 4),
            "prev_close": round(draw.uniform(1, 900), 4),
            "change": round(draw.uniform(-9, 9), 4),
            "change_pct": round(draw.uniform(-5, 5), 4),
            "bid": round(draw.uniform(1, 900), 4),
            "ask": round(draw.uniform(1, 900), 4),
            "volume": draw.randrange(10_000_000, 90_000_000),
            "name": f"Company number {number} of the exchange, common stock, class A",
        }
        for number in range(ITEMS)
    ]


def bodies(seed: int = 7) -> tuple[bytes, bytes]:
    """Two answers of one upstream; in the second, one item in a hundred has moved."""
    draw = random.Random(seed)
    rows = quotes(draw)
    first = orjson.dumps(rows)
    for row in draw.sample(rows, int(ITEMS * CHANGED)):
        row["last"] = round(draw.uniform(1, 900), 4)
        row["volume"] = draw.randrange(90_000_000, 99_000_000)
    return first, orjson.dumps(rows)


def keyed(body: bytes) -> Keyed:
    """The whole way from bytes to items by key."""
    return identify(extract(parse_json(body), PLAIN), RULE)


def measure(rounds: int) -> list[Row]:
    """Time every step ``rounds`` times, side by side."""
    first, second = bodies()
    before, after = keyed(first).items, keyed(second).items
    digest = hash_of(first)

    def whole() -> Change:
        return diff(before, keyed(second).items)

    def identical() -> bool:
        return hash_of(first) == digest

    change = whole()
    assert len(change.patch) == ITEMS * CHANGED and not change.put and not change.delete
    steps: list[tuple[str, Callable[[], object]]] = [
        (f"orjson.loads of the body ({len(second) / 1e6:.2f} MB)", lambda: orjson.loads(second)),
        ("parse_json + extract + identify", lambda: keyed(second)),
        ("diff, 1 % of the items changed", lambda: diff(before, after)),
        ("the whole: body → Change", whole),
        ("identical body: digest only", identical),
    ]
    times: dict[str, list[int]] = {name: [] for name, _ in steps}
    for _ in range(rounds):
        for name, step in steps:
            gc.collect()
            start = perf_counter_ns()
            kept = step()
            times[name].append(perf_counter_ns() - start)
            del kept  # freed outside the time taken
    medians = {name: statistics.median(taken) / 1e6 for name, taken in times.items()}
    unit = medians[steps[0][0]]
    return [Row(name, median, median / unit) for name, median in medians.items()]


def part(place: Place) -> Part:
    """The rows as a part of the run."""
    rounds = place.pick(31, 5)
    rows = measure(rounds)
    return Part(
        "diff",
        "(diff) From the bytes of an answer to the change",
        ("step", "median ms", "× orjson.loads"),
        [(row.name, f"{row.median_ms:.2f}", f"{row.ratio:.2f}") for row in rows],
        (f"{ITEMS:,} quotes of 12 fields, {CHANGED:.0%} of them changed; {rounds} rounds.",),
        data=[asdict(row) for row in rows],
    )
