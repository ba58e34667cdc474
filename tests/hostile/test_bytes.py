"""WebSocket bytes as no decent client sends them (reliability R26, R27; CWE-20)."""

from __future__ import annotations

import asyncio
import random
import struct

import pytest

from stream import direct
from stream.doors.websocket_direct import Inbound
from tests.hostile.peers import (
    BINARY,
    CLOSE,
    CONT,
    MASK,
    PING,
    PONG,
    TEXT,
    Ear,
    Peer,
    close_code,
    following,
    frame,
    head,
    opened,
    put,
    up_to_date,
)
from tests.live.serving import serving
from tests.waiting import until

TOML = """
[limits]
connections_per_address = 2000
commands_per_second = 1000
[sources.q]
kind = "push"
key = "k"
"""
PING_COMMAND = b'{"op":"ping","id":"%d"}'

BAD: dict[str, tuple[bytes, int]] = {
    "not masked": (b"\x81\x04ping", 1002),
    "a reserved bit": (frame(TEXT, b"ping", rsv=0x40), 1002),
    "another reserved bit": (frame(TEXT, b"ping", rsv=0x10), 1002),
    "a reserved opcode": (frame(0x3, b"ping"), 1002),
    "a reserved control opcode": (frame(0xB), 1002),
    "a fragmented ping": (frame(PING, b"x", fin=False), 1002),
    "a long ping": (frame(PING, b"x" * 126), 1002),
    "a continuation of nothing": (frame(CONT, b"x"), 1002),
    "a message within a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    "2^63 bytes announced": (b"\x81\xff" + struct.pack("!Q", 2**63) + MASK, 1009),
    "2^63-1 bytes announced": (b"\x81\xff" + struct.pack("!Q", 2**63 - 1) + MASK, 1009),
    "1 GiB announced": (b"\x82\xff" + struct.pack("!Q", 2**30) + MASK, 1009),
    "64 KiB announced": (b"\x81\xfe" + struct.pack("!H", 65535) + MASK, 1009),
    "64 KiB in fragments": (
        frame(TEXT, b"x" * 8192, fin=False) + frame(CONT, b"x" * 8192, fin=False) * 2,
        1009,
    ),
    "a text that is not UTF-8": (frame(TEXT, b"\xc3\x28"), 1007),
    "a text cut within a character": (frame(TEXT, "é".encode()[:1]), 1007),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "a reason that is not UTF-8": (frame(CLOSE, close_code(1000) + b"\xff"), 1007),
    "half a close code": (frame(CLOSE, b"\x03"), 1002),
    "a forbidden close code": (frame(CLOSE, close_code(1005)), 1002),
}
_LARGE = {"2^63 bytes announced": (1002, 1009)}
"""RFC 6455 §5.2 forbids the highest bit: a wrong frame as much as a large one."""


@pytest.mark.both_roads
async def test_what_breaks_the_protocol_is_closed_with_its_code_and_nobody_else_notices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(direct, "CLOSE_S", 0.05)  # how long the peer's answer is waited for
    async with serving(TOML) as running, following(running, "ws") as witness:
        for name, (data, code) in BAD.items():
            with await opened(running, "ws") as peer:
                await peer.send(data)
                ear = Ear("ws")
                ear.hear(await peer.receive_rest())
                closes = [payload for opcode, payload in ear.controls if opcode == CLOSE]
                assert len(closes) == 1, name
                got = int.from_bytes(closes[0][:2])
                assert got in _LARGE.get(name, (code,)), name
            put(running, "q", {"k": name})
            await until(up_to_date(running, witness), what="the next change")
        await until(lambda: len(running.service.connected) == 1, what="the others' release")


@pytest.mark.both_roads
async def test_commands_however_cut_or_joined_are_each_obeyed_once() -> None:
    async with serving(TOML) as running, following(running, "ws", "/q") as reader:
        joined = b"".join(frame(TEXT, PING_COMMAND % n) for n in range(20))
        await reader.peer.send(joined)
        for number in range(20, 30):
            for byte in frame(TEXT, PING_COMMAND % number):
                await reader.peer.send(bytes((byte,)))
                await asyncio.sleep(0)  # the service may read this byte alone
        for number in range(30, 40):
            first, *rest = (bytes((byte,)) for byte in PING_COMMAND % number)
            data = frame(TEXT, first, fin=False)
            for at, part in enumerate(rest):
                data += frame(PING, b"%d" % at) + frame(CONT, part, fin=False)
            await reader.peer.send(data + frame(CONT))
        await reader.peer.send(frame(BINARY, PING_COMMAND % 40))
        await until(lambda: reader.heard.count("pong") >= 41, what="every answer")
        answered = [m["id"] for m in reader.messages if m["type"] == "pong"]
        assert answered == [str(n) for n in range(41)]
        parts = len(PING_COMMAND % 30) - 1
        assert reader.ear.controls == [(PONG, b"%d" % at) for at in range(parts)] * 10


def _conversation(dice: random.Random) -> bytes:
    data = b""
    for number in range(4):
        payload = dice.randbytes(dice.choice((0, 1, 125, 126, 300)))
        if number == 2:
            data += frame(BINARY, payload, fin=False) + frame(PING, b"now") + frame(CONT, payload)
        else:
            data += frame(BINARY, payload)
    return data + frame(PONG)


def _heard(*parts: bytes) -> tuple[list[tuple[int, bytes]], bytes, bool]:
    inbound = Inbound(is_deflated=False, most_bytes=1000)
    found: list[tuple[int, bytes]] = []
    answers = b""
    for part in parts:
        frames, replies = inbound.feed(part)
        answers += b"".join(replies)
        data = [event for event in frames if event.opcode in (TEXT, BINARY, CONT)]
        messages = [message for event in data if (message := inbound.message(event))]
        found += [(int(kind), body) for kind, body in messages]
    return found, answers, inbound.is_idle


def test_frames_cut_at_any_byte_are_the_same_frames() -> None:
    data = _conversation(random.Random(3))
    whole = _heard(data)
    assert len(whole[0]) == 4
    assert whole[2]
    for at in range(len(data)):
        assert _heard(data[:at], data[at:]) == whole
    assert _heard(*(bytes((byte,)) for byte in data)) == whole


@pytest.mark.parametrize("parts", [1, 1000])
def test_a_message_of_endless_empty_fragments_holds_no_memory(parts: int) -> None:
    inbound = Inbound(is_deflated=False, most_bytes=1000)
    frames, _ = inbound.feed(frame(TEXT, fin=False) + frame(CONT, fin=False) * parts)
    assert [inbound.message(event) for event in frames] == [None] * (1 + parts)
    assert len(inbound.parts) <= 1
    assert not inbound.is_idle


@pytest.mark.both_roads
async def test_random_bytes_end_one_connection_at_most() -> None:
    dice = random.Random(11)
    async with serving(TOML) as running, following(running, "ws") as witness:
        for _ in range(60):
            with await opened(running, "ws") as peer:
                await peer.send(dice.randbytes(dice.choice((1, 10, 100, 20_000))))
                peer.half_close()
                await peer.receive_rest()
            with await Peer.connect(running.url) as peer:
                start = head("ws", "/q") if dice.random() < 0.5 else b""
                await peer.send(start[: dice.randrange(200)] + dice.randbytes(200))
                peer.half_close()
                await peer.receive_rest()
        put(running, "q", {"k": "last"})
        await until(up_to_date(running, witness), what="the next change")
        await until(lambda: len(running.service.connected) == 1, what="the others' release")


@pytest.mark.both_roads
@pytest.mark.parametrize(
    "parameters", ["", "; client_max_window_bits", "; server_no_context_takeover"]
)
async def test_compression_that_a_client_offers_is_not_taken_up(parameters: str) -> None:
    offer = f"Sec-WebSocket-Extensions: permessage-deflate{parameters}"
    async with serving(TOML) as running:
        put(running, "q", {"k": "a", "text": "x" * 1000})
        with await Peer.connect(running.url) as peer:
            await peer.send(head("ws", "/q", offer))
            answer = await peer.receive_until(b"x" * 1000)
            assert b"101 Switching Protocols" in answer
            assert b"xtensions" not in answer
            await peer.send(frame(TEXT, b"ping", rsv=0x40))
            ear = Ear("ws")
            ear.hear(answer.partition(b"\r\n\r\n")[2] + await peer.receive_rest())
            assert (CLOSE, close_code(1002)) in [(o, p[:2]) for o, p in ear.controls]
