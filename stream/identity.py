"""Raw items → keyed items: which field identifies an item, and what to do where none does.

Pure. It decides identity only; whether an item changed is for ``diff.py``.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, TypeAlias, cast

import orjson

from stream.errors import SourceError, did_you_mean
from stream.extract import Container, Extracted
from stream.model import ADDED_KEY, RANK, SAFE_INTEGER, Item, Json, Key

_IDS: Final = ("id", "guid", "uuid", "url", "link")
_NAMES: Final = ("code", "symbol", "key", "name")
DEFAULT_KEYS: Final = _IDS + _NAMES
"""Fields tried where no key is configured: those made to be unique, then names of things, which
must differ in most items (a list of trades has the same symbol again and again)."""
MAX_KEY: Final = 256
"""Most characters of a key; a longer text is hashed, for every subscriber remembers every key."""
_SHOWN: Final = 12
"""Most fields named in a message."""

_Keys: TypeAlias = list[Key | None]


@dataclass(frozen=True, slots=True)
class KeyRule:
    """The configured key: no field (find one), one field, or several (joined with ``|``).

    A field is looked up as it stands ("01. symbol"), then as a path of members ("meta.id").
    """

    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyed:
    """Items by key, in the upstream's order.

    Attributes:
        items: each item carries its key in the field `key`.
        key: a field of the source, or `_key`, which then stands first in each item.
        duplicates: how many items came with a key that was taken and got a suffix.
        skipped: how many items were left out because they have no usable key.
        found: what to give as ``found`` with the next answer of the same source.
        plain: it is known that no item holds a boolean, which makes comparing faster.
    """

    items: dict[Key, Item]
    key: str
    duplicates: int
    skipped: int
    found: str | None
    plain: bool = False


def identify(
    extracted: Extracted,
    rule: KeyRule,
    *,
    found: str | None = None,
    single: str = "item",
    rank: bool = False,
    plain: bool = False,
    latest: bool = False,
) -> Keyed:
    """Give each item its key. The items given are changed in place.

    A usable key is a text that is not empty or an integer (1.0 counts as 1, a boolean never). The
    key is, in this order: the configured fields; the name in an object map; the scalar itself; the
    first of `DEFAULT_KEYS` that is usable in all items; for a single object the constant `single`;
    else a hash of the content. The second item with a key gets ``#2``.

    Args:
        found: `Keyed.found` of the last answer. A field that was found is kept while it is usable
            in all items; the hash, once taken, is kept for good, so that keys cannot flap.
        rank: add `_rank`, 1 for the first item.
        plain: said of the result.
        latest: of items with one key the last stays, in the place of the first.

    Raises:
        SourceError: ``wrong_shape``: no item has the configured key.
    """
    keys, field, found, is_raw = _chosen(extracted, rule, found, single)
    items = extracted.items
    skipped = keys.count(None)
    if skipped:
        items = [item for item, key in zip(items, keys, strict=True) if key is not None]
        keys = [key for key in keys if key is not None]
    usable = cast("list[Key]", keys)
    keyed = dict(zip(usable, items, strict=True))
    duplicates = 0 if latest else len(items) - len(keyed)
    if duplicates:
        usable = _distinct(usable)
        keyed = dict(zip(usable, items, strict=True))
    if field is None:
        # Written twice: the first gives it its place, the last its value.
        keyed = {k: {ADDED_KEY: k} | item | {ADDED_KEY: k} for k, item in keyed.items()}
    elif not (is_raw and not duplicates):
        _carry(keyed, field)
    if rank:
        for place, item in enumerate(keyed.values(), 1):
            item[RANK] = place
    return Keyed(keyed, field or ADDED_KEY, duplicates, skipped, found, plain)


def _chosen(
    extracted: Extracted, rule: KeyRule, found: str | None, single: str
) -> tuple[_Keys, str | None, str | None, bool]:
    """The key of each item (None: not usable), the field it stands in (None: add one), `found`, and
    whether that field holds the very keys already, which is nearly always so."""
    items, names = extracted.items, extracted.names
    if rule.fields:
        keys, field, is_raw = _configured(items, rule.fields)
        if items and keys.count(None) == len(keys):
            raise SourceError("wrong_shape", _missing(items[0], rule.fields))
        return keys, field, found, is_raw
    if names is not None:
        return [_usable(name) for name in names], None, found, False
    if not items:
        return [], None if found == ADDED_KEY else found, found, True
    for name in () if found == ADDED_KEY else (found,) if found else DEFAULT_KEYS:
        values = _values(items, name)
        keys = _usables(values)
        if None not in keys and (found or name in _IDS or len(set(keys)) * 2 > len(keys)):
            return keys, name, name, keys is values
    if extracted.container is Container.OBJECT:
        return [single], None, ADDED_KEY, False
    return [_content_hash(item) for item in items], None, ADDED_KEY, False


def _values(items: list[Item], name: str) -> list[Json]:
    try:
        return list(map(operator.itemgetter(name), items))
    except KeyError:
        return [item.get(name) for item in items]


def _configured(items: list[Item], fields: tuple[str, ...]) -> tuple[_Keys, str | None, bool]:
    if len(fields) == 1 and ("." not in fields[0] or any(fields[0] in item for item in items)):
        values = _values(items, fields[0])
        keys = _usables(values)
        return keys, fields[0], keys is values
    columns = [_usables([_member(item, name) for item in items]) for name in fields]
    rows = zip(*columns, strict=True)
    if len(fields) == 1:
        return columns[0], None, False
    keys = [None if None in row else _bounded("|".join(map(str, row))) for row in rows]
    return keys, None, False


def _member(item: Item, name: str) -> Json:
    """The member of that name, or the one at that path."""
    if name in item:
        return item[name]
    value: Json = item
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _usables(values: list[Json]) -> _Keys:
    kinds = set(map(type, values))
    texts = cast("list[str]", values)
    if kinds == {int} or (kinds == {str} and "" not in texts and max(map(len, texts)) <= MAX_KEY):
        return cast("_Keys", values)
    return [_usable(value) for value in values]


def _usable(value: Json) -> Key | None:
    if isinstance(value, str):
        return _bounded(value) or None
    if isinstance(value, float) and value.is_integer() and abs(value) <= SAFE_INTEGER:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_KEY else _hash(text.encode())


def _content_hash(item: Item) -> str:
    return _hash(orjson.dumps(item, option=orjson.OPT_SORT_KEYS))


def _hash(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()


def _distinct(keys: list[Key]) -> list[Key]:
    """The keys, where each but the first of equal ones gets the next free ``#n``."""
    taken, seen = set(keys), set[Key]()
    following: dict[Key, int] = {}
    distinct: list[Key] = []
    for key in keys:
        name = key
        if key in seen:
            n = following.get(key, 2)
            while (name := f"{key}#{n}") in taken:
                n += 1
            following[key] = n + 1
            taken.add(name)
        seen.add(key)
        distinct.append(name)
    return distinct


def _carry(keyed: dict[Key, Item], field: str) -> None:
    """Put each key in its field. A text too long for a key stays readable under ``_<field>``."""
    for key, item in keyed.items():
        value = item[field]
        if value is not key:
            if isinstance(value, str) and len(value) > MAX_KEY:
                item[f"_{field}"] = value
            item[field] = key


def _missing(item: Item, fields: tuple[str, ...]) -> str:
    name = next((name for name in fields if _member(item, name) is None), fields[0])
    if _member(item, name) is not None:
        return f"the key {name!r} is in no item a text (not empty) or an integer"
    shown = ", ".join(each[:40] for each in list(item)[:_SHOWN])
    more = ", …" if len(item) > _SHOWN else ""
    return f"no item has the key {name!r}; fields are: {shown}{more}{did_you_mean(name, item)}"
