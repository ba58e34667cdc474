"""Tests of lines for people: what stands in them, what never may, and their colours."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.encode import Head
from stream.model import Fault, Item, Json, SourceState, Status
from stream.text import CHANGED, GONE, NEW, notice, plain, spoken, status_line, text_line

AT = 1763777469.12
HEAD = Head("quotes", "code", None, AT, 2)
SEQUENCE = re.compile(r"\x1b\[(?:0|1|31|32|33|35)m")


def test_a_line_has_its_mark_the_time_the_channel_the_key_and_the_fields() -> None:
    fields: Item = {"code": "A B", "p": 1.5, "name": "Alpha", "note": "a b", "none": None}
    assert text_line(CHANGED, HEAD, "A B", fields) == (
        b'~ 02:11:09 quotes "A B" p=1.5 name=Alpha note="a b" none=null'
    )
    assert text_line("", Head("q", "k", None, None, 0), 7, {}) == b"--:--:-- q 7"


@pytest.mark.parametrize(
    ("mark", "color"), [(NEW, "32"), (CHANGED, "33"), (GONE, "31")], ids=["new", "changed", "gone"]
)
def test_a_colored_line_shows_its_mark_in_color_and_its_key_bold(mark: str, color: str) -> None:
    assert text_line(mark, HEAD, "A", {"p": 1}, colored=True).decode() == (
        f"\x1b[{color}m{mark[0]}\x1b[0m 02:11:09 quotes \x1b[1mA\x1b[0m p=1"
    )


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("change", 0.5, "change=\x1b[32m0.5\x1b[0m"),
        ("usd_24h_change", -1, "usd_24h_change=\x1b[31m-1\x1b[0m"),
        ("change_pct", -0.25, "change_pct=\x1b[31m-0.25\x1b[0m"),
        ("change", 0, "change=0"),
        ("change", True, "change=true"),
        ("change", "-1", "change=-1"),
        ("last", -3, "last=-3"),
    ],
)
def test_up_is_green_and_down_is_red_where_a_field_is_a_change(
    name: str, value: Json, shown: str
) -> None:
    line = text_line("", HEAD, "A", {name: value}, colored=True).decode()
    assert line.split(" ", 3)[3] == shown
    assert text_line("", HEAD, "A", {name: value}).decode().endswith(f"{name}={plain(value)}")


values = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(), st.lists)


@given(st.text(), st.dictionaries(st.text(), values), st.booleans())
def test_nothing_of_an_upstream_steers_the_terminal_or_makes_a_second_line(
    key: str, fields: Item, colored: bool
) -> None:
    fault = Fault("dns", key)
    lines = [
        text_line(NEW, HEAD, key, fields, colored=colored),
        notice(None, key, colored=colored),
        status_line("q", Status(SourceState.FAILING, error=fault), colored=colored),
        spoken("error", {"message": key, "other": fields, "list": [key]}, colored=colored),
    ]
    for line in lines:
        shown = SEQUENCE.sub("", line.decode()) if colored else line.decode()
        steering = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}}
        assert steering == set()


def test_a_message_about_the_connection_is_a_sentence_without_codes() -> None:
    said = {"code": "unknown_channel", "message": "no channel 'q'", "channel": "q", "id": 7}
    assert spoken("error", said) == b"! error: no channel 'q'; id=7"
    welcome = {"cursor": "e1-1", "channels": ["news", "quotes"], "hint": "type: help"}
    assert spoken("welcome", welcome) == b"! welcome: news quotes; type: help"
    assert spoken("pong", {}) == b"! pong"
    assert spoken("rate", {"max_rate": 2.5}) == b"! rate: max_rate=2.5"
    assert spoken("pong", {}, colored=True) == b"\x1b[35m!\x1b[0m pong"


def test_a_status_says_since_when_and_why_in_one_line() -> None:
    status = Status(SourceState.FAILING, AT, AT, None, Fault("http_503", "503\n Service"))
    assert status_line("q", status) == b"! 02:11:09 q is failing: 503 Service"
