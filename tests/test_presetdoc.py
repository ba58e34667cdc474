"""The pages say of presets what the presets say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stream.presetdoc import BEGIN, END, overview, parameters, update
from stream.presets import PRESETS

PAGE = Path(__file__).parent.parent / "docs" / "sources.md"


def test_the_page_has_exactly_the_generated_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == update(page), "run: python -m stream.presetdoc docs/sources.md"


@pytest.mark.parametrize("kind", PRESETS)
def test_every_preset_and_parameter_has_a_row(kind: str) -> None:
    assert f"| `{kind}` | {PRESETS[kind].about} |" in overview()
    for name in PRESETS[kind].parameters:
        assert f"| `{kind}` | `{name}` |" in parameters()


def test_the_overview_says_what_a_free_plan_can_bear() -> None:
    rows = {row.split("|")[1].strip(" `"): row for row in overview().splitlines()[2:]}
    assert "| 1h12m | 20 a day; 1 for each of `symbols` |" in rows["eodhd-quotes"]
    assert "| 6h | 20 a day; 5 a read |" in rows["eodhd-news"]
    assert "`FINNHUB_TOKEN` (header)" in rows["finnhub-quote"]
    assert "article, and `score`, `comments`" in rows["hackernews"]


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "sources.md"
    page.write_text(f"{BEGIN}{END}", encoding="utf-8")
    command = [sys.executable, "-m", "stream.presetdoc", str(page)]
    subprocess.run(command, check=True, timeout=50, cwd=PAGE.parent.parent)
    assert page.read_text(encoding="utf-8") == update(f"{BEGIN}{END}")


def test_a_page_without_markers_is_not_touched() -> None:
    with pytest.raises(ValueError, match="expected the markers"):
        update("")
