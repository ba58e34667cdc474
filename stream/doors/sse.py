"""Server-sent events: a stream of bytes out, the portable road, through sse-starlette."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sse_starlette.sse import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stream import encode
from stream.access import LEEWAY_S
from stream.doors import gate
from stream.doors.clock import seconds_left
from stream.doors.problem import problem
from stream.errors import ClientError
from stream.service import Service
from stream.subscriber import Subscriber

HEADERS = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Type": "text/event-stream; charset=utf-8",
}


class Stream(EventSourceResponse):
    """An event stream that gives its subscriber back however it ends."""

    def __init__(
        self, service: Service, subscriber: Subscriber, opening: gate.Opening, origin: str | None
    ) -> None:
        self._service = service
        self._subscriber = subscriber
        headers = dict(HEADERS)
        if origin is not None and service.access.allows_origin(origin):
            headers |= {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        super().__init__(
            events(service, subscriber, opening),
            headers=headers,
            ping=0,
            send_timeout=service.settings.limits.lag_timeout,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._service.release(self._subscriber)


async def sse_door(request: Request) -> Response:
    """``GET /sse/{channels}``."""
    service: Service = request.app.state.service
    origin = request.headers.get("origin")
    try:
        opening = gate.check(service, request)
        if request.method == "HEAD":
            return Response(headers=HEADERS)
        subscriber = service.admit(gate.address_of(request))
    except ClientError as error:
        return problem(error, gate.retry_after(error))
    gate.subscribe(service, subscriber, opening.names, opening.params, since=opening.since)
    return Stream(service, subscriber, opening, origin)


async def events(
    service: Service, subscriber: Subscriber, opening: gate.Opening
) -> AsyncIterator[bytes]:
    """The stream's bytes: what is owed whenever it can be written, and a beat in between."""
    heartbeat_s = service.settings.server.heartbeat
    expires_at = opening.caller.grant.expires_at
    told = subscriber.seen
    yield f"retry: {service.retry_ms()}\n\n".encode()
    while True:
        left_s = seconds_left(expires_at, LEEWAY_S)
        if left_s <= 0:
            yield goodbye("token expired", None)
            return
        ready = await subscriber.ready(within_s=min(heartbeat_s, left_s))
        if subscriber.is_ending:
            yield goodbye("restart", service.retry_ms())
            return
        if not ready:
            yield beat(subscriber, told)
            told = subscriber.seen
            continue
        messages = subscriber.take()
        told = subscriber.seen if messages and messages[-1].cursor is not None else told
        for message in messages:
            yield encode.sse(message)


def beat(subscriber: Subscriber, told: int) -> bytes:
    """A comment, and the cursor where it moved without data: an id alone dispatches nothing."""
    subscriber.catch_up()
    if subscriber.seen == told:
        return b": beat\n\n"
    return f": beat\nid: {subscriber.cursor}\n\n".encode()


def goodbye(reason: str, retry_ms: int | None) -> bytes:
    """The last event of a planned end."""
    return encode.sse(encode.control("bye", reason=reason, retry_ms=retry_ms), retry_ms=retry_ms)
