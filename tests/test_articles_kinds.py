"""Every kind of feed, wrong encodings, the ill-formed, identity and dates → the same articles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stream.articles import parse_feed
from stream.model import Item

RDF_NS = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
RSS_090 = f"""<?xml version="1.0"?><rdf:RDF {RDF_NS} xmlns="http://my.netscape.com/rdf/simple/0.9/">
<channel><title>News</title><link>https://n.example/</link></channel>
<item><title>One &amp; two</title><link>https://n.example/1</link></item></rdf:RDF>"""
RSS_091 = """<?xml version="1.0"?>
<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN"
 "http://my.netscape.com/publish/formats/rss-0.91.dtd">
<rss version="0.91"><channel><title>News</title><link>https://n.example/</link>
<item><title>One &amp; two</title><link>https://n.example/1</link></item></channel></rss>"""
RSS_092 = """<rss version="0.92"><channel><title>News</title><link>https://n.example/</link>
<item><title>One &amp; two</title><link>https://n.example/1</link></item></channel></rss>"""
RSS_20 = """<rss version="2.0"><channel><title>News</title><link>https://n.example/</link>
<item><title>One &amp; two</title><link>https://n.example/1</link>
<guid>https://n.example/1</guid></item></channel></rss>"""
RDF_10 = f"""<rdf:RDF {RDF_NS} xmlns="http://purl.org/rss/1.0/">
<channel rdf:about="https://n.example/"><title>News</title><link>https://n.example/</link></channel>
<item rdf:about="https://n.example/1"><title>One &amp; two</title>
<link>https://n.example/1</link></item></rdf:RDF>"""
ATOM_03 = """<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>News</title>
<entry><title>One &amp; two</title><id>https://n.example/1</id>
<link rel="alternate" type="text/html" href="https://n.example/1"/></entry></feed>"""
ATOM_10 = """<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>
<entry><title>One &amp; two</title><id>https://n.example/1</id>
<link href="https://n.example/1"/></entry></feed>"""
CDF = """<CHANNEL HREF="https://n.example/"><TITLE>News</TITLE>
<ITEM HREF="https://n.example/1"><TITLE>One &amp; two</TITLE></ITEM></CHANNEL>"""


def json_feed(version: str, **entry: Any) -> str:
    row = {"id": "https://n.example/1", "url": "https://n.example/1", "title": "One & two"} | entry
    return json.dumps({"version": version, "title": "News", "items": [row]})


KINDS = {
    "RSS 0.90": RSS_090,
    "RSS 0.91": RSS_091,
    "RSS 0.92": RSS_092,
    "RSS 2.0": RSS_20,
    "RDF 1.0": RDF_10,
    "Atom 0.3": ATOM_03,
    "Atom 1.0": ATOM_10,
    "CDF": CDF,
    "JSON Feed 1": json_feed("https://jsonfeed.org/version/1"),
    "JSON Feed 1.1": json_feed("https://jsonfeed.org/version/1.1"),
}


def rss(*items: str) -> str:
    inner = "".join(f"<item>{item}</item>" for item in items)
    return f'<rss version="2.0"><channel><title>News</title>{inner}</channel></rss>'


def articles(text: str | bytes, content_type: str = "") -> list[Item]:
    return parse_feed(text.encode() if isinstance(text, str) else text, content_type).articles


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_feed_gives_the_same_article(kind: str) -> None:
    assert articles(KINDS[kind]) == [
        {
            "id": "https://n.example/1",
            "url": "https://n.example/1",
            "title": "One & two",
            "source": "News",
        }
    ]


@pytest.mark.parametrize(
    ("body", "content_type", "title"),
    [
        (rss("<title>Grüße</title>").encode("latin-1"), "", "Grüße"),
        (
            b'<?xml version="1.0" encoding="utf-8"?>'
            + rss("<title>caf\xe9</title>").encode("latin-1"),
            "",
            "café",
        ),
        (
            b'<?xml version="1.0" encoding="iso-8859-1"?>' + rss("<title>Grüße €</title>").encode(),
            "",
            "Grüße €",
        ),
        (
            b'<?xml version="1.0" encoding="utf-16"?>' + rss("<title>Grüße</title>").encode(),
            "",
            "Grüße",
        ),
        (rss("<title>Привет</title>").encode("cp1251"), "text/xml; charset=windows-1251", "Привет"),
        (
            b'<?xml version="1.0" encoding="no-such"?>' + rss("<title>Grüße</title>").encode(),
            "",
            "Grüße",
        ),
        (rss("<title>Grüße</title>").encode("utf-16"), "text/xml; charset=utf-8", "Grüße"),
        (b"\r\n \n" + rss("<title>Grüße</title>").encode(), "", "Grüße"),
        (rss("<title>smart \x93quotes\x94</title>").encode("latin-1"), "", "smart “quotes”"),
    ],
)
def test_a_wrong_encoding_is_seen_through(body: bytes, content_type: str, title: str) -> None:
    assert [row["title"] for row in articles(body, content_type)] == [title]


@pytest.mark.parametrize(
    "item",
    [
        "<title>Q & A</title><guid>g</guid>",
        "<title>Q &amp; A</title><guid>g</guid><description><p>open<br></description>",
        "<title>Q &amp; A</title><guid>g</guid><link>https://n.example/?a=1&b=2</link>",
        "<title>Q &amp; A\x0b</title><guid>g</guid>",
        "<title><![CDATA[Q & A]]></title><guid>g</guid><media:x/>",
        "<title>Q &amp; A</title><guid>g</guid></wrong>",
        "<title>Q &amp;amp; A</title><guid>g</guid><x y=1>",
    ],
)
def test_the_ill_formed_is_read_all_the_same(item: str) -> None:
    (article,) = articles(rss(item))
    assert (article["id"], article["title"]) == ("g", "Q & A")


def test_a_feed_that_is_cut_off_gives_what_was_there() -> None:
    text = rss("<guid>1</guid><title>One</title>", "<guid>2</guid><title>Two</title>")
    rows = articles(text[: text.index("Two")])
    assert rows[0] == {"id": "1", "title": "One", "source": "News"}


def test_identity_is_the_guid_then_the_link_then_the_content() -> None:
    rows = articles(
        rss(
            "<guid>g</guid><link>https://n.example/1</link><title>A</title>",
            "<link>https://n.example/2</link><title>B</title>",
            "<title>C</title>",
            "<title>C</title>",
            "<guid> </guid><link>https://n.example/3</link>",
        )
    )
    first, second, third, fourth, fifth = (str(row["id"]) for row in rows)
    assert (first, second, fifth) == ("g", "https://n.example/2", "https://n.example/3")
    assert len(third) == 16
    assert fourth == f"{third}#2"


def test_the_identity_of_an_article_does_not_hang_on_its_neighbours_or_its_dates() -> None:
    alone = articles(rss("<title>C</title><description>d</description>"))[0]["id"]
    later = articles(
        rss(
            "<guid>new</guid>",
            "<title>C</title><description>d</description><pubDate>2026-11-22</pubDate>",
        )
    )[1]["id"]
    assert alone == later


def test_a_second_equal_guid_does_not_overwrite_the_first() -> None:
    rows = articles(
        rss(
            "<guid>g</guid><link>https://n.example/1</link><title>A</title>",
            "<guid>g</guid><link>https://n.example/2</link><title>B</title>",
            "<guid>g</guid><link>https://n.example/2</link><title>C</title>",
            "<guid>g</guid><title>D</title>",
        )
    )
    assert [(row["id"], row["title"]) for row in rows] == [
        ("g", "A"),
        ("g|https://n.example/2", "B"),
        ("g#2", "C"),
        ("g#3", "D"),
    ]


DATES = [
    ("Sun, 22 Nov 2026 03:11:09 +0100", "2026-11-22T02:11:09Z"),
    ("22 Nov 2026 02:11:09 GMT", "2026-11-22T02:11:09Z"),
    ("Sun, 22 Nov 26 02:11 EST", "2026-11-22T07:11:00Z"),
    ("Sun,22 Nov 2026 02:11:09 GMT", "2026-11-22T02:11:09Z"),
    ("Sunday, 22-Nov-26 02:11:09 GMT", "2026-11-22T02:11:09Z"),
    ("2026-11-22T02:11:09Z", "2026-11-22T02:11:09Z"),
    ("2026-11-22T03:11:09.75+01:00", "2026-11-22T02:11:09Z"),
    ("2026-11-22T03:11:09+0100", "2026-11-22T02:11:09Z"),
    ("2026-11-22 02:11:09", "2026-11-22T02:11:09Z"),
    ("2026/11/22 02:11:09", "2026-11-22T02:11:09Z"),
    ("2026-11-22", "2026-11-22T00:00:00Z"),
    ("2026-W47-7", "2026-11-22T00:00:00Z"),
    ("1795313469", "2026-11-22T02:11:09Z"),
    ("1795313469123", "2026-11-22T02:11:09Z"),
    ("yesterday", None),
    ("0000-00-00", None),
    ("99999999999999999999", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "expected"), DATES)
def test_a_date_is_rfc_3339_in_utc_whatever_it_was(text: str, expected: str | None) -> None:
    (article,) = articles(rss(f"<guid>g</guid><pubDate>{text}</pubDate>"))
    assert article.get("published") == expected
    (article,) = articles(json_feed("https://jsonfeed.org/version/1.1", date_published=text))
    assert article.get("published") == expected


def test_a_relative_link_is_resolved_by_the_feeds_own_address() -> None:
    feed = parse_feed(rss("<guid>g</guid><link>/1</link>").encode(), base="https://n.example/rss")
    assert feed.articles[0]["url"] == "https://n.example/1"
