"""What the tests of `stream.fetch` share: a secret to look for, answers in bytes, certificates."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stream.errors import SourceError
from stream.fetch import Fetcher, Request

HUSH = "hunter2-hunter2"
"""The secret of every request here. It must never be seen where it does not belong."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"


async def fault(fetcher: Fetcher, request: Request) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await fetcher.get(request)
    assert HUSH not in caught.value.message
    return caught.value


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


async def loopback(host: str, port: int) -> list[str]:
    """A resolver to which every name is this machine."""
    return ["127.0.0.1"]


def secretive(url: str, **more: float) -> Request:
    return Request(
        url,
        params={"fmt": "json"},
        secret_params={"api_token": HUSH},
        secret_headers={"X-Api-Key": HUSH, "Authorization": f"Bearer {HUSH}"},
        timeout_s=more.get("timeout_s", 15.0),
    )


def self_signed(
    directory: Path, *names: str, is_expired: bool = False
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with its own certificate for 127.0.0.1, and a client's that trusts it.

    Args:
        names: what it is for instead.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=7 if is_expired else 0)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    subjects: list[x509.GeneralName] = [*map(x509.DNSName, names)] or [address]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(subjects), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = directory / "certificate.pem"
    file.write_bytes(
        certificate.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=file)
