"""Tests of commands: plain words, JSON, and refusals that help."""

from __future__ import annotations

import pytest

from stream.commands import Command, parse, parse_rate
from stream.errors import ClientError


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("sub news quotes", Command("subscribe", ("news", "quotes"))),
        (" SUB news,quotes news ", Command("subscribe", ("news", "quotes"))),
        ("unsub news", Command("unsubscribe", ("news",))),
        ("list", Command("channels")),
        ("rate 2", Command("rate", rate=2.0)),
        ("rate off", Command("rate")),
        ("sub a 'where=p > 5'", Command("subscribe", ("a",), (("where", "p > 5"),))),
        (
            ' {"op":"subscribe","channels":["a"],"fields":["x","y"],"snapshot":false,"id":7}',
            Command("subscribe", ("a",), (("fields", "x,y"), ("snapshot", "0")), reply_to=7),
        ),
        (
            '{"op":"subscribe","channels":["a"],"trail":true}',
            Command("subscribe", ("a",), (("trail", "1"),)),
        ),
        ("sub a trail=1", Command("subscribe", ("a",), (("trail", "1"),))),
        ('{"op":"unsubscribe","channel":"a"}', Command("unsubscribe", ("a",))),
        ('{"op":"rate","max_rate":0.5}', Command("rate", rate=0.5)),
        ('{"op":"rate","max_rate":null}', Command("rate")),
        ('{"op":"ping","id":"x"}', Command("ping", reply_to="x")),
    ],
)
def test_words_and_json_are_understood(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_command"),
        ("subb news", "bad_command"),
        ("sub", "bad_command"),
        ("sub 'a", "bad_command"),
        ("/sub a", "bad_command"),
        ("sub a feilds=x", "bad_parameter"),
        ("rate", "bad_command"),
        ("{", "bad_json"),
        ('{"op":7}', "bad_command"),
        ('{"op":"subscribe"}', "bad_command"),
        ('{"op":"subscribe","channels":[7]}', "bad_command"),
        ('{"op":"subscribe","channels":["a"],"since":null}', "bad_parameter"),
        ('{"op":"ping","id":{}}', "bad_command"),
        ('{"op":"rate","max_rate":0}', "bad_max_rate"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_code(text: str, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        parse(text)
    assert refused.value.code == code


@pytest.mark.parametrize("text", ["0", "0.009", "100.1", "nan", "inf", "x", ""])
def test_a_rate_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ClientError, match="0.01 to 100"):
        parse_rate(text)


def test_a_refusal_of_json_carries_its_id_and_the_nearest_word() -> None:
    with pytest.raises(ClientError, match="did you mean 'fields'") as refused:
        parse('{"op":"subscribe","channels":["a"],"feilds":"x","id":7}')
    assert refused.value.details["id"] == 7  # type: ignore[comparison-overlap]
