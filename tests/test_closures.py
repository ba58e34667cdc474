"""Tests of closures: whatever is made of a tree finds just what walking the tree finds."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.closures import closure_of, is_false
from stream.query import _EVALUATOR, QueryError, compile_query

SCALARS = st.sampled_from([None, True, False, 0, 1, -1, 1.0, 2.5, "", "a", "b", "1"])
VALUES = SCALARS | st.sampled_from([[], [1], {}, {"a": 1}, {"a": None}, [[True]]])
ITEMS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3) | VALUES
OPERANDS = st.sampled_from(["a", "b", "a.b", "a.a", "@"]) | SCALARS.map(
    lambda value: f"`{json.dumps(value)}`"
)
COMPARISONS = st.builds(
    "{} {} {}".format, OPERANDS, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), OPERANDS
)
QUERIES = st.recursive(
    OPERANDS | COMPARISONS,
    lambda inner: (
        st.builds("({}) && ({})".format, inner, inner)
        | st.builds("({}) || ({})".format, inner, inner)
        | st.builds("!({})".format, inner)
    ),
    max_leaves=6,
)


def exact(value: object) -> str:
    return json.dumps(value, sort_keys=True)


@given(QUERIES, ITEMS)
def test_a_closure_finds_what_the_evaluator_finds(text: str, item: object) -> None:
    try:
        query = compile_query(text)
    except QueryError:
        return
    closure = closure_of(query._tree)
    if closure is not None:
        assert exact(closure(item)) == exact(_EVALUATOR.visit(query._tree, item))


@pytest.mark.parametrize(
    ("text", "is_made"),
    [
        ("price > 50", True),
        ("a.b == 'x' && !(c != `null`) || d", True),
        ("a == b", False),
        ("a == `[1]`", False),
        ("starts_with(a, 'b')", False),
        ("a[0] > 1", False),
    ],
)
def test_only_simple_trees_become_closures(text: str, is_made: bool) -> None:
    assert (closure_of(compile_query(text)._tree) is not None) is is_made


def test_zero_is_true_and_what_is_empty_is_false() -> None:
    assert not any(map(is_false, (0, 0.0, "0", [0])))
    assert all(map(is_false, (None, False, "", [], {})))
