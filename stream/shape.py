"""Fields of any API → fields of the common shapes: numbers, dates, plain texts, or absent.

Pure. Which field means what is said by a ``select`` before; here only values are converted. A
number is made of a text only where no digit is lost.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import Final, Literal, TypeAlias

from stream.extract import Extracted
from stream.model import ADDED_KEY, SAFE_INTEGER, Item, Json, Key
from stream.plain import MAX_LINE, MAX_SUMMARY, line, plain, web_url

As: TypeAlias = Literal["number", "date", "line", "text", "list", "url", "id"]
"""What a field is to become."""
Shape: TypeAlias = Literal["article", "quote"]

QUOTE: Final[Mapping[str, As]] = {
    "symbol": "id",
    "last": "number",
    "open": "number",
    "high": "number",
    "low": "number",
    "prev_close": "number",
    "change": "number",
    "change_pct": "number",
    "bid": "number",
    "ask": "number",
    "volume": "number",
    "time": "date",
    "currency": "line",
}
"""A price of something that is traded; `change_pct` is in percent."""
ARTICLE: Final[Mapping[str, As]] = {
    "id": "id",
    "url": "url",
    "title": "line",
    "summary": "text",
    "author": "line",
    "published": "date",
    "updated": "date",
    "source": "line",
    "tags": "list",
    "image": "url",
    "symbols": "list",
}
"""Something that was written; feeds deliver the same."""
SHAPES: Final[Mapping[Shape, Mapping[str, As]]] = {"article": ARTICLE, "quote": QUOTE}

_NAME: Final = f"{{{ADDED_KEY}}}"
_ABSENT: Final = frozenset({"", "na", "n/a", "nan", "none", "null", "-"})
"""Texts that say that there is no value."""
_MAX_ID: Final = 256
_MAX_LIST: Final = 20
_MILLIS_FROM: Final = 100_000_000_000
"""A Unix time from here on is in milliseconds: in seconds it would be the year 5138."""

_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?"
)
_DIGITS = re.compile(r"[0-9]{9,16}(\.[0-9]{1,9})?")


def shape_of(item: Item) -> Shape | None:
    """The common shape an item has, as far as a screen cares: a price, or a headline."""
    if "symbol" in item and "last" in item:
        return "quote"
    if "title" in item and ("url" in item or "published" in item):
        return "article"
    return None


@dataclass(frozen=True, slots=True)
class Finish:
    """What is done to each item after it was selected.

    Attributes:
        add: field → text, for items that lack the field. ``{_key}`` in a text is the item's name
            in an object map or a list of scalars; where items have no name, nothing is added.
        fields: field → what it is to become.
    """

    add: Mapping[str, str]
    fields: Mapping[str, As]

    def of(self, extracted: Extracted) -> Extracted:
        """The items, finished."""
        if not (self.add or self.fields):
            return extracted
        names: Sequence[Key | None] = extracted.names or [None] * len(extracted.items)
        pairs = zip(extracted.items, names, strict=True)
        items = [converted(self._added(item, name), self.fields) for item, name in pairs]
        return Extracted(items, extracted.names, extracted.container)

    def _added(self, item: Item, name: Key | None) -> Item:
        added: Item = {}
        for field, text in self.add.items():
            if item.get(field) is not None or (name is None and _NAME in text):
                continue
            # Alone it keeps its type: the number of a story stays a number.
            added[field] = name if text == _NAME else text.replace(_NAME, str(name))
        return {**added, **{k: v for k, v in item.items() if k not in added}} if added else item


def converted(item: Item, fields: Mapping[str, As]) -> Item:
    """The item with these fields converted; one without a usable value is left out.

    - ``number``: a number, or a text that is one (``"6268.48"``, ``"0.6319%"``) without a loss of
      digits; a text with more digits than a number can hold stays as it is.
    - ``date``: RFC 3339 in UTC with seconds, of Unix seconds or milliseconds, ISO 8601 (without an
      offset: UTC) or RFC 822.
    - ``line``: a text in one line, at most 300 characters; ``text``: the same of HTML, at most 500.
    - ``list``: texts, of a list or of a text with commas, at most 20.
    - ``url``: an http(s) address. ``id``: a text (hashed where it is too long) or an integer.
    """
    made: Item = {}
    for name, value in item.items():
        wanted = fields.get(name)
        if wanted is not None:
            value = _CONVERTERS[wanted](value)
            if value is None:
                continue
        made[name] = value
    return made


def number(value: Json) -> int | float | str | None:
    """The number that the value is or says; the text where digits would be lost; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    text = value.strip().removesuffix("%").rstrip()
    if text.lower() in _ABSENT or not _NUMBER.fullmatch(text):
        return None
    exact = Decimal(text)
    if exact == exact.to_integral_value() and abs(exact) <= SAFE_INTEGER:
        return int(exact)
    close = float(exact)
    return close if math.isfinite(close) and Decimal(repr(close)) == exact else text


def date(value: Json) -> str | None:
    """The moment as ``2026-11-22T02:11:09Z``, or None where the value is no moment."""
    if isinstance(value, str):
        text = value.strip()
        if not _DIGITS.fullmatch(text):
            return _date_of_text(text)
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Zero is what APIs say where they know no time.
    if not (math.isfinite(value) and value > 0):
        return None
    seconds = value / 1000 if value >= _MILLIS_FROM else value
    try:
        return _written(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _date_of_text(text: str) -> str | None:
    if len(text) > 64:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return _written(read(text))
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _written(moment: datetime) -> str:
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment:%Y}".zfill(4) + f"{moment:-%m-%dT%H:%M:%SZ}"


def _line(value: Json) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or value.strip().lower() in _ABSENT:
        return None
    return line(value[: 100 * MAX_LINE], MAX_LINE) or None


def _text(value: Json) -> str | None:
    return plain(value, MAX_SUMMARY) or None


def _list(value: Json) -> Json:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list):
        return None
    # More than are kept, for some of them may be empty or come twice.
    words = dict.fromkeys(filter(None, map(_line, parts[: 10 * _MAX_LIST])))
    kept: list[Json] = list(words)
    return kept[:_MAX_LIST] or None


def _id(value: Json) -> Json:
    if isinstance(value, str) and len(value) > _MAX_ID:
        return blake2b(value.encode(), digest_size=8).hexdigest()
    # Whether it can be a key is for identity.py to judge.
    return value or None if isinstance(value, str) else value


_CONVERTERS: Final[Mapping[As, Callable[[Json], Json]]] = {
    "number": number,
    "date": date,
    "line": _line,
    "text": _text,
    "list": _list,
    "url": web_url,
    "id": _id,
}
