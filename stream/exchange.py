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


@dataclass(frozen=True, slots=True)
class Validators:
    """What the next request shows, so that an unchanged body is neither sent nor read again.

    Hand them back only after the body they came with was read without a fault: otherwise a bad
    body that comes twice would pass for "unchanged".

    Attributes:
        etag: as received, byte for byte (Latin-1).
        last_modified: as received.
        digest: of the decoded body, see `Request.digest`.
        wire_digest: of the body as it was packed, if it was: the same bytes need no unpacking.
        url_digest: of the URL that gave ``etag`` and ``last_modified``; they are shown to that
            URL alone. None stands for the request's own URL.
    """

    etag: str | None = None
    last_modified: str | None = None
    digest: bytes | None = None
    wire_digest: bytes | None = None
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

    def digest(self, content_type: str, *body: bytes | memoryview) -> bytes:
        """blake2b of what was asked, of the type and of the body. What was asked counts, for the
        items may take their key from it: the same bytes mean something else for another symbol.
        """
        return hash_of(f"{self.public_url}\n{content_type}\n".encode(), *body)


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
    request: Request, content_type: str, inflater: Inflater
) -> tuple[bytes | None, Validators]:
    """The body, None if it is that of the last time, and the digests to know it by.

    Only a 304 and the digests count as unchanged: an ETag that stays while the body changes is a
    mistake often enough. An empty body never does, so that it is reported each time.
    """
    last = request.validators or Validators()
    packed = None
    if inflater.is_packed:
        packed = request.digest(f"{inflater.coding} {content_type}", *inflater.wire())
        if packed == last.wire_digest:
            return None, Validators(digest=last.digest, wire_digest=packed)
    body = inflater.finish()
    if not body:
        return body, Validators()
    digest = request.digest(content_type, body)
    seen = Validators(digest=digest, wire_digest=packed)
    return (None if digest == last.digest else body), seen


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
