"""The listening socket: what the connections it accepts inherit."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator

import pytest

from stream.server import SEND_BUFFER_BYTES, listen, tcp_options, url_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems inherit otherwise")


@contextlib.contextmanager
def accepted() -> Iterator[socket.socket]:
    """A connection that a listening socket of ours has accepted."""
    with listen("127.0.0.1", 0, lag_timeout_s=7.5) as listener:
        with socket.create_connection(listener.getsockname()):
            listener.setblocking(True)
            connection, _ = listener.accept()
            with connection:
                yield connection


@linux
@pytest.mark.parametrize(("name", "value"), sorted(tcp_options(7.5).items()))
def test_an_accepted_connection_has_every_option_of_tcp(name: str, value: int) -> None:
    with accepted() as connection:
        assert connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value


@linux
def test_an_accepted_connection_is_kept_alive_and_its_buffer_is_small() -> None:
    with accepted() as connection:
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        # Linux doubles what it is asked for, to have room for its own records.
        kept = connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        assert SEND_BUFFER_BYTES <= kept <= 2 * SEND_BUFFER_BYTES


def test_the_options_are_those_of_the_design() -> None:
    assert tcp_options(20) == {
        "TCP_USER_TIMEOUT": 20_000,
        "TCP_NOTSENT_LOWAT": 16 * 1024,
        "TCP_NODELAY": 1,
        "TCP_KEEPIDLE": 30,
        "TCP_KEEPINTVL": 10,
        "TCP_KEEPCNT": 3,
    }


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")]
)
def test_the_url_is_one_that_can_be_opened(host: str, shown: str) -> None:
    with listen(host, 0, lag_timeout_s=1) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://{shown}:{port}"
        assert url_of(listener, has_tls=True) == f"https://{shown}:{port}"
