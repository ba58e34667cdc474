"""Horizontal bars as plain SVG, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.report import Part

WIDTH = 720
NAME_WIDTH = 190
VALUE_WIDTH = 96
BAR = 18
STEP = 26
TOP = 52
BOTTOM = 30
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 15px; }
.small { font-size: 12px; fill: #57606a; }
.ours { fill: #0969da; }
.theirs { fill: #8c959f; }
.line { stroke: #d0d7de; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .small { fill: #9198a1; }
  .ours { fill: #4493f8; }
  .theirs { fill: #656c76; }
  .line { stroke: #3d444d; }
}
"""
PLOTS = {
    "a": ("bench-cpu", "CPU of the server per delivery", "µs, shorter is better"),
    "d": ("bench-memory", "Memory of the server per idle connection", "kB, shorter is better"),
}


def write(folder: Path, parts: Sequence[Part]) -> None:
    """Draw what there is to draw."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        if part.key in PLOTS and part.bars:
            name, title, unit = PLOTS[part.key]
            (folder / f"{name}.svg").write_text(bars(title, unit, part.bars), encoding="utf-8")


def bars(title: str, unit: str, values: dict[str, float]) -> str:
    """A plot of horizontal bars, the shortest first; our own stand out."""
    ordered = sorted(values.items(), key=lambda pair: pair[1])
    most = max(ordered[-1][1], 1e-9)
    height = TOP + STEP * len(ordered) + BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="8" y="22">{escape(title)}</text>',
        f'<text class="small" x="8" y="40">{escape(unit)}</text>',
    ]
    room = WIDTH - NAME_WIDTH - VALUE_WIDTH
    for number, (name, value) in enumerate(ordered):
        y = TOP + STEP * number
        kind = "ours" if name.startswith("stream-") else "theirs"
        length = max(1.0, room * value / most)
        middle = y + BAR - 5
        lines += [
            f'<text x="{NAME_WIDTH - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{NAME_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR}" '
            'rx="2"/>',
            f'<text x="{NAME_WIDTH + length + 6:.1f}" y="{middle}">{value:.1f}</text>',
        ]
    bottom = TOP + STEP * len(ordered)
    lines += [
        f'<line class="line" x1="{NAME_WIDTH}" y1="{TOP - 4}" x2="{NAME_WIDTH}" y2="{bottom}"/>',
        f'<text class="small" x="8" y="{bottom + 20}">python -m bench, all in one run</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
