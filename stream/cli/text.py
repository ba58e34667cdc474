"""Updates as lines for eyes, written as the server writes `format=text`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stream.encode import Head
from stream.mirror import OK, ChannelStatus, Update
from stream.model import Item
from stream.text import text_line


class Speaker:
    """Says each thing once: after a restart of the service only what is different.

    Args:
        keys: the key field of channels that may tell none.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = keys
        self._known: set[str] = set()
        self._told: dict[str, tuple[str, str]] = {}

    def lines(self, update: Update) -> Iterator[str]:
        """The lines of an update: ``+`` new, ``~`` changed, ``-`` gone, ``!`` how it is doing."""
        key = update.key or self._keys.get(update.channel, "")
        as_of = None if update.as_of is None else update.as_of.timestamp()
        head = Head(update.channel, key, None, as_of, len(update.items))
        new = "" if update.kind == "snapshot" and update.channel not in self._known else "+ "
        self._known.add(update.channel)
        replaced = frozenset(update.changed)
        for item in update.put:
            yield _line("~ " if item.get(key) in replaced else new, head, item)
        for part in update.patch:
            yield _line("~ ", head, part)
        for gone in update.delete:
            yield text_line("- ", head, gone, {}).decode()
        status = update.status
        if (status.state, status.error) != self._told.get(update.channel, (OK.state, OK.error)):
            yield _status(update.channel, status)
        self._told[update.channel] = status.state, status.error


def _line(mark: str, head: Head, item: Item) -> str:
    key = item.get(head.key)
    return text_line(mark, head, key if isinstance(key, str | int) else "?", item).decode()


def _status(channel: str, status: ChannelStatus) -> str:
    clock = "--:--:--" if status.since is None else f"{status.since:%H:%M:%S}"
    reason = f": {status.error}" if status.error else ""
    return " ".join(f"! {clock} {channel} is {status.state}{reason}".split())
