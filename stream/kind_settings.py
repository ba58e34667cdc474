"""What is special in the tables of the kinds sql, sse and replay; the rest is in source_settings.

Shapes and checks only: it must not need what these kinds need to be installed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    SecretStr,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationInfo,
    model_validator,
)

from stream.fields import (
    Count,
    Expression,
    FieldName,
    Interval,
    KeyFields,
    MatchRule,
    Mistake,
    Table,
)
from stream.secret import reveal
from stream.template import MAX_VALUE, ChannelPattern, Template
from stream.units import Seconds

_SCHEME = re.compile(r"[a-z][a-z0-9_]{0,31}(\+[a-z0-9_]{1,31})?")
_BIND_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SECRET_PARAMETER = re.compile(r"passw|pwd|secret|token", re.IGNORECASE)

Bindable = StrictBool | StrictInt | StrictFloat | str
"""What a statement's parameter may be in TOML."""


def database_address(text: str) -> str:
    """Check the address of a database; it holds no password.

    Raises:
        ValueError: it is none; the message does not repeat the address.
    """
    scheme, mark, _ = text.partition("://")
    if not (mark and _SCHEME.fullmatch(scheme)) or not text.isprintable():
        raise ValueError('expected the address of a database, such as "sqlite:///app.db"')
    try:
        parts = urlsplit(text)
        has_password = parts.password is not None
    except ValueError:
        raise ValueError("expected an address with a valid host and port") from None
    if has_password or _SECRET_PARAMETER.search(parts.query):
        raise ValueError("a password is never written in an address; use url_env or url_file")
    return text


def _bind_names(params: dict[str, Bindable]) -> dict[str, Bindable]:
    for name in params:
        if not _BIND_NAME.fullmatch(name):
            raise Mistake(name, "expected a name of letters, digits and _")
    return params


class SqlFields(Table):
    """What a table of kind sql has besides what every polled source has."""

    url: Annotated[str, AfterValidator(database_address)] | None = Field(
        default=None,
        description="The database, as SQLAlchemy writes it: `sqlite:///app.db`, "
        "`postgresql://reader@db/app`. Without a password.",
    )
    url_env: str | None = Field(
        default=None,
        description="The environment variable that holds such an address, password and all.",
    )
    url_file: Path | None = Field(
        default=None, description="The file that holds such an address, password and all."
    )
    query: Annotated[str, Field(min_length=1, max_length=65_536)] = Field(
        description="One statement. `:name` stands for a parameter, or for a placeholder of the "
        "channel's name; both are bound, never written into the text."
    )
    params: Annotated[dict[str, Bindable], AfterValidator(_bind_names)] = Field(
        default={}, description="Parameters of the statement; texts may hold placeholders."
    )
    key: KeyFields | None = Field(
        default=None,
        description="The column that identifies a row, or a list of columns. Default: id, guid, "
        "url or link, then a hash of the row.",
    )
    select: Expression | None = Field(
        default=None, description="JMESPath that shapes each row. Default: all columns."
    )
    drop: Expression | None = Field(
        default=None, description="JMESPath over a row: leave the row out while it is true."
    )
    ignore: tuple[FieldName, ...] = Field(
        default=(), description="Columns that are delivered, but whose change alone is no change."
    )
    tolerance: dict[str, Annotated[float, Field(ge=0, strict=True)]] = Field(
        default={}, description="For a numeric column: a change up to this is no change."
    )
    rank: StrictBool = Field(
        default=False, description="Keep the order of the rows as the field `_rank`."
    )
    timeout: Interval = Field(
        default=15.0, description="Deadline of one read: a slow statement is interrupted."
    )
    max_rows: Count = Field(
        default=100_000, description="Most rows read; more are an error, never a silent cut."
    )
    match: dict[str, MatchRule] = Field(
        default={}, description="For each placeholder of the channel: what it may be."
    )
    _address: SecretStr = PrivateAttr()

    @property
    def address(self) -> str:
        """The database's address with its password. It must not stand in any message."""
        return self._address.get_secret_value()

    @model_validator(mode="after")
    def _resolve(self, info: ValidationInfo) -> Self:
        named = [k for k in ("url", "url_env", "url_file") if getattr(self, k) is not None]
        if len(named) != 1:
            raise ValueError("expected exactly one of: url, url_env, url_file")
        if self.url is not None:
            self._address = SecretStr(self.url)
            return self
        self._address = reveal(info, named[0], getattr(self, named[0]))
        scheme, mark, _ = self.address.partition("://")
        if not (mark and _SCHEME.fullmatch(scheme)):
            raise Mistake(named[0], "what it holds is not the address of a database")
        return self


def check_placeholders(settings: SqlFields, channel: str) -> None:
    """Check what a table of kind sql says of the placeholders of its channel's name.

    Raises:
        Mistake: they do not fit together.
    """
    names = Template(channel).names
    if names or settings.match:
        try:
            ChannelPattern(channel, settings.match)
        except ValueError as error:
            raise Mistake("match", str(error)) from None
    if written := [name for name in Template(settings.query).names if name in names]:
        raise Mistake("query", f"write :{written[0]} for {{{written[0]}}}; it is bound, not pasted")
    for key, value in settings.params.items():
        if key in names:
            raise Mistake(("params", key), "the channel's placeholder is bound under this name")
        unknown = [n for n in Template(str(value)).names if n not in names]
        if isinstance(value, str) and unknown:
            raise Mistake(("params", key), f"{{{unknown[0]}}} is no placeholder of the channel")


class SseFields(Table):
    """What a table of kind sse has besides what every source over HTTP has."""

    event: tuple[Annotated[str, Field(min_length=1, max_length=MAX_VALUE)], ...] = Field(
        default=(), description="Take only events of these names. Default: all."
    )
    silence: Annotated[Seconds, Field(ge=1, le=86_400)] = Field(
        default=60.0,
        description="Nothing for so long, not even a comment, and the connection counts as dead: "
        "twice what polite servers leave between two comments.",
    )
    items: Expression | None = Field(
        default=None, description="JMESPath to the items in an event's data. Default: the data."
    )
    key: KeyFields | None = Field(
        default=None,
        description="The field that identifies an item, or a list of fields. Default: id, guid, "
        "url or link, then the event's own id, then a hash of the content.",
    )
    error_when: Expression | None = Field(
        default=None, description="JMESPath over an event's data: while it is true, it is an error."
    )
    tolerance: dict[str, Annotated[float, Field(ge=0, strict=True)]] = Field(
        default={}, description="For a numeric field: a change up to this is no change."
    )


FLUSH_S: Final = 0.05
"""Gather for so long by default: no eye sees it, and a flood becomes 20 changes a second."""

FlushInterval = Annotated[Seconds, Field(ge=0.01, le=60)]
Windowed = Literal["window"]


class ReplayFields(Table):
    """What a table of kind replay has besides what every source has."""

    path: Path = Field(description="The tape that `stream record` wrote, gzipped or not.")
    speed: Annotated[float, Field(ge=0, le=1_000_000, strict=True)] = Field(
        default=1.0, description="1: as it was; 10: ten times as fast; 0: as fast as it can be."
    )
    loop: StrictBool = Field(default=False, description="Begin again at the tape's end.")
    source: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Which of the tape's sources. Needed where the tape has more than one.",
    )
