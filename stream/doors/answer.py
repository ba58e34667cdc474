"""What the REST doors answer with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from stream.doors import gate
from stream.doors.problem import problem
from stream.encode import dumps
from stream.errors import ClientError

NO_STORE = {"Cache-Control": "no-cache"}

Door = Callable[[Request], Awaitable[Response]]


def guarded(door: Door) -> Door:
    """Answer a ClientError as a problem."""

    @wraps(door)
    async def answer(request: Request) -> Response:
        try:
            return await door(request)
        except ClientError as error:
            headers = gate.retry_after(request.app.state.service, error)
            if error.status == HTTPStatus.UPGRADE_REQUIRED:
                headers |= {"Upgrade": "websocket", "Connection": "Upgrade"}
            return problem(error, headers)

    return answer


def json_response(value: object, headers: dict[str, str] | None = None) -> Response:
    """A value as JSON."""
    return Response(dumps(value), 200, headers or NO_STORE, media_type="application/json")
