"""The Python client: channels of a service as updates to iterate over, and as copies to look at.

    async with connect("http://127.0.0.1:8000") as session:
        async for change in session.subscribe("quotes"):
            print(change.added, change.changed, change.removed, len(change.items))

It reconnects and resumes by itself, and it has no queue: who is slow gets fewer, larger updates.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Self

from stream.endpoint import Endpoint, view_query
from stream.errors import Ended, LinkError, Refused, Unreachable
from stream.link import Link, LinkState, Token
from stream.mirror import Body, ChannelStatus, Diverged, Mirror, Update
from stream.model import Cursor, Item, Key

__all__ = [
    "ChannelStatus",
    "Ended",
    "LinkError",
    "LinkState",
    "Refused",
    "Session",
    "Subscription",
    "Unreachable",
    "Update",
    "connect",
]


def connect(
    url: str,
    *,
    token: Token | None = None,
    tls: ssl.SSLContext | None = None,
    wait_for_server: bool = True,
    draw: Callable[[], float] = random.random,
) -> Session:
    """A session with a service; use it in ``async with``. Nothing is sent before a subscription.

    Args:
        url: ``http(s)://`` or ``ws(s)://``, with the path the service is mounted under.
        token: a JWT, or a function, also an async one, that gives one before each attempt: then a
            link whose token has expired is opened again with the next. An OSError of it is waited
            out, anything else that it raises ends the subscription.
        tls: certificates of your own; None for the system's.
        wait_for_server: try until the service is there. If False, a service that was never reached
            is Unreachable; one that was is always waited for.
        draw: spreads the waits between attempts; a number of 0 to 1, a new one each time.

    Raises:
        ValueError: the URL is none.
    """
    return Session(Endpoint.parse(url), token, tls, wait_for_server, draw)


class Session:
    """Where the service is and who asks; each subscription has a link of its own."""

    def __init__(
        self,
        place: Endpoint,
        token: Token | None,
        tls: ssl.SSLContext | None,
        is_patient: bool,
        draw: Callable[[], float],
    ) -> None:
        self._place = place
        self._token = token
        self._tls = tls
        self._is_patient = is_patient
        self._draw = draw
        self._subscriptions: list[Subscription] = []
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closed = True
        await asyncio.gather(*(each.aclose() for each in self._subscriptions))

    def subscribe(
        self,
        *channels: str,
        fields: Iterable[str] | None = None,
        keys: Iterable[Key] | None = None,
        where: str | None = None,
        max_rate: float | None = None,
        since: str | None = None,
        on_state: Callable[[LinkState], None] | None = None,
    ) -> Subscription:
        """Follow channels over one link; it begins at once and lasts until the session ends.

        Args:
            fields, keys, where: what to see of the channels (docs/protocol.md, section 4).
            max_rate: most rounds of messages a second, 0.01 to 100.
            since: a cursor to resume from, where you hold the items it stands for.
            on_state: is told when the link is lost or open again.

        Raises:
            ValueError: a name that cannot be one of a channel, or a field or key with a comma.
            RuntimeError: the session has ended, or no loop is running.
        """
        asyncio.get_running_loop()
        if self._is_closed:
            raise RuntimeError("the session has ended; connect again")
        subscription = Subscription(
            channels,
            Link(
                self._place,
                channels,
                view_query(fields=fields, keys=keys, where=where, max_rate=max_rate),
                token=self._token,
                tls=self._tls,
                since=since,
                is_patient=self._is_patient,
                draw=self._draw,
                tell=on_state or (lambda state: None),
            ),
            self._forget,
        )
        self._subscriptions.append(subscription)
        return subscription

    def _forget(self, subscription: Subscription) -> None:
        """A subscription was closed: what all have in common is no more for it to say."""
        if not self._is_closed:
            self._subscriptions.remove(subscription)

    @property
    def state(self) -> Mapping[str, Mapping[Key, Item]]:
        """The items of every channel; of one that is subscribed to twice, as seen last."""
        return {name: items for each in self._subscriptions for name, items in each.state.items()}

    @property
    def status(self) -> Mapping[str, ChannelStatus]:
        """How every channel is doing."""
        return {name: found for each in self._subscriptions for name, found in each.status.items()}

    @property
    def cursor(self) -> str | None:
        """A cursor that is good for all subscriptions: the oldest. None where one has none."""
        texts = [each.cursor for each in self._subscriptions]
        cursors = [Cursor.parse(text) for text in texts if text is not None]
        if len(cursors) < len(texts) or len({cursor.epoch for cursor in cursors}) != 1:
            return None
        return str(min(cursors, key=lambda cursor: cursor.seq))


class Subscription:
    """Updates of some channels, in the order in which the channels changed; iterate over it.

    Attributes:
        cursor: everything up to here has been given, or was held already (``since``); None until
            all channels have been.
    """

    def __init__(
        self, channels: Iterable[str], link: Link, forget: Callable[[Subscription], None]
    ) -> None:
        self._mirrors = {name: Mirror(name) for name in channels}
        self._link = link
        self._forget = forget
        self._is_closed = False
        self.cursor = link.cursor
        # What is to be given, the longest waiting first, and the link's cursor before it came.
        self._waiting: dict[str, str | None] = {}
        self._news = asyncio.Event()
        self._looked = asyncio.Event()
        self._task = asyncio.create_task(link.run(self._take))
        self._task.add_done_callback(lambda task: self._news.set())

    @property
    def state(self) -> Mapping[str, Mapping[Key, Item]]:
        """The items of each channel, as of the update that was given last."""
        return {name: MappingProxyType(each.items) for name, each in self._mirrors.items()}

    @property
    def status(self) -> Mapping[str, ChannelStatus]:
        """How each channel is doing."""
        return {name: each.status for name, each in self._mirrors.items()}

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Update:
        """The next update; waits until there is one.

        Raises:
            LinkError: the server said no, or ended it for good. All that came before was given.
            StopAsyncIteration: it was closed.
        """
        while not self._waiting:
            if self._task.done():
                self._finish()
            self._news.clear()
            await self._news.wait()
        name = next(iter(self._waiting))
        del self._waiting[name]
        # What waits was not given: the cursor stays before the first of it.
        self.cursor = next(iter(self._waiting.values()), self._link.cursor)
        self._looked.set()
        return self._mirrors[name].give(self.cursor)

    def _finish(self) -> None:
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error
        raise StopAsyncIteration

    async def _take(self, text: str, message: Body) -> bool:
        name = message.get("channel")
        mirror = self._mirrors.get(name) if isinstance(name, str) else None
        if mirror is None:
            return False
        before = self._link.cursor
        while not mirror.may_take:
            self._looked.clear()
            await self._looked.wait()
        try:
            is_first = mirror.take(message)
        except Diverged:
            self._waiting.pop(mirror.channel, None)
            raise
        if mirror.is_new:
            self._waiting.setdefault(mirror.channel, before)
            self._news.set()
        return is_first

    async def aclose(self) -> None:
        """End it; what was not given yet can still be taken."""
        if not self._is_closed:
            self._is_closed = True
            self._forget(self)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
