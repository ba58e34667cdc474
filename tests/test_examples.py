"""Every file in examples/ says itself how to start it; configurations load."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from stream.config import load

FOLDER = Path(__file__).parent.parent / "examples"
EXAMPLES = sorted(FOLDER.glob("*.toml"))
PROGRAMS = sorted(FOLDER.glob("*.py"))
SECRETS = {
    "ALPHAVANTAGE_KEY": "a key of the tests",
    "FINNHUB_TOKEN": "a token of the tests",
    "GNEWS_KEY": "a key of the tests",
    "NEWSAPI_KEY": "a key of the tests",
    "RATES_KEY": "a key of the tests",
    "EODHD_TOKEN": "a token of the tests",
    "SHOP_TOKEN": "another token of the tests",
    "STREAM_JWT_KEY": "a key of the tests that is long enough",
}


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 10
    assert len(PROGRAMS) >= 3


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_loads_and_has_a_source(path: Path) -> None:
    assert load(path, SECRETS).sources


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_names_the_command_that_starts_it(path: Path) -> None:
    assert f"stream serve --config examples/{path.name}" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_names_the_commands_that_start_it(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert "stream demo\n" in text
    assert f"python examples/{path.name} http://127.0.0.1:8000 " in text
