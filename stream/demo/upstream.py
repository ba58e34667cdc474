"""The demo's upstream: one small world behind the endpoints people really poll, over real HTTP.

It moves only when somebody asks: each request first lets the seconds pass that have gone by since
the last one. It runs no task of its own and must not know who reads it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from random import Random
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from stream.demo.newsroom import Story, article, rss
from stream.demo.walk import COIN_IDS
from stream.demo.world import World
from stream.model import Item, Json

_MOST_CODES: Final = 100
"""Symbols that one request may ask for; the rest is left out, as at EODHD."""
_PAGE: Final = 100
_FIRST_STORY_ID: Final = 41_000_000
_START_WAIT_S: Final = 10.0
_STOP_WAIT_S: Final = 5.0
_NO_CACHE: Final = {"Cache-Control": "no-cache"}


class DemoUpstream:
    """The endpoints over one world.

    Args:
        seed: for a world that can be repeated; None for a new one each time.
        clock: monotonic seconds.
        start: Unix seconds at which the world begins; None for now.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        start: float | None = None,
    ) -> None:
        self._clock = clock
        self._zero = clock()
        draw = Random(seed)  # noqa: S311 - a made-up world needs no secrets
        self._world = World(draw, int(time.time() if start is None else start))

    def app(self) -> Starlette:
        """The endpoints as an ASGI app; every app of one upstream shows the same world."""
        return Starlette(
            routes=[
                Route("/real-time/{code}", self._real_time),
                Route("/simple/price", self._simple_price),
                Route("/v2/top-headlines", self._top_headlines),
                Route("/v2/everything", self._everything),
                Route("/users", self._users),
                Route("/users/{number}", self._user),
                Route("/rss.xml", self._rss),
                Route("/topstories.json", self._top_stories),
                Route("/status.json", self._status),
                Route("/flaky", self._flaky),
            ]
        )

    def _now(self) -> World:
        """The world as of this second."""
        self._world.step(self._world.start + int(self._clock() - self._zero))
        return self._world

    async def _real_time(self, request: Request) -> Response:
        """EODHD: one symbol gives an object, several an array; CSV unless JSON is asked for."""
        more = request.query_params.get("s", "")
        asked = [request.path_params["code"], *filter(None, more.split(","))]
        codes = [_with_exchange(code.strip()) for code in asked[:_MOST_CODES]]
        quotes = self._now().market.quotes(list(dict.fromkeys(codes)))
        if request.query_params.get("fmt") != "json":
            return PlainTextResponse(_csv(quotes), media_type="text/csv")
        return JSONResponse(quotes[0] if len(asked) == 1 else quotes, headers=_NO_CACHE)

    async def _simple_price(self, request: Request) -> Response:
        """CoinGecko: an object map; a coin it does not know is left out."""
        query = request.query_params
        wanted = [name for name in query.get("ids", "").split(",") if name in COIN_IDS]
        if "ids" not in query or "vs_currencies" not in query:
            return JSONResponse({"error": "ids and vs_currencies are required"}, 422)
        quotes = self._now().market.quotes([COIN_IDS[name] for name in wanted])
        prices = zip(wanted, map(_coin, quotes), strict=True)
        return JSONResponse(dict(prices), headers={"Cache-Control": "public, max-age=1"})

    async def _top_headlines(self, request: Request) -> Response:
        return self._articles(request, page_size=20)

    async def _everything(self, request: Request) -> Response:
        return self._articles(request, page_size=_PAGE)

    def _articles(self, request: Request, *, page_size: int) -> Response:
        """NewsAPI: ``q``, ``category``, ``pageSize`` and ``page``; any key will do, but one must be
        there."""
        query = request.query_params
        if not (request.headers.get("x-api-key") or query.get("apiKey")):
            return _news_error(401, "apiKeyMissing", "No API key: send apiKey= or X-Api-Key.")
        size, page = query.get("pageSize", str(page_size)), query.get("page", "1")
        if not (_is_count(size) and _is_count(page) and int(size) <= _PAGE):
            return _news_error(400, "parameterInvalid", f"pageSize is 1 to {_PAGE}, page from 1.")
        found = [
            article(story)
            for story in self._now().headlines.stories
            if _matches(story, query.get("q", ""), query.get("category", ""))
        ]
        first = int(size) * (int(page) - 1)
        rows = found[first : first + int(size)]
        body = {"status": "ok", "totalResults": len(found), "articles": rows}
        return JSONResponse(body, headers=_NO_CACHE)

    async def _users(self, _: Request) -> Response:
        return JSONResponse(self._now().people.users(), headers=_NO_CACHE)

    async def _user(self, request: Request) -> Response:
        number = request.path_params["number"]
        user = self._now().people.user(int(number)) if _is_count(number) else None
        return JSONResponse(user or {}, 200 if user else 404, headers=_NO_CACHE)

    async def _rss(self, request: Request) -> Response:
        """The Harbour Wire, with both validators; a 304 where the reader has this text."""
        wire = self._now().wire
        body = rss(wire).encode()
        headers = {
            "ETag": f'"{hashlib.sha256(body).hexdigest()[:20]}"',
            "Last-Modified": formatdate(wire.changed_at, usegmt=True),
            "Cache-Control": "max-age=1",
        }
        if _is_fresh(request, headers["ETag"], wire.changed_at):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/rss+xml")

    async def _top_stories(self, _: Request) -> Response:
        """Hacker News: nothing but ids."""
        stories = self._now().headlines.stories
        ids = [_FIRST_STORY_ID + story.id for story in stories if not story.is_removed]
        return JSONResponse(ids, headers=_NO_CACHE)

    async def _status(self, _: Request) -> Response:
        return JSONResponse(_status_page(self._now()), headers=_NO_CACHE)

    async def _flaky(self, _: Request) -> Response:
        """An endpoint that is out of order while the status page says so."""
        world = self._now()
        if world.is_degraded:
            return PlainTextResponse("try again later", 503, headers={"Retry-After": "5"})
        return JSONResponse({"id": "flaky", "up_since": world.status_since}, headers=_NO_CACHE)


def _with_exchange(code: str) -> str:
    return code if "." in code else f"{code}.US"


def _csv(quotes: list[Item]) -> str:
    rows = [list(quotes[0]), *([str(value) for value in quote.values()] for quote in quotes)]
    return "".join(f"{','.join(row)}\n" for row in rows)


def _coin(quote: Item) -> Item:
    return {
        "usd": quote["close"],
        "usd_24h_change": quote["change_p"],
        "last_updated_at": quote["timestamp"],
    }


def _news_error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"status": "error", "code": code, "message": message}, status)


def _matches(story: Story, words: str, category: str) -> bool:
    text = f"{story.title} {story.summary}".lower()
    return all(word in text for word in words.lower().split()) and category in ("", story.section)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0


def _is_fresh(request: Request, etag: str, changed_at: float) -> bool:
    """RFC 9110 §13.2.2: where there are entity tags, the date is not looked at."""
    known = request.headers.get("if-none-match")
    if known is not None:
        return known.strip() == "*" or etag in _tags(known.split(","))
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    return changed_at <= since.timestamp()


def _tags(known: Iterable[str]) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in known}


def _status_page(world: World) -> dict[str, Json]:
    """Statuspage's summary: one component of three is degraded at times."""
    since = f"{datetime.fromtimestamp(world.status_since, UTC):%Y-%m-%dT%H:%M:%SZ}"
    state = "degraded_performance" if world.is_degraded else "operational"
    states = {"News": "operational", "Quotes": "operational", "Archive": state}
    well = {"indicator": "none", "description": "All systems operational"}
    ill = {"indicator": "minor", "description": "Archive is slow"}
    return {
        "page": {"id": "demo", "name": "Demo upstream", "updated_at": since},
        "status": dict(ill if world.is_degraded else well),
        "components": [
            {"id": name.lower(), "name": name, "status": value} for name, value in states.items()
        ],
        "incidents": [],
    }


class _Server(uvicorn.Server):
    """A server that lives inside somebody else's loop: it leaves the signals to them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()


@asynccontextmanager
async def serve_upstream(
    host: str = "127.0.0.1", port: int = 0, *, upstream: DemoUpstream | None = None
) -> AsyncIterator[str]:
    """Serve an upstream in this loop while the block runs; gives its base URL.

    Raises:
        OSError: the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Bound here: on a port that is taken uvicorn itself would end the process.
    listener = socket.create_server((host, port), family=family)
    server = _Server(
        uvicorn.Config(
            (upstream or DemoUpstream()).app(),
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
    )
    name = f"[{host}]" if family == socket.AF_INET6 else host
    base = f"http://{name}:{listener.getsockname()[1]}"
    task = asyncio.create_task(server.serve(sockets=[listener]), name="demo-upstream")
    try:
        async with asyncio.timeout(_START_WAIT_S):
            await server.ready.wait()
        yield base
    finally:
        server.should_exit = True
        async with asyncio.timeout(_STOP_WAIT_S):
            await task
