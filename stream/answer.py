"""Bytes of an upstream, however cut → the head and the body of one HTTP/1.1 answer.

Pure; the only room of the upstream side that knows httptools. Parsing is the library's. Added here
is what it leaves to a client: where an answer without a length ends, how much may come that is no
body, and whether the connection is fit for another request.
"""

from __future__ import annotations

import http
from typing import Final

import httptools

MAX_QUIET_BYTES: Final = 131_072
"""Most bytes in a row that are no body: a head with all interim answers (1xx) before it, the size
of a chunk and what may follow it, trailers. The parser bounds none of them."""

_PIECE_BYTES: Final = 16_384
"""So many are parsed before the bound is looked at again."""
_JOINED: Final = frozenset({"cache-control", "content-encoding", "transfer-encoding"})
"""Headers of which every line counts."""
_BODILESS: Final = frozenset({http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED})


class BadAnswer(Exception):
    """It is no HTTP/1.1 answer, or it broke off."""


class Answer:
    """One answer, as far as it has come.

    Attributes:
        status: 200 to 999; 0 until `has_head`.
        headers: by lower-case name, byte for byte as Latin-1: the first of each name, but of
            some every line, with commas between them.
        is_complete: the whole of it was fed; the body may still have to be taken.
        may_follow: it was complete, and its connection may be asked again.
        buffered: how many bytes of the body wait to be taken.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_head = False
        self.is_complete = False
        self.may_follow = False
        self.buffered = 0
        self._pieces: list[bytes] = []
        self._quiet_bytes = 0
        self._ends_with_connection = False
        self._parser = httptools.HttpResponseParser(self)
        # Leniencies are dangerous where two parties may see different ends of a message. Here is
        # one, of one upstream, and a connection with conflicting lengths is not used again.
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection.

        Raises:
            BadAnswer: the rest cannot be understood, or there is too much that is no body.
        """
        for at in range(0, len(data), _PIECE_BYTES):
            if self.is_complete:
                self.may_follow = False
                return
            self._feed(data[at : at + _PIECE_BYTES])

    def end(self) -> None:
        """The upstream sends nothing more, which is how an answer without a length ends.

        Raises:
            BadAnswer: there should have been more.
        """
        if self._ends_with_connection:
            self.is_complete = True
        if not self.is_complete:
            raise BadAnswer

    def take(self) -> bytes:
        """What came of the body since the last time."""
        pieces, self._pieces = self._pieces, []
        self.buffered = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _feed(self, piece: bytes) -> None:
        self._quiet_bytes += len(piece)
        try:
            self._parser.feed_data(piece)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.is_complete:
                raise BadAnswer from None
            self.may_follow = False
        if self._quiet_bytes > MAX_QUIET_BYTES:
            raise BadAnswer

    # What follows is called by the parser.

    def on_message_begin(self) -> None:
        """An answer begins; after this one is complete, nobody asked for another."""
        if self.is_complete:
            raise BadAnswer

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which counts for nothing."""
        if self.has_head:
            return
        key = name.lower().decode("latin-1")
        text = value.strip(b" \t").decode("latin-1")
        if key not in self.headers:
            self.headers[key] = text
        elif key in _JOINED:
            self.headers[key] += f", {text}"

    def on_headers_complete(self) -> None:
        """The end of a head: of the answer, or of an interim one."""
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers.clear()
            return
        transfer = self.headers.get("transfer-encoding")
        if status < 200 or (transfer is not None and transfer.lower() != "chunked"):
            raise BadAnswer
        self.status, self.has_head = status, True
        has_length = transfer is not None or "content-length" in self.headers
        self._ends_with_connection = status not in _BODILESS and not has_length

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if not self.has_head:
            # Interim answers have none (RFC 9110 §15.2), but the parser believes their lengths.
            raise BadAnswer
        self._quiet_bytes = 0
        self.buffered += len(body)
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        """The end of an answer, or of an interim one."""
        if self.has_head:
            self.is_complete = True
            lengths = self.headers.keys() & {"transfer-encoding", "content-length"}
            self.may_follow = len(lengths) < 2 and self._parser.should_keep_alive()
