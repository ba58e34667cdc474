"""A WebSocket on the direct road: frames in, commands obeyed, ready-made frames out."""

from __future__ import annotations

import logging
from typing import Final

from starlette.types import Scope
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from stream.doors import gate
from stream.doors.conversation import Conversation, Ended
from stream.doors.guest import Guest
from stream.errors import Close
from stream.framing import PING, WINDOW_BITS, Framing, close_frame, whole_frames
from stream.service import Service
from stream.subscriber import Subscriber
from stream.wire import direct_offer

log = logging.getLogger("stream.websocket")

EMPTY_PONG: Final = b"\x8a\x80"
"""How a pong without payload begins; its mask follows, and nothing else."""
SILENT_BEATS: Final = 2
"""Beats without a word from the peer, its pongs included, after which it is taken for dead."""


def take_road(
    scope: Scope, service: Service, subscriber: Subscriber, opening: gate.Opening
) -> bool:
    """Take an accepted WebSocket over from the server.

    Returns:
        False where the server does not offer it, or not now: the portable road serves.
    """
    offer = direct_offer(scope)
    if offer is None or (framing := offer.framing()) is None:
        return False
    road = DirectWebSocket(service, subscriber, opening, framing)
    if not offer.take(road):
        return False
    road.open(opening)
    return True


class Inbound:
    """What has come in of messages that are not complete.

    Args:
        is_deflated: permessage-deflate without context takeover was agreed on.
        most_bytes: longest message, decoded.
    """

    __slots__ = ("kind", "parser", "parts", "rest")

    def __init__(self, *, is_deflated: bool, most_bytes: int) -> None:
        self.parser = Protocol(Side.SERVER, state=State.OPEN, max_size=most_bytes, logger=log)
        if is_deflated:
            self.parser.extensions = [
                PerMessageDeflate(
                    remote_no_context_takeover=True,
                    local_no_context_takeover=True,
                    remote_max_window_bits=WINDOW_BITS,
                    local_max_window_bits=WINDOW_BITS,
                )
            ]
        self.rest = b""
        self.kind = Opcode.TEXT
        self.parts: list[bytes] = []

    def feed(self, data: bytes) -> tuple[list[Frame], list[bytes]]:
        """Take bytes off the wire; returns the frames that are complete, and what to answer."""
        data = self.rest + data
        most = self.parser.max_message_size or 0
        size = whole_frames(data, most_bytes=most)
        self.rest = data[size:]
        if size:
            self.parser.receive_data(data[:size])
        frames = [event for event in self.parser.events_received() if isinstance(event, Frame)]
        return frames, [piece for piece in self.parser.data_to_send() if piece]

    def message(self, frame: Frame) -> tuple[Opcode, bytes] | None:
        """The message that this data frame completes, if it does."""
        if frame.opcode is not Opcode.CONT:
            self.kind, self.parts = frame.opcode, [bytes(frame.data)]
        elif frame.data:  # of empty ones there may be any number
            self.parts.append(bytes(frame.data))
        if not frame.fin:
            return None
        data, self.parts = b"".join(self.parts), []
        return self.kind, data

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, so that this object need not be kept."""
        return not (self.rest or self.parts)


class DirectWebSocket(Guest):
    """One open WebSocket, taken over from the server.

    The parser of what comes in lives only while something is incomplete: most of the time a
    subscriber says nothing, and its parser would be the largest part of what it costs.
    """

    __slots__ = ("_conversation", "_inbound", "_silent_beats")

    def __init__(
        self, service: Service, subscriber: Subscriber, opening: gate.Opening, framing: Framing
    ) -> None:
        super().__init__(service, subscriber, framing)
        self._conversation = Conversation(
            service, subscriber, opening.caller, opening.params.form, self.say
        )
        self._inbound: Inbound | None = None
        self._silent_beats = 0

    def open(self, opening: gate.Opening) -> None:
        """Subscribe to what the URL names, and begin to write."""
        self.admit(opening)
        self._conversation.open(opening)
        self.advance()

    def expire(self) -> None:
        """Close, with the reason."""
        self.end(Close.POLICY, "auth: token expired")

    def end(self, code: int, reason: str) -> None:
        """Close with this code; the peer's own close, or a deadline, ends the connection."""
        if not self.is_closing:
            self.lag()
            self.write([close_frame(code, reason)])
            self.close_soon()

    def say_goodbye(self) -> None:
        """Tell the peer that the service ends, and close."""
        self.say(self._conversation.goodbye())
        self.end(Close.RESTART, "restart")

    def beat(self) -> None:
        """Ask whether the peer is there; one that has not answered twice is not."""
        if self.is_full or self.is_closing:
            return
        if self._silent_beats >= SILENT_BEATS:
            self.transport.abort()
            return
        self._silent_beats += 1
        self.transport.write(PING)

    def pause_writing(self) -> None:
        """A peer that reads nothing is not listened to either, or it could have replies pile up."""
        super().pause_writing()
        if not self.is_closing:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        self._silent_beats = 0
        self.transport.resume_reading()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Obey what is complete; answer pings and a close."""
        self._silent_beats = 0
        if len(data) == 6 and data.startswith(EMPTY_PONG) and self._inbound is None:
            return
        inbound = self._inbound
        if inbound is None:
            inbound = Inbound(
                is_deflated=self.framing is Framing.DEFLATED,
                most_bytes=self.service.settings.limits.message_bytes,
            )
        frames, answers = inbound.feed(data)
        self._inbound = None if inbound.is_idle else inbound
        for frame in frames:
            if self.is_closing and frame.opcode is not Opcode.CLOSE:
                continue
            self._take(inbound, frame)
        self._answer(inbound.parser, answers)

    def _answer(self, parser: Protocol, answers: list[bytes]) -> None:
        is_over = parser.close_rcvd is not None or parser.parser_exc is not None
        if not self.is_closing:
            if is_over:
                self.lag()
            self.write(answers)
        if is_over:
            self.close_soon()
            self.transport.close()

    def _take(self, inbound: Inbound, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        message = inbound.message(frame)
        if message is None:
            return
        kind, data = message
        try:
            text = data.decode() if kind is Opcode.TEXT else data.decode(errors="replace")
            self._conversation.hear(text)
        except UnicodeDecodeError:
            self.end(1007, "not UTF-8")
        except Ended as ended:
            self.end(ended.code, ended.reason)
