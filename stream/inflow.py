"""Into one channel: what its sources read becomes changes, how they do becomes its status."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from stream.channel import Channel
from stream.diff import diff, same
from stream.errors import ClientError
from stream.hub import Hub
from stream.identity import Keyed
from stream.merge import Contribution, Merge, retained
from stream.model import Change, Cursor, Fault, Item, Key, SourceState, Status

THREAD_ITEMS: Final = 2000
"""Collections from this size on are compared in a thread: 2 ms of the loop (measured)."""

_WORST_FIRST = (
    SourceState.FAILING,
    SourceState.LIMITED,
    SourceState.STALE,
    SourceState.WAITING,
    SourceState.PAUSED,
    SourceState.OK,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a channel holds, at this seq, and what it should hold.

    Attributes:
        key: the field that carries the key in what it should hold.
        plain: no boolean stands on either side.
        rekeyed: that is another field than before, so that everything is new.
    """

    seq: int
    before: Mapping[Key, Item]
    after: Mapping[Key, Item]
    key: str
    rekeyed: bool
    ignore: frozenset[str]
    tolerance: Mapping[str, float]
    plain: bool = False

    def run(self) -> Change:
        """The change that leads from the one to the other. Touches nothing but its own."""
        before: Mapping[Key, Item] = {} if self.rekeyed else self.before
        change = diff(
            before,
            self.after,
            ignore=self.ignore,
            tolerance=self.tolerance,
            plain=self.plain,
        )
        if not self.rekeyed:
            return change
        gone = tuple(name for name in self.before if name not in self.after)
        return Change(change.put, change.patch, gone)


class Inflow:
    """The one writer of one channel.

    Args:
        hub: where changes go.
        channel: the channel fed.
        sources: its sources, in the order of the configuration.
        retain: most items kept.
        ignore: fields whose change alone is no change.
        tolerance: field → numeric change that is no change.
    """

    def __init__(
        self,
        hub: Hub,
        channel: Channel,
        sources: Iterable[Contribution],
        *,
        retain: int | None,
        ignore: frozenset[str] = frozenset(),
        tolerance: Mapping[str, float] | None = None,
    ) -> None:
        self.channel = channel
        self._hub = hub
        self._merge = Merge(sources, retain=retain, sort=channel.sort)
        self._ignore = ignore
        self._tolerance = tolerance or {}
        self._seq = channel.state.seq
        self._is_shared = False
        self._statuses: dict[str, Status] = {name: Status() for name in self._merge.sources}

    def held(self, source: str) -> Keyed | None:
        """The source's last answer, where it took nearly all away and is held until the next."""
        return self._merge.sources[source].held

    def removals(self, source: str) -> int:
        """How many items that answer would take away; 0 where none is held."""
        return self._merge.sources[source].removals

    async def take(self, source: str, keyed: Keyed) -> bool:
        """Publish what changed with this answer of a source.

        A large collection is compared in a thread, so that nobody else waits for it. Should
        something else have been published meanwhile, that comparison is worth nothing.

        Returns:
            Whether anything changed.
        """
        if not self._merge.take(source, keyed):
            return False
        comparison = self._comparison()
        if len(comparison.after) < THREAD_ITEMS:
            change = comparison.run()
        else:
            change = await asyncio.to_thread(comparison.run)
            if comparison.seq != self.channel.state.seq:
                comparison = self._comparison()
                change = comparison.run()
        if change:
            at = self._statuses[source].as_of
            self._seq = self._hub.publish(self.channel, change, key=comparison.key, at=at).seq
        return bool(change)

    def _comparison(self) -> Comparison:
        # What others have published here, by POST, may hold anything.
        self._is_shared = self._is_shared or self.channel.state.seq != self._seq
        after = self._merge.items()
        key = self._merge.key or self.channel.key
        return Comparison(
            self.channel.state.seq,
            {name: entry.item for name, entry in self.channel.state.entries.items()},
            after,
            key,
            rekeyed=key != self.channel.key and bool(after),
            ignore=self._ignore,
            tolerance=self._tolerance,
            plain=self._merge.plain and not self._is_shared,
        )

    def set_status(self, source: str, status: Status) -> None:
        """Take the status of one source; the channel's is the worst of them."""
        self._statuses[source] = status
        if len(self._statuses) == 1:
            self._hub.set_status(self.channel, status)
            return
        worst = min(self._statuses.items(), key=lambda row: _WORST_FIRST.index(row[1].state))
        name, found = worst
        error = found.error
        if error is not None:
            error = Fault(error.kind, f"{name}: {error.message}")
        reads = [s.as_of for s in self._statuses.values() if s.as_of is not None]
        polls = [s.next_poll for s in self._statuses.values() if s.next_poll is not None]
        next_poll = found.next_poll if found.state is not SourceState.OK else None
        merged = Status(
            found.state,
            found.since,
            max(reads, default=None),
            next_poll if next_poll is not None else min(polls, default=None),
            error,
        )
        self._hub.set_status(self.channel, merged)


class Prepared(NamedTuple):
    """A publication's change, and the field that carries the key after it."""

    change: Change
    key: str


class Push:
    """The writer of a push channel.

    Args:
        hub: where changes go.
        channel: the channel fed.
        retain: most items kept, the oldest arrivals pushed out.
    """

    def __init__(self, hub: Hub, channel: Channel, *, retain: int) -> None:
        self.channel = channel
        self._hub = hub
        self._retain = retain

    def publish(
        self, put: Keyed | None, patch: Mapping[Key, Item], delete: Iterable[Key]
    ) -> Cursor:
        """Publish; what is already so is no change.

        Raises:
            ClientError: as ``prepare``.
        """
        return self.commit(self.prepare(put, patch, delete))

    def commit(self, prepared: Prepared) -> Cursor:
        """Publish what was prepared, before anything else has happened to the channel."""
        if prepared.change:
            return self._hub.publish(self.channel, prepared.change, key=prepared.key)
        return Cursor(self._hub.epoch, self.channel.state.seq)

    def prepare(
        self, put: Keyed | None, patch: Mapping[Key, Item], delete: Iterable[Key]
    ) -> Prepared:
        """The change that a publication comes to; nothing happens yet.

        Raises:
            ClientError: ``unknown_key``: a patch names an item that is not there.
        """
        state = self.channel.state
        puts = dict(put.items) if put is not None else {}
        key = put.key if put is not None and puts else self.channel.key
        before = {k: state.entries[k].item for k in puts if k in state.entries}
        change = diff(before, puts)
        patches = dict(change.patch)
        for name, fields in patch.items():
            if name not in state.entries:
                raise ClientError("unknown_key", f"no item {str(name)[:64]!r} to patch")
            now = state.entries[name].item
            patches[name] = {f: v for f, v in fields.items() if f not in now or not same(now[f], v)}
        patches = {name: fields for name, fields in patches.items() if fields}
        deletes = [k for k in dict.fromkeys(delete) if k in state.entries]
        deletes += self._pushed_out(change.put, deletes)
        return Prepared(Change(change.put, patches, tuple(deletes)), key)

    def _pushed_out(self, put: Mapping[Key, Item], deletes: list[Key]) -> list[Key]:
        held = {k: e.item for k, e in self.channel.state.entries.items() if k not in deletes}
        excess = len(held.keys() | put.keys()) - self._retain
        if excess <= 0:
            return []
        if self.channel.sort is None:
            return [k for k in held if k not in put][:excess]
        kept = retained({**held, **put}, retain=self._retain, sort=self.channel.sort)
        return [k for k in held if k not in kept and k not in put]
