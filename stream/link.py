"""One WebSocket after another to the same place: opened, lost, opened again where it was.

It knows cursors and when to give up, not what messages mean: a message goes to whoever `take`s it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn, TypeAlias

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    SecurityError,
)
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.http11 import Response

from stream import __version__
from stream.backoff import Backoff
from stream.endpoint import Endpoint, sendable
from stream.errors import Close, Ended, Refused, Unreachable
from stream.mirror import Body, Diverged

log = logging.getLogger("stream.link")

OPEN_S: Final = 10.0
"""Longest that a handshake may take."""
PING_S: Final = 10.0
"""A link that is silent is asked after so long, and taken for dead when as much again passes."""
CLOSE_S: Final = 1.0
"""Longest that the server's goodbye is waited for."""
MOST_BYTES: Final = 256 * 2**20
"""Longest message: a snapshot is one message, and channels are held in memory on both sides."""
BUSY_S: Final = 1.0
"""Least wait after "try later" without a hint of when."""
_ERRNO: Final = re.compile(r"\[Errno ([0-9]+)\]")
_BUSY: Final = frozenset({408, 425, 429})
_FINAL_CLOSES: Final = frozenset({Close.POLICY, Close.TOO_BIG, Close.NO_SUCH_CHANNEL})
_WAITING_CLOSES: Final = frozenset({Close.RESTART, Close.TRY_LATER})

Token: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A token, or a function, also an async one, that is asked for one before each attempt."""
Take: TypeAlias = Callable[[str, Body], Awaitable[bool]]
"""Takes a message as it came and decoded; tells whether it was about a channel's items. Raises
Diverged where everything must be asked for again."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """How a link is.

    Attributes:
        word: ``waiting``: for the next attempt.
        wait_s: until the next attempt.
        why: why it is not open, in a few words.
    """

    word: Literal["connecting", "live", "waiting"]
    wait_s: float = 0.0
    why: str = ""


class Link:
    """The channels of one subscription.

    Args:
        query: the parameters of the URL, but ``since`` and ``token``.
        token: a JWT, or what gives one for each attempt; sent as a header, so it stands in no URL.
        tls: for ``https``; None for the system's certificates.
        since: the cursor to resume from.
        is_patient: wait for a server that was never reached, too.
        draw: spreads the waits; a number of 0 to 1, a new one each time.
        tell: is told each change of state.

    Attributes:
        cursor: everything up to here has been taken, on all channels.

    Raises:
        ValueError: the channels or the token cannot be asked with.
    """

    def __init__(
        self,
        place: Endpoint,
        channels: Iterable[str],
        query: Mapping[str, str],
        *,
        token: Token | None,
        tls: ssl.SSLContext | None,
        since: str | None,
        is_patient: bool,
        draw: Callable[[], float],
        tell: Callable[[LinkState], None],
    ) -> None:
        self._place = place
        self._channels = tuple(channels)
        self._query = dict(query)
        place.stream(self._channels, self._query)
        self._token = sendable(token) if isinstance(token, str) else token
        self._tls = {"ssl": tls} if tls is not None and place.base.startswith("https") else {}
        self.cursor = since
        self._is_patient = is_patient
        self._backoff = Backoff(draw)
        self._tell = tell
        self._awaited: set[str] = set()
        self._hint_s: float | None = None
        self._was_told_to_go = False

    async def run(self, take: Take) -> NoReturn:
        """Hand on every message, over as many connections as it takes.

        Raises:
            LinkError: it is over for good. What `take` raises ends it, too, Diverged aside.
        """
        while True:
            self._hint_s, self._was_told_to_go = None, False
            self._tell(LinkState("connecting"))
            why = await self._one(take)
            wait_s = self._backoff.next_s(self._hint_s)
            self._tell(LinkState("waiting", wait_s, why))
            log.info("link lost place=%s why=%r wait_s=%.2f", self._place, why, wait_s)
            await asyncio.sleep(wait_s)

    async def _one(self, take: Take) -> str:
        """One connection, from its opening to its end; returns why it ended."""
        try:
            headers = await self._credentials()
        except OSError as error:
            return reason_of(error)
        try:
            connection = await self._dial(headers)
        except InvalidStatus as error:
            return self._refused(error.response)
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"{self._place}: {error.verify_message}") from None
        except (InvalidURI, SecurityError) as error:
            raise Unreachable(
                f"{self._place} leads to where no WebSocket can be: {error}"
            ) from None
        except (OSError, EOFError, InvalidHandshake) as error:
            why = reason_of(error)
            if not self._is_patient:
                raise Unreachable(f"{self._place} cannot be reached: {why}") from None
            return why
        self._is_patient = True
        self._awaited = set(self._channels)
        self._tell(LinkState("live"))
        loop = asyncio.get_running_loop()
        opened_at = loop.time()
        try:
            async with connection:
                return await self._listen(connection, take)
        finally:
            self._backoff.lived(loop.time() - opened_at)

    async def _credentials(self) -> dict[str, str]:
        """The headers that say who asks.

        Raises:
            ValueError: the token cannot be asked with.
            TimeoutError: there was none in time. What else its function raises, too.
        """
        if self._token is None:
            return {}
        token = self._token if isinstance(self._token, str) else self._token()
        if not isinstance(token, str):
            try:
                async with asyncio.timeout(OPEN_S):
                    token = await token
            except TimeoutError:
                raise TimeoutError("there was no token in time") from None
        return {"Authorization": f"Bearer {sendable(token)}"}

    async def _dial(self, headers: Mapping[str, str]) -> ClientConnection:
        query = self._query | ({} if self.cursor is None else {"since": self.cursor})
        tls: dict[str, Any] = self._tls
        try:
            return await connect(
                self._place.stream(self._channels, query),
                additional_headers=headers,
                user_agent_header=f"stream/{__version__} (client)",
                # Without context takeover the server makes a frame once for all, else for each.
                compression=None,
                extensions=[
                    ClientPerMessageDeflateFactory(
                        server_no_context_takeover=True, client_no_context_takeover=True
                    )
                ],
                open_timeout=OPEN_S,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                close_timeout=CLOSE_S,
                max_size=MOST_BYTES,
                **tls,
            )
        except InvalidProxy as error:  # its own text would repeat the password
            raise Unreachable(f"{self._place}: the proxy cannot be used: {error.msg}") from None
        except ImportError as error:  # what a kind of proxy needs
            raise Unreachable(f"{self._place}: {error}") from None

    async def _listen(self, connection: ClientConnection, take: Take) -> str:
        try:
            while True:
                message = await connection.recv()
                if isinstance(message, str):  # the protocol has no other
                    await self._hear(message, take)
        except Diverged as error:
            log.warning("copy differs place=%s what=%s: asking for everything", self._place, error)
            self.cursor = None
            return "the copy differed from the server's"
        except ConnectionClosed as error:
            close = error.rcvd or error.sent
            return self._closed(close.code, close.reason) if close else "the connection broke"

    async def _hear(self, text: str, take: Take) -> None:
        message = decoded(text)
        is_first = await take(text, message)
        if message.get("type") == "bye":
            self._was_told_to_go = True
            retry_ms = message.get("retry_ms")
            if isinstance(retry_ms, int | float):
                self._hint_s = retry_ms / 1000
        if is_first:
            self._awaited.discard(message.get("channel", ""))
        if not self._awaited and isinstance(cursor := message.get("cursor"), str):
            self.cursor = cursor

    def _closed(self, code: int, reason: str) -> str:
        is_renewable = callable(self._token) and "token expired" in reason
        is_final = code in _FINAL_CLOSES and not is_renewable
        if is_final or (code == Close.DONE and not self._was_told_to_go):
            raise Ended(code, reason)
        if code in _WAITING_CLOSES and self._hint_s is None:
            self._hint_s = BUSY_S
        return f"{reason or 'closed'} ({code})"

    def _refused(self, response: Response) -> str:
        status = response.status_code
        code, message = problem_of(bytes(response.body or b""))
        if status < 500 and status not in _BUSY:
            words = message or f"{self._place} answered {status}, and not as a stream service does"
            raise Refused(words, status=status, code=code)
        after = response.headers.get("Retry-After", "")
        self._hint_s = float(after) if after.isascii() and after.isdigit() else None
        return f"{message or 'the server answered'} ({status})"


def decoded(text: str | bytes) -> Body:
    """The message; empty where it is no JSON object, so that nobody takes it for one."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}


def problem_of(body: bytes) -> tuple[str, str]:
    """The code and the sentence of an ``application/problem+json``; empty where it is none."""
    try:
        problem = orjson.loads(body)
        return str(problem.get("code", "")), str(problem.get("detail", ""))
    except (ValueError, AttributeError):
        return "", ""


def reason_of(error: BaseException) -> str:
    """Why nothing was reached, in the system's words."""
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "what answers speaks no TLS; http instead of https?"
    # Of several addresses that were tried, asyncio only tells the numbers within its text.
    number = _ERRNO.search(str(error))
    if isinstance(error, OSError) and number is not None:
        return os.strerror(int(number[1]))
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
