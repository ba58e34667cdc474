"""A client of the protocol that believes what it is told and nothing else."""

from __future__ import annotations

import json
from typing import cast

from stream.encode import Message
from stream.model import Item, Json
from tests.apply import merged, patched


class Reader:
    """A client that believes what it is told and nothing else."""

    def __init__(self) -> None:
        self.states: dict[str, dict[str, Json]] = {}
        self.cursor: str | None = None

    def read(self, message: Message) -> None:
        body = cast("dict[str, Json]", json.loads(message.data))
        assert message.event == body["type"]
        assert message.cursor == body.get("cursor")
        if message.cursor is None:
            return
        name = cast("str", body["channel"])
        self.states[name] = self._applied(self.states.get(name, {}), body)
        self.cursor = message.cursor
        if "count" in body:
            assert len(self.states[name]) == body["count"]

    @staticmethod
    def _applied(state: dict[str, Json], body: dict[str, Json]) -> dict[str, Json]:
        if body["type"] == "snapshot":
            if "doc" in body:
                return cast("dict[str, Json]", body["doc"])
            items = cast("list[dict[str, Json]]", body["items"])
            return {str(item[cast("str", body["key"])]): item for item in items}
        if "merge" in body:
            return cast("dict[str, Json]", merged(state, body["merge"]))
        if "ops" in body:
            ops = cast("list[dict[str, Json]]", body["ops"])
            return cast("dict[str, Json]", patched(state, ops))
        state = dict(state)
        for item in cast("list[dict[str, Json]]", body.get("put", [])):
            state[str(item["k"])] = item
        for fields in cast("list[dict[str, Json]]", body.get("patch", [])):
            state[str(fields["k"])] = cast("Item", state[str(fields["k"])]) | fields
        for key in cast("list[Json]", body.get("del", [])):
            state.pop(str(key), None)
        return state
