from __future__ import annotations

import io

import orjson
import pytest
from rich.cells import cell_len
from rich.console import Console

from stream.cli.check_findings import Finding, not_read
from stream.cli.check_print import as_json, lines, show, summary

GOOD = Finding(
    "quotes", "all", "http", "ok", None, 200, 12, 2_500, ("ETag", "Last-Modified"), "304", 86.4,
    "so that 1000 calls a day, last (configured: 5s)", 2, "code",
    ({"code": "A", "text": "[bold]x" * 40}, {"code": "B", "text": "東京" * 40}),
    ("a remark " * 30,),
)  # fmt: skip
BAD = Finding("news", "news", "feed", "failed", "html: a page", 200, 3)
REST = not_read("alerts", "alerts", "push", "fed by POST, nothing to read")


@pytest.mark.parametrize("width", [20, 40, 80, 160])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for finding in (GOOD, BAD, REST):
        head, *rest = lines(finding, width)
        assert head.plain.startswith(f"{finding.state:<9}{finding.source}")
        assert all(cell_len(line.plain) <= width for line in rest)


def test_a_pipe_gets_whole_items_and_no_colours() -> None:
    out = io.StringIO()
    show([GOOD, BAD, REST], Console(file=out, width=40))
    text = out.getvalue()
    assert orjson.dumps(GOOD.items[0]).decode() in text
    assert "\x1b" not in text
    assert "every 1m26s: so that" in text
    assert "2 items by code; ETag and Last-Modified; read again: 304" in text
    assert text.endswith("1 ok, 1 failed, 1 not read; 1 remark\n")


def test_nothing_to_read_is_said() -> None:
    assert summary([]) == "no sources"


def test_programs_get_everything() -> None:
    rows = orjson.loads(as_json([GOOD, BAD]))
    assert [row["ok"] for row in rows] == [True, False]
    assert rows[0]["items"][0]["text"] == "[bold]x" * 40
