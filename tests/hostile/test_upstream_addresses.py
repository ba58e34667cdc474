"""A reader's parameter never chooses where a request goes (CWE-918)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.fields import web_address
from stream.template import KeysTemplate, Rule, Template

ANYTHING: Final = Rule.of(r"(?s).*")
URLS: Final = (
    "https://api.example/{path}",
    "https://api.example/a{path}b?q=1",
    "https://api.example?q={path}",
    "https://api.example/#{path}",
)
NASTY: Final = st.sampled_from(
    ["@evil.example", ":80@evil.example/", "//evil.example/", "\\\\evil.example", "..", "%2f..",
     "#@evil.example", "?@evil.example", "\t//evil.example", "/..//evil.example",
     "\uff0f\uff0fevil"]
)  # fmt: skip


@pytest.mark.parametrize(
    "url",
    ["http://{host}/", "http://{h}.example/", "http://a.example:{port}/", "{scheme}://a.example/",
     "http://{u}@a.example/", "http://a.example{x}/", "http://a.example\\{x}/", "http:{x}"],
)  # fmt: skip
def test_no_placeholder_may_stand_before_the_path(url: str) -> None:
    with pytest.raises(ValueError, match="expected|placeholder|password"):
        web_address(url)


@settings(max_examples=50)
@given(st.sampled_from(URLS), st.text() | NASTY)
def test_whatever_a_reader_asks_for_the_origin_is_the_configured_one(url: str, value: str) -> None:
    web_address(url)
    if not ANYTHING.accepts(value):
        return
    keys = url.replace("{path}", "{keys}")
    for filled in (Template(url).fill({"path": value}), KeysTemplate(keys).fill([value, value])):
        asked = httpx.URL(filled)
        assert (asked.scheme, asked.host, asked.port) == ("https", "api.example", None)
        assert not asked.userinfo
        assert urlsplit(filled).hostname == "api.example"
