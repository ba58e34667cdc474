"""The whole object and the checks across tables."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from stream.fetched_settings import HttpSettings
from stream.settings import AuthSettings, Settings
from stream.source_settings import PushSettings

URL = "https://h.example/a"
PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"
KEYS = {"SHARED": "k" * 64, "SHORT": "k" * 31, "PEM": PEM}


def read(data: dict[str, Any]) -> Settings:
    def reveal(holder: str, name: str) -> SecretStr:
        return SecretStr(KEYS[name])

    return Settings.model_validate(data, context={"secret": reveal})


def refused(why: str | None, data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        read(data)
    assert not any(key in str(caught.value) for key in KEYS.values())


def jwt(**table: Any) -> AuthSettings:
    return read({"auth": {"mode": "jwt", **table}}).auth


def test_nothing_at_all_is_a_complete_configuration() -> None:
    settings = Settings()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8000)
    assert (settings.server.drain, settings.server.heartbeat) == (10.0, 15.0)
    assert settings.limits.connections == 10_000
    assert settings.limits.message_bytes == 16_384
    assert settings.engine.url == "memory://"
    assert settings.auth.mode == "open"
    assert settings.auth.key is None
    assert settings.sources == {} and settings.channels == {}


def test_everything_is_frozen() -> None:
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.server.port = 1
    with pytest.raises(ValidationError, match="frozen"):
        settings.server = settings.server


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("host", ["0.0.0.0", "::1"], ["", 1]),
        ("port", [0, 65_535], [-1, 65_536, "80", True, 80.0]),
        (
            "origins",
            [["https://desk.example", "http://localhost:3000"]],
            [["desk.example"], ["https://desk.example/"], ["*"], ["https://"], "https://a"],
        ),
        ("trusted_proxies", [["127.0.0.1", "10.0.0.0/8", "::1"]], [["*"], ["proxy"], [1]]),
        ("drain", ["0s", "10m"], ["11m", "-1s"]),
        ("heartbeat", ["1s", 30], ["0s", "1h"]),
        ("contact", ["ops@desk.example"], ["", "a\nb", "ä", "x" * 201]),
        ("state", ["/var/lib/stream/state.json"], [1]),
        ("deflate", [True, False], ["yes", 1]),
    ],
)
def test_a_server_key_takes_what_makes_sense(key: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        read({"server": {key: value}})
    for value in bad:
        with pytest.raises(ValidationError):
            read({"server": {key: value}})


def test_only_the_memory_engine_is_here_and_others_say_so() -> None:
    refused("engine redis:// is not available in this version", {"engine": {"url": "redis://h"}})
    refused("engine unix:// is not available in this version", {"engine": {"url": "unix:///s"}})
    refused("expected memory://", {"engine": {"url": "kafka://h"}})
    refused("expected 1 to 64 letters", {"engine": {"prefix": "a b"}})
    engine = read({"engine": {"url": "memory://", "prefix": "desk:1"}}).engine
    assert (engine.url, engine.prefix) == ("memory://", "desk:1")


def test_limits_are_never_zero() -> None:
    for key in ("connections", "keys_per_view", "deletions", "commands_per_second"):
        refused(None, {"limits": {key: 0}})
    refused(None, {"limits": {"lag_timeout": "0s"}})
    refused(None, {"limits": {"message_bytes": "1B"}})


def test_jwt_needs_exactly_one_key() -> None:
    why = "exactly one of key_env, key_file, jwks_url"
    refused(why, {"auth": {"mode": "jwt"}})
    refused(why, {"auth": {"mode": "jwt", "key_env": "SHARED", "key_file": "/k"}})
    refused(why, {"auth": {"mode": "jwt", "key_env": "SHARED", "jwks_url": "https://h/jwks"}})


def test_the_key_is_kept_as_a_secret() -> None:
    auth = jwt(key_env="SHARED")
    assert auth.key is not None
    assert auth.key.get_secret_value() == KEYS["SHARED"]
    assert KEYS["SHARED"] not in f"{auth!r} {auth.model_dump()} {auth.key!r}"


def test_in_mode_open_the_other_keys_do_not_count() -> None:
    refused('needs mode = "jwt"', {"auth": {"key_env": "SHARED"}})
    auth = read({"auth": {"mode": "open", "key_env": "NOT_SET", "anonymous": ["news"]}}).auth
    assert auth.key is None


def test_a_secret_shorter_than_its_hash_is_refused() -> None:
    refused("shorter than the 32 bytes", {"auth": {"mode": "jwt", "key_env": "SHORT"}})
    assert jwt(key_env="SHARED", algorithms=["HS512"]).key is not None


def test_algorithms_of_both_families_cannot_be_mixed() -> None:
    table = {"mode": "jwt", "key_env": "SHARED", "algorithms": ["HS256", "RS256"]}
    refused("must not be mixed", {"auth": table})


def test_a_public_key_is_never_taken_for_a_secret() -> None:
    refused("cannot use a key in PEM", {"auth": {"mode": "jwt", "key_env": "PEM"}})
    assert jwt(key_env="PEM", algorithms=["RS256", "ES256"]).key is not None
    shared = {"mode": "jwt", "key_env": "SHARED", "algorithms": ["EdDSA"]}
    refused("needs a public key in PEM", {"auth": shared})


def test_a_key_set_serves_public_keys_over_https() -> None:
    auth = jwt(jwks_url="https://h.example/jwks", algorithms=["RS256"])
    assert auth.key is None
    assert jwt(jwks_url="http://127.0.0.1:8/jwks", algorithms=["RS256"]).jwks_url is not None
    table: dict[str, Any] = {"mode": "jwt", "jwks_url": "https://h.example/jwks"}
    refused("needs a shared secret, not jwks_url", {"auth": table})
    table = {"mode": "jwt", "jwks_url": "http://h.example/jwks", "algorithms": ["RS256"]}
    refused("can sign tokens", {"auth": table})
    table = {"mode": "jwt", "jwks_url": "https://h.example/{id}", "algorithms": ["RS256"]}
    refused("without placeholders", {"auth": table})


@pytest.mark.parametrize("name", ["none", "None", "HS1", "", 256])
def test_an_algorithm_worth_nothing_is_refused(name: object) -> None:
    refused(None, {"auth": {"algorithms": [name]}})


def test_no_algorithm_at_all_is_refused() -> None:
    refused(None, {"auth": {"algorithms": []}})


def test_anonymous_takes_channel_patterns() -> None:
    assert read({"auth": {"anonymous": ["news", "user:*"]}}).auth.anonymous == ("news", "user:*")
    refused("or a pattern such as", {"auth": {"anonymous": ["a/b"]}})


def test_a_channel_has_a_bound_and_an_order() -> None:
    channel = read({"channels": {"news": {"retain": 5, "sort": "-published"}}}).channels["news"]
    assert (channel.retain, channel.sort) == (5, "-published")
    for bad in ({"retain": 0}, {"retain": "5"}, {"sort": ""}, {"sort": "-"}, {"sort": "--a"}):
        refused(None, {"channels": {"news": bad}})


def test_a_trail_names_fields_and_the_rest_has_defaults() -> None:
    trail = read({"channels": {"q": {"trail": {"fields": ["last"]}}}}).channels["q"].trail
    assert trail is not None
    assert (trail.fields, trail.points, trail.every) == (("last",), 120, 5.0)
    table = {"fields": ["a", "b"], "points": 2000, "every": "100ms"}
    trail = read({"channels": {"q": {"trail": table}}}).channels["q"].trail
    assert trail is not None
    assert (trail.fields, trail.points, trail.every) == (("a", "b"), 2000, 0.1)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"fields": []},
        {"fields": [""]},
        {"fields": "last"},
        {"fields": ["a", "a"]},
        {"fields": list("abcdefghi")},
        {"points": 1},
        {"points": 2001},
        {"points": "9"},
        {"every": "99ms"},
        {"every": 5, "since": 1},
    ],
)
def test_a_trail_has_bounds(bad: dict[str, Any]) -> None:
    table = bad if not bad or "fields" in bad else {"fields": ["a"], **bad}
    refused(None, {"channels": {"q": {"trail": table}}})


def test_a_source_feeds_the_channel_of_its_own_name_unless_told() -> None:
    settings = read(
        {
            "sources": {
                "a": {"kind": "push"},
                "b": {"kind": "push", "channel": "a"},
                "c": PushSettings(kind="push"),
            }
        }
    )
    channels = {name: source.channel for name, source in settings.sources.items()}
    assert channels == {"a": "a", "b": "a", "c": "c"}


def test_the_given_data_is_left_as_it_was() -> None:
    data = {"sources": {"a": {"kind": "push"}}}
    read(data)
    assert data == {"sources": {"a": {"kind": "push"}}}


def test_a_name_must_be_a_channel_name() -> None:
    refused("expected a channel name", {"channels": {"a b": {}}})
    refused("expected a channel name", {"sources": {"a b": {"kind": "push"}}})
    refused("expected a channel name", {"sources": {"a/b": {"kind": "push", "channel": "c"}}})


def test_a_channel_pattern_may_have_its_own_table() -> None:
    source = {"kind": "http", "url": URL, "match": {"id": "int"}}
    settings = read({"channels": {"user:{id}": {"retain": 5}}, "sources": {"user:{id}": source}})
    assert isinstance(settings.sources["user:{id}"], HttpSettings)


def test_only_fetched_sources_can_be_parametrised() -> None:
    why = "only the kinds feed, http, sql and sse"
    refused(why, {"sources": {"room:{id}": {"kind": "push"}}})
    refused(why, {"sources": {"host": {"kind": "system", "channel": "host:{id}"}}})


def test_the_placeholders_of_a_name_stand_in_its_channel() -> None:
    source = {"kind": "http", "url": URL, "channel": "users"}
    refused("lacks {id}", {"sources": {"user:{id}": source}})


def test_two_sources_cannot_have_one_pattern() -> None:
    data = {
        "user:{id}": {"kind": "http", "url": URL, "match": {"id": "int"}},
        "other": {
            "kind": "http",
            "url": URL,
            "channel": "user:{name}",
            "match": {"name": "word"},
        },
    }
    refused("the same channels as those of", {"sources": data})


def test_keys_on_demand_cannot_share_a_channel_with_push() -> None:
    keys = {"kind": "http", "url": f"{URL}?s={{keys}}", "keys": {}, "channel": "q"}
    refused("is fed by push too", {"sources": {"q": {"kind": "push"}, "w": keys}})
    both = read({"sources": {"p": {"kind": "push"}, "w": keys}})
    assert set(both.sources) == {"p", "w"}
