"""uvicorn's protocol classes, with what the direct road and hostile peers need.

They bound what a peer may cost before it has asked for anything, and they offer an app, as an ASGI
extension in the scope, to take a connection over: the app's own protocol object then gets the
transport, and all that the server kept for the connection is let go. It leans on attributes of
uvicorn's classes; where one is missing (``missing_attributes``), uvicorn's own classes serve, and
everything goes by the portable road.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, Protocol, cast
from weakref import WeakKeyDictionary

from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame
from websockets.http11 import Request

from stream.arrivals import Arrivals
from stream.direct import DirectRoad
from stream.framing import WINDOW_BITS, Framing

log = logging.getLogger("stream.wire")

EXTENSION: Final = "stream.direct"
"""The name of the offer in ``scope["extensions"]``."""
HEAD_BYTES: Final = 16 * 1024
"""Largest request head; httptools sets no limit of its own (40 MB were taken, measured)."""
HEAD_S: Final = 10.0
"""How long a peer may take for a request head; uvicorn waits for ever."""

CHUNK_FRAME_BYTES: Final = 16
"""What frames one chunk of a request's body, at most, without extensions."""
UNREADABLE: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: 41\r\n\r\nThis is not a handshake of a WebSocket.\r\n"
)
"""What is said to a handshake that the WebSocket library cannot read."""

_NEEDED: Final[tuple[tuple[type, tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        HttpToolsProtocol,
        ("transport", "connections", "flow", "pipeline", "cycle", "scope", "headers", "parser"),
        ("_unset_keepalive_if_required", "on_message_begin", "on_headers_complete", "on_body",
         "on_message_complete", "on_response_complete", "send_400_response"),
    ),
    (
        RequestResponseCycle,
        ("transport", "response_started", "response_complete", "chunked_encoding", "disconnected",
         "message_event"),
        (),
    ),
    (
        WebSocketsSansIOProtocol,
        ("transport", "connections", "conn", "queue", "writable", "close_sent", "disconnected",
         "handshake_complete", "handshake_initiated", "initial_response", "read_paused"),
        ("stop_keepalive", "handle_connect", "handle_cont", "send"),
    ),
)  # fmt: skip


class Offer(Protocol):
    """What the scope's extension can do."""

    def framing(self) -> Framing | None:
        """How messages would have to lie on the connection; None where it cannot be taken now."""

    def take(self, road: DirectRoad) -> bool:
        """Take the connection over; False where it cannot be taken now."""


_ARRIVALS: Final[WeakKeyDictionary[ServerState, Arrivals]] = WeakKeyDictionary()


def _arrivals_of(state: ServerState, loop: asyncio.AbstractEventLoop) -> Arrivals:
    """Those of one server, shared by all its connections."""
    return _ARRIVALS.setdefault(state, Arrivals(loop))


def direct_offer(scope: Any) -> Offer | None:
    """The server's offer to take the connection of this scope over, if it makes one."""
    return cast("Offer | None", scope.get("extensions", {}).get(EXTENSION))


def missing_attributes() -> list[str]:
    """What uvicorn's classes lack of what these here lean on."""
    missing = []
    for owner, attributes, methods in _NEEDED:
        made = owner.__init__.__code__.co_names  # type: ignore[misc]
        missing += [f"{owner.__name__}.{name}" for name in attributes if name not in made]
        missing += [f"{owner.__name__}.{name}" for name in methods if not hasattr(owner, name)]
    return missing


class _Detached(asyncio.Transport):
    """What the server's object is left with: whatever it still does to it comes to nothing."""

    def is_closing(self) -> bool:
        return True

    def close(self) -> None:
        """The connection is somebody else's."""

    def write(self, data: Any) -> None:
        """Nobody is there."""

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""


_DETACHED: Final = _Detached()


def _hand_over(
    transport: asyncio.Transport, connections: set[Any], road: DirectRoad, *, is_full: bool
) -> None:
    transport.set_protocol(road)
    road.take_over(transport, connections, is_full=is_full)


class HttpProtocol(HttpToolsProtocol):
    """HTTP, with a bound on the request head, and the offer of event streams."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = True
        self._held: list[bytes] = []
        self._arrivals = _arrivals_of(server_state, self.loop)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The head's time begins."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever was under way is over."""
        self._stop_head_timer()
        super().connection_lost(exc)

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Take what comes; the beginning of a request waits for its turn."""
        if self._held:
            self._held.append(data)
        elif self._in_head:
            self._held.append(data)
            if not self._arrivals.come(self._begin):
                self.flow.pause_reading()
        else:
            self._feed(data)

    def _begin(self) -> None:
        data, self._held = b"".join(self._held), []
        if cast("Any", self.parser) is None:  # gone meanwhile
            return
        self.flow.resume_reading()
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        """Feed the parser, unless what is no body has grown too large.

        That is the head, and also blank lines before it, trailers, and extensions of chunks.
        """
        self._head_bytes += len(data)
        if self._in_head:
            # Blank lines before a request begin no message, and end the keep-alive's timer.
            self._start_head_timer()
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head()

    def _refuse_head(self) -> None:
        if self.cycle is not None and self.cycle.response_started and not self._in_head:
            self.transport.close()
            return
        text = b"The request head is too large.\n"
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(text), text)
        )
        self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins, perhaps not the connection's first."""
        super().on_message_begin()
        self._in_head = True
        self._start_head_timer()
        cast("dict[str, Any]", self.scope)["extensions"] = {EXTENSION: self}

    def on_headers_complete(self) -> None:
        """The head is complete.

        Raises:
            ValueError: it is too large, though it came at once; ``send_400_response`` answers.
        """
        self._stop_head_timer()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEAD_BYTES:
            self._head_bytes = size
            raise ValueError("the head is too large")
        self._in_head = False
        self._head_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body, with a chunk's frame where it is one."""
        self._head_bytes = max(0, self._head_bytes - len(body) - CHUNK_FRAME_BYTES)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """What comes now belongs to the next head."""
        self._stop_head_timer()
        super().on_message_complete()
        self._in_head = True

    def on_response_complete(self) -> None:
        """An answer that did not wait for the body's end gives it as long as a head."""
        super().on_response_complete()
        if not self._in_head:
            self._start_head_timer()

    def send_400_response(self, msg: str) -> None:
        """The parser has given up."""
        if self._head_bytes > HEAD_BYTES:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def framing(self) -> Framing | None:
        """Event streams are sent in chunks, which HTTP/1.0 does not know."""
        cycle = self.cycle
        if self.scope["http_version"] != "1.1" or self.scope["method"] != "GET":
            return None
        if cycle.disconnected or self.transport.is_closing() or self.pipeline:
            return None
        return Framing.CHUNKED

    def take(self, road: DirectRoad) -> bool:
        """Hand the connection over after the response's head has been sent."""
        cycle, transport = self.cycle, self.transport
        if self.framing() is None or not (cycle.response_started and cycle.chunked_encoding):
            return False
        if cycle.response_complete:
            return False
        is_full = self.flow.write_paused
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        cycle.response_complete = True
        cycle.transport = self.transport = _DETACHED
        cycle.message_event.set()
        self.parser = cast("Any", None)
        _hand_over(transport, self.connections, road, is_full=is_full)
        return True


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets that can be taken over once they are accepted."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        if config.ws_per_message_deflate:
            # Without context takeover one compressed frame serves all who see the same.
            self.conn.available_extensions = [
                ServerPerMessageDeflateFactory(
                    server_no_context_takeover=True, client_no_context_takeover=True
                )
            ]

    def data_received(self, data: bytes) -> None:
        """Answer a handshake that cannot be read; uvicorn would leave its peer without a word."""
        super().data_received(data)
        # The head is complete, or it would not have come here.
        if not self.handshake_initiated and not self.transport.is_closing():
            answer = b"".join(self.conn.data_to_send())
            self.transport.write(answer or UNREADABLE)
            self.transport.close()

    def handle_cont(self, event: Frame) -> None:
        """Take a fragment; of empty ones there may be any number, and uvicorn keeps them all."""
        if event.data or event.fin:
            super().handle_cont(event)

    def handle_connect(self, event: Request) -> None:
        """Put the offer into the scope of a handshake."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions = cast("dict[str, Any]", self.scope["extensions"])
            extensions[EXTENSION] = self

    async def send(self, message: ASGISendEvent) -> None:
        """A refusal completes the handshake too; uvicorn would log each as an error of the app."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def framing(self) -> Framing | None:
        """As negotiated; not where something came in that the app has not been given."""
        early = not self.queue.empty() or self.frames or self.conn.reader.buffer
        gone = self.disconnected or self.close_sent or self.transport.is_closing()
        if early or gone or self.read_paused or not self.handshake_complete:
            return None
        if not self.conn.extensions:
            return Framing.WEBSOCKET
        (extension,) = self.conn.extensions
        if isinstance(extension, PerMessageDeflate) and _is_shareable(extension):
            return Framing.DEFLATED
        return None

    def take(self, road: DirectRoad) -> bool:
        """Hand the connection over after the handshake."""
        if self.framing() is None:
            return False
        transport = self.transport
        is_full = not self.writable.is_set()
        self.stop_keepalive()
        self.connections.discard(self)
        self.transport = _DETACHED
        _hand_over(transport, self.connections, road, is_full=is_full)
        return True


def _is_shareable(extension: PerMessageDeflate) -> bool:
    """Whether frames made once for all fit what was agreed on."""
    return (
        extension.local_no_context_takeover
        and extension.remote_no_context_takeover
        and extension.local_max_window_bits == WINDOW_BITS
    )
