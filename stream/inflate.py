"""One body as it comes off the wire, and its content coding taken off, both under a cap.

Pure. It must not trust a length it is told: it counts what it was given and what came of it.
"""

from __future__ import annotations

import zlib
from typing import Final

from stream.errors import SourceError

WIRE_SLACK_BYTES: Final = 65_536
"""How far the wire may exceed the cap: the framing of data that does not shrink, and no more."""
MAX_MEMBERS: Final = 1024
"""A body of nothing but empty 20-byte gzip members costs time and would never reach the cap."""

_STEP_BYTES = 65_536
_LARGE_BYTES: Final = 4096
"""Chunks from this size on are kept as they are, and copied once at most."""
_GZIP = zlib.MAX_WBITS | 16
_CODINGS = frozenset({"identity", "gzip", "x-gzip", "deflate"})


class Inflater:
    """Collects one body: at most ``max_bytes`` decoded, and little more on the wire.

    Nothing is unpacked before `finish`, so that a body seen before need not be unpacked at all.

    Args:
        coding: the Content-Encoding header: empty, identity, gzip (any number of members) or
            deflate (zlib's or raw).

    Raises:
        SourceError: kind ``bad_encoding`` for another coding, several codings, or a broken or
            truncated body; ``too_large`` as soon as a cap is passed.
    """

    def __init__(self, coding: str, max_bytes: int) -> None:
        codings = [word.strip().lower() for word in coding.split(",") if word.strip()]
        # Several codings are how 658 bytes become 300 MB.
        if len(codings) > 1 or not _CODINGS.issuperset(codings):
            raise SourceError(
                "bad_encoding", f"expected gzip or no Content-Encoding, got {coding[:64]!r}"
            )
        self.coding = codings[0] if codings else "identity"
        self.received = 0
        self._max_bytes = max_bytes
        self._most_received = max_bytes + (WIRE_SLACK_BYTES if self.is_packed else 0)
        # Small chunks are put together: two bytes to a chunk would take twenty times their size.
        self._chunks: list[bytes | bytearray] = []
        self._left = max_bytes
        self._parts: list[bytes] = []
        self._members = 0

    @property
    def is_packed(self) -> bool:
        """Whether there is a coding to take off."""
        return self.coding != "identity"

    def expect(self, content_length: str) -> None:
        """Refuse at once what is announced to be too large; believe nothing else of it."""
        is_number = content_length.isascii() and content_length.isdigit()
        if is_number and float(content_length) > self._most_received:
            raise self._too_large()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the wire."""
        self.received += len(chunk)
        if self.received > self._most_received:
            raise self._too_large()
        if len(chunk) >= _LARGE_BYTES:
            self._chunks.append(chunk)
        elif self._chunks and isinstance(self._chunks[-1], bytearray):
            self._chunks[-1] += chunk
        else:
            self._chunks.append(bytearray(chunk))

    def _whole(self) -> bytes:
        if len(self._chunks) != 1 or not isinstance(self._chunks[0], bytes):
            self._chunks = [b"".join(self._chunks)]
        return bytes(self._chunks[0])

    def wire(self) -> tuple[memoryview, memoryview]:
        """What was received, without the time of packing that a gzip head holds (bytes 4-7)."""
        whole = memoryview(self._whole())
        return (whole[:4], whole[8:]) if self.coding != "deflate" else (whole, whole[:0])

    def finish(self) -> bytes:
        """The whole body. No bytes at all are an empty body in any coding."""
        whole = self._whole()
        if not (self.is_packed and whole):
            return whole
        try:
            self._inflate(memoryview(whole))
        except zlib.error:
            raise SourceError("bad_encoding", f"the {self.coding} body is broken") from None
        return b"".join(self._parts)

    def _inflate(self, data: memoryview) -> None:
        at = 0
        while at < len(data):
            stream = self._begin(data[at : at + 2])
            # In steps, for the end of each member copies all that was given beyond it.
            while at < len(data) and not stream.eof:
                step = data[at : at + _STEP_BYTES]
                # One byte more than may be kept is enough to see that there is too much.
                self._keep(stream.decompress(step, self._left + 1))
                at += len(step) - len(stream.unused_data)
            if not stream.eof:
                raise SourceError("bad_encoding", f"the {self.coding} body ends too early")

    def _begin(self, head: memoryview) -> zlib._Decompress:
        self._members += 1
        if self._members > (1 if self.coding == "deflate" else MAX_MEMBERS):
            raise SourceError("bad_encoding", f"too much follows the end of the {self.coding} body")
        if self.coding != "deflate":
            return zlib.decompressobj(_GZIP)
        # "deflate" means zlib's format, but raw deflate is what some servers send. A zlib head
        # (RFC 1950) cannot begin a raw stream that a compressor wrote.
        is_zlib = head[0] & 0x0F == 8 and int.from_bytes(head) % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)

    def _keep(self, part: bytes) -> None:
        self._left -= len(part)
        if self._left < 0:
            raise self._too_large()
        self._parts.append(part)

    def _too_large(self) -> SourceError:
        return SourceError("too_large", f"the body is larger than {self._max_bytes} bytes")
