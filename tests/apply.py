"""Plain readers of patches: RFC 7396 and RFC 6902, strict, sharing no code with the product."""

from __future__ import annotations

import copy
from typing import cast

from stream.model import Json


def merged(target: Json, patch: Json) -> Json:
    """RFC 7396 §2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def patched(document: Json, operations: list[dict[str, Json]]) -> Json:
    """RFC 6902 ``add`` and ``remove`` inside objects.

    Raises:
        KeyError: a path whose parent, or whose target of a remove, is not there.
    """
    result = copy.deepcopy(document)
    for operation in operations:
        path = cast("str", operation["path"])
        assert path.startswith("/")
        *parents, name = (p.replace("~1", "/").replace("~0", "~") for p in path[1:].split("/"))
        place = result
        for parent in parents:
            assert isinstance(place, dict)
            place = place[parent]
        assert isinstance(place, dict)
        if operation["op"] == "add":
            place[name] = copy.deepcopy(operation["value"])
        else:
            assert operation["op"] == "remove"
            del place[name]
    return result


def pruned(value: Json) -> Json:
    """What a merge patch can express of a value: members that are null are not there."""
    if not isinstance(value, dict):
        return value
    return {name: pruned(member) for name, member in value.items() if member is not None}
