"""Reading XML feeds: encodings, document types, broken and hostile markup."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream import feedxml
from stream.errors import SourceError
from stream.feedxml import RawFeed, decode, parse_xml

XML = '<?xml version="1.0" encoding="{}"?>'


def rss(item: str, head: str = "") -> str:
    return f'{head}<rss version="2.0"><channel><title>T</title><item>{item}</item></channel></rss>'


def first(raw: RawFeed, name: str) -> Any:
    return dict.get(raw.entries[0], name)


def refused(text: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        parse_xml(text)
    assert len(caught.value.message) < 300 and "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("utf-8", "Grüße €"),
        ("utf-8-sig", "Grüße €"),
        ("utf-16", "Grüße €"),
        ("utf-16-le", "Grüße €"),
        ("utf-16-be", "Grüße €"),
        ("utf-32", "Grüße €"),
        ("utf-32-be", "Grüße €"),
        ("iso-8859-1", "Grüße"),
        ("windows-1252", "Grüße €"),
        ("windows-1251", "Привет"),
        ("koi8-r", "Привет"),
        ("shift_jis", "日本語"),
        ("euc-jp", "日本語"),
        ("iso-2022-jp", "日本語"),
        ("gb2312", "中文"),
    ],
)
def test_text_is_read_in_the_encoding_it_names(encoding: str, word: str) -> None:
    text = XML.format(encoding) + f"<rss>{word}</rss>"
    assert decode(text.encode(encoding)).endswith(f"<rss>{word}</rss>")


def test_the_header_names_the_encoding_where_the_text_does_not() -> None:
    body = "<rss>Привет</rss>".encode("cp1251")
    assert decode(body, 'text/xml; charset="windows-1251"') == "<rss>Привет</rss>"


def test_what_is_utf_8_is_read_so_whatever_it_says() -> None:
    body = (XML.format("iso-8859-1") + "<rss>é</rss>").encode()
    assert decode(body, "text/xml; charset=us-ascii").endswith("é</rss>")


@pytest.mark.parametrize("name", ["punycode", "unicode_escape", "utf-7", "idna", "zlib", "nope"])
def test_an_encoding_that_is_none_is_not_believed(name: str) -> None:
    body = XML.format(name).encode() + b"<rss>caf\xe9 +ADw- \\u0041</rss>"
    assert decode(body).endswith("<rss>café +ADw- \\u0041</rss>")


def test_bytes_that_no_encoding_explains_are_still_read() -> None:
    assert decode(b"<rss>\x81\xff</rss>") == "<rss>\ufffdÿ</rss>"


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE rss>",
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN"\n'
        ' "http://my.netscape.com/publish/formats/rss-0.91.dtd">',
        "<!doctype rss SYSTEM 'a[b]>c'>",
    ],
)
def test_a_document_type_without_entities_is_passed_over(doctype: str) -> None:
    raw = parse_xml(rss("<title>a</title>", f"{XML.format('utf-8')}\n<!-- x -->{doctype} "))
    assert first(raw, "title") == "a"


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE rss [<!ENTITY a "b">]>',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://a.example/x.dtd"> %p;]>',
        '<!-- c --><?pi?>  <!DOCTYPE rss SYSTEM "x" []>',
        "<!DOCTYPE rss",
        '<!DOCTYPE rss "',
        '<!ENTITY a "b">',
    ],
)
def test_a_document_type_that_declares_is_refused(head: str) -> None:
    assert refused(rss("<title>&a;</title>", head)).kind == "doctype"
    for encoding in ("utf-16", "utf-16-be", "utf-32"):
        text = decode(rss("", head).encode(encoding)).lstrip("\ufeff")
        assert refused(text).kind == "doctype"


def test_a_document_type_inside_an_article_is_only_text() -> None:
    code = '<![CDATA[<!DOCTYPE x [<!ENTITY a "b">]>]]>'
    assert "<!ENTITY a" in first(parse_xml(rss(f"<description>{code}</description>")), "summary")


def test_a_page_is_named_with_its_title() -> None:
    page = "<!DOCTYPE html>\n<html><head><title>Just a moment</title></head></html>"
    assert (refused(page).kind, "'Just a moment'" in refused(page).message) == ("html", True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<sitemapindex><sitemap/></sitemapindex>", "<sitemapindex>"),
        ("Service unavailable", "something else"),
        ("<!-- never closed", "something else"),
        ("<?xml", "something else"),
        ("<opml version='2.0'/>", "<opml>"),
    ],
)
def test_what_is_no_feed_is_a_wrong_shape(text: str, found: str) -> None:
    error = refused(text)
    assert error.kind == "wrong_shape" and error.message.endswith(f"found {found}")


def test_an_empty_feed_is_a_feed() -> None:
    assert parse_xml("<rss version='2.0'><channel><title>T</title></channel></rss>").entries == []
    assert (
        parse_xml("<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>").entries
        == []
    )


@pytest.mark.parametrize("broken", ["<b>x", "a < b", "</b>", "<media:x>1</media:x>"])
def test_markup_that_is_not_well_formed_is_read_as_far_as_it_goes(broken: str) -> None:
    raw = parse_xml(rss(f"<title>ok</title><description>{broken}</description>"))
    assert first(raw, "title") == "ok"


@pytest.mark.parametrize(
    "text", ['<rss version="2.0"><channel>', "<rss><channel>< </channel></rss>"]
)
def test_a_broken_feed_with_nothing_in_it_is_an_error_not_an_empty_feed(text: str) -> None:
    error = refused(text)
    assert error.kind == "bad_feed" and "not well-formed" in error.message


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("&#xD83D;&#xDE00;", "😀"),
        ("&#55357;&#56832;", "😀"),
        ("a&#xD83D;b", "a\ufffdb"),
        ("a&#1;&#99999999999;b", "ab"),
        ("a&#xD83D&#xDE00 b", "a😀 b"),
        ("a&#" + "9" * 5_000 + ";b", "ab"),
        ("a\x01\x0bb", "ab"),
        ("caf&eacute;&nbsp;&rarr;", "café\xa0→"),
        ("&LT;i&GT; &QUOT;", '<i> "'),
        ("&#65;&amp;&#x42;", "A&B"),
        ("AT&T, R&amp;D &bogus; ?a=1&b=2 &#; &", "AT&T, R&D &bogus; ?a=1&b=2 &#; &"),
        ("<![CDATA[a&b &eacute; &#1;]]> &eacute;", "a&b &eacute; &#1; é"),
        ("<![CDATA[&]]>&", "&&"),
    ],
)
def test_references_that_xml_refuses_are_read_as_they_were_meant(reference: str, text: str) -> None:
    assert first(parse_xml(rss(f"<author>{reference}</author>")), "author") == text


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("attributes", rss("<a " + " ".join(f'a{n}="1"' for n in range(200)) + "/>")),
        ("namespaces", rss("<a " + " ".join(f'xmlns:a{n}="u{n}"' for n in range(200)) + "/><b/>")),
        ("elements", rss("<a/>" * 50)),
        ("elements", rss("< " + "<a>" * 50)),
        ("pieces of text", rss("<title>" + "&amp;" * 60 + "</title>")),
    ],
)
def test_more_than_can_be_read_in_passable_time_is_refused(
    what: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedxml, "_MAX_ELEMENTS", 50)
    monkeypatch.setattr(feedxml, "_MAX_BROKEN_ELEMENTS", 50)
    monkeypatch.setattr(feedxml, "_MAX_PIECES", 50)
    error = refused(text)
    assert error.kind == "bad_feed" and what in error.message


def test_what_feedparser_itself_fails_on_is_a_broken_feed() -> None:
    place = '<g:posList xmlns:g="http://www.opengis.net/gml">1 2</g:posList>'
    error = refused(rss(f"<title>x</title>{place}"))
    assert error.kind == "bad_feed" and "where" in error.message


@pytest.mark.parametrize(
    "text",
    [
        rss(f"<author>{'a' * 2_000_000}</author>"),
        rss(f"<author>{'a' * 900_000}< </author>"),
        rss("".join(f"<category>c{n}</category>" for n in range(40_000))),
        rss('<k:keywords xmlns:k="http://www.itunes.com/DTDs/PodCast-1.0.dtd">'
            + ",".join(map(str, range(200_000))) + "</k:keywords>"),
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><content type="xhtml">'
        + "\n<!---->" * 200_000 + "<div/></content></entry></feed>",
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><content type="xhtml">'
        + "&#160;" * 150_000 + "<div/>< </content></entry></feed>",
        f'<rss><channel><item a="{"x" * 4_000_000}',
        "<!DOCTYPE " + "'\"" * 1_000_000,
    ],
    ids=["author", "author, broken", "tags", "keywords", "blanks", "blanks, broken", "tag", "type"],
)  # fmt: skip
@pytest.mark.timeout(30)
def test_hostile_markup_takes_no_more_than_linear_time(text: str) -> None:
    # Unbounded, each of these takes minutes to hours; bounded, about a second.
    try:
        parse_xml(text)
    except SourceError as error:
        assert error.kind in ("bad_feed", "doctype")


def test_a_large_feed_that_is_not_well_formed_is_refused() -> None:
    text = rss("<title>ok</title><description>< " + "x" * 1_100_000 + "</description>")
    assert refused(text).kind == "bad_feed"


pieces = st.sampled_from(
    "<item> </item> <title> </title> <link> <link/> <guid> </guid> <author> <description> & &amp;"
    " &#x41; &#xd800; &#99999999999; &nbsp; &bogus; <![CDATA[ ]]> <!-- --> <?x ?> <!DOCTYPE x>"
    " <content:encoded> <media:content <category> </category> <pubDate> </pubDate> 2024-02-30"
    ' <ttl> < > a="1" <width> <georss:point> 1,2 text/html <source> </source> \ud800 \x00 é'.split(
        " "
    )
)


@given(
    st.lists(pieces, max_size=25), st.sampled_from(["<rss version='2.0'><channel>", "<feed>", ""])
)
@example(["<item>", "<width>", "&#99999999999;"], "<rss>")
def test_any_markup_is_read_or_refused_without_a_warning(parts: list[str], head: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            raw = parse_xml(head + "".join(parts))
        except SourceError as error:
            assert error.kind in ("bad_feed", "doctype", "html", "wrong_shape")
        else:
            assert isinstance(raw.entries, list)


@given(st.binary(max_size=80), st.text(max_size=20))
@example(b"<?xml version='1.0' encoding='undefined'?>\xff", "charset=utf-16")
def test_any_bytes_become_text(body: bytes, content_type: str) -> None:
    decode(body, content_type).encode()


def test_a_feed_of_a_hundred_levels_is_read_and_a_deeper_one_is_not() -> None:
    # rss, channel and item are three of them.
    assert parse_xml(rss("<a>" * 97 + "</a>" * 97)).entries
    assert refused(rss("<a>" * 98 + "</a>" * 98)).kind == "too_deep"
    assert parse_xml(rss("<a/>" * 500)).entries
