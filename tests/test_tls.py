"""What is wrong with a certificate or its key, in one line; tests/live speaks TLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from stream import config
from stream.errors import ConfigError
from stream.tls import server_context
from tests.certificates import Certified, certify, locked_key


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certify(tmp_path_factory.mktemp("tls"))


def mistake(toml: str) -> str:
    with pytest.raises(ConfigError) as caught:
        config.loads(f"[server]\n{toml}", {})
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_certificate_and_its_key_are_taken(files: Certified) -> None:
    settings = config.loads(f"[server]\n{files.toml}", {})
    assert (settings.server.tls_cert, settings.server.tls_key) == (files.cert, files.key)
    context = server_context(files.cert, files.key)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_one_without_the_other_is_a_mistake(files: Certified) -> None:
    assert mistake(f'tls_cert = "{files.cert}"\n').endswith('cert.pem": needs tls_key beside it')
    assert mistake(f'tls_key = "{files.key}"\n').endswith('key.pem": needs tls_cert beside it')


def _nothing(path: Path) -> None:
    """No file at all."""


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (_nothing, "does not exist"),
        (Path.mkdir, "cannot be read: Is a directory"),
        (Path.touch, "holds no {what} in PEM"),
        (lambda path: path.write_bytes(b"\x30\x82\x01\x0a\x00" * 9), "holds no {what} in PEM"),
        (
            lambda path: path.write_text(
                "-----BEGIN {0}-----\nAAAA\n-----END {0}-----\n".format(
                    "CERTIFICATE" if path.name == "cert" else "PRIVATE KEY"
                )
            ),
            "cannot be read as PEM",
        ),
    ],
)
@pytest.mark.parametrize("which", ["cert", "key"])
def test_a_file_that_cannot_be_used_is_named(
    which: str, write: Callable[[Path], object], why: str, files: Certified, tmp_path: Path
) -> None:
    bad = tmp_path / which
    write(bad)
    cert, key = (bad, files.key) if which == "cert" else (files.cert, bad)
    message = mistake(f'tls_cert = "{cert}"\ntls_key = "{key}"\n')
    assert message.startswith("stream.toml: [server] tls_")
    assert str(bad) in message
    assert why.format(what="certificate" if which == "cert" else "private key") in message


def test_a_key_of_another_certificate_and_one_with_a_password_are_refused(
    files: Certified, tmp_path: Path
) -> None:
    other = certify(tmp_path)
    message = mistake(f'tls_cert = "{files.cert}"\ntls_key = "{other.key}"\n')
    assert f"the key is not that of the certificate {files.cert}" in message
    locked_key(tmp_path / "locked.pem")
    message = mistake(f'tls_cert = "{files.cert}"\ntls_key = "{tmp_path / "locked.pem"}"\n')
    assert "a key with a password cannot be used" in message


def test_a_variable_is_named_where_it_is_the_mistake(files: Certified) -> None:
    environ = {"STREAM_SERVER__TLS_KEY": "/nowhere/key.pem"}
    with pytest.raises(ConfigError, match="^STREAM_SERVER__TLS_KEY.*: the file .* does not exist"):
        config.loads(f'[server]\ntls_cert = "{files.cert}"\n', environ)
