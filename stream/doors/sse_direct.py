"""An event stream on the direct road: ready-made chunks out; what comes in is of no interest."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stream.doors import gate
from stream.doors.events import beat_of, goodbye, greeting
from stream.doors.guest import Guest
from stream.framing import LAST_CHUNK, Framing, chunk
from stream.service import Service
from stream.subscriber import Subscriber
from stream.wire import Offer


class DirectStream(Response):
    """The head of an event stream, sent as any other; then the connection is taken over."""

    def __init__(
        self,
        service: Service,
        subscriber: Subscriber,
        opening: gate.Opening,
        headers: dict[str, str],
        offer: Offer,
    ) -> None:
        super().__init__(None, 200, headers)
        self._service = service
        self._subscriber = subscriber
        self._opening = opening
        self._offer = offer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and the first line the usual way, so that middleware sees them."""
        is_taken = False
        try:
            headers = [row for row in self.raw_headers if row[0] != b"content-length"]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            heartbeat_s = self._service.settings.server.heartbeat
            first = greeting(self._service.retry_ms(), heartbeat_s)
            await send({"type": "http.response.body", "body": first, "more_body": True})
            road = DirectEvents(self._service, self._subscriber, Framing.CHUNKED)
            is_taken = self._offer.take(road)
            if is_taken:
                road.open(self._opening)
        finally:
            if not is_taken:
                self._service.release(self._subscriber)


class DirectEvents(Guest):
    """One open event stream, taken over from the server."""

    __slots__ = ()

    def open(self, opening: gate.Opening) -> None:
        """Begin to write."""
        self.admit(opening)
        self.advance()

    def expire(self) -> None:
        """Say goodbye for good, and close."""
        self._end("token expired", None)

    def say_goodbye(self) -> None:
        """Tell the peer that the service ends, and close."""
        self._end("restart", self.subscriber.retry_ms)

    def _end(self, reason: str, retry_ms: int | None) -> None:
        if self.is_closing:
            return
        self.lag()
        self.write([chunk(goodbye(reason, retry_ms)) + LAST_CHUNK])
        self.close_soon()
        self.transport.close()

    def beat(self) -> None:
        """A comment, and the cursor where it moved without data."""
        if self.is_full or self.is_closing:
            return
        subscriber, audience = self.subscriber, self.audience
        if audience is None:
            subscriber.catch_up()
        told = max(subscriber.told, audience.last_seq if audience is not None else 0)
        position = max(told, self.position)
        self.transport.write(chunk(beat_of(subscriber.epoch, position, told)))
        subscriber.told = position

    def data_received(self, data: bytes) -> None:
        """A reader of events has nothing to say."""
