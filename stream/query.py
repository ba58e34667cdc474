"""The one selecting language, JMESPath, with bare numbers, ``true``, ``false`` and ``null``.

Queries may come from strangers (``where=``), so whatever could cost more than its input is worth is
refused here, when the query is read. This room evaluates; it knows nothing of sources or channels.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from jmespath import exceptions, functions, parser, visitor

from stream.closures import Closure, closure_of, is_false
from stream.errors import did_you_mean
from stream.model import SAFE_INTEGER, Json

MAX_LENGTH: Final = 1_024
"""Most characters of a query: a URL still carries it, and it bounds every other cost."""
_MAX_DEPTH: Final = 100
"""Deepest tree of a query; one level costs two Python frames when it is evaluated."""
_MAX_GROWTH: Final = 1_000
"""How often a query may copy its input: `[@,@][]|[@,@][]|…` doubles with every eight letters."""
_MAX_SHAPES: Final = 50
"""Most ``{…}`` and ``[…]`` in a query: with input nested 100 deep it can still be written."""
_WORD: Final = 16
"""Characters of a text in a query that count as one copy of the input."""

_Node: TypeAlias = dict[str, Any]
_NAMES: Final = frozenset({"true", "false", "null"})
_FUNCTIONS: Final[dict[str, Any]] = functions.Functions.FUNCTION_TABLE
_BY_EXPRESSION: Final = frozenset({"map", "sort_by", "min_by", "max_by"})
_ARITHMETIC: Final = frozenset({"avg", "ceil", "floor", "sum", "to_number"})
_PATHS: Final = frozenset(
    "current field flatten identity index index_expression pipe projection slice subexpression"
    " value_projection".split()
)
_RUNTIME: Final = (ValueError, TypeError, ArithmeticError, LookupError, RecursionError)

_TOKEN = re.compile(
    r"""(?P<keep>   '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*"
                  | \[[ \t\r\n]*(?:-?[0-9]+)?[ \t\r\n]*
                      (?::[ \t\r\n]*(?:-?[0-9]+)?[ \t\r\n]*){0,2}\] )
      | (?P<literal>`(?:\\.|[^`\\])*`)
      | (?P<number> -?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
      | (?P<word>   [A-Za-z_][A-Za-z0-9_]*)
      | (?P<blank>  [ \t\r\n]+)
      | (?P<other>  .)""",
    re.VERBOSE | re.DOTALL,
)
_COLON_OR_CALL = re.compile(r"[ \t\r\n]*[:(]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class QueryError(ValueError):
    """The query cannot be read, or not be applied to this value. The message is one line."""


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled query. Two queries of the same text are equal."""

    text: str
    _tree: _Node = field(repr=False, compare=False)
    is_path: bool = field(default=False, repr=False, compare=False)
    """It only walks and filters nothing: each object it finds is found once, and is the input's."""
    _computes: bool = field(default=False, repr=False, compare=False)
    _closure: Closure | None = field(default=None, repr=False, compare=False)

    def search(self, value: Json) -> Json:
        """What the query finds; it may share objects with the value, so neither is to be changed.

        Raises:
            QueryError: a function was given a type that it does not take.
        """
        try:
            return self._found(value)
        except _RUNTIME as error:
            raise QueryError(_one_line(f"{self.text!r}: {error}")) from None

    def test(self, value: Json) -> bool:
        """Whether it is true of the value: not null, false, ``""``, ``[]`` or ``{}``; 0 is true.

        A query that cannot be applied to the value is not true of it.
        """
        try:
            return not is_false(self._found(value))
        except _RUNTIME:
            return False

    def _found(self, value: Json) -> Json:
        found: Json
        if self._closure is not None:
            found = self._closure(value)
            return found
        found = _EVALUATOR.visit(self._tree, value)
        return _deliverable(found) if self._computes else found


def compile_query(text: str) -> Query:
    """Read a query.

    Raises:
        QueryError: bad syntax (with the column, from 1), an unknown function, a wrong number of
            arguments, or a query that is too long, too deep or too costly.
    """
    if not text.strip():
        raise QueryError("the query is empty")
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the query has {len(text)} characters, at most {MAX_LENGTH} are allowed")
    plain, places = _desugar(text)
    tree = _parse(plain, places, text)
    nodes = _checked(tree, text)
    kinds = {node["type"] for node in nodes}
    names = {node["value"] for node in nodes if node["type"] == "function_expression"}
    return Query(text, tree, kinds <= _PATHS, bool(names & _ARITHMETIC), closure_of(tree))


def compile_optional(text: str | None) -> Query | None:
    """The query of a setting that may be left out."""
    return None if text is None else compile_query(text)


def _desugar(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text as plain JMESPath, and which place in it stands for which place in the text."""
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    length, before = 0, ""
    for match in _TOKEN.finditer(text):
        kind, lexeme = match.lastgroup, match.group()
        if kind == "other" and lexeme in "'\"`":
            raise QueryError(f"column {match.start() + 1}: the {lexeme} is never closed")
        if kind == "literal":
            lexeme = _literal(lexeme[1:-1].replace("\\`", "`"), match.start())
        elif (kind == "number" and before != ".") or (
            kind == "word"
            and lexeme in _NAMES
            and before != "."
            and not _COLON_OR_CALL.match(text, match.end())
        ):
            lexeme = _literal(lexeme, match.start())
        places.append((length, match.start()))
        parts.append(lexeme)
        length += len(lexeme)
        before = before if kind == "blank" else lexeme
    return "".join(parts), places


def _literal(text: str, start: int) -> str:
    """A JMESPath literal of this JSON text.

    Integers beyond 2^53 become texts, as in items, so that `id == 12345678901234567890` can hold.
    """
    if text.count("[") + text.count("{") > _MAX_SHAPES:
        raise QueryError(f"column {start + 1}: the literal is too deep")
    try:
        value = json.loads(
            text, parse_int=_integer, parse_float=_finite, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        hint = "" if text[:1] in '"[{' else f"; a text is written {_quoted(text)}"
        raise QueryError(
            _one_line(f"column {start + 1}: `{text[:40]}` is not a JSON value{hint}")
        ) from None
    return "`" + json.dumps(value).replace("`", "\\u0060") + "`"


def _integer(text: str) -> int | str:
    value = int(text)
    return value if abs(value) <= SAFE_INTEGER else text


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


def _quoted(text: str) -> str:
    return "'" + text.strip()[:40].replace("'", "\\'") + "'"


def _parse(plain: str, places: list[tuple[int, int]], text: str) -> _Node:
    try:
        tree: _Node = parser.Parser().parse(plain).parsed
    except RecursionError:
        raise QueryError("the query is nested too deeply") from None
    except exceptions.IncompleteExpressionError:
        raise QueryError(f"column {len(text) + 1}: the query ends too early") from None
    except exceptions.LexerError as error:
        column = _column(error.lexer_position, places)
        raise QueryError(_one_line(f"column {column}: {error.message}")) from None
    except exceptions.ParseError as error:
        column = _column(error.lex_position, places)
        shown = str(error.token_value)[:40] or "the end"
        raise QueryError(_one_line(f"column {column}: unexpected {shown!r}")) from None
    return tree


def _column(position: int, places: list[tuple[int, int]]) -> int:
    """The column, from 1, in the text as typed, of a position in the text as parsed."""
    at = bisect_right(places, (position, MAX_LENGTH)) - 1
    return places[at][1] + 1 if at >= 0 else 1


def _one_line(message: str) -> str:
    return " ".join(message.split())[:300].encode(errors="replace").decode()


def _checked(tree: _Node, text: str) -> list[_Node]:
    """Every node of the tree.

    Raises:
        QueryError: something in it cannot work, or could cost too much.
    """
    nodes: list[_Node] = []
    stack: list[tuple[_Node, int, bool]] = [(tree, 1, False)]
    while stack:
        node, depth, may_be_expression = stack.pop()
        if depth > _MAX_DEPTH:
            raise QueryError("the query is nested too deeply")
        _check(node, text, may_be_expression=may_be_expression)
        nodes.append(node)
        takes = node["type"] == "function_expression" and node["value"] in _BY_EXPRESSION
        stack.extend((child, depth + 1, takes) for child in _children(node))
    if sum(node["type"].startswith("multi_select") for node in nodes) > _MAX_SHAPES:
        raise QueryError(f"the query has more than {_MAX_SHAPES} of {{…}} and […]")
    if _growth(tree) > _MAX_GROWTH:
        raise QueryError(f"the query could copy its input more than {_MAX_GROWTH} times")
    return nodes


def _children(node: _Node) -> list[_Node]:
    return [] if node["type"] == "slice" else node["children"]


def _check(node: _Node, text: str, *, may_be_expression: bool) -> None:
    kind, value = node["type"], node.get("value")
    if kind == "function_expression":
        _check_call(str(value), len(node["children"]), text)
    elif kind == "expref" and not may_be_expression:
        names = ", ".join(sorted(_BY_EXPRESSION))
        raise QueryError(f"'&' stands only before an argument of {names}")
    elif kind == "slice" and node["children"][2] == 0:
        raise QueryError("the step of a slice cannot be 0")
    elif value is not None and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise QueryError("the query holds half a character (a lone surrogate)")


def _check_call(name: str, count: int, text: str) -> None:
    call = re.search(rf"\b{re.escape(name)}[ \t\r\n]*\(", text)
    where = f"column {call.start() + 1}: " if call else ""
    if name not in _FUNCTIONS:
        raise QueryError(f"{where}unknown function {name}(){did_you_mean(name, _FUNCTIONS)}")
    signature = _FUNCTIONS[name]["signature"]
    wanted, variadic = len(signature), bool(signature and signature[-1].get("variadic"))
    if count < wanted or (count > wanted and not variadic):
        least = "at least " if variadic else ""
        raise QueryError(
            f"{where}{name}() takes {least}{wanted} argument{'s' * (wanted != 1)}, got {count}"
        )


def _growth(node: _Node) -> int:
    """How many times the input the result can hold, and the evaluation can read, at the worst."""
    kind = node["type"]
    if kind == "literal":
        return _weight(node["value"])
    sizes = [_growth(child) for child in _children(node)]
    if kind == "filter_projection":
        left, right, condition = sizes
        return left * (right + condition)
    if kind.startswith("multi_select") or kind in ("comparator", "or_expression", "and_expression"):
        return sum(sizes)
    if kind == "key_val_pair":
        return sizes[0] + len(node["value"]) // _WORD
    if kind == "function_expression" and node["value"] not in _BY_EXPRESSION:
        return max(1, sum(sizes))
    return math.prod(sizes)


def _weight(value: Json) -> int:
    """How many members a literal has, at every depth; a long text counts as several."""
    if isinstance(value, dict):
        return 1 + sum(_weight(member) for member in value.values())
    if isinstance(value, list):
        return 1 + sum(map(_weight, value))
    return 1 + (len(value) // _WORD if isinstance(value, str) else 0)


class _Evaluator(visitor.TreeInterpreter):  # type: ignore[misc]  # jmespath has no types
    """JMESPath's evaluator, where an order of unlike types is null, as the specification says."""

    def visit_comparator(self, node: _Node, value: Json) -> bool | None:
        left = self.visit(node["children"][0], value)
        right = self.visit(node["children"][1], value)
        kind = node["value"]
        if kind == "eq":
            return _is_same(left, right)
        if kind == "ne":
            return not _is_same(left, right)
        if not (_is_number(left) and _is_number(right)) and not (
            isinstance(left, str) and isinstance(right, str)
        ):
            return None
        return bool(self.COMPARATOR_FUNC[kind](left, right))


_EVALUATOR: Final = _Evaluator()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_same(left: Json, right: Json) -> bool:
    """Equality of JSON values: 1 equals 1.0, but neither equals true, at any depth."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_is_same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_is_same, left, right))
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _deliverable(value: Json) -> Json:
    """The value without what JSON cannot say: not-finite numbers are null, huge integers texts."""
    if isinstance(value, dict):
        return {name: _deliverable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_deliverable(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and abs(value) > SAFE_INTEGER:
        return str(value)
    return value
