"""Texts of other people → texts and addresses that can be shown in one line.

Pure. It resolves no address and knows no feed: where a text came from is its caller's business.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final
from urllib.parse import urljoin, urlsplit

MAX_LINE: Final = 300
"""Most characters of a title, an author or a tag."""
MAX_SUMMARY: Final = 500
"""Most characters of a summary: what a list of articles shows."""
_MAX_URL: Final = 2_048

_HIDDEN = re.compile(r"<(script|style|!--)", re.IGNORECASE)
_BLOCK = re.compile(
    r"</?(?:p|br|div|li|[uod]l|d[td]|t[rdh]|table|h[1-6r]|blockquote|pre|section|article|figure"
    r"|figcaption)\b[^<>]*>",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[A-Za-z!?][^<>]*>")


def plain(markup: object, limit: int) -> str:
    """HTML as text: no tags, entities resolved, blanks folded, cut at so many characters."""
    if not isinstance(markup, str):
        return ""
    # Much of HTML is not text; beyond this nobody wants to wait for the first words.
    visible = _BLOCK.sub(" ", _without_hidden(markup[: 100 * limit]))
    return line(html.unescape(_TAG.sub("", visible)), limit)


def line(text: str, limit: int) -> str:
    """The text with its blanks and line breaks folded, cut at so many characters."""
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else folded[: limit - 1].rstrip() + "…"


def printable(text: str) -> str:
    """The text without what could steer a terminal: upstreams may write anything."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or _is_harmless(c) else f"\\u{ord(c):04x}" for c in text)


def _is_harmless(character: str) -> bool:
    """Blanks that break no line, as French has them, and what joins letters and emoji."""
    return character in "\u200c\u200d" or unicodedata.category(character) == "Zs"


def _without_hidden(markup: str) -> str:
    """HTML without scripts, styles and comments; an unfinished one goes on to the end."""
    parts: list[str] = []
    at, lower = 0, markup.lower()
    while hidden := _HIDDEN.search(markup, at):
        parts.append(markup[at : hidden.start()])
        closer = "-->" if hidden[1] == "!--" else f"</{hidden[1].lower()}"
        end = lower.find(closer, hidden.end())
        at = len(markup) if end < 0 else end + len("-->" if closer == "-->" else "")
    return "".join([*parts, markup[at:]])


def web_url(link: object, base: str = "") -> str | None:
    """The address if it is one of the web, made absolute."""
    if not isinstance(link, str) or not link.strip() or len(link) > _MAX_URL:
        return None
    try:
        url = urljoin(base, link.strip())
        parts = urlsplit(url)
    except ValueError:
        return None
    is_web = parts.scheme in ("http", "https") and parts.netloc and not re.search(r"\s", url)
    return url if is_web else None
