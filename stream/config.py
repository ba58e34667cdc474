"""Reads the configuration: one TOML file and the environment become one Settings.

The only room that reads them. A mistake is one line: where, table, key, value, what was expected.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError

from stream.errors import ConfigError, did_you_mean
from stream.mistakes import Origins, describe, one_line
from stream.secret import Holder
from stream.settings import Settings
from stream.tls import server_context

PREFIX: Final = "STREAM_"
LEVEL: Final = "__"
"""Stands between a table and its key in the name of a variable."""
SECRET_BYTES: Final = 64 * 2**10
"""Largest file of a secret: a chain of PEM keys fits, a disk image by mistake does not."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SYNTAX = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the file and the environment.

    Args:
        path: the TOML file; None for the one that ``STREAM_CONFIG`` names, or for none at all.

    Raises:
        ConfigError: the file cannot be read, or something in it or in the environment is wrong.
    """
    if path is None and environ.get("STREAM_CONFIG"):
        path = Path(environ["STREAM_CONFIG"])
    if path is None:
        return loads("", environ, where="environment")
    try:
        # A byte order mark is what some editors call UTF-8.
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _error(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise _error(f"{path}: not a text in UTF-8") from None
    except OSError as error:
        raise _error(f"{path}: cannot be read: {error.strerror}") from None
    return loads(text, environ, where=str(path))


def loads(text: str, environ: Mapping[str, str], *, where: str = "stream.toml") -> Settings:
    """Read a TOML text and the environment.

    Args:
        where: what to call the text in a message.

    Raises:
        ConfigError: something in the text or in the environment is wrong.
    """
    data = _parse(text, where)
    origins = _overlay(data, environ)
    try:
        context = {"secret": partial(_secret, environ), "tls": server_context}
        return Settings.model_validate(data, context=context)
    except ValidationError as error:
        line = describe(error, data, origins, where)
    # Outside the handler, so that pydantic's error does not travel along with its details.
    raise ConfigError(line)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the TOML file, for editors."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return schema | Settings.model_json_schema() | {"title": "stream.toml"}


def _error(message: str) -> ConfigError:
    return ConfigError(one_line(message))


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _error(f"{where}: nested too deeply") from None
    except ValueError as error:
        message = str(error)
    found = _SYNTAX.fullmatch(message)
    place = f"line {found['line']}, column {found['column']}: " if found else ""
    what = found["what"] if found else message
    raise _error(f"{where}: {place}{what[:1].lower()}{what[1:]}")


def _overlay(data: dict[str, Any], environ: Mapping[str, str]) -> Origins:
    """Put the values of ``STREAM_<TABLE>__<KEY>`` variables into the data; say which they are."""
    origins: dict[tuple[str, ...], str] = {}
    for variable in sorted(environ):
        # Without a level it is no setting: STREAM_CONFIG, or a secret such as STREAM_JWT_KEY.
        if not variable.startswith(PREFIX) or LEVEL not in variable:
            continue
        *tables, key = variable.removeprefix(PREFIX).split(LEVEL)
        if not all((*tables, key)):
            raise _error(f"{variable}: expected {PREFIX}<TABLE>{LEVEL}<KEY>")
        if tables[0].lower() not in Settings.model_fields:
            raise _error(_no_table(variable, tables[0].lower()))
        path: list[str] = []
        table = data
        for part in tables:
            path.append(_spelled(part, table))
            table = table.setdefault(path[-1], {})
            if not isinstance(table, dict):
                raise _error(f"{variable}: {'.'.join(path)} is no table")
        path.append(_spelled(key, table))
        table[path[-1]] = _value(environ[variable])
        origins[tuple(path)] = variable
    return origins


def _no_table(variable: str, table: str) -> str:
    return f"{variable}: no table {table!r}{did_you_mean(table, Settings.model_fields)}"


def _spelled(part: str, table: Mapping[str, Any]) -> str:
    """The key as the table spells it: variables are in capitals, keys mostly are not."""
    same = (key for key in table if key.lower() == part.lower())
    return next(same, part.lower())


def _value(text: str) -> object:
    """The TOML value that the text is, or else the text itself."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    value = parsed.pop("value")
    is_value = not parsed and isinstance(value, str | int | float | list | dict)
    return value if is_value else text


def _secret(environ: Mapping[str, str], holder: Holder, name: str) -> SecretStr:
    """Read a secret; the ValueError says what is wrong and never repeats what was read."""
    if holder == "file":
        return SecretStr(_file_secret(name))
    if not _VARIABLE.fullmatch(name):
        raise ValueError("expected the name of an environment variable, not the secret itself")
    if name not in environ:
        raise ValueError(f"the environment variable {name} is not set")
    if not environ[name].strip():
        raise ValueError(f"the environment variable {name} is empty")
    return SecretStr(environ[name])


def _file_secret(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            read = file.read(SECRET_BYTES + 1)
    except FileNotFoundError:
        raise ValueError(f"the file {name} does not exist") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not the name of a file"
        raise ValueError(f"the file {name} cannot be read: {reason}") from None
    if len(read) > SECRET_BYTES:
        raise ValueError(f"the file {name} is larger than {SECRET_BYTES // 1024} KiB")
    # Editors end a file with a line break that is no part of the secret.
    text = read.decode("utf-8", "replace").rstrip("\r\n")
    if not text.strip() or "\ufffd" in text:
        raise ValueError(f"the file {name} is {'empty' if not text.strip() else 'no UTF-8 text'}")
    return text
