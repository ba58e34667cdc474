"""Items before and items after → the Change between them.

Pure. Equality is JSON's, not Python's: ``True`` is not 1, 1 and 1.0 are one number, and the order
of an object's members is no change.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Set
from itertools import compress
from typing import Any, Final

from stream.model import Change, Item, Json, Key

_NEEDS_A_LOOK: Final = frozenset({bool, dict, list})
_MISSING: Final = object()


def same(a: Json, b: Json) -> bool:
    """Whether two JSON values are equal, strictly.

    Python's ``==`` does the work in C; it errs in one way only, by taking a bool for a number, so
    what it calls equal is looked at again where a bool or a container is involved.
    """
    if a != b:
        return False
    return _same_kind(a, b)


def _same_kind(a: Any, b: Any) -> bool:
    kind = type(a)
    if kind is dict:
        return all(_same_kind(value, b[name]) for name, value in a.items())
    if kind is list:
        return all(map(_same_kind, a, b))
    return (kind is bool) == (type(b) is bool)


def same_item(a: Item, b: Item) -> bool:
    """``same`` for two objects; the flat ones, which are nearly all, never leave C."""
    if a is b:
        return True
    if a != b:
        return False
    if _NEEDS_A_LOOK.isdisjoint(map(type, a.values())) and bool not in map(type, b.values()):
        return True
    return _same_kind(a, b)


def diff(
    before: Mapping[Key, Item],
    after: Mapping[Key, Item],
    *,
    ignore: Set[str] = frozenset(),
    tolerance: Mapping[str, float] | None = None,
    plain: bool = False,
) -> Change:
    """The Change that leads from one collection to the other.

    Without rules, applying it to ``before`` gives exactly ``after``. With rules, an item whose only
    differences are ignored or tolerated keeps its old form; an item with any other difference
    takes its new form whole, the ignored fields included.

    Args:
        ignore: top-level fields in which a difference alone is no change.
        tolerance: field → how far a number may be from the one last delivered.
        plain: no item on either side holds a boolean, however deep, so that Python's own equality
            is JSON's.
    """
    limits = tolerance or {}
    put: dict[Key, Item] = {}
    patch: dict[Key, Item] = {}
    for key, new in _unlike(before, after) if plain else after.items():
        old = before.get(key)
        if old is None:
            put[key] = new
            continue
        if not plain and same_item(old, new):
            continue
        fields = changed_fields(old, new)
        if fields is None:
            put[key] = new
        elif (ignore or limits) and not _matters(old, fields, ignore, limits):
            continue
        else:
            patch[key] = fields
    gone = before.keys() - after.keys() if len(before) + len(put) != len(after) else ()
    delete = tuple(key for key in before if key in gone) if gone else ()
    return Change(put, patch, delete)


def _unlike(before: Mapping[Key, Item], after: Mapping[Key, Item]) -> Iterable[tuple[Key, Item]]:
    """Those of the items after that are not, by Python's equality, the ones before."""
    differ = map(operator.ne, map(before.get, after), after.values())
    return compress(after.items(), differ)


def may_hold_booleans(body: bytes) -> bool:
    """Whether JSON may hold a true or a false; a yes may be wrong (a text with that word)."""
    return b"true" in body or b"false" in body


def changed_fields(old: Item, new: Item) -> Item | None:
    """The fields to assign onto ``old`` to get ``new``; None where a field disappears."""
    if not old.keys() <= new.keys():
        return None
    return {
        name: value
        for name, value in new.items()
        if (was := old.get(name, _MISSING)) is _MISSING or not same(was, value)  # type: ignore[arg-type]
    }


def _matters(old: Item, fields: Item, ignore: Set[str], limits: Mapping[str, float]) -> bool:
    for name, value in fields.items():
        if name in ignore:
            continue
        limit = limits.get(name)
        was = old.get(name)
        if limit is None or not (_is_number(was) and _is_number(value)):
            return True
        if abs(value - was) > limit:  # type: ignore[operator]
            return True
    return False


def _is_number(value: Json | None) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def apply(change: Change, items: Mapping[Key, Item]) -> dict[Key, Item]:
    """The collection after the change, as a new mapping; the items given stay as they are.

    Raises:
        KeyError: a patch names an item that is not there.
    """
    result = dict(items)
    result.update(change.put)
    for key, fields in change.patch.items():
        result[key] = {**result[key], **fields}
    for key in change.delete:
        result.pop(key, None)
    return result
