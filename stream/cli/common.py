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
# A name without a dot and a number may be a channel, such as user:1.
_ADDRESS = re.compile(r"(?:localhost|\[[0-9a-fA-F:.]+\]|[\w-]+(?:\.[\w-]+)+):[0-9]{1,5}(?:/.*)?")

TOKEN = click.option(
    "--token",
    envvar="STREAM_TOKEN",
    metavar="JWT",
    help="Who you are; better set as STREAM_TOKEN, which other users of the machine cannot see.",
)
FIELDS = click.option("--fields", metavar="A,B", help="Only these fields, and the key.")
KEYS = click.option("--keys", metavar="A,B", help="Only these items.")
WHERE = click.option("--where", metavar="EXPR", help="Only items for which this JMESPath is true.")


def fail(message: str, code: int) -> NoReturn:
    """Say why on one line, and end."""
    click.echo(f"stream: {message}", err=True)
    sys.exit(code)


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
    url = os.environ.get(URL_VARIABLE) or DEFAULT_URL
    if rest and looks_like_url(rest[0]) and ("://" in rest[0] or len(rest) > least):
        url = rest.pop(0)
    try:
        place = Endpoint.parse(url)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return place, rest


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
    here = "" if str(place) == DEFAULT_URL else f" --port {str(place).rpartition(':')[2]}"
    if not re.search(r"//(127\.0\.0\.1|localhost|\[::1\])(:|$)", str(place)):
        return message
    return f"{message}; to have a service there: stream demo{here}"
