"""One window: what was published in it, what arrived, and what it cost the server."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from bench.load import Load
from bench.place import Place, Unavailable
from bench.publish import Payload, Publisher, every
from bench.targets import Running, Target

BASE = "nchan-ws"
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Window:
    """What was measured between a mark and the last delivery.

    Attributes:
        expected: publications × subscribers.
        cpu_ns: of the server, kernel included.
        seconds: from the first publication to the last delivery.
    """

    expected: int
    deliveries: int
    messages: int
    bytes: int
    closed: int
    cpu_ns: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def cpu_us(self) -> float:
        """Of the server, for each delivery."""
        return self.cpu_ns / 1e3 / max(1, self.deliveries)

    @property
    def bytes_each(self) -> float:
        """On the wire, for each delivery."""
        return self.bytes / max(1, self.deliveries)

    @property
    def lost(self) -> int:
        """What did not arrive."""
        return self.expected - self.deliveries

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return self.deliveries / max(self.seconds, 1e-9)


def window(server: Running, load: Load, publish: Callable[[], int]) -> Window:
    """Measure what ``publish`` causes; it answers how many deliveries are due."""
    began = load.mark()
    cpu_ns = server.process.cpu_ns()
    expected = publish()
    found = load.drain(expected)
    ended_ns = found.last_ns or found.now_ns
    return Window(
        expected,
        found.deliveries,
        found.messages,
        found.bytes,
        found.closed,
        server.process.cpu_ns() - cpu_ns,
        (ended_ns - began.now_ns) / 1e9,
        found.p50_us / 1e3,
        found.p99_us / 1e3,
        found.max_us / 1e3,
    )


def steady(
    server: Running,
    publisher: Publisher,
    payload: Payload,
    *,
    channel: str,
    rate: float,
    seconds: float,
    readers: int,
) -> int:
    """Publish to one channel at an even pace."""
    path = server.target.publish_path(channel)
    count = max(1, int(rate * seconds))
    return readers * every(1 / rate, count, lambda at_ns: publisher.post(path, payload(at_ns)))


def in_turns(
    place: Place, targets: list[Target], run: Callable[[Target], Result]
) -> tuple[dict[str, list[Result]], dict[str, str]]:
    """Measure each target in every round, in alternating order.

    Returns:
        What was measured, and for those that could not be why.
    """
    found: dict[str, list[Result]] = {target.name: [] for target in targets}
    missing: dict[str, str] = {}
    for number in range(place.rounds):
        for target in targets if number % 2 == 0 else targets[::-1]:
            if target.name in missing:
                continue
            say(f"  round {number + 1}, {target.name}")
            try:
                found[target.name].append(run(target))
            except (Unavailable, TimeoutError) as error:
                missing[target.name] = str(error)
                say(f"    {error}")
    return {name: results for name, results in found.items() if results}, missing


def say(text: str) -> None:
    """Tell whoever watches how far it is; the tables alone go to stdout."""
    print(text, file=sys.stderr, flush=True)


def middle(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(list(values))


def base_of(found: Iterable[str]) -> str:
    """What the others are compared with: Nchan where it was measured."""
    names = list(found)
    return BASE if BASE in names else next(iter(names), "")


def ratio(found: dict[str, list[Result]], name: str, figure: Callable[[Result], float]) -> float:
    """The median over the rounds of one target's figure divided by the base's."""
    base = found[base_of(found)]
    pairs = zip(found[name], base, strict=False)
    return middle(figure(one) / max(figure(other), 1e-9) for one, other in pairs)
