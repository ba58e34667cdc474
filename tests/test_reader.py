"""Bodies as keyed items, as one table says."""

from __future__ import annotations

import pytest

from stream.errors import SourceError
from stream.extract import Rules
from stream.identity import KeyRule
from stream.query import compile_query
from stream.reader import FeedReader, JsonReader
from stream.shape import QUOTE

QUOTES = JsonReader(
    Rules(drop=compile_query("gone"), select=compile_query("{last: c, time: t}")),
    KeyRule(("symbol",)),
    QUOTE,
)


def test_a_map_is_read_with_its_names_put_into_the_items() -> None:
    body = b'{"btc": {"c": "1.50", "t": 1795480200}, "old": {"gone": true}, "eth": {"c": "NA"}}'
    keyed = QUOTES.keyed(body, "", found=None, add={"symbol": "{_key}"})
    assert keyed.key == "symbol"
    assert keyed.items == {
        "btc": {"symbol": "btc", "last": 1.5, "time": "2026-11-24T00:30:00Z"},
        "eth": {"symbol": "eth"},
    }


def test_a_list_gives_names_whatever_is_dropped_and_selected_of_its_items() -> None:
    assert JsonReader().names(b"[3, 1, 2]", "") == [3, 1, 2]
    listed = JsonReader(Rules(drop=compile_query("@"), select=compile_query("{a: a}")))
    assert listed.names(b'[{"id": "x", "a": 1}, {"id": "y"}]', "") == ["x", "y"]
    named = JsonReader(Rules(items=compile_query("ids")), KeyRule(("id",)))
    assert named.names(b'{"ids": [7, 8]}', "") == [7, 8]


def test_an_item_that_is_null_or_dropped_is_none() -> None:
    assert QUOTES.detail(b"null", 1, {}) is None
    assert QUOTES.detail(b'{"gone": true}', 1, {}) is None
    assert QUOTES.detail(b'{"c": "2"}', "A", {"symbol": "{_key}"}) == {"symbol": "A", "last": 2}
    # One of objects only is still one item.
    assert JsonReader().detail(b'{"a": {"b": 1}}', 1, {}) == {"a": {"b": 1}}
    with pytest.raises(SourceError, match="not JSON"):
        QUOTES.detail(b"{", 1, {})


def test_items_that_came_one_by_one_keep_the_order_of_their_list() -> None:
    ranked = JsonReader(key=KeyRule(("id",)), rank=True)
    keyed = ranked.joined({9: {"id": 9}, 4: {"id": 4}}, left_out=2)
    assert keyed.items == {9: {"id": 9, "_rank": 1}, 4: {"id": 4, "_rank": 2}}
    assert keyed.skipped == 2
    assert JsonReader().joined({"x": {"a": 1}}, left_out=0).items == {"x": {"_key": "x", "a": 1}}
    assert ranked.joined({}, left_out=0).items == {}


def test_a_feed_is_dropped_and_selected_too() -> None:
    body = b"""<rss version="2.0"><channel><title>T</title>
      <item><guid>a</guid><title>One</title></item><item><guid>b</guid></item></channel></rss>"""
    reader = FeedReader(compile_query("!title"), compile_query("{id: id, t: title}"))
    keyed, _ = reader.keyed(body, "")
    assert keyed.items == {"a": {"id": "a", "t": "One"}}
