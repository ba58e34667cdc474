"""One line for each mistake, and no secret in any of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from stream.fetched_settings import FeedSettings, HttpSettings
from stream.mistakes import describe, one_line
from stream.server_settings import ServerSettings
from stream.settings import AuthSettings, ChannelSettings, Settings
from stream.source_settings import PushSettings

SECRET = "hunter2-hunter2-hunter2-hunter2-hunter2"  # noqa: S105
HTTP = {"kind": "http", "url": "https://h.example/a"}


def reveal(holder: str, name: str) -> SecretStr:
    if name != "TOKEN":
        raise ValueError(f"no {holder} of this name")
    return SecretStr(SECRET)


def mistake(data: Any, origins: dict[tuple[str, ...], str] | None = None) -> str:
    """The line for the data, or an empty text where nothing is wrong."""
    try:
        settings = Settings.model_validate(data, context={"secret": reveal})
    except ValidationError as error:
        return describe(error, data, origins or {}, "stream.toml")
    assert SECRET not in repr(settings)
    return ""


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            {"every": "5x"},
            '[sources.quotes] every = "5x": expected a duration such as "5s", "2m" or "1h"',
        ),
        ({"evry": "5s"}, "[sources.quotes] evry = \"5s\": unknown key, did you mean 'every'?"),
        ({"every": "9ms"}, '[sources.quotes] every = "9ms": expected at least "100ms"'),
        ({"every": 0.01}, "[sources.quotes] every = 0.01: expected at least 0.1"),
        ({"max_bytes": "0B"}, '[sources.quotes] max_bytes = "0B": expected at least "1B"'),
        (
            {"demand": "wached"},
            '[sources.quotes] demand = "wached": expected "always" or "watched", '
            "did you mean 'watched'?",
        ),
        ({"rank": 1}, "[sources.quotes] rank = 1: expected true or false"),
        ({"items": 5}, "[sources.quotes] items = 5: expected a text in quotes"),
        ({"ignore": "a"}, '[sources.quotes] ignore = "a": expected a list'),
        ({"ignore": ["a", 3]}, "[sources.quotes] ignore[1] = 3: expected a text in quotes"),
        ({"ignore": [""]}, '[sources.quotes] ignore[0] = "": expected a text that is not empty'),
        ({"match": 3}, "[sources.quotes] match = 3: expected a table"),
        ({"quota": 3}, "[sources.quotes] quota = 3: expected a table"),
        ({"quota": {"cost": 1}}, "sources.quotes.quota.per_day: this key is required"),
        (
            {"quota": {"per_day": 1, "cots": 2}},
            "[sources.quotes.quota] cots = 2: unknown key, did you mean 'cost'?",
        ),
        ({"tolerance": {"a": -1}}, "[sources.quotes.tolerance] a = -1: expected at least 0"),
        (
            {"tolerance": {"a": float("nan")}},
            "[sources.quotes.tolerance] a = nan: expected a finite number",
        ),
        (
            {"content": True},
            "[sources.quotes] content = true: unknown key; it belongs to kind feed",
        ),
        (
            {"retain": 9},
            "[sources.quotes] retain = 9: unknown key; it belongs to [channels.<name>]",
        ),
        ({"frobnicate": 1}, "[sources.quotes] frobnicate = 1: unknown key"),
        (
            {"frobnicate": date(2026, 1, 2)},
            "[sources.quotes] frobnicate = 2026-01-02: unknown key",
        ),
        ({"frobnicate": [1, [2], {}]}, "[sources.quotes] frobnicate = [1, …, …]: unknown key"),
        (
            {"frobnicate": 2**80},
            "[sources.quotes] frobnicate = 0x100000000000000000000: unknown key",
        ),
    ],
)
def test_a_mistake_in_a_source_is_one_line(source: dict[str, Any], line: str) -> None:
    assert mistake({"sources": {"quotes": HTTP | source}}) == f"stream.toml: {line}"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"servr": {}}, "[servr]: unknown table, did you mean 'server'?"),
        ({"port": 1}, "port = 1: unknown key; it belongs to [server]"),
        ({"server": 1}, "server = 1: expected a table"),
        ({"server": {"port": "x"}}, '[server] port = "x": expected a whole number'),
        ({"server": {"state": 1}}, "[server] state = 1: expected the path of a file, in quotes"),
        ({"limits": {"conections": 1}}, None),
        ({"channels": {"a b": {}}}, None),
        ({"channels": {"news": {"retan": 1}}}, None),
        ({"channels": {"q": {"trail": ["a"]}}}, '[channels.q] trail = ["a"]: expected a table'),
        ({"channels": {"q": {"trail": {}}}}, "channels.q.trail.fields: this key is required"),
        (
            {"channels": {"q": {"trail": {"fields": list("abcdefghi")}}}},
            '[channels.q.trail] fields = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]: '
            "expected a list of at most 8",
        ),
        (
            {"channels": {"q": {"trail": {"fields": ["a", "a"]}}}},
            '[channels.q.trail] fields = ["a", "a"]: expected fields that are all different',
        ),
        (
            {"channels": {"q": {"trail": {"fields": ["a"], "every": "9ms"}}}},
            '[channels.q.trail] every = "9ms": expected at least "100ms"',
        ),
        (
            {"channels": {"q": {"trail": {"fields": ["a"], "point": 9}}}},
            "[channels.q.trail] point = 9: unknown key, did you mean 'points'?",
        ),
        ({"auth": {"algorithms": []}}, "[auth] algorithms = []: expected a list that is not empty"),
        ({"sources": 1}, "sources = 1: expected a table"),
        (
            {"sources": {"a": {}}},
            "sources.a.kind: missing; expected one of feed, http, push, replay, sql, sse, system "
            "or a preset",
        ),
        (
            {"sources": {"user:{id}": HTTP | {"every": 0}}},
            '[sources."user:{id}"] every = 0: expected at least 0.1',
        ),
        ({"server": {"host": "x" * 100, "prot": "y" * 100}}, None),
    ],
)
def test_a_mistake_elsewhere_is_one_line(data: dict[str, Any], line: str | None) -> None:
    found = mistake(data)
    if line is not None:
        assert found == f"stream.toml: {line}"
    assert len(found) < 200


def test_the_first_mistake_in_the_file_is_shown_and_the_rest_counted() -> None:
    data = {
        "sources": {"b": HTTP | {"rank": 3, "evry": "5s", "every": "5x"}, "a": {"kind": "sql"}},
        "server": {"port": "x"},
    }
    assert mistake(data) == (
        "stream.toml: [sources.b] rank = 3: expected true or false (and 4 more)"
    )
    assert mistake({"server": data["server"], **data}).startswith("stream.toml: [server] port")


def test_a_key_misspelt_is_shown_before_the_key_that_it_leaves_missing() -> None:
    line = mistake({"sources": {"a": {"kind": "http", "ulr": "https://h"}}})
    assert "ulr" in line and "did you mean 'url'?" in line


def test_a_value_of_the_environment_is_named_by_its_variable() -> None:
    origins: dict[tuple[str, ...], str] = {("server", "port"): "STREAM_SERVER__PORT"}
    assert mistake({"server": {"port": "x"}}, origins) == (
        'STREAM_SERVER__PORT = "x": expected a whole number'
    )
    origins = {("server", "origins"): "STREAM_SERVER__ORIGINS"}
    assert mistake({"server": {"origins": ["x"]}}, origins).startswith("STREAM_SERVER__ORIGINS = ")


@pytest.mark.parametrize(
    "source",
    [
        {"auth": SECRET},
        {"auth": {"bearer": SECRET}},
        {"auth": {"bearer_env": SECRET}},
        {"auth": {"query": "a", "basic_env": SECRET}},
        {"auth": {"basic_env": "TOKEN"}},
        {"headers": {"Authorization": SECRET}},
        {"headers": {"X-Key": [SECRET]}},
        {"params": {"api_token": [SECRET]}},
        {"params": SECRET},
        {"api_key": SECRET},
        {"Password": SECRET},
        {"url": f"https://user:{SECRET}@h.example/"},
        {"url": f"htps://h.example/?apikey={SECRET}"},
        {"ulr": f"https://user:{SECRET}@h.example/?apikey={SECRET}"},
        {"url": f"user:{SECRET}@h.example"},
    ],
)
def test_a_secret_written_in_the_wrong_place_is_not_repeated(source: dict[str, Any]) -> None:
    line = mistake({"sources": {"quotes": HTTP | source}})
    assert line.startswith("stream.toml: ")
    assert SECRET not in line


@pytest.mark.parametrize("key", ["key_env", "key", "jwks_url", "secret", "token"])
def test_a_key_written_into_auth_is_not_repeated(key: str) -> None:
    line = mistake({"auth": {"mode": "jwt", key: SECRET}})
    assert line.startswith("stream.toml: ")
    assert SECRET not in line


@pytest.mark.parametrize(
    "table", sorted(set(Settings.model_fields) - {"auth", "channels", "sources"})
)
def test_an_unknown_key_of_any_table_is_one_line(table: str) -> None:
    line = mistake({table: {"zzz": "x"}})
    assert line.startswith(f"stream.toml: [{table}] zzz") and "unknown key" in line


def test_a_key_of_upstream_that_is_nearly_right_is_named() -> None:
    line = mistake({"upstream": {"host_concurency": 3}})
    assert line.endswith("unknown key, did you mean 'host_concurrency'?")
    line = mistake({"upstream": {"allow_addresses": ["banana"]}})
    assert line.endswith('expected an address or network such as "10.0.0.0/8"')


KEYS = sorted(
    {
        *(
            name
            for model in (HttpSettings, FeedSettings, PushSettings)
            for name in model.model_fields
        ),
        *(name for model in (AuthSettings, ServerSettings) for name in model.model_fields),
        *(name for model in (Settings, ChannelSettings) for name in model.model_fields),
    }
)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.dates(),
    st.sampled_from(
        ["http", "feed", "push", "jwt", "HS256", "5s", "TOKEN", "https://h/{id}", "\udcff"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=3),
    ),
    max_leaves=5,
)
TABLE = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), VALUES, max_size=4)
NAMES = st.sampled_from(["news", "user:{id}", "a b", "x\ny"])
DATA = st.fixed_dictionaries(
    {},
    optional={
        "server": TABLE,
        "auth": TABLE,
        "limits": VALUES,
        "channels": st.dictionaries(NAMES, TABLE, max_size=2),
        "sources": st.dictionaries(
            NAMES, st.builds(lambda table, base: base | table, TABLE, st.sampled_from([HTTP, {}]))
        ),
        "other": VALUES,
    },
)


@given(DATA)
@example({"channels": {"news": {"[key]": 1}}})
@example({"sources": {"quotes": HTTP | {"params": {"\udcff": "a", "[key]": 1}}}})
@example({"sources": {"quotes": HTTP | {"http": 1}}})
@example({"sources": {"x\ny": HTTP | {"rank": "\u2028"}}})
def test_whatever_is_wrong_is_one_line_in_our_own_words(data: dict[str, Any]) -> None:
    line = mistake(data)
    assert len(line.splitlines()) <= 1
    assert line.isprintable()
    for foreign in ("Input should", "Value error", "Extra inputs", "Field required", SECRET):
        assert foreign not in line


@pytest.mark.parametrize(
    "source",
    [
        {"rank": 2**20_000},
        {"every": 2**20_000},
        {"max_bytes": 2**20_000},
        {"quota": {"per_day": 2**20_000}},
        {"tolerance": {"a": 2**20_000}},
        {"channel": "q:{id}", "match": {"id": [2**20_000]}},
        {"kind": 2**20_000},
        {"frobnicate": 2**20_000},
    ],
)
def test_a_number_too_long_to_be_written_in_decimals_is_cut(source: dict[str, Any]) -> None:
    line = mistake({"sources": {"quotes": HTTP | source}})
    assert line.startswith("stream.toml: [sources.quotes")
    assert "expected" in line or "unknown key" in line
    assert len(line) < 250


def test_control_characters_are_written_as_escapes() -> None:
    assert one_line("a\nb\u2028c\udcff") == "a\\nb\\u2028c\\udcff"
    assert one_line("größer ≥ 1") == "größer ≥ 1"
