"""Secrets that a source's settings name."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from stream.secret import Holder, SourceAuth

STORE = {
    ("env", "TOKEN"): "hunter2",
    ("env", "LOGIN"): "user:hunter2",
    ("env", "LINES"): "hunter2\nhunter3",
    ("file", "/run/secrets/token"): "hunter2",
}


def reveal(holder: Holder, name: str) -> SecretStr:
    if (holder, name) not in STORE:
        raise ValueError(f"no {holder} {name}")
    return SecretStr(STORE[holder, name])


def read(table: dict[str, Any]) -> SourceAuth:
    return SourceAuth.model_validate(table, context={"secret": reveal})


@pytest.mark.parametrize(
    ("table", "params", "headers"),
    [
        ({"query": "key", "env": "TOKEN"}, {"key": "hunter2"}, {}),
        ({"query": "key", "file": "/run/secrets/token"}, {"key": "hunter2"}, {}),
        ({"header": "X-Api-Key", "env": "TOKEN"}, {}, {"X-Api-Key": "hunter2"}),
        ({"bearer_env": "TOKEN"}, {}, {"Authorization": "Bearer hunter2"}),
        ({"bearer_file": "/run/secrets/token"}, {}, {"Authorization": "Bearer hunter2"}),
        (
            {"basic_env": "LOGIN"},
            {},
            {"Authorization": "Basic " + base64.b64encode(b"user:hunter2").decode()},
        ),
    ],
)
def test_the_secret_goes_where_the_upstream_wants_it(
    table: dict[str, str], params: dict[str, str], headers: dict[str, str]
) -> None:
    auth = read(table)
    assert auth.params() == params
    assert auth.headers() == headers


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"query": "key"},
        {"env": "TOKEN"},
        {"query": "key", "header": "X", "env": "TOKEN"},
        {"query": "key", "env": "TOKEN", "file": "/run/secrets/token"},
        {"query": "key", "bearer_env": "TOKEN"},
        {"bearer_env": "TOKEN", "basic_env": "LOGIN"},
    ],
)
def test_there_is_exactly_one_way(table: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="expected exactly one of"):
        read(table)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"bearer_env": "OTHER"}, "no env OTHER"),
        ({"bearer_file": "/nowhere"}, "no file /nowhere"),
        ({"basic_env": "TOKEN"}, "the form user:password"),
        ({"bearer_env": "LINES"}, "one line of printable ASCII"),
        ({"header": "a b", "env": "TOKEN"}, "name of an HTTP header"),
    ],
)
def test_a_secret_that_cannot_be_sent_is_refused_unseen(table: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        read(table)
    assert "hunter" not in str(caught.value)


def test_the_secret_is_in_no_repr_dump_or_schema() -> None:
    auth = read({"query": "key", "env": "TOKEN"})
    assert "hunter2" not in f"{auth!r} {auth} {auth.model_dump()} {auth.model_dump_json()}"
    assert "secret" not in SourceAuth.model_json_schema()["properties"]


def test_the_secret_cannot_be_written_as_a_key() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        read({"bearer_env": "TOKEN", "_secret": "hunter2"})


def test_without_the_means_to_read_secrets_there_are_none() -> None:
    with pytest.raises(ValidationError, match="only while a configuration is loaded"):
        SourceAuth(bearer_env="TOKEN")
