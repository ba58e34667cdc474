"""``stream check``: every source read once, side by side, and what it would send."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from stream.app import build
from stream.encode import dumps
from stream.errors import SourceError
from stream.poller import Poller
from stream.settings import Settings
from stream.sources.base import PollState


@dataclass(frozen=True, slots=True)
class Finding:
    """What one dry read brought."""

    poller: Poller
    elapsed_s: float
    count: int = 0
    key: str = ""
    first: str = ""
    remark: str = ""
    error: str = ""


async def check_sources(settings: Settings) -> int:
    """Read every source once and print what was found; 0 where all could be read, else 1."""
    service, fetcher = build(settings, None)
    console = Console()
    try:
        with console.status("reading the sources …"):
            pollers = list(service.catalog.pollers())
            findings = await asyncio.gather(*(_read(poller) for poller in pollers))
    finally:
        await fetcher.aclose()
    console.print(_table(findings))
    for pattern in service.catalog.patterns:
        console.print(f"{pattern}: opened by its first reader, not read here", markup=False)
    return 1 if any(finding.error for finding in findings) else 0


async def _read(poller: Poller) -> Finding:
    started = time.monotonic()
    if poller.wanted_keys is not None:
        return Finding(poller, 0.0, remark="read on demand, for the keys that are watched")
    try:
        poll = await poller.source.poll(PollState())
    except SourceError as error:
        elapsed_s = time.monotonic() - started
        return Finding(poller, elapsed_s, error=f"{error.kind}: {error.message}")
    elapsed_s = time.monotonic() - started
    keyed = poll.keyed
    if keyed is None or not keyed.items:
        return Finding(poller, elapsed_s, remark="no items")
    first = dumps(next(iter(keyed.items.values()))).decode()
    remarks = []
    if keyed.duplicates:
        remarks.append(f"{keyed.duplicates} duplicate keys, suffixed")
    if keyed.skipped:
        remarks.append(f"{keyed.skipped} items without a key, left out")
    return Finding(poller, elapsed_s, len(keyed.items), keyed.key, first[:120], "; ".join(remarks))


def _table(findings: list[Finding]) -> Table:
    table = Table("source", "state", "ms", "every", "items", "key", "first item, remarks")
    for finding in findings:
        state = "[red]failed[/]" if finding.error else "[green]ok[/]"
        words = finding.error or " ".join(filter(None, (finding.first, finding.remark)))
        table.add_row(
            finding.poller.name,
            state,
            f"{finding.elapsed_s * 1000:.0f}",
            f"{finding.poller.pace.interval_s:g} s",
            str(finding.count),
            finding.key,
            words.replace("[", r"\["),
        )
    return table
