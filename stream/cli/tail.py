"""`stream tail`: follows channels. A table for eyes, one message a line for pipes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from stream.cli.common import (
    FIELDS,
    FORMATS,
    KEYS,
    TOKEN,
    WHERE,
    fail,
    let_go_of_output,
    split_words,
    view_of,
    with_hint,
)

if TYPE_CHECKING:
    from stream.cli.follow import Wish


@click.command(short_help="Follow channels of a service.")
@click.argument("words", nargs=-1, required=True, metavar="[URL] CHANNEL...")
@FIELDS
@WHERE
@KEYS
@click.option(
    "--max-rate", type=click.FloatRange(0.01, 100), metavar="N", help="Most messages a second."
)
@click.option("--since", metavar="CURSOR", help="Go on from there: only what has changed since.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="How to write each line.")
@click.option("-n", "--count", type=click.IntRange(1), help="End after so many lines, or updates.")
@click.option(
    "--table/--lines",
    "is_table",
    default=None,
    help="A live table, or one message a line.  [default: a table on a terminal]",
)
@TOKEN
def tail(
    words: tuple[str, ...],
    fields: str | None,
    where: str | None,
    keys: str | None,
    max_rate: float | None,
    since: str | None,
    form: str | None,
    count: int | None,
    is_table: bool | None,
    token: str | None,
) -> None:
    """Follow channels: on a terminal as a live table, in a pipe one message a line.

    A link that is lost is opened again, and goes on where it was. URL is http://127.0.0.1:8000
    or STREAM_URL where it is left out; http, https, ws, wss or host:port. A name such as desk:80
    may be a channel, so write http://desk:80.

    \b
    stream tail quotes news
    stream tail quotes --fields last,change_pct --where 'change_pct > 1'
    stream tail https://desk.example/live quotes --lines | jq -c .patch
    stream tail news --format text

    Exit code 0 where --count was reached or nobody reads the output any more, 1 where the server
    refused, 2 for a mistake in the arguments, 130 after Ctrl-C.
    """
    from stream.cli.follow import Wish

    place, channels = split_words(words, least=1)
    if not channels:
        raise click.UsageError("name a channel; stream channels lists them")
    if any("," in channel for channel in channels):
        raise click.UsageError(
            "channels are separated by blanks here: " + " ".join(channels).replace(",", " ")
        )
    if is_table and (since or form):
        raise click.UsageError("a table shows all items: leave out --since and --format")
    if is_table is None:
        dumb = os.environ.get("TERM") in ("dumb", "unknown")
        is_table = sys.stdout.isatty() and not (since or form or dumb)
    query = view_of(fields, keys, where, max_rate)
    wish = Wish(place, tuple(dict.fromkeys(channels)), query, token, since, form or "json", count)
    _run(wish, is_table=is_table)


def _run(wish: Wish, *, is_table: bool) -> None:
    """Follow to the end; the exit code says which."""
    from stream.cli.follow import ended, follow_lines
    from stream.errors import LinkError, Unreachable

    work = follow_lines
    if is_table:
        from stream.cli.watch import follow_table as work
    code = 0
    try:
        code = asyncio.run(ended(work(wish)))
    except BrokenPipeError:
        let_go_of_output()  # nobody reads any more
    except LinkError as error:
        is_unreachable = isinstance(error, Unreachable)
        fail(with_hint(str(error), wish.place, is_unreachable=is_unreachable), 1)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    sys.exit(code)
