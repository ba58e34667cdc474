"""A breaker: after some failures in a row a source is left alone, but for one probe at a time.

Pure: it is told the time (monotonic seconds). All pollers of one source share it, so that a
thousand channels of one pattern do not each find out for themselves that the upstream is down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stream.model import Fault

OPEN_AFTER: Final = 5
"""Failures in a row that open it: fewer are a hiccup."""
PROBED_S: Final = 1.0
"""How long the others wait before they ask again while a probe is on its way."""
ONE_ADDRESS: Final = frozenset({404, 410})
"""Answers that speak of one address, not of the whole source."""


@dataclass(slots=True, eq=False)
class Breaker:
    """Whether a source may be read now.

    Attributes:
        failures: in a row, over all pollers; those after it opened are of probes only.
        fault: the last of them.
    """

    failures: int = 0
    fault: Fault | None = None
    _until: float | None = None
    _prober: object | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has opened; it is closed by the next read that goes well."""
        return self.failures >= OPEN_AFTER

    @property
    def state(self) -> str:
        """``closed``, ``open``, or ``probing``."""
        if not self.is_open:
            return "closed"
        return "open" if self._prober is None else "probing"

    def wait_s(self, who: object, now: float) -> float:
        """0 where this poller may read now, as the one probe if need be; else how long to wait."""
        if not self.is_open:
            return 0.0
        if self._until is not None and now < self._until:
            return self._until - now
        if self._prober is not None:
            return PROBED_S
        self._prober = who
        return 0.0

    def succeeded(self) -> None:
        """A read went well."""
        self.failures = 0
        self.fault = None
        self._until = None

    def failed(self, who: object, fault: Fault, status: int | None) -> None:
        """A read failed. What was on its way when it opened counts no more."""
        if status in ONE_ADDRESS or (self.is_open and who is not self._prober):
            return
        self.failures += 1
        self.fault = fault

    def ended(self, who: object, next_at: float) -> None:
        """A read has ended, however it did; the next probe is not before ``next_at``."""
        if self.is_open and (self._prober is who or self._until is None):
            self._until = next_at
        if self._prober is who:
            self._prober = None
