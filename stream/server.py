"""uvicorn with our limits, our socket options and our drain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette

from stream.app import drained
from stream.service import Service
from stream.settings import Settings
from stream.wire import HttpProtocol, WebSocketProtocol, missing_attributes

log = logging.getLogger("stream.server")

GRACE_S: Final = 3
"""What is left after the drain gets so long; uvicorn alone would wait for ever."""
UNSENT_BYTES: Final = 16 * 1024
"""Unsent bytes the kernel takes per peer before it pushes back: slow peers get fresh data."""
SEND_BUFFER_BYTES: Final = 128 * 1024
"""The kernel's send buffer per peer; by default a stuck one costs megabytes."""


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
        for name, value in (
            ("TCP_USER_TIMEOUT", int(lag_timeout_s * 1000)),
            ("TCP_NOTSENT_LOWAT", UNSENT_BYTES),
            ("TCP_KEEPIDLE", 30),
        ):
            if hasattr(socket, name):
                with contextlib.suppress(OSError):
                    listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        listener.bind((host, port))
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


class Server(uvicorn.Server):
    """A server that says goodbye before it goes.

    The first signal: nobody new, a ``bye`` to everybody, then the stop. A second one: at once.
    """

    def __init__(self, config: uvicorn.Config, service: Service, *, drain_s: float) -> None:
        super().__init__(config)
        self._service = service
        self._drain_s = drain_s
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal, or ``stop``."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came; this runs between two instructions of the loop, so only call over."""
        if self._loop is None or self._service.draining:
            self.should_exit = self.force_exit = True
            return
        self._loop.call_soon_threadsafe(self.stop)

    def stop(self) -> None:
        """Begin the drain."""
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        await drained(self._service, self._drain_s)
        self.should_exit = True


def make_server(app: Starlette, settings: Settings) -> Server:
    """A server for the app, by the settings."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        **protocol_classes(),
        ws_max_size=settings.limits.message_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(settings.server.trusted_proxies),
        forwarded_allow_ips=list(settings.server.trusted_proxies),
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config, app.state.service, drain_s=settings.server.drain)


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
    """Serve on the listening socket until a signal comes."""
    server = make_server(app, settings)
    if on_ready is not None:
        on_ready(url_of(listener))
    await server.serve(sockets=[listener])


def url_of(listener: socket.socket) -> str:
    """Where the service can be reached."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  (shown only)
    return f"http://{f'[{shown}]' if ':' in shown and '[' not in shown else shown}:{port}"


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where it is installed, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
