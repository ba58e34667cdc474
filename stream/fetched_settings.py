"""The tables of sources that are read at intervals: what all have, and the kinds http and feed.

Shapes and checks only: what needs more than one source to be judged is judged in settings.py.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import (
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

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
from stream.model import ADDED_KEY
from stream.secret import SourceAuth
from stream.shape import SHAPES, As, Shape
from stream.template import ChannelPattern, KeysForm, KeysTemplate, Template
from stream.units import Bytes, Seconds, format_duration

ITEM_KEY: Final = "key"
"""The placeholder of a second request's address that stands for the item."""


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


class DetailSettings(Table):
    """A second request for each item of a list that only names its items."""

    url: Address = Field(
        description="The address of one item; `{key}` stands for what names it in the list."
    )
    most: Annotated[StrictInt, Field(ge=1, le=1000)] = Field(
        default=60, description="Most items of the list that are looked at, from its top."
    )
    concurrency: Annotated[StrictInt, Field(ge=1, le=32)] = Field(
        default=8, description="Most second requests at one time: few enough for any upstream."
    )
    refresh: Annotated[Seconds, Field(ge=1)] = Field(
        default=300.0,
        description="Time in which each item is read again, a few with every read of the list.",
    )

    @model_validator(mode="after")
    def _names_the_item(self) -> Self:
        if ITEM_KEY not in Template(self.url).names:
            raise Mistake("url", "the address must use {key}, which names the item")
        return self


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
        "and a bound on memory. JSON may take 16 times as much while it is read.",
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
        for key, name in self._used():
            if name not in names:
                raise Mistake(key, f"{{{name}}} is no placeholder of the channel's name")
        self._check_keys()
        return self

    def _used(self) -> list[tuple[str, str]]:
        """Every placeholder used, with the key it is used in."""
        return [*_used("url", self.url), *_used("params", *self.params.values())]

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
    aliases: FieldName | None = Field(
        default=None,
        description="For upstreams that change the keys of things: the field that lists all keys "
        "an item goes by. What a `window` keeps under one of them goes when the item comes "
        "under another.",
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
    detail: DetailSettings | None = Field(
        default=None,
        description="For a list that only names its items: one more request for each new one. "
        "`drop`, `select` and what follows them are then for what that request brings.",
    )
    add: dict[str, str] = Field(
        default={},
        description="Fields put into each item that lacks them, after `select`; they may hold "
        "placeholders, and `{_key}` for the item's name in an object map or a list of scalars.",
    )
    shape: Shape | None = Field(
        default=None,
        description="Make the fields of a common shape what they should be: numbers of texts, "
        "dates of Unix times, plain text of HTML; null and `NA` are left out.",
    )
    convert: dict[str, As] = Field(
        default={},
        description="The same for fields of your own, by name: `number`, `date`, `line`, `text` "
        "(of HTML), `list`, `url` or `id`.",
    )

    def _used(self) -> list[tuple[str, str]]:
        added = [each for each in _used("add", *self.add.values()) if each[1] != ADDED_KEY]
        detail = _used("detail", self.detail.url) if self.detail is not None else []
        return super()._used() + added + [each for each in detail if each[1] != ITEM_KEY]

    def conversions(self) -> dict[str, As]:
        """Field → what it is to become."""
        return {**(SHAPES[self.shape] if self.shape is not None else {}), **self.convert}

    def _check_keys(self) -> None:
        if self.keys is not None and self.detail is not None:
            raise Mistake("detail", "a source with a table keys has no second request")
        if self.aliases is not None and self.removal != "window":
            raise Mistake("aliases", 'without removal = "window" nothing is kept under another key')
        if any(KeysTemplate(text).forms for text in self.add.values()) and (
            self.keys is None or self.keys.max != 1
        ):
            raise Mistake("add", "{keys[0]} stands for an item only where keys has max = 1")
        forms = self.keys_forms()
        if self.keys is None:
            if forms:
                raise Mistake("keys", "the address uses {keys}, so a table keys is needed")
            return
        if not forms:
            raise Mistake("keys", "the address must use {keys}, or {keys[0]} and {keys[1:]}")
        rest = "{keys[1:]}" in forms or self.keys.max == 1
        if not forms & {"{keys}", "{keys[json]}"} and not ("{keys[0]}" in forms and rest):
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


def _used(key: str, *texts: str) -> list[tuple[str, str]]:
    return [(key, name) for text in texts for name in Template(text).names]
