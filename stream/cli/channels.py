"""`stream channels` and `stream get`: what there is now. A table for eyes, JSON for pipes."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

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
GAP: Final = 2
"""Blanks between columns."""


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

    console = Console()
    console.print(listing(rows, datetime.now(UTC), console.width), highlight=False)


def listing(rows: list[dict[str, Any]], now: datetime, width: int) -> Table:
    """The channels as a table: the first columns, as many as fit."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    from stream.cli.cells import STATE_STYLES

    lines = [_words(row, now) for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    shown: list[str] = []
    left = width + GAP
    for column in COLUMNS:
        wide = max(map(cell_len, (column, *(line[column] for line in lines)))) + GAP
        if shown and wide > left:
            break
        left -= wide
        shown.append(column)
        is_number = column in ("count", "subscribers")
        table.add_column(column, justify="right" if is_number else "left")
    for line in lines:
        cells = {column: Text(line[column]) for column in shown}
        if state := cells.get("state"):
            state.stylize(STATE_STYLES.get(line["state"], ""))
        table.add_row(*cells.values())
    return table


def _words(row: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """What to say of a channel, by column."""
    from stream.cli.cells import ago
    from stream.plain import printable

    state = "on demand" if row.get("pattern", False) else row.get("state", "")
    words = {**row, "state": state, "age": ago(row.get("as_of"), now)}
    return {column: printable(str(words.get(column, ""))) for column in COLUMNS}


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
