"""The tables of docs/config.md, made from the models so that they cannot say anything else.

``python -m stream.configdoc docs/config.md`` writes them between the markers of the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stream.fetched_settings import (
    AdaptiveSettings,
    DetailSettings,
    FeedSettings,
    HttpSettings,
    KeysSettings,
    QuotaSettings,
)
from stream.fields import MAX_COUNT
from stream.presetdoc import parameters
from stream.secret import SourceAuth
from stream.server_settings import ServerSettings
from stream.settings import (
    AuthSettings,
    ChannelSettings,
    EngineSettings,
    LimitSettings,
    TrailSettings,
)
from stream.source_settings import (
    PushSettings,
    ReplaySettings,
    SqlSettings,
    SseSettings,
    SystemSettings,
)
from stream.units import format_duration, format_size, is_duration, is_size
from stream.upstream_settings import UpstreamSettings

BEGIN: Final = "<!-- generated -->"
END: Final = "<!-- /generated -->"

_WORDS: Final[dict[object, str]] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "true or false",
    Path: "path",
    tuple: "list",
    dict: "table",
}
_Fields = dict[str, FieldInfo]


def render() -> str:
    """The generated part of the page: a heading and a table for each TOML table."""
    http, feed = HttpSettings.model_fields, FeedSettings.model_fields
    sse = SseSettings.model_fields
    shared = {name: field for name, field in http.items() if _is_same(field, feed.get(name))}
    parts = [
        _section("`[server]`", ServerSettings),
        _section("`[limits]`", LimitSettings),
        _section("`[upstream]`", UpstreamSettings),
        _section("`[engine]`", EngineSettings),
        _section("`[auth]`", AuthSettings),
        _section("`[channels.<name>]`", ChannelSettings),
        _section("`[channels.<name>.trail]`", TrailSettings),
        _table("`[sources.<name>]` of kind http or feed", shared),
        _table("`[sources.<name>]` of kind http only", _without(http, shared)),
        _table("`[sources.<name>]` of kind feed only", _without(feed, shared)),
        _section("`[sources.<name>]` of kind sql", SqlSettings),
        _table(
            "`[sources.<name>]` of kind sse, besides those of http and feed",
            {name: field for name, field in sse.items() if not _is_same(field, shared.get(name))},
        ),
        _section("`[sources.<name>]` of kind replay", ReplaySettings),
        _section("`[sources.<name>]` of kind push", PushSettings),
        _section("`[sources.<name>]` of kind system", SystemSettings),
        _section("`[sources.<name>.auth]`", SourceAuth),
        _section("`[sources.<name>.quota]`", QuotaSettings),
        _section("`[sources.<name>.adaptive]`", AdaptiveSettings),
        _section("`[sources.<name>.keys]`", KeysSettings),
        _section("`[sources.<name>.detail]`", DetailSettings),
        parameters(),
    ]
    return "\n".join(parts)


def update(page: str) -> str:
    """The page with its generated part made anew.

    Raises:
        ValueError: the page has no markers.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"expected the markers {BEGIN} and {END}")
    return f"{head}{BEGIN}\n\n{render()}\n{END}{tail}"


def _is_same(field: FieldInfo, other: FieldInfo | None) -> bool:
    return other is not None and (field.default, field.description) == (
        other.default,
        other.description,
    )


def _without(fields: _Fields, others: Iterable[str]) -> _Fields:
    return {name: field for name, field in fields.items() if name not in others}


def _section(title: str, model: type[BaseModel]) -> str:
    return _table(title, model.model_fields)


def _table(title: str, fields: _Fields) -> str:
    # What a table is comes before what is in it.
    ordered = sorted(fields.items(), key=lambda each: each[0] != "kind")
    rows = [
        f"| `{name}` | {_value(field)} | {_default(field)} | {_cell(field.description or '')} |"
        for name, field in ordered
    ]
    head = ["| key | value | default | meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([f"### {title}", "", *head, *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None or field.default in ({}, (), ""):
        return "–"
    return _cell(f"`{_written(field.default, field.metadata)}`")


def _written(value: Any, metadata: Sequence[object]) -> str:
    """The value as one writes it in TOML."""
    if is_duration(metadata):
        return f'"{format_duration(value)}"'
    if is_size(metadata):
        return f'"{format_size(value)}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_written(each, ()) for each in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _value(field: FieldInfo) -> str:
    return _cell(_type(field.annotation, field.metadata) + _bounds(field.metadata))


def _type(annotation: Any, metadata: Sequence[object] = ()) -> str:
    """The type in a word or two."""
    if is_duration(metadata):
        return "duration"
    if is_size(metadata):
        return "size"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], arguments[1:])
    if origin in (Union, UnionType):
        return " or ".join(_type(each) for each in arguments if each is not NoneType)
    if origin is Literal:
        return " or ".join(f'`"{each}"`' for each in arguments)
    return _WORDS.get(origin or annotation, "table")


def _bounds(metadata: Sequence[object]) -> str:
    """``", at least 1"`` and the like."""
    words = []
    for each in metadata:
        if isinstance(each, Ge):
            words.append(f"at least {_written(each.ge, metadata)}")
        elif isinstance(each, Le) and each.le != MAX_COUNT:
            words.append(f"at most {_written(each.le, metadata)}")
    return "".join(f", {word}" for word in words)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.write_text(update(place.read_text(encoding="utf-8")), encoding="utf-8")
