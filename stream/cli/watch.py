"""How `stream tail` shows channels as a board on the terminal, until somebody has enough."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from stream.cli.board import Board
from stream.cli.follow import Wish, session_of, subscribe, tell_cursor
from stream.client import Subscription
from stream.link import LinkState
from stream.mirror import Update
from stream.plain import printable

DRAW_S: Final = 0.1
"""Least time between two pictures: more often no eye sees a difference."""
IDLE_S: Final = 1.0
"""Longest time between two pictures: ages are shown in seconds."""
RATE_S: Final = 5.0
"""How long the changes are counted that make a rate."""


class Watch:
    """A board and the link behind it, while they are shown."""

    def __init__(self, wish: Wish, board: Board) -> None:
        self.board = board
        self.news = asyncio.Event()
        self._place = str(wish.place)
        self._state = LinkState("connecting")
        self._state_at = time.monotonic()
        self._changes: deque[tuple[float, int]] = deque()

    def tell(self, state: LinkState) -> None:
        """The link is in this state from now on."""
        self._state, self._state_at = state, time.monotonic()
        self.news.set()

    def take(self, update: Update) -> None:
        """Show this."""
        now_s = time.monotonic()
        self.board.take(update, now_s)
        if update.kind == "diff":
            count = len(update.added) + len(update.changed) + len(update.removed)
            self._changes.append((now_s, count))
        self.news.set()

    def foot(self) -> Text:
        """The line that says how the link is."""
        now_s = time.monotonic()
        while self._changes and self._changes[0][0] < now_s - RATE_S:
            self._changes.popleft()
        rate = sum(count for _, count in self._changes) / RATE_S
        text = Text(no_wrap=True)
        if self._state.word == "live":
            text.append("● live", style="green")
            text.append(f"  {self._place} · {rate:.1f} changes/s · Ctrl-C ends", style="dim")
            return text
        left_s = max(0.0, self._state_at + self._state.wait_s - now_s)
        word = "connecting" if self._state.word == "connecting" else f"again in {left_s:.0f} s"
        text.append(f"○ {word}", style="yellow")
        why = f" · {printable(self._state.why)}" if self._state.why else ""
        text.append(f"  {self._place}{why}", style="dim")
        return text

    async def show(self, live: Live) -> None:
        """Draw for ever: when there is news, when something fades, and when time passes."""
        loop = asyncio.get_running_loop()
        while True:
            self.news.clear()
            size = live.console.size
            picture = self.board.render(
                size.width, size.height, datetime.now(UTC), time.monotonic(), self.foot()
            )
            live.update(picture, refresh=True)
            drawn_at = loop.time()
            fade_s = (self.board.next_fade_s() or float("inf")) - time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(IDLE_S, max(DRAW_S, fade_s))):
                    await self.news.wait()
            await asyncio.sleep(max(0.0, drawn_at + DRAW_S - loop.time()))


async def follow_table(wish: Wish) -> None:
    """Show the channels as tables until somebody has enough; leave the last picture behind.

    Raises:
        LinkError: it is over for good.
    """
    console = Console(highlight=False)
    fields = tuple(filter(None, wish.query.get("fields", "").split(",")))
    watch = Watch(wish, Board(wish.channels, fields))
    async with session_of(wish) as session:
        subscription = subscribe(session, wish, watch.tell)
        try:
            # On a screen of its own, so that nothing of it is left when the window changes.
            with Live(console=console, screen=True, auto_refresh=False) as live:
                await _first_to_end(_updates(subscription, watch, wish.count), watch.show(live))
        finally:
            if watch.board.has_begun:
                last = watch.board.render(
                    console.width, console.height - 2, datetime.now(UTC), float("inf")
                )
                console.print(last)
            tell_cursor(subscription.cursor)


async def _updates(subscription: Subscription, watch: Watch, most: int | None) -> None:
    async for update in subscription:
        watch.take(update)
        if most is not None:
            most -= 1
            if most <= 0:
                return


async def _first_to_end(*works: Awaitable[None]) -> None:
    """Do all of it at once until one ends; how that ended is how this ends."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
