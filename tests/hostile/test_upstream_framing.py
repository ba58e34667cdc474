"""Answers without an end, that drip, lie about their length, or break off (CWE-400, CWE-130)."""

from __future__ import annotations

from typing import Final

import pytest

from tests.hostile.upstream import (
    GOOD_JSON,
    Trap,
    answer,
    forever,
    head,
    reset_after,
    then_silence,
)
from tests.hostile.upstream_runs import Outcome, check, observe, strain

CAP: Final = 5 * 2**20
SLOW_S: Final = 0.8
CHUNKED: Final = head("Transfer-Encoding: chunked")
JSON_CHUNK: Final = f"{len(GOOD_JSON):x}\r\n".encode() + GOOD_JSON + b"\r\n"

SLOW: Final = {
    "silent": Trap(then_silence(b""), "timeout"),
    "silent-after-head": Trap(then_silence(head("Content-Length: 9")), "timeout"),
    "silent-before-end": Trap(then_silence(CHUNKED + JSON_CHUNK), "timeout"),
    "drip-head": Trap(forever(b"X", before=b"HTTP/1.1 200 OK\r\nX", every_s=0.02), "timeout"),
    "drip-lines": Trap(forever(b"X: y\r\n", before=head()[:-2], every_s=0.02), "timeout"),
    "drip-body": Trap(forever(b" ", before=head(), every_s=0.02), "timeout"),
    "drip-chunks": Trap(forever(b"1\r\n \r\n", before=CHUNKED, every_s=0.02), "timeout"),
    "drip-interim": Trap(forever(b"HTTP/1.1 102 Wait\r\n\r\n", every_s=0.02), "timeout"),
}

FLOODS: Final = {
    "endless-chunks": Trap(
        forever(b"10000\r\n" + b" " * 65_536 + b"\r\n", before=CHUNKED), "too_large"
    ),
    "endless-tiny-chunks": Trap(
        forever(b"1\r\n \r\n" * 10_000, before=CHUNKED), "too_large timeout"
    ),
    "endless-chunk-size": Trap(forever(b"0" * 65_536, before=CHUNKED), "protocol"),
    "endless-chunk-extension": Trap(forever(b"x" * 65_536, before=CHUNKED + b"1;"), "protocol"),
    "endless-trailers": Trap(
        forever(b"X: y\r\n" * 9999, before=CHUNKED + JSON_CHUNK + b"0\r\n"), "protocol"
    ),
    "interim-flood": Trap(forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 999), "protocol"),
    "interim-heads": Trap(
        forever(b"HTTP/1.1 103 Early Hints\r\n" + b"Link: <x>\r\n" * 999 + b"\r\n"), "protocol"
    ),
    "many-headers": Trap(
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n" + GOOD_JSON, "protocol"
    ),
    "endless-headers": Trap(forever(b"X: y\r\n" * 9999, before=head()[:-2]), "protocol"),
    "huge-header": Trap(answer(GOOD_JSON, "X: " + "y" * 2**20), "protocol"),
    "endless-header": Trap(forever(b"y" * 65_536, before=head()[:-2] + b"X: "), "protocol"),
    "endless-status-line": Trap(forever(b"y" * 65_536, before=b"HTTP/1.1 200 "), "protocol"),
}

BROKEN: Final = {
    "hangs-up": Trap(b"", "protocol"),
    "reset-at-once": Trap(reset_after(b""), "protocol connect"),
    "reset-in-status-line": Trap(reset_after(b"HTTP/1.1 20"), "protocol"),
    "reset-in-head": Trap(reset_after(head("Content-Length: 9")[:-3]), "protocol"),
    "reset-after-head": Trap(reset_after(head("Content-Length: 9")), "protocol"),
    "reset-in-body": Trap(reset_after(head("Content-Length: 99") + GOOD_JSON), "protocol"),
    "reset-in-chunk": Trap(reset_after(CHUNKED + JSON_CHUNK[:-9]), "protocol"),
    "reset-between-chunks": Trap(reset_after(CHUNKED + JSON_CHUNK), "protocol"),
    "reset-without-length": Trap(reset_after(head() + GOOD_JSON), "protocol"),
    "cut-in-body": Trap(head("Content-Length: 99") + GOOD_JSON, "protocol"),
    "cut-in-chunk": Trap(CHUNKED + JSON_CHUNK[:-9], "protocol"),
    "cut-before-last-chunk": Trap(CHUNKED + JSON_CHUNK, "protocol"),
    "cut-without-length": Trap(head() + GOOD_JSON[:-9], "bad_json"),
    "length-too-small": Trap(head("Content-Length: 9") + GOOD_JSON, "bad_json"),
    "length-negative": Trap(head("Content-Length: -9") + GOOD_JSON, "protocol"),
    "length-words": Trap(head("Content-Length: nine") + GOOD_JSON, "protocol"),
    "length-enormous": Trap(
        head("Content-Length: " + "9" * 4000) + GOOD_JSON, "protocol too_large"
    ),
    "two-lengths": Trap(
        head("Content-Length: 9", f"Content-Length: {len(GOOD_JSON)}") + GOOD_JSON, "protocol"
    ),
    "length-in-hex": Trap(head("Content-Length: 0x45") + GOOD_JSON, "protocol"),
    "chunk-size-words": Trap(CHUNKED + b"nine\r\n[]\r\n0\r\n\r\n", "protocol"),
    "chunk-size-enormous": Trap(CHUNKED + b"f" * 19 + b"\r\n[]", "protocol"),
    "chunk-without-end": Trap(CHUNKED + b"2\r\n[]0\r\n\r\n", "protocol"),
    "unknown-transfer": Trap(head("Transfer-Encoding: gzip") + GOOD_JSON, "protocol"),
    "not-http": Trap(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "protocol"),
    "no-head": Trap(GOOD_JSON, "protocol"),
    "http-2": Trap(bytes(3) + b"\x04" + bytes(5), "protocol"),
    "zeros": Trap(bytes(4096), "protocol"),
    "status-words": Trap(b"HTTP/1.1 OK\r\n\r\n", "protocol"),
    "status-0": Trap(answer(GOOD_JSON, status="000 None"), "protocol http_0"),
    "status-999": Trap(answer(GOOD_JSON, status="999 \x7f"), "protocol http_999"),
    "switches": Trap(
        head("Upgrade: h2c", "Connection: upgrade", status="101 Go"), "protocol http_101"
    ),
    "header-without-name": Trap(head(": x") + GOOD_JSON, "protocol"),
    "header-with-nul": Trap(head("X: a\x00b") + GOOD_JSON, "protocol"),
}

TRAPS: Final = SLOW | FLOODS | BROKEN


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    slow = {*SLOW, "endless-tiny-chunks"}
    quick = {name: trap for name, trap in TRAPS.items() if name not in slow}
    return observe(quick) | observe({name: TRAPS[name] for name in slow}, timeout_s=SLOW_S)


@pytest.mark.parametrize("name", TRAPS)
def test_an_answer_without_a_proper_end_publishes_nothing(
    outcomes: dict[str, Outcome], name: str
) -> None:
    check(TRAPS[name], outcomes[name])


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_answer_is_given_its_whole_deadline_and_no_more(
    outcomes: dict[str, Outcome], name: str
) -> None:
    assert SLOW_S / 2 < outcomes[name].took_s < SLOW_S + 5
    assert outcomes[name].message.endswith(f"in {SLOW_S:g} s")


async def test_a_flood_takes_little_memory_and_does_not_hold_the_loop() -> None:
    picked = ("endless-chunks", "endless-tiny-chunks", "interim-flood", "interim-heads")
    traps = {name: FLOODS[name] for name in picked}
    for name, found in (await strain(traps, timeout_s=SLOW_S)).items():
        assert found.kind in TRAPS[name].kinds.split(), name
        assert found.peak_bytes < 4 * CAP, (name, found)
        assert found.gap_s < 0.7, (name, found)
