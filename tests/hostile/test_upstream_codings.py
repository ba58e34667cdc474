"""Bodies that grow when they are unpacked, or cannot be (CWE-409, CWE-770)."""

from __future__ import annotations

import gzip
import zlib
from functools import cache
from typing import Final

import pytest

from tests.hostile.upstream import GOOD_JSON, Trap, answer, forever, head
from tests.hostile.upstream_runs import Outcome, check, observe, strain

CAP: Final = 5 * 2**20


@cache
def zeros(packed_by: str, megabytes: int = 200) -> bytes:
    """So many MiB of nothing, packed."""
    packer = zlib.compressobj(9, wbits={"gzip": 31, "zlib": 15, "raw": -15}[packed_by])
    chunk = bytes(2**20)
    return b"".join([*(packer.compress(chunk) for _ in range(megabytes)), packer.flush()])


def packed(body: bytes, coding: str = "gzip") -> bytes:
    return answer(body, f"Content-Encoding: {coding}", "Content-Type: application/json")


BOMBS: Final = {
    "gzip-bomb": Trap(packed(zeros("gzip")), "too_large"),
    "zlib-bomb": Trap(packed(zeros("zlib"), "deflate"), "too_large"),
    "raw-bomb": Trap(packed(zeros("raw"), "deflate"), "too_large"),
    "double-bomb": Trap(packed(gzip.compress(zeros("gzip")), "gzip, gzip"), "bad_encoding"),
    "hidden-double-bomb": Trap(packed(gzip.compress(zeros("gzip"))), "bad_json too_large"),
    "member-bomb": Trap(packed(gzip.compress(bytes(2**20)) * 100), "too_large"),
    "endless-gzip": Trap(
        forever(zeros("gzip")[:65_536], before=head("Content-Encoding: gzip")),
        "too_large",
    ),
    "endless-plain": Trap(forever(b" " * 65_536, before=head()), "too_large"),
    "announced": Trap(head("Content-Length: 99999999999"), "too_large"),
}

BROKEN: Final = {
    "truncated": Trap(packed(gzip.compress(GOOD_JSON)[:-9]), "bad_encoding"),
    "no-trailer": Trap(packed(gzip.compress(GOOD_JSON)[:-8]), "bad_encoding"),
    "wrong-checksum": Trap(packed(gzip.compress(GOOD_JSON)[:-8] + bytes(8)), "bad_encoding"),
    "trailing-garbage": Trap(packed(gzip.compress(GOOD_JSON) + b"garbage"), "bad_encoding"),
    "not-packed": Trap(packed(GOOD_JSON), "bad_encoding"),
    "empty-members": Trap(packed(gzip.compress(b"") * 2000), "bad_encoding"),
    "only-empty-members": Trap(packed(gzip.compress(b"") * 3), "empty"),
    "brotli": Trap(packed(b"\x8b\x03\x80[]\n\x03", "br"), "bad_encoding"),
    "zstd": Trap(packed(b"\x28\xb5\x2f\xfd\x04\x00", "zstd"), "bad_encoding"),
    "compress": Trap(packed(b"\x1f\x9d", "compress"), "bad_encoding"),
    "twice-named": Trap(packed(gzip.compress(GOOD_JSON), "gzip, identity"), "bad_encoding"),
    "nonsense": Trap(packed(GOOD_JSON, "\x80\xff"), "bad_encoding"),
    # What others make of gzip and deflate is read.
    "two-members": Trap(packed(gzip.compress(GOOD_JSON[:9]) + gzip.compress(GOOD_JSON[9:]))),
    "deflate": Trap(packed(zlib.compress(GOOD_JSON), "deflate")),
    "old-name": Trap(packed(gzip.compress(GOOD_JSON), "X-GZip")),
}

TRAPS: Final = BOMBS | BROKEN


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return observe(TRAPS)


@pytest.mark.parametrize("name", TRAPS)
def test_a_coding_that_does_harm_publishes_nothing(outcomes: dict[str, Outcome], name: str) -> None:
    check(TRAPS[name], outcomes[name])


async def test_a_bomb_takes_little_memory_and_does_not_hold_the_loop() -> None:
    for name, found in (await strain(BOMBS)).items():
        # Only fetched, the double one that is hidden is a body like any other.
        expected = (*TRAPS[name].kinds.split(), "" if "hidden" in name else "-")
        assert found.kind in expected, name
        assert found.peak_bytes < 4 * CAP, (name, found)
        assert found.gap_s < 0.7, (name, found)
