"""WebSocket: opens it, then leads it to the direct road or, where there is none, the portable one.

On the portable road there are two tasks per connection: one always reads, so that pings, pongs and
a close are seen even on a connection that is only written to; one writes whatever is owed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import NoReturn

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from stream.access import LEEWAY_S
from stream.direct import CLOSE_S
from stream.doors import gate
from stream.doors.clock import seconds_left
from stream.doors.conversation import Conversation, Ended
from stream.doors.problem import problem
from stream.doors.websocket_direct import take_road
from stream.encode import Message
from stream.errors import ClientError, Close
from stream.portable import PortableRoad
from stream.service import Service
from stream.subscriber import Subscriber


async def websocket_door(websocket: WebSocket) -> None:
    """``/ws`` and ``/ws/{channels}``."""
    service: Service = websocket.app.state.service
    bare = "channels" not in websocket.path_params
    try:
        opening = gate.check(service, websocket, bare=bare)
        subscriber = service.admit(gate.address_of(websocket))
    except ClientError as error:
        await websocket.send_denial_response(problem(error, gate.retry_after(service, error)))
        return
    is_direct = False
    try:
        await websocket.accept()
        is_direct = take_road(websocket.scope, service, subscriber, opening)
        if not is_direct:
            await Talk(service, websocket, subscriber, opening).run()
    finally:
        if not is_direct:
            service.release(subscriber)


async def no_such_door(websocket: WebSocket) -> None:
    """A WebSocket to any other path: which ones there are."""
    words = "WebSockets are at /ws and /ws/<channels>, the names separated by commas"
    await websocket.send_denial_response(problem(ClientError("not_found", words, status=404)))


class Gone(Exception):
    """The socket is closed; there is nobody to write to."""


class Talk:
    """One open WebSocket on the portable road."""

    def __init__(
        self,
        service: Service,
        websocket: WebSocket,
        subscriber: Subscriber,
        opening: gate.Opening,
    ) -> None:
        self._service = service
        self._websocket = websocket
        self._subscriber = subscriber
        self._opening = opening
        self._road = PortableRoad(subscriber)
        self._writing = asyncio.Lock()
        self._replies: list[Message] = []
        self._conversation = Conversation(
            service, subscriber, opening.caller, opening.params.form, self._replies.append
        )

    async def run(self) -> None:
        """Talk until either side ends it."""
        self._conversation.open(self._opening)
        with contextlib.suppress(Gone, WebSocketDisconnect):
            await self._answer()
            await self._both()

    async def _both(self) -> None:
        reading = asyncio.create_task(self._read())
        writing = asyncio.create_task(self._write())
        try:
            done, _ = await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
        for task in done:
            task.result()

    async def _write(self) -> NoReturn:
        expires_at = self._opening.caller.grant.expires_at
        while True:
            left_s = seconds_left(expires_at, LEEWAY_S)
            if left_s <= 0:
                await self._end(Close.POLICY, "auth: token expired")
            if not await self._road.ready(within_s=left_s):
                continue
            if self._subscriber.is_ending:
                with contextlib.suppress(WebSocketDisconnect):
                    await self._send(self._conversation.goodbye())
                await self._end(Close.RESTART, "restart")
            for message in self._subscriber.take():
                await self._send(message)

    async def _send(self, message: Message) -> None:
        """Write one message; a peer that takes nothing for ``lag_timeout`` is gone."""
        lines = message.data.split(b"\n")  # several in the text format only
        async with self._writing:
            try:
                async with asyncio.timeout(self._service.settings.limits.lag_timeout):
                    for line in lines:
                        await self._websocket.send_text(line.decode())
            except TimeoutError:
                await self._end(Close.TRY_LATER, "no progress")
            except RuntimeError:  # Starlette's word for a socket that was closed meanwhile
                raise Gone from None

    async def _end(self, code: Close, reason: str) -> NoReturn:
        with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_S):
                if self._websocket.application_state is WebSocketState.CONNECTED:
                    await self._websocket.close(code, reason)
        raise Gone

    async def _read(self) -> NoReturn:
        while True:
            incoming = await self._websocket.receive()
            if incoming["type"] == "websocket.disconnect":
                raise Gone
            text = incoming.get("text")
            if text is None:
                text = (incoming.get("bytes") or b"").decode(errors="replace")
            try:
                self._conversation.hear(text)
            except Ended as end:
                await self._answer()
                await self._end(end.code, end.reason)
            await self._answer()

    async def _answer(self) -> None:
        while self._replies:
            await self._send(self._replies.pop(0))
