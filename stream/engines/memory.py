"""The order of changes within one process: a counter."""

from __future__ import annotations

from stream.model import Cursor


class MemoryEngine:
    """Numbers changes. One life of the process is one epoch.

    Args:
        epoch: the name of this life, ``[a-z0-9]{1,16}``; drawn by the caller.
    """

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.seq = 0

    @property
    def ready(self) -> bool:
        """Whether changes can be numbered now."""
        return True

    def number(self) -> Cursor:
        """The place of the next change."""
        self.seq += 1
        return Cursor(self.epoch, self.seq)
