"""Texts of other people as texts that can be shown."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from stream.plain import line, plain, printable, web_url


def test_html_becomes_text() -> None:
    assert plain("<p>A &amp; b</p><script>x</script>\n<p>c<br>d", 99) == "A & b c d"
    assert plain(None, 9) == plain(3, 9) == ""


def test_a_line_is_folded_and_cut() -> None:
    assert line(" a\n\tb  c ", 9) == "a b c"
    assert line("abcdef", 4) == "abc…"


@given(st.text(), st.integers(1, 50))
def test_no_text_comes_out_longer_or_with_a_line_break(text: str, limit: int) -> None:
    for made in (plain(text, limit), line(text, limit)):
        assert len(made) <= limit
        assert len(made.splitlines()) <= 1


def test_only_addresses_of_the_web_pass() -> None:
    assert web_url(" https://h.example/a ") == "https://h.example/a"
    assert web_url("/a", "https://h.example/b") == "https://h.example/a"
    for bad in ("/a", "javascript:alert(1)", "ftp://h.example", "http://[", "", 3, None):
        assert web_url(bad) is None


@given(st.text())
def test_nothing_of_an_upstream_steers_the_terminal(text: str) -> None:
    shown = printable(text)
    assert all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert {c for c in shown if unicodedata.category(c) == "Cf"} <= set("\u200c\u200d")


def test_what_is_harmless_in_other_languages_is_shown_as_it_is() -> None:
    for text in ("5\u202f%\u00a0», dit-il", "\U0001f468\u200d\U0001f469"):
        assert printable(text) == text
    assert printable("a\u202eb\u2028\x9b") == r"a\u202eb\u2028\u009b"
    assert printable("日本\u3000語 1\u202f000\x1b[2J") == "日本\u3000語 1\u202f000\\u001b[2J"
