"""`stream publish`: lines of standard input into a push channel."""

from __future__ import annotations

import os
import random
import select
import sys
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NoReturn

import click

from stream.cli.common import TOKEN, fail, split_words, with_hint

if TYPE_CHECKING:
    from stream.cli.batches import Line
    from stream.cli.rest import Caller
    from stream.endpoint import Endpoint

READ_BYTES: Final = 64 * 1024
MOST_LINE_BYTES: Final = 16 * 2**20
"""Longest line; no service takes one of that length."""
TRIES: Final = 8
"""Attempts at one request, waits between them up to 20 s: about a minute."""
PROGRESS_S: Final = 0.2
_WRONG: Final = frozenset({400, 413, 422})
"""Answers that are about what was sent, not about who sent it."""


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[URL] CHANNEL")
@TOKEN
def publish(words: tuple[str, ...], token: str | None) -> None:
    """Publish lines of JSON from standard input to a push channel.

    A line is an item, a list of items, or {"put": […], "patch": […], "del": […]}. Lines that are
    there at once are sent together; what comes slowly is sent as it comes. A request that got no
    answer is sent again with the same Idempotency-Key, so that it counts once.

    \b
    echo '{"id": "a1", "text": "hello"}' | stream publish alerts

    Exit code 0 where all of it was published, 1 where a line was not; standard error says which.
    """
    place, rest = split_words(words, least=1)
    if len(rest) != 1:
        raise click.UsageError(f"expected one channel, got {len(rest)}")
    if sys.stdin.isatty():
        click.echo("stream: one item of JSON a line; Ctrl-D ends", err=True)
    publisher = Publisher(place, rest[0], token)
    code = 0
    try:
        publisher.run(sys.stdin.fileno())
    except ValueError as error:
        fail(str(error), 1)
    except KeyboardInterrupt:
        publisher.doubt()
        code = 130
    finally:
        publisher.sum_up()
    sys.exit(code or (1 if publisher.failed else 0))


def lines_of(source: int) -> Iterator[tuple[int, bytes] | None]:
    """The lines of a file descriptor with their numbers; None where the next is not there yet.

    Raises:
        ValueError: a line without an end.
    """
    rest, number = b"", 0
    while chunk := os.read(source, READ_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        for data in whole:
            number += 1
            yield number, data
        if len(rest) > MOST_LINE_BYTES:
            raise ValueError(f"line {number + 1} is longer than {MOST_LINE_BYTES} bytes")
        if not select.select([source], [], [], 0)[0]:
            yield None
    if rest.strip():
        yield number + 1, rest


class Publisher:
    """Sends lines and keeps account of them.

    Attributes:
        failed: lines that were not published.
    """

    def __init__(self, place: Endpoint, channel: str, token: str | None) -> None:
        from stream.cli.rest import Caller

        self._place = place
        self._channel = channel
        self._caller: Caller = Caller(place, token)
        self._key: str | None = None
        self._begin()
        self._run = uuid.uuid4().hex
        self._requests = 0
        self._published = 0
        self._cursor = ""
        self._shown_at = 0.0
        self.failed = 0

    def run(self, source: int) -> None:
        """Publish everything; what cannot be is reported, and what concerns all ends it.

        Raises:
            ValueError: a line without an end. Those before it are published.
        """
        self._key = self._find_key()
        self._begin()
        try:
            for found in lines_of(source):
                if found is None:
                    self._flush()
                else:
                    self._take(*found)
        except ValueError:
            self._flush()
            raise
        self._flush()

    def _begin(self) -> None:
        from stream.cli.batches import Batch

        self._batch = Batch(self._key)

    def _take(self, number: int, data: bytes) -> None:
        from stream.cli.batches import parse_line

        if not data.strip():
            return
        try:
            line = parse_line(number, data)
        except ValueError as error:
            self._complain(number, str(error))
            return
        if not self._batch.add(line):
            self._flush()
            self._batch.add(line)

    def _flush(self) -> None:
        self._send(self._batch.lines)
        self._begin()

    def _find_key(self) -> str | None:
        """The field that identifies items; None where it is the server's secret."""
        from stream.errors import Refused, Unreachable

        try:
            found = self._caller.ask_for("key", "channels", self._channel, query={"keys": "-"})
        except Refused as error:
            if error.status in (401, 403):
                return None  # who may publish need not be allowed to read
            self._stop(str(error))
        except Unreachable as error:
            self._stop(with_hint(str(error), self._place, is_unreachable=True))
        key = str(found)
        return None if key.startswith("_") else key

    def _send(self, lines: list[Line]) -> None:
        """Publish these; where they are refused, find out which of them are."""
        from stream.cli.batches import body_of
        from stream.errors import LinkError, Refused

        if not lines:
            return
        try:
            self._cursor = self._ask(body_of(lines))
        except LinkError as error:
            if not isinstance(error, Refused) or error.status not in _WRONG:
                self.failed += len(lines)
                self._stop(f"from line {lines[0].number} on: {error}")
            if len(lines) == 1:
                self._complain(lines[0].number, str(error))
                return
            half = len(lines) // 2
            self._send(lines[:half])
            self._send(lines[half:])
        else:
            self._published += len(lines)
            self._progress()

    def _ask(self, body: bytes) -> str:
        """One publication, tried again for as long as that may help; its cursor."""
        from stream.backoff import Backoff
        from stream.cli.rest import Busy
        from stream.errors import Unreachable

        self._requests += 1
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": f"{self._run}-{self._requests}",
        }
        backoff = Backoff(random.random)
        for left in reversed(range(TRIES)):
            try:
                return str(
                    self._caller.ask_for(
                        "cursor", "channels", self._channel, body=body, headers=headers
                    )
                )
            except (Busy, Unreachable) as error:
                if not left:
                    raise
                wait_s = backoff.next_s(error.after_s if isinstance(error, Busy) else None)
                self._say(f"{error}; trying again in {wait_s:.1f} s")
                time.sleep(wait_s)
        raise RuntimeError("the last attempt neither answered nor raised")

    def _complain(self, number: int, why: str) -> None:
        self.failed += 1
        self._say(f"line {number}: {why}")

    def _say(self, what: str) -> None:
        from stream.plain import printable

        start = "\r" if sys.stderr.isatty() else ""  # over the progress
        click.echo(f"{start}stream: {printable(what)}", err=True)

    def doubt(self) -> None:
        """Say where it was interrupted: what was sent last may have been taken or not."""
        if self._batch.lines:
            first = self._batch.lines[0].number
            self._say(f"interrupted: lines from {first} on may not have been published")

    def _stop(self, why: str) -> NoReturn:
        fail(why, 1)

    def _progress(self) -> None:
        now = time.monotonic()
        if sys.stderr.isatty() and now - self._shown_at >= PROGRESS_S:
            self._shown_at = now
            click.echo(f"\r{self._published} lines published", err=True, nl=False)

    def sum_up(self) -> None:
        """Say what was published."""
        if not self._requests and not self.failed:
            return
        total = self._published + self.failed
        at = f"; cursor {self._cursor}" if self._cursor else ""
        start = "\r" if sys.stderr.isatty() else ""
        lines = f"{total} line{'' if total == 1 else 's'}"
        requests = f"{self._requests} request{'' if self._requests == 1 else 's'}"
        click.echo(f"{start}published {self._published} of {lines} in {requests}{at}", err=True)
