"""The contract for machines: OpenAPI for REST, AsyncAPI for the streams, a page that shows both."""

from __future__ import annotations

from typing import Any, Final

from stream import __version__
from stream.commands import MOST_LAST_ITEMS, OPS

Schema = dict[str, Any]

_ITEM: Final[Schema] = {"type": "object", "additionalProperties": True}
_CURSOR: Final[Schema] = {"type": "string", "examples": ["k3f9-1042"]}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_KEYS: Final[Schema] = {"type": "array", "items": {"type": ["string", "integer"]}}
_POINT: Final[Schema] = {"type": "array", "prefixItems": [{"type": "number"}] * 2}
_TRAIL: Final[Schema] = {
    "type": "object",
    "description": "Key, field, and points of Unix seconds and value, oldest first.",
    "additionalProperties": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": _POINT},
    },
}
_STATES: Final = ["waiting", "ok", "stale", "failing", "limited", "paused"]

_QUERY: Final = {
    "since": "A cursor to resume from.",
    "fields": "Comma list of top-level fields; the key is always sent.",
    "keys": "Comma list: only these items.",
    "where": "JMESPath over one item, e.g. price > 50.",
    "format": "json, merge-patch, json-patch or text.",
    "color": "1: with format=text, in the colours of a terminal.",
    "wait": "With since: long-poll for so many seconds.",
    "max_rate": "Most diffs a second for this connection, 0.01 to 100.",
    "snapshot": "0: skip the first snapshot.",
    "trail": "1: snapshots also carry recent values, where the channel keeps them.",
    "token": "A JWT where headers cannot be set.",
}
_STREAMED: Final = (
    "since", "fields", "keys", "where", "max_rate", "format", "color", "snapshot", "trail",
)  # fmt: skip


def schemas() -> Schema:
    """The messages of protocol.md §3."""
    common = {"channel": {"type": "string"}, "cursor": _CURSOR, "as_of": _TIME}
    common |= {"count": {"type": "integer"}}
    return {
        "Snapshot": _object(
            "snapshot",
            {
                **common,
                "key": {"type": "string"},
                "sort": {"type": "string"},
                "items": _list(),
                "trail": _TRAIL,
            },
        ),
        "Diff": _object(
            "diff",
            {
                **common,
                "put": _list(),
                "patch": _list(),
                "del": _KEYS,
                "resumed": {"type": "boolean"},
                "conflated": {"type": "integer"},
            },
        ),
        "Status": _object(
            "status",
            {
                "channel": {"type": "string"},
                "state": {"enum": _STATES},
                "since": _TIME,
                "as_of": _TIME,
                "next_poll": _TIME,
                "error": _ITEM,
            },
        ),
        "Last": _object(
            "last",
            {
                "channel": {"type": "string"},
                "key": {"type": "string"},
                "sort": {"type": "string"},
                "state": {"enum": _STATES},
                "as_of": _TIME,
                "count": {"type": "integer"},
                "items": _list(),
                "id": {"type": ["number", "string"]},
            },
        ),
        "Error": _object("error", {"code": {"type": "string"}, "message": {"type": "string"}}),
        "Command": {
            "type": "object",
            "required": ["op"],
            "properties": {
                "op": {"enum": list(OPS)},
                "channels": {"type": "array", "items": {"type": "string"}},
                "n": {"type": "integer", "minimum": 1, "maximum": MOST_LAST_ITEMS},
                "max_rate": {"type": ["number", "null"]},
                "about": {"type": "string"},
                "id": {"type": ["number", "string"]},
            },
        },
        "Bye": _object("bye", {"reason": {"type": "string"}, "retry_ms": {"type": "integer"}}),
        "Problem": {
            "type": "object",
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
            },
        },
    }


def _object(name: str, members: Schema) -> Schema:
    return {"type": "object", "properties": {"type": {"const": name}, **members}}


def _list() -> Schema:
    return {"type": "array", "items": _ITEM}


def _parameters(*names: str) -> list[Schema]:
    return [
        {"name": n, "in": "query", "description": _QUERY[n], "schema": {"type": "string"}}
        for n in names
    ]


def _path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _answer(description: str, ref: str | None = None, media: str = "application/json") -> Schema:
    schema: Schema = {"$ref": f"#/components/schemas/{ref}"} if ref else {"type": "object"}
    return {"description": description, "content": {media: {"schema": schema}}}


def _problems(*codes: int) -> Schema:
    return {str(c): _answer("Refused.", "Problem", "application/problem+json") for c in codes}


def openapi() -> Schema:
    """The REST contract, OpenAPI 3.1."""
    views = _parameters("fields", "keys", "where", "format", "color", "trail", "token")
    state = {
        "summary": "The current state; with since, the composed diff",
        "parameters": [_path("name"), *_parameters("since", "wait"), *views],
        "responses": {
            "200": _answer("The state, or the diff.", "Snapshot"),
            "204": {"description": "Nothing changed while waiting."},
            "304": {"description": "The state is the one of If-None-Match."},
            **_problems(400, 401, 403, 404, 502, 503, 504),
        },
    }
    publication = {
        "summary": "Publish to a push channel",
        "parameters": [_path("name")],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": {"200": _answer("The cursor of the change."), **_problems(400, 401, 403, 413)},
    }
    item = {
        "summary": "One item",
        "parameters": [_path("name"), _path("key")],
        "responses": {"200": _answer("The item."), **_problems(400, 404, 502, 504)},
    }
    plain = {
        "/channels": "Every channel with its state",
        "/status": "Every source with its state",
        "/healthz": "Liveness",
        "/readyz": "Readiness: 503 while starting or draining",
        "/metrics": "Prometheus text",
    }
    paths: Schema = {
        path: {"get": {"summary": summary, "responses": {"200": _answer("The answer.")}}}
        for path, summary in plain.items()
    }
    several = {**publication, "summary": "Publish to several push channels", "parameters": []}
    paths["/channels"]["post"] = several
    paths["/channels/{name}"] = {"get": state, "post": publication}
    paths["/channels/{name}/{key}"] = {"get": item}
    return {
        "openapi": "3.1.0",
        "info": {"title": "stream", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas()},
    }


def asyncapi() -> Schema:
    """The streaming contract, AsyncAPI 3.0."""
    heard = ("Snapshot", "Diff", "Status", "Error", "Bye")
    by_door = {"ws": (*heard, "Last", "Command"), "sse": heard}
    messages = {n: {"payload": {"$ref": f"#/components/schemas/{n}"}} for n in by_door["ws"]}
    queries = (*_STREAMED, "token")
    channels: Schema = {
        door: {
            "address": f"/{door}/{{channels}}",
            "description": "; ".join(f"{name}: {_QUERY[name]}" for name in queries),
            "parameters": {"channels": {"description": "Channel names, separated by commas."}},
            "messages": {n: {"$ref": f"#/components/messages/{n}"} for n in names},
        }
        for door, names in by_door.items()
    }
    operations: Schema = {
        f"receive-{door}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{door}"},
            "messages": [
                {"$ref": f"#/channels/{door}/messages/{n}"} for n in names if n != "Command"
            ],
        }
        for door, names in by_door.items()
    }
    operations["command-ws"] = {
        "action": "receive",
        "channel": {"$ref": "#/channels/ws"},
        "messages": [{"$ref": "#/channels/ws/messages/Command"}],
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "stream", "version": __version__},
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas(), "messages": messages},
    }


def page() -> str:
    """Both contracts on one page, without a script."""
    rows = []
    for path, methods in openapi()["paths"].items():
        for method, operation in methods.items():
            names = ", ".join(
                p["name"] for p in operation.get("parameters", []) if p["in"] == "query"
            )
            rows.append(
                f"<tr><td>{method.upper()}</td><td><code>{path}</code></td>"
                f"<td>{operation['summary']}</td><td>{names}</td></tr>"
            )
    streamed = ", ".join(_STREAMED)
    rows += [
        f"<tr><td>GET</td><td><code>{channel['address']}</code></td>"
        f"<td>Subscribe</td><td>{streamed}</td></tr>"
        for channel in asyncapi()["channels"].values()
    ]
    options = "".join(f"<dt><code>{n}</code></dt><dd>{t}</dd>" for n, t in _QUERY.items())
    return _PAGE.format(rows="".join(rows), options=options)


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>API · stream</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="static/theme.css">
<link rel="stylesheet" href="static/pages.css"></head>
<body class="docs"><header class="top"><h1><a href="./">stream</a></h1><nav aria-label="Pages">
<a href="./">Console</a><a href="desk">Desk</a><a href="news">News</a><a href="embed">Embed</a>
</nav><nav class="more" aria-label="More"><a href="docs" aria-current="page">API</a>
<a href="metrics">Metrics</a></nav></header>
<main><h2>The contract</h2>
<p>For machines: <a href="openapi.json">openapi.json</a> and
<a href="asyncapi.json">asyncapi.json</a>.</p>
<h2>Requests</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th>Method</th><th>Path</th><th>For</th>
<th>Query</th></tr></thead><tbody>{rows}</tbody></table></div>
<h2>Parameters</h2><dl>{options}</dl></main></body></html>
"""
