"""Who may read or publish what: tokens and origins. Pure: it is told the time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from stream.errors import ClientError

LEEWAY_S: Final = 30
"""How far clocks may be apart (reliability promise on token expiry)."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a caller may do.

    Attributes:
        read, publish: channel patterns, ``*`` for any run of characters.
        expires_at: Unix seconds; None for never.
    """

    read: tuple[str, ...] = ("*",)
    publish: tuple[str, ...] = ("*",)
    expires_at: float | None = None

    def may_read(self, channel: str) -> bool:
        """Whether the channel may be read."""
        return matches(channel, self.read)

    def may_publish(self, channel: str) -> bool:
        """Whether the channel may be published to."""
        return matches(channel, self.publish)


def matches(channel: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns covers the channel."""
    return any(_as_regex(pattern).fullmatch(channel) for pattern in patterns)


def _as_regex(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))


class Access:
    """The door policy.

    Args:
        key: the secret or public key tokens are signed with; None = everybody may do everything.
        algorithms: the only ones accepted.
        audience: what ``aud`` must hold.
        anonymous: channel patterns readable without a token.
        origins: page origins allowed beside the service's own.
    """

    def __init__(
        self,
        *,
        key: str | None,
        algorithms: Sequence[str] = (),
        audience: str | None = None,
        anonymous: Sequence[str] = (),
        origins: Iterable[str] = (),
    ) -> None:
        self._key = key
        self._algorithms = list(algorithms)
        self._audience = audience
        self._anonymous = tuple(anonymous)
        self._origins = {origin_of(origin) for origin in origins}

    def grant(self, token: str | None, now: float) -> Grant:
        """What the bearer of this token may do.

        Raises:
            ClientError: ``bad_token``, 401. The answer does not say what is wrong with it.
        """
        if self._key is None:
            return Grant()
        if token is None:
            return Grant(self._anonymous, ())
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=self._algorithms,
                audience=self._audience,
                options={"require": ["exp"], "verify_exp": False, "verify_nbf": False},
            )
            expires_at, not_before = float(claims["exp"]), float(claims.get("nbf", 0))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise _bad_token() from None
        if not (not_before - LEEWAY_S <= now < expires_at + LEEWAY_S):
            raise _bad_token()
        return Grant(_patterns(claims, "read"), _patterns(claims, "publish"), expires_at)

    def check_read(self, grant: Grant, channels: Iterable[str], *, has_token: bool) -> None:
        """Refuse a channel that may not be read.

        Raises:
            ClientError: ``unauthorized`` 401 without a token, ``forbidden`` 403 with one.
        """
        for channel in channels:
            if not grant.may_read(channel):
                raise _refused(channel, "read", has_token=has_token)

    def check_publish(self, grant: Grant, channel: str, *, has_token: bool) -> None:
        """Refuse a publication that is not allowed.

        Raises:
            ClientError: as ``check_read``.
        """
        if not grant.may_publish(channel):
            raise _refused(channel, "publish to", has_token=has_token)

    def check_origin(self, origin: str | None, own: str) -> None:
        """Refuse a page of another site; programs, which send no Origin, are let in.

        Args:
            own: scheme and host the request came to, e.g. ``http://desk.example:8000``.

        Raises:
            ClientError: ``bad_origin``, 403.
        """
        if origin is None:
            return
        found = origin_of(origin)
        if found is None or (found != origin_of(own) and found not in self._origins):
            raise ClientError(
                "bad_origin",
                f"pages of {origin[:128]!r} may not connect; list it in [server] origins",
                status=403,
            )

    def allows_origin(self, origin: str) -> bool:
        """Whether the origin is one of those listed, for CORS."""
        return origin_of(origin) in self._origins


def origin_of(text: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an origin; None where it is none. ``ws`` counts as ``http``."""
    try:
        parts = urlsplit(text.lower())
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or port is None or "@" in parts.netloc or parts.path.strip("/"):
        return None
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return scheme, parts.hostname, port


def _patterns(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = claims.get(name, ())
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        return ()
    return tuple(value)


def _bad_token() -> ClientError:
    return ClientError("bad_token", "the token is not valid, or no longer", status=401)


def _refused(channel: str, verb: str, *, has_token: bool) -> ClientError:
    shown = channel[:128]
    if has_token:
        return ClientError("forbidden", f"the token may not {verb} {shown!r}", status=403)
    return ClientError("unauthorized", f"a token is needed to {verb} {shown!r}", status=401)
