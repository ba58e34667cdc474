"""Upstream JSON bytes → raw items: what was answered, checked, and found.

It refuses what could hurt later (depth, size, half characters, an error that came with a 200) and
keeps every digit; it gives items no key (``identity.py``) and compares nothing (``diff.py``).
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, compress
from typing import Any, Final, cast

import orjson

from stream.errors import SourceError, did_you_mean
from stream.model import SAFE_INTEGER, VALUE, Item, Json, Key
from stream.query import Query, QueryError
from stream.weight import may_exceed

MAX_DEPTH: Final = 100
"""Deepest nesting read; orjson reads 1,024 but writes only 254."""
MAX_ITEMS: Final = 100_000
MAX_GROWTH: Final = 16
"""So many times its bytes reading a document may take in memory: quotes and articles take 4 to 9,
order books 15, but lists of nothing 40, so that a bound on bytes alone would be none."""
SMALL_BYTES: Final = 5 * 2**20
"""Smaller documents may take as much as one of this size."""
_MAX_MESSAGE: Final = 200
"""Most characters of the upstream's own words in a message of ours."""
_TITLE_WITHIN: Final = 65_536
"""How many bytes of an HTML page are looked through for its title."""

WELL_KNOWN: Final = (
    "items",
    "articles",
    "data",
    "results",
    "features",
    "entries",
    "incidents",
    "quotes",
    "users",
    "rows",
)
"""Members that hold the items where no path is given; the first of these that is a list wins."""
_ERROR_MEMBERS: Final = (
    "message",
    "error",
    "Error Message",
    "Information",
    "Note",
    "detail",
    "msg",
    "errors",
    "code",
)

_BOM: Final = b"\xef\xbb\xbf"
_TO_ZEROS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_TO_OUTLINE: Final = bytes.maketrans(b"123456789{", b"0" * 9 + b"[")
"""A 0 for every digit and one bracket for both: what can be looked for without taking it apart."""
_LONG: Final = b"0" * len(str(SAFE_INTEGER))
_BEFORE_NUMBERS: Final = b":,["
_NOT_SKETCHED: Final = bytes(set(range(256)) - set(b'0123456789.:,[{"'))
_TITLE = re.compile(rb"<title[^<>]*>([^<]*)", re.IGNORECASE)
_PAGES: Final = ("text/html", "application/xhtml")


class Container(StrEnum):
    """What the items came in."""

    LIST = "list"
    OBJECT = "object"
    MAP = "map"
    SCALARS = "scalars"


@dataclass(frozen=True, slots=True)
class Rules:
    """How to find the items in a document.

    Attributes:
        items: the path to the items; without it they are found (see `extract`).
        select: what to make of each item; it must give an object.
        drop: true of the items to leave out; it sees the item as it came, before `select`.
        error_when: true of a document that is an error though it came with a 200.
        max_items: most items taken; more are an error, never a silent cut.
        container: what the items come in, where the shape alone would be read otherwise: an
            object of objects is a map unless this says ``object``.
    """

    items: Query | None = None
    select: Query | None = None
    drop: Query | None = None
    error_when: Query | None = None
    max_items: int = MAX_ITEMS
    container: Container | None = None


@dataclass(frozen=True, slots=True)
class Extracted:
    """Raw items in the upstream's order; each is an object of its own that may be added to.

    Attributes:
        items: the items; a scalar is ``{"value": scalar}``.
        names: for each item its member's name (map) or the scalar as a key (scalars), else None.
        container: what they came in.
    """

    items: list[Item]
    names: list[Key] | None
    container: Container


def parse_json(body: bytes, *, max_depth: int = MAX_DEPTH, content_type: str = "") -> Json:
    """Read JSON. Integers beyond ±2^53 become texts with all their digits.

    A byte order mark is skipped, of members with the same name the last wins, and an object or
    list that is labelled as HTML is read all the same.

    Raises:
        SourceError: ``empty``, ``html``, ``too_deep``, ``too_large`` (in memory, once read) or
            ``bad_json`` (lone surrogates, NaN, Infinity and numbers beyond a double are that, too).
    """
    text = body[len(_BOM) :] if body.startswith(_BOM) else body
    first = text[:64].lstrip()[:1] or text.lstrip()[:1]
    if not first:
        raise SourceError("empty", "the upstream answered nothing where JSON was expected")
    is_page = content_type.strip().lower().startswith(_PAGES) and first not in b"[{"
    if first == b"<" or is_page:
        raise SourceError("html", page_message(text, "JSON"))
    # Texts may hold brackets, too, but not so many.
    outline = text.translate(_TO_OUTLINE)
    openers = outline.count(b"[")
    has_long = _LONG in outline
    del outline
    _check_weight(text, openers)
    try:
        document: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "depth" in error.msg or "recursion" in error.msg.lower():
            raise _too_deep(max_depth) from None
        raise SourceError("bad_json", _position(error, len(body))) from None
    if openers > max_depth and _is_deeper(document, max_depth, openers):
        raise _too_deep(max_depth)
    if has_long and _may_hold_huge_integer(text.translate(_TO_ZEROS, _NOT_SKETCHED)):
        document = None  # or there would be two of them for a while
        # orjson has accepted the text, so this slower reader meets neither NaN nor bad UTF-8.
        document = json.loads(text, parse_int=_exact)
    return document


def _check_weight(text: bytes, openers: int) -> None:
    most = MAX_GROWTH * max(len(text), SMALL_BYTES)
    if weight := may_exceed(text, openers, most):
        size, needed, allowed = (f"{n / 2**20:.0f} MiB" for n in (len(text), weight, most))
        raise SourceError(
            "too_large",
            f"the answer holds too many small values: {size} of JSON would take {needed} of memory "
            f"to read, at most {allowed} are allowed",
        )


def page_message(page: bytes, expected: str) -> str:
    """What to say of an HTML page that stands where something else was expected."""
    message = f"the upstream answered an HTML page instead of {expected}"
    found = _TITLE.search(page[:_TITLE_WITHIN])
    title = _bounded(html.unescape(found[1].decode(errors="replace"))) if found else ""
    return f"{message}: {title!r}" if title else message


def _position(error: orjson.JSONDecodeError, size: int) -> str:
    what = error.msg.split(": line ")[0]
    return f"not JSON: {what} (line {error.lineno}, column {error.colno}; {size} bytes)"


def _too_deep(max_depth: int) -> SourceError:
    return SourceError("too_deep", f"the JSON is nested more than {max_depth} deep")


def _is_deeper(document: Json, max_depth: int, openers: int) -> bool:
    """Whether containers stand more than so deep in one another, looked at level by level.

    Each container has one opening bracket (texts may hold more), so that once as many were met as
    there are brackets, nothing deeper is left to look at: this spares most of the values.
    """
    level: list[Any] = [document]
    for _ in range(max_depth):
        openers -= len(level)
        if openers <= 0:
            return False
        objects = [each for each in level if type(each) is dict]
        lists = [each for each in level if type(each) is list]
        members = chain(chain.from_iterable(map(dict.values, objects)), *lists)
        level = [each for each in members if type(each) is dict or type(each) is list]
    return bool(level)


def _may_hold_huge_integer(sketch: bytes) -> bool:
    """Whether a number of as many digits as 2^53, or more, seems to stand before the point.

    The sketch has a 0 for every digit, and of the rest only what can stand around a number. A yes
    may be wrong (digits in a text), which costs time only: the slower reader is exact.
    """
    return _LONG in sketch and (
        any(bytes([mark]) + _LONG in sketch for mark in _BEFORE_NUMBERS) or sketch.startswith(_LONG)
    )


def _exact(digits: str) -> int | str:
    number = int(digits)
    return number if abs(number) <= SAFE_INTEGER else digits


def extract(document: Json, rules: Rules) -> Extracted:
    """The items of a document.

    Without a path they are, in this order: the root if it is a list; the first of `WELL_KNOWN`
    that is a list of objects or empty; the only member that is a list of objects; the members
    themselves if each of them is an object (a map, its names are the keys); the root as one item.
    Nulls among objects are left out.

    Raises:
        SourceError: ``error_in_body``, ``wrong_shape`` or ``too_many_items``.
    """
    if rules.error_when is not None and rules.error_when.test(document):
        raise SourceError("error_in_body", _error_message(document, rules.error_when))
    found, where = _found(document, rules)
    if isinstance(found, list):
        _check_count(len(found), rules.max_items)  # before each scalar becomes an object
    extracted = _classified(found, where, rules.container)
    _check_count(len(extracted.items), rules.max_items)
    if rules.drop is not None:
        extracted = _without(extracted, rules.drop)
    if rules.select is not None:
        items = [_selected(item, rules.select, n) for n, item in enumerate(extracted.items, 1)]
        return Extracted(items, extracted.names, extracted.container)
    if rules.items is not None and not rules.items.is_path:
        # Such a query may give one object twice, or one of its own that the next read gets again.
        items = [dict(item) for item in extracted.items]
        return Extracted(items, extracted.names, extracted.container)
    return extracted


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise SourceError("too_many_items", f"{count} items, at most {most} are taken")


def _error_message(document: Json, error_when: Query) -> str:
    found = error_when.search(document)
    return (
        _words(found)
        or _words(document)
        or _bounded(f"the upstream answered an error: {error_when.text}")
    )


def _words(value: Json) -> str:
    """The text that an error carries, at most one object or list further in."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        members = [value[name] for name in _ERROR_MEMBERS if name in value]
        inner = [_words(each) for each in members if isinstance(each, dict | list)]
        value = next((each for each in [*members, *inner] if isinstance(each, str) and each), None)
    return _bounded(value) if isinstance(value, str) else ""


def _bounded(text: str) -> str:
    folded = " ".join(text[: 4 * _MAX_MESSAGE].split())
    return folded if len(folded) <= _MAX_MESSAGE else folded[: _MAX_MESSAGE - 1] + "…"


def _found(document: Json, rules: Rules) -> tuple[Json, str]:
    """What holds the items, and how to call that place in a message."""
    if rules.items is None:
        name = _list_member(document) if rules.container in (None, Container.LIST) else None
        if name is None:
            return document, "the answer"
        return cast("Item", document)[name], f"the member {name!r}"
    path = rules.items.text
    try:
        found = rules.items.search(document)
    except QueryError as error:
        raise SourceError("wrong_shape", _bounded(f"items: {error}")) from None
    if found is None:
        names = list(document) if isinstance(document, dict) else []
        answer = (
            f"the answer has: {_listed(names)}" if names else f"the answer is {_kind(document)}"
        )
        hint = did_you_mean(path.partition(".")[0].strip('"'), names)
        raise SourceError("wrong_shape", f"items = {path!r} finds nothing; {answer}{hint}")
    return found, f"items = {path!r}"


def _list_member(document: Json) -> str | None:
    if not isinstance(document, dict):
        return None
    lists = {name: each for name, each in document.items() if isinstance(each, list)}
    full = [name for name, each in lists.items() if {dict} <= set(map(type, each)) <= _OBJECTS]
    known = (name for name in WELL_KNOWN if name in lists and (name in full or not lists[name]))
    return next(known, full[0] if len(full) == 1 else None)


_OBJECTS: Final[set[type]] = {dict, type(None)}
_SCALARS: Final[set[type]] = {str, int, float}


def _classified(found: Json, where: str, wanted: Container | None) -> Extracted:
    if isinstance(found, list) and wanted in (None, Container.LIST, Container.SCALARS):
        return _from_list(found, where)
    if isinstance(found, dict):
        is_map = all(type(each) is dict for each in found.values())
        if wanted is Container.MAP or (wanted is None and is_map):
            return _from_map(found, where)
        if wanted in (None, Container.OBJECT):
            return Extracted([found], None, Container.OBJECT)
    expected = f"a {wanted.value}" if wanted else "a list or an object"
    raise SourceError("wrong_shape", f"{where}: expected {expected}, found {_kind(found)}")


def _from_list(found: list[Json], where: str) -> Extracted:
    types = set(map(type, found))
    if types <= {dict}:
        return Extracted(cast("list[Item]", found), None, Container.LIST)
    if types <= _OBJECTS:
        return Extracted([each for each in found if isinstance(each, dict)], None, Container.LIST)
    if types <= _SCALARS:
        scalars = cast("list[str | int | float]", found)
        names = [_as_key(each) for each in scalars]
        return Extracted([{VALUE: each} for each in scalars], names, Container.SCALARS)
    kinds = ", ".join(sorted({_kind(each) for each in found}))
    message = f"{where}: expected a list of objects, or of texts or numbers, found {kinds} in it"
    raise SourceError("wrong_shape", message)


def _from_map(found: Item, where: str) -> Extracted:
    rows = {name: each for name, each in found.items() if each is not None}
    items = [each for each in rows.values() if isinstance(each, dict)]
    if len(items) < len(rows):
        name, other = next((n, each) for n, each in rows.items() if not isinstance(each, dict))
        message = f"{where}: expected an object of objects, but {name!r} is {_kind(other)}"
        raise SourceError("wrong_shape", message)
    return Extracted(items, list(rows), Container.MAP)


def _as_key(scalar: str | int | float) -> Key:
    return orjson.dumps(scalar).decode() if isinstance(scalar, float) else scalar


def _without(extracted: Extracted, drop: Query) -> Extracted:
    kept = [not drop.test(item) for item in extracted.items]
    names = extracted.names
    return Extracted(
        list(compress(extracted.items, kept)),
        None if names is None else list(compress(names, kept)),
        extracted.container,
    )


def _selected(item: Item, select: Query, place: int) -> Item:
    try:
        made = select.search(item)
    except QueryError as error:
        raise SourceError("wrong_shape", _bounded(f"select, item {place}: {error}")) from None
    if not isinstance(made, dict):
        message = f"select must give an object, for item {place} it gave {_kind(made)}"
        raise SourceError("wrong_shape", message)
    # The query may have given an object of its own, which the next read would get again.
    return dict(made)


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "a text" if isinstance(value, str) else "a number"


def _listed(names: list[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:12])
    return shown + (", …" if len(names) > 12 else "")
