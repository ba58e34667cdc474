"""What ``stream check`` finds out: from two reads of a source to what a person should know.

Pure: it reads nothing and prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from stream.diff import diff
from stream.errors import SourceError
from stream.exchange import Response
from stream.identity import Keyed
from stream.model import ADDED_KEY, Item
from stream.schedule import Hints, Pace
from stream.sources.base import Poll
from stream.units import format_duration, format_size

VOLATILE_SHARE: Final = 0.5
"""A field that moved in this share of the items between two reads a second apart is volatile."""
LARGE_BYTES_PER_S: Final = 256 * 1024
"""More than this, all day long, is worth a word: it is 20 GB a day."""
SHOWN_ITEMS: Final = 2
_SHOWN_FIELDS: Final = 6
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Reading:
    """One read.

    Attributes:
        elapsed_s: of all its requests together, without what we waited for politeness.
        answers: what came over HTTP, where anything did.
    """

    elapsed_s: float
    poll: Poll | None = None
    error: SourceError | None = None
    answers: tuple[Response, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How a source is to be read, by the configuration.

    Attributes:
        ignore: the fields whose change alone is no change.
        is_watched: read only while somebody listens.
        is_fetched: over HTTP, so that validators are to be expected.
    """

    source: str
    channel: str
    kind: str
    pace: Pace
    ignore: frozenset[str] = frozenset()
    is_watched: bool = False
    is_fetched: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """All that is said of one source.

    Attributes:
        state: ``ok``, ``failed``, or ``not read``.
        status: of the first answer over HTTP.
        again: what the second read brought: ``304``, ``identical``, ``same items``, ``n changes``,
            ``failed``; None where there was none.
        why: why that interval.
        items: the first ones, as they would be sent.
        remarks: what looks wrong, a sentence each.
    """

    source: str
    channel: str
    kind: str
    state: str
    error: str | None = None
    status: int | None = None
    elapsed_ms: int | None = None
    received_bytes: int | None = None
    validators: tuple[str, ...] = ()
    again: str | None = None
    every_s: float | None = None
    why: str = ""
    count: int = 0
    key: str = ""
    items: tuple[Item, ...] = ()
    remarks: tuple[str, ...] = field(default=())


def not_read(source: str, channel: str, kind: str, why: str) -> Finding:
    """A source that is not read here, and why."""
    return Finding(source, channel, kind, "not read", why=why)


def find(plan: Plan, first: Reading, second: Reading | None) -> Finding:
    """What two reads say of a source; ``second`` is None where it was read once."""
    error, poll = first.error, first.poll
    status = (error.status if error is not None else None) or _status(first)
    if error is not None or poll is None:
        words = f"{error.kind}: {error.message}" if error is not None else "no answer"
        return Finding(
            *(plan.source, plan.channel, plan.kind, "failed", words, status),
            elapsed_ms=round(first.elapsed_s * 1000),
        )
    keyed = poll.keyed or Keyed({}, "", 0, 0, None)
    every_s, why = interval(plan, poll.hints, _asked_by_header(first))
    return Finding(
        *(plan.source, plan.channel, plan.kind, "ok", None, status),
        elapsed_ms=round(first.elapsed_s * 1000),
        received_bytes=poll.received_bytes if plan.is_fetched else None,
        validators=_validators(first),
        again=None if second is None else _again(keyed, second),
        every_s=every_s,
        why=why,
        count=len(keyed.items),
        key=keyed.key,
        items=tuple(list(keyed.items.values())[:SHOWN_ITEMS]),
        remarks=tuple(_remarks(plan, keyed, first, second, every_s)),
    )


def interval(plan: Plan, hints: Hints, header_s: float) -> tuple[float, str]:
    """The interval in force in seconds, and the reason in words.

    Args:
        hints: all that the upstream said.
        header_s: what of it stood in headers.
    """
    pace = plan.pace
    asked_s = hints.min_delay_s or 0.0
    every_s = max(pace.interval_s, asked_s)
    if asked_s > pace.interval_s:
        where = "its headers ask" if header_s >= asked_s else "the feed asks"
        why = f"{where} for it (configured: {format_duration(pace.every_s)})"
    elif pace.quota_s > pace.every_s:
        per = f"{pace.quota_per_day} calls a day" + (f", {pace.cost} each" if pace.cost > 1 else "")
        why = f"so that {per}, last (configured: {format_duration(pace.every_s)})"
    else:
        why = "as configured"
    if pace.adaptive is not None:
        least, most = map(format_duration, pace.adaptive)
        why += f"; adaptive, from {least} to {most}"
    skipped = [f"{hour}:00" for hour in sorted(hints.skip_hours)]
    skipped += [_DAYS[day] for day in sorted(hints.skip_days)]
    if skipped:
        why += f"; not at {', '.join(skipped)} UTC, as the feed asks"
    if plan.is_watched:
        why += "; only while somebody listens"
    return every_s, why


def volatile(before: Mapping[object, Item], after: Mapping[object, Item]) -> dict[str, int]:
    """Fields that moved in half of the items or more, each with in how many."""
    both = before.keys() & after.keys()
    if not both:
        return {}
    change = diff({k: before[k] for k in both}, {k: after[k] for k in both})  # type: ignore[misc]
    moved: Counter[str] = Counter()
    for fields in change.patch.values():
        moved.update(fields.keys())
    least = max(1.0, VOLATILE_SHARE * len(both))
    return {name: count for name, count in moved.most_common() if count >= least}


def _status(reading: Reading) -> int | None:
    return reading.answers[0].status if reading.answers else None


def _validators(reading: Reading) -> tuple[str, ...]:
    if not reading.answers:
        return ()
    found = reading.answers[0].validators
    named = (("ETag", found.etag), ("Last-Modified", found.last_modified))
    return tuple(name for name, value in named if value)


def _asked_by_header(reading: Reading) -> float:
    return max((a.hints.min_delay_s or 0.0 for a in reading.answers), default=0.0)


def _again(keyed: Keyed, second: Reading) -> str:
    if second.poll is None:
        return "failed"
    if second.poll.not_modified:
        return "304"
    if second.poll.keyed is None:
        return "identical"
    changes = len(diff(keyed.items, second.poll.keyed.items))
    return f"{changes} change{'s' if changes > 1 else ''}" if changes else "same items"


def _remarks(
    plan: Plan, keyed: Keyed, first: Reading, second: Reading | None, every_s: float
) -> Iterable[str]:
    """What looks wrong."""
    yield from _of_items(keyed)
    if second is not None and second.error is not None:
        yield f"the second read failed, {second.error.kind}: {second.error.message}"
    if second is not None and second.poll is not None and second.poll.keyed is not None:
        yield from _of_changes(plan, keyed, second.poll.keyed)
    if plan.is_fetched and first.answers:
        yield from _of_answers(first, second)
        yield from _of_size(first, second, every_s)


def _of_items(keyed: Keyed) -> Iterable[str]:
    if not keyed.items:
        yield "no items: is this where they are? see items, drop"
        return
    if keyed.duplicates:
        yield f"duplicate keys: {_items(keyed.duplicates)} got #2, #3 … behind it; is key right?"
    if keyed.skipped:
        yield f"{_items(keyed.skipped)} without a usable key, left out"
    if keyed.found == ADDED_KEY and len(keyed.items) > 1:
        yield (
            "no field identifies an item, so a hash of its content does, and each change is a new "
            "item: set key"
        )


def _of_changes(plan: Plan, before: Keyed, after: Keyed) -> Iterable[str]:
    moved = volatile(before.items, after.items)  # type: ignore[arg-type]
    names = [name for name in moved if name not in plan.ignore]
    if names and len(before.items) > 1 and plan.is_fetched:
        shown = ", ".join(f'"{name}"' for name in names[:_SHOWN_FIELDS])
        more = ", …" if len(names) > _SHOWN_FIELDS else ""
        share = max(moved[name] for name in names)
        yield (
            f"volatile: a second later {shown}{more} had changed, in up to {share} of "
            f"{_items(len(before.items))}; where that is noise, name them in ignore"
        )
    if before.items and after.items and not before.items.keys() & after.items.keys():
        yield "a second later every item had another key: is key right?"


def _items(count: int) -> str:
    return f"{count} item{'' if count == 1 else 's'}"


def _of_answers(first: Reading, second: Reading | None) -> Iterable[str]:
    answer, validators = first.answers[0], _validators(first)
    if answer.content_type.strip().lower().startswith(("text/html", "application/xhtml")):
        yield f"labelled as {answer.content_type.partition(';')[0].strip()}, read all the same"
    if not validators:
        yield "no ETag and no Last-Modified: each read transfers the whole body"
        return
    if second is None or second.poll is None or second.poll.not_modified or not second.answers:
        return
    names = " and ".join(validators)
    if second.poll.keyed is None:
        yield f"it sends {names}, but not a 304 where nothing changed"
    elif second.answers[0].validators.etag == answer.validators.etag is not None:
        yield "the body changed under the same ETag"


def _of_size(first: Reading, second: Reading | None, every_s: float) -> Iterable[str]:
    received = sum(answer.received_bytes for answer in first.answers)
    spared = second is not None and second.poll is not None and second.poll.not_modified
    if not spared and received > LARGE_BYTES_PER_S * every_s:
        size, every = format_size(-(-received // 1024) * 1024), format_duration(every_s)
        yield f"{size} every {every} is much: ask for less, or less often"
