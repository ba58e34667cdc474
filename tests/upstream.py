"""Upstreams for tests, on real sockets: `Upstream` speaks HTTP as told, `RawUpstream` any bytes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import ssl
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeAlias

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.waiting import until

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
RawScript: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One request that arrived. ``at_s`` is `time.monotonic`; header names match in any case."""

    method: str
    path: str
    query: QueryParams
    headers: Headers
    body: bytes
    at_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer. A body that is not bytes is sent as JSON.

    Attributes:
        etag: send a strong ETag of the body, and answer 304 to an If-None-Match that has it.
        delay_s: wait before answering; cut short when the upstream is closed.
    """

    body: object = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: bool = False
    delay_s: float = 0.0


@dataclass(slots=True)
class _Plan:
    """Answers to give once each, and then the one that stays."""

    once: deque[Answer] = field(default_factory=deque)
    standing: Answer | None = None
    handler: Handler | None = None

    def take(self) -> Answer | None:
        return self.once.popleft() if self.once else self.standing


class _Server(uvicorn.Server):
    """Leaves the signals of the test run alone, and stops at once."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), 0.1)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Upstream:
    """A scripted HTTP server inside the running loop, on a free port of 127.0.0.1.

    ``async with Upstream() as upstream: upstream.set("/quotes", [{"code": "A"}])``. A path that
    was told nothing answers 404. Every request is recorded, see `hits`.
    """

    def __init__(self, *, host: str = "127.0.0.1") -> None:
        self._host = host
        self._plans: defaultdict[str, _Plan] = defaultdict(_Plan)
        self._hits: defaultdict[str, list[Hit]] = defaultdict(list)
        self._closing = asyncio.Event()
        self.port = 0

    def url(self, path: str) -> str:
        """The whole URL of a path."""
        return f"http://{self._host}:{self.port}{path}"

    def set(
        self,
        path: str,
        body: object,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        etag: bool = False,
        delay_s: float = 0.0,
        times: int | None = None,
    ) -> None:
        """Answer this from now on; or, with ``times``, so often before what stood there before."""
        answer = Answer(body, status, headers or {}, etag, delay_s)
        plan = self._plans[path]
        if times is None:
            plan.once.clear()
            plan.standing = answer
        else:
            plan.once.extend([answer] * times)

    def script(self, path: str, *answers: Answer) -> None:
        """Give these answers in order; the last one stays."""
        plan = self._plans[path]
        plan.once = deque(answers[:-1])
        plan.standing = answers[-1]

    def handle(self, path: str, handler: Handler) -> None:
        """Let a function answer this path and everything below it; `set` and `script` win."""
        self._plans[path].handler = handler

    def hits(self, path: str) -> list[Hit]:
        """The requests for exactly this path (without its query), in order."""
        return list(self._hits[path])

    async def wait_hits(self, path: str, n: int, within_s: float = 5.0) -> list[Hit]:
        """The requests for this path, once there are at least ``n``."""
        await until(
            lambda: len(self._hits[path]) >= n, within_s=within_s, what=f"{n} requests for {path}"
        )
        return self.hits(path)

    async def __aenter__(self) -> Self:
        listener = _listen(self._host)
        self.port = listener.getsockname()[1]
        app = Starlette(routes=[Route("/{path:path}", self._answer, methods=_METHODS)])
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config, self._closing)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        await until(lambda: self._server.started or self._task.done(), what="the upstream's start")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._closing.set()
        await self._task

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        self._hits[path].append(
            Hit(
                method=request.method,
                path=path,
                query=request.query_params,
                headers=request.headers,
                body=await request.body(),
                at_s=time.monotonic(),
            )
        )
        answer = self._plans[path].take() if path in self._plans else None
        if answer is None:
            handler = self._handler(path)
            return await handler(request) if handler else Response(status_code=404)
        if answer.delay_s:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), answer.delay_s)
        return _response(answer, request)

    def _handler(self, path: str) -> Handler | None:
        below = [
            prefix
            for prefix, plan in self._plans.items()
            if plan.handler and (path == prefix or path.startswith(prefix.rstrip("/") + "/"))
        ]
        return self._plans[max(below, key=len)].handler if below else None


def _response(answer: Answer, request: Request) -> Response:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    body = answer.body
    if not isinstance(body, bytes):
        body = orjson.dumps(body)
        headers.setdefault("content-type", "application/json")
    if answer.etag:
        headers.setdefault("etag", f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"')
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
    return Response(body, answer.status, headers)


class RawUpstream:
    """A server that sends exactly the bytes it is told, and then hangs up.

    ``raw.set("/cut", b"HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nabc")``. An async function
    of (reader, writer) instead of bytes may read and write more, drip, or hang.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._answers: dict[str, bytes | RawScript] = {}
        self._heads: defaultdict[str, list[bytes]] = defaultdict(list)
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.port = 0

    def url(self, path: str) -> str:
        """The whole URL of a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}{path}"

    def set(self, path: str, answer: bytes | RawScript) -> None:
        """Answer this from now on."""
        self._answers[path] = answer

    def heads(self, path: str) -> list[bytes]:
        """The raw request heads that asked for this path (without its query), in order."""
        return list(self._heads[path])

    @property
    def busy(self) -> bool:
        """Whether a connection is still served."""
        return bool(self._tasks)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            # A peer that is gone, or hangs up amid an answer, is what these tests are about.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._reply(reader, writer)
        except asyncio.CancelledError:
            # Cancelled by __aexit__ only; asyncio would log a cancelled connection as an error.
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = await self.read_head(reader)
        answer = self._answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        if isinstance(answer, bytes):
            writer.write(answer)
        else:
            await answer(reader, writer)
        await writer.drain()

    async def read_head(self, reader: asyncio.StreamReader) -> str:
        """Read and record one request; its path. For scripts that serve several on a connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].partition(b"?")[0].decode()
        self._heads[path].append(head)
        return path


def unused_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with _listen("127.0.0.1") as listener:
        port: int = listener.getsockname()[1]
    return port


def _listen(host: str) -> socket.socket:
    listener = socket.socket()
    listener.bind((host, 0))
    return listener
