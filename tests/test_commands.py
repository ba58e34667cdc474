"""Tests of commands: plain words, JSON, and refusals that help."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.commands import EXAMPLES, OPS, USAGE, Command, help_on, parse, parse_rate
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
        (
            "sub a where=p > 5 && s == 'x y' fields=p",
            Command("subscribe", ("a",), (("fields", "p"), ("where", "p > 5 && s == 'x y'"))),
        ),
        ("sub a where=p==1", Command("subscribe", ("a",), (("where", "p==1"),))),
        ("sub a where='p > 5' b", Command("subscribe", ("a", "b"), (("where", "p > 5"),))),
        ("last news", Command("last", ("news",))),
        ("last 5 news,b fields=x", Command("last", ("news", "b"), (("fields", "x"),), most=5)),
        (
            '{"op":"last","n":5,"channels":["5"],"where":"p > 1"}',
            Command("last", ("5",), (("where", "p > 1"),), most=5),
        ),
        ("pause", Command("pause")),
        ('{"op":"resume","id":1}', Command("resume", reply_to=1)),
        ("format text", Command("format", parameters=(("format", "text"),))),
        (
            '{"op":"format","format":"text","color":true}',
            Command("format", parameters=(("format", "text"), ("color", "1"))),
        ),
        ("help LAST", Command("help", about="last")),
        ("Quit", Command("quit")),
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
        ("pause 5", "bad_command"),
        ("list news", "bad_command"),
        ("format", "bad_command"),
        ("format text json", "bad_command"),
        ("last", "bad_command"),
        ("last 5", "bad_command"),
        ("last 0 a", "bad_command"),
        ("last 101 a", "bad_command"),
        ("last 51 a b", "bad_command"),
        ("last a since=e-1", "bad_parameter"),
        ("unsub a fields=x", "bad_parameter"),
        ("[1]", "bad_json"),
        ('{"op":"last","channels":["a"],"n":"5"}', "bad_command"),
        ('{"op":"last","channels":["a"],"n":true}', "bad_command"),
        ('{"op":"sub","channels":["a"]}', "bad_command"),
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subb news", "did you mean 'sub'?"),
        ("json on", "did you mean 'format json'?"),
        ("exit", "did you mean 'quit'?"),
        ("xyzzy", "known are sub, unsub, last"),
        ("unsub", "for example: unsub news"),
        ("pause 5", "expected: pause"),
        ("list news", "expected: list"),
        ("rate", "for example: rate 2"),
        ("last a field=x", "did you mean 'fields'?"),
        ("ping x=1", "ping takes none"),
        ('{"op":"sub","channels":["a"]}', "did you mean 'subscribe'?"),
    ],
)
def test_a_mistake_is_answered_with_what_was_meant_in_one_line(text: str, words: str) -> None:
    with pytest.raises(ClientError) as refused:
        parse(text)
    assert words in refused.value.message
    assert len(refused.value.message) < 160


def test_there_is_help_on_every_word_by_its_name_and_its_op() -> None:
    for word, op in zip(USAGE, OPS, strict=True):
        assert help_on(word) == help_on(op)
        assert help_on(word).startswith(word)
        assert word in help_on(None)
    with pytest.raises(ClientError, match="did you mean 'last'"):
        help_on("laast")


@pytest.mark.parametrize("word", EXAMPLES)
def test_the_examples_of_the_help_are_commands(word: str) -> None:
    assert parse(EXAMPLES[word])


@given(st.text(max_size=80))
def test_whatever_is_typed_is_a_command_or_a_client_error(text: str) -> None:
    for line in (text, f"sub a where={text}", f"last {text}", f"help {text}"):
        with contextlib.suppress(ClientError):
            assert parse(line).op in OPS


def test_a_line_of_nothing_but_blanks_is_read_in_linear_time() -> None:
    steps: list[int] = []
    for blanks in (2_000, 64_000):
        line = "sub a where=x" + " " * blanks + "y fields=p"
        began = time.process_time_ns()
        command = parse(line)
        steps.append(time.process_time_ns() - began)
        assert command.parameters[0] == ("fields", "p")
    # 32 times as long; quadratic would be 1,000 times.
    assert steps[1] < 300 * max(steps[0], 100_000)
