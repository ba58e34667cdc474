"""What the pages say of presets, made from presets.toml so that it cannot say anything else.

``python -m stream.presetdoc docs/sources.md`` writes the overview between the markers of the page.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from stream.presets import KEY_ENV, PRESETS, SECRET_KEYS, Parameter, Preset
from stream.schedule import Pace
from stream.shape import SHAPES
from stream.units import format_duration, parse_duration

BEGIN: Final = "<!-- generated -->"
END: Final = "<!-- /generated -->"


def parameters() -> str:
    """The table of the keys that presets have beside those of kind http."""
    rows = [
        f"| `{kind}` | `{name}` | {_value(parameter)} | {_default(parameter)} | {parameter.about} |"
        for kind, preset in PRESETS.items()
        for name, parameter in preset.parameters.items()
    ]
    holders = [kind for kind, preset in PRESETS.items() if preset.secret is not None]
    usual = ", ".join(f"`{kind}`" for kind in holders)
    rows += [
        f"| {usual} | `{name}` | text | {'see sources.md' if name == KEY_ENV else '–'} | {about} |"
        for name, about in SECRET_KEYS.items()
    ]
    head = ["| kind | key | value | default | meaning |", "| --- | --- | --- | --- | --- |"]
    return "\n".join(["### `[sources.<name>]` of a preset's kind", "", *head, *rows, ""])


def overview() -> str:
    """The table of all presets: what each needs, how often it is read, what it delivers."""
    head = [
        "| kind | what | needs | read every | free plan | items | kept |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows = []
    for kind, preset in PRESETS.items():
        source = preset.source
        rows.append(
            f"| `{kind}` | {preset.about} | {_needs(preset)} | {sustainable(preset)} "
            f"| {_quota(preset)} | {_items(preset)} "
            f"| {'a window' if source.get('removal') == 'window' else 'as listed'} |"
        )
    return "\n".join([*head, *rows])


def update(page: str) -> str:
    """The page with its generated part made anew.

    Raises:
        ValueError: the page has no markers.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"expected the markers {BEGIN} and {END}")
    return f"{head}{BEGIN}\n\n{overview()}\n\n{END}{tail}"


def sustainable(preset: Preset) -> str:
    """The interval that the free plan allows all day, for a request of cost 1 where it varies."""
    quota = preset.source.get("quota", {})
    every_s = parse_duration(preset.source["every"])
    return format_duration(Pace(every_s, quota.get("per_day"), quota.get("cost", 1)).interval_s)


def _needs(preset: Preset) -> str:
    words = [f"`{name}`" for name, each in preset.parameters.items() if each.required]
    words += [" or ".join(f"`{name}`" for name in preset.one_of)] if preset.one_of else []
    secret = preset.secret
    if secret is not None:
        where = "bearer token" if secret.bearer else "header" if secret.header else "query"
        words.append(f"`{secret.env}` ({where}{', optional' if secret.optional else ''})")
    return ", ".join(words) or "–"


def _quota(preset: Preset) -> str:
    quota = preset.source.get("quota")
    if quota is None:
        return "–"
    cost = f"; {quota['cost']} a read" if "cost" in quota else ""
    cost = f"; 1 for each of `{preset.cost_per}`" if preset.cost_per else cost
    return f"{quota['per_day']} a day{cost}"


def _items(preset: Preset) -> str:
    shape = preset.source.get("shape")
    extra = ", ".join(f"`{name}`" for name in preset.extra)
    if shape not in SHAPES:
        return "as they are"
    return f"{shape}, and {extra}" if extra else str(shape)


def _value(parameter: Parameter) -> str:
    if not isinstance(parameter.allow, str):
        return " or ".join(f'`"{each}"`' for each in parameter.allow)
    kind = "number" if parameter.allow == "int" else "text"
    return f"{kind} or list" if parameter.list else kind


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return "required"
    return f'`"{parameter.default}"`' if parameter.default is not None else "–"


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.write_text(update(place.read_text(encoding="utf-8")), encoding="utf-8")
