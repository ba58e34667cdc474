"""Tests of framing: the bytes on the wire, read by parsers that are not ours."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from stream.encode import Message
from stream.framing import (
    DEFLATE_FROM_BYTES,
    LARGE_BYTES,
    Framing,
    chunk,
    close_frame,
    event,
    frames,
    pieces,
    whole_frames,
)
from tests.wires import Decoder, MemoryWire

LENGTHS = (0, 1, 125, 126, 127, LARGE_BYTES - 1, LARGE_BYTES, 65_535, 65_536, 70_000)


def read(data: bytes, framing: Framing) -> list[bytes]:
    wire = MemoryWire(high_bytes=0)
    wire.arrived += data
    return Decoder(framing).decode(wire)


@pytest.mark.parametrize("framing", list(Framing))
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("body_length", [0, 10, LARGE_BYTES, 100_000])
def test_a_message_of_any_length_arrives_as_it_was(
    framing: Framing, length: int, body_length: int
) -> None:
    message = Message("diff", "e1-1", b"h" * length, b"b" * body_length)
    assert read(b"".join(frames(message, framing)), framing) == [message.data]


def test_the_bytes_of_a_message_are_made_once_and_a_large_body_is_never_copied() -> None:
    body = b"b" * LARGE_BYTES
    one, two = (Message("snapshot", "e1-1", head, body) for head in (b"{1", b"{2"))
    for framing in (Framing.WEBSOCKET, Framing.CHUNKED):
        assert frames(one, framing) is frames(one, framing)
        assert frames(one, framing)[1] is frames(two, framing)[1] is body
        assert pieces([one], framing)[1] is body


@given(st.lists(st.integers(0, 2 * LARGE_BYTES), max_size=8), st.sampled_from(list(Framing)))
def test_several_messages_arrive_in_order_whatever_is_joined(
    lengths: list[int], framing: Framing
) -> None:
    messages = [Message("diff", None, b"%d" % n, b"x" * length) for n, length in enumerate(lengths)]
    data = b"".join(pieces(messages, framing))
    assert read(data, framing) == [message.data for message in messages]


def test_lines_of_text_are_frames_of_their_own_and_lines_of_one_event() -> None:
    message = Message("diff", None, b"a\n\nb")
    for framing in (Framing.WEBSOCKET, Framing.DEFLATED):
        assert read(frames(message, framing)[0], framing) == [b"a", b"", b"b"]
    assert event(message) == b"event: diff\ndata: a\ndata: \ndata: b\n\n"
    assert frames(message, Framing.CHUNKED) == (chunk(event(message)),)


def test_what_deflate_would_not_shorten_is_sent_as_it_is() -> None:
    short = Message("pong", None, b"x" * (DEFLATE_FROM_BYTES - 1))
    assert frames(short, Framing.DEFLATED) == frames(short, Framing.WEBSOCKET)
    long = Message("diff", None, b'{"symbol":"AAPL.US","last":189.2}' * 20)
    (packed,) = frames(long, Framing.DEFLATED)
    assert len(packed) < len(long.data) / 4
    inflated = zlib.decompressobj(-15).decompress(packed[2:] + b"\x00\x00\xff\xff")
    assert inflated == long.data


def test_a_close_frame_holds_a_code_and_what_fits_of_the_reason() -> None:
    client = Protocol(Side.CLIENT, state=State.OPEN)
    client.receive_data(close_frame(1013, "no progress " * 20))
    assert client.close_rcvd is not None
    assert client.close_rcvd.code == 1013
    assert len(client.close_rcvd.reason) == 123


def masked(opcode: Opcode, data: bytes) -> bytes:
    return Frame(opcode, data).serialize(mask=True, extensions=[])


@given(
    st.lists(st.integers(0, 300), max_size=5),
    st.integers(0, 2000),
)
def test_only_frames_that_are_complete_are_whole(lengths: list[int], cut: int) -> None:
    made = [masked(Opcode.TEXT, b"x" * length) for length in lengths]
    data = b"".join(made)[:cut]
    size = whole_frames(data, most_bytes=1000)
    ends = [0]
    for frame in made:
        ends.append(ends[-1] + len(frame))
    assert size == max(end for end in ends if end <= len(data))


@pytest.mark.parametrize("length", [1001, 70_000, 2**63 - 1])
def test_a_frame_that_announces_too_much_is_not_waited_for(length: int) -> None:
    small = length < 65536
    head = b"\x81" + (b"\xfe" if small else b"\xff") + length.to_bytes(2 if small else 8)
    ready = masked(Opcode.TEXT, b"a")
    assert whole_frames(ready + head, most_bytes=1000) == len(ready + head)
    assert whole_frames(ready + head[:3], most_bytes=1000) == len(ready)
