"""Where a service is, as people write it → the addresses of its doors. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from stream.model import Key, is_channel_name

_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_PATH: Final = "/%:@!$&'()*+,;=~"
"""What may stand in a path as it is, what is escaped already included."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A service.

    Attributes:
        base: ``http`` or ``https``, host, port and the path it is mounted under, no slash at the
            end.
    """

    base: str

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read ``http(s)://…``, ``ws(s)://…`` or ``host:port``, each with a path or without.

        Raises:
            ValueError: it is none of these.
        """
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")
            scheme = _SCHEMES[parts.scheme]
            netloc = _netloc(parts)
        except (KeyError, ValueError):
            shown = "something with a user in it" if "@" in text else repr(text[:128])
            raise ValueError(f"expected http://host:port, got {shown}") from None
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("a URL here ends with the path, and names no user; show a token")
        return cls(f"{scheme}://{netloc}{quote(parts.path.rstrip('/'), safe=_PATH)}")

    def __str__(self) -> str:
        return self.base

    def http(self, *path: str, query: Mapping[str, str] | None = None) -> str:
        """The address of a request; each part of the path is one segment, whatever is in it."""
        where = "".join(f"/{quote(part, safe=':')}" for part in path)
        return f"{self.base}{where}{_query(query or {})}"

    def stream(self, channels: Iterable[str], query: Mapping[str, str]) -> str:
        """The address of a WebSocket with these channels.

        Raises:
            ValueError: no channel, or what cannot be the name of one.
        """
        names = tuple(dict.fromkeys(channels))
        for name in names:
            if not is_channel_name(name):
                raise ValueError(f"{name[:128]!r} cannot be the name of a channel")
        if not names:
            raise ValueError("no channel is named")
        return f"{self.base.replace('http', 'ws', 1)}/ws/{','.join(names)}{_query(query)}"


def _netloc(parts: SplitResult) -> str:
    """Host and port, as they stand in a request.

    Raises:
        ValueError: the one cannot be a host's name, or the other no port.
    """
    host, port = parts.hostname or "", parts.port
    if not host or not host.isprintable() or " " in host:
        raise ValueError(host)
    name = f"[{host}]" if ":" in host else host.encode("idna").decode()
    return name if port is None else f"{name}:{port}"


def sendable(token: str) -> str:
    """The token, if a header can hold it.

    Raises:
        ValueError: it cannot. The message does not repeat it.
    """
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the token holds what no token can hold: a line break, perhaps?")
    return token


def _query(members: Mapping[str, str]) -> str:
    return f"?{urlencode(members, safe=',:', quote_via=quote)}" if members else ""


def view_query(
    *,
    fields: Iterable[str] | None = None,
    keys: Iterable[Key] | None = None,
    where: str | None = None,
    max_rate: float | None = None,
) -> dict[str, str]:
    """What to see of channels, as the parameters of a URL; what is None is left out.

    Raises:
        ValueError: a field or key with a comma, which the protocol has no way to say.
    """
    query: dict[str, str] = {}
    for name, values in (("fields", fields), ("keys", keys)):
        if values is None:
            continue
        words = [values] if isinstance(values, str) else [str(value) for value in values]
        if any("," in word for word in words) and not isinstance(values, str):
            raise ValueError(f"{name}: one with a comma cannot be asked for")
        query[name] = ",".join(words)
    if where is not None:
        query["where"] = where
    if max_rate is not None:
        query["max_rate"] = format(max_rate, "g")
    return query
