"""The configuration that `stream demo` runs with: a source of nearly every kind, all local.

It makes text only. It must not read files or the environment.
"""

from __future__ import annotations

from string import Template
from typing import Final

from stream.demo.walk import CODES, COIN_IDS

_TEXT: Final = Template("""\
[channels.news]
sort = "-published"
retain = 200

# Recent values, so that a reader who asks for trail=1 can draw a line at once.
[channels.quotes]
sort = "symbol"
trail = { fields = ["last"], points = 120, every = "1s" }

[channels.coins]
trail = { fields = ["usd"], points = 120, every = "1s" }

[channels.host]
trail = { fields = ["used_pct"], points = 120, every = "1s" }

# Many symbols in one request, as EODHD answers them.
[sources.quotes]
kind = "http"
url = "$base/real-time/$first"
params = { s = "$others", fmt = "json" }
every = "1s"
key = "symbol"
drop = "close == 'NA'"
select = \"\"\"{symbol: code, last: close, change: change, change_pct: change_p, open: open, \\
  high: high, low: low, prev_close: previousClose, volume: volume, bid: bid, ask: ask}\"\"\"

# An object map, as CoinGecko answers: the key is the member's name.
[sources.coins]
kind = "http"
url = "$base/simple/price"
params = { ids = "$coins", vs_currencies = "usd", include_24hr_change = "true" }
every = "1s"
ignore = ["last_updated_at"]

# NewsAPI: articles in an envelope, and rows that stand for retracted ones.
[sources.headlines]
kind = "http"
channel = "news"
url = "$base/v2/top-headlines"
params = { country = "us", pageSize = "40" }
headers = { X-Api-Key = "demo" }
every = "2s"
items = "articles"
key = "id"
drop = "title == '[Removed]'"
select = \"\"\"{id: url, url: url, title: title, summary: description, author: author, \\
  published: publishedAt, source: source.name}\"\"\"
removal = "window"

# An RSS feed that flows into the same channel.
[sources.wire]
kind = "feed"
channel = "news"
url = "$base/rss.xml"
every = "2s"

[sources.users]
kind = "http"
url = "$base/users"
every = "2s"
key = "id"

# user:1, user:2, … each created by its first reader.
[sources."user:{id}"]
kind = "http"
url = "$base/users/{id}"
match = { id = "int" }
every = "2s"
key = "id"

# A list of scalars, as Hacker News answers.
[sources.topstories]
kind = "http"
url = "$base/topstories.json"
every = "2s"

# Only the symbols that somebody watches: ?keys=BTC-USD.CC,NRTH.US
[sources.watch]
kind = "http"
url = "$base/real-time/{keys[0]}?s={keys[1:]}&fmt=json"
keys = { max = 15, allow = "[A-Z0-9.-]{1,20}" }
every = "1s"
key = "code"
ignore = ["timestamp"]

# Fed by POST /channels/alerts
[sources.alerts]
kind = "push"

# This machine.
[sources.host]
kind = "system"
every = "1s"
""")


def demo_config(upstream_url: str) -> str:
    """The TOML of the demo, reading from the upstream at this base URL."""
    first, *others = CODES
    return _TEXT.substitute(
        base=upstream_url.rstrip("/"),
        first=first,
        others=",".join(others),
        coins=",".join(COIN_IDS),
    )
