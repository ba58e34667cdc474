"""How a fetch speaks TLS, whom it believes, and what it says where it cannot."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from stream.errors import SourceError
from stream.fetch import Fetcher, Request
from tests.fetching import OK, fault, head, loopback, secretive, self_signed
from tests.upstream import RawUpstream, Upstream


async def test_plain_http_where_tls_is_expected_is_a_tls_error(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    error = await fault(fetcher, secretive(upstream.url("/q").replace("http:", "https:")))
    assert error.kind == "tls"
    assert f"127.0.0.1:{upstream.port}" in error.message


async def test_a_certificate_nobody_vouches_for_is_a_tls_error(
    fetcher: Fetcher, tmp_path: Path
) -> None:
    server_tls, _ = self_signed(tmp_path)
    async with RawUpstream(tls=server_tls) as raw:
        raw.set("/q", OK)
        error = await fault(fetcher, secretive(raw.url("/q")))
    assert error.kind == "tls"
    assert "self-signed certificate" in error.message
    assert raw.heads("/q") == []


async def test_a_certificate_of_ones_own_may_be_trusted(tmp_path: Path) -> None:
    server_tls, client_tls = self_signed(tmp_path)
    fetcher = Fetcher(user_agent="stream", tls=client_tls)
    async with RawUpstream(tls=server_tls) as raw:
        raw.set("/q", OK)
        assert (await fetcher.get(Request(raw.url("/q")))).body == b"[]"
    await fetcher.aclose()


async def test_authorities_that_the_environment_names_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_tls, _ = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    fetcher = Fetcher(user_agent="stream")
    async with RawUpstream(tls=server_tls) as raw:
        raw.set("/q", OK)
        assert (await fetcher.get(Request(raw.url("/q")))).body == b"[]"
    await fetcher.aclose()


@pytest.mark.parametrize("dot", ["", "."])
async def test_a_certificate_must_be_for_the_name_of_the_url_which_is_told_in_the_handshake(
    tmp_path: Path, dot: str
) -> None:
    server_tls, client_tls = self_signed(tmp_path, "api.example")
    told: list[str | None] = []
    server_tls.sni_callback = lambda _, name, __: told.append(name)
    fetcher = Fetcher(user_agent="stream", tls=client_tls, resolve=loopback)
    async with RawUpstream(tls=server_tls) as raw:
        raw.set("/q", OK)
        for host in ("api", "evil"):
            url = f"https://{host}.example{dot}:{raw.port}/q"
            if host == "api":
                assert (await fetcher.get(Request(url))).body == b"[]"
                continue
            error = await fault(fetcher, secretive(url))
            assert error.kind == "tls"
            assert "not valid for 'evil.example'" in error.message
        assert len(raw.heads("/q")) == 1
    assert told == ["api.example", "evil.example"]
    await fetcher.aclose()


async def test_a_certificate_that_has_expired_is_named_so(tmp_path: Path) -> None:
    server_tls, client_tls = self_signed(tmp_path, is_expired=True)
    fetcher = Fetcher(user_agent="stream", tls=client_tls)
    async with RawUpstream(tls=server_tls) as raw:
        error = await fault(fetcher, secretive(raw.url("/q")))
    assert error.kind == "tls"
    assert error.message.endswith("is not trusted: certificate has expired")
    await fetcher.aclose()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_wants_a_certificate_of_ours_says_so(tmp_path: Path, version: ssl.TLSVersion) -> None:
    server_tls, client_tls = self_signed(tmp_path)
    server_tls.verify_mode, server_tls.maximum_version = ssl.CERT_REQUIRED, version

    def refuse(listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        accepted.settimeout(10)
        with accepted, pytest.raises(ssl.SSLError, match="DID_NOT_RETURN"):
            server_tls.wrap_socket(accepted, server_side=True)
        # What still comes would be answered by a reset, which might overtake the refusal.
        with contextlib.suppress(OSError):
            accepted.recv(65_536)

    async def ask() -> SourceError:
        fetcher = Fetcher(user_agent="stream", tls=client_tls)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            refusing = asyncio.create_task(asyncio.to_thread(refuse, listener))
            url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
            error = await fault(fetcher, secretive(url))
            await refusing
        await fetcher.aclose()
        return error

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        error = runner.run(ask())
    assert error.kind == "tls"
    assert re.search("alert (handshake failure|certificate required)$", error.message)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("length", ["", "Content-Length: 9"])
def test_tls_that_ends_without_a_goodbye_ends_an_answer_only_where_it_has_no_length(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop], length: str
) -> None:
    server_tls, client_tls = self_signed(tmp_path)

    def answer(listener: socket.socket) -> None:
        listener.settimeout(10)
        accepted, _ = listener.accept()
        accepted.settimeout(10)
        with server_tls.wrap_socket(accepted, server_side=True) as peer:  # its end says no goodbye
            peer.recv(65_536)
            peer.sendall(head(*filter(None, [length])) + b"[1]")

    async def ask() -> bytes | None:
        fetcher = Fetcher(user_agent="stream", tls=client_tls)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            answering = asyncio.create_task(asyncio.to_thread(answer, listener))
            try:
                url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
                return (await fetcher.get(Request(url))).body
            finally:
                await answering
                await fetcher.aclose()

    with asyncio.Runner(loop_factory=loop) as runner:
        if not length:
            assert runner.run(ask()) == b"[1]"
            return
        with pytest.raises(SourceError, match="broke off"):
            runner.run(ask())


async def test_a_handshake_broken_off_is_a_tls_error(fetcher: Fetcher) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await fault(fetcher, secretive(f"https://127.0.0.1:{port}/"))
    assert error.kind == "tls"
    assert f"127.0.0.1:{port}" in error.message
