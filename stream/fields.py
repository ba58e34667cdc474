"""What settings are made of: the frozen table, mistakes with a place, and the types of fields.

Shapes and checks only: it reads no file and no environment.
"""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, StrictInt

from stream.addresses import network
from stream.query import QueryError, compile_query
from stream.template import Rule, has_stray_brace, is_channel_template
from stream.units import Seconds

MAX_COUNT: Final = 10**9
"""Most of anything: beyond it a number is a mistake, and some could not even be written out."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
_OUR_HEADERS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "host",
        "if-modified-since",
        "if-none-match",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)


class Mistake(ValueError):
    """A mistake found by a check of a whole table.

    Args:
        path: the keys that lead from that table to the mistake.
        message: what is wrong, or what was expected.
    """

    def __init__(self, path: tuple[str, ...] | str, message: str) -> None:
        super().__init__(message)
        self.path = (path,) if isinstance(path, str) else path


class Table(BaseModel):
    """One TOML table: frozen, and a key it does not know is a mistake."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )


def web_address(text: str) -> str:
    """Check an http(s) address without a password; placeholders may stand after the host only.

    Raises:
        ValueError: it is none; the message does not repeat the address.
    """
    if not text.isprintable() or " " in text:
        raise ValueError("expected an address without blanks or control characters")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        # Its message repeats the address, which may hold a password.
        raise ValueError("expected an address with a valid host and port") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("expected an address that starts with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("a password is never written in an address; use auth.basic_env")
    if "{" in parts.netloc or "}" in parts.netloc:
        raise ValueError("a placeholder may not stand in the host of an address")
    if not host or port == 0:
        raise ValueError("expected an address with a valid host and port")
    if has_stray_brace(text):
        raise ValueError("a brace must belong to a placeholder such as {id}; else write %7B or %7D")
    return text


def network_text(text: str) -> str:
    """Check an address or network, such as ``10.0.0.0/8``.

    Raises:
        ValueError: it is none.
    """
    try:
        network(text)
    except ValueError:
        raise ValueError('expected an address or network such as "10.0.0.0/8"') from None
    return text


def header_name(text: str) -> str:
    """Check the name of an HTTP header.

    Raises:
        ValueError: it is none, or one that only the service itself may set.
    """
    if not _HEADER_NAME.fullmatch(text):
        raise ValueError("expected the name of an HTTP header")
    if text.lower() in _OUR_HEADERS:
        raise ValueError("this header is set by the service itself")
    return text


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        try:
            header_name(name)
        except ValueError as error:
            raise Mistake(name, str(error)) from None
        if name.lower() in _SECRET_HEADERS:
            raise Mistake(name, "a secret is never written here; use auth")
        if not (value.isascii() and value.isprintable()):
            raise Mistake(name, "expected printable ASCII text")
    return headers


def _expression(text: str) -> str:
    try:
        compile_query(text)
    except QueryError as error:
        raise ValueError(f"not a JMESPath expression: {error}") from None
    return text


def channel_template(text: str) -> str:
    """Check a channel name, which may have placeholders.

    Raises:
        ValueError: it is none.
    """
    if not is_channel_template(text):
        raise ValueError("expected a channel name of 1 to 128 letters, digits, _ . : or -")
    return text


def _key_fields(value: object) -> str | tuple[str, ...]:
    fields = [value] if isinstance(value, str) else value
    if not isinstance(fields, list | tuple) or not fields:
        raise ValueError("expected a field, or a list of at least one field")
    if not all(isinstance(field, str) and field for field in fields):
        raise ValueError("expected the names of fields, in quotes")
    return str(fields[0]) if len(fields) == 1 else tuple(fields)


def _match_rule(value: object) -> str | tuple[str, ...]:
    rule = value if isinstance(value, str) else _listed(value)
    Rule.of(rule)
    return rule


def _listed(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(map(_is_listable, value)):
        raise ValueError('expected "int", "word", a list of values or a regular expression')
    return tuple(str(v) for v in value)


def _is_listable(value: object) -> bool:
    # Python refuses to write very long whole numbers in decimals.
    return isinstance(value, str) or (type(value) is int and value.bit_length() < 64)


FieldName = Annotated[str, Field(min_length=1)]
Count = Annotated[StrictInt, Field(ge=1, le=MAX_COUNT)]
Interval = Annotated[Seconds, Field(ge=0.1)]
"""At least 100 ms: below it a mistyped unit becomes an attack on an upstream."""
Address = Annotated[str, AfterValidator(web_address)]
NetworkText = Annotated[str, AfterValidator(network_text)]
"""An address or a network, in CIDR notation."""
Headers = Annotated[dict[str, str], AfterValidator(_headers)]
Channel = Annotated[str, AfterValidator(channel_template)]
Expression = Annotated[str, AfterValidator(_expression)]
"""A JMESPath expression that compiles."""
KeyFields = Annotated[
    str | tuple[str, ...],
    PlainValidator(_key_fields, json_schema_input_type=str | list[str]),
]
"""One field (also where a list of one was written), or several that are the key together."""
MatchRule = Annotated[
    str | tuple[str, ...],
    PlainValidator(_match_rule, json_schema_input_type=str | list[str | int]),
]
"""``int``, ``word``, a list of values or a regular expression; see template.Rule."""
