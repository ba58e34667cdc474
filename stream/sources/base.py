"""What a source is: something that can be read. It must not know who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self, runtime_checkable

from stream.extract import Container, Extracted
from stream.identity import Keyed, KeyRule, identify
from stream.model import Item
from stream.schedule import Hints
from stream.sources.counted import uncounted


@dataclass(frozen=True, slots=True)
class PollState:
    """What a source is told when it is read.

    Attributes:
        keys: the keys somebody watches, for a source that reads keys on demand.
        polls: how many reads came before this one.
        count: to be told of requests before they are sent, see `Counted`. Who does not tell is
            counted afterwards, by `Poll.requests`.
    """

    keys: Sequence[str] = ()
    polls: int = 0
    count: Callable[[int], None] = field(default=uncounted, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Poll:
    """What one read brought.

    Attributes:
        keyed: the items by key; None = nothing changed since the last read.
        hints: what the upstream wishes for the next read.
        received_bytes: on the wire.
        not_modified: the upstream said so itself (304).
        requests: how many requests it took; each one counts for a quota.
    """

    keyed: Keyed | None
    hints: Hints = field(default_factory=Hints)
    received_bytes: int = 0
    not_modified: bool = False
    requests: int = 1

    @classmethod
    def of(cls, items: Iterable[Item], *, key: str | None = None) -> Self:
        """A read that brought these items.

        Raises:
            SourceError: no item has the key.
        """
        extracted = Extracted(list(items), None, Container.LIST)
        rule = KeyRule((key,) if key is not None else ())
        return cls(identify(extracted, rule))


class Source(Protocol):
    """Anything that can be read."""

    async def poll(self, state: PollState) -> Poll:
        """Read once.

        Raises:
            SourceError: the read failed; nothing of it is published.
        """
        ...


@runtime_checkable
class Closable(Protocol):
    """A source that holds something open between two reads."""

    async def aclose(self) -> None:
        """Let go of it; the next read opens it again."""
        ...


async def close(source: Source) -> None:
    """Let go of what the source holds open, if it is such a one."""
    if isinstance(source, Closable):
        await source.aclose()
