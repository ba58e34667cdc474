"""The selecting language: our sugar, its refusals, its limits."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.model import Json
from stream.query import Query, QueryError, compile_query

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "true_price", "null"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def find(text: str, value: Json) -> Json:
    return compile_query(text).search(value)


def holds(text: str, value: Json) -> bool:
    return compile_query(text).test(value)


def refusal(text: str) -> str:
    with pytest.raises(QueryError) as caught:
        compile_query(text)
    message = str(caught.value)
    assert "\n" not in message and len(message) <= 400
    return message


@pytest.mark.parametrize(
    ("sugar", "plain"),
    [
        ("price > 50", "price > `50`"),
        ("price > -1.5 && price <= 1e3", "price > `-1.5` && price <= `1e3`"),
        ("active == true", "active == `true`"),
        ("active==false||gone!=null", "active==`false`||gone!=`null`"),
        ("{a: 1, b: true}", "{a: `1`, b: `true`}"),
        ("[a, 1, null]", "[a, `1`, `null`]"),
        ("[1, 2]", "[`1`, `2`]"),
        ("list[?n >= 2].n", "list[?n >= `2`].n"),
        ("contains(tags, 5)", "contains(tags, `5`)"),
        ("!true", "!`true`"),
    ],
)
def test_bare_numbers_and_names_mean_the_same_as_backtick_literals(sugar: str, plain: str) -> None:
    values: list[Json] = [
        {"price": 51, "active": True, "tags": [5], "list": [{"n": 1}, {"n": 2}]},
        {"price": 0.5, "active": False, "gone": 0, "tags": [], "a": 1},
        {"price": -7, "active": 1, "list": [{"n": 2.5}, {"n": "2"}], "tags": ["5"]},
    ]
    for value in values:
        assert find(sugar, value) == find(plain, value)


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("'price > 50 == true'", {}, "price > 50 == true"),
        (r"'it\'s 5'", {}, "it's 5"),
        ('"true"', {"true": 7}, 7),
        ('"01. symbol"', {"01. symbol": "IBM"}, "IBM"),
        ("`[1, true, null]`", {}, [1, True, None]),
        ("`50`", {}, 50),
        (r"`" + r'"a\`b"' + "`", {}, "a`b"),
        ("list[0]", {"list": [3, 4]}, 3),
        ("list[ -1 ]", {"list": [3, 4]}, 4),
        ("list[1:2]", {"list": [3, 4, 5]}, [4]),
        ("list[::-1]", {"list": [3, 4]}, [4, 3]),
        ("true_price", {"true_price": 9}, 9),
        ("falsehood.nullable", {"falsehood": {"nullable": 2}}, 2),
        ("foo.true", {"foo": {"true": 4}}, 4),
        ("foo . null", {"foo": {"null": 4}}, 4),
        ("{true: a, null : b}", {"a": 1, "b": 2}, {"true": 1, "null": 2}),
        ("a1b2", {"a1b2": 1}, 1),
    ],
)
def test_what_only_looks_like_a_number_or_a_name_is_left_alone(
    text: str, value: Json, found: Json
) -> None:
    assert find(text, value) == found


@given(
    st.sampled_from(["a", "b", "true_price", "a.b", "@"]),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9),
    documents,
)
def test_sugar_gives_the_same_result_as_the_explicit_literal(
    path: str, operator: str, literal: Json, value: Json
) -> None:
    text = json.dumps(literal)
    sugar, plain = f"{path} {operator} {text}", f"{path} {operator} `{text}`"
    assert find(sugar, value) == find(plain, value)
    assert find(f"[{path}, {sugar}]", value) == find(f"[{path}, {plain}]", value)
    assert find(f"{{x: {text}, y: {sugar}}}", value) == find(f"{{x: `{text}`, y: {plain}}}", value)


@given(st.text(st.sampled_from("ab1.0-e' \"`[]:*true?,{}&|@()!<=>\\\n\ud800é"), max_size=40))
@example("[::0]")
@example("`nope`")
@example("`1e999`")
@example("`" + "[" * 1000 + "`")
@example('"\\ud800"')
@example("'\ud800'")
@example("\ud800")
@example("&a")
def test_any_text_compiles_or_is_refused_in_one_line(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            query = compile_query(text)
        except QueryError as error:
            assert "\n" not in str(error)
            str(error).encode()
            return
    query.test({"a": [1, {"b": "x"}], "true": None})


@given(documents)
@example({"b": [1e308, 1e308]})
def test_a_test_never_fails_and_agrees_with_the_search(value: Json) -> None:
    for text in ("a", "length(a) > 1", "a > b", "a[0].b || sum(b)", "max_by(@, &a)"):
        query = compile_query(text)
        try:
            found = query.search(value)
        except QueryError:
            assert query.test(value) is False
        else:
            assert query.test(value) is (found not in (None, "", [], {}) and found is not False)


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_the_five_false_values_are_false(value: Json) -> None:
    assert holds("a", {"a": value}) is False


@pytest.mark.parametrize("value", [0, 0.0, " ", [0], {"b": None}, True])
def test_zero_and_everything_else_is_true(value: Json) -> None:
    assert holds("a", {"a": value}) is True


def test_numbers_and_booleans_are_never_equal() -> None:
    assert not holds("active == 1", {"active": True})
    assert not holds("active == true", {"active": 1})
    assert not holds("active == false", {"active": 0})
    assert holds("active != 1", {"active": True})
    assert holds("active == 1", {"active": 1.0})
    assert not holds("a == b", {"a": [1], "b": [True]})
    assert holds("a == b", {"a": {"x": [1, None]}, "b": {"x": [1.0, None]}})
    assert not holds("a == b", {"a": {"x": 1}, "b": {"y": 1}})


def test_an_order_of_unlike_types_is_null_not_an_error() -> None:
    rows: Json = [{"close": "NA"}, {"close": 5}, {"close": None}, {"close": True}, {"close": 0.5}]
    assert find("[?close > 1]", rows) == [{"close": 5}]
    assert find("close < 1", {"close": "NA"}) is None
    assert holds("name > 'a'", {"name": "b"})


def test_a_function_given_a_wrong_type_is_false_in_a_test_and_an_error_in_a_search() -> None:
    query = compile_query("starts_with(name, 'A')")
    assert query.test({"name": 5}) is False
    with pytest.raises(QueryError, match=r"starts_with\(\)"):
        query.search({"name": 5})
    with pytest.raises(QueryError):
        find("contains('abc', n)", {"n": 5})


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("price > > 5", 9, "'>'"),
        ("price > 50 && | x", 15, "'|'"),
        ("price $ 5", 7, "$"),
        ("price > 50 && name == 'abc", 23, "the ' is never closed"),
        ("price > 50 &&", 14, "ends too early"),
        ("a == 1 && b == 2 c", 18, "'c'"),
        ("price > 50 && lenght(x) > 2", 15, "did you mean 'length'?"),
        ("`nope`", 1, "a text is written 'nope'"),
        ("a || `NaN`", 6, "not a JSON value"),
        ("a == 1e999", 6, "not a JSON value"),
        ("a == 1 || length(a, b) > 1", 11, "takes 1 argument, got 2"),
        ("not_null()", 1, "takes at least 1 argument, got 0"),
        ("a == 007", 6, "'0'"),
        ("(" * 3 + "a", 5, "ends too early"),
    ],
)
def test_a_refusal_says_where_and_why(text: str, column: int, says: str) -> None:
    message = refusal(text)
    assert says in message
    assert message.startswith(f"column {column}: ")


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_query_is_refused(text: str) -> None:
    assert refusal(text) == "the query is empty"


def test_a_query_of_more_than_1024_characters_is_refused() -> None:
    assert find("a" + " " * 1023, {"a": 1}) == 1
    assert "1025" in refusal("a" + " " * 1024)


@pytest.mark.parametrize(
    "text",
    ["(" * 500 + "a" + ")" * 500, "!" * 1000 + "a", "[" * 400 + "a" + "]" * 400, "a|" * 400 + "a"],
)
def test_deep_nesting_is_refused(text: str) -> None:
    assert "deep" in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "[@,@][]|" * 30 + "@",
        "[@,@]|" * 30 + "to_string(@)",
        "join('',[@,@])|" * 20 + "@",
        "{a:@,b:@}.*.[@,@][]" + ".{a:@,b:@}.*.[@,@][]" * 10,
        "`[" + ",".join("0" * 90) + "]`[]" + ".[`[0,0,0,0,0,0,0,0]`][][]" * 6,
        "a == b | " * 15 + "c",
    ],
)
def test_a_query_that_could_multiply_its_input_is_refused(text: str) -> None:
    assert "copy its input" in refusal(text)


def test_results_cannot_be_nested_without_end() -> None:
    assert "more than 50" in refusal("{a:@}" + ".{a:@}" * 60)


def test_a_plain_large_query_is_not_too_costly() -> None:
    fields = ", ".join(f"f{n}: not_null(a{n}, b{n})" for n in range(30))
    value: Json = {"rows": [{"a1": 1, "ok": True}]}
    found: Any = find(f"rows[?ok == true && a1 > 0].{{{fields}}}", value)
    assert found[0]["f1"] == 1
    choices = " || ".join(f"code == 'C{n}'" for n in range(40))
    assert holds(choices, {"code": "C39"})


@pytest.mark.parametrize("text", ["&a", "[&a]", "to_string(&a)", "not_null(&a, b)"])
def test_an_expression_is_never_a_value(text: str) -> None:
    assert "'&'" in refusal(text)


def test_an_expression_stands_before_the_functions_that_take_one() -> None:
    assert find("sort_by(@, &n)[0].n", [{"n": 2}, {"n": 1}]) == 1
    assert find("map(&n, @)", [{"n": 2}, {}]) == [2, None]


@pytest.mark.parametrize("text", ["'\ud800'", r'"\ud800"', '`"\\ud800"`', r'{"\udfff": a}'])
def test_half_a_character_is_refused(text: str) -> None:
    assert "surrogate" in refusal(text)


def test_arithmetic_gives_only_what_json_can_say() -> None:
    assert find("sum(@)", [1e308, 1e308]) is None
    assert find("to_number('nan')", {}) is None
    assert find("{big: to_number(@)}", "12345678901234567890") == {"big": "12345678901234567890"}
    assert find("[ceil(@)]", 1e17) == ["100000000000000000"]
    assert find("sum(@)", [1, 2.5]) == 3.5


def test_an_integer_beyond_the_safe_range_is_compared_as_its_digits() -> None:
    assert holds("id == 12345678901234567890", {"id": "12345678901234567890"})
    assert holds("id == 9007199254740992", {"id": 2**53})


def test_queries_of_the_same_text_are_equal_and_hash_alike() -> None:
    one, same, other = (compile_query(text) for text in ("a > 1", "a > 1", "a > 2"))
    assert one == same and hash(one) == hash(same) and len({one, same, other}) == 2
    assert one.text == "a > 1" and isinstance(one, Query)


@pytest.mark.parametrize(
    ("text", "is_path"),
    [
        ("data.rows", True),
        ("data[*].x[]", True),
        ("data[0]", True),
        ("[a, a]", False),
        ("`[{}]`", False),
        ("rows[?a == 1]", False),
    ],
)
def test_a_path_is_told_from_a_query_that_makes_objects(text: str, *, is_path: bool) -> None:
    assert compile_query(text).is_path is is_path
