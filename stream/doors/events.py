"""What an event stream carries beside messages: the greeting, the beat and the goodbye."""

from __future__ import annotations

from stream import encode
from stream.framing import event
from stream.model import Cursor


def greeting(retry_ms: int, heartbeat_s: float) -> bytes:
    """The first block: when to come back, and how often there will be a sign of life.

    A reader that is told can take a longer silence for a dead link.
    """
    return f"retry: {retry_ms}\n: beat {heartbeat_s:g}\n\n".encode()


def beat_of(epoch: str, position: int, told: int) -> bytes:
    """A comment, and the cursor where it moved without data: an id alone dispatches nothing.

    Args:
        position: the seq up to which everything has been sent.
        told: the seq of the last cursor that was sent.
    """
    if position <= told:
        return b": beat\n\n"
    return f": beat\nid: {Cursor(epoch, position)}\n\n".encode()


def goodbye(reason: str, retry_ms: int | None) -> bytes:
    """The last event of a planned end."""
    return event(encode.control("bye", reason=reason, retry_ms=retry_ms), retry_ms=retry_ms)
