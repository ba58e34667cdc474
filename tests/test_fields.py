"""The frozen table and the types of fields."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from stream.fields import (
    Channel,
    Expression,
    Headers,
    Interval,
    KeyFields,
    MatchRule,
    Mistake,
    Table,
    header_name,
    web_address,
)


class Example(Table):
    number: int = 1


def read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


def test_a_table_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Example().number = 2


def test_a_table_refuses_a_key_it_does_not_know() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Example.model_validate({"numbr": 2})


def test_a_mistake_keeps_the_path_to_its_place() -> None:
    assert Mistake("key", "wrong").path == ("key",)
    assert Mistake(("a", "b"), "wrong").path == ("a", "b")
    assert str(Mistake("key", "wrong")) == "wrong"


@pytest.mark.parametrize(
    "text",
    [
        "https://news.example/rss.xml",
        "http://127.0.0.1:8000",
        "http://[::1]:8000/a?b=c#d",
        "https://api.example/users/{id}?keys={keys[0]},{keys[1:]}",
        "https://api.example?s={keys}",
        "https://api.example/@user",
    ],
)
def test_a_web_address_is_kept_as_it_is(text: str) -> None:
    assert web_address(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "http:// or https://"),
        ("news.example/rss", "http:// or https://"),
        ("ftp://news.example", "http:// or https://"),
        ("https:///rss", "a valid host and port"),
        ("https://:80/", "a valid host and port"),
        ("https://h:99999/", "a valid host and port"),
        ("https://h:x/", "a valid host and port"),
        ("https://h:0/", "a valid host and port"),
        ("https://[::1/", "a valid host and port"),
        ("https://h/a b", "without blanks"),
        ("https://h/\n", "without blanks"),
        ("https://user:hunter2@h/", "a password is never written"),
        ("https://user@h/", "a password is never written"),
        ("https://{id}.example/", "may not stand in the host"),
        ("https://h:{id}/", "a valid host and port"),
        ("https://{keys}/", "may not stand in the host"),
        ("https://h/{id", "a brace must belong"),
        ("https://h/{keys[2]}", "a brace must belong"),
    ],
)
def test_what_is_no_web_address_is_refused_without_repeating_it(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        web_address(text)
    assert "hunter2" not in str(caught.value)


@given(st.text(), st.text(alphabet="htps:/@[]{}.1a?#%"))
def test_any_text_is_an_address_or_a_value_error(any_: str, near: str) -> None:
    for text in (any_, near, f"https://{near}"):
        try:
            assert web_address(text) == text
        except ValueError:
            continue
        assert text.startswith(("http://", "https://"))


def test_header_names_that_the_service_sets_itself_are_refused() -> None:
    assert header_name("X-Api-Key") == "X-Api-Key"
    for name in ("Host", "accept-encoding", "If-None-Match"):
        with pytest.raises(ValueError, match="set by the service"):
            header_name(name)
    for name in ("", "a b", "a:b", "ä"):
        with pytest.raises(ValueError, match="name of an HTTP header"):
            header_name(name)


def test_headers_hold_printable_text_and_no_secrets() -> None:
    assert read(Headers, {"Accept": "application/json"}) == {"Accept": "application/json"}
    for headers, why in (
        ({"Authorization": "Bearer x"}, "use auth"),
        ({"cookie": "a=b"}, "use auth"),
        ({"Accept": "a\r\nX: b"}, "printable ASCII"),
        ({"Host": "x"}, "set by the service"),
    ):
        with pytest.raises(ValidationError, match=why):
            read(Headers, headers)


def test_an_expression_must_compile() -> None:
    assert read(Expression, "a.b[0]") == "a.b[0]"
    with pytest.raises(ValidationError, match="not a JMESPath expression"):
        read(Expression, "a ==")


def test_a_channel_may_have_placeholders() -> None:
    assert read(Channel, "user:{id}") == "user:{id}"
    with pytest.raises(ValidationError, match="expected a channel name"):
        read(Channel, "user/{id}")


def test_an_interval_is_not_below_a_tenth_of_a_second() -> None:
    assert read(Interval, "100ms") == 0.1
    with pytest.raises(ValidationError):
        read(Interval, "99ms")


def test_key_fields_are_one_field_or_several() -> None:
    assert read(KeyFields, "id") == "id"
    assert read(KeyFields, ["id"]) == "id"
    assert read(KeyFields, ["id", "link"]) == ("id", "link")


@pytest.mark.parametrize("value", [[], "", [""], ["id", 3], 3, None, {"id": 1}])
def test_key_fields_without_a_field_are_refused(value: object) -> None:
    with pytest.raises(ValidationError, match=r"expected (a field|the names of fields)"):
        read(KeyFields, value)


def test_a_match_rule_takes_whole_numbers_in_its_list() -> None:
    assert read(MatchRule, "int") == "int"
    assert read(MatchRule, ["a", 2]) == ("a", "2")


@pytest.mark.parametrize("value", [3, [True], [1.5], [], "[", None])
def test_a_match_rule_that_means_nothing_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        read(MatchRule, value)
