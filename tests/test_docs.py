"""The pages say what the code does: settings, error codes, close codes, rooms, links."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import click
import pytest

from stream.cli.main import main
from stream.config import json_schema
from stream.errors import Close
from stream.model import SourceState

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")


def codes(*names: str) -> set[str]:
    """The first argument of each call of these; of a text with parts, what stands before them."""
    found: set[str] = set()
    for path in (ROOT / "stream").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            if not isinstance(node.func, ast.Name) or node.func.id not in names:
                continue
            first = node.args[0]
            part = first.values[0] if isinstance(first, ast.JoinedStr) else first
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                found.add(part.value)
    return found


def settings_keys(schema: Any) -> set[str]:
    """The names of all properties in a JSON Schema."""
    if isinstance(schema, list):
        return {name for each in schema for name in settings_keys(each)}
    if not isinstance(schema, dict):
        return set()
    properties = schema.get("properties", {})
    named = set(properties) if isinstance(properties, dict) else set()
    return named.union(*(settings_keys(each) for each in schema.values()))


def test_the_readers_of_code_find_something() -> None:
    assert {"unknown_channel", "bad_", "upstream_"} <= codes("ClientError")
    assert {"port", "retain", "every", "per_day"} <= settings_keys(json_schema())


@pytest.mark.parametrize("code", sorted(codes("ClientError")))
def test_every_error_code_stands_in_the_protocol(code: str) -> None:
    assert f"`{code}" in PROTOCOL


@pytest.mark.parametrize("kind", sorted(codes("SourceError")))
def test_every_kind_of_upstream_fault_stands_in_the_protocol(kind: str) -> None:
    assert f"`{kind}" in PROTOCOL


@pytest.mark.parametrize("close", list(Close))
def test_every_close_code_stands_in_the_protocol(close: Close) -> None:
    assert f"| {int(close)} |" in PROTOCOL


@pytest.mark.parametrize("state", list(SourceState))
def test_every_status_stands_in_the_protocol(state: SourceState) -> None:
    assert f"`{state}`" in PROTOCOL


@pytest.mark.parametrize("key", sorted(settings_keys(json_schema())))
def test_every_setting_stands_in_the_page_of_settings(key: str) -> None:
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    assert re.search(rf"`\[?{re.escape(key)}[`.\]]", page)


@pytest.mark.parametrize("room", sorted((ROOT / "stream").rglob("*.py")), ids=str)
def test_every_room_stands_in_the_design(room: Path) -> None:
    name = room.relative_to(ROOT / "stream").as_posix()
    assert f"`{name}`" in (ROOT / "docs" / "design.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("name", ["tail", "channels", "get", "publish"])
def test_every_option_of_a_client_command_stands_in_the_page_of_clients(name: str) -> None:
    page = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    assert f"stream {name}" in page
    for parameter in main.commands[name].params:
        if isinstance(parameter, click.Option):
            for option in (*parameter.opts, *parameter.secondary_opts):
                assert re.search(rf"`{option}\b", page), option
