"""What reading a JSON text takes in memory is told before, and hardly ever too low."""

from __future__ import annotations

import json
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.model import Json
from stream.weight import may_exceed, weight

scalars: list[Json] = [0, 7, -1, None, True, "", "a", "ab", "1,2", "[[{{", 300, 1.5, [], {}, [[]]]
small = st.sampled_from(scalars)
names = st.sampled_from("abcdefgh") | st.text('abc:,"[{\\é😀', max_size=20)
texts = st.text('abc:,"[{\\é😀Ж', max_size=40) | st.text("ab", max_size=80)
values = st.recursive(
    small | texts | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(names, inner, max_size=30),
    max_leaves=200,
)
layouts = st.sampled_from([{"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}])

HONEST = {
    "quotes": {"symbol": "AAPL", "last": 187.25, "bid": 187.2, "ask": 187.3, "volume": 51234567}
    | {"name": "A company", "time": "2026-11-26T03:00:00Z", "currency": "USD"},
    "news": {"id": "8f3a", "title": "A headline of usual length", "text": "x" * 300, "tags": ["a"]},
    "prices": {"s": "BTCUSDT", "p": "67187.33000000"},
    "candle": {"t": 1700000000, "o": 123.5, "h": 124.25, "l": 120.75, "c": 123.1, "v": 700},
    "level of a book": ["67187.33", "1.5"],
    "point": [-122.811333, 38.822667],
    "user": {"id": 1, "name": "Leanne", "address": {"city": "Gwen", "geo": {"lat": "-37.3159"}}},
}


DENSE: list[Json] = [{}, {"a": 1}, {"a": 1, "b": 2.5}, {"a": "ab"}, {"a": {"b": "ab"}}]
DENSE += [[], [1], [[]], ["ab", "cd"], "a", "abc", 1.5, 1234, 7, None]
DENSE.append({name: name for name in "abcdefghijkl"})


def taken(document: Json, seen: set[str]) -> int:
    """What a document takes: its objects, each as the allocator rounds it, and 16 bytes of the
    parser's own for every value and name. Names that were seen are shared."""
    size = 16
    if type(document) is dict:
        size += _rounded(sys.getsizeof(document))
        for name, value in document.items():
            size += 16 + taken(value, seen)
            if name not in seen:
                size += _rounded(sys.getsizeof(name))
                seen.add(name)
    elif type(document) is list:
        size += _rounded(56) + _rounded(8 * len(document)) + sum(taken(e, seen) for e in document)
    elif not (document in (None, True, False, "") or document in range(-5, 257)):
        size += _rounded(sys.getsizeof(document))
    return size


def _rounded(size: int) -> int:
    return -(-size // 16) * 16


def true_bytes(document: Json, body: bytes) -> int:
    """What reading a body takes, less what is told not to be foreseen."""
    found: set[str] = set()
    truly = len(body) + taken(document, found)
    names_bytes = sum(_rounded(sys.getsizeof(name)) for name in found)
    in_texts = body.count(b":") - _members(document)  # a colon in a text is taken for a name's
    wide = 0 if body.isascii() and b"\\" not in body else 3 * len(body)
    return truly - names_bytes - 64 * in_texts - wide - 64


def _members(document: Json) -> int:
    if isinstance(document, dict):
        return len(document) + sum(map(_members, document.values()))
    return sum(map(_members, document)) if isinstance(document, list) else 0


@given(values, layouts)
def test_it_is_hardly_too_low_but_for_names_and_wide_letters(
    document: Json, layout: dict[str, Any]
) -> None:
    body = json.dumps(document, **layout).encode()
    assert true_bytes(orjson.loads(body), body) <= 1.2 * weight(body)


@pytest.mark.parametrize("name", HONEST)
def test_of_honest_documents_it_is_not_much_too_high(name: str) -> None:
    item = HONEST[name]
    body = orjson.dumps([item] * 1000)
    truly = len(body) + taken(orjson.loads(body), set())
    assert truly * 0.9 < weight(body) < truly * 1.35
    assert weight(body) < 16 * len(body)


@pytest.mark.parametrize("item", DENSE, ids=orjson.dumps)
def test_of_what_is_made_to_be_large_it_is_not_too_low(item: Json) -> None:
    body = orjson.dumps([item] * 10_000)
    truly = len(body) + taken(orjson.loads(body), set())
    assert truly <= 1.05 * weight(body)
    openers = body.count(b"[") + body.count(b"{")
    assert truly <= 40 * len(body)
    assert may_exceed(body, openers, int(truly * 0.85)) == weight(body)


@given(values, layouts, st.integers(1, 60))
def test_what_is_not_said_to_be_too_much_is_hardly_too_much(
    document: Json, layout: dict[str, Any], growth: int
) -> None:
    body = json.dumps([document] * 50, **layout).encode()
    most = growth * len(body)
    found = may_exceed(body, body.count(b"[") + body.count(b"{"), most)
    if found:
        assert most < found == weight(body)
    else:
        assert true_bytes(orjson.loads(body), body) <= 1.2 * most


def test_true_false_and_null_are_no_numbers() -> None:
    rows = [{"a": True, "b": False, "c": None, "d": number} for number in range(10_000)]
    body = orjson.dumps(rows)
    truly = true_bytes(orjson.loads(body), body)
    assert truly <= 1.05 * weight(body)
    assert weight(body) < 16 * len(body)
