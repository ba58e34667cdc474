"""A guarded GET whose answer goes on: a deadline for its head, none for what follows.

It is a part of ``fetch.py`` that stands apart for its length: same hops, same rules for secrets and
redirects, same messages. It must not look into the bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any

from stream.errors import SourceError
from stream.exchange import Held, Request
from stream.fetch import (
    _REDIRECTS,
    BROKEN,
    MAX_REDIRECTS,
    Fetcher,
    _first_hop,
    _header,
    _Hop,
    _next_hop,
)


@contextlib.asynccontextmanager
async def hold(fetcher: Fetcher, request: Request) -> AsyncIterator[Held]:
    """The answer's head, within the request's timeout, and then its bytes for as long as it goes.

    It takes none of the fetcher's slots, for it would keep it.

    Raises:
        SourceError: as `Fetcher.get`; ``bad_encoding`` and ``protocol`` also while bytes are read.
    """
    hop = _first_hop(request, fetcher._user_agent)
    # A packed stream would have to be unpacked without knowing how much comes out.
    hop = replace(hop, headers={**hop.headers, "accept-encoding": "identity"})
    async with contextlib.AsyncExitStack() as opened:
        try:
            async with asyncio.timeout(request.timeout_s):
                answer, hop = await _head(fetcher, request, hop, opened)
        except TimeoutError:
            message = f"no answer from {hop.shown} in {request.timeout_s:g} s"
            raise SourceError("timeout", message) from None
        kind = _header(answer, "content-type") or ""
        yield Held(answer.status_code, kind, _chunks(answer, hop))


async def _head(
    fetcher: Fetcher, request: Request, hop: _Hop, opened: contextlib.AsyncExitStack
) -> tuple[Any, _Hop]:
    for _ in range(MAX_REDIRECTS + 1):
        answer = await opened.enter_async_context(fetcher._answer(hop))
        if answer.status_code in _REDIRECTS:
            hop = _next_hop(request, hop, _header(answer, "location"))
            continue
        if not 200 <= answer.status_code < 300:
            await fetcher._read(request, hop, answer)  # which says what is wrong with it
        return answer, hop
    raise SourceError("redirect", f"more than {MAX_REDIRECTS} redirects, now at {hop.shown}")


async def _chunks(answer: Any, hop: _Hop) -> AsyncGenerator[bytes, None]:
    if (_header(answer, "content-encoding") or "identity").lower() != "identity":
        raise SourceError("bad_encoding", f"{hop.shown} packed a stream, unasked")
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    except BROKEN:
        raise SourceError("protocol", f"the stream of {hop.shown} broke off") from None
