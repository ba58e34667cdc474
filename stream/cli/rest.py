"""One request to a service and its answer, for commands that ask and end. It follows nothing."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Final

from stream import __version__
from stream.endpoint import Endpoint
from stream.errors import Refused, Unreachable
from stream.link import problem_of, reason_of

TIMEOUT_S: Final = 40.0
"""Longest silence: a cold channel's first read may take its time."""


class Busy(Refused):
    """The service cannot now; the same request may be sent again.

    Args:
        after_s: when, if it said.
    """

    def __init__(self, message: str, *, status: int, code: str, after_s: float | None) -> None:
        super().__init__(message, status=status, code=code)
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks which service."""

    place: Endpoint
    token: str | None = None

    def ask(
        self,
        *path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Send a GET, or a POST where there is a body; the body of the answer.

        Raises:
            Refused: any status but 2xx, with the server's own words; Busy: it may be sent again.
            Unreachable: there was no answer.
        """
        request = urllib.request.Request(  # noqa: S310  (an Endpoint is http or https)
            self.place.http(*path, query=query),
            body,
            {"User-Agent": f"stream/{__version__} (client)", **(headers or {})},
        )
        if self.token is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                data: bytes = answer.read()
                return data
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error.code, error.headers, error.read()) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None

    def _refusal(self, status: int, headers: Message, body: bytes) -> Refused:
        code, detail = problem_of(body)
        message = detail or f"{self.place} answered {status}"
        if status in (408, 425, 429, 502, 503, 504):
            after = headers.get("Retry-After", "")
            after_s = float(after) if after.isascii() and after.isdigit() else None
            return Busy(message, status=status, code=code, after_s=after_s)
        return Refused(message, status=status, code=code)

    def _unreachable(self, error: Exception) -> Unreachable:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(why, ssl.SSLCertVerificationError):
            return Unreachable(f"{self.place}: {why.verify_message}")
        text = reason_of(why) if isinstance(why, BaseException) else str(why)
        return Unreachable(f"{self.place} cannot be reached: {text}")
