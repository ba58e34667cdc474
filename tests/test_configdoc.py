"""The page of the configuration says what the models say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from stream.configdoc import BEGIN, END, render, update
from stream.fetched_settings import KeysSettings, QuotaSettings
from stream.secret import SourceAuth
from stream.server_settings import ServerSettings
from stream.settings import (
    AuthSettings,
    ChannelSettings,
    EngineSettings,
    LimitSettings,
    Settings,
    TrailSettings,
)
from stream.source_settings import KINDS
from stream.upstream_settings import UpstreamSettings

PAGE = Path(__file__).parent.parent / "docs" / "config.md"
MODELS: list[type[BaseModel]] = [
    AuthSettings,
    ChannelSettings,
    EngineSettings,
    KeysSettings,
    LimitSettings,
    QuotaSettings,
    ServerSettings,
    SourceAuth,
    TrailSettings,
    UpstreamSettings,
    *KINDS.values(),
]


def test_the_page_has_exactly_the_generated_tables() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == update(page), "run: python -m stream.configdoc docs/config.md"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_has_a_row_with_a_meaning(model: type[BaseModel]) -> None:
    rendered = render()
    for name, field in model.model_fields.items():
        assert field.description, name
        assert f"| `{name}` | " in rendered
        assert field.description.replace("|", "\\|") in rendered


def test_every_table_of_the_settings_has_a_heading() -> None:
    rendered = render()
    for name in Settings.model_fields:
        assert f"### `[{name}" in rendered


def test_values_are_written_as_in_the_file() -> None:
    rendered = render()
    for row in (
        '| `drain` | duration, at most "10m" | `"10s"` |',
        '| `message_bytes` | size, at least "128B" | `"16KiB"` |',
        "| `port` | number, at least 0, at most 65535 | `8000` |",
        '| `mode` | `"open"` or `"jwt"` | `"open"` |',
        '| `algorithms` | list | `["HS256"]` |',
        "| `url` | text | required |",
        "| `key` | text or list | – |",
        "| `rank` | true or false | `false` |",
    ):
        assert row in rendered


def test_an_update_keeps_what_is_written_by_hand() -> None:
    page = update(f"# Head\n\n{BEGIN}\nleftover\n{END}\n\nTail\n")
    assert page.startswith(f"# Head\n\n{BEGIN}\n\n### `[server]`")
    assert page.endswith(f"{END}\n\nTail\n")
    assert "leftover" not in page
    assert update(page) == page


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "config.md"
    page.write_text(f"{BEGIN}{END}", encoding="utf-8")
    command = [sys.executable, "-m", "stream.configdoc", str(page)]
    subprocess.run(command, check=True, timeout=50, cwd=PAGE.parent.parent)
    assert page.read_text(encoding="utf-8") == update(f"{BEGIN}{END}")


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END} {BEGIN}"])
def test_a_page_without_markers_is_not_touched(page: str) -> None:
    with pytest.raises(ValueError, match="expected the markers"):
        update(page)
