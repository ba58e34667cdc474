"""What the commands that talk to a service share: which one, what of it, and how they fail."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NoReturn

import click

if TYPE_CHECKING:
    from stream.endpoint import Endpoint

DEFAULT_URL: Final = "http://127.0.0.1:8000"
URL_VARIABLE: Final = "STREAM_URL"
FORMATS: Final = ("json", "merge-patch", "json-patch", "text")
_LOCAL = re.compile(r"http://(?P<host>127\.0\.0\.1|localhost|\[::1\]):(?P<port>[0-9]+)")
# A name without a dot and a number may be a channel, such as user:1.
_ADDRESS = re.compile(r"(?:localhost|\[[0-9a-fA-F:.]+\]|[\w-]+(?:\.[\w-]+)+):[0-9]{1,5}(?:/.*)?")


def _sendable(context: click.Context, option: click.Parameter, token: str | None) -> str | None:
    """The token, refused here and without repeating it, not in the midst of a request."""
    from stream.endpoint import sendable

    try:
        return None if token is None else sendable(token)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


TOKEN = click.option(
    "--token",
    envvar="STREAM_TOKEN",
    metavar="JWT",
    callback=_sendable,
    help="Who you are; better set as STREAM_TOKEN, which other users of the machine cannot see.",
)
FIELDS = click.option("--fields", metavar="A,B", help="Only these fields, and the key.")
KEYS = click.option("--keys", metavar="A,B", help="Only these items.")
WHERE = click.option("--where", metavar="EXPR", help="Only items for which this JMESPath is true.")


def fail(message: str, code: int) -> NoReturn:
    """Say why on one line, and end. Parts of it may be another's words."""
    from stream.plain import printable

    click.echo(f"stream: {printable(message)}", err=True)
    sys.exit(code)


def let_go_of_output() -> None:
    """Give what Python still holds of standard output somewhere to go at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def looks_like_url(word: str) -> bool:
    """Whether an argument names a service rather than a channel."""
    return "://" in word or _ADDRESS.fullmatch(word) is not None


def split_words(words: Sequence[str], *, least: int) -> tuple[Endpoint, list[str]]:
    """The service and the other arguments; it may be left out, if so many others are there.

    Raises:
        click.UsageError: it is no service.
    """
    from stream.endpoint import Endpoint

    rest = list(words)
    is_named = rest and looks_like_url(rest[0]) and ("://" in rest[0] or len(rest) > least)
    url = rest.pop(0) if is_named else os.environ.get(URL_VARIABLE) or DEFAULT_URL
    try:
        return Endpoint.parse(url), rest
    except ValueError as error:
        raise click.UsageError(f"{'' if is_named else f'{URL_VARIABLE}: '}{error}") from None


def view_of(
    fields: str | None, keys: str | None, where: str | None, max_rate: float | None = None
) -> dict[str, str]:
    """The parameters of a view, from options that hold comma lists already."""
    from stream.endpoint import view_query

    return view_query(fields=fields, keys=keys, where=where, max_rate=max_rate)


def with_hint(message: str, place: Endpoint, *, is_unreachable: bool) -> str:
    """What to do about it, where one can know."""
    if not is_unreachable or "refused" not in message.lower():
        return message
    here = _LOCAL.fullmatch(str(place))
    if here is None:
        return message
    host = " --host ::1" if here["host"] == "[::1]" else ""
    port = "" if str(place) == DEFAULT_URL else f" --port {here['port']}"
    return f"{message}; to have a service there: stream demo{host}{port}"
