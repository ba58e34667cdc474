"""Feed bytes (RSS 0.9x–2.0, RDF, Atom, JSON Feed) → articles of the common shape.

Pure, but slow (about a millisecond an article): call it in a thread, and only when the body
changed. How XML is read is for ``feedxml.py``; it must not fetch what an article links to.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from stream.errors import SourceError
from stream.extract import parse_json
from stream.feedxml import RawFeed, decode, parse_xml
from stream.model import Item, Json
from stream.plain import MAX_LINE as _MAX_LINE
from stream.plain import MAX_SUMMARY
from stream.plain import plain as _plain
from stream.plain import web_url as _url

MAX_ARTICLES: Final = 1_000
"""Most articles taken of one feed, from its top; publishers keep tens to hundreds."""
MAX_CONTENT: Final = 100_000
"""Most characters of a full text, where it is asked for."""
_MAX_ID: Final = 256
_MAX_TAGS: Final = 20
_LONGEST_TTL_S: Final = 30 * 86_400.0

_PERIODS_S: Final = {
    "hourly": 3_600.0,
    "daily": 86_400.0,
    "weekly": 7 * 86_400.0,
    "monthly": 30 * 86_400.0,
    "yearly": 365 * 86_400.0,
}


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed, read.

    Attributes:
        articles: in the feed's order, each with an `id` of its own.
        title: the feed's title.
        ttl_s: how long the feed says that it stays as it is (`ttl`, `sy:updatePeriod`), in seconds.
    """

    articles: list[Item]
    title: str | None
    ttl_s: float | None


def parse_feed(
    body: bytes,
    content_type: str = "",
    *,
    content: bool = False,
    max_items: int = MAX_ARTICLES,
    base: str = "",
) -> Feed:
    """Read a feed.

    An article has ``id``, ``url``, ``title``, ``summary``, ``author``, ``published``, ``updated``,
    ``source`` (the feed's title), ``tags``, ``image``; what is unknown is absent. Texts are plain,
    dates ``2026-11-22T02:11:09Z``; where a feed gives one date only, that is ``published``.

    Args:
        content: add ``content``, the full text, plain.
        base: the feed's own address, for relative links; else what the feed says it is.

    Raises:
        SourceError: ``empty``, ``html``, ``doctype`` (it declares entities), ``wrong_shape`` (not
            a feed), ``bad_feed`` (a feed, but broken), or those of `parse_json`.
    """
    text = decode(body, content_type).lstrip("\ufeff \t\r\n")
    if not text:
        raise SourceError("empty", "the upstream answered nothing where a feed was expected")
    reader = _Reader(base, content=content, max_items=max_items)
    if text.startswith(("{", "[")):
        return reader.json_feed(parse_json(body))
    return reader.xml_feed(parse_xml(text))


@dataclass(frozen=True, slots=True)
class _Reader:
    """What a feed's raw fields become."""

    base: str
    content: bool
    max_items: int

    def xml_feed(self, raw: RawFeed) -> Feed:
        feed = raw.fields
        links = _get(feed, "links") or []
        own = [_get(link, "href") for link in links if _get(link, "rel") == "self"]
        base = self.base
        for candidate in (*own, _get(feed, "link")):
            base = base or _url(candidate, "") or ""
        title = _plain(_get(feed, "title"), _MAX_LINE)
        articles = [self._entry(entry, title, base) for entry in raw.entries[: self.max_items]]
        return Feed(_distinct(articles), title or None, _ttl_s(feed))

    def _entry(self, entry: dict[str, Any], source: str, base: str) -> Item:
        bodies = [_marked(body) for body in _get(entry, "content") or []]
        summary = _marked(_get(entry, "summary_detail")) or _get(entry, "summary") or ""
        guid, link = _get(entry, "id"), _get(entry, "link")
        if link == guid and not _url(link, ""):
            # A guid that is no address, where the feed did not say so.
            link = None
        tags = [_get(tag, "term") or _get(tag, "label") for tag in _get(entry, "tags") or []]
        return self._article(
            guid=guid,
            url=_url(link, base),
            title=_marked(_get(entry, "title_detail")) or _get(entry, "title"),
            summary=summary or next(iter(bodies), ""),
            author=_get(entry, "author"),
            dates=(_date(_get(entry, "published_parsed")), _date(_get(entry, "updated_parsed"))),
            source=source,
            tags=tags,
            image=_first_url(_images(entry), base),
            body=max(bodies, key=len, default=summary),
        )

    def json_feed(self, document: Json) -> Feed:
        feed: dict[str, Any] = document if isinstance(document, dict) else {}
        entries = feed.get("items")
        if not (isinstance(entries, list) and "jsonfeed.org" in str(feed.get("version"))):
            raise SourceError("wrong_shape", "expected a feed, found JSON that is no JSON Feed")
        base = self.base or _url(feed.get("feed_url"), "") or _url(feed.get("home_page_url"), "")
        title = _plain(feed.get("title"), _MAX_LINE)
        rows = [entry for entry in entries if isinstance(entry, dict)][: self.max_items]
        articles = [self._json_entry(entry, title, base or "") for entry in rows]
        return Feed(_distinct(articles), title or None, None)

    def _json_entry(self, entry: dict[str, Any], source: str, base: str) -> Item:
        authors = entry.get("authors")
        authors = authors if isinstance(authors, list) else [entry.get("author")]
        names = [each.get("name") for each in authors if isinstance(each, dict)]
        body = entry.get("content_html") or html.escape(str(entry.get("content_text") or ""))
        guid, tags = entry.get("id"), entry.get("tags")
        return self._article(
            guid=str(guid) if isinstance(guid, str | int) else None,
            url=_first_url([entry.get("url"), entry.get("external_url")], base),
            title=html.escape(str(entry.get("title") or "")),
            summary=html.escape(str(entry.get("summary") or "")) or body,
            author=", ".join(name for name in names if isinstance(name, str)),
            dates=(_iso_date(entry.get("date_published")), _iso_date(entry.get("date_modified"))),
            source=source,
            tags=tags if isinstance(tags, list) else [],
            image=_first_url([entry.get("image"), entry.get("banner_image")], base),
            body=body,
        )

    def _article(
        self,
        *,
        guid: str | None,
        url: str | None,
        title: str | None,
        summary: str,
        author: str | None,
        dates: tuple[str | None, str | None],
        source: str,
        tags: list[Any],
        image: str | None,
        body: str,
    ) -> Item:
        words = dict.fromkeys(_plain(tag, _MAX_LINE) for tag in tags)
        kept: list[Json] = [word for word in words if word]
        article: Item = {
            "id": "",
            "url": url,
            "title": _plain(title, _MAX_LINE),
            "summary": _plain(summary, MAX_SUMMARY),
            "author": _plain(author, _MAX_LINE),
            "published": dates[0] or dates[1],
            "updated": dates[1],
            "source": source,
            "tags": kept[:_MAX_TAGS],
            "image": image,
            "content": _plain(body, MAX_CONTENT) if self.content else None,
        }
        article["id"] = _id(guid, url, f"{article['title']}\n{article['summary']}")
        return {name: value for name, value in article.items() if value}


def _get(fields: Any, name: str) -> Any:
    """A field as it is: feedparser's own look-up answers for others, with a warning."""
    return dict.get(fields, name) if isinstance(fields, dict) else None


def _marked(detail: Any) -> str:
    """A text of the feed as HTML."""
    value = _get(detail, "value") or ""
    return _as_html(value) if _get(detail, "type") == "text/plain" else value


def _as_html(text: object) -> str:
    return text.replace("<", "&lt;") if isinstance(text, str) else ""


def _first_url(links: Iterable[object], base: str) -> str | None:
    return next(filter(None, (_url(link, base) for link in links)), None)


def _images(entry: dict[str, Any]) -> Iterable[object]:
    for thumbnail in _get(entry, "media_thumbnail") or []:
        yield _get(thumbnail, "url")
    links = [link for link in _get(entry, "links") or [] if _get(link, "rel") == "enclosure"]
    for medium in [*(_get(entry, "media_content") or []), *links]:
        if _get(medium, "medium") == "image" or str(_get(medium, "type")).startswith("image/"):
            yield _get(medium, "url") or _get(medium, "href")
    yield _get(_get(entry, "image"), "href")


def _date(moment: Any) -> str | None:
    """RFC 3339 of a UTC `time.struct_time`."""
    if not moment or not 1 <= moment.tm_year <= 9999:
        return None
    year, month, day, hour, minute, second = moment[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"


def _iso_date(text: object) -> str | None:
    try:
        moment = datetime.fromisoformat(text if isinstance(text, str) else "")
        return _date(moment.utctimetuple())
    except (ValueError, OverflowError):
        return None


def _ttl_s(feed: dict[str, Any]) -> float | None:
    """How long the feed says it stays as it is: the longer of its two ways to say so."""
    period_s = _PERIODS_S.get(str(_get(feed, "sy_updateperiod")).strip().lower(), 0.0)
    frequency = _number(_get(feed, "sy_updatefrequency")) or 1.0
    ttl_s = max(_number(_get(feed, "ttl")) * 60, period_s / frequency)
    return min(ttl_s, _LONGEST_TTL_S) or None


def _number(text: object) -> float:
    is_number = isinstance(text, str) and re.fullmatch(r"\s*[0-9]{1,9}(\.[0-9]{1,9})?\s*", text)
    return float(str(text)) if is_number else 0.0


def _id(guid: str | None, url: str | None, content: str) -> str:
    text = guid or url or _hash(content)
    return text if len(text) <= _MAX_ID else _hash(text)


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _distinct(articles: list[Item]) -> list[Item]:
    """The articles, where a second equal id becomes ``id|url`` and any further one ``id#n``."""
    taken = {str(article["id"]) for article in articles}
    seen: set[str] = set()
    following: dict[str, int] = {}
    for article in articles:
        guid = name = str(article["id"])
        if guid in seen:
            if "url" in article:
                name = _id(f"{guid}|{article['url']}", None, "")
            n = following.get(guid, 2)
            while name in taken:
                name, n = f"{guid}#{n}", n + 1
            following[guid] = n
            taken.add(name)
        seen.add(guid)
        article["id"] = name
    return articles
