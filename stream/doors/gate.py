"""What both streaming doors do before a stream opens: parameters, rights, channels, admission."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from stream.access import Grant
from stream.doors.params import Params, channel_names, parse_cursor, parse_params
from stream.errors import ClientError
from stream.model import Cursor, Json
from stream.service import Service
from stream.subscriber import Subscriber


@dataclass(slots=True)
class Caller:
    """Who is at the door.

    Attributes:
        grant: what the caller may do.
        has_token: whether a token was shown.
    """

    grant: Grant
    has_token: bool


def caller(service: Service, connection: HTTPConnection, token: str | None) -> Caller:
    """Check the origin and the token.

    Raises:
        ClientError: 401 or 403.
    """
    host = connection.headers.get("host", "")
    own = f"{connection.url.scheme}://{host}"
    service.access.check_origin(connection.headers.get("origin"), own)
    header = connection.headers.get("authorization", "")
    if header[:7].lower() == "bearer ":
        token = header[7:].strip()
    return Caller(service.access.grant(token, time.time()), token is not None)


def address_of(connection: HTTPConnection) -> str:
    """The peer's address; an IPv6 peer counts by its /64, which one machine can fill."""
    host = connection.client.host if connection.client is not None else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


@dataclass(slots=True)
class Opening:
    """A stream that may be opened.

    Attributes:
        names: the channels of the URL.
    """

    caller: Caller
    params: Params
    names: tuple[str, ...]
    since: Cursor | None


def check(service: Service, connection: HTTPConnection, *, bare: bool = False) -> Opening:
    """Everything that can be wrong with a request for a stream.

    Raises:
        ClientError: with the status to answer.
    """
    limits = service.settings.limits
    params = parse_params(connection.query_params.multi_items(), most_keys=limits.keys_per_view)
    found = caller(service, connection, params.token)
    since = params.since
    if last := connection.headers.get("last-event-id"):
        since = parse_cursor(last)
    names: tuple[str, ...] = ()
    if not bare:
        names = channel_names(connection.path_params["channels"], limits.channels_per_connection)
        reach(service, found, names, params)
    return Opening(found, params, names, since)


def reach(service: Service, found: Caller, names: Iterable[str], params: Params) -> None:
    """Check that all these channels may be had, and open those that are made on demand.

    Raises:
        ClientError: with the status to answer.
    """
    names = tuple(names)
    service.access.check_read(found.grant, names, has_token=found.has_token)
    for name in names:
        service.catalog.reach(name, params.spec.keys or ())


def subscribe(
    service: Service,
    subscriber: Subscriber,
    names: Iterable[str],
    params: Params,
    *,
    since: Cursor | None,
    reply_to: Json = None,
) -> None:
    """Subscribe a connection to channels that ``reach`` let it have."""
    for name in names:
        subscriber.subscribe(
            service.hub.get(name),
            params.spec,
            params.form,
            since=since,
            base=params.base,
            trail=params.trail,
            reply_to=reply_to,
        )
    if params.max_rate is not None:
        subscriber.set_rate(params.max_rate)


def retry_after(service: Service, error: ClientError) -> dict[str, str]:
    """When to try again, spread, for an answer that says "not now"."""
    return {"Retry-After": str(service.retry_after_s())} if error.status == 503 else {}
