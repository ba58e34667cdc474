"""The tables ``[sources.<name>]``: one frozen model per kind of source, and what they share.

Shapes and checks only: what needs more than one source to be judged is judged in settings.py.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, model_validator

from stream.errors import did_you_mean
from stream.fields import (
    Address,
    Channel,
    Count,
    Expression,
    FieldName,
    Headers,
    Interval,
    KeyFields,
    MatchRule,
    Mistake,
    Table,
)
from stream.secret import SourceAuth
from stream.template import ChannelPattern, KeysForm, KeysTemplate, Template
from stream.units import Bytes, Seconds, format_duration

NOT_YET: Final = frozenset(
    """sql sse replay newsapi eodhd-quotes eodhd-news gnews finnhub-quote finnhub-news
    alphavantage-quote binance-24hr coingecko coinbase-ticker hackernews github-events usgs-quakes
    statuspage jsonplaceholder""".split()
)
"""Kinds that the configuration contract names and this version has not."""


class QuotaSettings(Table):
    """A budget of the upstream's that must last for a day."""

    per_day: Count = Field(description="Calls that the upstream allows in one UTC day.")
    cost: Count = Field(default=1, description="Calls that one request counts for.")

    @model_validator(mode="after")
    def _affordable(self) -> Self:
        if self.per_day < self.cost:
            raise Mistake("per_day", f"expected at least the cost of one request, {self.cost}")
        return self


class AdaptiveSettings(Table):
    """An interval that follows how often things change."""

    min: Interval = Field(
        default=2.0, description="The least interval, where every read finds a change."
    )
    max: Interval = Field(
        default=300.0, description="The longest interval, where nothing changes for long."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max < self.min:
            raise Mistake("max", f"expected at least min, {format_duration(self.min)}")
        return self


class KeysSettings(Table):
    """Keys on demand: one request for all the items that somebody watches."""

    max: Annotated[StrictInt, Field(ge=1, le=1000)] = Field(
        default=50, description="Most keys in one request; more watched keys make more requests."
    )
    allow: MatchRule = Field(
        default="[A-Za-z0-9._:-]{1,64}",
        description="What a key may be, written as in `match`; no other key reaches the upstream.",
    )


class SourceTable(Table):
    """What every source has."""

    channel: Channel = Field(
        default="",
        description="The channel it feeds; several sources may feed one. Default: its own name.",
    )


class PolledSettings(SourceTable):
    """What every source that is read at intervals has."""

    every: Interval = Field(default=10.0, description="The interval between two reads.")
    adaptive: AdaptiveSettings | None = Field(
        default=None,
        description="Let the interval follow the changes, within these bounds: x 0.6 after a "
        "change, x 1.25 after none; `every` is where it begins.",
    )
    demand: Literal["always", "watched"] = Field(
        default="always",
        description="`watched`: read only while somebody listens, to spare the upstream.",
    )
    linger: Seconds = Field(
        default=30.0,
        description="How long a `watched` source is still read after the last listener left, "
        "so that a page reload finds it fresh.",
    )


class FetchedSettings(PolledSettings):
    """What every source that is read over HTTP has."""

    url: Address = Field(
        description="The address to read; it may hold placeholders after the host."
    )
    params: dict[str, str] = Field(
        default={}, description="Query parameters, encoded for you; they may hold placeholders."
    )
    headers: Headers = Field(default={}, description="Request headers; secrets belong in `auth`.")
    auth: SourceAuth | None = Field(default=None, description="How the request carries a secret.")
    ignore: tuple[FieldName, ...] = Field(
        default=(), description="Fields that are delivered, but whose change alone is no change."
    )
    drop: Expression | None = Field(
        default=None, description="JMESPath over an item: leave the item out while it is true."
    )
    select: Expression | None = Field(
        default=None, description="JMESPath that shapes each item. Default: the whole item."
    )
    removal: Literal["delete", "window"] = Field(
        default="delete",
        description="An item gone from the answer is deleted, or has aged out of a `window` "
        "and is kept until `retain` newer ones push it out.",
    )
    empty_ok: StrictBool = Field(
        default=False,
        description="Believe an empty answer at once; else it is held for one more read, "
        "because it is more often a fault than the truth.",
    )
    max_bytes: Annotated[Bytes, Field(ge=1)] = Field(
        default=5 * 2**20,
        description="Largest answer, decoded: room for tens of thousands of items, "
        "and a bound on memory.",
    )
    timeout: Interval = Field(
        default=15.0,
        description="Deadline of one whole request, so that a slow drip cannot hold it open.",
    )
    quota: QuotaSettings | None = Field(
        default=None, description="The upstream's daily budget; the interval is stretched to it."
    )
    match: dict[str, MatchRule] = Field(
        default={}, description="For each placeholder of the channel: what it may be."
    )

    @model_validator(mode="after")
    def _placeholders(self) -> Self:
        names = Template(self.channel).names
        if names or self.match:
            self._check_pattern()
        texts = [("url", self.url), *(("params", text) for text in self.params.values())]
        for key, text in texts:
            if unknown := [name for name in Template(text).names if name not in names]:
                raise Mistake(key, f"{{{unknown[0]}}} is no placeholder of the channel's name")
        self._check_keys()
        return self

    def _check_pattern(self) -> None:
        try:
            ChannelPattern(self.channel, self.match)
        except ValueError as error:
            key = "channel" if set(self.match) == set(Template(self.channel).names) else "match"
            raise Mistake(key, str(error)) from None

    def keys_forms(self) -> frozenset[KeysForm]:
        """The ``{keys…}`` placeholders in the address and its parameters."""
        texts = (self.url, *self.params.values())
        return frozenset[KeysForm]().union(*(KeysTemplate(text).forms for text in texts))

    def _check_keys(self) -> None:
        if self.keys_forms():
            raise Mistake("url", "{keys} needs a table keys, which only kind http has")


class HttpSettings(FetchedSettings):
    """`kind = "http"`: any JSON over HTTP."""

    kind: Literal["http"] = Field(description="Any JSON over HTTP.")
    items: Expression | None = Field(
        default=None,
        description="JMESPath to the items: a list, one object, an object map or a list of "
        "scalars. Default: found.",
    )
    key: KeyFields | None = Field(
        default=None,
        description="The field that identifies an item, or a list of fields. Default: id, guid, "
        "url or link, then a hash of the content.",
    )
    tolerance: dict[str, Annotated[float, Field(ge=0, strict=True)]] = Field(
        default={}, description="For a numeric field: a change up to this is no change."
    )
    error_when: Expression | None = Field(
        default=None,
        description="JMESPath over the body: while it is true, the answer is an error.",
    )
    rank: StrictBool = Field(
        default=False, description="Keep the upstream's order as the field `_rank`."
    )
    keys: KeysSettings | None = Field(
        default=None, description="Ask for the keys that are watched, all in one request."
    )

    def _check_keys(self) -> None:
        forms = self.keys_forms()
        if self.keys is None:
            if forms:
                raise Mistake("keys", "the address uses {keys}, so a table keys is needed")
            return
        if not forms:
            raise Mistake("keys", "the address must use {keys}, or {keys[0]} and {keys[1:]}")
        rest = "{keys[1:]}" in forms or self.keys.max == 1
        if "{keys}" not in forms and not ("{keys[0]}" in forms and rest):
            raise Mistake("keys", "the address must use {keys}, or both {keys[0]} and {keys[1:]}")


class FeedSettings(FetchedSettings):
    """`kind = "feed"`: RSS, RDF, Atom or JSON Feed."""

    kind: Literal["feed"] = Field(description="RSS, RDF, Atom or JSON Feed.")
    every: Interval = Field(
        default=300.0,
        description="The interval between two reads: news is minutes old, and publishers ask "
        "for patience.",
    )
    removal: Literal["delete", "window"] = Field(
        default="window",
        description="An item gone from the feed has aged out of its `window` and is kept until "
        "`retain` newer ones push it out, or is deleted.",
    )
    content: StrictBool = Field(
        default=False,
        description="Deliver the full text of articles too; left out by default for its size.",
    )


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


SourceSettings: TypeAlias = HttpSettings | FeedSettings | PushSettings | SystemSettings
"""One table ``[sources.<name>]``, of any kind."""

KINDS: Final[dict[str, type[SourceSettings]]] = {
    "feed": FeedSettings,
    "http": HttpSettings,
    "push": PushSettings,
    "system": SystemSettings,
}
"""The kinds of source that this version has."""


def _known_kind(value: object) -> object:
    """Say what is wrong with a kind in our own words, before pydantic picks the model by it."""
    if isinstance(value, Table):
        return value
    if not isinstance(value, dict):
        raise ValueError("expected a table")
    kind, have = value.get("kind"), ", ".join(KINDS)
    if kind is None:
        raise Mistake("kind", f"missing; expected one of {have}")
    if not isinstance(kind, str):
        raise Mistake("kind", f"expected one of {have}")
    if kind in NOT_YET:
        raise Mistake("kind", f"kind {kind!r} is not in this version; it has: {have}")
    if kind not in KINDS:
        raise Mistake("kind", f"unknown kind{did_you_mean(kind, KINDS) or f'; it has: {have}'}")
    return value


AnySource = Annotated[SourceSettings, Field(discriminator="kind"), BeforeValidator(_known_kind)]
"""A SourceSettings, told apart by its kind."""
