from __future__ import annotations

import click
import pytest

from stream.cli.common import DEFAULT_URL, URL_VARIABLE, looks_like_url, split_words, with_hint
from stream.endpoint import Endpoint


@pytest.mark.parametrize(
    "word",
    ["http://desk", "wss://desk/live", "localhost:8000", "127.0.0.1:80", "[::1]:8000/live"],
)
def test_a_service_is_told_from_a_channel(word: str) -> None:
    assert looks_like_url(word)


@pytest.mark.parametrize("word", ["quotes", "user:1", "quote:AAPL.US", "desk:80", "a.b", "x:1.5"])
def test_a_channel_is_told_from_a_service(word: str) -> None:
    assert not looks_like_url(word)


@pytest.mark.parametrize(
    ("words", "place", "rest"),
    [
        (["quotes"], DEFAULT_URL, ["quotes"]),
        (["localhost:1", "quotes"], "http://localhost:1", ["quotes"]),
        (["ws://desk", "quotes", "news"], "http://desk", ["quotes", "news"]),
        (["ws://desk"], "http://desk", []),
        (["fx.rates:1"], DEFAULT_URL, ["fx.rates:1"]),
        ([], DEFAULT_URL, []),
    ],
)
def test_the_first_word_may_be_the_service_where_enough_others_are_left(
    words: list[str], place: str, rest: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    assert split_words(words, least=1) == (Endpoint(place), rest)


def test_the_environment_names_a_service_for_all_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, "desk.example:99")
    assert split_words(["quotes"], least=1)[0] == Endpoint("http://desk.example:99")
    monkeypatch.setenv(URL_VARIABLE, "ftp://desk")
    with pytest.raises(click.UsageError, match="STREAM_URL: expected http://host:port"):
        split_words(["quotes"], least=1)


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        (DEFAULT_URL, "; to have a service there: stream demo"),
        ("http://localhost:9000", "; to have a service there: stream demo --port 9000"),
        ("http://[::1]:9000", "; to have a service there: stream demo --host ::1 --port 9000"),
        ("http://desk.example:9000", ""),
        ("http://localhost", ""),
        ("http://127.0.0.1:8000/live", ""),
        ("https://127.0.0.1:8000", ""),
    ],
)
def test_only_on_this_machine_is_a_demo_the_remedy(place: str, hint: str) -> None:
    why = "Connection refused"
    assert with_hint(why, Endpoint(place), is_unreachable=True) == why + hint
    assert with_hint("no such channel", Endpoint(place), is_unreachable=False) == "no such channel"
