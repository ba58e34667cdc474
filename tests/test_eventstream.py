"""Bytes of an event stream → events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import SourceError
from stream.eventstream import MAX_ID, MAX_RETRY_S, Event, EventStream


def read(*chunks: bytes, **options: Any) -> tuple[list[Event], EventStream]:
    stream = EventStream(**{"max_event_bytes": 1 << 20, **options})
    return [event for chunk in chunks for event in stream.feed(chunk)], stream


def events(text: str | bytes) -> list[tuple[str, str, str | None]]:
    found, _ = read(text.encode() if isinstance(text, str) else text)
    return [(event.name, event.data, event.id) for event in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data: a\n\n", [("message", "a", None)]),
        ("data:a\n\n", [("message", "a", None)]),
        ("data:  a\n\n", [("message", " a", None)]),
        ("data: a\rdata: b\r\r", [("message", "a\nb", None)]),
        ("data: a\r\n\r\ndata: b\n\n", [("message", "a", None), ("message", "b", None)]),
        ("data\ndata\n\n", [("message", "\n", None)]),
        ("data: a: b\n\n", [("message", "a: b", None)]),
        ("event: put\nid: 7\ndata: a\n\n", [("put", "a", "7")]),
        ("event:\ndata: a\n\n", [("message", "a", None)]),
        ("event: put\n\ndata: a\n\n", [("message", "a", None)]),
        (": note\n:\ndata: a\n\n", [("message", "a", None)]),
        ("DATA: a\nother: b\n data: c\n\n", []),
        ("data: \u2028\x85\x0b\n\n", [("message", "\u2028\x85\x0b", None)]),
        ("\n\n\n", []),
        ("data: unfinished\n", []),
        ("data: unfinished", []),
        (b"\xef\xbb\xbfdata: a\n\n", [("message", "a", None)]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
        (b"data: \xff\n\n", [("message", "\ufffd", None)]),
        ("data:\n\ndata\n\n", [("message", "", None), ("message", "", None)]),
    ],
)
def test_a_stream_is_read_as_the_standard_says(text: Any, expected: Any) -> None:
    assert events(text) == expected


def test_an_id_stays_until_the_next_one_and_an_empty_one_takes_it_back() -> None:
    _, stream = read(b"id: 1\ndata: a\n\ndata: b\n\n")
    assert stream.last_id == "1"
    stream.feed(b"id: 2\n\n")
    assert stream.last_id == "2"
    stream.feed(b"id: 3\ndata: not yet over\n")
    assert stream.last_id == "2"
    stream.feed(b"\nid\n\n")
    assert stream.last_id == ""


@pytest.mark.parametrize("text", [b"a\0b", b"a\x01", b"x" * (MAX_ID + 1)])
def test_an_id_that_no_header_could_carry_is_none(text: bytes) -> None:
    found, stream = read(b"id: " + text + b"\ndata: a\n\n", last_id="before")
    assert (found[0].id, stream.last_id) == (None, "before")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"3000", 3.0),
        (b"0", 0.0),
        (b"999999999999", MAX_RETRY_S),
        (b"9999999999999999999", None),
        (b"-1", None),
        (b"1.5", None),
        (b"", None),
        ("\u0663".encode(), None),
    ],
)
def test_a_retry_is_a_bounded_number_of_milliseconds(text: bytes, expected: float | None) -> None:
    _, stream = read(b"retry: " + text + b"\n")
    assert stream.retry_s == expected


@pytest.mark.parametrize(
    "chunks",
    [
        [b"data: " + b"x" * 100],
        [b"data: " + b"x" * 40, b"x" * 40],
        [b"data: xxxxxxx\n"] * 8,
        [b": " + b"x" * 100 + b"\n"],
        [b"x" * 65],
    ],
)
def test_a_line_or_an_event_that_is_too_large_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(SourceError, match="an event is larger than 64 bytes") as caught:
        read(*chunks, max_event_bytes=64)
    assert caught.value.kind == "too_large"


def test_many_events_are_not_too_large_together() -> None:
    found, _ = read(b"data: xxxxxxx\n\n" * 100, max_event_bytes=64)
    assert len(found) == 100


SAMPLE = (
    b'\xef\xbb\xbf: hello\r\nretry: 10\r\n\r\nid: 1\r\nevent: put\r\ndata: {"a":\rdata: 1}\r\n\r\n'
    b"id: \xc3\xa9\ndata: gr\xc3\xbc\xc3\x9fe\n\n\rdata: x\r\rdata: y\n\r\ndata: z\r\n\n"
)


def test_a_stream_reads_the_same_cut_at_every_byte() -> None:
    whole, stream = read(SAMPLE)
    assert [event.data for event in whole] == ['{"a":\n1}', "grüße", "x", "y", "z"]
    for at in range(len(SAMPLE) + 1):
        assert read(SAMPLE[:at], SAMPLE[at:])[0] == whole
    parts, other = read(*(SAMPLE[n : n + 1] for n in range(len(SAMPLE))))
    assert (parts, other.last_id, other.retry_s) == (whole, stream.last_id, stream.retry_s)


PIECES = st.sampled_from(
    [b"data", b"id", b"event", b"retry", b":", b" ", b"\r", b"\n", b"\r\n", b"\xef\xbb\xbf"]
    + [b"x", b"\xc3\xa9", b"\0", b"12", b"\xff"]
)


@given(st.lists(PIECES, max_size=40), st.data())
def test_any_bytes_read_the_same_however_they_are_cut(pieces: list[bytes], data: Any) -> None:
    text = b"".join(pieces)
    whole, stream = read(text)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    parts, other = read(*(text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)))
    assert (parts, other.last_id, other.retry_s) == (whole, stream.last_id, stream.retry_s)
