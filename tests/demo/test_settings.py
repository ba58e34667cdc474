from __future__ import annotations

import tomllib
from typing import Any

import jmespath
import pytest

from stream.demo.settings import demo_config
from stream.demo.walk import CODES

BASE = "http://127.0.0.1:4321"


@pytest.fixture
def config() -> dict[str, Any]:
    return tomllib.loads(demo_config(f"{BASE}/"))


def test_every_source_that_has_an_address_reads_the_upstream(config: dict[str, Any]) -> None:
    urls = {name: table["url"] for name, table in config["sources"].items() if "url" in table}
    assert all(url.startswith(f"{BASE}/") for url in urls.values())
    assert config["sources"].keys() - urls.keys() == {"alerts", "host"}


def test_the_quotes_ask_for_every_symbol_once(config: dict[str, Any]) -> None:
    quotes = config["sources"]["quotes"]
    asked = [quotes["url"].rpartition("/")[2], *quotes["params"]["s"].split(",")]
    assert asked == list(CODES)


def test_both_desks_feed_one_channel(config: dict[str, Any]) -> None:
    assert {config["sources"][name]["channel"] for name in ("headlines", "wire")} == {"news"}
    assert config["channels"]["news"] == {"sort": "-published", "retain": 200}


def test_what_is_drawn_has_a_trail(config: dict[str, Any]) -> None:
    kept = {
        name: table["trail"]["fields"]
        for name, table in config["channels"].items()
        if "trail" in table
    }
    assert kept == {"quotes": ["last"], "coins": ["usd"], "host": ["used_pct"]}


def test_a_headline_becomes_an_article_and_a_retracted_one_is_dropped(
    config: dict[str, Any],
) -> None:
    headlines = config["sources"]["headlines"]
    row = {
        "source": {"id": None, "name": "The Lantern"},
        "author": "A",
        "title": "T",
        "description": "D",
        "url": "https://lantern.example/t",
        "urlToImage": None,
        "publishedAt": "2026-09-21T14:13:20Z",
        "content": "C",
    }
    assert jmespath.search(headlines["select"], row) == {
        "id": "https://lantern.example/t",
        "url": "https://lantern.example/t",
        "title": "T",
        "summary": "D",
        "author": "A",
        "published": "2026-09-21T14:13:20Z",
        "source": "The Lantern",
    }
    assert jmespath.search(headlines["drop"], row) is False
    assert jmespath.search(headlines["drop"], {**row, "title": "[Removed]"}) is True
