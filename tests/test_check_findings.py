from __future__ import annotations

import pytest

from stream.cli.check_findings import Plan, Reading, find, interval, volatile
from stream.errors import SourceError
from stream.exchange import Response, Validators
from stream.identity import Keyed
from stream.model import ADDED_KEY, Item
from stream.schedule import Hints, Pace
from stream.sources.base import Poll

PLAN = Plan("q", "q", "http", Pace(5), is_fetched=True)


def keyed(*items: Item, key: str = "id", found: str | None = "id", **counts: int) -> Keyed:
    rows = {item[key]: item for item in items}
    counts = {"duplicates": 0, "skipped": 0} | counts
    return Keyed(rows, key, counts["duplicates"], counts["skipped"], found)  # type: ignore[arg-type]


def reading(
    items: Keyed | None,
    *,
    etag: str | None = '"1"',
    not_modified: bool = False,
    size: int = 10,
    content_type: str = "application/json",
    hints: Hints | None = None,
) -> Reading:
    hints = hints or Hints()
    status = 304 if not_modified else 200
    answer = Response(
        status, b"", content_type, Validators(etag), size, 0.01, not_modified, hints
    )  # fmt: skip
    return Reading(0.01, Poll(items, hints, size, not_modified), None, (answer,))


A: Item = {"id": 1, "p": 1}
B: Item = {"id": 2, "p": 1}


@pytest.mark.parametrize(
    ("pace", "hints", "every_s", "words"),
    [
        (Pace(5), Hints(), 5, "as configured"),
        (Pace(5), Hints(60), 60, "its headers ask"),
        (Pace(600), Hints(60), 600, "as configured"),
        (Pace(5, 100, 3), Hints(60), 2592, "100 calls a day, 3 each"),
        (Pace(5, adaptive=(2, 60)), Hints(), 5, "adaptive, from 2s to 1m"),
        (Pace(5), Hints(None, frozenset({3}), frozenset({6})), 5, "not at 3:00, Sun UTC"),
    ],
)
def test_the_interval_in_force_comes_with_its_reason(
    pace: Pace, hints: Hints, every_s: float, words: str
) -> None:
    found, why = interval(Plan("q", "q", "http", pace), hints, hints.min_delay_s or 0.0)
    assert found == every_s
    assert words in why


def test_a_hint_that_stands_in_no_header_is_the_feeds() -> None:
    assert "the feed asks" in interval(PLAN, Hints(60), 30.0)[1]
    watched = Plan("q", "q", "http", Pace(5), is_watched=True)
    assert "only while somebody listens" in interval(watched, Hints(), 0.0)[1]


def test_what_moves_in_half_of_the_items_is_volatile() -> None:
    before = {n: {"id": n, "at": 0, "p": 0} for n in range(4)}
    after = {n: {"id": n, "at": 1, "p": int(n == 0)} for n in range(4)}
    assert volatile(before, after) == {"at": 4}  # type: ignore[arg-type]
    assert volatile(before, before) == volatile(before, {}) == {}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (reading(keyed()), None, "no items"),
        (reading(keyed(A, duplicates=2)), None, "duplicate keys: 2 items"),
        (reading(keyed(A, skipped=1)), None, "1 item without a usable key"),
        (reading(keyed(A, B, found=ADDED_KEY)), None, "no field identifies an item"),
        (reading(keyed(A), etag=None), None, "no ETag and no Last-Modified"),
        (reading(keyed(A), content_type="text/html; charset=x"), None, "labelled as text/html"),
        (reading(keyed(A), size=10**9), None, "is much"),
        (reading(keyed(A)), reading(None), "but not a 304"),
        (reading(keyed(A)), reading(keyed(A | {"p": 2})), "changed under the same ETag"),
        (reading(keyed(A)), reading(keyed(B)), "another key"),
        (reading(keyed(A, B)), reading(keyed(A | {"p": 2}, B | {"p": 2})), 'volatile: a second'),
        (reading(keyed(A)), Reading(0.1, None, SourceError("timeout", "no")), "second read failed"),
    ],
)  # fmt: skip
def test_what_looks_wrong_is_said(first: Reading, second: Reading | None, words: str) -> None:
    remarks = find(PLAN, first, second).remarks
    assert any(words in remark for remark in remarks), remarks


def test_a_source_as_it_should_be_gets_no_remark() -> None:
    finding = find(PLAN, reading(keyed(A, B)), reading(None, not_modified=True))
    assert finding.remarks == ()
    assert finding.again == "304"


def test_a_large_body_that_is_spared_by_a_304_is_not_much() -> None:
    finding = find(PLAN, reading(keyed(A), size=10**9), reading(None, not_modified=True))
    assert finding.remarks == ()


def test_a_failure_keeps_the_status_of_the_answer() -> None:
    bad = Reading(0.1, None, SourceError("html", "a page"), reading(None).answers)
    finding = find(PLAN, bad, None)
    assert (finding.state, finding.error, finding.status) == ("failed", "html: a page", 200)
