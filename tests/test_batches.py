from __future__ import annotations

import json
from typing import Any

import pytest

from stream.cli.batches import MOST_BYTES, MOST_LINES, Batch, Line, body_of, parse_line


def batched(*lines: object, key: str | None = "id") -> list[list[int]]:
    """The numbers of the lines of each batch."""
    batches = [Batch(key)]
    for number, value in enumerate(lines, 1):
        line = parse_line(number, json.dumps(value).encode())
        if not batches[-1].add(line):
            batches.append(Batch(key))
            assert batches[-1].add(line)
    return [[line.number for line in batch.lines] for batch in batches]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"id":1}', Line(1, 8, put=[{"id": 1}])),
        ('[{"id":1},{"id":2}]', Line(1, 19, put=[{"id": 1}, {"id": 2}])),
        ('{"put":{"id":1}}', Line(1, 16, put=[{"id": 1}])),
        ('{"patch":[{"id":1}],"del":[2]}', Line(1, 30, patch=[{"id": 1}], delete=[2])),
        ('{"put":1,"x":2}', Line(1, 15, put=[{"put": 1, "x": 2}])),
        ("{}", Line(1, 2, put=[{}])),
    ],
)
def test_a_line_is_an_item_several_items_or_a_change(text: str, line: Line) -> None:
    assert parse_line(1, text.encode()) == line


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("7", "expected an item"),
        ("[1]", "expected an item"),
        ('{"a":NaN}', "NaN"),
        ('{"a":-Infinity}', "Infinity"),
        ("[" * 100_000, "not JSON"),
        ("\xff", "not JSON"),
    ],
)
def test_a_line_that_is_none_of_these_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_line(1, text.encode("latin-1"))


def test_lines_about_different_items_go_together_and_one_about_the_same_begins_anew() -> None:
    assert batched({"id": 1}, {"id": 2}, {"id": 1}, {"id": 3}) == [[1, 2], [3, 4]]
    assert batched({"id": 1}, {"del": [2]}, {"patch": [{"id": 3}]}) == [[1, 2, 3]]
    assert batched({"id": 1}, {"del": [1]}, {"id": 1}) == [[1], [2], [3]]
    assert batched({"id": 1}, {"id": "1"}) == [[1], [2]]


def test_where_the_key_is_not_to_be_seen_each_line_goes_by_itself() -> None:
    assert batched({"id": 1}, {"x": 1}, {"id": 2}, {"id": 3}) == [[1], [2], [3, 4]]
    assert batched({"id": 1}, {"id": 2}, key=None) == [[1], [2]]


def test_a_batch_is_bounded_in_lines_and_bytes_but_takes_one_line_of_any_size() -> None:
    many = batched(*({"id": n} for n in range(MOST_LINES + 1)))
    assert [len(batch) for batch in many] == [MOST_LINES, 1]
    large = "x" * MOST_BYTES
    assert batched({"id": 1}, {"id": 2, "x": large}, {"id": 3}) == [[1], [2], [3]]


def test_a_batch_is_one_publication_and_loses_no_digit() -> None:
    texts = ['{"id":1,"big":123456789012345678901234567890}', '{"del":[5],"patch":[{"id":2}]}']
    lines = [parse_line(n, text.encode()) for n, text in enumerate(texts)]
    body: dict[str, Any] = json.loads(body_of(lines))
    assert body == {
        "put": [{"id": 1, "big": 123456789012345678901234567890}],
        "patch": [{"id": 2}],
        "del": [5],
    }
