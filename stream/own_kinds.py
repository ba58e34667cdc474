"""Kinds of one's own: what other packages have registered as ``stream.sources``.

It only finds them; who makes a source of one is ``sources/factory.py``.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Final

GROUP: Final = "stream.sources"
"""The entry points' group: the name is the kind, the object makes a source."""


def own_kinds() -> dict[str, EntryPoint]:
    """The kinds that are installed, by name. Nothing of them is imported yet."""
    return {point.name: point for point in entry_points(group=GROUP)}
