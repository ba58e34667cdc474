"""When to read a source next: interval, jitter, backoff, hints of the upstream, daily quota.

Pure: it is told the time and the random draw (0 <= draw < 1) and answers in seconds. It must not
look at a clock, draw for itself or wait.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

DAY_S: Final = 86_400.0
"""No upstream makes us wait longer than this: a mistaken header must not freeze a source."""

FIRST_SPREAD_S: Final = 1.0
"""Over how long first reads are spread: short, because somebody who starts it wants to see data."""

JITTER: Final = 0.05
"""How far an interval strays to either side, so that sources do not march in step."""

BACKOFF_BASE_S: Final = 1.0
BACKOFF_CAP_S: Final = 300.0
_MOST_DOUBLINGS: Final = 9  # 1 s x 2^9 is above the cap, and 2^10000 is not a float

REFUSED_FLOOR_S: Final = 60.0
REFUSED: Final = frozenset({401, 402, 403, 404, 410, 418})
"""Answers that asking again does not cure: a wrong key, a spent quota, a wrong address, a ban."""

STALE_INTERVALS: Final = 3

_DIGITS = re.compile(r"[0-9]+(\.[0-9]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a source may be read.

    Attributes:
        every_s: the configured interval.
        quota_per_day: how many calls the upstream allows a day, if it counts them.
        cost: how many of those calls one read spends.

    Raises:
        ValueError: a number is not positive, or one read costs more than a whole day's quota.
    """

    every_s: float
    quota_per_day: int | None = None
    cost: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.every_s) and self.every_s > 0):
            raise ValueError(f"expected an interval above 0 s, got {self.every_s!r}")
        if self.cost < 1:
            raise ValueError(f"expected a cost of at least 1 call, got {self.cost!r}")
        if self.quota_per_day is not None and self.quota_per_day < self.cost:
            raise ValueError(
                f"one read costs {self.cost} calls, but the quota is {self.quota_per_day} a day"
            )

    @property
    def quota_s(self) -> float:
        """The shortest interval at which the quota lasts all day; 0 without a quota."""
        return self.cost * DAY_S / self.quota_per_day if self.quota_per_day else 0.0

    @property
    def interval_s(self) -> float:
        """The interval in force: the configured one, stretched to the quota."""
        return max(self.every_s, self.quota_s)


@dataclass(frozen=True, slots=True)
class Hints:
    """What an upstream said about how often it wants to be read.

    Attributes:
        min_delay_s: the least delay it asked for (max-age, X-Poll-Interval, a feed's ttl).
    """

    min_delay_s: float | None = None

    def slower(self, other: Hints) -> Hints:
        """Both hints together: the slower one counts."""
        asked = [hint.min_delay_s for hint in (self, other) if hint.min_delay_s is not None]
        return Hints(max(asked, default=None))


def first_delay_s(every_s: float, draw: float) -> float:
    """How long to wait before the very first read: at once, but not all in the same instant."""
    return min(every_s, FIRST_SPREAD_S) * draw


def next_delay_s(pace: Pace, hints: Hints, draw: float) -> float:
    """From the start of a read that went well to the start of the next.

    A quota and a hint are lower bounds, so their jitter only goes up.
    """
    late = 1 + JITTER * draw
    configured = pace.every_s * (1 - JITTER + 2 * JITTER * draw)
    hinted = min(_sane(hints.min_delay_s) * late, DAY_S)
    return max(configured, pace.quota_s * late, hinted)


def backoff_s(
    failures: int,
    draw: float,
    *,
    every_s: float,
    retry_after_s: float | None = None,
    status: int | None = None,
) -> float:
    """From the start of a read that failed to the start of the next.

    Drawn evenly between the interval and a ceiling that doubles with each failure, up to 300 s:
    a failing source is never read more often than a healthy one.

    Args:
        failures: how many reads have failed in a row, this one included.
        every_s: the interval in force, see `Pace.interval_s`.
        retry_after_s: what the upstream asked for; obeyed as a lower bound, up to 24 h.
        status: the HTTP status of the failure; a refusal (401, 404, …) waits at least 60 s.
    """
    floor = max(every_s, REFUSED_FLOOR_S) if status in REFUSED else every_s
    doublings = min(max(failures, 0), _MOST_DOUBLINGS)
    ceiling = min(BACKOFF_CAP_S, max(BACKOFF_BASE_S, floor) * 2.0**doublings)
    delay = floor + draw * max(ceiling - floor, floor * JITTER)
    asked = min(_sane(retry_after_s), DAY_S)
    if asked <= 0:
        return delay
    # Everybody who was refused got the same number: without a spread all come back together.
    return max(delay, asked + draw * min(max(asked / 10, 1.0), 60.0))


def stale_after_s(every_s: float) -> float:
    """The age at which what was read last is called stale; give it the interval in force."""
    return STALE_INTERVALS * every_s


def parse_date(text: str) -> float | None:
    """An HTTP date in Unix seconds, or None where it is not one."""
    try:
        moment = parsedate_to_datetime(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_seconds(text: str | None) -> float | None:
    """A count of seconds, at most 24 h, or None where it is not one."""
    text = (text or "").strip()
    return min(float(text), DAY_S) if _DIGITS.fullmatch(text) else None


def parse_retry_after(text: str, now: float) -> float | None:
    """Retry-After, as seconds or as a date, in seconds from ``now`` (Unix seconds): 0 to 24 h.

    A date that has passed is 0; anything unreadable, a negative number too, is None.
    """
    seconds = parse_seconds(text)
    return seconds if seconds is not None else _until(text, now)


def parse_expires(text: str, now: float) -> float:
    """Expires in seconds from ``now`` (Unix seconds): 0 to 24 h; unreadable means expired."""
    return _until(text, now) or 0.0


def parse_max_age(cache_control: str, age: str | None) -> float | None:
    """How much longer a cache may keep the answer: max-age less Age, 0 to 24 h.

    ``no-cache`` and ``no-store`` are 0; without a readable max-age it is None.
    """
    max_age: float | None = None
    for directive in cache_control.split(","):
        name, _, value = directive.strip().partition("=")
        if name.lower() in ("no-cache", "no-store"):
            return 0.0
        if name.lower() == "max-age" and max_age is None:
            max_age = parse_seconds(value.strip().strip('"'))
    return None if max_age is None else max(0.0, max_age - (parse_seconds(age) or 0.0))


def read_hints(header: Callable[[str], str | None], now: float) -> Hints:
    """The hints of an answer's headers. ``header`` gives a header by its lower-case name."""
    fresh = parse_max_age(header("cache-control") or "", header("age"))
    expires = header("expires")
    if fresh is None and expires is not None:
        fresh = parse_expires(expires, now)
    return Hints(fresh).slower(Hints(parse_seconds(header("x-poll-interval"))))


def _until(text: str, now: float) -> float | None:
    moment = parse_date(text)
    return None if moment is None else min(max(0.0, moment - now), DAY_S)


def _sane(seconds: float | None) -> float:
    return seconds if seconds is not None and seconds > 0 else 0.0
