"""The presets as data: every one loads, is polite, keeps its secret, and explains itself."""

from __future__ import annotations

import tomllib
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from stream.config import loads
from stream.errors import ConfigError
from stream.exchange import Request
from stream.mistakes import describe
from stream.presets import PRESETS, Preset
from stream.schedule import DAY_S, Pace
from stream.settings import Settings
from stream.shape import SHAPES
from stream.source_settings import PresetSettings
from stream.sources.asking import Asking
from tests.presets.reading import SECRET, SECRETS, settings
from tests.presets.test_bodies import NEEDED

KINDS = sorted(PRESETS)
QUOTES = ["eodhd-quotes", "finnhub-quote", "alphavantage-quote", "binance-24hr", "coingecko"]
QUOTES += ["coinbase-ticker"]
ARTICLES = ["newsapi", "gnews", "eodhd-news", "finnhub-news", "hackernews"]


def read(kind: str, *rows: str, name: str = "s") -> PresetSettings:
    table = "\n".join([f'kind = "{kind}"', *(rows or [NEEDED.get(kind, "")])])
    source = settings(table, name).sources[name]
    assert isinstance(source, PresetSettings)
    return source


def request(source: PresetSettings, **values: str) -> Request:
    return Asking(source, values).request()


def mistake(rows: str, name: str = "s", environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        loads(f'[sources."{name}"]\n{rows}', SECRETS if environ is None else environ)
    return str(caught.value)


def test_the_kinds_of_the_model_are_those_of_the_data() -> None:
    kinds = PresetSettings.model_fields["kind"].annotation
    assert set(get_args(kinds)) == set(PRESETS)
    assert len(PRESETS) == 15


@pytest.mark.parametrize("kind", KINDS)
def test_a_preset_loads_with_its_own_name_and_knows_its_key(kind: str) -> None:
    source = read(kind)
    assert source.kind == kind
    assert source.key in ("id", "symbol")
    assert source.items is not None
    assert source.url.startswith("https://")


@pytest.mark.parametrize("kind", KINDS)
def test_a_day_of_reading_stays_within_the_free_plan(kind: str) -> None:
    source = read(kind)
    quota = source.quota
    if quota is None:
        assert source.every >= 2.0
        return
    pace = Pace(source.every, quota.per_day, quota.cost)
    assert quota.cost * DAY_S / pace.interval_s <= quota.per_day + 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_the_secret_stands_in_no_shown_address_and_travels_by_header_where_allowed(
    kind: str,
) -> None:
    source, secret = read(kind), PRESETS[kind].secret
    asked = request(source)
    assert SECRET not in repr(asked) + asked.public_url + repr(source)
    assert (secret is not None) == (SECRET in asked.full_url + str(asked.secret_headers))
    by_query = {"gnews", "eodhd-quotes", "eodhd-news", "alphavantage-quote"}
    assert bool(asked.secret_params) == (kind in by_query)


@pytest.mark.parametrize("kind", KINDS)
def test_a_preset_promises_the_common_shape_where_it_has_one(kind: str) -> None:
    wanted = "quote" if kind in QUOTES else "article" if kind in ARTICLES else None
    assert PRESETS[kind].source.get("shape") == wanted
    assert set(PRESETS[kind].extra).isdisjoint({*SHAPES["article"], *SHAPES["quote"]})


@pytest.mark.parametrize("kind", KINDS)
def test_news_age_and_the_rest_is_deleted(kind: str) -> None:
    aging = {"newsapi", "gnews", "eodhd-news", "finnhub-news", "github-events", "usgs-quakes"}
    assert read(kind).removal == ("window" if kind in aging else "delete")


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_fail_with_a_200_says_how(kind: str) -> None:
    silent = {"hackernews", "usgs-quakes", "statuspage", "jsonplaceholder"}
    assert (read(kind).error_when is None) == (kind in silent)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_every_example_and_default_is_allowed(preset: Preset) -> None:
    for name, parameter in preset.parameters.items():
        assert parameter.about.endswith(".")
        assert parameter.default is None or not parameter.required
        if parameter.required:
            assert parameter.example is not None
            assert tomllib.loads(f"{name} = {parameter.example}")
        assert set(parameter.excludes) <= set(preset.parameters)


@pytest.mark.parametrize(
    ("kind", "rows", "url"),
    [
        ("newsapi", "", "newsapi.org/v2/top-headlines?country=us&pageSize=100"),
        (
            "newsapi",
            'sources = ["bbc-news", "cnn"]',
            "newsapi.org/v2/top-headlines?sources=bbc-news,cnn&pageSize=100",
        ),
        (
            "newsapi",
            'query = "rates & banks"',
            "newsapi.org/v2/everything?q=rates+%26+banks&pageSize=100&sortBy=publishedAt",
        ),
        ("gnews", 'query = "x"\nlanguage = "de"', "gnews.io/api/v4/search?lang=de&q=x&max=10"),
        ("eodhd-quotes", 'symbols = "A.US"', "eodhd.com/api/real-time/A.US?fmt=json"),
        (
            "eodhd-quotes",
            'symbols = ["A.US", "B.US", "C.US"]',
            "eodhd.com/api/real-time/A.US?s=B.US,C.US&fmt=json",
        ),
        ("eodhd-news", 'tag = "technology"', "eodhd.com/api/news?t=technology&limit=50&fmt=json"),
        (
            "binance-24hr",
            'symbols = ["BTCUSDT"]',
            "data-api.binance.vision/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22%5D",
        ),
        ("github-events", "", "api.github.com/events?per_page=100"),
        (
            "github-events",
            'repo = "encode/starlette"',
            "api.github.com/repos/encode/starlette/events?per_page=100",
        ),
        ("github-events", 'user = "ann"', "api.github.com/users/ann/events?per_page=100"),
        ("statuspage", 'page = "s.example"', "s.example/api/v2/summary.json"),
        (
            "usgs-quakes",
            'feed = "2.5_day"',
            "earthquake.usgs.gov/earthquakes/feed/v1.0/summary/2.5_day.geojson",
        ),
        ("jsonplaceholder", 'resource = "posts"', "jsonplaceholder.typicode.com/posts"),
        ("jsonplaceholder", "id = 3", "jsonplaceholder.typicode.com/users/3"),
        ("hackernews", 'list = "beststories"', "hacker-news.firebaseio.com/v0/beststories.json"),
    ],
)
def test_parameters_make_the_address(kind: str, rows: str, url: str) -> None:
    assert request(read(kind, rows)).public_url == f"https://{url}"


@pytest.mark.parametrize(
    ("kind", "name", "value", "url"),
    [
        ("finnhub-quote", "symbol", "AAPL", "finnhub.io/api/v1/quote?symbol=AAPL"),
        ("coinbase-ticker", "symbol", "A-B", "api.exchange.coinbase.com/products/A-B/ticker"),
        ("eodhd-quotes", "symbol", "A.US", "eodhd.com/api/real-time/A.US?fmt=json"),
        ("jsonplaceholder", "id", "7", "jsonplaceholder.typicode.com/users/7"),
        ("github-events", "user", "ann", "api.github.com/users/ann/events?per_page=100"),
    ],
)
def test_a_placeholder_of_the_channel_gives_a_parameter_its_value_and_its_rule(
    kind: str, name: str, value: str, url: str
) -> None:
    source = read(kind, "every = '1m'", name=f"c:{{{name}}}")
    assert set(source.match) == {name}
    assert request(source, **{name: value}).public_url == f"https://{url}"


def test_a_parameter_may_be_made_of_placeholders() -> None:
    rows = 'repo = "{owner}/{name}"\nmatch = { owner = "word", name = "word" }'
    source = read("github-events", rows, name="gh:{owner}:{name}")
    asked = request(source, owner="encode", name="starlette")
    assert asked.public_url.startswith("https://api.github.com/repos/encode/starlette/events")


def test_own_words_win_key_by_key() -> None:
    rows = [
        'symbols = ["A.US", "B.US"]',
        'every = "5s"',
        "quota = { per_day = 100000 }",
        'params = { ex = "US" }',
        'auth = { env = "GNEWS_KEY" }',
        "ignore = ['time']",
    ]
    source = read("eodhd-quotes", *rows)
    assert (source.every, source.ignore, source.shape) == (5.0, ("time",), "quote")
    assert source.quota is not None
    assert (source.quota.per_day, source.quota.cost) == (100_000, 2)
    assert source.params == {"s": "B.US", "fmt": "json", "ex": "US"}
    assert source.auth is not None
    assert source.auth.params() == {"api_token": SECRET}


def test_a_detail_is_overridden_key_by_key_too() -> None:
    detail = read("hackernews", "detail = { most = 5 }").detail
    assert detail is not None
    assert (detail.most, detail.concurrency) == (5, 8)
    assert detail.url.endswith("/item/{key}.json")


def test_who_selects_for_himself_gets_what_he_selected() -> None:
    rows = ["select = '{symbol: code, close: close}'", 'symbols = "A.US"']
    assert read("eodhd-quotes", *rows).conversions() == {}
    assert read("eodhd-quotes", *rows, 'shape = "quote"').conversions() == SHAPES["quote"]


@pytest.mark.parametrize(
    "rows",
    ['key_env = "OTHER"', 'auth = { env = "OTHER" }', 'key_file = "{file}"', "auth = {{}}"],
)
def test_the_key_is_where_it_is_said_to_be(rows: str, tmp_path: Any) -> None:
    file = tmp_path / "key"
    file.write_text("other\n")
    rows = rows.replace("{file}", str(file)).replace("{{}}", "{}")
    environ = {"OTHER": "other", "FINNHUB_TOKEN": "other"}
    text = f'[sources.s]\nkind = "finnhub-news"\n{rows}'
    source = loads(text, environ).sources["s"]
    assert isinstance(source, PresetSettings)
    assert source.auth is not None
    assert source.auth.headers() == {"X-Finnhub-Token": "other"}


def test_another_way_to_carry_the_key_replaces_that_of_the_preset() -> None:
    source = read("finnhub-news", 'auth = { query = "token", env = "FINNHUB_TOKEN" }')
    assert source.auth is not None
    assert (source.auth.params(), source.auth.headers()) == ({"token": SECRET}, {})


@pytest.mark.parametrize("kind", ["coingecko", "github-events"])
def test_a_key_that_is_optional_is_sent_only_where_it_is_named(kind: str) -> None:
    need = 'coins = "bitcoin"' if kind == "coingecko" else ""
    assert read(kind, need or "rank = false").auth is None
    variable = PRESETS[kind].secret
    assert variable is not None
    assert read(kind, need, f'key_env = "{variable.env}"').auth is not None


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (
            'kind = "finnhub-quote"',
            'sources.s.symbol: finnhub-quote needs symbol, such as symbol = "AAPL"',
        ),
        (
            'kind = "eodhd-news"',
            'sources.s.symbol: eodhd-news needs symbol or tag, such as symbol = "AAPL.US"',
        ),
        (
            'kind = "coinbase-ticker"\nsymbol = "BTC USD"',
            '[sources.s] symbol = "BTC USD": expected text matching [A-Z0-9]{1,16}-[A-Z0-9]{2,8}',
        ),
        (
            'kind = "usgs-quakes"\nfed = "all_day"',
            "[sources.s] fed = \"all_day\": unknown key, did you mean 'feed'?",
        ),
        (
            'kind = "finnhub-quote"\nsymbol = ["A"]',
            '[sources.s] symbol = ["A"]: expected one value, not a list',
        ),
        (
            'kind = "binance-24hr"\nsymbols = []',
            "[sources.s] symbols = []: expected a list of at least one value",
        ),
        (
            'kind = "binance-24hr"\nsymbols = [1.5]',
            "[sources.s] symbols = [1.5]: expected text matching [A-Z0-9]{2,24}",
        ),
        (
            'kind = "newsapi"\ncountry = "us"\nsources = "cnn"',
            '[sources.s] country = "us": newsapi takes country or sources, not both',
        ),
        (
            'kind = "newsapi"\nkeys = {}',
            "[sources.s.keys]: newsapi cannot read keys on demand",
        ),
        (
            f'kind = "eodhd-quotes"\nsymbols = {[f"S{n}.US" for n in range(21)]}',
            "one read costs 21 calls, but the day has 20; a plan that allows more is named with "
            "quota.per_day",
        ),
        (
            'kind = "newsapi"\nkey_env = "NOT_SET"',
            "sources.s.key_env: the environment variable NOT_SET is not set",
        ),
        (
            'kind = "newsapi"\nkey_env = "my secret key"',
            "sources.s.key_env: expected the name of an environment variable, not the secret "
            "itself",
        ),
        (
            'kind = "newsapi"\nkey_env = "A"\nkey_file = "/b"',
            "sources.s.key_env: the key is named twice",
        ),
        (
            'kind = "newsapi"\nauth = { env = "NOT_SET" }',
            "sources.s.auth.env: the environment variable NOT_SET is not set",
        ),
        ('kind = "newsapi"\nevery = "1x"', '[sources.s] every = "1x": '),
        (
            'kind = "hackernews"\ndetail = { mots = 3 }',
            "[sources.s.detail] mots = 3: unknown key, did you mean 'most'?",
        ),
    ],
)
def test_a_mistake_names_the_users_table_and_key(rows: str, line: str) -> None:
    found = mistake(rows)
    assert found.startswith("stream.toml: ")
    assert line in found
    assert "\n" not in found


def test_a_missing_key_names_its_variable() -> None:
    found = mistake('kind = "newsapi"', environ={})
    assert found == (
        "stream.toml: sources.s.key_env: newsapi needs a key: the environment variable NEWSAPI_KEY "
        "is not set"
    )


def test_what_stands_where_no_placeholder_may_cannot_come_from_a_channels_name() -> None:
    found = mistake('kind = "statuspage"', name="status:{page}")
    assert "it cannot come from the channel's name; write page here" in found
    found = mistake('kind = "statuspage"\npage = "{p}"\nmatch = { p = "word" }', name="s:{p}")
    assert "a placeholder may not stand here" in found


def test_one_instance_of_a_channel_costs_what_it_reads() -> None:
    source = read("eodhd-quotes", "demand = 'watched'", name="q:{symbol}")
    assert source.quota is not None
    assert source.quota.cost == 1
    watched = read("eodhd-quotes", "keys = { max = 5 }")
    assert watched.quota is not None
    assert watched.quota.cost == 5
    assert watched.keys_forms() == {"{keys[0]}", "{keys[1:]}"}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from(["AAPL", "us", "{id}", "{symbol}", "all_day", "1m", "NEWSAPI_KEY", ""])
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["env", "file", "query", "max", "cost", "per_day", "url", "id", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


@given(st.data(), st.sampled_from(KINDS), st.sampled_from(["s", "q:{symbol}", "q:{id}:{page}"]))
def test_whatever_is_written_is_a_source_or_one_line_that_names_the_table(
    data: st.DataObject, kind: str, name: str
) -> None:
    keys = [*PRESETS[kind].own_keys, *PresetSettings.model_fields, "evry"]
    table = data.draw(st.dictionaries(st.sampled_from(keys), VALUES, max_size=5))
    tables = {"sources": {name: {**table, "kind": kind}}}

    def reveal(holder: str, variable: str) -> SecretStr:
        if variable not in SECRETS:
            raise ValueError("not set")
        return SecretStr(SECRET)

    try:
        source = Settings.model_validate(tables, context={"secret": reveal}).sources[name]
    except ValidationError as error:
        line = describe(error, tables, {}, "stream.toml")
        assert "sources" in line and "\n" not in line and SECRET not in line
    else:
        assert isinstance(source, PresetSettings)
        assert source.kind == kind
        assert SECRET not in Asking(source, dict.fromkeys(source.match, "x")).request().public_url
