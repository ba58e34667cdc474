"""Bytes of an event stream, however they are cut → events (WHATWG HTML, 9.2).

Pure. It must not know where the bytes come from, nor what an event's data means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from stream.errors import SourceError

MAX_ID: Final = 8192
"""Longest id kept, in characters: it comes back to the upstream in a header."""
MAX_RETRY_S: Final = 3600.0
"""Longest wait that a stream may ask for: a mistaken number must not silence a source."""

_BOM: Final = b"\xef\xbb\xbf"
_END_OF_LINE = re.compile(rb"\r\n|\n|\r")
_DIGITS = re.compile(r"[0-9]{1,12}", re.ASCII)
_NOT_IN_A_HEADER = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        name: its type, ``message`` where the stream gives none.
        data: its lines, joined with line feeds.
        id: the id that stood in this very event, if one did.
    """

    name: str
    data: str
    id: str | None


class EventStream:
    """Reads one connection's stream.

    Args:
        max_event_bytes: most bytes of one event, its field names included; a line is never longer.
        last_id: what the connection before it left.

    Attributes:
        last_id: what to send as Last-Event-ID when the stream is opened again.
        retry_s: how long the upstream asks us to wait before that, if it does.
    """

    def __init__(self, *, max_event_bytes: int, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry_s: float | None = None
        self._max = max_event_bytes
        self._line = bytearray()
        self._before_text: bytes | None = b""
        self._is_after_cr = False
        self._begin()

    def _begin(self) -> None:
        self._size = 0
        self._name = ""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes; the events they complete.

        Raises:
            SourceError: ``too_large``: an event or a line is; the stream cannot be read on.
        """
        if self._before_text is not None:
            chunk = self._before_text + chunk
            if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
                self._before_text = chunk
                return []
            self._before_text = None
            chunk = chunk.removeprefix(_BOM)
        if self._is_after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._is_after_cr = False
        if not chunk:
            return []
        self._is_after_cr = chunk.endswith(b"\r")
        first, *others = _END_OF_LINE.split(chunk)
        self._line += first
        events: list[Event] = []
        for following in others:
            event = self._take(bytes(self._line))
            if event is not None:
                events.append(event)
            self._line = bytearray(following)
        self._check(len(self._line))
        return events

    def _check(self, line_bytes: int) -> None:
        if self._size + line_bytes > self._max:
            raise SourceError("too_large", f"an event is larger than {self._max} bytes")

    def _take(self, line: bytes) -> Event | None:
        if not line:
            return self._end_of_event()
        self._check(len(line))
        self._size += len(line)
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id" and len(value) <= MAX_ID and not _NOT_IN_A_HEADER.search(value):
            self._id = value
        elif name == "retry" and _DIGITS.fullmatch(value):
            self.retry_s = min(int(value) / 1000, MAX_RETRY_S)
        return None

    def _end_of_event(self) -> Event | None:
        name, lines, own_id = self._name or "message", self._data, self._id
        self._begin()
        if own_id is not None:
            self.last_id = own_id
        return Event(name, "\n".join(lines), own_id) if lines else None
