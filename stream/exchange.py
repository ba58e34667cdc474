"""One exchange with an upstream: what is asked, what is answered, what to show the next time.

Pure: the nouns of `stream.fetch`, for those who read answers and need not know of HTTP clients.
It must not look into a body, only tell it from the last one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlencode

from stream.errors import SourceError
from stream.inflate import Inflater
from stream.schedule import Hints

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")


@dataclass(slots=True, eq=False, repr=False)
class Kept:
    """A body, to compare the next one with: its bytes while there is room for them, else a digest.

    Comparing bytes costs a hundredth of a digest, which costs a third of parsing JSON.

    Attributes:
        asked: what was asked and the type of the answer, see `Request.asked`. It counts, for the
            items may take their key from it: the same bytes mean something else for another symbol.
        data: the bytes, None once they are folded into the digest.
    """

    asked: bytes
    data: bytes | None
    _digest: bytes = b""

    def is_same(self, other: Kept | None) -> bool:
        """Whether both are one body, asked for in the same way."""
        if other is None:
            return False
        if self.data is not None and other.data is not None:
            return self.asked == other.asked and self.data == other.data
        return self.digest == other.digest

    @property
    def digest(self) -> bytes:
        """blake2b of what was asked and of the body; made when it is first needed."""
        if not self._digest:
            self._digest = hash_of(self.asked, self.data or b"")
        return self._digest

    def fold(self) -> None:
        """Keep the digest only."""
        self._digest, self.data = self.digest, None


class Shelf:
    """The bytes of bodies that may be kept, the one unused for longest folded first.

    Args:
        most_bytes: of all of them together.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._bodies: dict[Kept, int] = {}

    def swap(self, old: Kept | None, new: Kept) -> None:
        """Put a body in the place of the one before."""
        if old is not None:
            self._bytes -= self._bodies.pop(old, 0)
        size = len(new.data or b"")
        self._bodies[new] = size
        self._bytes += size
        while self._bytes > self._most_bytes:
            oldest = next(iter(self._bodies))
            self._bytes -= self._bodies.pop(oldest)
            oldest.fold()


@dataclass(frozen=True, slots=True)
class Validators:
    """What the next request shows, so that an unchanged body is neither sent nor read again.

    Hand them back only after the body they came with was read without a fault: otherwise a bad
    body that comes twice would pass for "unchanged".

    Attributes:
        etag: as received, byte for byte (Latin-1).
        last_modified: as received.
        body: the decoded body, to know it by.
        wire: the body as it was packed, if it was: the same bytes need no unpacking.
        url_digest: of the URL that gave ``etag`` and ``last_modified``; they are shown to that
            URL alone. None stands for the request's own URL.
    """

    etag: str | None = None
    last_modified: str | None = None
    body: Kept | None = None
    wire: Kept | None = None
    url_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What to read. Secrets are apart, so that they never meet another origin or a message.

    Attributes:
        params, secret_params: appended to the query of the URL.
        timeout_s: for the whole fetch, redirects and the last byte of the body included.
        max_bytes: most bytes of the decoded body.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 15.0
    max_bytes: int = 5 * 2**20
    validators: Validators | None = None

    @property
    def public_url(self) -> str:
        """The URL with its parameters, but without the secret ones."""
        return _with_params(self.url, self.params)

    @property
    def full_url(self) -> str:
        """The URL to ask. It must not stand in any message."""
        return _with_params(self.public_url, self.secret_params)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must not be shown."""
        return (*self.secret_headers.values(), *self.secret_params.values())

    @property
    def credentials(self) -> bytes:
        """A digest of the secrets, to tell who asks from others; empty where there are none."""
        secrets = [*self.secret_headers.items(), *self.secret_params.items()]
        return hash_of(repr(secrets).encode("utf-8", "surrogatepass")) if secrets else b""

    def asked(self, content_type: str) -> bytes:
        """What was asked and what came, but for the body: two bodies compare only where it is the
        same. No secret is in it."""
        return f"{self.public_url}\n{content_type}\n".encode()


@dataclass(frozen=True, slots=True)
class Response:
    """A good answer.

    Attributes:
        body: decoded; None = unchanged (a 304, or byte for byte the body of the last time).
        content_type: the header as received, or an empty text.
        received_bytes: of the body, on the wire, so before decoding.
        not_modified: the upstream itself said so (304).
    """

    status: int
    body: bytes | None
    content_type: str
    validators: Validators
    received_bytes: int
    elapsed_s: float
    not_modified: bool
    hints: Hints


class Getter(Protocol):
    """What answers requests: the fetcher, or something in its place."""

    async def get(self, request: Request) -> Response:
        """Answer once, or raise SourceError."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """A good answer that goes on.

    Attributes:
        content_type: the header as received, or an empty text.
        chunks: its bytes as they come; it raises SourceError where they break off.
    """

    status: int
    content_type: str
    chunks: AsyncGenerator[bytes, None]


def unpack(
    request: Request, content_type: str, inflater: Inflater, shelf: Shelf | None = None
) -> tuple[bytes | None, Validators]:
    """The body, None if it is that of the last time, and what to know it by.

    Only a 304 and the same bytes count as unchanged: an ETag that stays while the body changes is a
    mistake often enough. An empty body never does, so that it is reported each time.

    Args:
        shelf: where the bytes to compare with are kept; without one there are digests only.
    """
    last = request.validators or Validators()
    wire = None
    if inflater.is_packed:
        wire = Kept(request.asked(f"{inflater.coding} {content_type}"), b"".join(inflater.wire()))
        if wire.is_same(last.wire):
            return None, _kept(last, last.body, last.wire, shelf)
    data = inflater.finish()
    if not data:
        return data, Validators()
    body = Kept(request.asked(content_type), data)
    is_same = body.is_same(last.body)
    return (None if is_same else data), _kept(last, body, wire, shelf)


def _kept(
    last: Validators, body: Kept | None, wire: Kept | None, shelf: Shelf | None
) -> Validators:
    """Of what is packed, only the wire's bytes are kept: they are fewer."""
    if wire is not None and body is not None:
        body.fold()
    kept = wire or body
    if shelf is None and kept is not None:
        kept.fold()
    elif shelf is not None and kept is not None:
        shelf.swap(last.wire or last.body, kept)
    return Validators(body=body, wire=wire)


def sendable(name: str, value: str) -> str:
    """The value of a header as it may be sent.

    Raises:
        SourceError: ``bad_request``; the message does not hold the value.
    """
    if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
        raise SourceError(
            "bad_request", f"the header {name[:64]!r} cannot be sent: a line break, perhaps?"
        )
    return value.strip(" ")


def phrase(status: int) -> str:
    """``503 Service Unavailable``: from our own table, for the upstream may write anything."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def hash_of(*parts: bytes | memoryview) -> bytes:
    """blake2b, 16 bytes, of all parts in a row."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.digest()


def _with_params(url: str, params: Mapping[str, str]) -> str:
    """Append to the query as it stands: taking it apart and joining it again may change it."""
    if not params:
        return url
    bare, hash_, fragment = url.partition("#")
    joint = "" if bare.endswith(("?", "&")) else "&" if "?" in bare else "?"
    return f"{bare}{joint}{urlencode(params, safe=',:@/')}{hash_}{fragment}"
