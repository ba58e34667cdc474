"""The table ``[server]``: where to listen, how, and how to stop.

Shapes and checks only; the files of the certificate are tried by a function that is given.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
    model_validator,
)

from stream.fields import Mistake, Table, web_address
from stream.units import Seconds

TlsCheck: TypeAlias = Callable[[Path, Path], object]
"""Tries a certificate and its key. Raises Mistake. Given as ``context={"tls": …}``."""


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or text != f"{parts.scheme}://{parts.netloc}":
        raise ValueError('expected an origin such as "https://desk.example", with no path')
    # web_address looks at the port and refuses passwords.
    return web_address(text)


def _proxy(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError('expected an address or network such as "10.0.0.0/8"') from None
    return text


def _header_text(text: str) -> str:
    if not (text.isascii() and text.isprintable() and 0 < len(text) <= 200):
        raise ValueError("expected 1 to 200 printable ASCII characters")
    return text


class ServerSettings(Table):
    """Where to listen and how to stop."""

    host: Annotated[str, Field(min_length=1)] = Field(
        default="127.0.0.1",
        description="Address to listen on; this machine only, until you decide otherwise.",
    )
    port: Annotated[StrictInt, Field(ge=0, le=65_535)] = Field(
        default=8000, description="TCP port to listen on; 0 takes a free one."
    )
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        default=(),
        description="Web origins whose pages may connect, besides the page's own origin.",
    )
    trusted_proxies: tuple[Annotated[str, AfterValidator(_proxy)], ...] = Field(
        default=(), description="Addresses or networks whose `X-Forwarded-*` headers are believed."
    )
    drain: Annotated[Seconds, Field(le=600)] = Field(
        default=10.0,
        description="How long a stop may take: connections are told goodbye one by one, over four "
        "fifths of it at most; well under the 30 s after which supervisors kill.",
    )
    heartbeat: Annotated[Seconds, Field(ge=1, le=300)] = Field(
        default=15.0,
        description="Longest silence on a connection: half of what impatient proxies allow.",
    )
    contact: Annotated[str, AfterValidator(_header_text)] | None = Field(
        default=None,
        description="An address or URL for the User-Agent of our requests; some upstreams ask "
        "for one.",
    )
    state: Path | None = Field(
        default=None,
        description="File that keeps used quotas and next reads over a restart; without it a "
        "restart forgets them.",
    )
    tls_cert: Path | None = Field(
        default=None,
        description="File with the certificate and its chain in PEM: speak HTTPS; needs `tls_key`.",
    )
    tls_key: Path | None = Field(
        default=None,
        description="File with the private key of `tls_cert` in PEM, without a password.",
    )
    deflate: StrictBool = Field(
        default=False,
        description="Offer permessage-deflate on WebSockets: less traffic for more CPU; without "
        "context takeover, so that one compressed frame serves all.",
    )

    @model_validator(mode="after")
    def _check_tls(self, info: ValidationInfo) -> Self:
        """Try certificate and key, where whoever validates gives a function for it."""
        if self.tls_cert is None and self.tls_key is None:
            return self
        if self.tls_cert is None:
            raise Mistake("tls_key", "needs tls_cert beside it")
        if self.tls_key is None:
            raise Mistake("tls_cert", "needs tls_key beside it")
        check: TlsCheck | None = (info.context or {}).get("tls")
        if check is not None:
            check(self.tls_cert, self.tls_key)
        return self
