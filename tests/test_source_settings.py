"""One table of a source, of each kind."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from stream.presets import PRESETS
from stream.source_settings import (
    KINDS,
    NOT_YET,
    AnySource,
    FeedSettings,
    HttpSettings,
    PushSettings,
    SourceSettings,
    SystemSettings,
)

ADAPTER: TypeAdapter[SourceSettings] = TypeAdapter(AnySource)
URL = "https://h.example/a"


def read(**table: Any) -> SourceSettings:
    return ADAPTER.validate_python(table)


def read_http(**table: Any) -> HttpSettings:
    source = read(kind="http", **{"url": URL, **table})
    assert isinstance(source, HttpSettings)
    return source


def refused(why: str | None, **table: Any) -> None:
    with pytest.raises(ValidationError, match=why):
        read(**table)


def test_the_kind_picks_the_model() -> None:
    assert isinstance(read(kind="http", url=URL), HttpSettings)
    assert isinstance(read(kind="feed", url=URL), FeedSettings)
    assert isinstance(read(kind="push"), PushSettings)
    assert isinstance(read(kind="system"), SystemSettings)
    assert sorted(KINDS) == ["feed", "http", "push", "system"]


def test_a_kind_of_a_later_version_says_which_this_version_has() -> None:
    why = "kind 'sql' is not in this version; it has: feed, http, push, system"
    refused(why, kind="sql")
    assert NOT_YET.isdisjoint([*KINDS, *PRESETS])


def test_an_unknown_kind_gets_the_nearest_one() -> None:
    refused("unknown kind, did you mean 'http'", kind="htpp")
    refused("unknown kind, did you mean 'newsapi'", kind="newsapy")
    refused("unknown kind; it has: feed, http", kind="zzz")
    refused("missing; expected one of", url=URL)
    refused("expected one of", kind=3)
    refused("expected one of", kind=["http"])


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected a table"):
        ADAPTER.validate_python("http")


def test_a_model_made_by_hand_is_kept() -> None:
    source = HttpSettings(kind="http", url=URL, every=2.0)
    assert ADAPTER.validate_python(source) == source


def test_the_defaults_are_polite() -> None:
    http, feed, system = read(kind="http", url=URL), read(kind="feed", url=URL), read(kind="system")
    assert isinstance(http, HttpSettings)
    assert isinstance(feed, FeedSettings)
    assert isinstance(system, SystemSettings)
    assert (http.every, feed.every, system.every) == (10.0, 300.0, 1.0)
    assert (http.removal, feed.removal) == ("delete", "window")
    assert (http.timeout, http.max_bytes, http.linger) == (15.0, 5 * 2**20, 30.0)
    assert (http.demand, http.empty_ok, feed.content) == ("always", False, False)


def test_a_full_table_is_read() -> None:
    source = read_http(
        params={"s": "A,B"},
        headers={"Accept": "application/json"},
        every="5s",
        items="data",
        key=["a", "b"],
        select="{a: a}",
        ignore=["time"],
        tolerance={"close": 0.001, "n": 2},
        drop="close == 'NA'",
        error_when="Note",
        removal="window",
        rank=True,
        empty_ok=True,
        max_bytes="1MiB",
        timeout="2s",
        quota={"per_day": 100, "cost": 3},
        demand="watched",
        linger="1m",
    )
    assert source.key == ("a", "b")
    assert source.ignore == ("time",)
    assert source.tolerance == {"close": 0.001, "n": 2.0}
    assert source.quota is not None
    assert (source.quota.per_day, source.quota.cost) == (100, 3)
    assert (source.every, source.max_bytes, source.linger) == (5.0, 2**20, 60.0)


@pytest.mark.parametrize(
    "table",
    [
        {"every": "99ms"},
        {"every": 0},
        {"timeout": "0s"},
        {"max_bytes": 0},
        {"tolerance": {"a": -1}},
        {"tolerance": {"a": float("nan")}},
        {"tolerance": {"a": True}},
        {"tolerance": {"a": "1"}},
        {"rank": 1},
        {"empty_ok": "yes"},
        {"items": "a["},
        {"select": "{"},
        {"drop": ""},
        {"error_when": "nope(@)"},
        {"ignore": [""]},
        {"key": []},
        {"demand": "sometimes"},
        {"removal": "never"},
        {"quota": {"cost": 1}},
        {"quota": {"per_day": 0}},
        {"quota": {"per_day": 2, "cost": 3}},
        {"channel": "a/b"},
        {"channel": ""},
        {"content": True},
        {"params": {"a": 1}},
    ],
)
def test_a_value_that_cannot_work_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read_http(**table)


def test_a_parametrised_source_names_each_placeholder_in_match() -> None:
    source = read_http(channel="user:{id}", url=f"{URL}/{{id}}", match={"id": "int"})
    assert source.match == {"id": "int"}
    refused("a rule for exactly: id", kind="http", channel="user:{id}", url=URL)
    refused(
        "a rule for exactly: id",
        kind="feed",
        channel="user:{id}",
        url=URL,
        match={"id": "int", "x": "int"},
    )
    refused("has no placeholder", kind="http", channel="user", url=URL, match={"id": "int"})
    refused(
        "a character between",
        kind="http",
        channel="{a}{b}",
        url=URL,
        match={"a": "int", "b": "int"},
    )


def test_an_address_uses_only_placeholders_of_its_channel() -> None:
    refused("{id} is no placeholder", kind="http", channel="user", url=f"{URL}/{{id}}")
    refused("{q} is no placeholder", kind="feed", channel="user", url=URL, params={"q": "{q}"})
    source = read_http(channel="u:{id}", params={"id": "{id}"}, match={"id": "word"})
    assert source.params == {"id": "{id}"}


@pytest.mark.parametrize(
    ("url", "params", "limit"),
    [
        (f"{URL}?s={{keys}}", {}, 50),
        (f"{URL}/{{keys[0]}}?s={{keys[1:]}}", {}, 50),
        (f"{URL}/{{keys[0]}}", {"s": "{keys[1:]}"}, 50),
        (f"{URL}/{{keys[0]}}", {}, 1),
        (URL, {"s": "{keys}"}, 50),
        (URL, {"s": "{keys[json]}"}, 50),
    ],
)
def test_keys_on_demand_ask_for_every_key(url: str, params: dict[str, str], limit: int) -> None:
    source = read_http(url=url, params=params, keys={"max": limit})
    assert source.keys is not None
    assert source.keys.max == limit


@pytest.mark.parametrize("tail", ["", "/{keys[0]}", "?s={keys[1:]}"])
def test_an_address_that_would_leave_out_keys_is_refused(tail: str) -> None:
    refused("the address must use {keys}", kind="http", url=URL + tail, keys={"max": 2})


def test_keys_placeholders_need_a_table_keys() -> None:
    refused("a table keys is needed", kind="http", url=f"{URL}?s={{keys}}")
    refused("only kind http has", kind="feed", url=f"{URL}?s={{keys}}")


def test_the_rule_for_keys_must_be_a_rule() -> None:
    refused("not a regular expression", kind="http", url=f"{URL}?s={{keys}}", keys={"allow": "[A-"})
    refused(None, kind="http", url=f"{URL}?s={{keys}}", keys={"max": 0})


def test_keys_and_a_placeholder_may_stand_in_one_address() -> None:
    source = read_http(
        channel="ex:{id}", url=f"{URL}/{{id}}?s={{keys}}", match={"id": "word"}, keys={}
    )
    assert source.keys_forms() == {"{keys}"}


def test_a_second_request_names_the_item_and_only_placeholders_of_the_channel() -> None:
    detail = {"url": f"{URL}/{{key}}"}
    source = read_http(detail=detail)
    assert source.detail is not None
    assert (source.detail.most, source.detail.concurrency, source.detail.refresh) == (60, 8, 300.0)
    refused("must use {key}", kind="http", url=URL, detail={"url": URL})
    refused("{id} is no placeholder", kind="http", url=URL, detail={"url": f"{URL}/{{id}}/{{key}}"})
    refused("has no second", kind="http", url=f"{URL}?s={{keys}}", keys={}, detail=detail)
    for bad in ({"most": 0}, {"most": 1001}, {"concurrency": 33}, {"refresh": "0s"}):
        refused(None, kind="http", url=URL, detail=detail | bad)


def test_what_is_added_may_use_the_channel_the_items_name_and_a_single_key() -> None:
    assert read_http(add={"symbol": "{_key}", "currency": "EUR"}).add["symbol"] == "{_key}"
    assert read_http(channel="q:{s}", match={"s": "word"}, add={"symbol": "{s}"}).add
    assert read_http(url=f"{URL}/{{keys[0]}}", keys={"max": 1}, add={"symbol": "{keys[0]}"}).add
    refused("{s} is no placeholder", kind="http", url=URL, add={"symbol": "{s}"})
    why = "only where keys has max = 1"
    refused(why, kind="http", url=URL, add={"symbol": "{keys[0]}"})
    refused(why, kind="http", url=f"{URL}?s={{keys}}", keys={}, add={"symbol": "{keys}"})


def test_own_conversions_come_on_top_of_those_of_a_shape() -> None:
    assert read_http().conversions() == {}
    made = read_http(shape="quote", convert={"at": "date", "time": "number"}).conversions()
    assert (made["last"], made["at"], made["time"]) == ("number", "date", "number")
    for bad in ({"shape": "quotes"}, {"convert": {"a": "int"}}):
        refused(None, kind="http", url=URL, **bad)
