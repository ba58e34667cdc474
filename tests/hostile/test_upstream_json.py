"""JSON that is too deep, too wide, or says what JSON cannot (CWE-674, CWE-770, CWE-1284)."""

from __future__ import annotations

from typing import Final

import orjson
import pytest

from stream.extract import MAX_GROWTH, MAX_ITEMS
from tests.hostile.upstream import GOOD_JSON, Trap, answer
from tests.hostile.upstream_runs import Outcome, check, observe, strain

CAP: Final = 5 * 2**20


def json(body: bytes) -> bytes:
    return answer(body, "Content-Type: application/json")


def with_value(value: bytes) -> bytes:
    """The good answer, with one more field in its first item."""
    return json(GOOD_JSON.replace(b'"id":1,', b'"id":1,"x":' + value + b",", 1))


def deep(levels: int) -> bytes:
    """The good answer, so deep in all: the list and the item are two levels."""
    return with_value(b"[" * (levels - 2) + b"]" * (levels - 2))


VALUES: Final = {
    "nan": Trap(with_value(b"NaN"), "bad_json"),
    "infinity": Trap(with_value(b"-Infinity"), "bad_json"),
    "beyond-a-double": Trap(with_value(b"1e400"), "bad_json"),
    "five-thousand-digits": Trap(with_value(b"9" * 5000), "bad_json"),
    "lone-surrogate": Trap(with_value(rb'"\ud800"'), "bad_json"),
    "swapped-surrogates": Trap(with_value(rb'"\udc00\ud800"'), "bad_json"),
    "lone-surrogate-as-name": Trap(json(rb'[{"id":1,"\udfff":1}]'), "bad_json"),
    "half-a-character": Trap(with_value(b'"\xc3"'), "bad_json"),
    "overlong": Trap(with_value(b'"\xc0\x80"'), "bad_json"),
    "surrogate-in-utf8": Trap(with_value(b'"\xed\xa0\x80"'), "bad_json"),
    "control-character": Trap(with_value(b'"\x01"'), "bad_json"),
    "leading-zero": Trap(with_value(b"007"), "bad_json"),
    "comment": Trap(json(b"/**/" + GOOD_JSON), "bad_json"),
    "two-documents": Trap(json(GOOD_JSON * 2), "bad_json"),
    "half-a-document": Trap(json(GOOD_JSON[:-9]), "bad_json"),
    "utf16": Trap(json(GOOD_JSON.decode().encode("utf-16")), "bad_json"),
    "jsonp": Trap(json(b"callback(" + GOOD_JSON + b")"), "bad_json"),
    "prefix": Trap(json(b")]}'\n" + GOOD_JSON), "bad_json"),
    "text": Trap(json(b'"ok"'), "wrong_shape"),
    "number": Trap(json(b"0"), "wrong_shape"),
    "null": Trap(json(b"null"), "wrong_shape"),
    "mixed": Trap(json(b'[{"id":1},2,"three",[4]]'), "wrong_shape"),
    "no-key": Trap(json(b'[{"name":"one"}]'), "wrong_shape"),
    "byte-order-mark": Trap(json(b"\xef\xbb\xbf" + GOOD_JSON)),
    "duplicate-members": Trap(json(GOOD_JSON.replace(b'"id":1', b'"id":9,"id":1'))),
}

SIZES: Final = {
    "depth-99": Trap(deep(99), changes=1),
    "depth-100": Trap(deep(100), changes=1),
    "depth-101": Trap(deep(101), "too_deep"),
    "depth-254": Trap(deep(254), "too_deep"),
    "depth-255": Trap(deep(255), "too_deep"),
    "depth-1024": Trap(deep(1024), "too_deep"),
    "depth-100000": Trap(deep(100_000), "too_deep"),
    "unclosed-100000": Trap(json(b"[" * 100_000), "too_deep bad_json"),
    "deep-objects": Trap(json(b'{"a":' * 100_000), "too_deep bad_json"),
    "one-too-many": Trap(json(orjson.dumps(list(range(MAX_ITEMS + 1)))), "too_many_items"),
}

WIDE: Final = {
    "million-numbers": Trap(json(b"[" + b"1," * 999_999 + b"1]"), "too_many_items"),
    "million-objects": Trap(json(b"[" + b"{}," * 999_999 + b"{}]"), "too_large"),
    "million-lists": Trap(json(b'[{"id":1,"x":[' + b"[]," * 999_999 + b"[]]}]"), "too_large"),
    "nested-lists": Trap(json(b'[{"id":1,"x":[' + b"[[]]," * 900_000 + b"0]}]"), "too_large"),
    "small-objects": Trap(json(b'[{"id":1,"x":[' + b'{"a":1},' * 600_000 + b"0]}]"), "too_large"),
    "small-objects-that-pass": Trap(
        json(b'[{"id":1,"x":[' + b'{"a":1},' * 300_000 + b"0]}]"), changes=1
    ),
    "short-texts": Trap(json(b'[{"id":1,"x":[' + b'"ab",' * 1_000_000 + b"0]}]"), "too_large"),
    "short-names": Trap(
        json(b'[{"id":1,"x":{' + b",".join(b'"%x":0' % n for n in range(500_000)) + b"}}]"),
        changes=1,
    ),
    "many-texts": Trap(
        json(orjson.dumps([{"id": 1, "x": [f"{n:x}" for n in range(600_000)]}])), changes=1
    ),
    "many-fractions": Trap(json(b'[{"id":1,"x":[' + b"1.5," * 1_300_000 + b"0]}]"), changes=1),
    "names-of-5-MB": Trap(json(b'[{"id":1,"' + b"x" * (CAP - 20) + b'":1}]'), changes=1),
    "same-names": Trap(json(b'[{"id":1' + b',"id":1' * 700_000 + b"}]"), changes=1),
}
"""What costs time and memory, read by a process of its own."""

TRAPS: Final = VALUES | SIZES


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return observe(TRAPS)


@pytest.mark.parametrize("name", TRAPS)
def test_json_that_cannot_be_taken_publishes_nothing(
    outcomes: dict[str, Outcome], name: str
) -> None:
    check(TRAPS[name], outcomes[name])


def test_ids_beyond_two_to_the_53_keep_every_digit() -> None:
    digits = b"12345678901234567890"
    trap = Trap(json(GOOD_JSON.replace(b'"id":3', b'"id":' + digits)), changes=1)
    after = observe({"long-ids": trap})["long-ids"].after
    assert set(after) == {1, 2, digits.decode()}


async def test_wide_json_does_not_hold_the_loop() -> None:
    for name, found in (await strain(WIDE, timeout_s=8.0, parse=True)).items():
        assert found.kind == WIDE[name].kinds, name
        assert found.gap_s < 0.7, (name, found)
        # What was received, and what is read of it; 4 more for the names, see `weight.may_exceed`.
        assert found.peak_bytes < (4 + MAX_GROWTH + 4) * CAP, (name, found)
        if found.kind == "too_large":
            assert found.peak_bytes < 4 * CAP, (name, found)
