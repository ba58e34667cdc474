from __future__ import annotations

import gzip
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import SourceError
from stream.inflate import MAX_MEMBERS, WIRE_SLACK_BYTES, Inflater

LIMIT = 100_000


def raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


def inflate(coding: str, wire: bytes, *, step: int = 65_536, limit: int = LIMIT) -> bytes:
    inflater = Inflater(coding, limit)
    for start in range(0, len(wire), step):
        inflater.feed(wire[start : start + step])
    return inflater.finish()


def kind_of(coding: str, wire: bytes, *, limit: int = LIMIT) -> str:
    with pytest.raises(SourceError) as caught:
        inflate(coding, wire, limit=limit)
    return caught.value.kind


@pytest.mark.parametrize(
    ("coding", "deflate"),
    [
        ("", bytes),
        ("identity", bytes),
        ("gzip", gzip.compress),
        ("GZip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
    ],
)
@given(body=st.binary(max_size=2000), step=st.integers(1, 50))
def test_every_coding_comes_off_however_the_wire_is_cut(
    coding: str, deflate: type[bytes], body: bytes, step: int
) -> None:
    assert inflate(coding, deflate(body), step=step) == body


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.integers(1, 40))
def test_several_gzip_members_are_one_body(parts: list[bytes], step: int) -> None:
    wire = b"".join(gzip.compress(part) for part in parts)
    assert inflate("gzip", wire, step=step) == b"".join(parts)


@pytest.mark.parametrize("coding", ["gzip, gzip", "deflate, gzip", "br", "zstd", "gzip, identity"])
def test_other_and_several_codings_are_refused_before_a_byte_is_read(coding: str) -> None:
    with pytest.raises(SourceError) as caught:
        Inflater(coding, LIMIT)
    assert caught.value.kind == "bad_encoding"
    assert coding in caught.value.message


@pytest.mark.parametrize(
    ("coding", "wire"),
    [("gzip", gzip.compress(b"x" * 999)), ("deflate", zlib.compress(b"xy" * 99))],
)
def test_a_body_cut_anywhere_is_an_error(coding: str, wire: bytes) -> None:
    for length in range(1, len(wire)):
        assert kind_of(coding, wire[:length]) == "bad_encoding"


@pytest.mark.parametrize("tail", [b"\x00", b"\x1f", b"garbage", b"\x1f\x8b\x08junk!"])
@pytest.mark.parametrize(
    ("coding", "wire"),
    [
        ("gzip", gzip.compress(b"[]")),
        ("deflate", zlib.compress(b"[]")),
        ("deflate", raw_deflate(b"a")),
    ],
)
def test_garbage_after_the_end_is_an_error(coding: str, wire: bytes, tail: bytes) -> None:
    assert kind_of(coding, wire + tail) == "bad_encoding"


def test_a_flipped_bit_is_an_error() -> None:
    wire = bytearray(gzip.compress(b"some text that is long enough" * 9))
    wire[-6] ^= 1
    assert kind_of("gzip", bytes(wire)) == "bad_encoding"


def test_plain_text_said_to_be_gzip_is_an_error() -> None:
    assert kind_of("gzip", b'{"items": []}') == "bad_encoding"


@pytest.mark.parametrize("coding", ["", "gzip", "deflate"])
def test_no_bytes_at_all_are_an_empty_body(coding: str) -> None:
    assert inflate(coding, b"") == b""


@pytest.mark.parametrize(("coding", "deflate"), [("", bytes), ("gzip", gzip.compress)])
def test_the_cap_is_exact(coding: str, deflate: type[bytes]) -> None:
    assert inflate(coding, deflate(b"x" * LIMIT)) == b"x" * LIMIT
    assert kind_of(coding, deflate(b"x" * (LIMIT + 1))) == "too_large"


@given(st.integers(0, 300))
def test_the_cap_holds_for_data_that_does_not_shrink(size: int) -> None:
    body = random.Random(size).randbytes(size)
    assert inflate("gzip", gzip.compress(body), limit=size) == body


def test_a_bomb_is_stopped_at_the_cap_and_not_unpacked_first() -> None:
    bomb = zlib.compress(bytes(64 * 2**20), 9)
    assert len(bomb) < 70_000
    inflater = Inflater("deflate", LIMIT)
    inflater.feed(bomb)
    with pytest.raises(SourceError) as caught:
        inflater.finish()
    assert caught.value.kind == "too_large"
    assert inflater._left == -1  # one byte too many, and not one more


def test_members_that_hold_nothing_end_at_a_count() -> None:
    empty = gzip.compress(b"")
    assert inflate("gzip", empty * MAX_MEMBERS) == b""
    assert kind_of("gzip", empty * (MAX_MEMBERS + 1)) == "bad_encoding"


def test_a_wire_that_never_yields_a_byte_ends_at_a_cap_too() -> None:
    stored_block_of_no_bytes = b"\x00\x00\x00\xff\xff"
    inflater = Inflater("deflate", 10)
    with pytest.raises(SourceError) as caught:
        for _ in range(WIRE_SLACK_BYTES):
            inflater.feed(stored_block_of_no_bytes)
    assert caught.value.kind == "too_large"


@pytest.mark.parametrize("length", [str(LIMIT + WIRE_SLACK_BYTES + 1), "9" * 400])
def test_an_announced_length_above_the_cap_is_refused_at_once(length: str) -> None:
    with pytest.raises(SourceError) as caught:
        Inflater("", LIMIT).expect(length)
    assert caught.value.kind == "too_large"


@pytest.mark.parametrize("length", ["", "0", str(LIMIT), "-5", "²", "nan"])
def test_any_other_announced_length_is_no_reason_to_refuse(length: str) -> None:
    inflater = Inflater("", LIMIT)
    inflater.expect(length)
    inflater.feed(b"ok")
    assert inflater.finish() == b"ok"


def test_bytes_on_the_wire_are_counted() -> None:
    wire = gzip.compress(b"x" * 5000)
    inflater = Inflater("gzip", LIMIT)
    inflater.feed(wire)
    assert inflater.received == len(wire) < 100
