"""WebSocket: commands in, messages out, the portable road.

Two tasks per connection: one always reads, so that pings, pongs and a close are seen even on a
connection that is only written to; one writes whatever is owed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from time import monotonic

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from stream import encode
from stream.access import LEEWAY_S
from stream.commands import HELP, Command, parse
from stream.doors import gate
from stream.doors.clock import seconds_left
from stream.doors.params import parse_params
from stream.doors.problem import problem
from stream.encode import Format, Message
from stream.errors import ClientError, Close, did_you_mean
from stream.model import Json
from stream.service import Service
from stream.subscriber import Subscriber

CLOSE_S = 2.0
"""Longest that a close may take: behind a full buffer it would wait for ever."""


async def websocket_door(websocket: WebSocket) -> None:
    """``/ws`` and ``/ws/{channels}``."""
    service: Service = websocket.app.state.service
    bare = "channels" not in websocket.path_params
    try:
        opening = gate.check(service, websocket, bare=bare)
        subscriber = service.admit(gate.address_of(websocket))
    except ClientError as error:
        await websocket.send_denial_response(problem(error, gate.retry_after(error)))
        return
    try:
        await websocket.accept()
        await Conversation(service, websocket, subscriber, opening).run()
    finally:
        service.release(subscriber)


class Ended(Exception):
    """The conversation is over; the close has been sent or came from the peer."""


@dataclass(slots=True, eq=False)
class Conversation:
    """One open WebSocket."""

    service: Service
    websocket: WebSocket
    subscriber: Subscriber
    opening: gate.Opening
    form: Format = Format.JSON
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _commands: deque[float] = field(default_factory=deque)

    async def run(self) -> None:
        """Talk until either side ends it."""
        self.form = self.opening.params.form
        if self.opening.names:
            params = self.opening.params
            gate.subscribe(
                self.service,
                self.subscriber,
                self.opening.names,
                params,
                since=self.opening.since,
            )
        else:
            cursor = str(self.service.hub.cursor)
            await self._reply(
                "welcome", cursor=cursor, channels=self._names(), hint="type: sub news"
            )
        with contextlib.suppress(Ended, WebSocketDisconnect):
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

    def _names(self) -> list[str]:
        """The channels that may be asked for, patterns included."""
        known = sorted(self.service.catalog.known_names())
        return [name for name in known if self.opening.caller.grant.may_read(name)]

    async def _write(self) -> None:
        expires_at = self.opening.caller.grant.expires_at
        while True:
            left_s = seconds_left(expires_at, LEEWAY_S)
            if left_s <= 0:
                await self._end(Close.POLICY, "auth: token expired")
            if not await self.subscriber.ready(within_s=left_s):
                continue
            if self.subscriber.is_ending:
                await self._goodbye()
            for message in self.subscriber.take():
                await self._send(message)

    async def _goodbye(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            await self._reply("bye", reason="restart", retry_ms=self.service.retry_ms())
        await self._end(Close.RESTART, "restart")

    async def _send(self, message: Message) -> None:
        """Write one message; a peer that takes nothing for ``lag_timeout`` is gone."""
        lines = message.data.split(b"\n")  # several in the text format only
        async with self._writing:
            try:
                async with asyncio.timeout(self.service.settings.limits.lag_timeout):
                    for line in lines:
                        await self.websocket.send_text(line.decode())
            except TimeoutError:
                await self._end(Close.TRY_LATER, "no progress")
            except RuntimeError:  # Starlette's word for a socket that was closed meanwhile
                raise Ended from None

    async def _end(self, code: Close, reason: str) -> None:
        with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_S):
                if self.websocket.application_state is WebSocketState.CONNECTED:
                    await self.websocket.close(code, reason)
        raise Ended

    async def _reply(self, event: str, *, reply_to: Json = None, **members: object) -> None:
        await self._send(encode.control(event, self.form, **members, id=reply_to))

    async def _read(self) -> None:
        while True:
            incoming = await self.websocket.receive()
            if incoming["type"] == "websocket.disconnect":
                raise Ended
            text = incoming.get("text")
            if text is None:
                text = (incoming.get("bytes") or b"").decode(errors="replace")
            most = self.service.settings.limits.message_bytes
            if len(text.encode(errors="replace")) > most:
                await self._end(Close.TOO_BIG, f"a command is at most {most} bytes")
            for line in lines_of(text):
                await self._obey(line)

    async def _obey(self, line: str) -> None:
        now = monotonic()
        self._commands.append(now)
        while self._commands[0] < now - 1:
            self._commands.popleft()
        if len(self._commands) > self.service.settings.limits.commands_per_second:
            await self._end(Close.POLICY, "too many commands a second")
        try:
            command = parse(line)
        except ClientError as error:
            await self._error(error)
            return
        try:
            await self._do(command)
        except ClientError as error:
            await self._error(error, command.reply_to)

    async def _error(self, error: ClientError, reply_to: Json = None) -> None:
        members: dict[str, object] = {"code": error.code, "message": error.message}
        members |= error.details
        if reply_to is not None:
            members["id"] = reply_to
        await self._send(encode.control("error", self.form, **members))

    async def _do(self, command: Command) -> None:
        reply_to = command.reply_to
        if command.op == "subscribe":
            self._subscribe(command)
        elif command.op == "unsubscribe":
            await self._unsubscribe(command)
        elif command.op == "rate":
            self.subscriber.set_rate(command.rate)
            await self._reply("rate", max_rate=command.rate, reply_to=reply_to)
        elif command.op == "channels":
            await self._reply("channels", reply_to=reply_to, channels=self._names())
        elif command.op == "ping":
            await self._reply("pong", reply_to=reply_to)
        else:
            await self._reply("help", reply_to=reply_to, message=HELP)

    def _subscribe(self, command: Command) -> None:
        limits = self.service.settings.limits
        params = parse_params(command.parameters, most_keys=limits.keys_per_view)
        wanted = self.subscriber.subscriptions.keys() | set(command.channels)
        if len(wanted) > limits.channels_per_connection:
            raise ClientError(
                "too_many_channels",
                f"at most {limits.channels_per_connection} channels on one connection",
            )
        gate.reach(self.service, self.opening.caller, command.channels, params)
        named = any(name == "format" for name, _ in command.parameters)
        form = params.form if named else self.form
        self.form = form
        gate.subscribe(
            self.service,
            self.subscriber,
            command.channels,
            params,
            since=params.since,
            reply_to=command.reply_to,
            form=form,
        )

    async def _unsubscribe(self, command: Command) -> None:
        mine = self.subscriber.subscriptions
        for name in command.channels:
            if name not in mine:
                shown = name[:128]
                hint = did_you_mean(shown, mine)
                raise ClientError(
                    "not_subscribed",
                    f"not subscribed to {shown!r}{hint}",
                    details={"channel": shown},
                )
        for name in command.channels:
            self.subscriber.unsubscribe(name)
        names = list(command.channels)
        await self._reply("unsubscribed", channels=names, reply_to=command.reply_to)


def lines_of(text: str) -> list[str]:
    """The commands of one frame: one JSON object, or one command a line."""
    if text.lstrip().startswith("{"):
        return [text]
    return [line for line in text.split("\n") if line.strip()] or [""]
