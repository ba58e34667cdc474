"""Presets: ``kind = "newsapi"`` and a few words become the whole table of a source of kind http.

What a preset is stands in presets.toml; here is only how it is filled in. It validates what a user
wrote for a preset's own keys; the table that it makes is validated like any other.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from pydantic import ValidationInfo

from stream.fields import Count, MatchRule, Mistake, Table
from stream.secret import reveal
from stream.template import Rule, Template

_Values: TypeAlias = dict[str, "_Value"]

KEY_ENV: Final = "key_env"
KEY_FILE: Final = "key_file"
SECRET_KEYS: Final = {
    KEY_ENV: "The environment variable that holds the preset's key, if not the usual one.",
    KEY_FILE: "The file that holds the preset's key.",
}
"""Keys of every preset that needs a secret, and what they mean."""
_CARRIERS: Final = ("query", "header", "bearer_env", "bearer_file", "basic_env", "basic_file")
_SHAPING: Final = ("shape", "convert")


class Secret(Table):
    """How a preset's request carries its secret.

    Attributes:
        env: the usual environment variable.
        optional: the upstream answers without one, too.
    """

    env: str
    query: str | None = None
    header: str | None = None
    bearer: bool = False
    optional: bool = False

    def auth(self, holder: str, name: str) -> dict[str, str]:
        """The table ``auth`` for the secret in this ``env`` or ``file``."""
        if self.bearer:
            return {f"bearer_{holder}": name}
        carrier = {"header": self.header} if self.header else {"query": str(self.query)}
        return {**carrier, holder: name}


class Parameter(Table):
    """A key of a preset that is not one of kind http.

    Attributes:
        allow: what a value may be, see `Rule.of`.
        list: there may be several values.
        each: what one of them is called, where a channel's placeholder gives it.
        fixed: it stands where no placeholder of the channel may.
        keys: it may be left to the keys that are watched: how many fit in one request.
        excludes: parameters that cannot stand beside it.
        url, params: what is asked instead, or in addition, where it has a value.
    """

    about: str
    allow: MatchRule
    default: str | None = None
    example: str | None = None
    required: bool = False
    list: bool = False
    each: str | None = None
    fixed: bool = False
    keys: Count | None = None
    excludes: tuple[str, ...] = ()
    url: str | None = None
    params: dict[str, str] = {}


class Preset(Table):
    """One preset.

    Attributes:
        about: what it reads, in a few words.
        source: the table of kind http, with parameters in its texts.
        one_of: parameters of which one is needed.
        cost_per: the parameter each of whose values costs one call.
        extra: fields of its items beside those of the common shape.
    """

    about: str
    source: dict[str, Any]
    parameters: dict[str, Parameter] = {}
    secret: Secret | None = None
    one_of: tuple[str, ...] = ()
    cost_per: str | None = None
    extra: tuple[str, ...] = ()

    @property
    def own_keys(self) -> list[str]:
        """The keys that it has beside those of kind http."""
        return [*self.parameters, *(SECRET_KEYS if self.secret is not None else ())]


def _load() -> dict[str, Preset]:
    text = files("stream").joinpath("presets.toml").read_text(encoding="utf-8")
    return {name: Preset.model_validate(table) for name, table in tomllib.loads(text).items()}


PRESETS: Final[Mapping[str, Preset]] = _load()
"""Every preset by its name."""


def add_own_keys(schema: dict[str, Any]) -> None:
    """Put the keys that presets have beside those of kind http into a JSON Schema."""
    schema["required"] = [name for name in schema["required"] if name != "url"]
    for preset in PRESETS.values():
        for name, parameter in preset.parameters.items():
            several = [{"type": "array", "items": {"type": "string"}}] if parameter.list else []
            kinds = [{"type": "string"}, {"type": "integer"}, *several]
            schema["properties"].setdefault(name, {"anyOf": kinds, "description": parameter.about})
    for name, meaning in SECRET_KEYS.items():
        schema["properties"][name] = {"type": "string", "description": meaning}


def expand(table: Mapping[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """The table of kind http that a preset's table stands for; its ``kind`` stays.

    Args:
        table: as the user wrote it, with a ``kind`` that is a preset.
        info: of the validation under way, to look whether the secret is there.

    Raises:
        Mistake: a parameter is missing or wrong, or there is no secret.
    """
    preset = PRESETS[table["kind"]]
    values = _values(preset, table)
    own = {name: value for name, value in table.items() if name not in preset.own_keys}
    made = _filled(preset, values)
    if "select" in own:
        # Whoever selects for himself gets what he selected.
        for name in _SHAPING:
            made.pop(name, None)
    if auth := _auth(preset, table, info):
        made["auth"] = auth
        own.pop("auth", None)
    made |= _on_demand(preset, table)
    _match(preset, table, values, made)
    for name, value in own.items():
        both = isinstance(value, dict) and isinstance(made.get(name), dict)
        made[name] = made[name] | value if both else value
    _price(preset, values, made)
    return made


class _Value:
    """What stands for one parameter: texts, a placeholder of the channel, or the watched keys."""

    def __init__(self, parameter: Parameter, texts: Sequence[str], *, on_demand: bool = False):
        self._is_list = parameter.list
        self.texts = tuple(texts)
        self.on_demand = on_demand

    def written(self, form: str, *, in_url: bool) -> str:
        """The value in one of its forms: as it is, ``[0]``, ``[1:]`` or ``[json]``."""
        if self.on_demand:
            return f"{{keys{form if self._is_list else '[0]'}}}"
        if form == "[json]":
            text = json.dumps(self.texts, ensure_ascii=False, separators=(",", ":"))
            return quote(text, safe="{}") if in_url else text
        taken = {"[0]": self.texts[:1], "[1:]": self.texts[1:]}.get(form, self.texts)
        return ",".join(quote(text, safe="/:{}") if in_url else text for text in taken)


def _values(preset: Preset, table: Mapping[str, Any]) -> _Values:
    """What each parameter stands for; one without a value is left out."""
    given: _Values = {}
    for name, parameter in preset.parameters.items():
        if name in table:
            given[name] = _Value(parameter, _checked(name, parameter, table[name]))
        elif hole := _hole(name, parameter, table):
            if parameter.fixed:
                raise Mistake(name, f"it cannot come from the channel's name; write {name} here")
            given[name] = _Value(parameter, [f"{{{hole}}}"])
        elif parameter.keys is not None and "keys" in table:
            given[name] = _Value(parameter, (), on_demand=True)
    for name in given:
        for other in preset.parameters[name].excludes:
            if other in given:
                raise Mistake(name, f"{table['kind']} takes {name} or {other}, not both")
    for name, parameter in preset.parameters.items():
        barred = any(other in given for other in parameter.excludes)
        if name not in given and parameter.default is not None and not barred:
            given[name] = _Value(parameter, [parameter.default])
    _check_needed(preset, table, given)
    return given


def _check_needed(preset: Preset, table: Mapping[str, Any], given: _Values) -> None:
    kind = table["kind"]
    for name, parameter in preset.parameters.items():
        if parameter.required and name not in given:
            raise Mistake(name, f"{kind} needs {name}, such as {name} = {parameter.example}")
    if preset.one_of and not any(name in given for name in preset.one_of):
        name = preset.one_of[0]
        example = f"{name} = {preset.parameters[name].example}"
        raise Mistake(name, f"{kind} needs {' or '.join(preset.one_of)}, such as {example}")


def _hole(name: str, parameter: Parameter, table: Mapping[str, Any]) -> str | None:
    """The placeholder of the channel's name that gives the parameter its value."""
    holes = Template(str(table.get("channel", ""))).names
    return next((hole for hole in (name, parameter.each) if hole in holes), None)


def _checked(name: str, parameter: Parameter, value: object) -> list[str]:
    """The values written for a parameter, as texts."""
    rule = Rule.of(parameter.allow)
    several = value if isinstance(value, list) else [value]
    if isinstance(value, list) and not (parameter.list and value):
        expected = "a list of at least one value" if parameter.list else "one value, not a list"
        raise Mistake(name, f"expected {expected}")
    texts = [str(each) if type(each) is int else each for each in several]
    for text in texts:
        if not isinstance(text, str):
            raise Mistake(name, f"expected {rule.expected}")
        # What a placeholder may stand for is said in match.
        if not rule.accepts(text) and not Template(text).names:
            raise Mistake(name, f"expected {rule.expected}")
        if parameter.fixed and Template(text).names:
            raise Mistake(name, "a placeholder may not stand here")
    return [str(text) for text in texts]


def _filled(preset: Preset, values: _Values) -> dict[str, Any]:
    """The preset's table with the parameters put into its texts."""
    source = dict(preset.source)
    params = dict(source.get("params", {}))
    for name in values:
        parameter = preset.parameters[name]
        source["url"] = parameter.url or source["url"]
        params |= parameter.params
    made = {name: _put(text, preset, values, name == "url") for name, text in source.items()}
    filled = {name: _put(text, preset, values, False) for name, text in params.items()}
    # A parameter without a value is not sent.
    made["params"] = {name: text for name, text in filled.items() if text}
    return made


def _put(part: Any, preset: Preset, values: _Values, in_url: bool) -> Any:
    if isinstance(part, dict):
        return {name: _put(each, preset, values, False) for name, each in part.items()}
    if not isinstance(part, str) or not preset.parameters:
        return part
    names = "|".join(map(re.escape, preset.parameters))

    def written(found: re.Match[str]) -> str:
        value = values.get(found[1])
        return value.written(found[2], in_url=in_url) if value is not None else ""

    return re.sub(rf"\{{({names})((?:\[(?:0|1:|json)\])?)\}}", written, part)


def _on_demand(preset: Preset, table: Mapping[str, Any]) -> dict[str, Any]:
    """The table ``keys``, where the user asks for one."""
    if "keys" not in table:
        return {}
    for parameter in preset.parameters.values():
        if parameter.keys is not None:
            return {"keys": {"max": parameter.keys, "allow": parameter.allow}}
    if "url" not in table:
        raise Mistake("keys", f"{table['kind']} cannot read keys on demand")
    return {}


def _match(preset: Preset, table: Mapping[str, Any], values: _Values, made: dict[str, Any]) -> None:
    """What the placeholders of the channel may be, where they stand for parameters."""
    holes = Template(str(table.get("channel", ""))).names
    rules = {}
    for name, value in values.items():
        for hole in holes:
            if value.texts == (f"{{{hole}}}",):
                rules[hole] = preset.parameters[name].allow
    if rules:
        made["match"] = rules


def _auth(preset: Preset, table: Mapping[str, Any], info: ValidationInfo) -> Any:
    """The table ``auth``; None where there is nothing to say."""
    secret, written = preset.secret, table.get("auth", {})
    if secret is None or not isinstance(written, dict) or set(_CARRIERS) & set(written):
        return table.get("auth")
    named: dict[tuple[str, ...], Any] = {
        ("auth", holder): written[holder] for holder in ("env", "file") if holder in written
    }
    named |= {(key,): table[key] for key in SECRET_KEYS if key in table}
    if len(named) > 1:
        raise Mistake(next(iter(named)), "the key is named twice")
    if not named and secret.optional:
        return table.get("auth")
    path, name = next(iter(named.items()), ((KEY_ENV,), secret.env))
    if not isinstance(name, str):
        raise Mistake(path, "expected a text in quotes")
    try:
        reveal(info, path[-1], name)
    except Mistake as error:
        why = str(error) if named else f"{table['kind']} needs a key: {error}"
        raise Mistake(path, why) from None
    rest = {key: value for key, value in written.items() if key != path[-1]}
    return secret.auth("file" if path[-1].endswith("file") else "env", name) | rest


def _price(preset: Preset, values: _Values, made: dict[str, Any]) -> None:
    """What one read costs of the day's quota."""
    quota = made.get("quota")
    if preset.cost_per is None or not isinstance(quota, dict) or "cost" in quota:
        return
    value = values[preset.cost_per]
    keys = made.get("keys")
    most = keys.get("max", 1) if isinstance(keys, dict) else 1
    cost = most if value.on_demand else len(value.texts)
    per_day = quota.get("per_day")
    if isinstance(per_day, int) and isinstance(cost, int) and cost > per_day:
        raise Mistake(
            "keys" if value.on_demand else preset.cost_per,
            f"one read costs {cost} calls, but the day has {per_day}; a plan that allows more is "
            "named with quota.per_day",
        )
    made["quota"] = quota | {"cost": cost}
