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

CSP: Final = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: https: http:; "
    "frame-ancestors 'self'; base-uri 'none'"
)

PAGES: Final = {"/": "index", "/desk": "desk", "/news": "news", "/embed": "embed"}
"""Path → the page's file, without its ending."""

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
        *(Route(path, _page(folder / f"{name}.html")) for path, name in PAGES.items()),
        Route("/docs", _docs),
        Mount("/static", PublicFiles(directory=folder)),
    ]


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
