"""Reading the file and the environment."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.config import SECRET_BYTES, json_schema, load, loads
from stream.errors import ConfigError
from stream.presets import PRESETS
from stream.settings import Settings
from stream.source_settings import KINDS, HttpSettings

SECRET = "hunter2-hunter2-hunter2-hunter2-hunter2"  # noqa: S105
QUOTES = '[sources.quotes]\nkind = "http"\nurl = "https://h.example/a"\n'
PAGE = Path(__file__).parent.parent / "docs" / "config.md"


def refusal(text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        loads(text, environ or {})
    assert caught.value.__context__ is None or SECRET not in repr(caught.value.__context__)
    return str(caught.value)


def quotes(text: str, environ: dict[str, str] | None = None) -> HttpSettings:
    source = loads(QUOTES + text, environ or {}).sources["quotes"]
    assert isinstance(source, HttpSettings)
    return source


def test_the_example_of_the_documentation_loads() -> None:
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    environ = {"STREAM_JWT_KEY": SECRET, "QUOTES_TOKEN": "a", "API_TOKEN": "b"}
    settings = loads(found[1], environ)
    assert list(settings.sources) == [
        "world",
        "sport",
        "quotes",
        "user:{id}",
        "watch",
        "alerts",
        "host",
    ]
    assert settings.auth.key is not None
    assert settings.auth.key.get_secret_value() == SECRET
    assert SECRET not in repr(settings)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stream.toml"
    path.write_text("[server]\nport = 9000\n", encoding="utf-8")
    assert load(path, {}).server.port == 9000


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "stream.toml"
    path.write_bytes(b"\xef\xbb\xbf[server]\r\nport = 9000\r\n")
    assert load(path, {}).server.port == 9000


def test_the_environment_may_name_the_file_and_an_argument_wins(tmp_path: Path) -> None:
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    one.write_text("[server]\nport = 1\n", encoding="utf-8")
    other.write_text("[server]\nport = 2\n", encoding="utf-8")
    assert load(None, {"STREAM_CONFIG": str(one)}).server.port == 1
    assert load(other, {"STREAM_CONFIG": str(one)}).server.port == 2


def test_without_a_file_everything_has_its_default() -> None:
    assert load(None, {}) == Settings()
    assert load(None, {"STREAM_SERVER__PORT": "9000"}).server.port == 9000


def test_a_mistake_without_a_file_is_one_of_the_environment() -> None:
    with pytest.raises(ConfigError, match=r"^environment: \[auth\]: mode \"jwt\" needs exactly"):
        load(None, {"STREAM_AUTH__MODE": "jwt"})


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing.toml: no such file"):
        load(tmp_path / "missing.toml", {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'a = "\xe4"')
    with pytest.raises(ConfigError, match="latin.toml: not a text in UTF-8"):
        load(latin, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    path = tmp_path / "stream.toml"
    path.touch(mode=0o000)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        load(path, {})


def test_a_mistake_names_the_file_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "desk.toml"
    path.write_text("[server]\nport = 'x'\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert str(caught.value) == f'{path}: [server] port = "x": expected a whole number'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[server]\nport = \n", "stream.toml: line 2, column 8: invalid value"),
        ("a = 1\na = 2", "stream.toml: cannot overwrite a value (at end of document)"),
        ("a = " + "[" * 5000, "stream.toml: nested too deeply"),
    ],
)
def test_a_text_that_is_no_toml_says_where(text: str, line: str) -> None:
    assert refusal(text) == line


@given(st.text(), st.text(alphabet='[]{}="\n\\ab1.#'))
def test_any_text_is_settings_or_one_line(any_: str, near: str) -> None:
    for text in (any_, near):
        try:
            loads(text, {})
        except ConfigError as error:
            assert str(error).isprintable()


@pytest.mark.parametrize(
    ("text", "port"),
    [("9000", 9000), (" 9000 ", 9000), ("0x10", 16)],
)
def test_a_variable_wins_over_the_file(text: str, port: int) -> None:
    assert loads("[server]\nport = 1\n", {"STREAM_SERVER__PORT": text}).server.port == port


def test_a_variable_is_a_toml_value_or_else_a_text() -> None:
    environ = {
        "STREAM_SERVER__HOST": "0.0.0.0",
        "STREAM_SERVER__ORIGINS": '["https://a.example"]',
        "STREAM_SERVER__CONTACT": '"9000"',
        "STREAM_SERVER__DRAIN": "5s",
        "STREAM_LIMITS__WAIT": "2.5",
        "STREAM_AUTH__AUDIENCE": "2026-01-02",
    }
    settings = loads("", environ)
    assert settings.server.host == "0.0.0.0"
    assert settings.server.origins == ("https://a.example",)
    assert settings.server.contact == "9000"
    assert (settings.server.drain, settings.limits.wait) == (5.0, 2.5)
    assert settings.auth.audience == "2026-01-02"


def test_a_variable_cannot_smuggle_in_another_key() -> None:
    line = refusal("", {"STREAM_SERVER__PORT": "1\n[limits]\nconnections = 1"})
    assert line.startswith("STREAM_SERVER__PORT = ")


def test_variables_reach_sources_in_the_spelling_of_the_file() -> None:
    text = QUOTES.replace("quotes", "EUR_quotes")
    environ = {
        "STREAM_SOURCES__EUR_QUOTES__EVERY": "1s",
        "STREAM_SOURCES__EUR_QUOTES__QUOTA__PER_DAY": "10",
        "STREAM_CHANNELS__NEWS__RETAIN": "5",
    }
    settings = loads(text, environ)
    source = settings.sources["EUR_quotes"]
    assert isinstance(source, HttpSettings)
    assert source.every == 1.0
    assert source.quota is not None and source.quota.per_day == 10
    assert settings.channels["news"].retain == 5


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        ("STREAM_SERVR__PORT", "STREAM_SERVR__PORT: no table 'servr', did you mean 'server'?"),
        ("STREAM___PORT", "STREAM___PORT: expected STREAM_<TABLE>__<KEY>"),
        ("STREAM_SERVER__", "STREAM_SERVER__: expected STREAM_<TABLE>__<KEY>"),
        ("STREAM_SERVER__PORT__X", "STREAM_SERVER__PORT__X: server.port is no table"),
        ("STREAM_SERVER__PROT", "STREAM_SERVER__PROT = 5: unknown key, did you mean 'port'?"),
        ("STREAM_SERVER__ORIGINS", "STREAM_SERVER__ORIGINS = 5: expected a list"),
    ],
)
def test_a_variable_that_sets_nothing_is_a_mistake(variable: str, line: str) -> None:
    assert refusal("[server]\nport = 1\n", {variable: "5"}) == line


def test_a_variable_of_no_table_does_not_show_its_value() -> None:
    assert SECRET not in refusal("", {"STREAM_JWT__KEY": SECRET})


def test_variables_without_two_underscores_and_those_of_others_are_left_alone() -> None:
    environ = {
        "STREAM_CONFIG": "x",
        "STREAM_JWT_KEY": SECRET,
        "STREAM_": "x",
        "OTHER__SERVER__PORT": "x",
        "stream_server__port": "x",
    }
    assert loads("", environ) == Settings()


def test_a_secret_comes_from_the_environment() -> None:
    source = quotes('auth = { query = "key", env = "TOKEN" }', {"TOKEN": SECRET})
    assert source.auth is not None
    assert source.auth.params() == {"key": SECRET}
    assert SECRET not in repr(source)


def test_a_secret_comes_from_a_file_without_its_last_line_break(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\r\n", encoding="utf-8")
    source = quotes(f'auth = {{ bearer_file = "{path}" }}')
    assert source.auth is not None
    assert source.auth.headers() == {"Authorization": f"Bearer {SECRET}"}


def test_a_secret_of_the_service_may_have_a_variable_with_its_prefix() -> None:
    text = '[auth]\nmode = "jwt"\nkey_env = "STREAM_JWT_KEY"\n'
    auth = loads(text, {"STREAM_JWT_KEY": SECRET}).auth
    assert auth.key is not None
    assert auth.key.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("environ", "name", "line"),
    [
        ({}, "EODHD_TOKEN", "the environment variable EODHD_TOKEN is not set"),
        ({"EODHD_TOKEN": " "}, "EODHD_TOKEN", "the environment variable EODHD_TOKEN is empty"),
        ({}, SECRET, "expected the name of an environment variable, not the secret itself"),
        ({"T": f"a\n{SECRET}"}, "T", "the secret must be one line of printable ASCII text"),
    ],
)
def test_a_variable_that_holds_no_secret_says_which(
    environ: dict[str, str], name: str, line: str
) -> None:
    text = f'{QUOTES}auth = {{ query = "api_token", env = "{name}" }}'
    assert refusal(text, environ) == f"stream.toml: sources.quotes.auth.env: {line}"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b"x" * (SECRET_BYTES + 1), "is larger than 64 KiB"),
    ],
)
def test_a_file_that_holds_no_secret_says_why(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    line = refusal(f'{QUOTES}auth = {{ bearer_file = "{path}" }}')
    assert line == f"stream.toml: sources.quotes.auth.bearer_file: the file {path} {why}"


def test_a_file_of_a_secret_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    line = refusal(f'{QUOTES}auth = {{ bearer_file = "{tmp_path / "no"}" }}')
    assert line.endswith(f"the file {tmp_path / 'no'} does not exist")
    line = refusal(f'{QUOTES}auth = {{ bearer_file = "{tmp_path}" }}')
    assert line.endswith("cannot be read: Is a directory")
    line = refusal(f'{QUOTES}auth = {{ bearer_file = "a\\u0000b" }}')
    assert line.endswith("the file a\\x00b cannot be read: not the name of a file")


def test_the_schema_names_every_table_and_refuses_other_keys() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(Settings.model_fields)
    assert schema["additionalProperties"] is False
    kinds = schema["properties"]["sources"]["additionalProperties"]["discriminator"]["mapping"]
    assert set(kinds) == {*KINDS, *PRESETS}
    preset = schema["$defs"]["PresetSettings"]
    assert {"symbols", "key_env", "every"} <= set(preset["properties"])
    assert preset["required"] == ["kind"]
    http = schema["$defs"]["HttpSettings"]["properties"]
    assert {"type": "string"} in http["every"]["anyOf"]
    assert http["url"]["description"].startswith("The address to read")
