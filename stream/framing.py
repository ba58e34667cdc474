"""Messages → the bytes on the wire: WebSocket frames, events of an event stream, HTTP chunks.

Pure. The bytes of a message are made once per framing and kept with it, so that whoever is sent the
same message is sent the very same bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from stream.encode import Message

LARGE_BYTES: Final = 4096
"""A body from this size on is a piece of its own: to write it twice is cheaper than to copy it."""
DEFLATE_FROM_BYTES: Final = 64
"""Shorter messages are sent as they are: deflate would make most of them longer."""
WINDOW_BITS: Final = 15
"""The window that shared compressed frames need; it is only open while a frame is made."""
PING: Final = b"\x89\x00"
"""A WebSocket ping without payload (RFC 6455 §5.5.2)."""

_TEXT: Final = 0x81
_DEFLATED_TEXT: Final = 0xC1
_SYNC_TAIL: Final = b"\x00\x00\xff\xff"


class Framing(StrEnum):
    """How messages lie on a connection."""

    WEBSOCKET = "websocket"
    DEFLATED = "deflated"
    CHUNKED = "chunked"

    __hash__ = str.__hash__  # an Enum's own is written in Python, and this is asked per message


def frames(message: Message, framing: Framing) -> tuple[bytes, ...]:
    """The message's bytes on such a connection, in pieces, made once."""
    made = message.frames
    if made is None:
        made = message.frames = {}
    found = made.get(framing)
    if found is None:
        found = made[framing] = _FRAMERS[framing](message)
    return found


def pieces(messages: Iterable[Message], framing: Framing) -> list[bytes]:
    """The bytes of several messages, small neighbours joined."""
    found: list[bytes] = []
    small: list[bytes] = []
    for message in messages:
        for piece in frames(message, framing):
            if len(piece) < LARGE_BYTES:
                small.append(piece)
                continue
            if small:
                found.append(b"".join(small))
                small = []
            found.append(piece)
    if small:
        found.append(b"".join(small))
    return found


def _websocket(message: Message) -> tuple[bytes, ...]:
    if b"\n" in message.head:  # the text format: one frame a line
        return (b"".join(_frame(line) for line in message.data.split(b"\n")),)
    head = frame_head(_TEXT, len(message.head) + len(message.body)) + message.head
    return (head, message.body) if len(message.body) >= LARGE_BYTES else (head + message.body,)


def _deflated(message: Message) -> tuple[bytes, ...]:
    lines = message.data.split(b"\n")
    return (b"".join(_deflated_frame(line) for line in lines),)


def _frame(payload: bytes) -> bytes:
    return frame_head(_TEXT, len(payload)) + payload


def _deflated_frame(payload: bytes) -> bytes:
    """One text frame by RFC 7692 §7.2.1, without context takeover."""
    if len(payload) < DEFLATE_FROM_BYTES:
        return _frame(payload)
    deflater = zlib.compressobj(wbits=-WINDOW_BITS)
    data = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
    data = data.removesuffix(_SYNC_TAIL)
    return frame_head(_DEFLATED_TEXT, len(data)) + data


def frame_head(first: int, length: int) -> bytes:
    """The head of an unmasked frame whose first byte is this (RFC 6455 §5.2)."""
    if length < 126:
        return bytes((first, length))
    if length < 65536:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)


def whole_frames(data: bytes, *, most_bytes: int) -> int:
    """How many of the bytes, from a client, belong to complete frames (RFC 6455 §5.2).

    All of them where a frame announces more than ``most_bytes``: whoever parses them refuses it,
    and there is no point in waiting for the rest.
    """
    end = 0
    while len(data) - end >= 2:
        at = end + 2
        length = data[end + 1] & 0x7F
        if length >= 126:
            width = 2 if length == 126 else 8
            if len(data) < at + width:
                return end
            length = int.from_bytes(data[at : at + width])
            at += width
        if length > most_bytes:
            return len(data)
        at += 4 if data[end + 1] & 0x80 else 0
        if len(data) < at + length:
            return end
        end = at + length
    return end


def close_frame(code: int, reason: str) -> bytes:
    """A close frame; a reason has at most 123 bytes (RFC 6455 §5.5.1)."""
    payload = struct.pack("!H", code) + reason.encode()[:123]
    return frame_head(0x88, len(payload)) + payload


def _chunked(message: Message) -> tuple[bytes, ...]:
    if len(message.body) < LARGE_BYTES:
        return (chunk(event(message)),)
    opening = _event_head(message) + b"data: " + message.head
    size = len(opening) + len(message.body) + 2
    return (b"%x\r\n" % size + opening, message.body, b"\n\n\r\n")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body (RFC 9112 §7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK: Final = b"0\r\n\r\n"


def event(message: Message, *, retry_ms: int | None = None) -> bytes:
    """A message as one event of an event stream (WHATWG HTML §9.2.6)."""
    parts = [_event_head(message)]
    if retry_ms is not None:
        parts += (b"retry: ", str(retry_ms).encode(), b"\n")
    for line in message.data.split(b"\n"):
        parts += (b"data: ", line, b"\n")
    parts.append(b"\n")
    return b"".join(parts)


def _event_head(message: Message) -> bytes:
    head = b"event: %b\n" % message.event.encode()
    return head if message.cursor is None else head + b"id: %b\n" % message.cursor.encode()


_FRAMERS: Final = {
    Framing.WEBSOCKET: _websocket,
    Framing.DEFLATED: _deflated,
    Framing.CHUNKED: _chunked,
}
