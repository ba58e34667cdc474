from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from stream.cli.board import FLASH_S, Board, shares
from stream.mirror import Mirror
from stream.model import Item

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Channel:
    """One channel that is told what happens, on a board that is drawn."""

    def __init__(self, *items: Item, sort: str | None = None, fields: tuple[str, ...] = ()) -> None:
        self.board = Board(["quotes"], fields)
        self.mirror = Mirror("quotes")
        as_of = (NOW - timedelta(seconds=3)).isoformat()
        members = {"key": "k", "sort": sort, "as_of": as_of, "count": len(items)}
        self.tell(0.0, type="snapshot", items=list(items), **members)

    def tell(self, at_s: float, **message: object) -> None:
        """Take a message and show what it brings."""
        self.mirror.take(message)
        self.board.take(self.mirror.give("e-1"), at_s)

    def drawn(self, width: int = 60, height: int = 12, at_s: float = 0.0) -> list[str]:
        """The lines of the picture, blanks at their end aside."""
        return [line.rstrip() for line in self._out(width, height, at_s, None).split("\n")[:-1]]

    def styled(self, at_s: float) -> str:
        """The picture with what a terminal is told."""
        return self._out(60, 12, at_s, "standard")

    def _out(self, width: int, height: int, at_s: float, colours: str | None) -> str:
        console = Console(
            width=width,
            height=height,
            force_terminal=colours is not None,
            color_system="standard" if colours else None,
            _environ={},
        )
        with console.capture() as capture:
            console.print(self.board.render(width, height, NOW, at_s, Text("foot")))
        return capture.get()


def test_a_channel_is_a_title_its_columns_and_its_rows_in_order() -> None:
    channel = Channel({"k": "A", "last": 9.5}, {"k": "B", "last": 10}, sort="-last")
    assert channel.drawn() == [
        "quotes  2 items · 3 s old",
        "k     last",
        "B       10",
        "A      9.5",
        "foot",
    ]


def test_of_more_rows_than_fit_the_first_are_shown_or_without_an_order_the_newest() -> None:
    items: list[Item] = [{"k": f"K{n}", "n": n} for n in range(20)]
    ordered, newest = Channel(*items, sort="n"), Channel(*items)
    assert ordered.drawn(height=6)[0].startswith("quotes  3 of 20 items")
    assert [line[:2] for line in ordered.drawn(height=6)[2:5]] == ["K0", "K1", "K2"]
    assert [line[:3] for line in newest.drawn(height=6)[2:5]] == ["K17", "K18", "K19"]


@given(
    st.integers(1, 200),
    st.integers(4, 40),
    st.lists(st.dictionaries(st.text(max_size=8), st.text() | st.integers(), max_size=9)),
)
def test_a_picture_never_leaves_its_terminal(
    width: int, height: int, rows: list[dict[str, str | int]]
) -> None:
    items: list[Item] = [{**row, "k": n} for n, row in enumerate(rows)]
    channel = Channel(*items)
    lines = channel.drawn(width, height)
    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)


def test_columns_that_do_not_fit_are_counted_and_links_go_first() -> None:
    item: Item = {"url": "https://news.example/" + "x" * 40, "k": "A", "title": "T" * 50, "n": 1}
    narrow = Channel(item).drawn(width=32)
    assert narrow[0] == "quotes  1 item · 1 more field ·…"
    assert narrow[1].split() == ["k", "title", "n"]
    wide = Channel(item).drawn(width=200)
    assert wide[1].split() == ["k", "title", "n", "url"]


def test_the_fields_that_were_asked_for_stand_behind_the_key_in_that_order() -> None:
    channel = Channel({"k": "A", "bid": 1, "last": 2}, fields=("last", "bid"))
    assert channel.drawn()[1].split() == ["k", "last", "bid"]


def test_a_column_does_not_become_narrower_again() -> None:
    channel = Channel({"k": "A", "last": 1234567.5})
    before = channel.drawn()[1]
    channel.tell(0.0, type="diff", count=1, patch=[{"k": "A", "last": 1}])
    assert channel.drawn()[1] == before


@pytest.mark.parametrize(("value", "colour"), [(10.5, "32"), (9, "31"), ("NA", "33")])
def test_a_changed_cell_stands_out_for_a_moment(value: object, colour: str) -> None:
    channel = Channel({"k": "A", "last": 10, "bid": 7})
    assert "\x1b[7" not in channel.styled(0.0), "a snapshot is all new and stands out nowhere"
    channel.tell(5.0, type="diff", count=1, patch=[{"k": "A", "last": value}])
    assert channel.board.next_fade_s() == 5.0 + FLASH_S
    assert channel.styled(5.1).count("\x1b[7") == 1
    assert f"\x1b[7;{colour}m" in channel.styled(5.1)
    assert "\x1b[7" not in channel.styled(5.0 + FLASH_S)
    assert channel.board.next_fade_s() is None


def test_of_an_item_that_is_replaced_only_what_is_different_stands_out() -> None:
    channel = Channel({"k": "A", "last": 10, "bid": 7, "tags": ["a"], "gone": 1})
    item = {"k": "A", "last": 10, "bid": 8, "tags": ["a"]}
    channel.tell(5.0, type="diff", count=1, put=[item])
    assert channel.styled(5.1).count("\x1b[7") == 1


def test_a_snapshot_after_a_restart_stands_out_nowhere() -> None:
    channel = Channel({"k": "A", "last": 1})
    channel.tell(1.0, type="snapshot", key="k", count=1, items=[{"k": "A", "last": 2}])
    assert channel.board.next_fade_s() is None


def test_a_channel_that_is_not_well_says_so_and_cannot_steer_the_terminal() -> None:
    channel = Channel({"k": "A\x1b[2J"})
    error = {"kind": "timeout", "message": "no answer\x07"}
    since = (NOW - timedelta(seconds=20)).isoformat()
    channel.tell(1.0, type="status", state="failing\x1b", since=since, error=error)
    lines = channel.drawn(width=90)
    assert lines[0] == "quotes  1 item · 3 s old  failing\\u001b for 20 s: no answer\\u0007"
    assert lines[2] == "A\\u001b[2J"


def test_what_was_not_heard_of_yet_is_said_to_be_waited_for() -> None:
    board = Board(["quotes", "news"])
    console = Console(width=60, _environ={})
    with console.capture() as capture:
        console.print(board.render(60, 10, NOW, 0.0))
    assert capture.get().count("waiting for the first message") == 2


@pytest.mark.parametrize(
    ("sizes", "lines", "found"),
    [
        ([2, 3], 20, [2, 3]),
        ([50, 3], 20, [17, 3]),
        ([50, 60, 1], 21, [10, 10, 1]),
        ([5, 5], -3, [0, 0]),
        ([], 9, []),
    ],
)
def test_lines_are_shared_by_need_and_then_evenly(
    sizes: list[int], lines: int, found: list[int]
) -> None:
    assert shares(sizes, lines) == found
