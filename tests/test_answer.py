"""An answer is what its bytes say, however they are cut, and is bounded where nothing bounds it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.answer import MAX_QUIET_BYTES, Answer, BadAnswer
from tests.fetching import head

INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\nETag: no\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"2;a=b\r\n[1\r\n1\r\n]\r\n0\r\nETag: late\r\n\r\n"
WHOLE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]",
    "chunks": CHUNKED + CHUNKS,
    "interim": INTERIM * 3 + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]",
    "bare lines": b"HTTP/1.1 200 OK\nContent-Length: 3\n\n[1]",
    "padded sizes": CHUNKED + b"3  \r\n[1]\r\n0\r\n\r\n",
    "offers": b"HTTP/1.1 200 OK\r\nUpgrade: h2\r\nConnection: Upgrade\r\n"
    b"Content-Length: 3\r\n\r\n[1]",
}


def fed(*parts: bytes) -> Answer:
    answer = Answer()
    for part in parts:
        answer.feed(part)
    return answer


@pytest.mark.parametrize("name", WHOLE)
@given(cuts=st.sets(st.integers(1, 200)))
def test_however_it_is_cut_it_is_the_same_answer(name: str, cuts: set[int]) -> None:
    data = WHOLE[name]
    ends = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
    answer = fed(*(data[a:b] for a, b in zip([0, *ends], ends, strict=False)))
    assert (answer.status, answer.is_complete, answer.may_follow) == (200, True, True)
    assert (answer.take(), answer.take()) == (b"[1]", b"")
    assert "etag" not in answer.headers


@pytest.mark.parametrize("name", ["content-encoding", "cache-control"])
def test_of_a_header_the_first_counts_but_of_some_every_line(name: str) -> None:
    answer = fed(head("A: 1 ", "a: 2", "B:  ", f"{name.title()}: one", f"{name}: two"))
    assert answer.headers == {"a": "1", "b": "", name: "one, two"}


def test_without_a_length_it_ends_with_its_connection() -> None:
    answer = fed(head(), b"[1", b"]")
    assert not answer.is_complete
    answer.end()
    assert (answer.take(), answer.is_complete, answer.may_follow) == (b"[1]", True, False)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("lines", [[], ["Content-Length: 99"]])
def test_an_answer_that_has_no_body_ends_with_its_head(status: str, lines: list[str]) -> None:
    answer = fed(head(*lines, status=status))
    assert (answer.is_complete, answer.may_follow, answer.take()) == (True, True, b"")


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [INTERIM],
        [b"HTTP/1.1 200 OK\r\nConten"],
        [head("Content-Length: 9"), b"[1]"],
        [CHUNKED, b"3\r\n[1]\r\n"],
        [CHUNKED, b"3\r\n[1]\r\n0\r\n"],
    ],
)
def test_a_connection_that_ends_too_early_breaks_it_off(parts: Iterable[bytes]) -> None:
    answer = fed(*parts)
    with pytest.raises(BadAnswer):
        answer.end()


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        head(status="101 Switching Protocols"),
        head("Upgrade: x", "Connection: upgrade", status="101 Switching Protocols"),
        head(status="099 Early"),
        head("Transfer-Encoding: gzip"),
        head("Transfer-Encoding: gzip, chunked"),
        head("Transfer-Encoding: chunked", "Transfer-Encoding: gzip"),
        head("Content-Length: 2", "Content-Length: 3") + b"[]",
        head("X: a\x00b"),
        head("X : a"),
        CHUNKED + b"2\r\n[]0\r\n\r\n",
        CHUNKED + b"f" * 17 + b"\r\n",
        head("Content-Length: 1", status="104 Early") + b"[" + WHOLE["length"],
        head("Transfer-Encoding: chunked", status="199 Early") + CHUNKS + WHOLE["length"],
    ],
)
def test_what_cannot_be_understood_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        fed(data)


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 200 ", b"y"),
        (b"", b"\r\n"),
        (CHUNKED, b"0"),
        (CHUNKED + b"1;", b"x"),
        (CHUNKED + b"1\r\n \r\n0\r\n", b"X: y\r\n"),
        (CHUNKED + b"0\r\nX: ", b"y"),
    ],
)
def test_what_is_no_body_has_a_bound(before: bytes, piece: bytes) -> None:
    answer, sent = fed(before), len(before)
    with pytest.raises(BadAnswer):
        while True:
            answer.feed(piece * (1000 // len(piece)))
            sent += 1000
    assert MAX_QUIET_BYTES - 1000 < sent < MAX_QUIET_BYTES + 3000


def test_a_long_body_and_many_small_chunks_have_none() -> None:
    answer = fed(head(f"Content-Length: {4 * MAX_QUIET_BYTES}"), b" " * 4 * MAX_QUIET_BYTES)
    assert answer.is_complete
    small = fed(CHUNKED, *[b"1\r\n \r\n" * 9999] * 9)
    assert small.buffered == len(small.take()) == 9999 * 9


@pytest.mark.parametrize(
    "extra",
    [b"x", b"H", WHOLE["length"], head(status="500 Oops"), INTERIM, b"\x00", b" " * 20_000],
)
@pytest.mark.parametrize("together", [True, False])
def test_nothing_that_follows_it_is_a_part_of_it(extra: bytes, together: bool) -> None:
    whole = WHOLE["length"]
    answer = fed(whole + extra) if together else fed(whole, extra)
    assert (answer.status, answer.take()) == (200, b"[1]")
    assert (answer.is_complete, answer.may_follow) == (True, False)


@pytest.mark.parametrize(
    "data",
    [
        head("Connection: close", "Content-Length: 3") + b"[1]",
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n[1]",
        head("Content-Length: 9", "Transfer-Encoding: chunked") + CHUNKS,
    ],
)
def test_a_connection_may_not_be_asked_again_after_every_answer(data: bytes) -> None:
    answer = fed(data)
    assert (answer.take(), answer.is_complete, answer.may_follow) == (b"[1]", True, False)
