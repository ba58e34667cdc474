"""What a client typed on a WebSocket → a command, or an error that helps.

Pure. JSON where the first character that is not blank is ``{`` or ``[``, else plain words, one
command a line.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from stream.errors import ClientError, did_you_mean
from stream.model import Json

USAGE: Final = {
    "sub": "sub CHANNEL… [fields=a,b] [keys=x,y] [where=EXPR] [since=CURSOR] [format=NAME]",
    "unsub": "unsub CHANNEL…",
    "last": "last [N] CHANNEL… [fields=a,b] [keys=x,y] [where=EXPR] [format=NAME]",
    "list": "list",
    "pause": "pause",
    "resume": "resume",
    "rate": "rate PER_SECOND | rate off",
    "format": "format json | text | merge-patch | json-patch, and color=1 for text in colours",
    "ping": "ping",
    "help": "help [WORD]",
    "quit": "quit",
}
"""Every word, and how it is used."""
EXAMPLES: Final = {
    "sub": "sub news",
    "unsub": "unsub news",
    "last": "last 5 news",
    "rate": "rate 2",
    "format": "format text",
    "help": "help sub",
}
HELP: Final = (
    f"{', '.join(USAGE)}. For example: sub news fields=title; last 5 news; help sub. "
    'Or JSON: {"op":"subscribe","channels":["news"]}'
)
_MEANT: Final = {
    "json": "format json",
    "text": "format text",
    "color": "format text color=1",
    "tail": "last",
    "ls": "list",
    "stop": "pause",
    "start": "resume",
    "exit": "quit",
    "bye": "quit",
    "?": "help",
}
"""What people type who know other tools, and what it is called here."""
_OP_OF: Final = {"sub": "subscribe", "unsub": "unsubscribe", "list": "channels"}
_WORD_OF: Final = {op: word for word, op in _OP_OF.items()}
OPS: Final = tuple(_OP_OF.get(word, word) for word in USAGE)

PARAMETERS: Final = (
    "since", "fields", "keys", "where", "format", "color", "snapshot", "max_rate", "trail",
)  # fmt: skip
_TAKES: Final = {
    "subscribe": PARAMETERS,
    "last": ("fields", "keys", "where", "format", "color"),
    "format": ("color",),
}
_NAMES_CHANNELS: Final = frozenset({"subscribe", "unsubscribe", "last"})
# It begins where blanks begin, or each of a thousand blanks would look through all behind it.
_NEXT_PARAMETER: Final = re.compile(rf"(?<!\s)\s+(?=(?:{'|'.join(PARAMETERS)})=(?!=))")
_WHERE: Final = re.compile(r"(?<=\s)where=(?=[^\s'\"])")

LOWEST_RATE: Final = 0.01
HIGHEST_RATE: Final = 100.0
LAST_ITEMS: Final = 10
"""What ``last`` shows without a number, as ``tail`` does."""
MOST_LAST_ITEMS: Final = 100
"""Most items of ``last``, of all channels together: an answer that fits a screen or two."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        op: one of OPS.
        channels: the channels named, in order, without repetition.
        parameters: the subscription's parameters as text, named as in a URL.
        rate: most diffs a second, for ``rate``; None takes the limit away.
        most: how many items of each channel, for ``last``.
        about: the word that ``help`` is asked about.
        reply_to: the client's own ``id``, to stand on the reply.
    """

    op: str
    channels: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    rate: float | None = None
    most: int = LAST_ITEMS
    about: str | None = None
    reply_to: Json = None


def parse(text: str) -> Command:
    """Read one line or one JSON object.

    Raises:
        ClientError: ``bad_command``, ``bad_parameter``, ``bad_json`` or ``bad_max_rate``, with a
            sentence that says what was expected.
    """
    stripped = text.strip()
    if is_json(stripped):
        return _from_json(stripped)
    return _from_words(stripped)


def is_json(text: str) -> bool:
    """Whether it is meant as JSON."""
    return text.lstrip().startswith(("{", "["))


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


def help_on(word: str | None) -> str:
    """One line on a word, or on all of them.

    Raises:
        ClientError: ``bad_command``, with the nearest word.
    """
    if word is None:
        return HELP
    known = _WORD_OF.get(word, word)
    if known not in USAGE:
        raise _unknown(word)
    return _usage(known)


def _usage(word: str) -> str:
    example = EXAMPLES.get(word)
    return f"{USAGE[word]}, for example: {example}" if example else USAGE[word]


def _unknown(word: str) -> ClientError:
    meant = _MEANT.get(word.lower())
    hint = f", did you mean {meant!r}?" if meant else did_you_mean(word.lower(), USAGE)
    hint = hint or f"; known are {', '.join(USAGE)}"
    return ClientError("bad_command", f"unknown command {word[:32]!r}{hint}")


def _from_words(text: str) -> Command:
    words = _words_of(text)
    if not words:
        raise ClientError("bad_command", f"an empty line is no command; known are {HELP}")
    word, *rest = words
    op = _OP_OF.get(word.lower(), word.lower())
    if op not in OPS:
        raise _unknown(word)
    names: list[str] = []
    parameters: list[tuple[str, str]] = []
    for part in rest:
        name, equals, value = part.partition("=")
        if equals:
            parameters.append((_parameter(op, name), value))
        else:
            names += filter(None, part.split(","))
    return _command(op, names, tuple(parameters))


def _words_of(text: str) -> list[str]:
    """The line's words, quoted as in a shell; an expression need not be, it may have blanks.

    It reaches to the next parameter, or to the end of the line.
    """
    expressions: list[str] = []
    if where := _WHERE.search(text):
        begin, end = where.end(), len(text)
        if following := _NEXT_PARAMETER.search(text, begin):
            end = following.start()
        expressions.append(f"where={text[begin:end].rstrip()}")
        text = f"{text[: where.start()]}{text[end:]}"
    try:
        return shlex.split(text) + expressions
    except ValueError as error:
        raise ClientError("bad_command", f"cannot read that line: {error}") from None


def _command(op: str, words: Sequence[str], parameters: tuple[tuple[str, str], ...]) -> Command:
    """The command of plain words, once its parameters are taken out."""
    if op == "rate":
        return Command(op, rate=_rate_word(words))
    if op == "format":
        if len(words) != 1:
            raise _misused(op)
        return Command(op, parameters=(("format", words[0]), *parameters))
    if op == "help" and len(words) < 2:
        return Command(op, about=words[0].lower() if words else None)
    most = LAST_ITEMS
    if op == "last" and words and words[0].isdecimal():
        most, words = _most(int(words[0][:9])), words[1:]
    if op not in _NAMES_CHANNELS and words:
        raise _misused(op)
    return _checked(Command(op, tuple(dict.fromkeys(words)), parameters, most=most))


def _misused(op: str) -> ClientError:
    return ClientError("bad_command", f"expected: {_usage(_WORD_OF.get(op, op))}")


def _rate_word(words: Sequence[str]) -> float | None:
    if len(words) != 1:
        raise _misused("rate")
    return None if words[0] in {"off", "none"} else parse_rate(words[0])


def _most(number: Json) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        number = 0
    if not 1 <= number <= MOST_LAST_ITEMS:
        raise ClientError("bad_command", f"last takes a number from 1 to {MOST_LAST_ITEMS}")
    return number


def _parameter(op: str, name: str) -> str:
    takes = _TAKES.get(op, ())
    if name not in takes:
        hint = did_you_mean(name, takes)
        if not hint:
            hint = f"; {op} takes {', '.join(takes) or 'none'}"
        raise ClientError("bad_parameter", f"unknown parameter {name[:32]!r}{hint}")
    return name


def _checked(command: Command) -> Command:
    if command.op in _NAMES_CHANNELS and not command.channels:
        word = _WORD_OF.get(command.op, command.op)
        raise ClientError(
            "bad_command",
            f"{command.op} needs at least one channel, for example: {EXAMPLES[word]}",
        )
    if command.op == "last" and command.most * len(command.channels) > MOST_LAST_ITEMS:
        raise ClientError(
            "bad_command",
            f"last shows at most {MOST_LAST_ITEMS} items, of all its channels together",
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
        hint = ""
        if isinstance(op, str):
            hint = f", did you mean {_OP_OF[op]!r}?" if op in _OP_OF else did_you_mean(op, OPS)
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
    if op == "help":
        about = message.get("about")
        return Command(op, about=about if isinstance(about, str) else None, reply_to=reply_to)
    most = _most(message.pop("n", LAST_ITEMS)) if op == "last" else LAST_ITEMS
    form = (("format", _as_text("format", message.pop("format", ""))),) if op == "format" else ()
    channels = message.pop("channels", message.pop("channel", []))
    names = [channels] if isinstance(channels, str) else channels
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ClientError("bad_command", "'channels' must be a list of channel names")
    given = tuple((_parameter(op, name), _as_text(name, v)) for name, v in message.items())
    named = tuple(dict.fromkeys(map(str, names)))
    return Command(op, named, (*form, *given), most=most, reply_to=reply_to)


def _as_text(name: str, value: Json) -> str:
    if isinstance(value, list):
        return ",".join(_as_text(name, part) for part in value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str | int | float):
        return str(value)
    raise ClientError("bad_parameter", f"{name!r} must be a text, a number or a list of them")
