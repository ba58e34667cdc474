"""Publishing over HTTP: to one push channel, or to several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from stream.catalog import Line
from stream.doors import gate
from stream.doors.answer import guarded, json_response
from stream.errors import ClientError, SourceError
from stream.extract import Container, Extracted, parse_json
from stream.identity import Keyed, identify
from stream.inflow import Prepared, Push
from stream.model import Cursor, Item, Json, Key
from stream.service import Service
from stream.sources.http import key_rule

BODY_S: Final = 30.0
"""Longest that a body may take to arrive: 1 MiB over a poor line, and no drip that never ends."""
THREAD_BYTES: Final = 32 * 1024
"""Bodies from this size on are parsed in a thread, so that the loop stays free for sockets."""
MANY_KEYS: Final = 500
"""A publication of so many keys lets the loop turn between being compared and being told."""
SEVERAL: Final = ""
"""What publications to several channels at once are remembered under; no channel has this name."""
_SECTIONS: Final = frozenset({"put", "patch", "del"})


class Publication(NamedTuple):
    """What is to happen to one channel."""

    put: Keyed | None
    patch: Mapping[Key, Item]
    delete: list[Key]


@guarded
async def publish(request: Request) -> Response:
    """``POST /channels/{name}``: publish to a push channel."""
    service: Service = request.app.state.service
    name = request.path_params["channel"]
    line = _line(service, _caller(service, request), name)
    document = await _document(request, service.settings.limits.publish_bytes)
    if (before := _answered(service, request, name)) is not None:
        return json_response({"cursor": str(before)})
    change = _prepared(line, document)
    if len(change[1].change) >= MANY_KEYS:
        seq = line.channel.state.seq
        await asyncio.sleep(0)
        if line.channel.state.seq != seq:
            change = _prepared(line, document)
    return _answer(service, request, name, [change])


@guarded
async def publish_several(request: Request) -> Response:
    """``POST /channels``: ``{"<name>": publication, …}``, all of it or, on a mistake, nothing."""
    service: Service = request.app.state.service
    document = await _document(request, service.settings.limits.publish_bytes)
    if (before := _answered(service, request, SEVERAL)) is not None:
        return json_response({"cursor": str(before)})
    if not isinstance(document, dict) or not document:
        raise ClientError("bad_publication", "expected an object of channels and what to publish")
    found, changes = _caller(service, request), []
    for name, publication in document.items():
        line = _line(service, found, name)
        try:
            changes.append(_prepared(line, publication))
        except ClientError as error:
            raise ClientError(error.code, f"{name}: {error.message}", status=error.status) from None
    return _answer(service, request, SEVERAL, changes)


def _caller(service: Service, request: Request) -> gate.Caller:
    return gate.caller(service, request, request.query_params.get("token"))


def _line(service: Service, found: gate.Caller, name: str) -> Line:
    line = service.catalog.reach(name)
    if line.push is None:
        raise ClientError("not_push", f"{name} is fed by its source, not by POST", status=403)
    service.access.check_publish(found.grant, name, has_token=found.has_token)
    return line


def _idempotency_key(request: Request) -> str:
    return request.headers.get("idempotency-key", "")[:256]


def _answered(service: Service, request: Request, name: str) -> Cursor | None:
    key = _idempotency_key(request)
    return service.hub.answered(name, key) if key else None


def _answer(
    service: Service, request: Request, name: str, changes: list[tuple[Push, Prepared]]
) -> Response:
    cursor = max(push.commit(prepared) for push, prepared in changes)
    if key := _idempotency_key(request):
        service.hub.remember(name, key, cursor)
    return json_response({"cursor": str(cursor)})


def _prepared(line: Line, document: Json) -> tuple[Push, Prepared]:
    if line.push is None:
        raise RuntimeError("a line that is not fed by push")
    return line.push, line.push.prepare(*parse_publication(line, document))


async def _document(request: Request, most_bytes: int) -> Json:
    body = await _body(request, most_bytes)
    if len(body) < THREAD_BYTES:
        return _parsed(body)
    return await asyncio.to_thread(_parsed, body)


def _parsed(body: bytes) -> Json:
    try:
        return parse_json(body)
    except SourceError as error:
        raise ClientError("bad_json", error.message) from None


async def _body(request: Request, most_bytes: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most_bytes:
                    raise ClientError(
                        "too_large", f"a body is at most {most_bytes} bytes", status=413
                    )
    except ClientDisconnect:
        raise ClientError("bad_json", "the body did not come to its end") from None
    except TimeoutError:
        raise ClientError(
            "too_slow", f"the body took longer than {BODY_S:g} s", status=408
        ) from None
    return bytes(body)


def parse_publication(line: Line, document: Json) -> Publication:
    """``{"put":[…],"patch":[…],"del":[…]}``, or an item, or an array of items.

    Raises:
        ClientError: ``bad_publication``.
    """
    sections: dict[str, Json] = {"put": document}
    if isinstance(document, dict) and document and document.keys() <= _SECTIONS:
        sections = document
    put = _items(sections.get("put", []), "put")
    patch = _items(sections.get("patch", []), "patch")
    delete = _keys(sections.get("del", []))
    keyed = _keyed(line, put) if put else None
    field = line.channel.key if keyed is None else keyed.key
    return Publication(keyed, _patches(patch, field), [_present(line, key) for key in delete])


def _keys(value: Json) -> list[Key]:
    rows = value if isinstance(value, list) else [None]
    keys = [key for key in rows if isinstance(key, str | int) and not isinstance(key, bool)]
    if len(keys) < len(rows):
        raise ClientError("bad_publication", "'del' must be a list of keys")
    return keys


def _present(line: Line, key: Key) -> Key:
    found = line.channel.key_of(str(key))
    return key if found is None else found


def _items(value: Json, name: str) -> list[Item]:
    rows = [value] if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ClientError("bad_publication", f"{name!r} must be an item or a list of items")
    return [row for row in rows if isinstance(row, dict)]


def _keyed(line: Line, items: list[Item]) -> Keyed:
    rule = key_rule(line.push_settings.key if line.push_settings is not None else None)
    channel = line.channel
    found = channel.key if len(channel.state) else None
    try:
        # Who publishes an item twice means what was said last, as with two publications.
        extracted = Extracted(items, None, Container.LIST)
        keyed = identify(extracted, rule, found=found, latest=True)
    except SourceError as error:
        raise ClientError("bad_publication", error.message) from None
    if keyed.skipped:
        raise ClientError("bad_publication", f"{keyed.skipped} items have no {keyed.key!r}")
    if len(channel.state) and keyed.key != channel.key:
        raise ClientError("bad_publication", f"items of this channel are keyed by {channel.key!r}")
    return keyed


def _patches(rows: list[Item], field: str) -> dict[Key, Item]:
    patches: dict[Key, Item] = {}
    for row in rows:
        key = row.get(field)
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise ClientError("bad_publication", f"a patch must carry the key {field!r}")
        patches.setdefault(key, {}).update({n: v for n, v in row.items() if n != field})
    return patches
