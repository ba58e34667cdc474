"""Wrong but polite answers: pages, nothing, lies about what changed (CWE-20, CWE-345, CWE-707)."""

from __future__ import annotations

from typing import Final

import orjson
import pytest

from tests.hostile.upstream import GOOD_JSON, Trap, answer, head
from tests.hostile.upstream_runs import Outcome, check, observe

PAGE: Final = b"<!doctype html><html><head><title>Welcome to Hotel WiFi</title></head></html>"
CHANGED: Final = GOOD_JSON.replace(b'"three"', b'"four"')
ETAG: Final = 'ETag: "same"'
FUTURE: Final = "Last-Modified: Fri, 01 Jan 2199 00:00:00 GMT"


def refused(*lines: str, status: str) -> bytes:
    return answer(b"{}", *lines, status=status)


PAGES: Final = {
    "page": Trap(answer(PAGE, "Content-Type: text/html"), "html"),
    "page-called-json": Trap(answer(PAGE, "Content-Type: application/json"), "html"),
    "page-as-feed": Trap(answer(PAGE, "Content-Type: application/rss+xml"), "html", feed=True),
    "words-called-page": Trap(answer(b"please wait", "Content-Type: text/html"), "html bad_json"),
    "captive-portal": Trap(
        head("Location: http://10.0.0.1/login", "Content-Length: 0", status="302 Found"), "address"
    ),
    "empty": Trap(answer(b""), "empty"),
    "blank": Trap(answer(b" \r\n\t " * 99), "empty"),
    "empty-as-feed": Trap(answer(b""), "empty", feed=True),
    "no-content": Trap(answer(b"", status="204 No Content"), "empty"),
    "reset-content": Trap(answer(b"", status="205 Reset Content"), "empty"),
    "partial": Trap(answer(GOOD_JSON, status="206 Partial Content"), "http_206"),
    "choices": Trap(answer(GOOD_JSON, status="300 Multiple Choices"), "http_300"),
    "not-modified-unasked": Trap(head(status="304 Not Modified"), "unexpected_304"),
    "error-with-items": Trap(answer(GOOD_JSON, status="500 Oops"), "http_500"),
    "json-as-feed": Trap(answer(GOOD_JSON), "wrong_shape bad_feed bad_json", feed=True),
    "half-a-feed": Trap(answer(b"<rss version='2.0'><chan"), "bad_feed", feed=True),
}

LIES: Final = {
    "same-etag-other-body": Trap(answer(CHANGED, ETAG), first=(ETAG,), changes=1),
    "etag-flips": Trap(
        [answer(GOOD_JSON, f"ETag: {weak}{n}") for n in range(4) for weak in ("W/", "")],
        first=(ETAG,),
    ),
    "etag-of-all-kinds": Trap([answer(GOOD_JSON, f'ETag: "{"x" * 5000}"'), answer(GOOD_JSON)]),
    "modified-in-the-future": Trap(answer(GOOD_JSON, FUTURE), first=(FUTURE,)),
    "modified-never": Trap(answer(GOOD_JSON, "Last-Modified: never"), first=(FUTURE,)),
    "date-of-2199": Trap(answer(GOOD_JSON, "Date: Fri, 01 Jan 2199 00:00:00 GMT")),
    "hints-in-words": Trap(
        answer(GOOD_JSON, "Cache-Control: max-age=soon", "X-Poll-Interval: -1", "Expires: 0")
    ),
    "shuffled": Trap([answer(orjson.dumps(orjson.loads(GOOD_JSON)[::n])) for n in (-1, 1, -1)]),
    "other-spaces": Trap(answer(GOOD_JSON.replace(b",", b" ,\n"))),
    "empty-list-once": Trap([answer(b"[]"), answer(GOOD_JSON)]),
    "two-of-one-id": Trap(
        answer(GOOD_JSON[:-1] + b',{"id":3,"name":"another"}]'), changes=1
    ),
    "type-nonsense": Trap(answer(GOOD_JSON, "Content-Type: \x00\xff;;;charset=\xff"), "protocol"),
    "type-unknown": Trap(answer(GOOD_JSON, "Content-Type: x/y; charset=utf-99")),
}  # fmt: skip

LIMITS: Final = {
    f"retry-{n}": Trap(refused(f"Retry-After: {value}", status=status), f"http_{status[:3]}")
    for n, (status, value) in enumerate(
        (status, value)
        for status in ("429 Slow", "503 Busy")
        for value in (
            "1", "0", "-1", "1e9", "1000000000", "9" * 400, "soon", "", "0x10", "NaN", "1,2",
            "Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 2199 23:59:59 GMT",
            "Fri, 99 Foo 99999999999999 99:99:99 GMT", "\xff\xfe", "١",
        )
        if value.isascii() or value == "\xff\xfe"
    )
} | {
    "gone": Trap(refused(status="410 Gone"), "http_410"),
    "teapot": Trap(refused("Retry-After: 1", status="418 Banned"), "http_418"),
    "payment": Trap(refused(status="402 Payment Required"), "http_402"),
}  # fmt: skip

TRAPS: Final = PAGES | LIES | LIMITS


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return observe(TRAPS)


@pytest.mark.parametrize("name", TRAPS)
def test_a_wrong_answer_changes_nothing_and_a_changed_one_only_what_changed(
    outcomes: dict[str, Outcome], name: str
) -> None:
    check(TRAPS[name], outcomes[name])


def test_what_changed_behind_an_etag_that_stays_is_seen(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["same-etag-other-body"].after[3] == {"id": 3, "name": "four"}


def test_a_second_item_of_one_id_hides_none(outcomes: dict[str, Outcome]) -> None:
    after = outcomes["two-of-one-id"].after
    assert len(after) == 4
    assert after[3] == {"id": 3, "name": "three"}


def test_a_page_is_named_by_its_title(outcomes: dict[str, Outcome]) -> None:
    assert "'Welcome to Hotel WiFi'" in outcomes["page"].message
