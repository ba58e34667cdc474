"""The real command records a real upstream, and the tape plays the same states."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from starlette.requests import Request
from starlette.responses import Response

from stream import config
from stream.app import build
from stream.cli.main import main
from stream.cli.record import record_sources
from tests.live.serving import LIMIT_S
from tests.upstream import Upstream
from tests.waiting import until

FEED = """<rss version="2.0"><channel><title>T</title>
<item><guid>g1</guid><title>First</title></item></channel></rss>"""


SECRET = {"TOKEN": "hunter22hunter22"}


def lines(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def config_of(upstream: Upstream) -> str:
    return config_of_url(upstream.url(""))


def config_of_url(url: str) -> str:
    return f"""
[sources.quotes]
kind = "http"
url = "{url}/q"
params = {{ s = "A,B" }}
auth = {{ query = "token", env = "TOKEN" }}
key = "code"
items = "rows"
select = "{{code: code, n: n, echo: echo}}"
every = "100ms"
[sources.news]
kind = "feed"
url = "{url}/feed"
every = "200ms"
[sources."user:{{id}}"]
kind = "http"
url = "{url}/users/{{id}}"
match = {{ id = "int" }}
every = "200ms"
[sources.alerts]
kind = "push"
"""


async def recorded(*names: str, cwd: Path, wait: Awaitable[object]) -> str:
    """Run the real command until then, and interrupt it as Ctrl-C does; what it said at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream", "record", *names, "--out", "tape.gz"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env={**os.environ, **SECRET},
    )
    try:
        await wait
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(LIMIT_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err
    return out.decode()


async def test_what_was_recorded_is_played_as_the_same_states(tmp_path: Path) -> None:
    async with Upstream() as upstream:
        count = 0

        async def answer(request: Request) -> Response:
            nonlocal count
            count += 1
            if count == 3:
                return Response(status_code=503)
            rows = [
                {"code": "A", "n": count, "echo": str(request.url.query)},
                {"code": "B", "n": 0},
            ]
            return Response(orjson.dumps({"rows": rows[: 1 + count % 2]}))

        upstream.handle("/q", answer)
        upstream.set("/feed", FEED.encode(), headers={"content-type": "application/rss+xml"})
        upstream.set("/users/7", {"id": 7, "name": "Ann"})
        (tmp_path / "stream.toml").write_text(config_of(upstream))

        async def enough() -> None:
            # The second request to a source says that what the first brought is on the tape.
            for path, hits in (("/q", 6), ("/feed", 2), ("/users/7", 2)):
                await upstream.wait_hits(path, hits, 2 * LIMIT_S)

        said = await recorded("quotes", "news", "user:7", cwd=tmp_path, wait=enough())
    assert " of quotes, news, user:7, " in said
    assert said.endswith("; interrupted\n")
    data = gzip.decompress((tmp_path / "tape.gz").read_bytes())
    assert b"hunter22" not in data
    head, *reads = lines(tmp_path / "tape.gz")
    assert head["sources"]["quotes"]["items"] == "rows"
    answers = [read["answers"][0] for read in reads if read["source"] == "quotes"]
    assert [a.get("status") for a in answers[:3]] == [200, 200, 503]
    expected = [
        {row["code"]: row["n"] for row in orjson.loads(a["body"])["rows"]}
        for a in answers
        if "body" in a
    ]
    path = tmp_path / "tape.gz"
    toml = "".join(
        f'[sources.{name}]\nkind = "replay"\npath = "{path}"\nsource = "{recorded}"\nspeed = 20.0\n'
        for name, recorded in (("quotes", "quotes"), ("news", "news"), ("user", "user:{id}"))
    )
    seen: list[dict[Any, Any]] = []
    service, factory = build(config.loads(toml, {}), None)
    channel = service.hub.get("quotes")
    assert channel.key == "code"
    last = channel.state.seq

    def note(changed: Any) -> None:
        nonlocal last
        if changed is channel and channel.state.seq != last:
            last = channel.state.seq
            seen.append({key: row["n"] for key, row in channel.state.items()})

    service.hub.on_publish.append(note)
    others = [service.hub.get(name) for name in ("news", "user")]
    async with service.catalog.running():
        await until(lambda: len(seen) >= len(expected) and all(len(o.state) for o in others))
    await factory.aclose()
    assert seen == expected
    assert dict(channel.state.items())["A"]["echo"] == "s=A,B&token=***"
    assert [row["title"] for _, row in others[0].state.items()] == ["First"]
    assert [row for _, row in others[1].state.items()] == [{"id": 7, "name": "Ann"}]


async def test_a_recording_stops_at_its_bound(tmp_path: Path) -> None:
    async with Upstream() as upstream:

        async def answer(request: Request) -> Response:
            return Response(orjson.dumps({"rows": [{"code": "A", "n": os.urandom(500).hex()}]}))

        upstream.handle("/q", answer)
        settings = config.loads(config_of(upstream), SECRET)
        path = tmp_path / "t.gz"
        async with asyncio.timeout(LIMIT_S):
            said = await record_sources(
                settings, ["quotes"], path, for_s=None, max_bytes=4096, keys=()
            )
    assert said.endswith("; the tape is full (--max-bytes)")
    assert path.stat().st_size <= 4096
    assert len(lines(path)) > 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["qoutes"], "there is no source 'qoutes' to record, did you mean 'quotes'?"),
        (["alerts"], "there is no source 'alerts' to record"),
        (["user:x"], "there is no source 'user:x' to record"),
        (["watch"], "'watch' is read by keys on demand: name some with --keys A,B"),
        (["user:1", "user:2"], "'user:{id}' can be recorded once on one tape"),
        (["quotes", "--for", "5x"], "5x"),
        (["quotes", "--max-bytes", "x"], "Invalid value"),
    ],
)
def test_what_cannot_be_recorded_is_said(tmp_path: Path, words: list[str], said: str) -> None:
    path = tmp_path / "stream.toml"
    url = "http://127.0.0.1:1"
    text = (
        config_of_url(url)
        + f'[sources.watch]\nkind = "http"\nurl = "{url}/?s={{keys}}"\nkeys = {{}}\n'
    )
    path.write_text(text)
    out = str(tmp_path / "u.gz")
    result = CliRunner().invoke(
        main, ["record", *words, "--config", str(path), "--out", out], env=SECRET
    )
    assert result.exit_code == 2
    assert said in result.output
