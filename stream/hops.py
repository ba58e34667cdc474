"""One request of a chain of redirects: where it goes, what it carries, where it may lead.

The only room that knows httpx, whose URLs it takes: names in any script, escapes, joining. It sends
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import httpx

from stream.errors import SourceError
from stream.exchange import Request, Validators, hash_of, sendable
from stream.redact import holds

MAX_REDIRECTS: Final = 3
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_ONE_ORIGIN_ONLY = frozenset({"authorization", "proxy-authorization", "cookie", "host"})
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
"""They announce a body, and a GET has none."""
_PORTS: Final = {"http": 80, "https": 443}
_MAX_TARGETS: Final = 4096


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """A URL, taken apart once.

    Attributes:
        host: as people read it; ``name`` is what is resolved, and what a certificate must name.
        origin: scheme, host, and the port where the URL has one.
        request: the first line of a request for it.
        authority: the header Host.
    """

    url: httpx.URL
    host: str
    name: str
    port: int
    is_tls: bool
    origin: str
    request: bytes
    authority: bytes

    @classmethod
    def of(cls, url: httpx.URL) -> Target:
        """Take a URL apart that `_is_askable`."""
        return cls(
            url=url,
            host=url.host,
            name=url.raw_host.decode("ascii"),
            port=url.port or _PORTS[url.scheme],
            is_tls=url.scheme == "https",
            origin=_origin(url),
            request=b"GET %b HTTP/1.1\r\n" % url.raw_path,
            authority=url.netloc,
        )


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a chain of redirects.

    Attributes:
        shown: how messages call it.
        headers: by lower-case name, without those that depend on the URL or on what was last read.
        is_led: an upstream chose its origin, not the configuration.
        credentials: a digest of the secrets it carries.
    """

    target: Target
    shown: str
    headers: Mapping[str, str]
    url_digest: bytes
    validators: Validators | None
    is_led: bool = False
    credentials: bytes = b""

    def head(self) -> bytes:
        """What is sent."""
        target, shown = self.target, self.validators
        parts = [target.request]
        if "host" not in self.headers:
            parts.append(b"host: %b\r\n" % target.authority)
        parts += [f"{name}: {value}\r\n".encode() for name, value in self.headers.items()]
        if shown is not None and shown.etag:
            parts.append(f"if-none-match: {shown.etag}\r\n".encode("latin-1"))
        if shown is not None and shown.last_modified:
            parts.append(f"if-modified-since: {shown.last_modified}\r\n".encode("latin-1"))
        parts.append(b"\r\n")
        return b"".join(parts)


def first_hop(request: Request, user_agent: str, coding: str = "gzip") -> Hop:
    """The request that the configuration asks for.

    Args:
        coding: the only one that may be taken off the body.

    Raises:
        SourceError: ``bad_request`` or ``protocol``: it cannot be sent.
    """
    try:
        target = _target(request.full_url)
    except (httpx.InvalidURL, ValueError):
        raise SourceError("bad_request", "the URL or a parameter is not valid") from None
    headers = {"user-agent": user_agent, "accept": "*/*"}
    for name, value in (*request.headers.items(), *request.secret_headers.items()):
        headers[name.lower()] = sendable(name, value)
    if not _FRAMING.isdisjoint(headers):
        where = f"{target.host}:{target.port}"
        raise SourceError("protocol", f"the request cannot be sent to {where}: it has no body")
    headers["accept-encoding"] = coding
    shown = f"{target.origin}{target.url.raw_path.partition(b'?')[0].decode()}"[:200]
    url_digest = hash_of(request.public_url.encode())
    return Hop(
        target,
        shown,
        headers,
        url_digest,
        _validators_for(request, {None, url_digest}),
        credentials=request.credentials,
    )


def next_hop(request: Request, hop: Hop, location: str | None) -> Hop:
    """The request that a redirect leads to.

    Raises:
        SourceError: ``redirect``: it is not followed.
    """
    if not location:
        raise SourceError("redirect", f"a redirect of {hop.shown} to nowhere")
    old = hop.target.url
    try:
        url = old.join(location.encode("latin-1").decode("utf-8", "replace"))
    except (httpx.InvalidURL, ValueError):
        raise SourceError("redirect", f"a redirect of {hop.shown} to no valid URL") from None
    # What stands in the path of a Location is the upstream's choice, so it may repeat a secret.
    shown = _origin(url)[:200]
    if not _is_askable(url):
        raise SourceError("redirect", f"a redirect of {hop.shown} to {shown!r} is not followed")
    if old.scheme == "https" and url.scheme == "http":
        raise SourceError("redirect", f"a redirect of {hop.shown} from https to {shown}")
    headers, is_led, credentials = hop.headers, hop.is_led, hop.credentials
    if _origin(url) != hop.target.origin:
        secret = _ONE_ORIGIN_ONLY | {name.lower() for name in request.secret_headers}
        headers = {name: value for name, value in headers.items() if name not in secret}
        url = _without(url, frozenset(request.secret_params.values()))
        if holds(str(url), request.secrets):
            raise SourceError("redirect", f"a redirect of {hop.shown} elsewhere repeats a secret")
        is_led, credentials = is_led or not _is_upgrade(old, url), b""
    url_digest = hash_of(str(url).encode())
    shown_to = _validators_for(request, {url_digest})
    return Hop(Target.of(url), shown, headers, url_digest, shown_to, is_led, credentials)


@lru_cache(maxsize=_MAX_TARGETS)
def _target(text: str) -> Target:
    """The URL of a request, which is the same at each of its reads."""
    url = httpx.URL(text)
    if url.userinfo:
        raise SourceError("bad_request", f"the URL of {_origin(url)} holds a user: use auth")
    if not _is_askable(url):
        raise SourceError(
            "bad_request", f"expected an http or https URL, got {_origin(url)[:64]!r}"
        )
    return Target.of(url)


def _is_upgrade(old: httpx.URL, new: httpx.URL) -> bool:
    """The same host, from the port of http to that of https: what its owner may well do."""
    schemes = (old.scheme, new.scheme)
    return old.host == new.host and schemes == ("http", "https") and not (old.port or new.port)


def _validators_for(request: Request, digests: set[bytes | None]) -> Validators | None:
    """The request's validators where there is something to show to a URL of these digests."""
    mine = request.validators
    if mine is None or mine.url_digest not in digests or not (mine.etag or mine.last_modified):
        return None
    return mine


def _is_askable(url: httpx.URL) -> bool:
    is_port = url.port is None or 0 < url.port < 65_536
    return url.scheme in ("http", "https") and bool(url.host) and is_port and not url.userinfo


def _without(url: httpx.URL, secrets: frozenset[str]) -> httpx.URL:
    """The URL less the query parameters that hold a secret, where a redirect repeats them."""
    pairs = url.params.multi_items()
    kept = [pair for pair in pairs if pair[1] not in secrets]
    return url if len(kept) == len(pairs) else url.copy_with(params=kept)


def _origin(url: httpx.URL) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}" + (f":{url.port}" if url.port is not None else "")
