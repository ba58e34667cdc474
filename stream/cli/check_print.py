"""How ``stream check`` shows what it found: a few lines a source, or JSON for programs.

It decides nothing: what is said of a source is for `check_findings.py`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Final

import orjson
from rich.console import Console
from rich.text import Text

from stream.cli.check_findings import Finding
from stream.encode import dumps
from stream.plain import printable
from stream.units import format_duration

PIPE_WIDTH: Final = 1000
"""Longest line into a pipe or file: nobody wraps there, and items may be large."""
_INDENT: Final = "    "
_MARK: Final = "  ! "
_COLOURS: Final = {"ok": "green", "failed": "bold red", "not read": "yellow"}


def as_json(findings: Sequence[Finding]) -> str:
    """All findings as one JSON document."""
    rows = [asdict(finding) | {"ok": finding.state != "failed"} for finding in findings]
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode()


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print all findings and one line that sums them up."""
    width = max(20, console.width) if console.is_terminal else PIPE_WIDTH
    for finding in findings:
        for line in lines(finding, width):
            console.print(line, soft_wrap=True, highlight=False)
        console.print()
    console.print(summary(findings), highlight=False)


def summary(findings: Sequence[Finding]) -> str:
    """How many were read well."""
    if not findings:
        return "no sources"
    states = [finding.state for finding in findings]
    parts = [f"{states.count(state)} {state}" for state in _COLOURS if state in states]
    remarks = sum(len(finding.remarks) for finding in findings)
    noun = "remark" if remarks == 1 else "remarks"
    return ", ".join(parts) + (f"; {remarks} {noun}" if remarks else "")


def lines(finding: Finding, width: int) -> Iterable[Text]:
    """One finding: a head, what there is to know, the first items, what looks wrong."""
    head = Text(f"{finding.state:<9}", style=_COLOURS[finding.state])
    head.append(printable(finding.source), style="bold")
    if finding.channel != finding.source:
        head.append(f" → {printable(finding.channel)}")
    head.append(f"  {' · '.join(_facts(finding))}", style="dim")
    yield head
    for words in _body(finding):
        yield from _wrapped(words, _INDENT, width)
    for item in finding.items:
        line = Text(_INDENT + printable(dumps(item).decode()), style="dim")
        # What is cut is not wrapped: an item is for recognising, --json shows it whole.
        line.truncate(width, overflow="ellipsis")
        yield line
    for remark in finding.remarks:
        yield from _wrapped(remark, _MARK, width, "yellow")


def _facts(finding: Finding) -> Iterable[str]:
    yield finding.kind
    if finding.status is not None:
        yield str(finding.status)
    if finding.elapsed_ms is not None:
        yield f"{finding.elapsed_ms} ms"
    if finding.received_bytes is not None:
        yield _size(finding.received_bytes)


def _body(finding: Finding) -> Iterable[str]:
    if finding.error is not None:
        yield finding.error
    if finding.every_s is None:
        if finding.why:
            yield finding.why
        return
    every_s = finding.every_s if finding.every_s < 10 else round(finding.every_s)
    yield f"every {format_duration(every_s)}: {finding.why}"
    by = f" by {finding.key}" if finding.key else ""
    count = f"{finding.count} item{'' if finding.count == 1 else 's'}{by}"
    validators = f"; {' and '.join(finding.validators)}" if finding.validators else ""
    again = f"; read again: {finding.again}" if finding.again is not None else ""
    yield count + validators + again


def _wrapped(words: str, first: str, width: int, style: str = "") -> Iterable[Text]:
    """The words as lines of at most this width, those after the first further in."""
    rows = textwrap.wrap(printable(words), width, initial_indent=first, subsequent_indent=_INDENT)
    return [Text(row, style=style) for row in rows]


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB", "MB"):
        if size < 1000 or unit == "MB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
