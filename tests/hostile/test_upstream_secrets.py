"""Upstreams that give our secrets back, hoping that we show them (CWE-200, CWE-532, CWE-522)."""

from __future__ import annotations

import asyncio
import base64
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote

import pytest

from stream import config
from stream.app import build
from stream.exchange import Request
from stream.fetch import Fetcher
from stream.sources.base import PollState
from tests.fetching import secretive
from tests.hostile.upstream import Script, answer, head
from tests.live.serving import serving
from tests.upstream import RawUpstream
from tests.waiting import until

KEYS: Final = {
    "query": "Query-Sesame/0001+open",
    "header": "Header-Sesame-0002-open",
    "bearer": "Bearer-Sesame-0003-open",
    "basic": "reader:Basic-Sesame-0004",
}
AUTH: Final = {
    "query": 'auth = { query = "api_token", env = "KEY_QUERY" }',
    "header": 'auth = { header = "X-Api-Key", env = "KEY_HEADER" }',
    "bearer": 'auth = { bearer_env = "KEY_BEARER" }',
    "basic": 'auth = { basic_env = "KEY_BASIC" }',
}
ENVIRON: Final = {f"KEY_{name.upper()}": key for name, key in KEYS.items()}
FORMS: Final = sorted(
    {
        form.lower()
        for key in KEYS.values()
        for bare in (key, key.rpartition(":")[2])
        for form in (
            bare,
            quote(bare, safe=""),
            base64.b64encode(bare.encode()).decode().rstrip("="),
            bare[:12],  # cut off somewhere
        )
    }
)

Echo: TypeAlias = Callable[[bytes, str], bytes]


def as_page(asked: bytes, key: str) -> bytes:
    return answer(b"<title>no such key: " + key.encode() + b"</title>" + asked)


ECHOES: Final[dict[str, Echo]] = {
    "status-line": lambda asked, key: answer(b"", status=f"401 bad key {key}"),
    "headers": lambda asked, key: answer(b"{", f"X-Asked: {key}", f"ETag: {key}", f"{key}: 1"),
    "body": lambda asked, key: answer(asked + key.encode()),
    "title": as_page,
    "error": lambda asked, key: answer(b'{"error":"' + (f"key {key} " * 9).encode() + b'"}'),
    "encoded": lambda asked, key: answer(f'{{"error":"{quote(key, safe="")}"}}'.encode()),
    "names": lambda asked, key: answer(f'{{"{key}":1,"{key}x":[1,{{}}]}}'.encode()),
    "coding": lambda asked, key: answer(b"", f"Content-Encoding: {key}"),
    "to-host": lambda asked, key: moved(f"http://{hosted(key)}.invalid/"),
    "to-path": lambda asked, key: moved(f"http://other.invalid/{key}"),
    "to-query": lambda asked, key: moved(f"http://other.invalid/?k={quote(key, safe='')}&x={key}"),
    "to-user": lambda asked, key: moved(f"http://{hosted(key)}@other.invalid/"),
    "to-port": lambda asked, key: moved(f"http://other.invalid:{key}/"),
    "to-scheme": lambda asked, key: moved(f"{hosted(key)}://other.invalid/"),
    "to-nonsense": lambda asked, key: moved(f"http://[{key}/"),
    "round-and-round": lambda asked, key: moved(f"/q?{key}"),
    "not-http": lambda asked, key: key.encode() + asked,
    "interim": lambda asked, key: b"HTTP/1.1 100 " + key.encode() + b"\r\n\r\nHTTP/9 " + asked,
    "short": lambda asked, key: head("Content-Length: 9999") + asked,
}


def hosted(key: str) -> str:
    """The secret as part of a host, where it can be one."""
    bare = key.rpartition(":")[2]
    return bare if bare.replace("-", "").isalnum() else "x"


def moved(to: str) -> bytes:
    return answer(b"", f"Location: {to}", status="302 Found")


def echoing(raw: RawUpstream, path: str, echo: Echo, key: str) -> Script:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(echo(raw.heads(path)[-1], key))

    return script


def configuration(raw: RawUpstream) -> str:
    """A source for every echo and every way to carry a secret."""
    rows = []
    for place, echo in ECHOES.items():
        for way, key in KEYS.items():
            path = f"/{place}-{way}"
            raw.set(path, echoing(raw, path, echo, key))
            rows.append(
                f'[sources.{place}-{way}]\nkind = "http"\nurl = "{raw.url(path)}"\n'
                f'every = "100ms"\nerror_when = "error"\nitems = "*"\n{AUTH[way]}\n'
            )
    return "\n".join(rows)


def found_in(text: str) -> list[str]:
    folded = text.lower()
    return [form for form in FORMS if form in folded]


async def test_a_secret_that_comes_back_is_shown_nowhere(
    raw: RawUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(configuration(raw), environ=ENVIRON) as running, running.http() as client:
        pollers = list(running.service.catalog.pollers())
        await until(
            lambda: all(each.tally.failures for each in pollers),
            within_s=15,
            what="a failure of every source",
        )
        shown = {path: await client.get(path) for path in ("/status", "/metrics", "/channels")}
        for poller in pollers[:: len(KEYS) + 1]:
            path = f"/channels/{poller.name}"
            shown[path] = await client.get(path)
            shown[path + "/x"] = await client.get(path + "/x")
    texts = {path: answered.text for path, answered in shown.items()}
    texts["logs"] = "\n".join(
        f"{each.getMessage()} {each.exc_text}"
        for each in caplog.records
        if not each.name.startswith("httpx")
    )
    assert len(pollers) == len(ECHOES) * len(KEYS)
    assert all(raw.heads(f"/{poller.name}") for poller in pollers)
    assert '"error"' in texts["/status"]
    assert "kind=" in texts["logs"]
    assert {path: found for path, text in texts.items() if (found := found_in(text))} == {}


async def test_stream_check_shows_no_secret_either(raw: RawUpstream, tmp_path: Path) -> None:
    file = tmp_path / "stream.toml"
    file.write_text(configuration(raw))
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "stream", "check", "--config", str(file)],
        env={**ENVIRON, "PYTHONPATH": ":".join(sys.path), "COLUMNS": "400", "PATH": ""},
        capture_output=True,
        timeout=40,
        check=False,
    )
    out = (done.stdout + done.stderr).decode()
    assert done.returncode == 1, out
    assert "failed" in out
    assert found_in(out) == []
    # A table may break a long word into lines.
    assert found_in("".join(out.split())) == []


@pytest.fixture
async def elsewhere() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as elsewhere:
        yield elsewhere


@pytest.mark.parametrize("place", ["to-path", "to-query"])
async def test_a_redirect_elsewhere_that_repeats_a_secret_is_not_followed(
    raw: RawUpstream, elsewhere: RawUpstream, place: str
) -> None:
    key = KEYS["query"]
    target = elsewhere.url("/") + ("?x=y" + key if place == "to-query" else key)
    raw.set("/q", moved(target))

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    fetcher = Fetcher(user_agent="stream", resolve=resolve)
    with pytest.raises(Exception, match="repeats a secret") as caught:
        await fetcher.get(Request(raw.url("/q"), secret_params={"k": key}))
    await fetcher.aclose()
    assert found_in(str(caught.value)) == []
    assert elsewhere.connections == 0


async def test_different_credentials_share_no_connection_no_fetch_and_no_validators(
    raw: RawUpstream, fetcher: Fetcher
) -> None:
    served: dict[int, list[bytes]] = {}

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = served.setdefault(id(writer), [raw.heads("/q")[-1]])
        while True:
            writer.write(answer(b"[1]", 'ETag: "e"'))
            await raw.read_head(reader)
            mine.append(raw.heads("/q")[-1])

    raw.set("/q", keep)
    requests = {
        key: Request(raw.url("/q"), secret_headers={"X-Api-Key": key}) for key in KEYS.values()
    } | {"": Request(raw.url("/q"))}
    for _ in range(3):
        await asyncio.gather(*(fetcher.get(request) for request in requests.values()))
    assert len(raw.heads("/q")) == 3 * len(requests)
    assert raw.connections == len(requests)
    for heads in served.values():
        assert len({key for key in KEYS.values() for one in heads if key.encode() in one}) <= 1
        assert len(heads) == 3
    assert not any(b"if-none-match" in one.lower() for one in raw.heads("/q"))


async def test_two_sources_of_one_address_are_read_each_with_its_own_key(
    raw: RawUpstream,
) -> None:
    raw.set("/q", answer(b'[{"id":1}]', 'ETag: "e"'))
    toml = "\n".join(
        f'[sources.{way}]\nkind = "http"\nurl = "{raw.url("/q")}"\nevery = "1h"\n{AUTH[way]}'
        for way in ("header", "bearer")
    )
    service, fetcher = build(config.loads(toml, ENVIRON), None)
    for _ in range(2):
        for poller in service.catalog.pollers():
            await poller.source.poll(PollState())
    await fetcher.aclose()
    asked = raw.heads("/q")
    for way, other in (("header", "bearer"), ("bearer", "header")):
        mine = [one for one in asked if KEYS[way].encode() in one]
        assert len(mine) == 2
        assert not any(KEYS[other].encode() in one for one in mine)


async def test_a_secret_is_not_in_the_repr_of_what_is_asked(raw: RawUpstream) -> None:
    assert found_in(repr(secretive(raw.url("/q")))) == []
