"""REST over the same channels: state, composed diffs, long-poll, one item, publish, status."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from stream.catalog import Line
from stream.channel import Channel
from stream.doors import gate
from stream.doors.answer import NO_STORE, guarded, json_response
from stream.doors.params import REST_NAMES, Params, parse_params
from stream.encode import Format, status_members, timestamp
from stream.errors import ClientError
from stream.model import Cursor, SourceState
from stream.poller import Poller
from stream.portable import PortableRoad
from stream.service import Service
from stream.shape import shape_of
from stream.subscriber import Subscriber
from stream.view import View

COLD_S = 15.0
"""Longest that a GET waits for the first read of a cold channel."""


@guarded
async def list_channels(request: Request) -> Response:
    """``GET /channels``."""
    service: Service = request.app.state.service
    found = gate.caller(service, request, request.query_params.get("token"))
    rows = [
        describe(line.channel)
        for name, line in service.catalog.lines.items()
        if found.grant.may_read(name)
    ]
    rows += [
        {"name": name, "kind": settings.kind, "pattern": True, "match": dict(settings.match)}
        for name, (_, _, settings) in service.catalog.patterns.items()
        if found.grant.may_read(name)
    ]
    return json_response({"cursor": str(service.hub.cursor), "channels": rows})


def describe(channel: Channel) -> dict[str, object]:
    """One channel as ``GET /channels`` tells of it."""
    row: dict[str, object] = {"name": channel.name, **status_members(channel.status)}
    row |= {"count": len(channel.state), "cursor": channel.cursor}
    row |= {"subscribers": sum(1 for _ in channel.subscribers()), "key": channel.key}
    if channel.sort is not None:
        row["sort"] = channel.sort
    if (trail := channel.trail) is not None:
        every_s = int(trail.every_s) if trail.every_s.is_integer() else trail.every_s
        row["trail"] = {"fields": trail.fields, "points": trail.points, "every_s": every_s}
    first = next(iter(channel.state.entries.values()), None)
    if first is not None and (shape := shape_of(first.item)) is not None:
        row["shape"] = shape
    return row | {"kind": channel.kind, "changes": channel.changes}


async def _line(request: Request, params: Params, keys: tuple[str, ...] = ()) -> Line:
    """The channel of a GET, read at least once if somebody reads it at all."""
    service: Service = request.app.state.service
    found = gate.caller(service, request, params.token)
    name = request.path_params["channel"]
    service.access.check_read(found.grant, (name,), has_token=found.has_token)
    line = service.catalog.reach(name, keys or params.spec.keys or ())
    is_asked = line.allow is None or bool(line.wanted_keys())
    if line.channel.status.as_of is None and line.pollers and is_asked:
        await service.catalog.first_read(line, within_s=COLD_S)
    return line


def _params(request: Request, allowed: tuple[str, ...] = REST_NAMES) -> Params:
    service: Service = request.app.state.service
    limits = service.settings.limits
    return parse_params(
        request.query_params.multi_items(),
        allowed=allowed,
        most_keys=limits.keys_per_view,
        longest_wait_s=limits.wait,
    )


@guarded
async def get_channel(request: Request) -> Response:
    """``GET /channels/{name}``: the state, or what changed since a cursor."""
    params = _params(request)
    line = await _line(request, params)
    if params.since is not None:
        return await _since(request, line.channel, params)
    channel = line.channel
    await _wait_for_keys(line, params)
    # It holds for a trail too: a point is only ever made by a change.
    etag = f'W/"{channel.cursor}"'
    if etag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers={"ETag": etag, **NO_STORE})
    view = channel.view(params.spec)
    message = channel.snapshot(view, params.form, channel.cursor, trail=params.trail)
    return Response(
        message.data, 200, {"ETag": etag, **NO_STORE}, media_type=_media_type(params.form)
    )


async def _wait_for_keys(line: Line, params: Params) -> None:
    """A cold key of a channel read on demand is worth waiting for, but only for a moment."""
    if line.allow is None or not params.spec.keys:
        return
    wanted = params.spec.keys
    await _fresh(line, lambda: all(line.channel.key_of(key) is not None for key in wanted))


async def _fresh(line: Line, is_there: Callable[[], bool], within_s: float = 2.0) -> None:
    until = time.monotonic() + within_s
    while not is_there() and (left_s := until - time.monotonic()) > 0:
        await line.next_read(left_s)


def _media_type(form: Format) -> str:
    return "text/plain; charset=utf-8" if form.is_text else "application/json"


async def _since(request: Request, channel: Channel, params: Params) -> Response:
    """The composed diff since a cursor; with ``wait``, as soon as there is one."""
    service: Service = request.app.state.service
    subscriber = service.admit(gate.address_of(request))
    road = PortableRoad(subscriber)
    try:
        subscriber.subscribe(
            channel, params.spec, params.form, since=params.since, trail=params.trail
        )
        subscription = subscriber.subscriptions[channel.name]
        if params.wait_s and subscription.resumed and _is_current(subscription.view, params):
            subscription.first = False
            subscription.status_seen = channel.status_version
            if not await _changed(subscriber, road, wait_s=params.wait_s):
                if subscriber.is_ending:
                    raise ClientError("draining", "the service is restarting", status=503)
                return Response(status_code=204, headers={"Cache-Control": "no-store"})
            subscription.first = True
        messages = [m for m in subscriber.take() if m.cursor is not None]
    finally:
        service.release(subscriber)
    data = messages[-1].data if len(messages) == 1 else b"\n".join(m.data for m in messages)
    return Response(data, 200, {"Cache-Control": "no-store"}, media_type=_media_type(params.form))


def _is_current(view: View, params: Params) -> bool:
    if params.since is None:
        return False
    window = view.since(params.since.seq)
    return window is not None and not window.change


async def _changed(subscriber: Subscriber, road: PortableRoad, *, wait_s: float) -> bool:
    """Wait for a change; a new status alone is none."""
    until = time.monotonic() + wait_s
    while (left_s := until - time.monotonic()) > 0:
        if not await road.ready(within_s=left_s) or subscriber.is_ending:
            return False
        if any(s.is_owed for s in subscriber.subscriptions.values()):
            return True
        for subscription in subscriber.subscriptions.values():
            subscription.status_seen = subscription.channel.status_version
    return False


@guarded
async def get_item(request: Request) -> Response:
    """``GET /channels/{name}/{key}``: one item."""
    params = _params(request, ("token",))
    text = request.path_params["key"]
    service: Service = request.app.state.service
    is_on_demand = request.path_params["channel"] in service.catalog.lines and (
        service.catalog.lines[request.path_params["channel"]].allow is not None
    )
    line = await _line(request, params, (text,) if is_on_demand else ())
    channel = line.channel
    if is_on_demand:
        await _fresh(line, lambda: channel.key_of(text) is not None)
    key = channel.key_of(text)
    if key is None:
        shown = text[:128]
        raise ClientError("unknown_key", f"{channel.name} has no item {shown!r}", status=404)
    entry = channel.state.entries[key]
    etag = f'W/"{Cursor(channel.epoch, entry.seq)}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag, **NO_STORE})
    return json_response(entry.item, {"ETag": etag, **NO_STORE})


@guarded
async def status(request: Request) -> Response:
    """``GET /status``: every source, for people and for monitors."""
    service: Service = request.app.state.service
    found = gate.caller(service, request, request.query_params.get("token"))
    now = time.time()
    rows = [
        {"channel": name, **source_status(poller, now)}
        for name, line in service.catalog.lines.items()
        for poller in line.pollers
        if found.grant.may_read(name)
    ]
    worst = {row["state"] for row in rows} - {str(SourceState.OK), str(SourceState.PAUSED)}
    return json_response(
        {
            "ok": not worst,
            "epoch": service.hub.epoch,
            "cursor": str(service.hub.cursor),
            "connections": len(service.connected),
            "live": service.hub.delivery.live,
            "published": service.hub.published,
            "loop_lag_p99_ms": round(service.lag.quantiles(0.99)[0] * 1000, 1),
            "sources": rows,
        },
        {"Cache-Control": "no-store"},
    )


def source_status(poller: Poller, now: float) -> dict[str, object]:
    """One source's row."""
    tally, found = poller.tally, poller.status
    row: dict[str, object] = {"source": poller.name, "kind": poller.kind}
    row |= status_members(found)
    if found.as_of is not None:
        row["last_ok"] = timestamp(found.as_of)
        row["age_s"] = round(max(0.0, now - found.as_of), 3)
    row |= {
        "every_s": round(poller.pace.interval_s, 3),
        "polls": tally.polls,
        "changes": tally.changes,
        "unchanged": tally.unchanged,
        "not_modified": tally.not_modified,
        "failures": tally.failures,
        "consecutive_errors": tally.in_a_row,
        "received_bytes": tally.received_bytes,
        "duplicates": tally.duplicates,
        "skipped": tally.skipped,
    }
    row["breaker"] = poller.breaker.state
    row["held_removals"] = poller.inflow.removals(poller.name)
    if poller.pace.quota_per_day is not None:
        row["quota_left"] = poller.ledger.left(poller.name, poller.pace.quota_per_day)
    return row


@guarded
async def upgrade_required(request: Request) -> Response:
    """``GET /ws/…`` by something that does not speak WebSocket: where it can have the same.

    What a WebSocket would be refused for comes first: its tools show the status alone, so one asks
    again with one that shows the reason.
    """
    gate.check(request.app.state.service, request, bare="channels" not in request.path_params)
    path = request.path_params.get("channels", "<channel>")
    raise ClientError(
        "not_a_websocket",
        f"this is for WebSockets; as an event stream it is /sse/{path[:256]}",
        status=426,
    )


@guarded
async def channels_required(request: Request) -> Response:
    """``GET /sse``: of what?"""
    words = "which channels? /sse/<channels>, the names separated by commas; /channels lists them"
    raise ClientError("bad_parameter", words)


async def healthz(request: Request) -> Response:
    """``GET /healthz``: the loop turns."""
    return Response("ok\n", media_type="text/plain")


async def readyz(request: Request) -> Response:
    """``GET /readyz``: started, not draining, engine in reach."""
    service: Service = request.app.state.service
    if service.is_ready:
        return Response("ready\n", media_type="text/plain")
    word = "draining\n" if service.draining else "starting\n"
    return Response(word, 503, {"Retry-After": "5"}, media_type="text/plain")
