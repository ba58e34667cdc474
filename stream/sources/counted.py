"""A getter that tells of each request before it is sent, for quotas that must not be overdrawn."""

from __future__ import annotations

from collections.abc import Callable

from stream.errors import SourceError
from stream.exchange import Getter, Request, Response


def uncounted(requests: int) -> None:
    """Nobody counts."""


class Counted:
    """Answers as another getter does.

    Attributes:
        tell: told +1 before a request, and -1 where it was not sent after all; what it raises is
            raised instead of sending.
        sent: how many were.
    """

    def __init__(self, getter: Getter) -> None:
        self._getter = getter
        self.tell: Callable[[int], None] = uncounted
        self.sent = 0

    async def get(self, request: Request) -> Response:
        """Answer once, or raise SourceError."""
        self.tell(1)
        self.sent += 1
        try:
            return await self._getter.get(request)
        except SourceError as error:
            if not error.was_sent:
                self.sent -= 1
                self.tell(-1)
            raise
