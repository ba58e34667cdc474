"""Errors over HTTP: RFC 9457 ``application/problem+json``."""

from __future__ import annotations

import http

from starlette.responses import Response

from stream.encode import dumps
from stream.errors import ClientError


def problem(error: ClientError, headers: dict[str, str] | None = None) -> Response:
    """The error as a response."""
    body: dict[str, object] = {
        "type": f"urn:stream:error:{error.code}",
        "title": http.HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        **error.details,
    }
    return Response(
        dumps(body),
        error.status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/problem+json",
    )
