"""What a WebSocket client says and what it is answered. It reads no socket and writes to none."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from stream import encode
from stream.commands import Command, help_on, is_json, parse
from stream.doors import gate
from stream.doors.params import Params, parse_params
from stream.encode import Format, Marks, Message
from stream.errors import ClientError, Close, did_you_mean
from stream.model import Json
from stream.service import Service
from stream.subscriber import Subscriber


class Ended(Exception):
    """The conversation is over.

    Args:
        code: the close code to send.
        reason: why, in a few words.
    """

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Conversation:
    """One open WebSocket's commands and replies.

    Args:
        say: takes each reply, in order; it must not await.
    """

    __slots__ = ("_allowance", "_heard_at", "caller", "form", "say", "service", "subscriber")

    def __init__(
        self,
        service: Service,
        subscriber: Subscriber,
        caller: gate.Caller,
        form: Format,
        say: Callable[[Message], None],
    ) -> None:
        self.service = service
        self.subscriber = subscriber
        self.caller = caller
        self.form = form
        self.say = say
        self._allowance = float(service.settings.limits.commands_per_second)
        self._heard_at = monotonic()

    def open(self, opening: gate.Opening) -> None:
        """Subscribe to the channels of the URL; greet where it names none."""
        if opening.names:
            gate.subscribe(
                self.service, self.subscriber, opening.names, opening.params, since=opening.since
            )
            return
        cursor = str(self.service.hub.cursor)
        names = self._names()
        example = self._example(names)
        hint = f"type: help, or: sub {example}" if example else "type: help"
        self._reply("welcome", cursor=cursor, channels=names, hint=hint)

    def hear(self, text: str) -> None:
        """Take what the client sent in one message: one JSON object, or one command a line.

        Raises:
            Ended: it was too large, or there were too many.
        """
        most = self.service.settings.limits.message_bytes
        if len(text) * 4 > most and len(text.encode(errors="replace")) > most:
            raise Ended(Close.TOO_BIG, f"a command is at most {most} bytes")
        for line in lines_of(text):
            self._obey(line)

    def _obey(self, line: str) -> None:
        self._count_command()
        try:
            command = parse(line)
        except ClientError as error:
            self._error(error)
            return
        try:
            self._do(command)
        except ClientError as error:
            self._error(error, command.reply_to)

    def _count_command(self) -> None:
        """Spend one of the commands that are given back evenly over each second."""
        most = self.service.settings.limits.commands_per_second
        now = monotonic()
        self._allowance = min(most, self._allowance + (now - self._heard_at) * most)
        self._heard_at = now
        if self._allowance < 1:
            raise Ended(Close.POLICY, "too many commands a second")
        self._allowance -= 1

    def _names(self) -> list[str]:
        """The channels that may be asked for, patterns included."""
        known = sorted(self.service.catalog.known_names())
        return [name for name in known if self.caller.grant.may_read(name)]

    def _example(self, names: list[str]) -> str | None:
        """A channel worth looking at: one that holds something, if there is one."""
        channels = self.service.hub.channels
        open_now = [name for name in names if name in channels]
        filled = (name for name in open_now if len(channels[name].state))
        return next(filled, open_now[0] if open_now else None)

    def _reply(self, event: str, *, reply_to: Json = None, **members: object) -> None:
        self.say(encode.control(event, self.form, **members, id=reply_to))

    def _error(self, error: ClientError, reply_to: Json = None) -> None:
        members: dict[str, object] = {"code": error.code, "message": error.message}
        members |= error.details
        if reply_to is not None:
            members["id"] = reply_to
        self.say(encode.control("error", self.form, **members))

    def _do(self, command: Command) -> None:
        op, reply_to = command.op, command.reply_to
        if op == "subscribe":
            self._subscribe(command)
        elif op == "unsubscribe":
            self._unsubscribe(command)
        elif op == "last":
            self._last(command)
        elif op == "format":
            self._format(command)
        elif op == "rate":
            self.subscriber.set_rate(command.rate)
            self._reply("rate", max_rate=command.rate, reply_to=reply_to)
        elif op == "pause":
            self.subscriber.pause()
            self._reply("pause", reply_to=reply_to)
        elif op == "resume":
            self.subscriber.resume()
            self._reply("resume", reply_to=reply_to)
        elif op == "channels":
            self._reply("channels", reply_to=reply_to, channels=self._names())
        elif op == "ping":
            self._reply("pong", reply_to=reply_to)
        elif op == "quit":
            raise Ended(Close.DONE, "done")
        else:
            self._reply("help", reply_to=reply_to, message=help_on(command.about))

    def _params(self, command: Command) -> Params:
        most_keys = self.service.settings.limits.keys_per_view
        return parse_params(command.parameters, most_keys=most_keys, form=self.form)

    def _last(self, command: Command) -> None:
        """Show the newest items. They are in no order with what is sent: they carry no cursor."""
        params = self._params(command)
        gate.reach(self.service, self.caller, command.channels, params)
        marks = Marks(reply_to=command.reply_to)
        for name in command.channels:
            channel = self.service.hub.get(name)
            self.say(channel.newest(params.spec, params.form, command.most, marks))

    def _format(self, command: Command) -> None:
        self.form = self._params(command).form
        name = Format.TEXT if self.form.is_text else self.form
        # First, for it sends what was already made in the format before.
        self.subscriber.set_form(self.form)
        self._reply("format", format=name, reply_to=command.reply_to)

    def _subscribe(self, command: Command) -> None:
        limits = self.service.settings.limits
        params = self._params(command)
        wanted = self.subscriber.subscriptions.keys() | set(command.channels)
        if len(wanted) > limits.channels_per_connection:
            raise ClientError(
                "too_many_channels",
                f"at most {limits.channels_per_connection} channels on one connection",
            )
        gate.reach(self.service, self.caller, command.channels, params)
        self.form = params.form
        gate.subscribe(
            self.service,
            self.subscriber,
            command.channels,
            params,
            since=params.since,
            reply_to=command.reply_to,
        )

    def _unsubscribe(self, command: Command) -> None:
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
        self._reply("unsubscribed", channels=names, reply_to=command.reply_to)

    def goodbye(self) -> Message:
        """The last message of a planned end."""
        return encode.control(
            "bye", self.form, reason="restart", retry_ms=self.subscriber.retry_ms or None
        )


def lines_of(text: str) -> list[str]:
    """The commands of one message: one JSON object, or one command a line."""
    if is_json(text):
        return [text]
    return [line for line in text.split("\n") if line.strip()] or [""]
