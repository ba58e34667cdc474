"""What is particular to PostgreSQL: its driver's options and codecs, its errors by their code.

It must not open a connection itself, nor know what is read.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import URL

DRIVER: Final = "postgresql+asyncpg"
NAMES: Final = ("postgresql", "postgres")
"""How an address begins that names no driver; some hosts write the latter."""
CONNECT_S: Final = 10
"""How long a connection may take: drivers would wait for a minute or for ever."""
_OF_SQLALCHEMY: Final = ("host", "port", "prepared_statement_cache_size")

_KINDS: Final = {
    "08": "connect",
    "25006": "read_only",
    "40": "locked",
    "53": "connect",
    "55P03": "locked",
    "57014": "timeout",
    "57P": "connect",
}
"""SQLSTATE, or what it begins with → the kind of fault. See PostgreSQL's Appendix A."""


def kind_of(error: BaseException | None) -> str | None:
    """The kind of fault by the error's SQLSTATE; None where that says nothing."""
    state = getattr(error, "sqlstate", None) or ""
    return next((kind for begin, kind in _KINDS.items() if state.startswith(begin)), None)


def said_by(error: BaseException) -> str:
    """The first line of what was said: further ones quote the statement, or a cursor's name."""
    line = str(error).strip().partition("\n")[0]
    # Older SQLAlchemy begins with the class of the driver's error.
    line = re.sub(r"^<class '[\w.]+'>: ", "", line)
    # A value is nobody's business but its sender's.
    return re.sub(r"(query argument \$\d+): .* \((.*)\)$", r"\1: \2", line)


def options(url: URL) -> tuple[URL, dict[str, Any]]:
    """The address and the arguments by which asyncpg connects.

    It takes libpq's options (``sslmode``, ``sslrootcert``, …) in an address only, while SQLAlchemy
    would hand them over as arguments. Statements are not kept prepared: after an ALTER TABLE the
    next read would fail.
    """
    if url.get_driver_name() != "asyncpg":
        return url, {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_S}
    given = {name: value for name, value in url.query.items() if name not in _OF_SQLALCHEMY}
    names = set(given)
    if "ssl" in given:
        given["sslmode"] = given.pop("ssl")
    wait = str(given.pop("connect_timeout", ""))
    # asyncpg has no channel binding, and would ask the server for a setting of that name.
    given.pop("channel_binding", None)
    arguments: dict[str, Any] = {"timeout": float(wait) if wait.isdigit() else CONNECT_S}
    if "prepared_statement_cache_size" not in url.query:
        arguments["prepared_statement_cache_size"] = 0
    if given:
        arguments["dsn"] = f"postgresql://?{urlencode(given, doseq=True)}"
    return url.difference_update_query(names), arguments


def teach(connection: Any, _record: object) -> None:
    """Have asyncpg give and take values in the form that one expects.

    By itself it gives infinity as the year 9999, and takes no text for a date.
    """
    connection.run_async(_teach)


async def _teach(driver: Any) -> None:
    for name, (form, encode, decode) in _CODECS.items():
        await driver.set_type_codec(
            name, schema="pg_catalog", encoder=encode, decoder=decode, format=form
        )


def _single(raw: bytes) -> float:
    """A number of single precision by the fewest digits that name it: 0.1, not 0.10000000149."""
    number: float = struct.unpack("!f", raw)[0]
    for digits in range(6, 9):
        near = float(f"{number:.{digits}g}")
        if struct.pack("!f", near) == raw:
            return near
    return number


def _moment(wire: tuple[int]) -> datetime | None:
    """Microseconds since the epoch; either end of the range is an infinity."""
    is_finite = abs(wire[0]) < 2**63 - 1
    return _EPOCH + timedelta(microseconds=wire[0]) if is_finite else None


def _day(wire: tuple[int]) -> date | None:
    is_finite = abs(wire[0]) < 2**31 - 1
    return date.fromordinal(_EPOCH.toordinal() + wire[0]) if is_finite else None


def _moment_on_wire(text: Any) -> tuple[int]:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError("expected a moment such as 2026-11-26T01:02:03Z") from None
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return ((zoned - _EPOCH) // timedelta(microseconds=1),)


def _day_on_wire(text: Any) -> tuple[int]:
    try:
        return (date.fromisoformat(text).toordinal() - _EPOCH.toordinal(),)
    except (TypeError, ValueError):
        raise ValueError("expected a day such as 2026-11-26") from None


_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_CODECS: Final[dict[str, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]]] = {
    "float4": ("binary", lambda value: struct.pack("!f", float(value)), _single),
    "timestamptz": ("tuple", _moment_on_wire, _moment),
    "timestamp": ("tuple", _moment_on_wire, _moment),
    "date": ("tuple", _day_on_wire, _day),
}
