"""One guarded GET of an upstream: a deadline, a cap on the decoded body, no secret told.

The only module that imports httpx, so that moving to a successor is one line. It must not look
into the body, and it neither retries a failed read nor decides when the next one is. Who may be
connected to is checked in ``dialer.py``, when a host may be asked in ``hosts.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import httpcore
import httpx

from stream.addresses import Network
from stream.dialer import Dialer, Resolve, reading_a_head, resolve, why_unreachable
from stream.errors import SourceError
from stream.exchange import (
    Request,
    Response,
    Shelf,
    Validators,
    hash_of,
    phrase,
    sendable,
    unpack,
)
from stream.hosts import Hosts
from stream.inflate import Inflater
from stream.pools import Pools
from stream.redact import holds
from stream.schedule import parse_date, read_hints, read_retry

__all__ = ["Fetcher", "Request", "Response", "Validators"]

CONNECT_TIMEOUT_S: Final = 5.0
KEEP_ALIVE_S: Final = 55.0
"""Just below the 60 s after which common servers and balancers hang up."""
MAX_REDIRECTS: Final = 3
KEPT_BYTES: Final = 64 * 2**20
"""Most bytes of last bodies kept to compare the next ones with; each is a tenth of its items."""
MAX_VALIDATOR_BYTES: Final = 1024

_CHUNKS_IN_A_ROW: Final = 128
"""After so many the loop turns: one read may hold thousands of chunks of one byte."""
BROKEN: Final = httpx.HTTPError
"""What `stream.hold` meets where an answer breaks off."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ONE_ORIGIN_ONLY = frozenset({"authorization", "proxy-authorization", "cookie", "host"})
_PORTS: Final = {"http": 80, "https": 443}


class Fetcher:
    """Fetches for all sources, over one pool of kept-alive connections. No cookies, no proxies
    from the environment.

    Args:
        user_agent: sent unless a request brings its own.
        max_connections: most fetches at one time; the others wait, outside their deadline.
        allow: networks that a redirect to another origin may lead to although they are not public.
        hosts: the manners towards each host.
        tls: what to trust, instead of the public certificate authorities.
        resolve: how a name becomes addresses.
        now: the wall clock, only for HTTP dates of an answer that has no Date of its own.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        max_connections: int = 32,
        allow: Iterable[Network] = (),
        hosts: Hosts | None = None,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = resolve,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._user_agent = user_agent
        self._now = now
        self._allow = tuple(allow)
        self._hosts = hosts or Hosts()
        self._resolve = resolve
        self._tls = tls or httpx.create_ssl_context(trust_env=False)
        self._slots = asyncio.Semaphore(max_connections)
        self._pools: Pools[httpx.AsyncHTTPTransport] = Pools()
        self._shelf = Shelf(KEPT_BYTES)
        self.on_answer: list[Callable[[Response], None]] = []
        # Its debug lines repeat what upstreams answer, who may repeat what we sent.
        logging.getLogger("httpcore").setLevel(logging.INFO)

    async def get(self, request: Request) -> Response:
        """Fetch once.

        Raises:
            SourceError: kinds ``timeout``, ``connect``, ``dns``, ``tls``, ``protocol``,
                ``too_large``, ``bad_encoding``, ``redirect``, ``address`` (a redirect led to one
                that is not public), ``bad_request`` (the URL or a header cannot be sent),
                ``unexpected_304``, ``retry_after`` (nothing was sent: the host wants to be left
                alone) and ``http_<status>``. Messages name scheme, host, port and path, never a
                query or a header's value.
        """
        hop = _first_hop(request, self._user_agent)
        async with contextlib.AsyncExitStack() as turn:
            await turn.enter_async_context(self._hosts.turn(hop.url.host))
            await turn.enter_async_context(self._slots)
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
        await self._pools.aclose()

    async def _follow(self, request: Request, hop: _Hop) -> Response:
        first = hop.url.host
        for _ in range(MAX_REDIRECTS + 1):
            # The turn at the first host is held already, and its wait is not in the deadline.
            turn = self._hosts.turn(hop.url.host) if hop.url.host != first else _NO_WAIT
            async with turn, self._answer(hop) as answer:
                if answer.status_code not in _REDIRECTS:
                    return await self._read(request, hop, answer)
                hop = _next_hop(request, hop, _header(answer, "location"))
                await _drain(answer)
        raise SourceError("redirect", f"more than {MAX_REDIRECTS} redirects, now at {hop.shown}")

    @contextlib.asynccontextmanager
    async def _answer(self, hop: _Hop) -> AsyncIterator[httpx.Response]:
        # A connection that is kept was checked for whom it was opened: another is opened for who
        # is led there, or has other credentials.
        place = (_origin(hop.url), hop.is_led, hop.credentials)
        async with self._pools.lend(place, partial(self._transport, hop)) as transport:
            with reading_a_head():
                answer = await _send(transport, hop)
            try:
                yield answer
            except httpx.HTTPError:
                raise SourceError(
                    "protocol", f"the answer of {hop.shown} broke off or is malformed"
                ) from None
            finally:
                await answer.aclose()

    def _transport(self, hop: _Hop) -> httpx.AsyncHTTPTransport:
        """One connection: a pool of httpx's own looks at each of its connections at each request,
        twice over, which with 32 of them was half the cost of a read (measured).
        """
        # The transport, not the client: the client logs whole URLs, tokens and all, and brings
        # cookies, redirects and environment proxies that would have to be turned off again.
        transport = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False)
        # httpx has no other way to bring a backend of one's own; a test sees that it is used.
        transport._pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=1,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=Dialer(self._resolve, self._allow if hop.is_led else None),
        )
        return transport

    async def _read(self, request: Request, hop: _Hop, answer: httpx.Response) -> Response:
        status, shown = answer.status_code, hop.validators
        now = parse_date(_header(answer, "date") or "") or self._now()
        if status == http.HTTPStatus.NOT_MODIFIED:
            if shown is None:
                raise SourceError("unexpected_304", "304 to an unconditional request", status=304)
            await _drain(answer)
            return _response(answer, None, _validators(answer, hop, shown), 0, now)
        if not 200 <= status < 300 or status == http.HTTPStatus.PARTIAL_CONTENT:
            asked = read_retry(partial(_header, answer), now)
            if status == http.HTTPStatus.TOO_MANY_REQUESTS or asked:
                self._hosts.rest(hop.url.host, asked)
            raise SourceError(f"http_{status}", phrase(status), status=status, retry_after_s=asked)
        inflater = await _receive(answer, request.max_bytes)
        body, seen = unpack(request, _header(answer, "content-type") or "", inflater, self._shelf)
        found = _validators(answer, hop, seen)
        return _response(answer, body, found, inflater.received, now)


_NO_WAIT: Final = contextlib.nullcontext()


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request of a chain of redirects.

    Attributes:
        shown: how messages call it.
        is_led: an upstream chose its origin, not the configuration.
        credentials: a digest of the secrets it carries.
    """

    url: httpx.URL
    shown: str
    headers: Mapping[str, str]
    url_digest: bytes
    validators: Validators | None
    is_led: bool = False
    credentials: bytes = b""

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
            port, is_tls = hop.url.port or _PORTS[hop.url.scheme], hop.url.scheme == "https"
            raise why_unreachable(error, hop.url.host, port, CONNECT_TIMEOUT_S, is_tls) from None


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
        headers[name.lower()] = sendable(name, value)
    headers["accept-encoding"] = "gzip"
    shown = f"{_origin(url)}{url.raw_path.partition(b'?')[0].decode()}"[:200]
    url_digest = hash_of(request.public_url.encode())
    return _Hop(
        url,
        shown,
        headers,
        url_digest,
        _validators_for(request, {None, url_digest}),
        credentials=request.credentials,
    )


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
    headers, is_led, credentials = hop.headers, hop.is_led, hop.credentials
    if _origin(url) != _origin(hop.url):
        secret = _ONE_ORIGIN_ONLY | {name.lower() for name in request.secret_headers}
        headers = {name: value for name, value in headers.items() if name not in secret}
        url = _without(url, frozenset(request.secret_params.values()))
        if holds(str(url), request.secrets):
            raise SourceError("redirect", f"a redirect of {hop.shown} elsewhere repeats a secret")
        is_led, credentials = is_led or not _is_upgrade(hop.url, url), b""
    url_digest = hash_of(str(url).encode())
    shown_to = _validators_for(request, {url_digest})
    return _Hop(url, shown, headers, url_digest, shown_to, is_led, credentials)


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


async def _receive(answer: httpx.Response, max_bytes: int) -> Inflater:
    inflater = Inflater(answer.headers.get("content-encoding", ""), max_bytes)
    inflater.expect(_header(answer, "content-length") or "")
    # Never answer.aiter_bytes(): it inflates a whole chunk, and one coding after another, before
    # anybody can look at the size.
    chunks = 0
    async for chunk in answer.aiter_raw():
        inflater.feed(chunk)
        chunks += 1
        if not chunks % _CHUNKS_IN_A_ROW:
            await asyncio.sleep(0)
    return inflater
