from __future__ import annotations

import pytest

from stream.endpoint import Endpoint, view_query


@pytest.mark.parametrize(
    ("text", "stream"),
    [
        ("http://desk:8000", "ws://desk:8000/ws/quotes"),
        ("ws://desk:8000/", "ws://desk:8000/ws/quotes"),
        ("https://desk.example/live/", "wss://desk.example/live/ws/quotes"),
        ("wss://desk.example", "wss://desk.example/ws/quotes"),
        ("127.0.0.1:8000", "ws://127.0.0.1:8000/ws/quotes"),
        ("http://desk/ä b/%C3%BC", "ws://desk/%C3%A4%20b/%C3%BC/ws/quotes"),
        ("http://bücher.example:81", "ws://xn--bcher-kva.example:81/ws/quotes"),
        ("http://[::1]:8000/http/a", "ws://[::1]:8000/http/a/ws/quotes"),
    ],
)
def test_a_service_is_found_as_people_write_it(text: str, stream: str) -> None:
    assert Endpoint.parse(text).stream(["quotes"], {}) == stream


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "ftp://desk",
            "http://",
            "http://desk:port",
            "http://desk?x=1",
            "http://me:pass@desk",
        ),
        *("http://a..b", "http://a b", "http://desk:99999", "http://[::1", "http://a\x7fb"),
    ],
)
def test_what_is_no_service_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Endpoint.parse(text)


def test_each_part_of_a_path_is_one_segment_whatever_is_in_it() -> None:
    place = Endpoint.parse("http://desk/live")
    assert place.http("channels", "a:b", "x/y z") == "http://desk/live/channels/a:b/x%2Fy%20z"
    assert place.http("channels", query={"keys": "a,b"}) == "http://desk/live/channels?keys=a,b"


@pytest.mark.parametrize("names", [[], ["a/b"], [""], ["a,b"], ["ä"]])
def test_what_cannot_name_a_channel_is_not_asked_for(names: list[str]) -> None:
    with pytest.raises(ValueError):
        Endpoint.parse("http://desk").stream(names, {})


def test_what_to_see_is_written_as_the_protocol_says() -> None:
    query = view_query(fields=["last", "bid"], keys=[1, "A"], where="last > 1 && x", max_rate=0.5)
    assert query == {
        "fields": "last,bid",
        "keys": "1,A",
        "where": "last > 1 && x",
        "max_rate": "0.5",
    }
    url = Endpoint.parse("http://desk").stream(["q", "q", "n"], query)
    assert url == (
        "ws://desk/ws/q,n?fields=last,bid&keys=1,A&where=last%20%3E%201%20%26%26%20x&max_rate=0.5"
    )
    assert view_query(fields="last,bid") == {"fields": "last,bid"}
    assert view_query() == {}


def test_a_key_with_a_comma_is_refused_rather_than_taken_for_two() -> None:
    with pytest.raises(ValueError, match="comma"):
        view_query(keys=["a,b"])


@pytest.mark.parametrize(
    "text", ["http://me:hunter2@host:99999", "https://me:hun/ter2@host", "ftp://me:hunter2@host"]
)
def test_a_password_in_an_address_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        Endpoint.parse(text)
    assert "hun" not in str(refused.value)
