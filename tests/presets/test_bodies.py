"""Each preset reads what its upstream answers, quirks included, and delivers what it promises."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stream.doors.rest import describe, source_status
from stream.model import SourceState
from stream.presets import PRESETS
from stream.shape import SHAPES, As
from tests.presets import bodies
from tests.presets.reading import SECRET, Reading, reading
from tests.upstream import Answer, Upstream
from tests.waiting import until

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NEEDED = {
    "eodhd-quotes": 'symbols = ["AAPL.US", "EURUSD.FOREX", "NOPE.US"]\nquota = { per_day = 900 }',
    "eodhd-news": 'symbol = "AAPL.US"',
    "finnhub-quote": 'symbol = "AAPL"',
    "alphavantage-quote": 'symbol = "IBM"',
    "binance-24hr": 'symbols = ["BTCUSDT"]',
    "coingecko": 'coins = ["bitcoin", "ethereum"]\nkey_env = "COINGECKO_KEY"',
    "coinbase-ticker": 'symbol = "BTC-USD"',
    "github-events": 'key_env = "GITHUB_TOKEN"',
    "statuspage": 'page = "www.githubstatus.com"',
}
BODIES: dict[str, Any] = {
    "newsapi": bodies.NEWSAPI,
    "gnews": bodies.GNEWS,
    "eodhd-quotes": [bodies.EODHD_AAPL, bodies.EODHD_NO_VOLUME, bodies.EODHD_UNKNOWN],
    "eodhd-news": bodies.EODHD_NEWS,
    "finnhub-quote": bodies.FINNHUB_QUOTE,
    "finnhub-news": bodies.FINNHUB_NEWS,
    "alphavantage-quote": bodies.ALPHAVANTAGE,
    "binance-24hr": bodies.BINANCE,
    "coingecko": bodies.COINGECKO,
    "coinbase-ticker": bodies.COINBASE,
    "hackernews": [103, 101, 104, 105, 106, 102],
    "github-events": bodies.GITHUB,
    "usgs-quakes": bodies.usgs(1795480260000),
    "statuspage": bodies.STATUSPAGE,
    "jsonplaceholder": bodies.USERS,
}
WANTED: dict[str, list[dict[str, object]]] = {
    "newsapi": [
        {
            "id": "https://post.example/rates",
            "url": "https://post.example/rates",
            "title": "Rates rise again",
            "summary": "The bank & its rate.",
            "author": "Ann Other",
            "published": "2026-11-24T02:11:09Z",
            "source": "The Post",
            "image": "https://post.example/rates.jpg",
        },
        {
            "id": "b0cd9dc8c4a1b4dd",
            "url": "https://herald.example/" + "long/" * 80,
            "title": "No picture",
            "published": "2026-11-24T01:00:00Z",
            "source": "Herald",
        },
    ],
    "gnews": [
        {
            "id": "https://news.example/pixel",
            "url": "https://news.example/pixel",
            "title": "Google's Pixel 9 &amp; more",
            "summary": "New phones.",
            "published": "2026-11-24T03:30:00Z",
            "source": "News",
            "image": "https://news.example/pixel.png",
        }
    ],
    "eodhd-quotes": [
        {
            "symbol": "AAPL.US",
            "last": 229.87,
            "open": 228.5,
            "high": 230.1,
            "low": 227.9,
            "prev_close": 228.01,
            "change": 1.86,
            "change_pct": 0.8158,
            "volume": 41000000,
            "time": "2026-11-24T00:30:00Z",
        },
        {
            "symbol": "EURUSD.FOREX",
            "last": 229.87,
            "high": 230.1,
            "low": 227.9,
            "prev_close": 228.01,
            "change": 1.86,
            "change_pct": 0.8158,
            "time": "2026-11-24T00:30:00Z",
        },
    ],
    "finnhub-quote": [
        {
            "symbol": "AAPL",
            "last": 261.74,
            "change": 1.1,
            "change_pct": 0.422,
            "high": 263.31,
            "low": 260.68,
            "open": 261.07,
            "prev_close": 260.64,
            "time": "2026-11-24T00:30:00Z",
        }
    ],
    "finnhub-news": [
        {
            "id": 5085164,
            "url": "https://www.cnbc.example/square.html",
            "title": "Square surges",
            "summary": "Shares of Square soared.",
            "published": "2026-11-24T00:30:00Z",
            "source": "CNBC",
            "tags": ["technology"],
            "symbols": ["SQ", "BTC"],
        }
    ],
    "alphavantage-quote": [
        {
            "symbol": "IBM",
            "last": 296.21,
            "open": 294.07,
            "high": 297.54,
            "low": 293,
            "prev_close": 294.35,
            "change": 1.86,
            "change_pct": 0.6319,
            "volume": 3391021,
            "time": "2026-11-24T00:00:00Z",
        }
    ],
    "binance-24hr": [
        {
            "symbol": "BTCUSDT",
            "last": 67205.10002,
            "open": 67300.100018,
            "high": 68000,
            "low": 66000.1,
            "prev_close": 67300.10002,
            "change": -94.999998,
            "change_pct": -0.141,
            "bid": 67205,
            "ask": 67205.2,
            "volume": 8913.3,
            "time": "2026-11-24T00:29:59Z",
        }
    ],
    "coingecko": [
        {
            "symbol": "bitcoin",
            "last": 67187.33,
            "change_pct": 3.637,
            "volume": 31260929299.5,
            "time": "2026-11-24T00:30:00Z",
            "currency": "usd",
        },
        {
            "symbol": "ethereum",
            "last": 3500,
            "time": "2026-11-24T00:30:01Z",
            "currency": "usd",
        },
    ],
    "coinbase-ticker": [
        {
            "symbol": "BTC-USD",
            "last": 6268.48,
            "bid": 6265.15,
            "ask": 6267.71,
            "volume": 53602.03940154,
            "time": "2026-11-24T00:22:57Z",
        }
    ],
    "hackernews": [
        {
            "id": 103,
            "url": "https://news.ycombinator.com/item?id=103",
            "title": "Hiring",
            "author": "inc",
            "published": "2026-11-24T00:33:20Z",
            "source": "Hacker News",
            "tags": ["job"],
            "score": 1,
            "_rank": 1,
        },
        {
            "id": 101,
            "url": "https://vector.example/",
            "title": "Show HN: <vector> in C",
            "author": "ann",
            "published": "2026-11-24T00:30:00Z",
            "source": "Hacker News",
            "tags": ["story"],
            "score": 111,
            "comments": 16,
            "_rank": 2,
        },
        {
            "id": 102,
            "url": "https://news.ycombinator.com/item?id=102",
            "title": "Ask HN: why?",
            "summary": "Well 'why' not",
            "author": "bob",
            "published": "2026-11-24T00:31:40Z",
            "source": "Hacker News",
            "tags": ["story"],
            "score": 5,
            "comments": 0,
            "_rank": 3,
        },
    ],
    "github-events": [
        {
            "id": "44100000001",
            "type": "PushEvent",
            "actor": "ann",
            "repo": "ann/tools",
            "ref": "refs/heads/main",
            "created": "2026-11-24T02:00:00Z",
        },
        {
            "id": "44100000000",
            "type": "WatchEvent",
            "actor": "bob",
            "repo": "ann/tools",
            "action": "started",
            "created": "2026-11-23T20:00:00Z",
        },
    ],
    "usgs-quakes": [
        {
            "id": "nc1",
            "ids": ["nc1", "us7"],
            "place": "5 km NW of The Geysers, CA",
            "time": "2026-11-24T00:30:00Z",
            "updated": "2026-11-24T00:31:00Z",
            "url": "https://earthquake.usgs.gov/earthquakes/eventpage/nc1",
            "status": "automatic",
            "tsunami": 0,
            "lon": -122.7,
            "lat": 38.8,
            "depth_km": 1.9,
        }
    ],
    "statuspage": [
        {
            "id": "c1",
            "name": "Git Operations",
            "status": "operational",
            "text": "Performance of clones",
            "updated": "2026-11-20T09:00:00Z",
        }
    ],
    "jsonplaceholder": bodies.USERS,
}
TYPES: dict[As, tuple[type, ...]] = {
    "number": (int, float),
    "date": (str,),
    "line": (str,),
    "text": (str,),
    "list": (list,),
    "url": (str,),
    "id": (str, int),
}


def table(kind: str, upstream: Upstream, *more: str) -> str:
    """The preset's table, with its address pointed to the upstream and read very often."""
    rows = [f'kind = "{kind}"', f'url = "{upstream.url("/a")}"', NEEDED.get(kind, ""), *more]
    if kind == "hackernews":
        rows.append(f'detail = {{ url = "{upstream.url("/item")}/{{key}}" }}')
        for number, item in bodies.HN_ITEMS.items():
            upstream.set(f"/item/{number}", item if item is not None else b"null")
    return "\n".join(rows)


@pytest.mark.parametrize("kind", sorted(WANTED))
async def test_a_preset_delivers_what_its_upstream_says(kind: str, upstream: Upstream) -> None:
    upstream.set("/a", BODIES[kind])
    async with reading(table(kind, upstream)) as source:
        assert source.poller.status.state is SourceState.OK, source.poller.status.error
        items = source.items
    for item in items:
        if str(item.get("url", "")).startswith("https://herald.example"):
            assert re.fullmatch("[0-9a-f]{16}", str(item["id"]))
            item["id"] = "b0cd9dc8c4a1b4dd"
    assert items == WANTED[kind]


def test_every_preset_has_a_body_to_read() -> None:
    assert set(PRESETS) == set(BODIES)


@pytest.mark.parametrize("kind", sorted(WANTED))
def test_items_have_only_fields_of_the_common_shape_and_of_its_types(kind: str) -> None:
    preset = PRESETS[kind]
    fields = SHAPES.get(preset.source.get("shape", ""), {})
    for item in WANTED[kind]:
        assert None not in item.values()
        for name, value in item.items():
            assert not fields or name in {*fields, *preset.extra, "_rank"}
            if name in fields:
                assert type(value) in TYPES[fields[name]], (name, value)
                assert fields[name] != "date" or _DATE.fullmatch(str(value))


@pytest.mark.parametrize("kind", sorted(k for k, p in PRESETS.items() if p.secret is not None))
async def test_the_secret_goes_where_the_api_wants_it_and_is_told_to_nobody(
    kind: str, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = PRESETS[kind].secret
    assert secret is not None
    upstream.set("/a", {"message": f"no such key {SECRET}", "status": "error"}, status=401)
    async with reading(table(kind, upstream)) as source:
        seen = repr(source_status(source.poller, 0.0)) + repr(describe(source.line.channel))
    # The upstream's own log is not ours.
    logged = [each for each in caplog.records if not each.name.startswith("uvicorn")]
    assert SECRET not in seen + "\n".join(each.getMessage() for each in logged)
    (hit,) = upstream.hits("/a")
    if secret.query is not None:
        assert hit.query[secret.query] == SECRET
    else:
        assert SECRET not in str(hit.query)
        assert SECRET in hit.headers[secret.header or "Authorization"]


async def test_one_symbol_of_eodhd_comes_as_an_object(upstream: Upstream) -> None:
    upstream.set("/a", bodies.EODHD_AAPL)
    async with reading(table("eodhd-quotes", upstream)) as source:
        assert source.items == WANTED["eodhd-quotes"][:1]


async def errors_of(kind: str, body: object, upstream: Upstream) -> str:
    upstream.set("/a", body)
    async with reading(table(kind, upstream)) as source:
        error = source.poller.status.error
        assert error is not None
        assert error.kind == "error_in_body"
        assert source.items == []
        return error.message


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("newsapi", bodies.NEWSAPI_ERROR, "Your API key is invalid"),
        ("gnews", {"errors": ["You did not provide an API key."]}, "did not provide an API key"),
        ("finnhub-quote", bodies.FINNHUB_UNKNOWN, "no such symbol"),
        ("finnhub-quote", {"error": "Invalid API key"}, "Invalid API key"),
        ("alphavantage-quote", bodies.ALPHAVANTAGE_NOTE, "standard call frequency"),
        ("alphavantage-quote", bodies.ALPHAVANTAGE_ERROR, "Invalid API call"),
        ("alphavantage-quote", {"Global Quote": {}}, "no such symbol"),
        ("binance-24hr", bodies.BINANCE_ERROR, "Invalid symbol."),
        ("coingecko", bodies.COINGECKO_ERROR, "exceeded the Rate Limit"),
        ("coinbase-ticker", {"message": "NotFound"}, "NotFound"),
        ("github-events", {"message": "Bad credentials"}, "Bad credentials"),
    ],
)
async def test_an_error_that_comes_with_a_200_is_an_error(
    kind: str, body: object, words: str, upstream: Upstream
) -> None:
    assert words in await errors_of(kind, body, upstream)


async def test_an_error_that_repeats_the_key_is_told_without_it(upstream: Upstream) -> None:
    text = bodies.ALPHAVANTAGE_THROTTLED["Information"].replace("{key}", SECRET)
    message = await errors_of("alphavantage-quote", {"Information": text}, upstream)
    assert "your API key as *** and" in message


async def changes(source: Reading, upstream: Upstream, body: object) -> int:
    """How many changes a read of this body makes."""
    before, polls = source.poller.tally.changes, source.poller.tally.polls
    upstream.set("/a", body)
    await until(lambda: source.poller.tally.polls >= polls + 2, what="another read")
    return source.poller.tally.changes - before


@pytest.mark.parametrize(
    ("kind", "moved"),
    [
        ("usgs-quakes", bodies.usgs(1795480320000)),
        (
            "binance-24hr",
            [
                bodies.BINANCE[0]
                | {"volume": "9000.1", "count": 77, "lastId": 28461, "closeTime": 1795480201999}
            ],
        ),
        ("coinbase-ticker", bodies.COINBASE | {"trade_id": 86326523, "volume": "53602.1"}),
        (
            "coingecko",
            bodies.COINGECKO_LATER,
        ),
        ("newsapi", bodies.NEWSAPI | {"totalResults": 36}),
    ],
)
async def test_what_moves_at_every_read_is_no_change(
    kind: str, moved: object, upstream: Upstream
) -> None:
    upstream.set("/a", BODIES[kind])
    more = 'every = "100ms"\nquota = { per_day = 864000 }'
    async with reading(table(kind, upstream, more)) as source:
        assert await changes(source, upstream, moved) == 0


@pytest.mark.parametrize("kind", ["newsapi", "usgs-quakes", "github-events"])
async def test_what_leaves_a_window_stays_and_what_is_undone_goes(
    kind: str, upstream: Upstream
) -> None:
    upstream.set("/a", BODIES[kind])
    member = PRESETS[kind].source["items"]
    gone: object = [] if member == "@" else BODIES[kind] | {member: []}
    more = 'every = "100ms"\nquota = { per_day = 864000 }\nempty_ok = true'
    async with reading(table(kind, upstream, more)) as source:
        before = source.items
        assert await changes(source, upstream, gone) == 0
        assert source.items == before


async def test_a_quake_that_another_network_takes_over_stays_one_quake(upstream: Upstream) -> None:
    upstream.set("/a", bodies.usgs(1795480260000))
    async with reading(table("usgs-quakes", upstream, 'every = "100ms"')) as source:
        assert [quake["id"] for quake in source.items] == ["nc1"]
        upstream.set("/a", bodies.usgs(1795480320000, preferred="us7"))
        await until(
            lambda: [quake["id"] for quake in source.items] == ["us7"], what="its new id alone"
        )
        assert source.poller.tally.changes == 2


async def test_a_resolved_incident_goes_at_once(upstream: Upstream) -> None:
    upstream.set("/a", bodies.STATUSPAGE)
    more = 'part = "incidents"\nevery = "100ms"'
    async with reading(table("statuspage", upstream, more)) as source:
        (incident,) = source.items
        assert incident["text"] == "We look into it."
        assert incident["url"] == "https://stspg.example/i1"
        upstream.set("/a", bodies.STATUSPAGE | {"incidents": []})
        await until(lambda: not source.items, what="the incident's end")
        assert source.poller.tally.changes == 2


async def test_a_preset_is_called_by_its_name(upstream: Upstream) -> None:
    upstream.set("/a", bodies.GNEWS)
    async with reading(table("gnews", upstream)) as source:
        assert describe(source.line.channel)["kind"] == "gnews"
        assert source_status(source.poller, 0.0)["kind"] == "gnews"


@pytest.mark.parametrize(
    ("kind", "path", "name", "channel", "symbol"),
    [
        ("finnhub-quote", "/a", "q:{symbol}", "q:MSFT", "MSFT"),
        ("coinbase-ticker", "/a/{symbol}", "q:{symbol}", "q:ETH-USD", "ETH-USD"),
        ("alphavantage-quote", "/a", "av:{symbol}", "av:IBM", "IBM"),
        ("eodhd-quotes", "/a/{symbol}", "e:{symbol}", "e:AAPL.US", "AAPL.US"),
    ],
)
async def test_a_channel_of_a_symbol_reads_that_symbol(
    kind: str, path: str, name: str, channel: str, symbol: str, upstream: Upstream
) -> None:
    path_asked = path.replace("{symbol}", symbol)
    upstream.set(path_asked, BODIES[kind][0] if kind == "eodhd-quotes" else BODIES[kind])
    rows = f'kind = "{kind}"\nurl = "{upstream.url(path)}"'
    async with reading(rows, name, channel) as source:
        assert [item["symbol"] for item in source.items] == [symbol]
    (hit,) = upstream.hits(path_asked)
    assert hit.query.get("symbol", symbol) == symbol


async def test_keys_on_demand_ask_binance_for_a_json_list(upstream: Upstream) -> None:
    upstream.set("/a", bodies.BINANCE)
    rows = f'kind = "binance-24hr"\nurl = "{upstream.url("/a")}"\nkeys = {{}}\nevery = "100ms"'
    async with reading(rows) as source:
        source.catalog.reach("s", ["BTCUSDT", "ETHUSDT"])
        (hit, *_) = await upstream.wait_hits("/a", 1)
        assert hit.query["symbols"] == '["BTCUSDT","ETHUSDT"]'
        await until(lambda: source.items, what="the first read")


async def test_a_key_that_does_not_exist_costs_the_others_nothing(upstream: Upstream) -> None:
    rows = f'kind = "finnhub-quote"\nurl = "{upstream.url("/a")}"\nkeys = {{}}'
    upstream.script("/a", Answer(bodies.FINNHUB_QUOTE), Answer(bodies.FINNHUB_UNKNOWN))
    async with reading(rows) as source:
        source.catalog.reach("s", ["AAPL", "NOPE"])
        await until(lambda: source.items, what="the first read")
        assert [item["symbol"] for item in source.items] == ["AAPL"]
        assert source.poller.tally.skipped == 1
        assert [hit.query["symbol"] for hit in upstream.hits("/a")] == ["AAPL", "NOPE"]


async def test_where_no_key_exists_the_channel_says_so(upstream: Upstream) -> None:
    rows = f'kind = "finnhub-quote"\nurl = "{upstream.url("/a")}"\nkeys = {{}}'
    upstream.set("/a", bodies.FINNHUB_UNKNOWN)
    async with reading(rows) as source:
        source.catalog.reach("s", ["NOPE"])
        error = await until(lambda: source.poller.status.error, what="the fault")
        assert error is not None
        assert error.kind == "error_in_body"
