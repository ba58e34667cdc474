"""Dialling: what is resolved is checked, and what is checked is dialled."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stream.addresses import network
from stream.dialer import MAX_TRIED, Dialer, resolve
from stream.errors import SourceError
from stream.fetch import Fetcher, Request
from tests.fetching import OK, fault, head
from tests.upstream import RawUpstream, unused_port
from tests.waiting import until


class Names:
    """A resolver that answers as told: the answers of a name in turn, the last one for ever."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.asked: list[str] = []
        self._answers = {name.replace("_", "."): list(rows) for name, rows in answers.items()}

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        rows = self._answers.get(host, [host])
        row = rows.pop(0) if len(rows) > 1 else rows[0]
        return row.split()


class Trap:
    """A listener that nobody should connect to; it counts who does, and their bytes."""

    def __init__(self) -> None:
        self.connections = 0
        self.received = b""
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError):
            self.received += await reader.read(65_536)
        writer.close()


@pytest.fixture
async def trap() -> AsyncIterator[Trap]:
    trap = Trap()
    async with await asyncio.start_server(trap._serve, "127.0.0.1", 0) as server:
        trap.port = server.sockets[0].getsockname()[1]
        yield trap


def moved(to: str) -> bytes:
    return head(f"Location: {to}", "Content-Length: 0", status="302 Found")


@contextlib.asynccontextmanager
async def fetching(names: Names, allow: str = "") -> AsyncIterator[Fetcher]:
    networks = [network(text) for text in allow.split()]
    fetcher = Fetcher(user_agent="stream", allow=networks, resolve=names)
    yield fetcher
    await fetcher.aclose()


def configured(raw: RawUpstream, path: str = "/q") -> str:
    return f"http://feed.example:{raw.port}{path}"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "evil.example", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0",
        "2130706433", "0x7f.1", "127.1", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    ],
)  # fmt: skip
async def test_no_byte_is_sent_to_a_private_address_a_redirect_led_to(
    raw: RawUpstream, trap: Trap, host: str
) -> None:
    names = Names(feed_example=["127.0.0.1"], evil_example=["127.0.0.1"])

    async def answer(name: str, port: int) -> Sequence[str]:
        known = name in ("feed.example", "evil.example")
        return await names(name, port) if known else await resolve(name, port)

    raw.set("/q", moved(f"http://{host}:{trap.port}/latest/meta-data/"))
    fetcher = Fetcher(user_agent="stream", resolve=answer)
    error = await fault(fetcher, Request(configured(raw)))
    await fetcher.aclose()
    assert error.kind == "address"
    assert "allow_addresses" in error.message
    assert (trap.connections, trap.received) == (0, b"")


async def test_one_private_address_among_public_ones_is_enough_to_refuse(
    raw: RawUpstream, trap: Trap
) -> None:
    names = Names(feed_example=["127.0.0.1"], evil_example=["8.8.8.8 127.0.0.1"])
    raw.set("/q", moved(f"http://evil.example:{trap.port}/"))
    async with fetching(names) as fetcher:
        assert (await fault(fetcher, Request(configured(raw)))).kind == "address"
    assert trap.connections == 0


async def test_a_name_cannot_change_its_meaning_between_check_and_connection(
    raw: RawUpstream, trap: Trap
) -> None:
    # Asked once it is public, asked again it would be the trap: it is asked once a connection.
    names = Names(feed_example=["127.0.0.1"], rebind_example=["192.0.2.1", "127.0.0.1"])
    raw.set("/q", moved(f"http://rebind.example:{trap.port}/"))
    async with fetching(names, "192.0.2.0/24") as fetcher:
        error = await fault(fetcher, Request(configured(raw), timeout_s=0.3))
        assert error.kind in ("timeout", "connect")
        assert names.asked.count("rebind.example") == 1
        again = await fault(fetcher, Request(configured(raw), timeout_s=0.3))
        assert again.kind == "address"
    assert trap.connections == 0


async def test_a_network_that_is_allowed_may_be_led_to(raw: RawUpstream) -> None:
    names = Names(feed_example=["127.0.0.1"], mirror_example=["127.0.0.1"])
    raw.set("/q", moved(f"http://mirror.example:{raw.port}/end"))
    raw.set("/end", OK)
    async with fetching(names, "10.0.0.0/8 127.0.0.0/8") as fetcher:
        assert (await fetcher.get(Request(configured(raw)))).body == b"[]"


async def test_a_configured_private_host_may_redirect_within_its_origin(raw: RawUpstream) -> None:
    raw.set("/q", moved("/end"))
    raw.set("/end", OK)
    async with fetching(Names()) as fetcher:
        assert (await fetcher.get(Request(raw.url("/q")))).body == b"[]"


async def test_a_configured_private_host_may_not_lead_to_another(
    raw: RawUpstream, trap: Trap
) -> None:
    raw.set("/q", moved(f"http://127.0.0.1:{trap.port}/"))
    async with fetching(Names()) as fetcher:
        assert (await fault(fetcher, Request(raw.url("/q")))).kind == "address"
    assert trap.connections == 0


async def test_who_is_led_back_to_a_configured_private_host_is_refused(raw: RawUpstream) -> None:
    # Else a stranger could choose the path of a request to a host within.
    names = Names(mirror_example=["127.0.0.1"])
    async with RawUpstream() as other:
        raw.set("/q", moved(f"http://mirror.example:{other.port}/"))
        other.set("/", moved(raw.url("/delete-all")))
        async with fetching(names, "127.0.0.2") as fetcher:
            assert (await fault(fetcher, Request(raw.url("/q")))).kind == "address"
        assert raw.heads("/delete-all") == []


async def test_a_kept_connection_to_a_private_host_does_not_serve_who_is_led_there(
    raw: RawUpstream,
) -> None:
    names = Names(feed_example=["127.0.0.1"])

    async def two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        with contextlib.suppress(asyncio.IncompleteReadError):
            await raw.read_head(reader)
            writer.write(OK)

    raw.set("/within", two)
    raw.set("/q", moved(raw.url("/within")))
    async with fetching(names) as fetcher:
        assert (await fetcher.get(Request(raw.url("/within")))).body == b"[]"
        assert (await fault(fetcher, Request(configured(raw)))).kind == "address"
    assert len(raw.heads("/within")) == 1


async def test_name_and_certificate_are_those_of_the_url_although_an_address_is_dialled(
    tmp_path: Path,
) -> None:
    server_tls, client_tls = certified("feed.example", tmp_path)
    asked_for: list[str | None] = []
    server_tls.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    names = Names(feed_example=["127.0.0.1"], other_example=["127.0.0.1"])
    async with RawUpstream(tls=server_tls) as raw:
        raw.set("/q", OK)
        fetcher = Fetcher(user_agent="stream", tls=client_tls, resolve=names)
        url = f"https://feed.example:{raw.port}/q"
        assert (await fetcher.get(Request(url))).body == b"[]"
        assert f"Host: feed.example:{raw.port}".encode().lower() in raw.heads("/q")[0].lower()
        wrong = await fault(fetcher, Request(url.replace("feed", "other")))
        await fetcher.aclose()
    assert (wrong.kind, asked_for) == ("tls", ["feed.example", "other.example"])
    assert len(raw.heads("/q")) == 1


async def test_an_address_that_does_not_answer_is_passed_over(raw: RawUpstream) -> None:
    raw.set("/q", OK)
    dead = unused_port()
    names = Names(feed_example=["127.0.0.9 127.0.0.8 127.0.0.1"])
    async with fetching(names) as fetcher:
        assert (await fetcher.get(Request(configured(raw)))).body == b"[]"
        error = await fault(fetcher, Request(f"http://feed.example:{dead}/"))
    assert (error.kind, error.message) == ("connect", f"connection refused by feed.example:{dead}")


async def test_a_slow_address_does_not_hold_up_the_next(raw: RawUpstream) -> None:
    raw.set("/q", OK)
    names = Names(feed_example=["192.0.2.1 127.0.0.1"])  # the first is nobody's
    before = asyncio.all_tasks()
    async with fetching(names) as fetcher:
        assert (await fetcher.get(Request(configured(raw)))).body == b"[]"
    await until(lambda: asyncio.all_tasks() <= before, what="the end of the other attempt")


async def test_a_name_with_no_address_is_a_dns_error() -> None:
    async with fetching(Names(empty_example=[""])) as fetcher:
        error = await fault(fetcher, Request("http://empty.example/"))
    assert (error.kind, error.message) == ("dns", "no address found for empty.example: no address")


async def test_a_resolver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr("stream.fetch.CONNECT_TIMEOUT_S", 0.05)
    fetcher = Fetcher(user_agent="stream", resolve=hang)
    assert (await fault(fetcher, Request("http://slow.example/"))).kind == "timeout"
    await fetcher.aclose()


async def test_many_addresses_are_all_checked_and_few_are_tried() -> None:
    many = " ".join(["127.0.0.1"] * MAX_TRIED + ["8.8.8.8"])
    with pytest.raises(SourceError):
        await Dialer(Names(a_example=[many]), [network("8.0.0.0/8")]).connect("a.example", 9)
    refused = Dialer(Names(a_example=[" ".join(["127.0.0.1"] * 500)]), None)
    with pytest.raises(ConnectionRefusedError):
        await refused.connect("a.example", unused_port())


def certified(name: str, directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with its own certificate for this name, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, file = serialization.Encoding.PEM, directory / "named.pem"
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(certificate.public_bytes(pem) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=file)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_dial_that_is_cancelled_leaves_no_socket(
    loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    # No patience: all addresses are tried at once, and the first that answers ends the others.
    monkeypatch.setattr("stream.dialer.NEXT_ADDRESS_S", 0.0)

    async def run() -> None:
        names = Names(feed_example=["127.0.0.1 127.0.0.2 127.0.0.3"])
        loop, dialler = asyncio.get_running_loop(), Dialer(names, None)
        with socket.create_server(("", 0), backlog=1000) as listener:
            for turns in range(30):
                task = loop.create_task(dialler.connect("feed.example", listener.getsockname()[1]))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    (await task).close()
                del task
                gc.collect()  # a socket that nobody closed is a warning here, and so an error

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())
