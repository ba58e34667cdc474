"""`stream channels` and `stream get`: what there is now. A table for eyes, JSON for pipes."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from stream.cli.common import (
    FIELDS,
    FORMATS,
    KEYS,
    TOKEN,
    WHERE,
    fail,
    split_words,
    view_of,
    with_hint,
)

if TYPE_CHECKING:
    from rich.table import Table

    from stream.endpoint import Endpoint

COLUMNS = ("name", "state", "count", "age", "subscribers", "key", "sort", "kind")


@contextlib.contextmanager
def failing_plainly(place: Endpoint) -> Iterator[None]:
    """Where the service does not answer, it is said why and the command ends."""
    from stream.errors import LinkError, Unreachable

    try:
        yield
    except LinkError as error:
        is_unreachable = isinstance(error, Unreachable)
        fail(with_hint(str(error), place, is_unreachable=is_unreachable), 1)


@click.command()
@click.argument("words", nargs=-1, metavar="[URL]")
@TOKEN
def channels(words: tuple[str, ...], token: str | None) -> None:
    """List the channels of a service, with how they are doing.

    On a terminal a table, in a pipe one JSON object a line. URL is http://127.0.0.1:8000 or
    STREAM_URL where it is left out.
    """
    import orjson

    from stream.cli.rest import Caller

    place, rest = split_words(words, least=0)
    if rest:
        raise click.UsageError(f"expected a URL, got {rest[0]!r}")
    with failing_plainly(place):
        rows: list[dict[str, Any]] = Caller(place, token).ask_for("channels", "channels")
    if not sys.stdout.isatty():
        for row in rows:
            click.echo(orjson.dumps(row))
        return
    from rich.console import Console

    Console().print(listing(rows, datetime.now(UTC)), highlight=False)


def listing(rows: list[dict[str, Any]], now: datetime) -> Table:
    """The channels as a table."""
    from rich.table import Table
    from rich.text import Text

    from stream.cli.cells import STATE_STYLES, ago
    from stream.plain import printable

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in ("count", "subscribers") else "left")
    for row in rows:
        is_pattern = row.get("pattern", False)
        state = "on demand" if is_pattern else str(row.get("state", ""))
        words = {**row, "state": state, "age": ago(row.get("as_of"), now)}
        cells = [Text(printable(str(words.get(column, "")))) for column in COLUMNS]
        cells[1].stylize(STATE_STYLES.get(state, ""))
        table.add_row(*cells)
    return table


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[URL] CHANNEL [KEY]")
@FIELDS
@WHERE
@KEYS
@click.option("--format", "form", type=click.Choice(FORMATS), help="How to write the items.")
@TOKEN
def get(
    words: tuple[str, ...],
    fields: str | None,
    where: str | None,
    keys: str | None,
    form: str | None,
    token: str | None,
) -> None:
    """Show what a channel holds now, or one item of it.

    On a terminal indented, in a pipe exactly as the server sent it.
    """
    from stream.cli.rest import Caller

    place, rest = split_words(words, least=1)
    query = view_of(fields, keys, where) | ({} if form is None else {"format": form})
    if not 1 <= len(rest) <= 2:
        raise click.UsageError(f"expected CHANNEL [KEY], got {len(rest)} words")
    if len(rest) == 2 and query:
        raise click.UsageError("one item comes whole: leave out KEY, or the options")
    with failing_plainly(place):
        data = Caller(place, token).ask("channels", *rest, query=query)
    if not sys.stdout.isatty():
        click.echo(data, nl=not data.endswith(b"\n"))
    else:
        _show(data.decode(errors="replace"), is_json=form != "text")


def _show(text: str, *, is_json: bool) -> None:
    """Write it for eyes; nothing in it can steer the terminal."""
    from rich.console import Console
    from rich.highlighter import JSONHighlighter
    from rich.text import Text

    from stream.plain import printable

    if is_json:
        with contextlib.suppress(ValueError):  # what is no JSON is shown as it is
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    shown = Text("\n".join(map(printable, text.split("\n"))))
    Console().print(JSONHighlighter()(shown) if is_json else shown, soft_wrap=True)
