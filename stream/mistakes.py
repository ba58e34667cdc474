"""What pydantic found wrong in a configuration, as one line for people.

Pure. It must never show a secret: values at places where one could stand are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stream.errors import did_you_mean
from stream.fetched_settings import DetailSettings, HttpSettings, KeysSettings, QuotaSettings
from stream.fields import Mistake
from stream.presets import PRESETS
from stream.secret import SourceAuth
from stream.server_settings import ServerSettings
from stream.settings import (
    AuthSettings,
    ChannelSettings,
    EngineSettings,
    LimitSettings,
    Settings,
    TrailSettings,
)
from stream.source_settings import KINDS
from stream.units import format_duration, format_size, parse_duration, parse_size
from stream.upstream_settings import UpstreamSettings

KeyPath: TypeAlias = tuple[str | int, ...]
"""The keys and places in lists that lead from the top of the file to a value."""
Origins: TypeAlias = Mapping[tuple[str, ...], str]
"""Which values came from the environment: the path and the variable."""

SHOWN: Final = 60
"""Most characters of a value in a message."""

_EXPECTED: Final = {
    "bool_type": "expected true or false",
    "dict_type": "expected a table",
    "finite_number": "expected a finite number",
    "float_type": "expected a number",
    "int_type": "expected a whole number",
    "missing": "this key is required",
    "model_attributes_type": "expected a table",
    "model_type": "expected a table",
    "path_type": "expected the path of a file, in quotes",
    "string_too_short": "expected a text that is not empty",
    "string_type": "expected a text in quotes",
    "string_unicode": "expected a text in UTF-8",
    "too_short": "expected a list that is not empty",
    "tuple_type": "expected a list",
}
_BOUNDS: Final = {
    "greater_than_equal": ("ge", "expected at least"),
    "less_than_equal": ("le", "expected at most"),
    "too_long": ("max_length", "expected a list of at most"),
}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SECRET_WORD = re.compile(r"token|secret|passw|credential|api_?key|bearer|basic", re.IGNORECASE)
_SECRET_TABLES: Final = frozenset({"auth", "headers", "params", "key_env", "key_file"})
_OPEN_AUTH_KEYS: Final = frozenset({"mode", "algorithms", "audience", "anonymous"})
_SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "server": ServerSettings,
    "limits": LimitSettings,
    "upstream": UpstreamSettings,
    "engine": EngineSettings,
    "auth": AuthSettings,
}
_SUBTABLES: Final[dict[str, type[BaseModel]]] = {
    "auth": SourceAuth,
    "detail": DetailSettings,
    "keys": KeysSettings,
    "quota": QuotaSettings,
}
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class _Found:
    """One thing that is wrong: where, the value there (or _MISSING), and what was expected."""

    path: KeyPath
    value: Any
    message: str


def describe(error: ValidationError, data: Mapping[str, Any], origins: Origins, where: str) -> str:
    """The first mistake, in the order of the file, as one line, and how many more there are."""
    details = error.errors(include_url=False, include_input=False)
    all_found = sorted(
        (_found(each, data) for each in details), key=lambda found: _position(data, found.path)
    )
    first = all_found[0]
    more = f" (and {len(all_found) - 1} more)" if len(all_found) > 1 else ""
    return one_line(f"{_place(first, origins, where)}: {first.message}{more}")


def _found(error: ErrorDetails, data: Mapping[str, Any]) -> _Found:
    cause = error.get("ctx", {}).get("error")
    path = _path(error["loc"], data) + (cause.path if isinstance(cause, Mistake) else ())
    value = _value_at(data, path)
    return _Found(path, value, _message(error, cause, path, value, data))


def _path(loc: KeyPath, data: Mapping[str, Any]) -> KeyPath:
    """Pydantic's place without what is not in the file: the kind's tag, the mark of a key."""
    if loc[:1] == ("sources",) and loc[2:3] and (loc[2] in KINDS or loc[2] in PRESETS):
        loc = loc[:2] + loc[3:]
    is_mark = loc[-1:] == ("[key]",) and _value_at(data, loc) is _MISSING
    return loc[:-1] if is_mark else loc


def _value_at(data: Any, path: KeyPath) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return _MISSING
    return data


def _position(data: Any, path: KeyPath) -> tuple[int, ...]:
    """Where the path stands in the file; what is missing comes at the end of its table."""
    places = []
    for part in path:
        if isinstance(data, dict):
            places.append(list(data).index(part) if part in data else len(data))
        elif isinstance(part, int):
            places.append(part)
        data = _value_at(data, (part,))
    return tuple(places)


def _message(
    error: ErrorDetails, cause: object, path: KeyPath, value: Any, data: Mapping[str, Any]
) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if isinstance(cause, ValueError):
        return str(cause)
    if kind == "extra_forbidden":
        return _unknown(path, value, data)
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", context["expected"])
        hint = did_you_mean(value, options) if isinstance(value, str) else ""
        return f"expected {_either(options)}{hint}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {_like(value, context[name])}"
    return _EXPECTED.get(kind) or error["msg"]


def _either(options: Sequence[str]) -> str:
    quoted = [f'"{option}"' for option in options]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


def _like(value: object, bound: float) -> str:
    """The bound in the form in which the value was written."""
    if isinstance(value, str):
        with suppress(ValueError):
            parse_duration(value)
            return f'"{format_duration(bound)}"'
        with suppress(ValueError):
            parse_size(value)
            return f'"{format_size(int(bound))}"'
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _unknown(path: KeyPath, value: object, data: Mapping[str, Any]) -> str:
    key = str(path[-1])
    what = "table" if len(path) == 1 and isinstance(value, dict) else "key"
    return f"unknown {what}{_elsewhere(path) or did_you_mean(key, _known(path[:-1], data))}"


def _elsewhere(path: KeyPath) -> str:
    """``"; it belongs to …"`` for a key that another table has."""
    key = path[-1]
    owners: list[str] = []
    if len(path) == 1:
        owners = [f"[{name}]" for name in _SECTIONS if key in _SECTIONS[name].model_fields]
    elif path[0] == "sources" and len(path) == 3:
        owners = [f"kind {kind}" for kind, model in KINDS.items() if key in model.model_fields]
        owners += ["[channels.<name>]"] if key in ChannelSettings.model_fields else []
    return f"; it belongs to {' and '.join(owners)}" if owners else ""


def _known(table: KeyPath, data: Mapping[str, Any]) -> list[str]:
    """The keys that the table at this path may have."""
    model: type[BaseModel] = Settings
    match table:
        case (str(name),):
            model = _SECTIONS[name]
        case ("channels", _):
            model = ChannelSettings
        case ("channels", _, "trail"):
            model = TrailSettings
        case ("sources", _):
            kind = _value_at(data, (*table, "kind"))
            if kind in PRESETS:
                return [*PRESETS[kind].own_keys, *HttpSettings.model_fields]
            model = KINDS[kind]
        case ("sources", _, str(name)):
            model = _SUBTABLES[name]
    return list(model.model_fields)


def _place(found: _Found, origins: Origins, where: str) -> str:
    shown = _shown(found.path, found.value)
    for end in range(len(found.path), 0, -1):
        if variable := origins.get(tuple(str(part) for part in found.path[:end])):
            return f"{variable}{shown}"
    *tables, key = _keys(found.path) or [""]
    if isinstance(found.value, dict):
        return f"{where}: [{'.'.join([*tables, key])}]"
    if not shown or not tables:
        return f"{where}: {'.'.join([*tables, key])}{shown}"
    return f"{where}: [{'.'.join(tables)}] {key}{shown}"


def _keys(path: KeyPath) -> list[str]:
    """The keys as TOML writes them; a place in a list goes with its key: ``origins[0]``."""
    keys: list[str] = []
    for part in path:
        if isinstance(part, int):
            keys[-1] += f"[{part}]"
        else:
            keys.append(part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False))
    return keys


def _shown(path: KeyPath, value: Any) -> str:
    """``" = "5x""``, or nothing where there is no value or where a secret could stand."""
    if value is _MISSING or isinstance(value, dict) or _may_be_secret(path):
        return ""
    if isinstance(value, str) and ("://" in value or str(path[-1]).endswith("url")):
        value = re.sub(r"\?.*", "?…", re.sub(r".*@", "…@", value, flags=re.S), flags=re.S)
    text = _toml(value)
    return f" = {text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}"


def _may_be_secret(path: KeyPath) -> bool:
    if path[0] == "auth":
        return path[1:2] != () and path[1] not in _OPEN_AUTH_KEYS
    if path[0] == "sources" and path[2:3] and path[2] in _SECRET_TABLES:
        return True
    return any(isinstance(p, str) and _SECRET_WORD.search(p) for p in path[2:] or path[1:])


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value[:1000], ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        # Only one level deep: it is there to be recognised, and lists may nest far.
        parts = ("…" if isinstance(v, list | dict) else _toml(v) for v in value[:10])
        return f"[{', '.join(parts)}]"
    if isinstance(value, int) and value.bit_length() > 64:
        return hex(value)
    return str(value)


def one_line(text: str) -> str:
    """The text with line breaks and other control characters written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
