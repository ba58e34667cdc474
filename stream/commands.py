"""What a client typed on a WebSocket → a command, or an error that helps.

Pure. JSON where the first non-blank character is ``{``, else plain words, one command a line.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from typing import Final

import orjson

from stream.errors import ClientError, did_you_mean
from stream.model import Json

WORDS: Final = {
    "sub": "subscribe",
    "unsub": "unsubscribe",
    "list": "channels",
    "rate": "rate",
    "ping": "ping",
    "help": "help",
}
OPS: Final = ("subscribe", "unsubscribe", "rate", "channels", "ping", "help")
HELP: Final = (
    "sub CHANNEL… [fields=a,b] [keys=x,y] [where=EXPR] [since=CURSOR] [format=text] | "
    "unsub CHANNEL… | list | rate PER_SECOND | ping | help — or JSON: "
    '{"op":"subscribe","channels":["news"]}'
)
PARAMETERS: Final = ("since", "fields", "keys", "where", "format", "snapshot", "max_rate", "trail")
LOWEST_RATE: Final = 0.01
HIGHEST_RATE: Final = 100.0


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        op: one of OPS.
        channels: the channels named, in order, without repetition.
        parameters: the subscription's parameters as text, named as in a URL.
        rate: most diffs a second, for ``rate``; None takes the limit away.
        reply_to: the client's own ``id``, to stand on the reply.
    """

    op: str
    channels: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    rate: float | None = None
    reply_to: Json = None


def parse(text: str) -> Command:
    """Read one line or one JSON object.

    Raises:
        ClientError: ``bad_command``, ``bad_json`` or ``bad_max_rate``, with a sentence that says
            what was expected.
    """
    stripped = text.strip()
    if stripped.startswith("{"):
        return _from_json(stripped)
    return _from_words(stripped)


def parse_rate(text: str) -> float:
    """A rate of 0.01–100 a second.

    Raises:
        ClientError: ``bad_max_rate``.
    """
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise ClientError(
            "bad_max_rate", f"max_rate must be a number from 0.01 to 100, got {text[:32]!r}"
        )
    return rate


def _from_words(text: str) -> Command:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ClientError("bad_command", f"cannot read that line: {error}") from None
    if not words:
        raise ClientError("bad_command", f"an empty line is no command; {HELP}")
    word, *rest = words
    op = WORDS.get(word.lower()) or (word.lower() if word.lower() in OPS else None)
    if op is None:
        hint = did_you_mean(word.lower(), WORDS)
        raise ClientError("bad_command", f"unknown command {word[:32]!r}{hint}; {HELP}")
    if op == "rate":
        return Command(op, rate=_rate_word(rest))
    names: list[str] = []
    parameters: list[tuple[str, str]] = []
    for part in rest:
        name, equals, value = part.partition("=")
        if equals:
            parameters.append((_parameter(name), value))
        else:
            names += filter(None, part.split(","))
    return _checked(Command(op, tuple(dict.fromkeys(names)), tuple(parameters)))


def _rate_word(rest: list[str]) -> float | None:
    if len(rest) != 1:
        raise ClientError("bad_command", "rate takes one number, for example: rate 2")
    return None if rest[0] in {"off", "none"} else parse_rate(rest[0])


def _parameter(name: str) -> str:
    if name not in PARAMETERS:
        hint = did_you_mean(name, PARAMETERS)
        raise ClientError("bad_parameter", f"unknown parameter {name[:32]!r}{hint}")
    return name


def _checked(command: Command) -> Command:
    if command.op in {"subscribe", "unsubscribe"} and not command.channels:
        raise ClientError(
            "bad_command",
            f"{command.op} needs at least one channel, for example: sub news",
        )
    return command


def _from_json(text: str) -> Command:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ClientError("bad_json", f"that is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise ClientError("bad_json", "expected one JSON object")
    op = message.pop("op", None)
    reply_to = message.pop("id", None)
    if not isinstance(op, str) or op not in OPS:
        hint = did_you_mean(op, OPS) if isinstance(op, str) else ""
        expected = ", ".join(OPS)
        raise ClientError("bad_command", f"'op' must be one of {expected}{hint}")
    try:
        return _checked(_json_command(op, message, reply_to))
    except ClientError as error:
        if isinstance(reply_to, str | int):
            error.details["id"] = reply_to  # type: ignore[assignment]
        raise


def _json_command(op: str, message: dict[str, Json], reply_to: Json) -> Command:
    if isinstance(reply_to, dict | list) or (isinstance(reply_to, str) and len(reply_to) > 64):
        raise ClientError("bad_command", "'id' must be a number or a short text")
    if op == "rate":
        rate = message.get("max_rate")
        limit = None if rate is None else parse_rate(str(rate))
        return Command(op, rate=limit, reply_to=reply_to)
    channels = message.pop("channels", message.pop("channel", []))
    names = [channels] if isinstance(channels, str) else channels
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ClientError("bad_command", "'channels' must be a list of channel names")
    parameters = tuple((_parameter(name), _as_text(name, v)) for name, v in message.items())
    return Command(op, tuple(dict.fromkeys(map(str, names))), parameters, reply_to=reply_to)


def _as_text(name: str, value: Json) -> str:
    if isinstance(value, list):
        return ",".join(_as_text(name, part) for part in value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str | int | float):
        return str(value)
    raise ClientError("bad_parameter", f"{name!r} must be a text, a number or a list of them")
