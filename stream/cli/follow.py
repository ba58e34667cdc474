"""How `stream tail` follows channels, and writes them as lines. The board is in `watch.py`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import select
import signal
import stat
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Final

import click

from stream.client import Session, Subscription, connect
from stream.endpoint import Endpoint
from stream.link import Link, LinkState
from stream.mirror import Body
from stream.plain import printable

PIECE_BYTES: Final[int] = getattr(select, "PIPE_BUF", 512)
"""So much is taken whole, without waiting, by a pipe that has room at all."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be followed, and for how long.

    Attributes:
        query: the parameters of the view.
        count: end after so many lines or updates; None for never.
    """

    place: Endpoint
    channels: tuple[str, ...]
    query: dict[str, str]
    token: str | None
    since: str | None
    form: str
    count: int | None


class Enough(Exception):
    """So many lines were wanted, and no more."""


async def ended(work: Coroutine[Any, Any, None]) -> int:
    """Do the work until it ends or somebody ends it; the exit code."""
    task = asyncio.create_task(work)
    code = 0

    def end(with_code: int) -> None:
        nonlocal code
        code = with_code
        task.cancel()

    with _signals(end), _reader_gone(lambda: end(0)):
        try:
            await task
        except Enough:
            return 0
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
    return code


@contextlib.contextmanager
def _signals(end: Callable[[int], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    with contextlib.suppress(NotImplementedError):
        for number in numbers:
            loop.add_signal_handler(number, end, 128 + number)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in numbers:
                loop.remove_signal_handler(number)


@contextlib.contextmanager
def _reader_gone(end: Callable[[], None]) -> Iterator[None]:
    """End when nobody reads the pipe any more, though there may be nothing to write for hours."""
    out = sys.stdout.fileno()
    if sys.platform != "linux" or not stat.S_ISFIFO(os.fstat(out).st_mode):
        yield
        return
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(out)
        end()

    # Of the end that is written to, epoll tells one thing only: that the other one is closed.
    loop.add_reader(out, gone)
    try:
        yield
    finally:
        loop.remove_reader(out)


class Lines:
    """Standard output, one line at a time.

    Args:
        most: raise Enough after so many; None for never.
    """

    def __init__(self, most: int | None) -> None:
        self._left = most
        self._is_terminal = sys.stdout.isatty()
        self._out = sys.stdout.fileno()

    async def write(self, line: str) -> None:
        """Write a line at once, so that the next program of a pipe has it now.

        While that program reads nothing this waits, and signals and the link are attended to.

        Raises:
            BrokenPipeError: nobody reads any more.
            Enough: that was the last.
        """
        shown = printable(line) if self._is_terminal else line
        left = memoryview(shown.encode() + b"\n")
        while left:
            await _room(self._out)
            left = left[os.write(self._out, left[:PIECE_BYTES]) :]
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                raise Enough


async def _room(out: int) -> None:
    """Wait until something can be written; a file always has room."""
    if sys.platform == "win32":  # select knows sockets only
        return
    if select.select([], [out], [], 0)[1]:
        return
    loop = asyncio.get_running_loop()
    has_room = asyncio.Event()
    loop.add_writer(out, has_room.set)
    try:
        await has_room.wait()
    finally:
        loop.remove_writer(out)


def tell(state: LinkState) -> None:
    """Say on standard error that the link is lost, and when it is tried again."""
    if state.word == "waiting":
        why = printable(state.why)
        click.echo(f"stream: {why}; trying again in {state.wait_s:.1f} s", err=True)


async def follow_lines(wish: Wish) -> None:
    """Write what comes; the formats of machines exactly as the server sent it.

    Raises:
        LinkError: it is over for good.
        Enough: so many lines were written as were wanted.
    """
    lines = Lines(wish.count)
    if wish.form == "text":
        await _follow_text(wish, lines)
        return

    async def take(text: str, message: Body) -> bool:
        await lines.write(text)
        return message.get("type") in ("snapshot", "diff", "patch")

    query = wish.query if wish.form == "json" else {**wish.query, "format": wish.form}
    link = Link(
        wish.place,
        wish.channels,
        query,
        token=wish.token,
        tls=None,
        since=wish.since,
        is_patient=False,
        draw=random.random,
        tell=tell,
    )
    await link.run(take)


async def _follow_text(wish: Wish, lines: Lines) -> None:
    """Lines for eyes. They are written here, for the server's carry no cursor to resume from."""
    from stream.cli.text import Speaker

    speaker = Speaker(keys={} if wish.since is None else await asyncio.to_thread(_keys, wish))
    async with session_of(wish) as session:
        written = wish.since
        try:
            async for update in subscribe(session, wish, tell):
                for line in speaker.lines(update):
                    await lines.write(line)
                written = update.cursor
        finally:
            tell_cursor(written)


def _keys(wish: Wish) -> dict[str, str]:
    """The key field of each channel: only a snapshot tells it, and there may be none."""
    from stream.cli.rest import Caller

    rows = Caller(wish.place, wish.token).ask_for("channels", "channels")
    return {row["name"]: row["key"] for row in rows if "key" in row}


def session_of(wish: Wish) -> Session:
    """A session that waits for a server that is lost, not for one that was never there."""
    return connect(str(wish.place), token=wish.token, wait_for_server=False)


def subscribe(session: Session, wish: Wish, on_state: Callable[[LinkState], None]) -> Subscription:
    """The channels through the view that was asked for."""
    rate = wish.query.get("max_rate")
    return session.subscribe(
        *wish.channels,
        fields=wish.query.get("fields"),
        keys=wish.query.get("keys"),
        where=wish.query.get("where"),
        max_rate=None if rate is None else float(rate),
        since=wish.since,
        on_state=on_state,
    )


def tell_cursor(cursor: str | None) -> None:
    """Say on standard error how to go on from here."""
    if cursor is not None:
        click.echo(f"cursor {cursor}; go on with --since {cursor}", err=True)
