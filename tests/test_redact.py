"""No secret is left in a text, however an upstream wrote it there."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.redact import HIDDEN, MIN_SECRET, holds, redacted

KEY = "Sesame/4711+open&\"sie'"
BASIC = "Basic " + base64.b64encode(b"user:pass-word-9").decode()


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        KEY.lower(),
        KEY.upper(),
        quote(KEY),
        quote(KEY, safe=""),
        quote(KEY, safe="").lower(),
        quote_plus(KEY),
        html.escape(KEY),
        json.dumps(KEY)[1:-1],
        base64.b64encode(KEY.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_hidden_however_it_is_written(written: str) -> None:
    assert redacted(f"the key {written} is bad, {written}", [KEY]) == (
        f"the key {HIDDEN} is bad, {HIDDEN}"
    )
    assert holds(written, [KEY])


@pytest.mark.parametrize("shown", [BASIC, BASIC[6:], "user:pass-word-9", "pass-word-9"])
def test_of_basic_credentials_the_password_is_hidden_too(shown: str) -> None:
    assert redacted(f"bad password: {shown}!", [BASIC]) == f"bad password: {HIDDEN}!"


def test_of_a_bearer_token_the_token_alone_is_hidden_too() -> None:
    assert redacted("token abcdef123 and Bearer abcdef123", ["Bearer abcdef123"]) == (
        f"token {HIDDEN} and {HIDDEN}"
    )


def test_a_secret_within_another_leaves_no_rest() -> None:
    assert redacted("abcdefgh", ["abcd", "abcdefgh"]) == HIDDEN


@pytest.mark.parametrize("end", ["", "…", "..."])
def test_a_secret_that_was_cut_at_the_end_is_hidden(end: str) -> None:
    cut = f"bad key Sesame/4711{end}"
    assert redacted(cut, [KEY]) == f"bad key {HIDDEN}{end}"


def test_what_only_begins_like_a_secret_stays() -> None:
    assert redacted("open Sesame", [KEY]) == "open Sesame"


@pytest.mark.parametrize("secrets", [[], [""], ["abc"], ["Bearer "]])
def test_what_is_no_secret_hides_nothing(secrets: list[str]) -> None:
    assert redacted("abc Basic a", secrets) == "abc Basic a"
    assert not holds("abc", secrets)


def test_credentials_that_are_no_base64_are_hidden_as_they_are() -> None:
    assert redacted("Basic not~base64", ["Basic not~base64"]) == HIDDEN


secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=MIN_SECRET)


@given(secrets, st.text(), st.text())
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    left = redacted(before + secret + after, [secret])
    assert secret not in left.replace(HIDDEN, " ")
    assert holds(before + secret + after, [secret])


@given(secrets, st.text(st.characters(min_codepoint=0x100)))
def test_a_text_without_the_secret_stays_as_it_is(secret: str, text: str) -> None:
    assert redacted(text, [secret]) == text
