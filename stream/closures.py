"""JMESPath trees → plain Python functions, where the tree is simple enough.

Pure. A filter such as ``price > 50 && sector == 'tech'`` is asked of every item of a channel when
somebody comes with it, and of every changed item from then on; as a function it takes a tenth of
the time that walking its tree takes (measured). What is not simple is not made: the caller walks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final, TypeAlias

Closure: TypeAlias = Callable[[Any], Any]
_Node: TypeAlias = dict[str, Any]

_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
_NUMBERS: Final = (int, float)


def closure_of(tree: _Node) -> Closure | None:
    """A function that finds in a value what the tree finds, or None where none is made."""
    maker = _MAKERS.get(tree["type"])
    return None if maker is None else maker(tree)


def _children(node: _Node) -> list[Closure] | None:
    found = [closure_of(child) for child in node["children"]]
    return None if None in found else [child for child in found if child is not None]


def _literal(node: _Node) -> Closure:
    value = node["value"]
    return lambda _: value


def _field(node: _Node) -> Closure:
    name = node["value"]

    def field(value: Any) -> Any:
        return value.get(name) if isinstance(value, dict) else None

    return field


def _path(node: _Node) -> Closure | None:
    steps = _children(node)
    if steps is None:
        return None

    def path(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return path


def _comparison(node: _Node) -> Closure | None:
    sides = _children(node)
    if sides is None:
        return None
    left, right = sides
    kind = node["value"]
    if kind in _ORDERS:
        return _order(_ORDERS[kind], left, right)
    # Values within values are compared by the evaluator, which knows a true from a 1 at any depth.
    constants = [child["value"] for child in node["children"] if child["type"] == "literal"]
    if not any(isinstance(value, str | int | float | None) for value in constants):
        return None
    return _equality(left, right, wanted=kind == "eq")


def _equality(left: Closure, right: Closure, *, wanted: bool) -> Closure:
    def equality(value: Any) -> bool:
        a, b = left(value), right(value)
        return (a == b and isinstance(a, bool) == isinstance(b, bool)) is wanted

    return equality


def _order(compare: Callable[[Any, Any], bool], left: Closure, right: Closure) -> Closure:
    def order(value: Any) -> bool | None:
        a, b = left(value), right(value)
        if isinstance(a, _NUMBERS) and isinstance(b, _NUMBERS):
            if a is True or a is False or b is True or b is False:
                return None
        elif not (isinstance(a, str) and isinstance(b, str)):
            return None
        return compare(a, b)

    return order


def is_false(value: Any) -> bool:
    """JMESPath's falsehood: null, false, ``""``, ``[]`` and ``{}``; 0 is true."""
    return value is None or value is False or value == "" or value == [] or value == {}


def _or(node: _Node) -> Closure | None:
    sides = _children(node)
    if sides is None:
        return None
    left, right = sides

    def either(value: Any) -> Any:
        found = left(value)
        return right(value) if is_false(found) else found

    return either


def _and(node: _Node) -> Closure | None:
    sides = _children(node)
    if sides is None:
        return None
    left, right = sides

    def both(value: Any) -> Any:
        found = left(value)
        return found if is_false(found) else right(value)

    return both


def _not(node: _Node) -> Closure | None:
    inner = closure_of(node["children"][0])
    if inner is None:
        return None

    def negation(value: Any) -> bool:
        found = inner(value)
        return False if type(found) is int and found == 0 else not found

    return negation


_MAKERS: Final[dict[str, Callable[[_Node], Closure | None]]] = {
    "literal": _literal,
    "field": _field,
    "subexpression": _path,
    "comparator": _comparison,
    "or_expression": _or,
    "and_expression": _and,
    "not_expression": _not,
}
