"""Connects to upstreams: resolves, checks every address, and dials an address that was checked.

Between the check and the connection nothing is resolved again, so that no name can change its
meaning in between. It must not know of requests; TLS, with the name and the certificate of the URL,
is done above it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import httpcore

from stream.addresses import Network, may_be_reached
from stream.errors import SourceError

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) → its addresses, the best first. Raises OSError or UnicodeError."""

NEXT_ADDRESS_S: Final = 0.25
"""How long one address is tried before the next is tried beside it (RFC 8305 §5)."""
MAX_TRIED: Final = 6
"""Most addresses of one name that are tried; all are checked."""
MAX_HEAD_BYTES: Final = 131_072
"""Most bytes before an answer's head is complete, all interim answers (1xx) included. The parser
bounds a single head by 100 KiB, but not how many of them may come."""
HEAD_READ_BYTES: Final = 16_384
"""Most bytes of a head that are read at once: 64 KiB of interim answers hold the loop for 0.2 s."""

_Options: TypeAlias = Iterable[Any] | None

_head_left: contextvars.ContextVar[list[int] | None] = contextvars.ContextVar("head", default=None)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, by the system's own resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


@contextlib.contextmanager
def reading_a_head() -> Iterator[None]:
    """Within this block no connection of this task reads more than `MAX_HEAD_BYTES`."""
    token = _head_left.set([MAX_HEAD_BYTES])
    try:
        yield
    finally:
        _head_left.reset(token)


class Dialer(httpcore.AsyncNetworkBackend):
    """Opens the connections of one pool.

    Args:
        resolve: how a name becomes addresses.
        allow: networks that may be reached although they are not public; None = any address may,
            for hosts that the configuration names.
    """

    def __init__(self, resolve: Resolve, allow: Sequence[Network] | None) -> None:
        self._resolve = resolve
        self._allow = allow
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
        local_address: str | None = None,
        socket_options: _Options = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers.

        Raises:
            SourceError: kind ``address``: one of the host's addresses may not be reached.
            httpcore.ConnectTimeout, httpcore.ConnectError, UnicodeError: no connection.
        """

        async def connect(address: str) -> httpcore.AsyncNetworkStream:
            return await self._inner.connect_tcp(address, port, None, local_address, socket_options)

        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
                self._check(host, addresses)
                return _Metered(await _first(connect, addresses[:MAX_TRIED]))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            raise httpcore.ConnectError from error

    def _check(self, host: str, addresses: Sequence[str]) -> None:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if self._allow is None:
            return
        # One that is refused refuses all: who answers with both kinds is up to something.
        if not all(may_be_reached(address, self._allow) for address in addresses):
            raise SourceError(
                "address",
                f"a redirect led to {host}, whose address is not public; "
                "see allow_addresses in [upstream]",
            )

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts."""
        await asyncio.sleep(seconds)


async def _first(
    connect: Callable[[str], Awaitable[httpcore.AsyncNetworkStream]], addresses: Sequence[str]
) -> httpcore.AsyncNetworkStream:
    """The connection that is ready first; further addresses are tried when one fails or is slow.

    Raises:
        httpcore.ConnectError: of the address tried first, when none answers.
    """
    if len(addresses) == 1:
        return await connect(addresses[0])
    left = list(addresses)
    errors: list[BaseException] = []
    running: set[asyncio.Task[httpcore.AsyncNetworkStream]] = set()
    won: httpcore.AsyncNetworkStream | None = None
    try:
        while won is None and (left or running):
            if left:
                running.add(asyncio.ensure_future(connect(left.pop(0))))
            patience_s = NEXT_ADDRESS_S if left else None
            done, running = await asyncio.wait(
                running, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if (error := task.exception()) is not None:
                    errors.append(error)
                elif won is None:
                    won = task.result()
                else:
                    running.add(task)
    finally:
        await _discard(running)
    if won is None:
        raise errors[0]
    return won


async def _discard(tasks: set[asyncio.Task[httpcore.AsyncNetworkStream]]) -> None:
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, httpcore.AsyncNetworkStream):
            await result.aclose()


class _Metered(httpcore.AsyncNetworkStream):
    """A stream that stops reading where `reading_a_head` says so."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        left = _head_left.get()
        if left is not None:
            max_bytes = min(max_bytes, HEAD_READ_BYTES)
        data = await self._inner.read(max_bytes, timeout)
        if left is not None:
            left[0] -= len(data)
            if left[0] < 0:
                raise httpcore.RemoteProtocolError("the head is too large")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        return _Metered(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def why_unreachable(
    error: Exception, host: str, port: int, within_s: float, is_tls: bool
) -> SourceError:
    """Why no connection came about, in our own words: the error's may repeat what we sent."""
    where = f"{host}:{port}"
    causes = list(_causes(error))
    if any(isinstance(cause, httpcore.TimeoutException) for cause in causes):
        return SourceError("timeout", f"no connection to {where} in {within_s:g} s")
    for cause in causes:
        match cause:
            case socket.gaierror() | UnicodeError():
                why = getattr(cause, "strerror", None) or "not a valid name"
                return SourceError("dns", f"no address found for {host}: {why}")
            case ssl.SSLCertVerificationError():
                why = cause.verify_message
                return SourceError("tls", f"the certificate of {where} is not trusted: {why}")
            case ssl.SSLError():
                return SourceError("tls", f"no TLS with {where}: {cause.reason or 'broken off'}")
            case ConnectionRefusedError():
                return SourceError("connect", f"connection refused by {where}")
    if not any(isinstance(cause, httpcore.ConnectError) for cause in causes):
        return SourceError("protocol", f"the request cannot be sent to {where}")
    why = next((c.strerror for c in causes if isinstance(c, OSError) and c.strerror), None)
    if why is None and is_tls:
        return SourceError("tls", f"{where} broke off the TLS handshake")
    return SourceError("connect", f"cannot connect to {where}: {why or 'broken off'}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _causes(inner)
    behind = error.__cause__ or error.__context__
    if behind is not None:
        yield from _causes(behind)
