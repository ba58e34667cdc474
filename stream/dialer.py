"""Connects to upstreams: resolves, checks every address, and dials an address that was checked.

Between the check and the connection nothing is resolved again, so that no name can change its
meaning in between. It must not know of requests; TLS, with the name and the certificate of the URL,
is done above it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from stream.addresses import Network, may_be_reached
from stream.errors import SourceError

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) → its addresses, the best first. Raises OSError or UnicodeError."""

NEXT_ADDRESS_S: Final = 0.25
"""How long one address is tried before the next is tried beside it (RFC 8305 §5)."""
MAX_TRIED: Final = 6
"""Most addresses of one name that are tried; all are checked."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, by the system's own resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


class Dialer:
    """Opens connections to what may be reached.

    Args:
        resolve: how a name becomes addresses.
        allow: networks that may be reached although they are not public; None = any address may,
            for hosts that the configuration names.
    """

    def __init__(self, resolve: Resolve, allow: Sequence[Network] | None) -> None:
        self._resolve = resolve
        self._allow = allow

    async def connect(self, host: str, port: int) -> socket.socket:
        """Connect to the first address that answers.

        Raises:
            SourceError: kind ``address``: one of the host's addresses may not be reached.
            OSError, UnicodeError: no connection, see `why_unreachable`.
        """
        addresses = await self._resolve(host, port)
        self._check(host, addresses)
        return await _first(addresses[:MAX_TRIED], port)

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


async def _first(addresses: Sequence[str], port: int) -> socket.socket:
    """The connection that is ready first; further addresses are tried when one fails or is slow.

    Raises:
        OSError: of the address tried first, when none answers.
    """
    if len(addresses) == 1:
        return await _open(addresses[0], port)
    left = list(addresses)
    errors: list[BaseException] = []
    running: set[asyncio.Task[socket.socket]] = set()
    won: socket.socket | None = None
    try:
        while won is None and (left or running):
            if left:
                running.add(asyncio.ensure_future(_open(left.pop(0), port)))
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
        await _discard(running)
    except BaseException:
        _let_go(running)
        if won is not None:
            won.close()
        raise
    if won is None:
        raise errors[0]
    return won


async def _open(address: str, port: int) -> socket.socket:
    """A connected socket that does not block."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


async def _discard(tasks: set[asyncio.Task[socket.socket]]) -> None:
    _let_go(tasks)
    await asyncio.gather(*tasks, return_exceptions=True)


def _let_go(tasks: set[asyncio.Task[socket.socket]]) -> None:
    """Cancel them; one that was quicker closes its socket, whether or not anybody waits for it."""
    for task in tasks:
        task.cancel()
        task.add_done_callback(_close)


def _close(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def tls_words(error: ssl.SSLError) -> str:
    """Why TLS failed: OpenSSL's name of it, as words."""
    return (error.reason or "broken off").replace("_", " ").lower()


def why_unreachable(
    error: Exception, host: str, port: int, within_s: float, is_tls: bool
) -> SourceError:
    """Why no connection came about, in our own words: the error's may repeat what we sent."""
    where = f"{host}:{port}"
    match error:
        case TimeoutError():
            return SourceError("timeout", f"no connection to {where} in {within_s:g} s")
        case socket.gaierror() | UnicodeError():
            why = getattr(error, "strerror", None) or "not a valid name"
            return SourceError("dns", f"no address found for {host}: {why}")
        case ssl.SSLCertVerificationError():
            why = error.verify_message
            return SourceError("tls", f"the certificate of {where} is not trusted: {why}")
        case ssl.SSLError():
            return SourceError("tls", f"no TLS with {where}: {tls_words(error)}")
        case ConnectionRefusedError():
            return SourceError("connect", f"connection refused by {where}")
    why = error.strerror if isinstance(error, OSError) else None
    if why is None and is_tls:
        return SourceError("tls", f"{where} broke off the TLS handshake")
    return SourceError("connect", f"cannot connect to {where}: {why or 'broken off'}")
