"""What the upstreams of the presets answer, written by hand in the shape of recorded answers, with
the quirks that each is known for."""

from __future__ import annotations

from typing import Any

REMOVED = {
    "source": {"id": None, "name": "[Removed]"},
    "author": None,
    "title": "[Removed]",
    "description": "[Removed]",
    "url": "https://removed.com",
    "urlToImage": None,
    "publishedAt": "1970-01-01T00:00:00Z",
    "content": "[Removed]",
}
NEWSAPI = {
    "status": "ok",
    "totalResults": 37,
    "articles": [
        {
            "source": {"id": "the-post", "name": "The Post"},
            "author": "Ann Other",
            "title": "Rates rise\n again",
            "description": "<p>The bank &amp; its <b>rate</b>.</p><script>1</script>",
            "url": "https://post.example/rates",
            "urlToImage": "https://post.example/rates.jpg",
            "publishedAt": "2026-11-24T02:11:09Z",
            "content": "The bank and its rate... [+2965 chars]",
        },
        REMOVED,
        dict(REMOVED),
        {
            "source": {"id": None, "name": "Herald"},
            "author": None,
            "title": "No picture",
            "description": None,
            "url": "https://herald.example/" + "long/" * 80,
            "urlToImage": None,
            "publishedAt": "2026-11-24T01:00:00Z",
            "content": None,
        },
    ],
}
NEWSAPI_ERROR = {
    "status": "error",
    "code": "apiKeyInvalid",
    "message": "Your API key is invalid or incorrect.",
}
GNEWS = {
    "totalArticles": 54904,
    "articles": [
        {
            "title": "Google's Pixel 9 &amp; more",
            "description": "New phones.",
            "content": "Text... [1419 chars]",
            "url": "https://news.example/pixel",
            "image": "https://news.example/pixel.png",
            "publishedAt": "2026-11-24T03:30:00Z",
            "source": {"name": "News", "url": "https://news.example"},
        }
    ],
}
EODHD_AAPL: dict[str, Any] = {
    "code": "AAPL.US",
    "timestamp": 1795480200,
    "gmtoffset": 0,
    "open": 228.5,
    "high": 230.1,
    "low": 227.9,
    "close": 229.87,
    "volume": 41000000,
    "previousClose": 228.01,
    "change": 1.86,
    "change_p": 0.8158,
}
EODHD_NO_VOLUME = EODHD_AAPL | {"code": "EURUSD.FOREX", "volume": None, "open": "NA"}
EODHD_UNKNOWN = dict.fromkeys(EODHD_AAPL, "NA") | {"code": "NOPE.US", "gmtoffset": 0}
EODHD_NEWS = [
    {
        "date": "2026-11-24T01:45:00+00:00",
        "title": "Apple does something",
        "content": "A long text. " * 500,
        "link": "https://finance.example/apple",
        "symbols": ["AAPL.US", "AAPL.MX"],
        "tags": ["PHONES", "EARNINGS"],
        "sentiment": {"polarity": 0.9, "neg": 0, "neu": 0.9, "pos": 0.1},
    }
]
FINNHUB_QUOTE = {
    "c": 261.74,
    "d": 1.1,
    "dp": 0.422,
    "h": 263.31,
    "l": 260.68,
    "o": 261.07,
    "pc": 260.64,
    "t": 1795480200,
}
FINNHUB_UNKNOWN = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}
FINNHUB_NEWS = [
    {
        "category": "technology",
        "datetime": 1795480200,
        "headline": "Square surges",
        "id": 5085164,
        "image": "",
        "related": "SQ,BTC",
        "source": "CNBC",
        "summary": "Shares of Square soared.",
        "url": "https://www.cnbc.example/square.html",
    }
]
ALPHAVANTAGE = {
    "Global Quote": {
        "01. symbol": "IBM",
        "02. open": "294.0700",
        "03. high": "297.5400",
        "04. low": "293.0000",
        "05. price": "296.2100",
        "06. volume": "3391021",
        "07. latest trading day": "2026-11-24",
        "08. previous close": "294.3500",
        "09. change": "1.8600",
        "10. change percent": "0.6319%",
    }
}
ALPHAVANTAGE_THROTTLED = {
    "Information": "We have detected your API key as {key} and our standard API rate limit is 25 "
    "requests per day."
}
ALPHAVANTAGE_NOTE = {"Note": "Thank you for using Alpha Vantage! Our standard call frequency is 5."}
ALPHAVANTAGE_ERROR = {"Error Message": "Invalid API call. Please retry."}
BINANCE = [
    {
        "symbol": "BTCUSDT",
        "priceChange": "-94.99999800",
        "priceChangePercent": "-0.141",
        "weightedAvgPrice": "67200.29000000",
        "prevClosePrice": "67300.10002000",
        "lastPrice": "67205.10002000",
        "lastQty": "0.20000000",
        "bidPrice": "67205.00000000",
        "ask Price": "",
        "askPrice": "67205.20000000",
        "openPrice": "67300.10001800",
        "highPrice": "68000.00000000",
        "lowPrice": "66000.10000000",
        "volume": "8913.30000000",
        "quoteVolume": "1234567890123456789.12345678",
        "openTime": 1795393800000,
        "closeTime": 1795480199999,
        "firstId": 28385,
        "lastId": 28460,
        "count": 76,
    }
]
BINANCE_ERROR = {"code": -1121, "msg": "Invalid symbol."}
COINGECKO: dict[str, dict[str, Any]] = {
    "bitcoin": {
        "usd": 67187.33,
        "usd_24h_vol": 31260929299.5,
        "usd_24h_change": 3.637,
        "last_updated_at": 1795480200,
    },
    "ethereum": {
        "usd": 3500,
        "usd_24h_vol": None,
        "usd_24h_change": None,
        "last_updated_at": 1795480201,
    },
}
COINGECKO_LATER = {k: v | {"last_updated_at": 1795480300} for k, v in COINGECKO.items()}
COINGECKO_ERROR = {
    "status": {"error_code": 429, "error_message": "You've exceeded the Rate Limit."}
}
COINBASE = {
    "trade_id": 86326522,
    "price": "6268.48",
    "size": "0.00698254",
    "time": "2026-11-24T00:22:57.833Z",
    "bid": "6265.15",
    "ask": "6267.71",
    "volume": "53602.03940154",
    "rfq_volume": "0.00",
    "conversions_volume": "0.00",
}
HN_ITEMS: dict[int, Any] = {
    101: {
        "id": 101,
        "type": "story",
        "by": "ann",
        "time": 1795480200,
        "title": "Show HN: <vector> in C",
        "url": "https://vector.example/",
        "score": 111,
        "descendants": 16,
        "kids": [103, 102],
    },
    102: {
        "id": 102,
        "type": "story",
        "by": "bob",
        "time": 1795480300,
        "title": "Ask HN: why?",
        "text": "Well &#x27;why&#x27;<p>not",
        "score": 5,
        "descendants": 0,
    },
    103: {"id": 103, "type": "job", "by": "inc", "time": 1795480400, "title": "Hiring", "score": 1},
    104: {"id": 104, "type": "story", "deleted": True, "time": 1795480500},
    105: {"id": 105, "type": "story", "dead": True, "by": "spam", "title": "[flagged]"},
    106: None,
}
GITHUB = [
    {
        "id": "44100000001",
        "type": "PushEvent",
        "actor": {"id": 1, "login": "ann", "avatar_url": "https://avatars.example/u/1?"},
        "repo": {"id": 2, "name": "ann/tools", "url": "https://api.github.com/repos/ann/tools"},
        "payload": {"push_id": 3, "ref": "refs/heads/main", "commits": []},
        "public": True,
        "created_at": "2026-11-24T02:00:00Z",
    },
    {
        "id": "44100000000",
        "type": "WatchEvent",
        "actor": {"id": 4, "login": "bob"},
        "repo": {"id": 2, "name": "ann/tools"},
        "payload": {"action": "started"},
        "public": True,
        "created_at": "2026-11-23T20:00:00Z",
    },
]


def usgs(generated_ms: int, preferred: str = "nc1") -> dict[str, Any]:
    """The feed as it is generated at that moment: the same quakes, another body.

    Args:
        preferred: which of its ids the quake goes by.
    """
    return {
        "type": "FeatureCollection",
        "metadata": {
            "generated": generated_ms,
            "url": "https://earthquake.usgs.gov/feed",
            "title": "USGS All Earthquakes, Past Hour",
            "status": 200,
            "api": "1.10.3",
            "count": 1,
        },
        "features": [
            {
                "type": "Feature",
                "properties": {
                    "mag": None,
                    "place": "5 km NW of The Geysers, CA",
                    "time": 1795480200123,
                    "updated": generated_ms,
                    "tz": None,
                    "url": f"https://earthquake.usgs.gov/earthquakes/eventpage/{preferred}",
                    "alert": None,
                    "status": "automatic",
                    "tsunami": 0,
                    "ids": ",nc1,us7,",
                },
                "geometry": {"type": "Point", "coordinates": [-122.7, 38.8, 1.9]},
                "id": preferred,
            }
        ],
    }


STATUSPAGE = {
    "page": {"id": "p", "name": "Hub", "url": "https://hub.example", "updated_at": "2026-11-24"},
    "status": {"indicator": "none", "description": "All Systems Operational"},
    "components": [
        {
            "id": "c1",
            "name": "Git Operations",
            "status": "operational",
            "created_at": "2017-01-31T20:05:05.370Z",
            "updated_at": "2026-11-20T10:00:00.000+01:00",
            "description": "Performance of clones",
            "group_id": None,
        }
    ],
    "incidents": [
        {
            "id": "i1",
            "name": "Slow pushes",
            "status": "investigating",
            "impact": "minor",
            "shortlink": "https://stspg.example/i1",
            "updated_at": "2026-11-24T02:00:00Z",
            "incident_updates": [{"id": "u1", "body": "We look into it.", "status": "x"}],
        }
    ],
    "scheduled_maintenances": [],
}
USERS = [
    {
        "id": 1,
        "name": "Leanne Graham",
        "address": {"geo": {"lat": "-37.3159", "lng": "81.1496"}},
    }
]
