"""XML feed bytes → feedparser's raw fields, in bounded time.

Pure. It decodes the text itself and hands feedparser markup only: no name of a file, no encoding,
no entity. What the fields mean is for ``articles.py``.
"""

from __future__ import annotations

import codecs
import html
import re
import sys
import xml.sax
from html.entities import html5
from typing import Any, Final, NamedTuple
from xml.sax.handler import feature_external_ges, feature_namespaces

from feedparser import api

from stream.errors import SourceError
from stream.extract import page_message

_MAX_ELEMENTS: Final = 60_000
"""Most elements of a feed, 4,000 articles of 15: a few seconds of feedparser's time."""
_MAX_BROKEN_ELEMENTS: Final = 20_000
"""Most elements of one that is not well-formed, for the tolerant parser is slower."""
_MAX_DEPTH: Final = 100
_MAX_PIECES: Final = 500_000
"""Most pieces of text: each reference such as ``&amp;`` begins one."""
_MAX_EACH: Final = 100
"""Most attributes, tags of an entry, namespaces: feedparser's time grows with their square."""
_MAX_AUTHOR: Final = 500
"""Longest author in which feedparser may look for an address: 300 KB took it 200 seconds."""
_MAX_BROKEN: Final = 1_048_576
"""Most bytes of a feed that is not well-formed: the tolerant parser is slower."""

_MAX_DIGITS: Final = 12
"""Most digits of a character reference that can still be one."""

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_DECLARED = re.compile(rb"""\s*<\?xml[^<>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)
_ENCODINGS = re.compile(
    r"ascii|iso8859-\d+|cp\d+|koi8-[rtu]|gb18030|gbk|gb2312|big5(hkscs)?|euc_\w+|shift_jis\w*"
    r"|mac-\w+|tis-620|iso2022_\w+|hz"
)
"""Encodings believed where the bytes are not UTF-8: no codec that runs code or decodes slowly."""
_SEVEN_BIT: Final = ("iso2022", "iso-2022", "hz")
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(
    r"&(?!(?:lt|gt|amp|quot|apos);)(?:#([0-9]+);?|#[xX]([0-9a-fA-F]+);?|(\w{2,32});)?"
)
_BLANKS = re.compile(r"\s*")
_DOCTYPE = re.compile(r"""<!DOCTYPE(?:[^\[\]<>"']++|"[^"]*+"|'[^']*+')*+>""", re.IGNORECASE)
_ROOT = re.compile(r"<(?:[\w.-]{1,40}:)?([A-Za-z][\w.-]{0,40})")
_ROOTS: Final = frozenset({"rss", "rdf", "feed", "channel"})
"""The last is CDF's, of 1997, and what is left of RSS where its root element is missing."""
_FAILURES: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class RawFeed(NamedTuple):
    """feedparser's dicts; look into them with `dict.get`, their own look-up answers for others."""

    fields: dict[str, Any]
    entries: list[dict[str, Any]]


def decode(body: bytes, content_type: str = "") -> str:
    """The text, by its byte order mark, as UTF-8, or as the encoding it or the header names."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    declared, charset = _DECLARED.match(body[:512]), _CHARSET.search(content_type)
    names = [declared[1].decode() if declared else "", charset[1] if charset else ""]
    names = [name.lower() for name in names if _is_believed(name)]
    # What decodes as UTF-8 is UTF-8, whatever it says; only seven-bit encodings look like it, too.
    for name in (*(n for n in names if n.startswith(_SEVEN_BIT)), "utf-8", *names):
        try:
            return body.decode(name)
        except UnicodeError:
            continue
    return body.decode("cp1252", "replace")


def _is_believed(name: str) -> bool:
    try:
        return _ENCODINGS.fullmatch(codecs.lookup(name).name) is not None
    except LookupError:
        return False


def parse_xml(text: str) -> RawFeed:
    """Read an RSS, RDF or Atom feed; one that is not well-formed is read as far as it goes.

    Raises:
        SourceError: ``html``, ``doctype`` (it declares entities), ``wrong_shape`` (not a feed),
            ``too_deep`` or ``bad_feed`` (broken with nothing to read in it, or more than we parse).
    """
    data = _encoded(_markup(text))
    parser = _shallow(_bounded(api.StrictFeedParser("", None, "utf-8"), _MAX_ELEMENTS))
    problem = None
    try:
        problem = _read(data, parser)
        if problem is not None:
            parser = api.LooseFeedParser("", None, "utf-8", {})
            parser = _bounded(parser, _MAX_BROKEN_ELEMENTS)
            if len(data) <= _MAX_BROKEN:
                parser.feed(data.decode())
    except _FAILURES as error:
        raise _broken(str(error)) from None
    if problem is not None and not parser.entries:
        raise _broken(problem.getMessage())
    return RawFeed(parser.feeddata, parser.entries)


def _read(data: bytes, parser: Any) -> xml.sax.SAXException | None:
    """Read what should be XML; what is wrong with it, if something is."""
    reader: Any = xml.sax.make_parser()  # noqa: S317  # no entity can be declared: see `_markup`
    reader.setFeature(feature_namespaces, True)
    reader.setFeature(feature_external_ges, False)
    reader.setContentHandler(parser)
    reader.setErrorHandler(parser)
    try:
        # All at once: expat reads an unfinished element again with each further piece.
        reader.feed(b"<?xml version='1.0' encoding='utf-8'?>" + data)
        reader.close()
    except xml.sax.SAXException as problem:
        return problem
    return None


def _broken(what: str) -> SourceError:
    return SourceError("bad_feed", f"the feed is not well-formed: {' '.join(what.split())[:120]}")


def _shallow(parser: Any) -> Any:
    """The parser, where it goes no deeper than `_MAX_DEPTH`."""
    start, end = parser.startElementNS, parser.endElementNS
    depth = 0

    def start_element(*element: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise SourceError("too_deep", f"the feed is nested more than {_MAX_DEPTH} deep")
        start(*element)

    def end_element(*element: Any) -> None:
        nonlocal depth
        depth -= 1
        end(*element)

    parser.startElementNS, parser.endElementNS = start_element, end_element
    return parser


def _bounded(parser: Any, most_elements: int) -> Any:
    """The parser, where it takes no more of anything than it can handle in passable time."""
    start = parser.unknown_starttag
    element: Any = getattr(parser, "startElementNS", None)
    add_tag, add_data = parser._add_tag, parser.handle_data
    sync_author = parser._sync_author_detail
    parser.resolve_relative_uris = parser.sanitize_html = False
    elements = pieces = 0

    def unknown_starttag(tag: str, attributes: list[Any]) -> None:
        nonlocal elements
        elements += 1
        _check("elements", elements, most_elements)
        _check("namespaces", len(parser.namespaces_in_use), _MAX_EACH)
        start(tag, attributes)

    def start_element(name: Any, qname: Any, attributes: Any) -> None:
        _check("attributes of one element", len(attributes), _MAX_EACH)
        element(name, qname, attributes)

    def tag(*names: Any) -> None:
        if len(parser._get_context().get("tags", ())) < _MAX_EACH:
            add_tag(*names)

    def data(text: str | bytes, escape: int = 1) -> None:
        nonlocal pieces
        pieces += 1
        _check("pieces of text", pieces, _MAX_PIECES)
        text = text if isinstance(text, str) else text.decode()
        # It would take leading blanks off one by one, and move all the rest each time.
        is_leading = parser.elementstack and not parser.elementstack[-1][2]
        if not (is_leading and text.isspace()):
            add_data(text, escape)

    def author(key: str = "author") -> None:
        if len(parser._get_context().get(key) or "") <= _MAX_AUTHOR:
            sync_author(key)

    parser.unknown_starttag, parser.startElementNS = unknown_starttag, start_element
    parser._add_tag, parser.handle_data, parser._sync_author_detail = tag, data, author
    return parser


def _check(what: str, count: int, most: int) -> None:
    if count > most:
        raise SourceError("bad_feed", f"the feed has more than {most} {what}")


def _markup(text: str) -> str:
    """The text from its root element on, after a look at what stands before it."""
    at = 0
    while True:
        at = _BLANKS.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        if text.startswith("<?", at):
            end = text.find("?>", at) + 2
        elif text.startswith("<!--", at):
            end = text.find("-->", at) + 3
        elif text.startswith("<!", at):
            doctype = _DOCTYPE.match(text, at)
            if doctype is None:
                message = "the feed declares a document type with entities, which is refused"
                raise SourceError("doctype", message)
            end = doctype.end()
        else:
            break
        at = end if end > at else len(text)
    root = _ROOT.match(text, at)
    name = root[1].lower() if root else ""
    if name == "html":
        raise SourceError("html", page_message(text[:65_536].encode(), "a feed"))
    if name not in _ROOTS:
        found = f"<{root[1]}>" if root else "something else"
        raise SourceError("wrong_shape", f"expected a feed (rss, rdf or feed), found {found}")
    return _mended(_NOT_XML.sub("", text[at:]))


def _mended(markup: str) -> str:
    """The markup with every reference as XML reads it; CDATA sections have none."""
    parts: list[str] = []
    at = 0
    while (start := markup.find("<![CDATA[", at)) >= 0 and (end := markup.find("]]>", start)) >= 0:
        parts += [_REFERENCE.sub(_character, markup[at:start]), markup[start : end + 3]]
        at = end + 3
    return "".join([*parts, _REFERENCE.sub(_character, markup[at:])])


def _character(reference: re.Match[str]) -> str:
    """A reference that is not one of XML's five names, or a bare ampersand, for XML to read."""
    decimal, hexadecimal, name = reference.groups()
    if name:
        known = html5.get(f"{name};")
        return html.escape(known) if known else f"&amp;{name};"
    if not (decimal or hexadecimal):
        return "&amp;"
    digits, base = (decimal, 10) if decimal else (hexadecimal, 16)
    code = int(digits, base) if len(digits) <= _MAX_DIGITS else sys.maxunicode + 1
    if 0xD800 <= code <= 0xDFFF:
        return chr(code)
    is_allowed = code <= sys.maxunicode and not _NOT_XML.match(chr(code))
    return f"&#{code};" if is_allowed else ""


def _encoded(markup: str) -> bytes:
    try:
        return markup.encode()
    except UnicodeEncodeError:
        # Some publishers write one character as two halves, each a reference of its own.
        return markup.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
