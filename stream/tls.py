"""A certificate and its key → what a listener needs to speak TLS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from stream.fields import Mistake

PEM_BYTES: Final = 2**20
"""Largest file of a certificate or key: a long chain fits, a disk image by mistake does not."""


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer, with the library's own choice of ciphers, for HTTP/1.1.

    Raises:
        Mistake: of the key ``tls_cert`` or ``tls_key``, where a file cannot be used. It never
            repeats what stands in the file.
    """
    _look("tls_cert", cert, b"-----BEGIN CERTIFICATE-----", "certificate")
    _look("tls_key", key, b"PRIVATE KEY-----", "private key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise Mistake("tls_key", f"the key is not that of the certificate {cert}") from None
        raise Mistake("tls_cert", f"{cert} and {key} cannot be read as PEM") from None
    return context


def _look(name: str, path: Path, mark: bytes, what: str) -> None:
    """A first look, for OpenSSL does not say which of the two files it does not like."""
    try:
        with path.open("rb") as file:
            text = file.read(PEM_BYTES)
    except FileNotFoundError:
        raise Mistake(name, f"the file {path} does not exist") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not the name of a file"
        raise Mistake(name, f"the file {path} cannot be read: {reason}") from None
    if mark not in text:
        raise Mistake(name, f"the file {path} holds no {what} in PEM")


def _no_password() -> str:
    # Without this OpenSSL would ask on the terminal, and a service would hang there.
    raise Mistake("tls_key", "a key with a password cannot be used; write it without one")
