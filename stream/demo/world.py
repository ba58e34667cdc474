"""The whole demo world in one place: prices, news, people, and a component that is at times ill.

Pure: it is handed its draw and told the time. It must not read a clock or know about HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.demo.newsroom import Desk, harbour_wire, headlines
from stream.demo.people import Directory
from stream.demo.walk import Market

if TYPE_CHECKING:
    from random import Random

_MOST_STEPS: Final = 120
"""Seconds of prices walked one by one after a silence; the time before passes in one stride."""
_CYCLE_S: Final = 120
_DEGRADED_S: Final = 20
"""In each cycle the last seconds in which one component is degraded."""


class World:
    """Everything the endpoints show. Its time is whole seconds, so HTTP dates tell it exactly.

    Args:
        draw: where chance comes from; the same seed gives the same world at the same time.
        start: Unix seconds at which it begins.
    """

    def __init__(self, draw: Random, start: int) -> None:
        self.start = start
        self.now = start
        self.market = Market(draw, start)
        self.headlines: Desk = headlines(draw, start)
        self.wire: Desk = harbour_wire(draw, start)
        self.people = Directory(draw, start)

    def step(self, now: int) -> None:
        """Let the time pass until then (Unix seconds); an earlier time changes nothing."""
        stride = now - self.now - _MOST_STEPS
        if stride > 0:
            self.market.step(stride)
            self.now += stride
        while self.now < now:
            self.now += 1
            self.market.step(1)
            self.headlines.step(self.now)
            self.wire.step(self.now)
            self.people.step(self.now)

    @property
    def is_degraded(self) -> bool:
        return (self.now - self.start) % _CYCLE_S >= _CYCLE_S - _DEGRADED_S

    @property
    def status_since(self) -> int:
        """When a component last became degraded or well again."""
        cycle = self.now - (self.now - self.start) % _CYCLE_S
        return cycle + _CYCLE_S - _DEGRADED_S if self.is_degraded else cycle
