"""The pages and the files they load, and the headers that keep them harmless.

Anybody's page may load the files (they hold no data); who may read channels is for the other doors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream import describe
from stream.doors import gate
from stream.doors.answer import guarded
from stream.service import Service

CSP: Final = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: https: http:; "
    "frame-ancestors 'self'; base-uri 'none'"
)

PAGES: Final = ("desk", "news", "embed")
"""Pages beside the console, each under its name."""

_NAMES_MOST: Final = 20
_COMMANDS: Final = (
    ("curl -N {base}/sse/{first}", "whole once, then only changes"),
    ("curl -N '{base}/sse/{first}?format=text'", "a line per item"),
    ("wscat -c {ws}/ws/{first}", "the same over WebSocket"),
    ("wscat -c {ws}/ws", "then type: help"),
    ("curl {base}/channels/{first}", "what it holds now"),
    ("curl {base}/channels", "every channel"),
    ("curl {base}/status", "every source"),
)

_FRESH: Final = {"Cache-Control": "no-cache"}
# A module of one version must not meet one of another out of a cache: each is asked for anew, and
# answered by 304. Modules and styles of another origin are loaded with CORS, whoever asks.
_PUBLIC: Final = {
    **_FRESH,
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def static_folder() -> Path:
    """The files: inside the package once installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "static"
    return inside if inside.is_dir() else package.parent / "static"


def routes() -> list[Route | Mount]:
    """The pages, ``/docs`` and ``/static``."""
    folder = static_folder()
    return [
        Route("/", guarded(_page_or_words(folder / "index.html"))),
        *(Route(f"/{name}", _page(folder / f"{name}.html")) for name in PAGES),
        Route("/docs", _docs),
        Mount("/static", PublicFiles(directory=folder)),
    ]


def _page_or_words(file: Path) -> Callable[[Request], Awaitable[Response]]:
    """The console; words for who asks from a terminal, which wants no markup."""

    async def page(request: Request) -> Response:
        headers = {**_FRESH, "Vary": "Accept"}
        if "text/html" in request.headers.get("accept", ""):
            return FileResponse(file, headers=headers)
        return Response(_words(request), headers=headers, media_type="text/plain")

    return page


def _words(request: Request) -> str:
    service: Service = request.app.state.service
    grant = gate.caller(service, request, request.query_params.get("token")).grant
    names = [name for name in service.catalog.lines if grant.may_read(name)]
    base = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
    given = {"base": base, "ws": base.replace("http", "ws", 1), "first": (*names, "<channel>")[0]}
    commands = [(command.format_map(given), note) for command, note in _COMMANDS]
    width = max(len(command) for command, _ in commands)
    shown = ", ".join(names[:_NAMES_MOST]) or "none that you may read without a token"
    more = f" and {len(names) - _NAMES_MOST} more" if len(names) > _NAMES_MOST else ""
    return "\n".join(
        (
            "stream: what can be polled, to subscribe to.\n",
            f"channels: {shown}{more}\n",
            *(f"  {command:{width}}  {note}" for command, note in commands),
            f"\nIn a browser: {base}/\n",
        )
    )


def _page(file: Path) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return FileResponse(file, headers=_FRESH)

    return page


async def _docs(request: Request) -> Response:
    return Response(describe.page(), media_type="text/html")


class PublicFiles(StaticFiles):
    """Files that pages of any origin may load."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_PUBLIC)
        return response


class PageHeaders:
    """Security headers on every answer; pages may load nothing from elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-content-type-options", b"nosniff"),
                    (b"content-security-policy", CSP.encode()),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        await self.app(scope, receive, with_headers)
