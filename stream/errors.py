"""Every error of ours, in one tree, and the WebSocket close codes.

StreamError
├── ConfigError            the configuration is wrong: one line, exit code 2
├── ClientError            a reader or publisher asked for something wrong (code, HTTP status)
├── SourceError            an upstream answered wrongly or not at all (kind, retry_after_s)
├── EngineError            the order of changes cannot be kept (the engine is out of reach)
└── LinkError              the Python client cannot go on
    ├── Refused            the server said no before a stream opened (HTTP status, code)
    ├── Ended              the server ended a stream for good (close code)
    └── Unreachable        there is no server, and it is not to be waited for
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class StreamError(Exception):
    """The root of the tree."""


class ConfigError(StreamError):
    """The configuration is wrong. The message is one line: table, key, value, what was expected."""


class ClientError(StreamError):
    """A client asked for something it cannot have.

    Args:
        code: a stable word for programs, e.g. ``unknown_channel``.
        message: one sentence for people, with the nearest valid name where there is one.
        status: the HTTP status it stands for.
        details: further members of the answer, e.g. ``{"channel": "qoutes"}``.
    """

    def __init__(
        self, code: str, message: str, *, status: int = 400, details: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = details or {}


class SourceError(StreamError):
    """An upstream answered wrongly or not at all. Nothing of that read is published.

    Args:
        kind: a stable word for programs, e.g. ``http_503``, ``timeout``, ``bad_json``.
        message: one sentence for people; never holds a secret.
        retry_after_s: how long the upstream asked us to wait, if it did.
        status: the HTTP status of the upstream's answer, if there was one.
        was_sent: the upstream was asked; false where it was to be left alone.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retry_after_s: float | None = None,
        status: int | None = None,
        was_sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retry_after_s = retry_after_s
        self.status = status
        self.was_sent = was_sent


class EngineError(StreamError):
    """The engine cannot number a change now."""


class LinkError(StreamError):
    """A client's link to a service is over, and trying again would not help."""


class Refused(LinkError):
    """The server said no.

    Args:
        message: the server's own sentence, with the nearest valid name where it knows one.
        status: the HTTP status.
        code: the server's word for programs, e.g. ``unknown_channel``; empty where another
            server answered.
    """

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Ended(LinkError):
    """The server ended the stream, and not to come back.

    Args:
        code: the WebSocket close code, e.g. 1008.
        reason: the server's words, may be empty.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the server ended the stream: {reason or 'no reason given'} ({code})")
        self.code = code
        self.reason = reason


class Unreachable(LinkError):
    """Nobody answers at that address. The message says why in the system's words."""


class Close(IntEnum):
    """WebSocket close codes we send (protocol.md §4)."""

    DONE = 1000
    POLICY = 1008
    TOO_BIG = 1009
    RESTART = 1012
    TRY_LATER = 1013
    NO_SUCH_CHANNEL = 4404


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, or None where nothing is close."""
    found = difflib.get_close_matches(word[:128], list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``", did you mean 'quotes'?"``, or an empty text where nothing is close."""
    match = nearest(word, known)
    return f", did you mean {match!r}?" if match else ""
