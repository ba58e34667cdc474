"""Feeds → articles of the common shape."""

from __future__ import annotations

import json
import warnings
from html import escape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.articles import Feed, parse_feed
from stream.errors import SourceError
from stream.model import Item
from stream.plain import MAX_SUMMARY

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>The &amp; Times</title><link>https://news.example/</link><ttl>15</ttl>
<atom:link rel="self" href="https://news.example/feed/rss.xml"/>
<item>
 <title>Rates &lt;b&gt;rise&lt;/b&gt; &amp;#8211; again</title>
 <link>/2026/rates?a=1&amp;b=2</link>
 <guid isPermaLink="false">n-1</guid>
 <description><![CDATA[<p>The bank &amp; its   rate.</p><script>1</script>
 <p>More</p>]]></description>
 <content:encoded><![CDATA[<p>The bank &amp; its rate.</p><p>All of it.</p>]]></content:encoded>
 <dc:creator>Ann Other</dc:creator>
 <pubDate>Sun, 22 Nov 2026 03:11:09 +0100</pubDate>
 <category>Money</category><category>Banks</category><category>Money</category>
 <media:thumbnail url="https://img.example/1.jpg"/>
</item>
<item><title>Plain</title></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title>
<link rel="self" href="https://blog.example/atom.xml"/>
<entry><id>urn:uuid:1</id><title type="html">One &amp;amp; two</title>
 <link rel="alternate" href="posts/1"/><link rel="enclosure" type="image/png" href="i/1.png"/>
 <updated>2026-11-22T02:11:09.75Z</updated><published>2026-11-21T00:00:00+01:00</published>
 <author><name>Ann</name></author><category term="x" label="X"/>
 <summary>Short</summary>
 <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Long <b>er</b></p>
 <p>text</p></div></content>
</entry>
<entry><id>urn:uuid:2</id><title>a &lt; b</title><updated>2026-11-22T02:00:00Z</updated></entry>
</feed>"""

RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">
<channel rdf:about="https://r.example/"><title>R</title><link>https://r.example/</link>
<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency></channel>
<item rdf:about="https://r.example/1"><title>First</title><link>https://r.example/1</link>
<dc:date>2026-11-22T02:11:09Z</dc:date></item></rdf:RDF>"""


def rss(*items: str, channel: str = "") -> bytes:
    inner = "".join(f"<item>{item}</item>" for item in items)
    return f'<rss version="2.0"><channel><title>T</title>{channel}{inner}</channel></rss>'.encode()


def article(item: str, **options: Any) -> Item:
    return parse_feed(rss(item), **options).articles[0]


def ids(feed: Feed) -> list[Any]:
    return [each["id"] for each in feed.articles]


def refused(body: bytes, content_type: str = "") -> SourceError:
    with pytest.raises(SourceError) as caught:
        parse_feed(body, content_type)
    return caught.value


def test_an_rss_item_becomes_an_article() -> None:
    feed = parse_feed(RSS.encode(), "application/rss+xml")
    assert (feed.title, feed.ttl_s) == ("The & Times", 900.0)
    assert feed.articles[0] == {
        "id": "n-1",
        "url": "https://news.example/2026/rates?a=1&b=2",
        "title": "Rates rise – again",
        "summary": "The bank & its rate. More",
        "author": "Ann Other",
        "published": "2026-11-22T02:11:09Z",
        "source": "The & Times",
        "tags": ["Money", "Banks"],
        "image": "https://img.example/1.jpg",
    }


def test_what_a_feed_does_not_say_is_absent() -> None:
    plain = parse_feed(RSS.encode()).articles[1]
    assert plain == {"id": plain["id"], "title": "Plain", "source": "The & Times"}
    assert isinstance(plain["id"], str) and len(plain["id"]) == 16


def test_an_atom_entry_becomes_an_article() -> None:
    feed = parse_feed(ATOM.encode())
    assert feed.articles == [
        {
            "id": "urn:uuid:1",
            "url": "https://blog.example/posts/1",
            "title": "One & two",
            "summary": "Short",
            "author": "Ann",
            "published": "2026-11-20T23:00:00Z",
            "updated": "2026-11-22T02:11:09Z",
            "source": "Blog",
            "tags": ["x"],
            "image": "https://blog.example/i/1.png",
        },
        {
            "id": "urn:uuid:2",
            "title": "a < b",
            "published": "2026-11-22T02:00:00Z",
            "updated": "2026-11-22T02:00:00Z",
            "source": "Blog",
        },
    ]


def test_an_rdf_item_becomes_an_article() -> None:
    feed = parse_feed(RDF.encode())
    assert (feed.title, feed.ttl_s) == ("R", 21_600.0)
    assert feed.articles[0]["id"] == feed.articles[0]["url"] == "https://r.example/1"
    assert feed.articles[0]["published"] == "2026-11-22T02:11:09Z"


def test_a_json_feed_becomes_articles() -> None:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "J",
        "home_page_url": "https://j.example/",
        "items": [
            {
                "id": 7,
                "url": "/a",
                "title": "1 < 2",
                "content_html": "<p>Hello <i>you</i></p>",
                "authors": [{"name": "Ann"}, {"url": "x"}, {"name": "Bob"}],
                "date_published": "2026-11-22T02:11:09+01:00",
                "date_modified": "not a date",
                "tags": ["a", 1, "a"],
                "image": "javascript:alert(1)",
                "banner_image": "https://j.example/b.png",
            },
            {"id": "b", "summary": "S", "content_text": "a <b> c", "author": {"name": "Old"}},
            "junk",
        ],
    }
    feed = parse_feed(json.dumps(document).encode(), "application/feed+json", content=True)
    assert feed.articles == [
        {
            "id": "7",
            "url": "https://j.example/a",
            "title": "1 < 2",
            "summary": "Hello you",
            "author": "Ann, Bob",
            "published": "2026-11-22T01:11:09Z",
            "source": "J",
            "tags": ["a"],
            "image": "https://j.example/b.png",
            "content": "Hello you",
        },
        {"id": "b", "summary": "S", "author": "Old", "source": "J", "content": "a <b> c"},
    ]


@pytest.mark.parametrize(
    "body", [b"[1]", b'{"items": []}', b'{"version": "https://jsonfeed.org/version/1"}']
)
def test_json_that_is_no_json_feed_is_a_wrong_shape(body: bytes) -> None:
    assert refused(body).kind == "wrong_shape"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b" \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"<!doctype html><title>Blocked</title><html>", "wrong_shape"),
        (b"<html><title>Blocked</title></html>", "html"),
        (b'<!DOCTYPE r [<!ENTITY a "b">]><rss/>', "doctype"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><rss/>'.encode("utf-16"), "doctype"),
        (b"<urlset/>", "wrong_shape"),
        (b"<rss><channel>", "bad_feed"),
        (b'{"a": ', "bad_json"),
    ],
)
def test_what_is_no_feed_is_refused(body: bytes, kind: str) -> None:
    assert refused(body).kind == kind


def test_a_feed_labelled_as_html_is_a_feed_and_an_empty_one_is_fine() -> None:
    assert parse_feed(rss("<title>a</title>"), "text/html").articles[0]["title"] == "a"
    assert parse_feed(rss()) == Feed([], "T", None)


def test_the_id_is_the_guid_then_the_link_then_a_hash_of_the_words() -> None:
    link = "<link>https://a.example/1</link>"
    assert article(f"<guid isPermaLink='false'>g</guid>{link}")["id"] == "g"
    assert article(link)["id"] == "https://a.example/1"
    one, two = article("<title>a</title>"), article("<title>a</title><pubDate>x</pubDate>")
    assert one["id"] == two["id"] != article("<title>b</title>")["id"]
    long = str(article(f"<guid isPermaLink='false'>{'g' * 257}</guid>")["id"])
    assert len(long) == 16


def test_equal_guids_are_told_apart_by_url_then_by_number() -> None:
    def item(url: str) -> str:
        return f"<guid isPermaLink='false'>g</guid><link>https://a.example/{url}</link>"

    feed = parse_feed(rss(item("1"), item("2"), item("2"), item("2")))
    assert ids(feed) == ["g", "g|https://a.example/2", "g#2", "g#3"]
    bare = "<guid isPermaLink='false'>g</guid>"
    taken = "<guid isPermaLink='false'>g#2</guid>"
    assert ids(parse_feed(rss(bare, bare, taken))) == ["g", "g#3", "g#2"]


@given(
    st.lists(st.tuples(st.sampled_from(["", "g", "g#2", "g|https://a.example/1"]), st.booleans()))
)
def test_every_article_has_an_id_of_its_own(rows: list[tuple[str, bool]]) -> None:
    items = [
        f"<guid isPermaLink='false'>{guid}</guid>" + "<link>https://a.example/1</link>" * linked
        for guid, linked in rows
    ]
    feed = parse_feed(rss(*items))
    assert len(set(ids(feed))) == len(rows)


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "ftp://a.example/", "mailto:a@b.c", "http://[bad", "https://a b/",
     "https://a.example/" + "x" * 2_050, "//", ""],
)  # fmt: skip
def test_only_addresses_of_the_web_are_kept(link: str) -> None:
    assert "url" not in article(f"<title>a</title><link>{link}</link>")


def test_a_guid_that_is_no_address_is_no_link() -> None:
    assert article("<guid>123</guid>", base="https://a.example/") == {"id": "123", "source": "T"}
    assert article("<guid>https://a.example/1</guid>")["url"] == "https://a.example/1"


def test_relative_links_are_resolved_against_what_is_known() -> None:
    item = "<link>b</link>"
    assert article(item, base="https://a.example/x/feed")["url"] == "https://a.example/x/b"
    own = parse_feed(rss(item, channel="<link>https://c.example/y/</link>"))
    assert own.articles[0]["url"] == "https://c.example/y/b"
    assert "url" not in article(item)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("H<sub>2</sub>O", "H2O"),
        ("a<br/>b<hr>c", "a b c"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("a<!-- x > y -->b<style>p{}</style>c<SCRIPT>x</SCRIPT>d", "abcd"),
        ("a<script>never closed", "a"),
        ("&lt;b&gt; &amp;amp; &nbsp; &#x2014;", "<b> &amp; —"),
        ('<img src="x" alt="y">', ""),
        ("<a", "<a"),
    ],
)
def test_a_summary_is_plain_text(markup: str, text: str) -> None:
    found = article(f"<title>t</title><description><![CDATA[{markup}]]></description>")
    assert found.get("summary", "") == text


def test_a_summary_is_cut_and_taken_from_the_content_where_there_is_none() -> None:
    summary = str(article(f"<description>{'word ' * 200}</description>")["summary"])
    assert len(summary) <= MAX_SUMMARY and summary.endswith("word…")
    exact = article(f"<description>{'x' * MAX_SUMMARY}</description>")["summary"]
    assert exact == "x" * MAX_SUMMARY
    atom = ATOM.replace("<summary>Short</summary>", "")
    assert parse_feed(atom.encode()).articles[0]["summary"] == "Long er text"


def test_the_full_text_is_there_only_if_asked_for() -> None:
    assert "content" not in parse_feed(RSS.encode()).articles[0]
    full = parse_feed(RSS.encode(), content=True).articles[0]
    assert full["content"] == "The bank & its rate. All of it."
    assert parse_feed(ATOM.encode(), content=True).articles[0]["content"] == "Long er text"


def test_images_are_found_where_feeds_put_them() -> None:
    names = (
        'xmlns:media="http://search.yahoo.com/mrss/" '
        'xmlns:itunes="http://www.itunes.com/DTDs/PodCast-1.0.dtd"'
    )
    for markup in (
        f'<media:content {names} medium="image" url="https://i.example/1"/>',
        f'<media:content {names} type="image/png" url="https://i.example/1"/>',
        '<enclosure type="image/jpeg" url="https://i.example/1" length="1"/>',
        f'<itunes:image {names} href="https://i.example/1"/>',
    ):
        assert article(markup)["image"] == "https://i.example/1"
    assert "image" not in article('<enclosure type="audio/mpeg" url="https://i.example/1"/>')


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sun, 22 Nov 2026 02:11:09 GMT", "2026-11-22T02:11:09Z"),
        ("22 Nov 2026 02:11 EST", "2026-11-22T07:11:00Z"),
        ("2026-11-22T02:11:09+05:30", "2026-11-21T20:41:09Z"),
        ("2026-11-22", "2026-11-22T00:00:00Z"),
        ("yesterday", None),
    ],
)
def test_dates_become_rfc_3339_in_utc(date: str, expected: str | None) -> None:
    assert article(f"<title>a</title><pubDate>{date}</pubDate>").get("published") == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2026-11-22T02:11:09Z", "2026-11-22T02:11:09Z"),
        ("2026-11-22T02:11:09.123", "2026-11-22T02:11:09Z"),
        ("0001-01-01T00:00:00+10:00", None),
        (5, None),
        (None, None),
    ],
)
def test_dates_of_a_json_feed_become_rfc_3339_in_utc(date: object, expected: str | None) -> None:
    document = {"version": "jsonfeed.org", "items": [{"id": "a", "date_published": date}]}
    found = parse_feed(json.dumps(document).encode()).articles[0]
    assert found.get("published") == expected


@pytest.mark.parametrize(
    ("channel", "ttl_s"),
    [
        ("<ttl>60</ttl>", 3_600.0),
        ("<ttl> 1.5 </ttl>", 90.0),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>soon</ttl>", None),
        ("<ttl>999999999</ttl>", 30 * 86_400.0),
        ("<sy:updatePeriod>hourly</sy:updatePeriod>", 3_600.0),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><ttl>90</ttl>", 5_400.0),
        ("<sy:updatePeriod>daily</sy:updatePeriod>"
         "<sy:updateFrequency>0</sy:updateFrequency>", 86_400.0),
        ("<sy:updatePeriod>never</sy:updatePeriod>", None),
    ],
)  # fmt: skip
def test_how_long_a_feed_stays_as_it_is(channel: str, ttl_s: float | None) -> None:
    body = rss(channel=channel).replace(
        b"<rss", b'<rss xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
    )
    assert parse_feed(body).ttl_s == ttl_s


def test_only_the_first_articles_are_taken() -> None:
    body = rss(*(f"<guid isPermaLink='false'>{n}</guid>" for n in range(9)))
    assert ids(parse_feed(body, max_items=3)) == ["0", "1", "2"]


def test_many_and_long_tags_are_bounded() -> None:
    tags = article("".join(f"<category>{n} {'x' * 999}</category>" for n in range(50)))["tags"]
    assert isinstance(tags, list) and len(tags) == 20
    assert all(isinstance(tag, str) and len(tag) == 300 for tag in tags)


def test_a_broken_feed_is_read_as_far_as_it_goes() -> None:
    found = article("<title>AT&T and more</title><link>https://a.example/?a=1&b=2</link><b>")
    assert found["title"] == "AT&T and more" and found["url"] == "https://a.example/?a=1&b=2"


values = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.fixed_dictionaries({}, optional={
    "title": values, "link": values, "guid": values, "description": values, "author": values,
    "pubDate": values, "category": values,
}), max_size=4))  # fmt: skip
def test_any_fields_give_articles_that_can_be_sent_and_no_warning(
    rows: list[dict[str, str]],
) -> None:
    items = ["".join(f"<{n}>{escape(v)}</{n}>" for n, v in row.items()) for row in rows]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        feed = parse_feed(rss(*items), content=True)
    assert len(feed.articles) == len(rows)
    for found in feed.articles:
        json.dumps(found, ensure_ascii=False).encode()
        assert found["id"] and None not in found.values()
        assert str(found.get("url", "https://")).startswith(("http://", "https://"))
