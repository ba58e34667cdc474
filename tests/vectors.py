"""Random histories of a channel, told by the server's own code, for readers in other languages.

Each has its ``format`` and its ``steps``; a step has the ``messages`` as they are on the wire, and
the ``items`` that whoever applied them all holds then, as ``[key, item]`` pairs.
"""

from __future__ import annotations

import random
from typing import Any, Final

from stream.encode import Format
from stream.engines.memory import MemoryEngine
from stream.hub import Hub
from stream.model import Change, Cursor, Item, Json, Key, SourceState, Status
from stream.query import compile_query
from stream.subscriber import Subscriber
from stream.view import Spec
from tests.apply import pruned

FORMATS: Final = (Format.JSON, Format.MERGE_PATCH, Format.JSON_PATCH)
HISTORIES: Final = 12
STEPS: Final = 30
KEYS: Final[tuple[Key, ...]] = ("a", "b", "c/d~", "", "__proto__", 7, -1)
VALUES: Final[tuple[Json, ...]] = (0, 1.5, True, None, "x", "é\u2028", [], [None, {"m": 1}], {})
NESTED: Final[tuple[Json, ...]] = (
    {"m": None, "n": {"o": 1}},
    {"n": {"p": None}},
    {"__proto__": {"q": 1}},
    {"n": 2},
)
SPECS: Final = (
    Spec(),
    Spec(fields=("p", "constructor")),
    Spec(keys=frozenset({"a", "7", "c/d~"})),
    Spec(where=compile_query("n > 2")),
)


class History:
    """One channel, one reader with a bad connection, all by one seed."""

    def __init__(self, seed: int, form: Format) -> None:
        self.dice = random.Random(seed)
        self.form = form
        self.spec = SPECS[seed % len(SPECS)]
        self.hub = Hub(MemoryEngine("e1"), deletions=self.dice.choice((1, 3, 100)))
        self.channel = self.hub.open("one", sort="-n", kind="test")
        self.hub.publish(self.channel, Change(), key="k")
        self.cursor: str | None = None
        self.subscriber = self.connect()

    def connect(self) -> Subscriber:
        """Come, or come back with the cursor of the last message."""
        subscriber = self.hub.subscriber()
        since = None if self.cursor is None else Cursor.parse(self.cursor)
        subscriber.subscribe(self.channel, self.spec, self.form, since=since)
        return subscriber

    def item(self, key: Key) -> Item:
        """An item of random fields."""
        fields = [name for name in ("p", "constructor", "__proto__") if self.dice.random() < 0.7]
        item: Item = {"k": key, "n": self.dice.randint(0, 5)}
        return item | {name: self.dice.choice(VALUES + NESTED) for name in fields}

    def publish(self) -> None:
        """Put, patch and delete some items."""
        held = list(self.channel.state.entries)
        touched = self.dice.sample(KEYS, self.dice.randint(1, 4))
        put, patch, gone = {}, {}, []
        for key in touched:
            lot = self.dice.random()
            if key not in held or lot < 0.3:
                put[key] = self.item(key)
            elif lot < 0.7:
                patch[key] = {"p": self.dice.choice(VALUES + NESTED), "n": self.dice.randint(0, 5)}
            else:
                gone.append(key)
        self.hub.publish(self.channel, Change(put, patch, tuple(gone)))

    def step(self) -> dict[str, Any]:
        """Some changes, perhaps a lost link, and what the reader is told then."""
        for _ in range(self.dice.choice((0, 1, 1, 2, 4))):
            self.publish()
        if self.dice.random() < 0.1:
            state = self.dice.choice((SourceState.OK, SourceState.FAILING))
            self.hub.set_status(self.channel, Status(state, since=1.0))
        if self.dice.random() < 0.25:
            self.subscriber.close()
            self.subscriber = self.connect()
        messages = self.subscriber.take()
        for message in messages:
            self.cursor = message.cursor or self.cursor
        return {
            "messages": [message.data.decode() for message in messages],
            "items": self.items(),
        }

    def items(self) -> list[tuple[Key, Json]]:
        """What a reader of this format can know of the view."""
        shown: dict[Key, Json] = dict(self.subscriber.subscriptions["one"].view.items())
        if self.form is Format.JSON:
            return list(shown.items())
        is_merged = self.form is Format.MERGE_PATCH
        return [(str(k), pruned(item) if is_merged else item) for k, item in shown.items()]


def histories() -> list[dict[str, Any]]:
    """All of them; the same in every run."""
    found = []
    for form in FORMATS:
        for seed in range(HISTORIES):
            history = History(seed, form)
            steps = [history.step() for _ in range(STEPS)]
            found.append({"format": str(form), "steps": steps})
    return found
