"""Texts with placeholders: channel patterns such as ``user:{id}``, and the addresses they fill.

Pure. It must not let a value change the shape of an address: values are checked and encoded here.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast
from urllib.parse import quote

from stream.model import is_channel_name

MAX_VALUE: Final = 128
"""Longest parameter or key, in characters: as long as a channel name."""
MAX_RULE: Final = 200
"""Longest regular expression of a rule, in characters: one line that can be read."""
KEYS: Final = "keys"
"""The placeholder that belongs to keys on demand, so no parameter may have this name."""

KeysForm: TypeAlias = Literal["{keys}", "{keys[0]}", "{keys[1:]}", "{keys[json]}"]

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,31})\}")
_KEYS_PLACEHOLDER = re.compile(r"\{keys(?:\[(?:0|1:|json)\])?\}")
_INT = re.compile(r"0|-?[1-9][0-9]{0,17}")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BadParameter(ValueError):
    """A channel fits a pattern but one of its parameters is not allowed."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}, got {value[:MAX_VALUE]!r}")
        self.name = name
        self.value = value
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Rule:
    """What a parameter or a key may be.

    Attributes:
        pattern: must match the whole value.
        expected: the rule in words, to follow "expected".
    """

    pattern: re.Pattern[str]
    expected: str

    @classmethod
    def of(cls, rule: str | Sequence[str]) -> Rule:
        """Read ``"int"``, ``"word"``, a list of values, or a regular expression.

        Raises:
            ValueError: the list is empty, or the expression is too long or no expression.
        """
        if rule == "int":
            return cls(_INT, "a whole number")
        if rule == "word":
            return cls(_WORD, "1 to 64 letters, digits, _ or -")
        if not isinstance(rule, str):
            return cls(*_one_of(rule))
        if len(rule) > MAX_RULE:
            raise ValueError(f"expected a regular expression of at most {MAX_RULE} characters")
        try:
            with warnings.catch_warnings():
                # Python warns where an expression may change its meaning in a later version.
                warnings.simplefilter("error")
                return cls(re.compile(rule), f"text matching {rule}")
        except (re.error, RecursionError, OverflowError, Warning) as error:
            raise ValueError(f"not a regular expression: {error}") from None

    def accepts(self, value: str) -> bool:
        """Whether the value is allowed; an empty, unprintable or too long one never is."""
        # Dots alone would climb the path of an address, and percent-encoding does not stop that.
        usable = value.strip(".") != "" and len(value) <= MAX_VALUE and value.isprintable()
        return usable and self.pattern.fullmatch(value) is not None


def _one_of(values: Sequence[str]) -> tuple[re.Pattern[str], str]:
    if not values or not all(values):
        raise ValueError("expected at least one value, and none of them empty")
    shown = ", ".join(values[:10]) + (", …" if len(values) > 10 else "")
    return re.compile("|".join(map(re.escape, values))), f"one of {shown}"


class Template:
    """A text with ``{name}`` placeholders; ``{keys…}`` is left for KeysTemplate."""

    __slots__ = ("names", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        found = dict.fromkeys(_PLACEHOLDER.findall(text))
        self.names: tuple[str, ...] = tuple(name for name in found if name != KEYS)

    def fill(self, values: Mapping[str, str]) -> str:
        """The text as part of an address: every value percent-encoded, no character safe.

        Raises:
            KeyError: a name of the template has no value.
        """
        return self._put({name: quote(values[name], safe="") for name in self.names})

    def fill_text(self, values: Mapping[str, str]) -> str:
        """The text with the values as they are, for a query parameter that is encoded later.

        Raises:
            KeyError: a name of the template has no value.
        """
        return self._put({name: values[name] for name in self.names})

    def _put(self, values: Mapping[str, str]) -> str:
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), self.text)


class KeysTemplate:
    """A text with ``{keys}`` (all), ``{keys[0]}`` (the first), ``{keys[1:]}`` (the rest) or
    ``{keys[json]}`` (all, as a JSON list)."""

    __slots__ = ("forms", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        found = cast("list[KeysForm]", _KEYS_PLACEHOLDER.findall(text))
        self.forms: frozenset[KeysForm] = frozenset(found)

    def fill(self, keys: Sequence[str]) -> str:
        """The text as part of an address: every key percent-encoded, joined with commas.

        Raises:
            ValueError: there is no key.
        """
        listed = quote(_json_list(keys), safe="")
        return self._put([quote(key, safe="") for key in keys], listed)

    def fill_text(self, keys: Sequence[str]) -> str:
        """The text with the keys as they are, for a query parameter that is encoded later.

        Raises:
            ValueError: there is no key.
        """
        return self._put(keys, _json_list(keys))

    def _put(self, keys: Sequence[str], listed: str) -> str:
        if not keys:
            raise ValueError("expected at least one key")
        values = {
            "{keys}": ",".join(keys),
            "{keys[0]}": keys[0],
            "{keys[1:]}": ",".join(keys[1:]),
            "{keys[json]}": listed,
        }
        return _KEYS_PLACEHOLDER.sub(lambda found: values[found[0]], self.text)


def _json_list(keys: Sequence[str]) -> str:
    return json.dumps(list(keys), ensure_ascii=False, separators=(",", ":"))


class ChannelPattern:
    """The channels of a parametrised source: ``user:{id}`` stands for ``user:1``, ``user:2``, …

    Args:
        text: a channel name with at least one placeholder.
        match: for every placeholder, what it may be (see Rule.of).

    Raises:
        ValueError: the text is no such pattern, or ``match`` does not name its placeholders.
    """

    __slots__ = ("_rules", "_shape", "names", "shape", "text")

    def __init__(self, text: str, match: Mapping[str, str | Sequence[str]]) -> None:
        self.text = text
        self.names = Template(text).names
        self.shape = _PLACEHOLDER.sub("{}", text)
        """The fixed parts; two patterns with one shape could not be told apart."""
        self._check(match)
        self._rules = {name: Rule.of(match[name]) for name in self.names}
        self._shape = re.compile(
            "".join(
                f"(?P<{part}>.+?)" if i % 2 else re.escape(part)
                for i, part in enumerate(_PLACEHOLDER.split(text))
            )
        )

    def _check(self, match: Mapping[str, object]) -> None:
        if not is_channel_template(self.text):
            raise ValueError(f"{self.text!r} is no channel name")
        if not self.names:
            raise ValueError(f"the channel {self.text!r} has no placeholder")
        if self.shape.count("{}") != len(self.names):
            raise ValueError("a placeholder may stand only once")
        if "{}{}" in self.shape:
            raise ValueError("two placeholders need a character between them")
        if set(match) != set(self.names):
            raise ValueError(f"expected a rule for exactly: {', '.join(self.names)}")

    def match(self, channel: str) -> dict[str, str] | None:
        """The parameters of the channel, or None where it is not of this pattern.

        Of two placeholders the first takes as little as it can.

        Raises:
            BadParameter: the fixed parts fit, but a parameter is not allowed.
        """
        found = self._shape.fullmatch(channel) if is_channel_name(channel) else None
        if found is None:
            return None
        values = found.groupdict()
        for name, rule in self._rules.items():
            if not rule.accepts(values[name]):
                raise BadParameter(name, values[name], rule.expected)
        return values


def is_channel_template(text: str) -> bool:
    """Whether the text is a channel name, or would be one with its placeholders filled."""
    return f"{{{KEYS}}}" not in text and is_channel_name(_PLACEHOLDER.sub("x", text))


def has_stray_brace(text: str) -> bool:
    """Whether the text has a ``{`` or ``}`` that belongs to no placeholder."""
    rest = _PLACEHOLDER.sub("", _KEYS_PLACEHOLDER.sub("", text))
    return "{" in rest or "}" in rest
