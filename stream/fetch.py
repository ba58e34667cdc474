"""One guarded GET of an upstream: a deadline, a cap on the decoded body, no secret told.

It must not look into the body, and it neither retries a failed read nor decides when the next one
is. Where a redirect may lead is told in ``hops.py``, who may be connected to is checked in
``dialer.py``, when a host may be asked in ``hosts.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from typing import Final

import certifi

from stream.addresses import Network
from stream.answer import Answer, BadAnswer
from stream.connection import Connection, Line
from stream.dialer import Dialer, Resolve, resolve, tls_words, why_unreachable
from stream.errors import SourceError
from stream.exchange import Request, Response, Shelf, Validators, phrase, unpack
from stream.hops import MAX_REDIRECTS, REDIRECTS, Hop, Target, first_hop, next_hop
from stream.hosts import Hosts
from stream.inflate import Inflater
from stream.pools import Pools
from stream.schedule import parse_date, read_hints, read_retry

__all__ = ["Fetcher", "Request", "Response", "Validators"]

CONNECT_TIMEOUT_S: Final = 5.0
"""For an address and a connection to it, and once more for TLS."""
KEPT_BYTES: Final = 64 * 2**20
"""Most bytes of last bodies kept to compare the next ones with; each is a tenth of its items."""
MAX_VALIDATOR_BYTES: Final = 1024

_DRAINED_DIGITS: Final = 4
"""Of the length of a body that is read although nobody wants it, so that its connection is kept."""
_DRAIN_S: Final = 0.5
"""So long it is waited for: connecting anew takes less."""


class Fetcher:
    """Fetches for all sources, over connections that are kept. No cookies, no proxies from the
    environment.

    Args:
        user_agent: sent unless a request brings its own.
        max_connections: most fetches at one time; the others wait, outside their deadline.
        allow: networks that a redirect to another origin may lead to although they are not public.
        hosts: the manners towards each host.
        tls: what to trust, instead of the machine's and the public certificate authorities.
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
        self.user_agent = user_agent
        self._now = now
        self._hosts = hosts or Hosts()
        self._tls = tls or _trusting()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._anywhere = Dialer(resolve, None)
        self._where_led = Dialer(resolve, tuple(allow))
        self._slots = asyncio.Semaphore(max_connections)
        self._pools: Pools[Line] = Pools()
        self._shelf = Shelf(KEPT_BYTES)
        self.on_answer: list[Callable[[Response], None]] = []

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
        hop = first_hop(request, self.user_agent)
        async with self._hosts.turn(hop.target.host), self._slots:
            started = time.monotonic()
            try:
                async with asyncio.timeout(request.timeout_s):
                    response = await self._follow(request, hop, started)
            except TimeoutError:
                raise SourceError(
                    "timeout", f"no complete answer from {hop.shown} in {request.timeout_s:g} s"
                ) from None
            for listener in self.on_answer:
                listener(response)
            return response

    async def aclose(self) -> None:
        """Close every connection."""
        self._pools.close()

    @contextlib.asynccontextmanager
    async def asked(self, hop: Hop) -> AsyncIterator[tuple[Answer, Line]]:
        """The head of the answer to one request, and the line that its body comes on."""
        # A connection that is kept was checked for whom it was opened: another is opened for who
        # is led there, or has other credentials.
        place = (hop.target.origin, hop.is_led, hop.credentials)
        line = self._pools.borrow(place, lambda: self._line(hop))
        what = "gave no valid answer"
        try:
            answer = await line.ask(hop.head())
            what = "gave an answer that broke off or is malformed"
            yield answer, line
        except BadAnswer:
            if isinstance(line.lost_by, ssl.SSLError):
                why = tls_words(line.lost_by)
                raise SourceError("tls", f"{hop.shown} broke off TLS: {why}") from None
            raise SourceError("protocol", f"{hop.shown} {what}") from None
        finally:
            line.finish()
            self._pools.give_back(place, line)

    def refusal(self, hop: Hop, answer: Answer) -> SourceError:
        """What an answer that is no good one says; its host may rest for a while."""
        status = answer.status
        if status == http.HTTPStatus.NOT_MODIFIED:
            return SourceError("unexpected_304", "304 to an unconditional request", status=304)
        asked = read_retry(answer.headers.get, self._date(answer))
        if status == http.HTTPStatus.TOO_MANY_REQUESTS or asked:
            self._hosts.rest(hop.target.host, asked)
        return SourceError(f"http_{status}", phrase(status), status=status, retry_after_s=asked)

    async def _follow(self, request: Request, hop: Hop, started: float) -> Response:
        first = hop.target.host
        for _ in range(MAX_REDIRECTS + 1):
            # The turn at the first host is held already, and its wait is not in the deadline.
            host = hop.target.host
            is_held = host == first
            turn = contextlib.nullcontext() if is_held else self._hosts.turn(host, is_led=True)
            async with turn, self.asked(hop) as (answer, line):
                if answer.status not in REDIRECTS:
                    return await self._read(request, hop, answer, line, started)
                hop = next_hop(request, hop, answer.headers.get("location"))
                await _drain(answer, line)
        raise SourceError("redirect", f"more than {MAX_REDIRECTS} redirects, now at {hop.shown}")

    def _line(self, hop: Hop) -> Line:
        dialer = self._where_led if hop.is_led else self._anywhere
        return Line(partial(self._connect, hop.target, dialer))

    async def _connect(self, target: Target, dialer: Dialer) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                dialled = await dialer.connect(target.name, target.port)
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, connection = await loop.create_connection(
                    Connection,
                    sock=dialled,
                    ssl=self._tls if target.is_tls else None,
                    # Certificates name hosts without the dot that ends an absolute name.
                    server_hostname=target.name.removesuffix(".") if target.is_tls else None,
                )
        except (OSError, UnicodeError) as error:
            where = (target.host, target.port, CONNECT_TIMEOUT_S, target.is_tls)
            raise why_unreachable(error, *where) from None
        return connection

    async def _read(
        self, request: Request, hop: Hop, answer: Answer, line: Line, started: float
    ) -> Response:
        status, shown, headers = answer.status, hop.validators, answer.headers
        received, body = 0, None
        if status == http.HTTPStatus.NOT_MODIFIED and shown is not None:
            seen = shown
        elif 200 <= status < 300 and status != http.HTTPStatus.PARTIAL_CONTENT:
            inflater = await _receive(answer, line, request.max_bytes)
            kind = headers.get("content-type", "")
            body, seen = unpack(request, kind, inflater, self._shelf)
            received = inflater.received
        else:
            raise self.refusal(hop, answer)
        return Response(
            status=status,
            body=body,
            content_type=headers.get("content-type", ""),
            validators=_validators(headers, hop, seen),
            received_bytes=received,
            elapsed_s=time.monotonic() - started,
            not_modified=status == http.HTTPStatus.NOT_MODIFIED,
            hints=read_hints(headers.get, self._date(answer)),
        )

    def _date(self, answer: Answer) -> float:
        date = answer.headers.get("date")
        return (date and parse_date(date)) or self._now()


def _trusting() -> ssl.SSLContext:
    """The machine's own authorities, a company's among them, and the public ones besides: a slim
    image has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def _receive(answer: Answer, line: Line, max_bytes: int) -> Inflater:
    inflater = Inflater(answer.headers.get("content-encoding", ""), max_bytes)
    inflater.expect(answer.headers.get("content-length", ""))
    while piece := await line.read():
        inflater.feed(piece)
    return inflater


async def _drain(answer: Answer, line: Line) -> None:
    """Read what is not wanted, if it is little: only a connection read to the end is kept."""
    length = answer.headers.get("content-length", "")
    if length.isdigit() and len(length) <= _DRAINED_DIGITS:
        with contextlib.suppress(BadAnswer, TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                while await line.read():
                    pass


def _validators(headers: Mapping[str, str], hop: Hop, last: Validators) -> Validators:
    """Those of the answer, and what it leaves out as it was the last time."""
    etag, last_modified = headers.get("etag", ""), headers.get("last-modified", "")
    return Validators(
        etag=etag if 0 < len(etag) <= MAX_VALIDATOR_BYTES else last.etag,
        last_modified=last_modified
        if 0 < len(last_modified) <= MAX_VALIDATOR_BYTES
        else last.last_modified,
        body=last.body,
        wire=last.wire,
        url_digest=hop.url_digest,
    )
