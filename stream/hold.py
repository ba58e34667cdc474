"""A guarded GET whose answer goes on: a deadline for its head, none for what follows.

Same hops, same rules for secrets and redirects, same messages as in ``fetch.py``. It must not look
into the bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from stream.answer import Answer, BadAnswer
from stream.connection import Line
from stream.errors import SourceError
from stream.exchange import Held, Request
from stream.fetch import Fetcher
from stream.hops import MAX_REDIRECTS, REDIRECTS, Hop, first_hop, next_hop


@contextlib.asynccontextmanager
async def hold(fetcher: Fetcher, request: Request) -> AsyncIterator[Held]:
    """The answer's head, within the request's timeout, and then its bytes for as long as it goes.

    It takes none of the fetcher's slots, for it would keep it.

    Raises:
        SourceError: as `Fetcher.get`; ``bad_encoding`` and ``protocol`` also while bytes are read.
    """
    # A packed stream would have to be unpacked without knowing how much comes out.
    hop = first_hop(request, fetcher.user_agent, coding="identity")
    async with contextlib.AsyncExitStack() as opened:
        try:
            async with asyncio.timeout(request.timeout_s):
                answer, line, hop = await _head(fetcher, request, hop, opened)
        except TimeoutError:
            message = f"no answer from {hop.shown} in {request.timeout_s:g} s"
            raise SourceError("timeout", message) from None
        kind = answer.headers.get("content-type", "")
        yield Held(answer.status, kind, _chunks(answer, line, hop))


async def _head(
    fetcher: Fetcher, request: Request, hop: Hop, opened: contextlib.AsyncExitStack
) -> tuple[Answer, Line, Hop]:
    for _ in range(MAX_REDIRECTS + 1):
        async with contextlib.AsyncExitStack() as asked:
            answer, line = await asked.enter_async_context(fetcher.asked(hop))
            if answer.status in REDIRECTS:
                hop = next_hop(request, hop, answer.headers.get("location"))
                continue
            if not 200 <= answer.status < 300:
                raise fetcher.refusal(hop, answer)
            opened.push_async_exit(asked.pop_all())
            return answer, line, hop
    raise SourceError("redirect", f"more than {MAX_REDIRECTS} redirects, now at {hop.shown}")


async def _chunks(answer: Answer, line: Line, hop: Hop) -> AsyncGenerator[bytes, None]:
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise SourceError("bad_encoding", f"{hop.shown} packed a stream, unasked")
    try:
        while chunk := await line.read():
            yield chunk
    except BadAnswer:
        raise SourceError("protocol", f"the stream of {hop.shown} broke off") from None
