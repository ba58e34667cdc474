"""The Starlette app: which path leads to which door, and what runs while it is up."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute

from stream import __version__, describe, metrics
from stream.access import Access
from stream.addresses import network
from stream.catalog import Catalog
from stream.doors import pages, publishing, rest
from stream.doors.answer import json_response
from stream.doors.sse import sse_door
from stream.doors.websocket import no_such_door, websocket_door
from stream.engines.memory import MemoryEngine
from stream.errors import ConfigError
from stream.fetch import Fetcher
from stream.hosts import Hosts
from stream.hub import Hub
from stream.ledger import Ledger
from stream.service import Service
from stream.settings import Settings
from stream.sources.base import Source
from stream.sources.factory import Factory


def create_app(
    settings: Settings, *, sources: Mapping[str, tuple[Source, float]] | None = None
) -> Starlette:
    """The service as an ASGI app; it polls while its lifespan runs.

    Args:
        settings: what to serve.
        sources: sources of one's own: channel name → (source, seconds between reads).

    Raises:
        ConfigError: something in the settings is not available.
    """
    service, factory = build(settings, sources)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            async with (
                service.catalog.running(),
                service.pulse.running(),
                service.lag.measured(),
            ):
                service.started = True
                yield
                service.draining = True
        finally:
            await factory.aclose()

    app = Starlette(routes=routes(), lifespan=lifespan)
    app.add_middleware(pages.PageHeaders)
    app.state.service = service
    return app


def build(
    settings: Settings, sources: Mapping[str, tuple[Source, float]] | None
) -> tuple[Service, Factory]:
    """All the parts of one service, put together, nothing started."""
    contact = f"; contact={settings.server.contact}" if settings.server.contact else ""
    manners = settings.upstream
    fetcher = Fetcher(
        user_agent=f"stream/{__version__} (poller{contact})",
        allow=map(network, manners.allow_addresses),
        hosts=Hosts(manners.host_concurrency, manners.host_spacing),
    )
    factory = Factory(fetcher)
    hub = Hub(MemoryEngine(secrets.token_hex(3)), deletions=settings.limits.deletions)
    ledger = Ledger(settings.server.state, now=time.time)
    catalog = Catalog(settings, hub, factory, ledger, extra=sources)
    return Service(settings, hub, catalog, _access(settings)), factory


def _access(settings: Settings) -> Access:
    auth = settings.auth
    key = auth.key.get_secret_value() if auth.key is not None else None
    if auth.mode == "jwt" and key is None:
        raise ConfigError("[auth] jwks_url is not in this version; use key_env or key_file")
    return Access(
        key=key if auth.mode == "jwt" else None,
        algorithms=auth.algorithms,
        audience=auth.audience,
        anonymous=auth.anonymous,
        origins=settings.server.origins,
    )


def routes() -> list[Route | WebSocketRoute | Mount]:
    """Every path of protocol.md."""
    return [
        WebSocketRoute("/ws", websocket_door),
        WebSocketRoute("/ws/{channels}", websocket_door),
        # Before the files, which know HTTP alone.
        WebSocketRoute("/{path:path}", no_such_door),
        *pages.routes(),
        Route("/ws", rest.upgrade_required),
        Route("/ws/{channels}", rest.upgrade_required),
        Route("/sse", rest.channels_required),
        Route("/sse/{channels}", sse_door),
        Route("/channels", publishing.publish_several, methods=["POST"]),
        Route("/channels", rest.list_channels),
        Route("/channels/{channel}", publishing.publish, methods=["POST"]),
        Route("/channels/{channel}", rest.get_channel),
        Route("/channels/{channel}/{key:path}", rest.get_item),
        Route("/status", rest.status),
        Route("/healthz", rest.healthz),
        Route("/readyz", rest.readyz),
        Route("/metrics", _metrics),
        Route("/openapi.json", _openapi),
        Route("/asyncapi.json", _asyncapi),
    ]


async def _metrics(request: Request) -> Response:
    text = metrics.exposition(request.app.state.service)
    return Response(text, media_type="text/plain; version=0.0.4")


async def _openapi(request: Request) -> Response:
    return json_response(describe.openapi())


async def _asyncapi(request: Request) -> Response:
    return json_response(describe.asyncapi())
