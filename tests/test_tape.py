"""Reads of sources ↔ the lines of a tape."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.errors import SourceError
from stream.tape import (
    MAX_LINE,
    Answer,
    BadTape,
    Head,
    Read,
    Redactor,
    likely_secrets,
    read_head,
    read_read,
    write_head,
    write_read,
)

NONE = Redactor()


def same_error(one: SourceError | None, other: SourceError | None) -> bool:
    if one is None or other is None:
        return one is other
    names = ("kind", "message", "status", "retry_after_s")
    return all(getattr(one, name) == getattr(other, name) for name in names)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ERRORS = st.builds(
    SourceError,
    TEXT,
    TEXT,
    retry_after_s=st.none() | st.floats(0, 1e6),
    status=st.none() | st.integers(100, 599),
)
ANSWERS = st.builds(
    Answer,
    url=st.just("https://h.example/a?b=1"),
    status=st.integers(200, 304),
    content_type=TEXT,
    body=st.none() | st.binary(max_size=40),
    etag=st.none() | TEXT,
    last_modified=st.none() | TEXT,
    min_delay_s=st.none() | st.floats(0, 1e6),
)
ITEMS = st.dictionaries(
    st.integers(-(2**53), 2**53) | TEXT, st.dictionaries(TEXT, st.none() | st.integers(0, 9) | TEXT)
)


@settings(max_examples=60)
@given(st.lists(ANSWERS, max_size=3), st.lists(TEXT, max_size=2), st.floats(0, 1e5))
def test_answers_come_back_as_they_went(answers: list[Answer], keys: list[str], at: float) -> None:
    read = read_read(write_read(Read(at, "s", tuple(keys), answers=answers), NONE), 2)
    assert (read.source, read.keys, read.answers) == ("s", tuple(keys), answers)
    assert read.at_s == pytest.approx(at, abs=0.001)


@settings(max_examples=60)
@given(st.none() | ITEMS, st.none() | TEXT)
def test_items_come_back_as_they_went(items: Any, key: str | None) -> None:
    read = read_read(write_read(Read(0.0, "s", items=items, key=key), NONE), 2)
    assert (read.items, read.key, read.error) == (items, key, None)


@settings(max_examples=60)
@given(ERRORS)
def test_errors_come_back_as_they_went(error: SourceError) -> None:
    line = write_read(Read(0.0, "s", answers=[Answer("u", error.status, error=error)]), NONE)
    answers = read_read(line, 2).answers
    assert answers is not None
    assert same_error(answers[0].error, error)
    assert same_error(read_read(write_read(Read(0.0, "s", error=error), NONE), 2).error, error)


def test_the_head_comes_back_as_it_went() -> None:
    head = Head("2026-11-22T02:11:09Z", "stream 0", {"q": {"kind": "http", "url": "https://h/a"}})
    assert read_head(write_head(head)) == head


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"\n", "line 1 is not JSON"),
        (b"", "line 1 is cut off"),
        (b"[]\n", "line 1: expected an object"),
        (b"{}\n", "no tape: its first line says nothing of one"),
        (b'{"tape":2}\n', "a tape of version 2; this version of stream reads 1"),
        (b'{"tape":1}\n', "it names no sources"),
        (b'{"tape":1,"sources":{"a":1}}\n', "it names no sources"),
        (b'{"tape":1,"sources":{}', "line 1 is cut off"),
        (b"\xff\n", "line 1 is not JSON"),
    ],
)
def test_a_first_line_that_is_none_is_said_plainly(line: bytes, words: str) -> None:
    with pytest.raises(BadTape, match=words):
        read_head(line)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"t": 0},
        {"t": "x", "source": "s"},
        {"t": 0, "source": "s", "answers": 5},
        {"t": 0, "source": "s", "answers": [5]},
        {"t": 0, "source": "s", "answers": [{"body": 5}]},
        {"t": 0, "source": "s", "answers": [{"body64": "?"}]},
        {"t": 0, "source": "s", "answers": [{"error": {}}]},
        {"t": 0, "source": "s", "items": [[True, {}]]},
        {"t": 0, "source": "s", "items": [["a", 5]]},
        {"t": 0, "source": "s", "items": [["a"]]},
        {"t": 0, "source": "s", "error": "x"},
    ],
)
def test_a_line_that_is_no_read_is_said_plainly(row: Any) -> None:
    with pytest.raises(BadTape, match="line 7 is no read of a source"):
        read_read(orjson.dumps(row) + b"\n", 7)


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(BadTape, match="line 3 is longer than"):
        read_read(b" " * (MAX_LINE + 1), 3)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=30))
@settings(max_examples=60)
def test_a_secret_is_on_no_line_in_any_spelling(middle: str) -> None:
    secret = f"s3{middle}cr"
    redactor = Redactor([f"Bearer {secret}"])
    url = f"https://h.example/{quote(secret, safe='')}?a={quote(secret)}"
    body = json.dumps({"echo": secret}).encode() + secret.encode()
    error = SourceError("x", f"no such key {secret}")
    lines = [
        write_read(Read(0.0, "s", answers=[Answer(url, 200, "", body)]), redactor),
        write_read(Read(0.0, "s", answers=[Answer(url, 400, error=error)]), redactor),
        write_read(Read(0.0, "s", items={"a": {"echo": secret}}, key="id"), redactor),
        write_read(Read(0.0, "s", error=error), redactor),
        orjson.dumps(redactor.table({"url": url, "note": {"deep": [secret]}})),
    ]
    for line in lines:
        texts = (line.decode(), json.dumps(orjson.loads(line), ensure_ascii=False))
        assert not any(each in text for text in texts for each in (secret, quote(secret, safe="")))


def test_what_may_carry_a_secret_is_left_out_of_a_table() -> None:
    table = {
        "kind": "http",
        "url": "https://h.example/a?api_key=abc&b=1",
        "auth": {"query": "k", "env": "K"},
        "params": {"token": "abc", "s": "A,B"},
        "headers": {"X-Api-Key": "abc", "Accept": "a/b"},
        "key": "id",
        "select": None,
    }
    assert Redactor().table(table) == {
        "kind": "http",
        "url": "https://h.example/a?api_key=***&b=1",
        "params": {"token": "***", "s": "A,B"},
        "headers": {"X-Api-Key": "***", "Accept": "a/b"},
        "key": "id",
    }


def test_an_address_without_secrets_stays_as_it_is() -> None:
    url = "https://h.example/a?b=%20c&&d#e"
    assert Redactor(["abcd"]).url(url) == url


def test_short_values_are_no_secrets() -> None:
    assert Redactor(["", "id", "Bearer "]).text("id of it") == "id of it"
    assert likely_secrets({"key": "id", "token": "0123456789", "a": "0123456789"}) == ["0123456789"]
