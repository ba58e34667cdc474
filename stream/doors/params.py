"""What a subscriber asked for, by URL or by command → a view, a format, a cursor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from stream.commands import parse_rate
from stream.encode import Format
from stream.errors import ClientError, did_you_mean
from stream.model import Cursor
from stream.query import QueryError, compile_query
from stream.view import Spec

_VIEW: Final = ("since", "fields", "keys", "where", "format", "color", "trail", "token")
NAMES: Final = (*_VIEW, "max_rate", "snapshot")
REST_NAMES: Final = (*_VIEW, "wait")
FORMATS: Final = tuple(form for form in Format if form is not Format.COLORED)
"""The formats by the names they are asked for with; ``text`` has colours by ``color=1``."""


@dataclass(frozen=True, slots=True)
class Params:
    """A subscription's parameters, checked.

    Attributes:
        base: whether the first snapshot is wanted.
        trail: whether snapshots are to carry the trail, where the channel has one.
        wait_s: how long a long-poll may wait.
    """

    spec: Spec = Spec()
    form: Format = Format.JSON
    since: Cursor | None = None
    max_rate: float | None = None
    base: bool = True
    trail: bool = False
    wait_s: float = 0.0
    token: str | None = None


def parse_params(
    pairs: Iterable[tuple[str, str]],
    *,
    allowed: tuple[str, ...] = NAMES,
    most_keys: int,
    longest_wait_s: float = 0.0,
    form: Format = Format.JSON,
) -> Params:
    """Check the parameters.

    Args:
        form: the format where none is given.

    Raises:
        ClientError: ``bad_parameter``, ``bad_cursor``, ``bad_where``, … naming the parameter.
    """
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in allowed:
            shown = name[:32]
            hint = did_you_mean(shown, allowed) or f"; known are {', '.join(allowed)}"
            raise ClientError("bad_parameter", f"unknown parameter {shown!r}{hint}")
        if name in given:
            raise ClientError("bad_parameter", f"{name} is given twice")
        given[name] = value
    return Params(
        spec=_spec(given, most_keys),
        form=_format(given.get("format"), given.get("color"), form),
        since=parse_cursor(given["since"]) if given.get("since") else None,
        max_rate=parse_rate(given["max_rate"]) if "max_rate" in given else None,
        base=_flag("snapshot", given.get("snapshot", "1")),
        trail=_flag("trail", given.get("trail", "0")),
        wait_s=_wait(given.get("wait", "0"), longest_wait_s),
        token=given.get("token"),
    )


def parse_cursor(text: str) -> Cursor:
    """Read a cursor; a malformed one is an error, never a silent snapshot.

    Raises:
        ClientError: ``bad_cursor``.
    """
    try:
        return Cursor.parse(text)
    except ValueError as error:
        raise ClientError("bad_cursor", f"since: {error}") from None


def channel_names(text: str, most: int) -> tuple[str, ...]:
    """The channels of a URL, in order, without repetition.

    Raises:
        ClientError: there is none, or too many.
    """
    names = tuple(dict.fromkeys(filter(None, text.split(","))))
    if not names:
        raise ClientError("bad_parameter", "no channel is named")
    if len(names) > most:
        raise ClientError("too_many_channels", f"at most {most} channels on one connection")
    return names


def _spec(given: dict[str, str], most_keys: int) -> Spec:
    fields, keys, where = given.get("fields"), given.get("keys"), given.get("where")
    names = _listed("fields", fields, 200)
    wanted = _listed("keys", keys, most_keys)
    query = None
    if where is not None:
        try:
            query = compile_query(where)
        except QueryError as error:
            raise ClientError("bad_where", f"where: {error}") from None
    # The order of the list is not part of the view: two orders share one.
    return Spec(
        None if names is None else tuple(sorted(set(names))),
        None if wanted is None else frozenset(wanted),
        query,
    )


def _listed(name: str, text: str | None, most: int) -> list[str] | None:
    if text is None:
        return None
    parts = [part for part in text.split(",") if part]
    if not parts:
        raise ClientError(f"bad_{name}", f"{name} is empty; leave it out to get all")
    if len(parts) > most:
        raise ClientError(f"bad_{name}", f"{name}: at most {most}, got {len(parts)}")
    return parts


def _format(text: str | None, color: str | None, form: Format) -> Format:
    if text is not None:
        if text not in FORMATS:
            hint = did_you_mean(text, FORMATS) or f"; known are {', '.join(FORMATS)}"
            raise ClientError("bad_format", f"unknown format {text[:32]!r}{hint}")
        form = Format(text)
    if color is None:
        return form
    if not _flag("color", color):
        return Format.TEXT if form.is_text else form
    if not form.is_text:
        raise ClientError("bad_color", "color is for format=text")
    return Format.COLORED


def _flag(name: str, text: str) -> bool:
    if text not in {"0", "1"}:
        raise ClientError(f"bad_{name}", f"{name} must be 0 or 1, got {text[:32]!r}")
    return text == "1"


def _wait(text: str, longest_s: float) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise ClientError("bad_wait", f"wait must be seconds from 0, got {text[:32]!r}")
    return min(seconds, longest_s)
