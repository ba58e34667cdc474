"""Channel patterns and the addresses they fill."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.model import is_channel_name
from stream.template import (
    MAX_RULE,
    MAX_VALUE,
    BadParameter,
    ChannelPattern,
    KeysTemplate,
    Rule,
    Template,
    has_stray_brace,
    is_channel_template,
)

PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


def test_names_come_once_each_and_in_order() -> None:
    assert Template("/{b}/{a}?x={b}").names == ("b", "a")
    assert Template("/users").names == ()


def test_the_keys_placeholders_are_not_names() -> None:
    assert Template("/{keys}/{keys[0]}/{keys[1:]}/{id}").names == ("id",)


def test_values_are_percent_encoded_with_no_safe_characters() -> None:
    assert Template("/users/{id}?q={q}").fill({"id": "a/b", "q": "x&y=ä"}) == (
        "/users/a%2Fb?q=x%26y%3D%C3%A4"
    )


def test_plain_values_stay_as_they_are_for_a_parameter_encoded_later() -> None:
    assert Template("{id} of {org}").fill_text({"id": "a/b", "org": "x y"}) == "a/b of x y"


def test_values_that_the_text_does_not_use_are_left_out() -> None:
    assert Template("/{a}").fill({"a": "1", "b": "2"}) == "/1"


def test_a_name_without_a_value_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="id"):
        Template("/{id}").fill({})


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    assert Template("{a}-{b}").fill_text({"a": "{b}", "b": "1"}) == "{b}-1"
    filled = Template("{a}/{keys}").fill({"a": "{keys}"})
    assert KeysTemplate(filled).fill(["K"]) == "%7Bkeys%7D/K"


@given(PRINTABLE)
def test_no_value_changes_the_shape_of_an_address(value: str) -> None:
    address = urlsplit(Template("https://h.example/a/{v}/z?q={v}#end").fill({"v": value}))
    assert address.hostname == "h.example"
    assert [unquote(part) for part in address.path.split("/")] == ["", "a", value, "z"]
    assert unquote(address.query.removeprefix("q=")) == value
    assert address.fragment == "end"


def test_keys_fill_all_the_first_and_the_rest() -> None:
    template = KeysTemplate("/rt/{keys[0]}?s={keys[1:]}&all={keys}")
    assert template.forms == {"{keys}", "{keys[0]}", "{keys[1:]}"}
    assert template.fill(["A", "B", "C"]) == "/rt/A?s=B,C&all=A,B,C"
    assert template.fill(["A"]) == "/rt/A?s=&all=A"


def test_each_key_is_percent_encoded_but_the_commas_between_are_not() -> None:
    assert KeysTemplate("?s={keys}").fill(["BRK/B", "a,b"]) == "?s=BRK%2FB,a%2Cb"
    assert KeysTemplate("{keys}").fill_text(["BRK/B", "X"]) == "BRK/B,X"


def test_keys_cannot_be_filled_without_a_key() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        KeysTemplate("{keys[0]}").fill([])


def test_a_text_without_keys_has_no_forms() -> None:
    assert KeysTemplate("/users/{id}").forms == frozenset()


def test_a_channel_of_the_pattern_gives_its_parameters() -> None:
    assert ChannelPattern("user:{id}", {"id": "int"}).match("user:7") == {"id": "7"}


@pytest.mark.parametrize("channel", ["news", "user:", "users:7", "user:7/8", "", "user:{id}"])
def test_another_channel_is_not_of_the_pattern(channel: str) -> None:
    assert ChannelPattern("user:{id}", {"id": "int"}).match(channel) is None


def test_a_forbidden_parameter_is_named_with_what_was_expected() -> None:
    with pytest.raises(BadParameter) as caught:
        ChannelPattern("user:{id}", {"id": "int"}).match("user:abc")
    assert (caught.value.name, caught.value.value) == ("id", "abc")
    assert str(caught.value) == "id: expected a whole number, got 'abc'"
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("int", ["0", "7", "-7", "123456789012345678"], ["07", "-0", "1.5", "1" * 20, "٧", "7\n"]),
        ("word", ["a", "A_1-b"], ["a.b", "a b", "x" * 65, "ä"]),
        (["eur", "u.s"], ["eur", "u.s"], ["EUR", "uxs", "eu"]),
        ("[A-Z]{3}", ["EUR"], ["EURO", "eur", "EUR\n"]),
        (".*", ["x", "x" * MAX_VALUE], ["", ".", "..", "...", "x" * (MAX_VALUE + 1), "a\x00b"]),
    ],
)
def test_a_rule_accepts_what_it_says(
    rule: str | list[str], good: list[str], bad: list[str]
) -> None:
    read = Rule.of(rule)
    assert [value for value in good if not read.accepts(value)] == []
    assert [value for value in bad if read.accepts(value)] == []


def test_a_rule_says_in_words_what_it_expects() -> None:
    assert Rule.of("int").expected == "a whole number"
    assert Rule.of(["eur", "usd"]).expected == "one of eur, usd"
    assert Rule.of([str(n) for n in range(12)]).expected.endswith("8, 9, …")
    assert Rule.of("[A-Z]{3}").expected == "text matching [A-Z]{3}"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("[A-Z", "not a regular expression"),
        ("[[a]", "not a regular expression"),
        ("a{99999999999}", "not a regular expression"),
        ("a" * (MAX_RULE + 1), f"at most {MAX_RULE} characters"),
        ([], "at least one value"),
        ([""], "none of them empty"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(rule: str | list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Rule.of(rule)


@pytest.mark.parametrize(
    ("text", "match", "why"),
    [
        ("user:{id}", {}, "a rule for exactly: id"),
        ("user:{id}", {"id": "int", "x": "int"}, "a rule for exactly: id"),
        ("user", {}, "has no placeholder"),
        ("user/{id}", {"id": "int"}, "is no channel name"),
        ("user:{id", {"id": "int"}, "is no channel name"),
        ("{a}{b}", {"a": "int", "b": "int"}, "a character between"),
        ("{a}:{a}", {"a": "int"}, "only once"),
        ("w:{keys}", {"keys": "int"}, "is no channel name"),
        ("w:{id}:{keys}", {"id": "int"}, "is no channel name"),
        ("w:{id}", {"id": "["}, "not a regular expression"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused(text: str, match: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ChannelPattern(text, match)


def test_of_two_placeholders_the_first_takes_as_little_as_it_can() -> None:
    pattern = ChannelPattern("pair:{a}-{b}", {"a": "[a-z]+", "b": "[a-z-]+"})
    assert pattern.match("pair:x-y-z") == {"a": "x", "b": "y-z"}


def test_patterns_that_differ_only_in_names_have_one_shape() -> None:
    one = ChannelPattern("user:{id}", {"id": "int"})
    other = ChannelPattern("user:{name}", {"name": "word"})
    assert one.shape == other.shape == "user:{}"


@given(st.text(), st.from_regex(r"[A-Za-z0-9_.:{}-]{1,20}", fullmatch=True))
def test_whatever_is_asked_for_is_a_match_a_bad_parameter_or_nothing(any_: str, near: str) -> None:
    pattern = ChannelPattern("user:{id}", {"id": "word"})
    for channel in (any_, near, f"user:{near}"):
        try:
            values = pattern.match(channel)
        except BadParameter as error:
            assert channel == f"user:{error.value}"
        else:
            assert values is None or channel == f"user:{values['id']}"


@given(st.from_regex(r"[A-Za-z0-9_-]{1,30}", fullmatch=True))
def test_a_filled_pattern_is_matched_with_the_same_values(value: str) -> None:
    text = "user:{id}.items"
    channel = Template(text).fill_text({"id": value})
    assert is_channel_name(channel)
    assert ChannelPattern(text, {"id": "word"}).match(channel) == {"id": value}


def test_a_channel_template_is_a_channel_name_once_filled() -> None:
    assert is_channel_template("news")
    assert is_channel_template("user:{id}")
    assert not is_channel_template("user/{id}")
    assert not is_channel_template("{ id }")
    assert not is_channel_template("watch:{keys}")


def test_a_brace_of_no_placeholder_is_noticed() -> None:
    assert has_stray_brace("/{id")
    assert has_stray_brace("/{keys[2]}")
    assert not has_stray_brace("/{id}/{keys}/{keys[0]}/{keys[1:]}")


def test_all_keys_may_stand_as_a_json_list() -> None:
    template = KeysTemplate("https://h.example/a?s={keys[json]}")
    assert template.forms == {"{keys[json]}"}
    assert template.fill(["A", "B"]) == "https://h.example/a?s=%5B%22A%22%2C%22B%22%5D"
    assert KeysTemplate("{keys[json]}").fill_text(["A", "B"]) == '["A","B"]'
