"""When to read a source next: interval, jitter, backoff, hints of the upstream, daily quota.

Pure: it is told the time and the random draw (0 <= draw < 1) and answers in seconds. It must not
look at a clock, draw for itself or wait.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0
"""No upstream makes us wait longer than this: a mistaken header must not freeze a source."""

FIRST_SPREAD_S: Final = 1.0
"""Over how long first reads are spread: short, because somebody who starts it wants to see data."""
RESTART_SPREAD_S: Final = 10.0
"""Over how long, after a restart, those reads are spread that were not due yet."""

MOST_SKIPPED_H: Final = 72
"""Longest rest that a feed's skipHours and skipDays can bring: a long weekend."""
SKIP_SPREAD_S: Final = 300.0
"""Over how long reads are spread after such a rest, which ends for everybody on the hour."""

JITTER: Final = 0.05
"""How far an interval strays to either side, so that sources do not march in step."""

BACKOFF_BASE_S: Final = 1.0
BACKOFF_CAP_S: Final = 300.0
_MOST_DOUBLINGS: Final = 9  # 1 s x 2^9 is above the cap, and 2^10000 is not a float

REFUSED_FLOOR_S: Final = 60.0
REFUSED: Final = frozenset({401, 402, 403, 404, 410, 418})
"""Answers that asking again does not cure: a wrong key, a spent quota, a wrong address, a ban."""
LIMITING: Final = frozenset({402, 429})
"""Answers that say: too often. So does a 403 that says until when."""

ADAPT_FASTER: Final = 0.6
ADAPT_SLOWER: Final = 1.25
"""What an adaptive interval is multiplied by after a change, and after none."""

SPENT_S: Final = 3_600.0
"""How long a 402 without a date waits: such quotas are renewed at midnight, or by somebody."""

STALE_INTERVALS: Final = 3

_UNIX_SINCE: Final = 1e9
"""A reset above this is a moment in Unix seconds (since 2001), else a count of seconds."""

_DIGITS = re.compile(r"[0-9]+(\.[0-9]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a source may be read.

    Attributes:
        every_s: the configured interval.
        quota_per_day: how many calls the upstream allows a day, if it counts them.
        cost: how many of those calls one read spends.
        adaptive: the least and the longest interval in seconds, where it follows the changes.

    Raises:
        ValueError: a number is not positive, one read costs more than a whole day's quota, or the
            longest interval is shorter than the least.
    """

    every_s: float
    quota_per_day: int | None = None
    cost: int = 1
    adaptive: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.every_s) and self.every_s > 0):
            raise ValueError(f"expected an interval above 0 s, got {self.every_s!r}")
        if self.cost < 1:
            raise ValueError(f"expected a cost of at least 1 call, got {self.cost!r}")
        if self.quota_per_day is not None and self.quota_per_day < self.cost:
            raise ValueError(
                f"one read costs {self.cost} calls, but the quota is {self.quota_per_day} a day"
            )
        if self.adaptive is not None and not 0 < self.adaptive[0] <= self.adaptive[1]:
            raise ValueError(f"expected a least and a longest interval, got {self.adaptive!r}")

    def after(self, *, changed: bool) -> Pace:
        """The pace after a read that went well: an adaptive one follows how often things change."""
        if self.adaptive is None:
            return self
        least_s, longest_s = self.adaptive
        every_s = self.every_s * (ADAPT_FASTER if changed else ADAPT_SLOWER)
        return replace(self, every_s=min(max(every_s, least_s), longest_s))

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
        skip_hours: hours of the day (0 to 23, UTC) in which it wants no reads.
        skip_days: such days of the week, 0 for Monday.
    """

    min_delay_s: float | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()

    def slower(self, other: Hints) -> Hints:
        """Both hints together: the slower one counts."""
        if other == NO_HINTS:
            return self
        asked = [hint.min_delay_s for hint in (self, other) if hint.min_delay_s is not None]
        return Hints(
            max(asked, default=None),
            self.skip_hours | other.skip_hours,
            self.skip_days | other.skip_days,
        )

    def counted_from(self, start_before_s: float) -> Hints:
        """The same hints, for who counts from that long before they were given."""
        asked = self.min_delay_s
        return self if asked is None else replace(self, min_delay_s=asked + start_before_s)


NO_HINTS: Final = Hints()
_HINTING: Final = (
    "cache-control",
    "expires",
    "x-poll-interval",
    "x-ratelimit-remaining",
    "ratelimit-remaining",
)
"""Headers without which an answer gives no hints."""


def first_delay_s(every_s: float, draw: float) -> float:
    """How long to wait before the very first read: at once, but not all in the same instant."""
    return min(every_s, FIRST_SPREAD_S) * draw


def restart_delay_s(every_s: float, draw: float, *, left_s: float, owed: bool) -> float:
    """How long to wait before the first read after a restart.

    Args:
        left_s: until the time that was set before the restart; passed where it is not above 0.
        owed: whether that time must be kept: the upstream asked for it, or the last read failed or
            did not come to its end. Else it was our own choice, and reads are spread only.
    """
    if not left_s > 0:
        return first_delay_s(every_s, draw)
    if owed:
        return min(left_s, MOST_SKIPPED_H * HOUR_S)
    return min(left_s, RESTART_SPREAD_S) * draw


def next_delay_s(
    pace: Pace, hints: Hints, draw: float, *, now: float = 0.0, budget_s: float = 0.0
) -> float:
    """From the start of a read that went well to the start of the next.

    A quota and a hint are lower bounds, so their jitter only goes up.

    Args:
        now: that start in Unix seconds; it counts for skipped hours and days only.
        budget_s: the interval at which what is left of the day's quota lasts, see `budget_s`.
    """
    late = 1 + JITTER * draw
    configured = pace.every_s * (1 - JITTER + 2 * JITTER * draw)
    hinted = min(_sane(hints.min_delay_s) * late, DAY_S)
    return rested_s(max(configured, pace.quota_s * late, budget_s * late, hinted), hints, draw, now)


def rested_s(delay_s: float, hints: Hints, draw: float, now: float) -> float:
    """The delay, made longer where it would end in an hour or on a day that is to be skipped.

    Hints that would skip the whole week are a mistake and count for nothing.
    """
    if not (hints.skip_hours or hints.skip_days):
        return delay_s
    first = int((now + delay_s) // HOUR_S)
    for hour in range(first, first + 7 * 24):
        # The first of January 1970 was a Thursday, the fourth day of its week.
        if hour % 24 in hints.skip_hours or (hour // 24 + 3) % 7 in hints.skip_days:
            continue
        if hour == first:
            return delay_s
        hour = min(hour, first + MOST_SKIPPED_H)
        return max(delay_s, hour * HOUR_S - now + draw * SKIP_SPREAD_S)
    return delay_s


def budget_s(left: int, cost: int, to_reset_s: float) -> float:
    """The interval at which the calls that are left of a quota last until it is renewed."""
    return cost * to_reset_s / left if left > 0 else to_reset_s


def left_s(delay_s: float, elapsed_s: float) -> float:
    """How long to wait still, where a read took so long; ticks that it missed are left out."""
    if elapsed_s < delay_s or delay_s <= 0:
        return max(0.0, delay_s - elapsed_s)
    return delay_s - elapsed_s % delay_s


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
    if status == 402 and asked <= 0:
        asked = SPENT_S
    if asked <= 0:
        return delay
    # Everybody who was refused got the same number: without a spread all come back together.
    return max(delay, asked + draw * min(max(asked / 10, 1.0), 60.0))


def failing_every_s(pace: Pace, hints: Hints) -> float:
    """The least interval of a source that fails: that of a healthy one, as far as it is short.

    An upstream that wants to be read once a day is asked again sooner after a failure.
    """
    return max(next_delay_s(pace, Hints(), 0.5), min(_sane(hints.min_delay_s), BACKOFF_CAP_S))


def stale_after_s(every_s: float) -> float:
    """The age at which what was read last is called stale; give it the interval in force."""
    return STALE_INTERVALS * every_s


@lru_cache(maxsize=256)
def parse_date(text: str) -> float | None:
    """An HTTP date in Unix seconds, or None where it is not one.

    Remembered for a few texts: in any one second many answers carry the same Date, and parsing it
    costs as much as parsing their heads.
    """
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
    if not any(map(header, _HINTING)):
        return NO_HINTS
    fresh = parse_max_age(header("cache-control") or "", header("age"))
    expires = header("expires")
    if fresh is None and expires is not None:
        fresh = parse_expires(expires, now)
    spent = Hints(read_reset(header, now))
    return Hints(fresh).slower(Hints(parse_seconds(header("x-poll-interval")))).slower(spent)


def read_retry(header: Callable[[str], str | None], now: float) -> float | None:
    """How long a refusal asks us to wait: Retry-After, else until a spent allowance is renewed."""
    asked = parse_retry_after(header("retry-after") or "", now)
    return asked if asked is not None else read_reset(header, now)


def read_reset(header: Callable[[str], str | None], now: float) -> float | None:
    """Until the allowance is renewed, 0 to 24 h; None where none is spent, or no time is given.

    Read from X-RateLimit-Remaining and -Reset (or RateLimit-…), in seconds or as Unix seconds.
    """
    for prefix in ("x-ratelimit-", "ratelimit-"):
        remaining, reset = header(f"{prefix}remaining"), (header(f"{prefix}reset") or "").strip()
        left = parse_seconds(remaining)
        if left is not None and left < 1 and _DIGITS.fullmatch(reset):
            moment = float(reset)
            return min(max(0.0, moment - now if moment > _UNIX_SINCE else moment), DAY_S)
    return None


def _until(text: str, now: float) -> float | None:
    moment = parse_date(text)
    return None if moment is None else min(max(0.0, moment - now), DAY_S)


def _sane(seconds: float | None) -> float:
    return seconds if seconds is not None and seconds > 0 else 0.0
