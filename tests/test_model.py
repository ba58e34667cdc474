"""Tests of the model: cursors, channel names and changes."""

from __future__ import annotations

import pytest

from stream.model import Change, Cursor, is_channel_name


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("k3f9-1042", Cursor("k3f9", 1042)),
        ("0-0", Cursor("0", 0)),
        (f"e-{2**63 - 1}", Cursor("e", 2**63 - 1)),
    ],
)
def test_a_cursor_is_read_and_written_the_same(text: str, cursor: Cursor) -> None:
    assert Cursor.parse(text) == cursor
    assert str(cursor) == text


@pytest.mark.parametrize(
    "text",
    ["", "-", "e", "e-", "-1", "e--1", "e-+1", "e-1.0", "e-1 ", " e-1", "E-1", "e_-1", "e-x"]
    + ["e-\u0661", "e-\u00b2", "e1-1\n", "a" * 17 + "-1", f"e-{2**63}", "e-" + "0" * 20],
)
def test_a_malformed_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cursor|expected"):
        Cursor.parse(text)


@pytest.mark.parametrize(
    ("text", "is_name"),
    [("a", True), ("A_b.c:d-1", True), ("a" * 128, True), ("a" * 129, False)]
    + [("", False), ("a/b", False), ("a b", False), ("a\n", False), ("\u00e9", False)],
)
def test_channel_names_have_few_letters(text: str, is_name: bool) -> None:
    assert is_channel_name(text) is is_name


def test_a_change_of_nothing_is_false() -> None:
    assert not Change()
    assert Change(delete=("a",))
    assert len(Change({"a": {}}, {"b": {}}, ("c",))) == 3
