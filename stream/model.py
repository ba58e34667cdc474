"""The nouns everybody shares: keys, items, cursors, changes, statuses.

Pure: no clock, no randomness, no I/O. Times are Unix seconds, given by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Item: TypeAlias = dict[str, Json]
"""One JSON object. Never changed in place once it is in a state: a patch makes a new one."""
Key: TypeAlias = str | int
"""What identifies an item in its channel; never a bool or a float."""

ADDED_KEY: Final = "_key"
"""The field the server adds where the source's items carry no key of their own."""
RANK: Final = "_rank"
"""The field that holds an item's place in the upstream's order, 1 for the first."""
VALUE: Final = "value"
"""The field that holds the scalar of a list of scalars."""

SAFE_INTEGER: Final = 2**53
"""Integers beyond this lose digits in JavaScript, so they are delivered as strings."""

_CHANNEL = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_EPOCH = re.compile(r"[a-z0-9]{1,16}")


def is_channel_name(text: str) -> bool:
    """Whether the text is a channel name of protocol.md §7."""
    return _CHANNEL.fullmatch(text) is not None


class Cursor(NamedTuple):
    """A place in one life (epoch) of the hub's sequence; written ``"<epoch>-<seq>"``."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor.

        Raises:
            ValueError: it is not of the form ``<epoch>-<seq>`` with 0 <= seq < 2^63.
        """
        epoch, dash, seq = text.partition("-")
        if not (dash and _EPOCH.fullmatch(epoch) and seq.isascii() and seq.isdigit()):
            raise ValueError(f"expected '<epoch>-<number>', got {text[:64]!r}")
        if len(seq) > 19 or int(seq) >= 2**63:
            raise ValueError(f"the number of the cursor is too large: {text[:64]!r}")
        return cls(epoch, int(seq))


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a keyed collection. A key stands in at most one of the three.

    Attributes:
        put: whole items to insert, or to replace the item with that key.
        patch: the top-level fields to assign onto the item with that key (without the key itself).
        delete: the keys to remove.
    """

    put: Mapping[Key, Item] = field(default_factory=dict)
    patch: Mapping[Key, Item] = field(default_factory=dict)
    delete: tuple[Key, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.put or self.patch or self.delete)

    def __len__(self) -> int:
        return len(self.put) + len(self.patch) + len(self.delete)


class SourceState(StrEnum):
    """How a source is doing, as subscribers are told (protocol.md §3)."""

    WAITING = "waiting"
    OK = "ok"
    STALE = "stale"
    FAILING = "failing"
    LIMITED = "limited"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a read failed: a word for programs and a sentence for people. Never holds a secret."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a source or of a channel, since when, and what comes next (Unix seconds)."""

    state: SourceState = SourceState.WAITING
    since: float = 0.0
    as_of: float | None = None
    next_poll: float | None = None
    error: Fault | None = None
