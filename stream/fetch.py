"""One guarded GET of an upstream: a deadline, a cap on the decoded body, no secret told.

The only module that imports httpx, so that moving to a successor is one line. It must not look
into the body, and it neither retries a failed read nor decides when the next one is.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import httpx

from stream.errors import SourceError
from stream.exchange import Request, Response, Shelf, Validators, hash_of, unpack
from stream.inflate import Inflater
from stream.schedule import parse_date, read_hints, read_retry

__all__ = ["Fetcher", "Request", "Response", "Validators"]

CONNECT_TIMEOUT_S: Final = 5.0
KEEP_ALIVE_S: Final = 55.0
"""Just below the 60 s after which common servers and balancers hang up."""
MAX_REDIRECTS: Final = 3
KEPT_BYTES: Final = 64 * 2**20
"""Most bytes of last bodies kept to compare the next ones with; each is a tenth of its items."""
MAX_VALIDATOR_BYTES: Final = 1024
MAX_ORIGINS: Final = 2048
"""Redirects choose origins, so their number needs an end; the one unused for longest goes."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ONE_ORIGIN_ONLY = frozenset({"authorization", "proxy-authorization", "cookie", "host"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")


class Fetcher:
    """Fetches for all sources, over one pool of kept-alive connections. No cookies, no proxies
    from the environment.

    Args:
        user_agent: sent unless a request brings its own.
        max_connections: most fetches at one time; the others wait, outside their deadline.
        tls: what to trust, instead of the public certificate authorities.
        now: the wall clock, only for HTTP dates of an answer that has no Date of its own.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        max_connections: int = 32,
        tls: ssl.SSLContext | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._user_agent = user_agent
        self._now = now
        self._tls = tls or httpx.create_ssl_context(trust_env=False)
        self._max_connections = max_connections
        self._slots = asyncio.Semaphore(max_connections)
        self._pools: dict[str, _Pool] = {}
        self._shelf = Shelf(KEPT_BYTES)
        self.on_answer: list[Callable[[Response], None]] = []

    async def get(self, request: Request) -> Response:
        """Fetch once.

        Raises:
            SourceError: kinds ``timeout``, ``connect``, ``dns``, ``tls``, ``protocol``,
                ``too_large``, ``bad_encoding``, ``redirect``, ``bad_request`` (the URL or a header
                cannot be sent), ``unexpected_304`` and ``http_<status>``. Messages name
                scheme, host, port and path, never a query or a header's value.
        """
        hop = _first_hop(request, self._user_agent)
        async with self._slots:
            started = time.monotonic()
            try:
                async with asyncio.timeout(request.timeout_s):
                    response = await self._follow(request, hop)
            except TimeoutError:
                raise SourceError(
                    "timeout", f"no complete answer from {hop.shown} in {request.timeout_s:g} s"
                ) from None
            response = replace(response, elapsed_s=time.monotonic() - started)
            for listener in self.on_answer:
                listener(response)
            return response

    async def aclose(self) -> None:
        """Close every connection."""
        while self._pools:
            await self._pools.popitem()[1].transport.aclose()

    async def _follow(self, request: Request, hop: _Hop) -> Response:
        for _ in range(MAX_REDIRECTS + 1):
            async with self._answer(hop) as answer:
                if answer.status_code not in _REDIRECTS:
                    return await self._read(request, hop, answer)
                hop = _next_hop(request, hop, _header(answer, "location"))
                await _drain(answer)
        raise SourceError("redirect", f"more than {MAX_REDIRECTS} redirects, now at {hop.shown}")

    @contextlib.asynccontextmanager
    async def _answer(self, hop: _Hop) -> AsyncIterator[httpx.Response]:
        async with self._pool(_origin(hop.url)) as transport:
            answer = await _send(transport, hop)
            try:
                yield answer
            except httpx.HTTPError:
                raise SourceError(
                    "protocol", f"the answer of {hop.shown} broke off or is malformed"
                ) from None
            finally:
                await answer.aclose()

    @contextlib.asynccontextmanager
    async def _pool(self, origin: str) -> AsyncIterator[httpx.AsyncHTTPTransport]:
        """One pool per origin: a pool looks at all its connections at each request, twice over."""
        pool = self._pools.pop(origin, None) or _Pool(self._transport())
        self._pools[origin] = pool  # so the dict is in the order of last use
        pool.users += 1
        try:
            if len(self._pools) > MAX_ORIGINS:
                oldest = next((name for name, one in self._pools.items() if not one.users), None)
                if oldest is not None:
                    await self._pools.pop(oldest).transport.aclose()
            yield pool.transport
        finally:
            pool.users -= 1

    def _transport(self) -> httpx.AsyncHTTPTransport:
        # The transport, not the client: the client logs whole URLs, tokens and all, and brings
        # cookies, redirects and environment proxies that would have to be turned off again.
        return httpx.AsyncHTTPTransport(
            verify=self._tls,
            trust_env=False,
            limits=httpx.Limits(
                max_connections=self._max_connections, keepalive_expiry=KEEP_ALIVE_S
            ),
        )

    async def _read(self, request: Request, hop: _Hop, answer: httpx.Response) -> Response:
        status, shown = answer.status_code, hop.validators
        now = parse_date(_header(answer, "date") or "") or self._now()
        if status == http.HTTPStatus.NOT_MODIFIED:
            if shown is None:
                raise SourceError("unexpected_304", "304 to an unconditional request", status=304)
            await _drain(answer)
            kept = _validators(answer, hop, shown)
            return _response(answer, None, kept, 0, now)
        if not 200 <= status < 300 or status == http.HTTPStatus.PARTIAL_CONTENT:
            asked = read_retry(partial(_header, answer), now)
            reason = _phrase(status)
            raise SourceError(f"http_{status}", reason, status=status, retry_after_s=asked)
        inflater = await _receive(answer, request.max_bytes)
        body, seen = unpack(request, _header(answer, "content-type") or "", inflater, self._shelf)
        found = _validators(answer, hop, seen)
        return _response(answer, body, found, inflater.received, now)


@dataclass(slots=True)
class _Pool:
    transport: httpx.AsyncHTTPTransport
    users: int = 0


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request of a chain of redirects. ``shown`` is how messages call it."""

    url: httpx.URL
    shown: str
    headers: Mapping[str, str]
    url_digest: bytes
    validators: Validators | None

    def wire(self) -> list[tuple[bytes, bytes]]:
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        for name, value in (
            (b"if-none-match", self.validators and self.validators.etag),
            (b"if-modified-since", self.validators and self.validators.last_modified),
        ):
            if value:
                headers.append((name, value.encode("latin-1")))
        return headers


async def _send(transport: httpx.AsyncHTTPTransport, hop: _Hop) -> httpx.Response:
    connected = False

    async def note(event: str, _info: Mapping[str, Any]) -> None:
        nonlocal connected
        connected = connected or event == "connection.connect_tcp.started"

    timeouts = {"connect": CONNECT_TIMEOUT_S, "read": None, "write": None, "pool": None}
    extensions = {"timeout": timeouts, "trace": note}
    while True:
        sent = httpx.Request("GET", hop.url, headers=hop.wire(), extensions=extensions)
        try:
            return await transport.handle_async_request(sent)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # A kept-alive connection may be closed by the other side just as it is used again.
            # Each such turn uses one up, so this ends with a fresh connection at the latest.
            if connected:
                raise SourceError("protocol", f"{hop.shown} gave no valid answer") from None
        except (httpx.HTTPError, UnicodeError) as error:
            raise _unreachable(error, hop) from None


async def _drain(answer: httpx.Response) -> None:
    """Read what is not wanted, if it is little: only a connection read to the end is kept."""
    length = _header(answer, "content-length") or ""
    if answer.status_code == http.HTTPStatus.NOT_MODIFIED or (length.isdigit() and len(length) < 5):
        async for _ in answer.aiter_raw():
            pass


def _first_hop(request: Request, user_agent: str) -> _Hop:
    try:
        url = _parse_url(request.full_url)
    except (httpx.InvalidURL, ValueError):
        raise SourceError("bad_request", "the URL or a parameter is not valid") from None
    headers = {"user-agent": user_agent, "accept": "*/*"}
    for name, value in (*request.headers.items(), *request.secret_headers.items()):
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise SourceError(
                "bad_request", f"the header {name[:64]!r} cannot be sent: a line break, perhaps?"
            )
        headers[name.lower()] = value.strip(" ")
    headers["accept-encoding"] = "gzip"
    shown = f"{_origin(url)}{url.raw_path.partition(b'?')[0].decode()}"[:200]
    url_digest = hash_of(request.public_url.encode())
    return _Hop(url, shown, headers, url_digest, _validators_for(request, {None, url_digest}))


def _next_hop(request: Request, hop: _Hop, location: str | None) -> _Hop:
    if not location:
        raise SourceError("redirect", f"a redirect of {hop.shown} to nowhere")
    try:
        url = hop.url.join(location.encode("latin-1").decode("utf-8", "replace"))
    except (httpx.InvalidURL, ValueError):
        raise SourceError("redirect", f"a redirect of {hop.shown} to no valid URL") from None
    # What stands in the path of a Location is the upstream's choice, so it may repeat a secret.
    shown = _origin(url)[:200]
    if not _is_askable(url):
        raise SourceError("redirect", f"a redirect of {hop.shown} to {shown!r} is not followed")
    if hop.url.scheme == "https" and url.scheme == "http":
        raise SourceError("redirect", f"a redirect of {hop.shown} from https to {shown}")
    headers = hop.headers
    if _origin(url) != _origin(hop.url):
        secret = _ONE_ORIGIN_ONLY | {name.lower() for name in request.secret_headers}
        headers = {name: value for name, value in headers.items() if name not in secret}
        url = _without(url, frozenset(request.secret_params.values()))
    url_digest = hash_of(str(url).encode())
    return _Hop(url, shown, headers, url_digest, _validators_for(request, {url_digest}))


def _validators_for(request: Request, digests: set[bytes | None]) -> Validators | None:
    """The request's validators where there is something to show to a URL of these digests."""
    mine = request.validators
    if mine is None or mine.url_digest not in digests or not (mine.etag or mine.last_modified):
        return None
    return mine


def _parse_url(text: str) -> httpx.URL:
    url = httpx.URL(text)
    if url.userinfo:
        raise SourceError("bad_request", f"the URL of {_origin(url)} holds a user: use auth")
    if not _is_askable(url):
        raise SourceError(
            "bad_request", f"expected an http or https URL, got {_origin(url)[:64]!r}"
        )
    return url


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


def _header(answer: httpx.Response, name: str) -> str | None:
    """The first header of that name, byte for byte as Latin-1: httpx would guess a charset."""
    wanted = name.encode()
    for raw_name, value in answer.headers.raw:
        if raw_name.lower() == wanted:
            return value.decode("latin-1")
    return None


def _validators(answer: httpx.Response, hop: _Hop, last: Validators) -> Validators:
    """Those of the answer, and what it leaves out as it was the last time."""
    etag, last_modified = _header(answer, "etag"), _header(answer, "last-modified")
    return replace(
        last,
        etag=etag if etag and len(etag) <= MAX_VALIDATOR_BYTES else last.etag,
        last_modified=last_modified or last.last_modified,
        url_digest=hop.url_digest,
    )


def _response(
    answer: httpx.Response, body: bytes | None, kept: Validators, received: int, now: float
) -> Response:
    return Response(
        status=answer.status_code,
        body=body,
        content_type=_header(answer, "content-type") or "",
        validators=kept,
        received_bytes=received,
        elapsed_s=0.0,
        not_modified=answer.status_code == http.HTTPStatus.NOT_MODIFIED,
        hints=read_hints(partial(_header, answer), now),
    )


def _phrase(status: int) -> str:
    """``503 Service Unavailable``: from our own table, for the upstream may write anything."""
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _unreachable(error: Exception, hop: _Hop) -> SourceError:
    """Why no answer came, in our own words: theirs may repeat what we sent."""
    port = hop.url.port or {"http": 80, "https": 443}[hop.url.scheme]
    where = f"{hop.url.host}:{port}"
    if isinstance(error, httpx.TimeoutException):
        return SourceError("timeout", f"no connection to {where} in {CONNECT_TIMEOUT_S:g} s")
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case socket.gaierror() | UnicodeError():
                why = getattr(cause, "strerror", None) or "not a valid name"
                return SourceError("dns", f"no address found for {hop.url.host}: {why}")
            case ssl.SSLCertVerificationError():
                why = cause.verify_message
                return SourceError("tls", f"the certificate of {where} is not trusted: {why}")
            case ssl.SSLError():
                return SourceError("tls", f"no TLS with {where}: {cause.reason or 'broken off'}")
            case ConnectionRefusedError():
                return SourceError("connect", f"connection refused by {where}")
    if not isinstance(error, httpx.ConnectError):
        return SourceError("protocol", f"the request cannot be sent to {hop.shown}")
    why = next((c.strerror for c in causes if isinstance(c, OSError) and c.strerror), None)
    if why is None and hop.url.scheme == "https":
        return SourceError("tls", f"{where} broke off the TLS handshake")
    return SourceError("connect", f"cannot connect to {where}: {why or 'broken off'}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _causes(inner)
    behind = error.__cause__ or error.__context__
    if behind is not None:
        yield from _causes(behind)


async def _receive(answer: httpx.Response, max_bytes: int) -> Inflater:
    inflater = Inflater(answer.headers.get("content-encoding", ""), max_bytes)
    inflater.expect(_header(answer, "content-length") or "")
    # Never answer.aiter_bytes(): it inflates a whole chunk, and one coding after another, before
    # anybody can look at the size.
    async for chunk in answer.aiter_raw():
        inflater.feed(chunk)
    return inflater
