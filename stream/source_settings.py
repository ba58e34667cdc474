"""The tables ``[sources.<name>]``: one frozen model per kind of source, and what they share.

Shapes and checks only: what needs more than one source to be judged is judged in settings.py.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from stream.errors import did_you_mean
from stream.fetched_settings import (
    FeedSettings,
    FetchedSettings,
    HttpSettings,
    PolledSettings,
    SourceTable,
)
from stream.fields import (
    Interval,
    KeyFields,
    Mistake,
    Table,
)
from stream.kind_settings import (
    FLUSH_S,
    FlushInterval,
    ReplayFields,
    SqlFields,
    SseFields,
    Windowed,
    check_placeholders,
)
from stream.own_kinds import own_kinds
from stream.presets import PRESETS, add_own_keys, expand
from stream.units import Bytes


class PushSettings(SourceTable):
    """`kind = "push"`: fed by POST /channels/<name>."""

    kind: Literal["push"] = Field(description="Fed by `POST /channels/<name>`.")
    key: KeyFields | None = Field(
        default=None,
        description="The field that identifies an item, or a list of fields. Default: id, guid, "
        "url or link, then a hash of the content.",
    )


class SystemSettings(PolledSettings):
    """`kind = "system"`: this machine's CPU, memory, disks and network."""

    kind: Literal["system"] = Field(description="This machine: CPU, memory, disks, network.")
    every: Interval = Field(
        default=1.0, description="The interval between two reads: as often as eyes can follow."
    )


class PresetSettings(HttpSettings):
    """A preset: kind http with everything but the secret filled in (see presets.py)."""

    model_config = ConfigDict(json_schema_extra=add_own_keys)

    kind: Literal[
        "newsapi", "eodhd-quotes", "eodhd-news", "gnews", "finnhub-quote", "finnhub-news",
        "alphavantage-quote", "binance-24hr", "coingecko", "coinbase-ticker", "hackernews",
        "github-events", "usgs-quakes", "statuspage", "jsonplaceholder",
    ] = Field(description="The name of the preset.")  # type: ignore[assignment]  # fmt: skip


class SqlSettings(SqlFields, PolledSettings):
    """`kind = "sql"`: the rows of one statement."""

    kind: Literal["sql"] = Field(description="The rows of one statement, read again and again.")

    @model_validator(mode="after")
    def _placeholders(self) -> Self:
        check_placeholders(self, self.channel)
        return self


class SseSettings(SseFields, FetchedSettings):
    """`kind = "sse"`: an upstream event stream."""

    kind: Literal["sse"] = Field(description="An upstream event stream, held open and resumed.")
    every: FlushInterval = Field(
        default=FLUSH_S,
        description="What comes within so long is published together.",
    )
    removal: Windowed = Field(
        default="window", description="Items age out: `retain` newer ones push them out."
    )
    max_bytes: Annotated[Bytes, Field(ge=1024)] = Field(
        default=2**20, description="Largest event: a bound on memory."
    )
    timeout: Interval = Field(
        default=15.0, description="Deadline of the head of the answer; what follows has none."
    )

    @model_validator(mode="after")
    def _no_quota(self) -> Self:
        if self.quota is not None:
            raise Mistake("quota", "an event stream is held open, not read in calls")
        return self


class ReplaySettings(ReplayFields, SourceTable):
    """`kind = "replay"`: a tape, played again."""

    kind: Literal["replay"] = Field(description="A tape of `stream record`, played again.")


class OwnSettings(PolledSettings):
    """A kind of one's own; every key that no polled source has goes to what makes the source."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(description="The name of the entry point in the group `stream.sources`.")


Parametrised: TypeAlias = HttpSettings | FeedSettings | SqlSettings | SseSettings
"""The kinds whose channel may have placeholders."""

SourceSettings: TypeAlias = (
    HttpSettings
    | PresetSettings
    | FeedSettings
    | PushSettings
    | SystemSettings
    | SqlSettings
    | SseSettings
    | ReplaySettings
)
"""One table ``[sources.<name>]``, of any kind."""

KINDS: Final[dict[str, type[SourceSettings]]] = {
    "feed": FeedSettings,
    "http": HttpSettings,
    "push": PushSettings,
    "replay": ReplaySettings,
    "sql": SqlSettings,
    "sse": SseSettings,
    "system": SystemSettings,
}
"""The kinds of source that this version has, without the presets."""


def _known_kind(value: object, info: ValidationInfo) -> object:
    """Say what is wrong with a kind in our own words, before pydantic picks the model by it."""
    if isinstance(value, Table):
        return value
    if not isinstance(value, dict):
        raise ValueError("expected a table")
    kind, have = value.get("kind"), f"{', '.join(KINDS)} or a preset"
    if kind is None:
        raise Mistake("kind", f"missing; expected one of {have}")
    if not isinstance(kind, str):
        raise Mistake("kind", f"expected one of {have}")
    if kind in PRESETS:
        return expand(value, info)
    if kind not in KINDS:
        hint = did_you_mean(kind, [*KINDS, *PRESETS, *own_kinds()]) or f"; it has: {have}"
        raise Mistake("kind", f"unknown kind{hint}")
    return value


def _own_kind(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """A kind of one's own has no model to be told by, so it is taken out before that."""
    kind = value.get("kind") if isinstance(value, dict) else None
    is_own = isinstance(kind, str) and kind not in KINDS and kind in own_kinds()
    if is_own or isinstance(value, OwnSettings):
        return OwnSettings.model_validate(value)
    return handler(value)


AnySource = Annotated[
    SourceSettings,
    Field(discriminator="kind"),
    BeforeValidator(_known_kind),
    WrapValidator(_own_kind),
]
"""A SourceSettings, told apart by its kind."""
