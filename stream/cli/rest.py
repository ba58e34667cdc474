"""One request to a service and its answer, for commands that ask and end. It follows nothing."""

from __future__ import annotations

import functools
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any, Final

from stream import __version__
from stream.endpoint import Endpoint
from stream.errors import Refused, Unreachable
from stream.link import decoded, problem_of, reason_of

TIMEOUT_S: Final = 40.0
"""Longest silence: a cold channel's first read may take its time."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows what only asks. Of a POST urllib makes a GET, whose answer looks like success."""

    def redirect_request(self, req: urllib.request.Request, *rest: Any) -> Any:
        return None if req.data is not None else super().redirect_request(req, *rest)


@functools.cache
def _opener(scheme: str) -> urllib.request.OpenerDirector:
    """What sends requests. The system's certificates are read once, not for each of a thousand."""
    if scheme != "https":
        return urllib.request.build_opener(_Redirects)
    trust = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    return urllib.request.build_opener(_Redirects, trust)


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
            with _opener(request.type).open(request, timeout=TIMEOUT_S) as answer:
                data: bytes = answer.read()
                return data
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error.code, error.headers, error.read()) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None

    def ask_for(
        self,
        member: str,
        *path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """As `ask`; one member of the answer.

        Raises:
            Refused: there is none: something else answers there.
        """
        found = decoded(self.ask(*path, query=query, body=body, headers=headers))
        if member not in found:
            raise Refused(f"{self.place} answers, but not as a stream service does", status=200)
        return found[member]

    def _refusal(self, status: int, headers: Message, body: bytes) -> Refused:
        code, detail = problem_of(body)
        message = detail or f"{self.place} answered {status}, and not as a stream service does"
        if 300 <= status < 400:
            location = headers.get("Location", "")
            there = location.rpartition("/channels")[0] or location
            message = f"{self.place} leads to {there}; name that address instead"
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
