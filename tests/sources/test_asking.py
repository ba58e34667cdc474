"""What a table asks of its upstream."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from stream.exchange import Validators
from stream.fetched_settings import HttpSettings
from stream.redact import redacted
from stream.sources.asking import Asking

URL = "https://h.example/a"
SECRET = "hush-hush"  # noqa: S105


def asking(values: dict[str, str] | None = None, **table: Any) -> Asking:
    context = {"secret": lambda holder, name: SecretStr(SECRET)}
    made = HttpSettings.model_validate({"kind": "http", "url": URL, **table}, context=context)
    return Asking(made, values or {})


def test_placeholders_of_the_channel_are_filled_everywhere() -> None:
    table: dict[str, Any] = {
        "channel": "q:{s}",
        "match": {"s": "[A-Z/]+"},
        "url": f"{URL}/{{s}}",
        "params": {"q": "{s}"},
        "add": {"symbol": "{s}"},
        "detail": {"url": f"{URL}/{{s}}/{{key}}"},
    }
    asked = asking({"s": "A/B"}, **table)
    assert asked.request().public_url == f"{URL}/A%2FB?q=A/B"
    assert asked.request_item("x/../y").public_url == f"{URL}/A%2FB/x%2F..%2Fy"
    assert asked.request_item(7).public_url == f"{URL}/A%2FB/7"
    assert asked.add() == {"symbol": "A/B"}


def test_watched_keys_are_filled_for_each_batch() -> None:
    table: dict[str, Any] = {
        "url": f"{URL}/{{keys[0]}}",
        "keys": {"max": 1},
        "add": {"symbol": "{keys[0]}"},
    }
    asked = asking(**table)
    assert asked.request(("A",)).public_url == f"{URL}/A"
    assert asked.add(("B",)) == {"symbol": "B"}


def test_what_items_are_called_stays_open() -> None:
    assert asking(add={"symbol": "{_key}"}).add() == {"symbol": "{_key}"}


def test_the_item_keeps_its_placeholder_where_the_channel_has_one_of_that_name() -> None:
    table: dict[str, Any] = {
        "channel": "c:{key}",
        "match": {"key": "word"},
        "detail": {"url": f"{URL}/{{key}}"},
    }
    assert asking({"key": "mine"}, **table).request_item("its").public_url == f"{URL}/its"


def test_a_request_carries_what_the_table_says() -> None:
    validators = Validators(etag='"1"')
    table: dict[str, Any] = {"auth": {"header": "X-Key", "env": "K"}, "headers": {"Accept": "a/b"}}
    for request in (
        asking(**table, timeout="2s", max_bytes="1KiB").request((), validators),
        asking(**table, timeout="2s", max_bytes="1KiB", detail={"url": f"{URL}/{{key}}"})
        .request_item("x"),
    ):  # fmt: skip
        assert (request.timeout_s, request.max_bytes) == (2.0, 1024)
        assert request.headers == {"Accept": "a/b"}
        assert request.secret_headers == {"X-Key": SECRET}
        assert SECRET not in repr(request)


@pytest.mark.parametrize(
    "auth",
    [{"query": "k", "env": "K"}, {"header": "X", "env": "K"}, {"bearer_env": "K"}],
)
def test_a_message_is_told_without_the_secret(auth: dict[str, str]) -> None:
    assert asking(auth=auth).redacted(f"no key {SECRET}!") == "no key ***!"


def test_nothing_secret_changes_nothing() -> None:
    assert asking().redacted("as it is") == "as it is"
    assert redacted("as it is", ["", "Bearer "]) == "as it is"


def test_a_second_request_carries_the_secret_to_the_same_origin_only() -> None:
    auth = {"header": "X-Key", "env": "K"}
    for url, is_sent in (
        (f"{URL}/{{key}}", True),
        ("https://other.example/{key}", False),
        ("http://h.example/a/{key}", False),
    ):
        request = asking(auth=auth, detail={"url": url}).request_item("x")
        assert bool(request.secret_headers) is is_sent


def test_no_key_climbs_the_path_of_a_second_request() -> None:
    made = asking(detail={"url": f"{URL}/{{key}}"})
    urls = [made.request_item(key).url for key in ("..", ".", "a/../b")]
    assert urls == [f"{URL}/%2E%2E", f"{URL}/%2E", f"{URL}/a%2F..%2Fb"]
