"""Channels as tables on a terminal: what stands where, how wide, and what has just changed.

It draws what it is told at the time it is told; it follows nothing and writes nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stream.cli.cells import STATE_STYLES, ago, cell, is_number
from stream.diff import same
from stream.mirror import Update
from stream.model import Item, Json, Key
from stream.plain import printable

FLASH_S: Final = 1.0
"""How long a changed cell stands out."""
LEAST_COLUMN: Final = 4
GAP: Final = 2
"""Blanks between columns."""
OVERHEAD: Final = 2
"""Lines of a table besides its rows: what it is, and the names of its columns."""
_UP: Final = "reverse green"
_DOWN: Final = "reverse red"
_OTHER: Final = "reverse yellow"


class Pane:
    """One channel.

    Args:
        fields: the fields to show behind the key, in this order; empty for those that the items
            have.
    """

    def __init__(self, channel: str, fields: Sequence[str]) -> None:
        self.channel = channel
        self.update: Update | None = None
        self._wanted = tuple(fields)
        self._names: dict[str, None] = {}
        self._before: dict[Key, Item] = {}
        self._flashes: dict[tuple[Key, str], tuple[float, str]] = {}
        self._widths: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Rows there are to show."""
        return len(self.update.items) if self.update is not None else 0

    def take(self, update: Update, now_s: float) -> None:
        """Show this from now on. What a snapshot brings does not stand out: all of it is new."""
        if update.kind == "snapshot":
            self._before = dict(update.items)
        for key in (*update.added, *update.changed):
            if update.kind == "diff":
                self._mark(key, update.items[key], now_s + FLASH_S)
            self._before[key] = update.items[key]
        for key in update.removed:
            self._before.pop(key, None)
        for item in update.put:
            self._names.update(dict.fromkeys(item))
        for part in update.patch:
            self._names.update(dict.fromkeys(part))
        self.update = update

    def _mark(self, key: Key, item: Item, until_s: float) -> None:
        before = self._before.get(key, {})
        for name, value in item.items():
            if name not in before or not same(before[name], value):
                self._flashes[key, name] = until_s, _direction(before.get(name), value)

    def next_fade_s(self) -> float | None:
        """When the next cell stops standing out; None where none does."""
        return min((until for until, _ in self._flashes.values()), default=None)

    def render(self, width: int, rows: int, now: datetime, now_s: float) -> RenderableType:
        """The channel as a table of at most so many rows."""
        self._flashes = {at: row for at, row in self._flashes.items() if row[0] > now_s}
        update = self.update
        if update is None:
            return Text(f"{self.channel}  waiting for the first message", style="dim")
        items = update.rows()
        # Without an order the newest come last, and they are the ones to look at.
        shown = items[:rows] if update.sort else items[max(0, len(items) - rows) :]
        fields = self._fields(shown)
        columns = self._columns(fields, shown, width)
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
        for name in columns:
            sample = next((item[name] for item in shown if item.get(name) is not None), None)
            table.add_column(
                Text(cell(name)),
                width=columns[name],
                justify="right" if is_number(sample) else "left",
                no_wrap=True,
                overflow="ellipsis",
            )
        for item in shown:
            table.add_row(*(self._cell(update.key, item, name) for name in columns))
        hidden = len(fields) - len(columns)
        return Group(self._title(update, len(shown), hidden, width, now), table)

    def _cell(self, key_field: str | None, item: Item, name: str) -> Text:
        text = Text(cell(item[name]) if name in item else "")
        key = item.get(key_field or "")
        if isinstance(key, str | int) and (flash := self._flashes.get((key, name))) is not None:
            text.stylize(flash[1])
        return text

    def _fields(self, shown: Sequence[Item]) -> list[str]:
        """The fields by how much they tell in a narrow column; links tell least."""
        key = self.update.key if self.update is not None else None
        if self._wanted:
            return list(dict.fromkeys(self._wanted if key is None else (key, *self._wanted)))

        def rank(name: str) -> tuple[int, bool]:
            values = [item[name] for item in shown if name in item]
            if any(isinstance(value, str) and "://" in value for value in values):
                return 2, name != key
            return int(any(isinstance(value, dict | list) for value in values)), name != key

        return sorted(self._names, key=rank)

    def _columns(self, fields: Sequence[str], shown: Sequence[Item], width: int) -> dict[str, int]:
        """The columns that fit and how wide they are; a width once taken is kept while it fits."""
        limit = max(12, width // 4)
        wishes: dict[str, int] = {}
        for name in fields:
            widest = max((cell_len(cell(item[name])) for item in shown if name in item), default=0)
            wishes[name] = max(
                LEAST_COLUMN, cell_len(cell(name)), widest, self._widths.get(name, 0)
            )
        chosen: dict[str, int] = {}
        left = width + GAP
        for name, wish in wishes.items():
            taken = min(wish, limit)
            if taken + GAP <= left:
                chosen[name] = taken
                left -= taken + GAP
        for name in chosen:
            more = min(left, wishes[name] - chosen[name])
            chosen[name] += more
            left -= more
        self._widths = {name: min(wishes[name], limit) for name in chosen}
        return chosen

    def _title(self, update: Update, shown: int, hidden: int, width: int, now: datetime) -> Text:
        count = len(update.items)
        title = Text(self.channel, style="bold", no_wrap=True, overflow="ellipsis")
        of = "" if shown == count else f"{shown} of "
        words = [f"{of}{count} item{'' if count == 1 else 's'}"]
        if hidden > 0:
            words.append(f"{hidden} more field{'' if hidden == 1 else 's'}")
        if age := ago(update.as_of, now):
            words.append(f"{age} old")
        title.append("  " + " · ".join(words), style="dim")
        status = update.status
        if status.state != "ok":
            title.append(f"  {printable(status.state)}", style=STATE_STYLES.get(status.state, ""))
            since = ago(status.since, now)
            reason = f": {printable(status.error)}" if status.error else ""
            title.append(f" for {since}{reason}" if since else reason, style="dim")
        title.truncate(width, overflow="ellipsis")
        return title


class Board:
    """All channels, one above the other, and a line that says how the link is."""

    def __init__(self, channels: Iterable[str], fields: Sequence[str] = ()) -> None:
        self.panes = {name: Pane(name, fields) for name in channels}

    @property
    def has_begun(self) -> bool:
        """Whether there is anything to show."""
        return any(pane.update is not None for pane in self.panes.values())

    def take(self, update: Update, now_s: float) -> None:
        """Show this from now on."""
        self.panes[update.channel].take(update, now_s)

    def next_fade_s(self) -> float | None:
        """When the next cell stops standing out; None where none does."""
        found = [at for pane in self.panes.values() if (at := pane.next_fade_s()) is not None]
        return min(found, default=None)

    def render(
        self, width: int, height: int, now: datetime, now_s: float, foot: Text | None = None
    ) -> RenderableType:
        """Everything, within so many columns and lines."""
        lines = height - (foot is not None)
        panes = list(self.panes.values())
        room = shares([pane.size for pane in panes], lines - OVERHEAD * len(panes))
        drawn = [
            pane.render(width, rows, now, now_s) for pane, rows in zip(panes, room, strict=True)
        ]
        if foot is not None:
            foot.truncate(width, overflow="ellipsis")
        return Group(*drawn, *([] if foot is None else [foot]))


def shares(sizes: Sequence[int], lines: int) -> list[int]:
    """Lines for each: what it needs, and where that is too much, as much as the others."""
    found = [0] * len(sizes)
    left, open_ = max(0, lines), len(sizes)
    for place in sorted(range(len(sizes)), key=sizes.__getitem__):
        found[place] = min(sizes[place], left // open_)
        left, open_ = left - found[place], open_ - 1
    return found


def _direction(before: Json, after: Json) -> str:
    if isinstance(before, int | float) and isinstance(after, int | float):
        return _UP if after > before else _DOWN
    return _OTHER
