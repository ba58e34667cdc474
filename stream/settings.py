"""The one frozen object that holds every setting, and the checks that need more than one table.

Shapes and checks only: config.py reads the file and the environment. Attribute names are the keys
of the TOML file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    SecretStr,
    StrictInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from stream.fetched_settings import HttpSettings, SourceTable
from stream.fields import (
    Count,
    FieldName,
    Interval,
    Mistake,
    Table,
    channel_template,
    web_address,
)
from stream.secret import reveal
from stream.server_settings import ServerSettings
from stream.source_settings import AnySource, Parametrised, PushSettings
from stream.template import ChannelPattern, Template
from stream.units import Bytes, Seconds
from stream.upstream_settings import UpstreamSettings

_KEY_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Shortest secret of each HMAC algorithm, the size of its hash (RFC 7518 §3.2)."""

_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_PATTERN = re.compile(r"[A-Za-z0-9_.:*-]{1,128}")
_SORT = re.compile(r"-?[^\s-][^\r\n]{0,127}")

Algorithm = Literal[
    "HS256", "HS384", "HS512",
    "RS256", "RS384", "RS512",
    "ES256", "ES384", "ES512", "ES256K",
    "PS256", "PS384", "PS512",
    "EdDSA",
]  # fmt: skip
"""Signatures of tokens that are worth something; ``none`` is not among them."""


def _engine_url(text: str) -> str:
    scheme, mark, _ = text.partition("://")
    if mark and scheme in ("redis", "rediss", "unix"):
        raise ValueError(f"engine {scheme}:// is not available in this version; use memory://")
    if text != "memory://":
        raise ValueError("expected memory://")
    return text


def _engine_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ValueError("expected 1 to 64 letters, digits, _ . : or -")
    return text


def _channel_pattern(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise ValueError('expected a channel name or a pattern such as "user:*"')
    return text


def _sort_field(text: str) -> str:
    if not _SORT.fullmatch(text):
        raise ValueError('expected a field, or "-" and a field for descending')
    return text


def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("expected fields that are all different")
    return names


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key_set_address(text: str) -> str:
    parts = urlsplit(web_address(text))
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise ValueError("expected an https:// address, or whoever is on the way can sign tokens")
    if "{" in text:
        raise ValueError("expected an address without placeholders")
    return text


class LimitSettings(Table):
    """Bounds, so that no client can cost more than its share."""

    connections: Count = Field(
        default=10_000, description="Most connections at once; beyond it 503 with Retry-After."
    )
    connections_per_address: Count = Field(
        default=100, description="Most connections from one address: a large office behind a NAT."
    )
    channels_per_connection: Count = Field(
        default=100, description="Most channels on one connection: more than a page can show."
    )
    commands_per_second: Count = Field(
        default=20, description="Most commands a second on one WebSocket: faster than typing."
    )
    message_bytes: Annotated[Bytes, Field(ge=128)] = Field(
        default=16 * 2**10,
        description="Largest message from a client: a command that names 100 channels fits.",
    )
    lag_timeout: Annotated[Seconds, Field(ge=1)] = Field(
        default=20.0, description="A peer that takes nothing for so long is disconnected."
    )
    publish_bytes: Annotated[Bytes, Field(ge=128)] = Field(
        default=2**20, description="Largest body of a publish: thousands of items at once."
    )
    parametrised_channels: Count = Field(
        default=1000,
        description="Most open channels of one pattern: each one is polled by itself.",
    )
    wait: Annotated[Seconds, Field(ge=1, le=300)] = Field(
        default=30.0, description="Longest long-poll: under the 60 s of common proxies."
    )
    keys_per_view: Count = Field(
        default=1000, description="Most keys that one subscriber may ask for."
    )
    deletions: Count = Field(
        default=10_000,
        description="Deletions remembered per channel; an older cursor gets a snapshot.",
    )


class EngineSettings(Table):
    """What puts changes in order."""

    url: Annotated[str, AfterValidator(_engine_url)] = Field(
        default="memory://", description="The engine; `memory://` is one process by itself."
    )
    prefix: Annotated[str, AfterValidator(_engine_prefix)] = Field(
        default="stream", description="First part of every name that the engine stores."
    )


class AuthSettings(Table):
    """Who may read and publish."""

    mode: Literal["open", "jwt"] = Field(
        default="open",
        description="`open`: anybody may read and publish; `jwt`: as their token says. "
        "The other keys count only with `jwt`; a key without any `mode` is a mistake.",
    )
    key_env: str | None = Field(
        default=None,
        description="Environment variable with the HMAC secret or the public key in PEM.",
    )
    key_file: Path | None = Field(
        default=None, description="File with the HMAC secret or the public key in PEM."
    )
    jwks_url: Annotated[str, AfterValidator(_key_set_address)] | None = Field(
        default=None, description="Address of the public keys as a JWK set, over HTTPS."
    )
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = Field(
        default=("HS256",), description="Signatures that are accepted; never HS* with others."
    )
    audience: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="The `aud` that a token must carry. Default: not looked at."
    )
    anonymous: tuple[Annotated[str, AfterValidator(_channel_pattern)], ...] = Field(
        default=(), description="Channels, or patterns such as `user:*`, readable without a token."
    )
    _key: SecretStr | None = PrivateAttr(default=None)

    @property
    def key(self) -> SecretStr | None:
        """The HMAC secret or PEM public key; None in mode open and with ``jwks_url``."""
        return self._key

    @model_validator(mode="after")
    def _resolve(self, info: ValidationInfo) -> Self:
        named = [k for k in ("key_env", "key_file", "jwks_url") if getattr(self, k) is not None]
        if self.mode == "open":
            if named and "mode" not in self.model_fields_set:
                raise Mistake(named[0], 'needs mode = "jwt"; write mode = "open" to leave all open')
            return self
        if len(named) != 1:
            raise ValueError('mode "jwt" needs exactly one of key_env, key_file, jwks_url')
        secrets = [name for name in self.algorithms if name.startswith("HS")]
        if secrets and len(secrets) != len(self.algorithms):
            raise Mistake("algorithms", "HS* must not be mixed with public-key algorithms")
        if self.jwks_url is None:
            self._key = reveal(info, named[0], getattr(self, named[0]))
            self._check_key(named[0], self._key.get_secret_value())
        elif secrets:
            raise Mistake("algorithms", f"{secrets[0]} needs a shared secret, not jwks_url")
        return self

    def _check_key(self, place: str, key: str) -> None:
        """A public key taken for an HMAC secret would let anybody sign tokens."""
        is_pem = key.lstrip().startswith("-----BEGIN")
        is_shared = self.algorithms[0].startswith("HS")
        if is_pem and is_shared:
            raise Mistake("algorithms", f"{self.algorithms[0]} cannot use a key in PEM")
        if not (is_pem or is_shared):
            raise Mistake(place, f"{self.algorithms[0]} needs a public key in PEM")
        least = max((_KEY_BYTES.get(name, 0) for name in self.algorithms), default=0)
        if len(key.encode()) < least:
            raise Mistake(place, f"the secret is shorter than the {least} bytes that HS* needs")


class TrailSettings(Table):
    """Which recent values of its items a channel keeps, so that a line is there at once."""

    fields: Annotated[
        tuple[FieldName, ...], Field(min_length=1, max_length=8), AfterValidator(_different)
    ] = Field(description="Top-level fields whose numbers are kept, 1 to 8.")
    points: Annotated[StrictInt, Field(ge=2, le=2000)] = Field(
        default=120, description="Most values kept of each field of an item: about 20 bytes each."
    )
    every: Interval = Field(
        default=5.0,
        description="Of the values within so long the last is kept: 120 points of 5 seconds are "
        "ten minutes.",
    )


class ChannelSettings(Table):
    """What a channel keeps and how it is ordered."""

    retain: Count | None = Field(
        default=None, description="Most items kept; the oldest go first. Default: no bound."
    )
    sort: Annotated[str, AfterValidator(_sort_field)] | None = Field(
        default=None,
        description="Field by which clients order items, with `-` for descending. "
        "Default: order of arrival.",
    )

    trail: TrailSettings | None = Field(
        default=None,
        description="Recent values of some fields, which a snapshot carries where `trail=1` is "
        "asked for.",
    )


class Settings(Table):
    """Every setting. Attribute names are the keys of the TOML file."""

    server: ServerSettings = Field(
        default_factory=ServerSettings, description="Where to listen and how to stop."
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings,
        description="Bounds, so that no client can cost more than its share.",
    )
    upstream: UpstreamSettings = Field(
        default_factory=UpstreamSettings, description="Manners and guards towards all upstreams."
    )
    engine: EngineSettings = Field(
        default_factory=EngineSettings, description="What puts changes in order."
    )
    auth: AuthSettings = Field(
        default_factory=AuthSettings, description="Who may read and publish."
    )
    channels: dict[str, ChannelSettings] = Field(
        default={}, description="What a channel keeps; optional, by channel name."
    )
    sources: dict[str, AnySource] = Field(
        default={}, description="What is read, how, and into which channel; by name."
    )

    @field_validator("sources", mode="before")
    @classmethod
    def _feed_own_channel(cls, sources: Any) -> Any:
        """A source without a channel feeds the one of its own name, which only this table knows."""
        if not isinstance(sources, dict):
            return sources
        return {name: _with_channel(name, table) for name, table in sources.items()}

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        for table, names in (("channels", self.channels), ("sources", self.sources)):
            for name in names:
                _check_name(table, name)
        self._check_placeholders()
        self._check_shapes()
        self._check_shared_channels()
        return self

    def _check_placeholders(self) -> None:
        for name, source in self.sources.items():
            names = Template(source.channel).names
            if names and not isinstance(source, Parametrised):
                raise Mistake(
                    ("sources", name, "channel"),
                    "only the kinds feed, http, sql and sse can have a placeholder there",
                )
            if missing := set(Template(name).names) - set(names):
                raise Mistake(
                    ("sources", name, "channel"),
                    f"the channel lacks {{{min(missing)}}}, which is in the source's name",
                )

    def _check_shapes(self) -> None:
        first: dict[str, str] = {}
        for name, source in self.sources.items():
            if not (isinstance(source, Parametrised) and source.match):
                continue
            shape = ChannelPattern(source.channel, source.match).shape
            other = first.setdefault(shape, name)
            if other != name:
                raise Mistake(
                    ("sources", name, "channel"),
                    f"the same channels as those of [sources.{other!r}]; only one source can "
                    "feed a pattern",
                )

    def _check_shared_channels(self) -> None:
        feeding = defaultdict(list)
        for name, source in self.sources.items():
            feeding[source.channel].append((name, source))
        for sources in feeding.values():
            pushed = any(isinstance(source, PushSettings) for _, source in sources)
            for name, source in sources:
                if pushed and isinstance(source, HttpSettings) and source.keys is not None:
                    raise Mistake(
                        ("sources", name, "keys"),
                        f"channel {source.channel!r} is fed by push too, which has no keys on "
                        "demand",
                    )


def _with_channel(name: Any, table: Any) -> Any:
    if isinstance(table, SourceTable):
        return table if table.channel else table.model_copy(update={"channel": name})
    return {"channel": name} | table if isinstance(table, dict) else table


def _check_name(table: str, name: str) -> None:
    try:
        channel_template(name)
    except ValueError as error:
        raise Mistake((table, name), str(error)) from None
