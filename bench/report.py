"""Tables for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark's result.

    Attributes:
        rows: cells, ready to be shown; the first is the name of the row.
        missing: what could not be measured, and why.
        data: everything that was measured, for the JSON file.
        bars: for a plot: the figure of each target, if there is to be one.
    """

    key: str
    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    missing: dict[str, str] = field(default_factory=dict)
    data: object = None
    bars: dict[str, float] = field(default_factory=dict)


def markdown(part: Part) -> str:
    """A part as Markdown: heading, table, notes."""
    lines = [f"## {part.title}", ""]
    lines += [_line(part.headers), _line(["---", *["---:"] * (len(part.headers) - 1)])]
    lines += [_line(row) for row in part.rows]
    for name, reason in part.missing.items():
        lines.append(
            _line([name, f"not measured: {_cell(reason)}", *[""] * (len(part.headers) - 2)])
        )
    for note in part.notes:
        lines += ["", note]
    return "\n".join([*lines, ""])


def machine_table(machine: dict[str, str]) -> str:
    """What the run was made on, as Markdown."""
    lines = ["## Machine", "", "| | |", "| --- | --- |"]
    return "\n".join([*lines, *(_line([name, value]) for name, value in machine.items()), ""])


def write_json(file: Path, machine: dict[str, str], parts: Sequence[Part], quick: bool) -> None:
    """Everything that was measured."""
    document = {
        "quick": quick,
        "machine": machine,
        "parts": {
            part.key: {
                "title": part.title,
                "table": [list(part.headers), *[list(row) for row in part.rows]],
                "notes": list(part.notes),
                "missing": part.missing,
                "data": part.data,
            }
            for part in parts
        },
    }
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def lost(count: int, of: int) -> str:
    """What did not arrive; loud if anything did not."""
    if count == 0:
        return "0"
    word = "lost" if count > 0 else "too many"
    return f"**{word} {abs(count):,}** ({abs(count) / max(1, of):.1%})"


def ms(value: float) -> str:
    """Milliseconds."""
    return f"{value:.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def mb(value: float) -> str:
    """Megabytes."""
    return f"{value / 1e6:,.1f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
