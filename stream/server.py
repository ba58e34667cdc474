"""uvicorn with our limits, our socket options, our TLS and our drain."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Final, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stream.errors import ConfigError
from stream.fields import Mistake
from stream.service import Service
from stream.settings import Settings
from stream.tls import server_context
from stream.wire import HttpProtocol, WebSocketProtocol, missing_attributes

log = logging.getLogger("stream.server")

GC_THRESHOLDS: Final = (50_000, 20, 100)
"""When to look for garbage in cycles: a busy second makes 100,000 objects, hardly any in cycles."""
SWITCH_S: Final = 0.001
"""How soon a thread gives way to the loop."""
GRACE_S: Final = 3
"""What is left after the drain gets so long; uvicorn alone would wait for ever."""
FORCED_S: Final = 0.8
"""Longest that a forced end may take before the kernel ends the process."""
HANDSHAKE_S: Final = 10.0
"""Longest that a TLS handshake may take; nothing else would end one that stops half-way."""
TLS_CLOSE_S: Final = 2.0
"""Longest wait for a peer to answer the end of TLS; the loop's own 30 s would hold up a stop."""
BACKLOG: Final = 2048
"""Connections that wait to be accepted: all of a node's clients may come back in one second."""
UNSENT_BYTES: Final = 16 * 1024
"""Unsent bytes the kernel takes per peer before it pushes back: slow peers get fresh data."""
SEND_BUFFER_BYTES: Final = 128 * 1024
"""The kernel's send buffer per peer; by default a stuck one costs megabytes."""
KEEPALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""A peer that vanished while nothing was sent to it is noticed within 30 + 3 × 10 seconds."""


def listen(host: str, port: int, *, lag_timeout_s: float) -> socket.socket:
    """A listening socket whose connections inherit options that bound slow and dead peers.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        for name, value in tcp_options(lag_timeout_s).items():
            if hasattr(socket, name):
                with contextlib.suppress(OSError):
                    listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def tcp_options(lag_timeout_s: float) -> dict[str, int]:
    """TCP's options by name; not every system has all of them."""
    return {
        "TCP_USER_TIMEOUT": int(lag_timeout_s * 1000),
        "TCP_NOTSENT_LOWAT": UNSENT_BYTES,
        # Both loops set it too; a diff that waits for the last one's acknowledgement is late.
        "TCP_NODELAY": 1,
        **KEEPALIVE,
    }


class Server(uvicorn.Server):
    """A server that says goodbye before it goes.

    The first signal: nobody new, a ``bye`` to everybody, each in its turn, then the stop. A
    second one: at once.

    Args:
        drain_s: longest that the goodbyes, and what follows them, may take.
        handshake_s: longest that a TLS handshake may take.

    Attributes:
        on_listening: called once it listens; signals are heard by then.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        *,
        drain_s: float,
        handshake_s: float = HANDSHAKE_S,
    ) -> None:
        super().__init__(config)
        self.servers: list[asyncio.base_events.Server] = []
        self._service = service
        self._drain_s = drain_s
        self._handshake_s = handshake_s
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_been_told = False
        self.on_listening: Callable[[], None] | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal, or ``stop``."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then listen. uvicorn's own passes no deadlines for TLS."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        loop = asyncio.get_running_loop()
        deadlines: Mapping[str, Any] = (
            {"ssl_handshake_timeout": self._handshake_s, "ssl_shutdown_timeout": TLS_CLOSE_S}
            if self.config.ssl is not None
            else {}
        )
        for listener in sockets or ():
            self.servers.append(
                await loop.create_server(
                    self._protocol,
                    sock=listener,
                    ssl=self.config.ssl,
                    backlog=BACKLOG,
                    **deadlines,
                )
            )
        self.started = True
        if self.on_listening is not None:
            self.on_listening()

    def _protocol(self) -> asyncio.Protocol:
        """What talks to one connection."""
        make = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
        return make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut who is connected and asks nothing, then stop as uvicorn does."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpToolsProtocol) and _is_idle(connection):
                # A plain close waits for the peer's end of TLS, which an idle peer never sends.
                connection.transport.abort()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came; this runs between two instructions of the loop, so only call over."""
        if self._loop is None or self._has_been_told:
            self._end_at_once()
            return
        self._has_been_told = True
        self._loop.call_soon_threadsafe(self.stop)

    def _end_at_once(self) -> None:
        self.should_exit = self.force_exit = True
        # uvicorn waits for open connections even then, on uvloop and since Python 3.12.
        self.config.timeout_graceful_shutdown = 0
        # And a loop that is stuck, or a thread that waits for a name server, waits for nobody.
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, FORCED_S)

    def stop(self) -> None:
        """Begin the drain."""
        if self._draining is None:
            self._service.draining = True
            self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain_s):
                await self._service.say_goodbye(self._drain_s)
                # Whoever comes back while slow peers are still here finds a closed port, which
                # every client tries again, not a 503, which ends a browser's EventSource.
                for server in self.servers:
                    server.close()
                await self._service.emptied.wait()
        self.should_exit = True


def _is_idle(connection: HttpToolsProtocol) -> bool:
    """Whether it stands between two requests, with everything sent."""
    cycle = connection.cycle
    is_between = cycle is None or cycle.response_complete
    return is_between and not connection.transport.get_write_buffer_size()


def make_server(app: Starlette, settings: Settings) -> Server:
    """A server for the app, by the settings.

    Raises:
        ConfigError: the certificate cannot be used.
    """
    tls = _tls(settings)
    config = uvicorn.Config(
        app,
        lifespan="on",
        **protocol_classes(),
        ws_max_size=settings.limits.message_bytes,
        ws_per_message_deflate=settings.server.deflate,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(settings.server.trusted_proxies),
        forwarded_allow_ips=list(settings.server.trusted_proxies),
        timeout_graceful_shutdown=GRACE_S,
        **tls,
    )
    return Server(config, app.state.service, drain_s=settings.server.drain)


def _tls(settings: Settings) -> dict[str, Any]:
    """The arguments that make uvicorn speak TLS; none without a certificate."""
    cert, key = settings.server.tls_cert, settings.server.tls_key
    if cert is None or key is None:
        return {}
    try:
        context = server_context(cert, key)
    except Mistake as mistake:  # the files have changed since the configuration was read
        raise ConfigError(f"[server] {mistake.path[0]}: {mistake}") from None
    return {"ssl_context_factory": lambda config, default: context}


def protocol_classes() -> dict[str, Any]:
    """Ours, or uvicorn's own with one warning where it is not the uvicorn ours were made for."""
    if missing := missing_attributes():
        log.warning("no direct road: this uvicorn has no %s", ", ".join(missing))
        return {"http": "httptools", "ws": "websockets-sansio"}
    return {"http": HttpProtocol, "ws": WebSocketProtocol}


async def run(
    app: Starlette,
    settings: Settings,
    listener: socket.socket,
    *,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve on the listening socket until a signal comes.

    Raises:
        ConfigError: the certificate cannot be used.
    """
    server = make_server(app, settings)
    settle_process()
    if on_ready is not None:
        url = url_of(listener, has_tls=settings.server.tls_cert is not None)
        server.on_listening = lambda: on_ready(url)
    await server.serve(sockets=[listener])


def settle_process() -> None:
    """Have this process pause rarely: it is the service's own, so its knobs may be turned.

    By default the collector looks through all items and connections every few seconds, 50 ms at a
    time (measured with 5,000 quotes and 2,000 watchlists), and a thread that reads a large answer
    keeps the loop waiting for 5 ms whenever it wants to go on.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)


def url_of(listener: socket.socket, *, has_tls: bool = False) -> str:
    """Where the service can be reached."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  (shown only)
    scheme = "https" if has_tls else "http"
    return f"{scheme}://{f'[{shown}]' if ':' in shown and '[' not in shown else shown}:{port}"


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where it is installed, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
