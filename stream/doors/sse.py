"""Server-sent events: by the direct road or, where there is none, through sse-starlette."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sse_starlette.sse import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stream.access import LEEWAY_S
from stream.doors import gate
from stream.doors.clock import seconds_left
from stream.doors.events import beat_of, goodbye, greeting
from stream.doors.problem import problem
from stream.doors.sse_direct import DirectStream
from stream.errors import ClientError
from stream.framing import event
from stream.portable import PortableRoad
from stream.service import Service
from stream.subscriber import Subscriber
from stream.wire import direct_offer

HEADERS = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Type": "text/event-stream; charset=utf-8",
}


class Stream(EventSourceResponse):
    """The portable road: an event stream that gives its subscriber back however it ends."""

    def __init__(
        self,
        service: Service,
        subscriber: Subscriber,
        opening: gate.Opening,
        headers: dict[str, str],
    ) -> None:
        self._service = service
        self._subscriber = subscriber
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
    shared = _shared_with(service, request.headers.get("origin"))
    try:
        opening = gate.check(service, request)
        if request.method == "HEAD":
            return Response(headers=HEADERS | shared)
        subscriber = service.admit(gate.address_of(request))
    except ClientError as error:
        return problem(error, gate.retry_after(service, error) | shared)
    gate.subscribe(service, subscriber, opening.names, opening.params, since=opening.since)
    headers = HEADERS | shared
    offer = direct_offer(request.scope)
    if offer is not None and offer.framing() is not None:
        return DirectStream(service, subscriber, opening, headers, offer)
    return Stream(service, subscriber, opening, headers)


def _shared_with(service: Service, origin: str | None) -> dict[str, str]:
    """Headers by which a page of a listed site may read the answer, be it a refusal."""
    if origin is None or not service.access.allows_origin(origin):
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After",
        "Vary": "Origin",
    }


async def events(
    service: Service, subscriber: Subscriber, opening: gate.Opening
) -> AsyncIterator[bytes]:
    """The stream's bytes: what is owed whenever it can be written, and a beat in between."""
    heartbeat_s = service.settings.server.heartbeat
    expires_at = opening.caller.grant.expires_at
    road = PortableRoad(subscriber)
    yield greeting(service.retry_ms(), heartbeat_s)
    while True:
        left_s = seconds_left(expires_at, LEEWAY_S)
        if left_s <= 0:
            yield goodbye("token expired", None)
            return
        ready = await road.ready(within_s=min(heartbeat_s, left_s))
        if subscriber.is_ending:
            yield goodbye("restart", subscriber.retry_ms)
            return
        if not ready:
            subscriber.catch_up()
            yield beat_of(subscriber.epoch, subscriber.seen, subscriber.told)
            subscriber.told = subscriber.seen
            continue
        for message in subscriber.take():
            yield event(message)
