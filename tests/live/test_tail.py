"""`stream tail` as people run it: real processes, pipes and a terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shlex
import signal
import struct
import sys
import termios
import time
from typing import Any, BinaryIO

import orjson
import pytest
from websockets.asyncio.server import ServerConnection

from stream import __version__
from stream.doors.websocket_direct import DirectWebSocket
from tests.live.commands import Terminal, begun, ran
from tests.live.following import free_port
from tests.live.odd import Odd, say, say_snapshot
from tests.live.serving import Running, publish, serving
from tests.waiting import until

TOML = """
[channels.quotes]
sort = "-last"
[sources.quotes]
kind = "push"
key = "code"
[sources.news]
kind = "push"
key = "id"
"""
QUOTES = [{"code": "A", "last": 1}, {"code": "B", "last": 2.5}]


async def heard(running: Running, readers: int) -> None:
    """Wait until so many connections are open."""
    await until(lambda: len(running.service.connected) == readers, within_s=20, what="readers")


async def line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next line that a command writes, as JSON."""
    assert process.stdout is not None
    found: dict[str, Any] = orjson.loads(await process.stdout.readline())
    return found


async def test_in_a_pipe_each_message_is_one_line_as_the_server_sent_it() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", QUOTES)
        async with begun("tail", running.url, "quotes", "-n", "2") as process:
            first = await line(process)
            assert list(first)[:4] == ["type", "channel", "cursor", "key"]
            assert first["items"] == QUOTES
            cursor = await publish(running, "quotes", {"code": "C"})
            change = await line(process)
            assert list(change) == ["type", "channel", "cursor", "count", "put"]
            assert (change["cursor"], change["put"]) == (cursor, [{"code": "C"}])
            assert await process.wait() == 0


async def test_a_view_a_format_and_a_cursor_are_passed_on() -> None:
    async with serving(TOML) as running:
        cursor = await publish(running, "quotes", QUOTES)
        await publish(running, "quotes", {"patch": [{"code": "A", "last": 9, "bid": 1}]})
        words = ("tail", running.url, "quotes", "-n", "1", "--since", cursor)
        whole, seen, merged, ops = await asyncio.gather(
            ran(*words),
            ran(*words, "--fields", "last", "--where", "last > 3", "--max-rate", "5"),
            ran(*words, "--format", "merge-patch"),
            ran(*words, "--format", "json-patch"),
        )
    assert orjson.loads(whole.out)["patch"] == [{"code": "A", "last": 9, "bid": 1}]
    assert orjson.loads(seen.out)["put"] == [{"code": "A", "last": 9}]
    assert orjson.loads(merged.out)["merge"]["A"]["last"] == 9
    assert orjson.loads(ops.out)["ops"][0]["path"] == "/A/last"


async def test_the_next_program_of_a_pipe_may_leave_at_any_time_and_nobody_complains() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", QUOTES)
        async with begun("tail", running.url, "quotes") as process:
            await line(process)
            assert process.stdout is not None
            process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
            # Nothing is published: it must notice by itself.
            assert await process.wait() == 0
            assert process.stderr is not None
            assert await process.stderr.read() == b""


async def test_a_lost_link_is_told_on_standard_error_and_goes_on_where_it_was() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", QUOTES)
        async with begun("tail", running.url, "quotes", "-n", "2") as process:
            await line(process)
            for subscriber in list(running.service.connected):
                assert isinstance(subscriber.road, DirectWebSocket)
                subscriber.road.transport.abort()
            await publish(running, "quotes", {"del": ["A"]})
            found = await line(process)
            assert (found["del"], found["resumed"]) == (["A"], True)
            assert process.stderr is not None
            err = (await process.stderr.read()).decode()
            assert err.startswith("stream: ")
            assert "trying again in" in err


async def test_text_is_what_the_server_would_write_and_says_each_thing_once() -> None:
    async def first(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-1", "A", "B", channel="news")
        await say(socket, type="bye", retry_ms=0)
        await socket.close(1012)

    async def then(socket: ServerConnection) -> None:
        await say_snapshot(socket, "f-1", "B", "C", channel="news")
        error = {"kind": "timeout", "message": "no answer"}
        since = "2026-11-24T02:56:30.000Z"
        await say(socket, type="status", channel="news", state="failing", since=since, error=error)
        await socket.wait_closed()

    async with Odd(first, then).running() as odd:
        found = await ran("tail", odd.url, "news", "--format", "text", "-n", "5")
    assert found.out.splitlines() == [
        "--:--:-- news A",
        "--:--:-- news B",
        "+ --:--:-- news C",
        "- --:--:-- news A",
        "! 02:56:30 news is failing: no answer",
    ]
    assert re.search("go on with --since [ef]-1\n", found.err)


async def test_text_of_a_whole_channel_is_the_servers_own() -> None:
    toml = TOML + '[sources.host]\nkind = "system"\nevery = "1h"\n'
    async with serving(toml) as running:
        channel = running.service.hub.get("host")
        await until(lambda: len(channel.state) > 0, what="the first read")
        found = await ran("tail", running.url, "host", "--format", "text", "-n", "5")
        whole = await ran("get", running.url, "host", "--format", "text")
    assert found.out.splitlines() == whole.out.splitlines()[:5]


async def test_text_goes_on_from_a_cursor() -> None:
    async with serving(TOML) as running:
        cursor = await publish(running, "quotes", QUOTES)
        await publish(running, "quotes", {"put": [{"code": "C", "last": 1}], "del": ["A"]})
        words = ("tail", running.url, "quotes", "--format", "text", "-n", "2", "--since", cursor)
        found = await ran(*words)
    lines = [row.split(" ", 2)[::2] for row in found.out.splitlines()]
    assert lines == [["+", "quotes C last=1"], ["-", "quotes A"]]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("qoutes",), 1, "no channel 'qoutes', did you mean 'quotes'?"),
        (("quotes", "--where", "last >"), 1, "where:"),
        (("quotes", "--since", "x"), 1, "since: expected"),
        (("a/b",), 2, "cannot be the name of a channel"),
        (("quotes", "--max-rate", "0"), 2, "0.01<=x<=100"),
        (("quotes", "--table", "--since", "a-1"), 2, "leave out --since"),
        ((), 2, "name a channel"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line_and_the_exit_code_says_whose_fault(
    words: tuple[str, ...], code: int, message: str
) -> None:
    async with serving(TOML) as running:
        found = await ran("tail", running.url, *words)
    assert (found.code, found.out) == (code, "")
    assert message in found.err


async def test_where_nobody_listens_it_says_how_to_have_a_service() -> None:
    port = free_port()
    found = await ran("tail", f"127.0.0.1:{port}", "quotes")
    assert found.code == 1
    assert found.err == (
        f"stream: http://127.0.0.1:{port} cannot be reached: Connection refused; "
        f"to have a service there: stream demo --port {port}\n"
    )


async def test_service_and_token_may_come_from_the_environment() -> None:
    async def talk(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-1", channel="user:1")
        await socket.wait_closed()

    async with Odd(talk).running() as odd:
        environ = {"STREAM_URL": odd.url, "STREAM_TOKEN": "abc"}
        found = await ran("tail", "user:1", "-n", "1", **environ)
        assert odd.asked == ["/ws/user:1"]
        assert odd.headers["Authorization"] == "Bearer abc"
        assert odd.headers["User-Agent"] == f"stream/{__version__} (client)"
    assert found.code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_it_at_once(number: signal.Signals, code: int) -> None:
    async with serving(TOML) as running, begun("tail", running.url, "quotes") as process:
        await line(process)
        begun_at = time.monotonic()
        process.send_signal(number)
        assert await process.wait() == code
        assert time.monotonic() - begun_at < 2
        assert process.stderr is not None
        assert await process.stderr.read() == b""


async def test_a_signal_ends_it_also_while_nobody_reads_what_it_writes() -> None:
    async with serving(TOML) as running:
        rows = [{"id": n, "text": "x" * 1000} for n in range(500)]
        await publish(running, "news", rows)
        words = ("tail", running.url, "news", "--lines")
        async with begun(*words, PYTHONUNBUFFERED="") as process:
            assert process.stdout is not None
            pipe = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
            pipe.pause_reading()
            await heard(running, 1)
            await until(lambda: _is_full(pipe.get_extra_info("pipe")), what="a pipe without room")
            process.send_signal(signal.SIGTERM)
            await until(lambda: process.returncode == 143, what="its end")
            pipe.resume_reading()


def _is_full(pipe: BinaryIO) -> bool:
    """Whether nothing more can be written into it, which none of its readers takes."""
    waiting = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    return bool(waiting == fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ))


async def test_a_long_message_reaches_a_slow_reader_whole() -> None:
    async with serving(TOML) as running:
        rows = [{"id": n, "text": "é" * 1000} for n in range(500)]
        await publish(running, "news", rows)
        found = await ran("tail", running.url, "news", "-n", "1")
        assert orjson.loads(found.out)["items"] == rows


async def test_a_full_disk_is_one_line() -> None:
    async with serving(TOML) as running:
        for words in (("tail", "--lines"), ("get",), ("channels",)):
            rest = [] if words[0] == "channels" else ["quotes"]
            line = [sys.executable, "-m", "stream", *words, running.url, *rest]
            process = await asyncio.create_subprocess_shell(
                f"{shlex.join(line)} > /dev/full",
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONUNBUFFERED": ""},
            )
            _, err = await process.communicate()
            assert process.returncode == 1
            assert err == b"stream: the output cannot be written: No space left on device\n"


async def test_on_a_terminal_there_is_a_table_that_changes_and_the_cursor_at_the_end() -> None:
    async with serving(TOML) as running:
        cursor = await publish(running, "quotes", QUOTES)
        async with Terminal(60, 12).running("tail", running.url, "quotes", "news") as terminal:
            await until(lambda: "2.5" in terminal.shown(), within_s=20, what="the table")
            await until(lambda: "● live" in terminal.shown(), what="the state of the link")
            assert "\x1b[?1049h" in terminal.written, "it has a screen of its own"
            assert terminal.shown().index("B ") < terminal.shown().index("A "), "by -last"
            assert "\x1b[7" not in terminal.written
            cursor = await publish(running, "quotes", {"patch": [{"code": "A", "last": 1.25}]})
            await until(lambda: "\x1b[7;32m" in terminal.written, what="a cell that stands out")
            assert await terminal.end(signal.SIGINT) == 130
            after = terminal.written.rpartition("\x1b[?1049l")[2]
            assert "1.25" in after, "the last picture stays"
            assert f"go on with --since {cursor}" in terminal.shown()
            assert terminal.written.rfind("\x1b[?25h") > terminal.written.rfind("\x1b[?25l")


async def test_a_table_says_that_the_link_is_lost_and_comes_back() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", QUOTES)
        async with Terminal().running("tail", running.url, "quotes") as terminal:
            await until(lambda: "● live" in terminal.shown(), within_s=20, what="the link")
            next(iter(running.service.connected)).end(1_500)
            await until(lambda: "restart (1012)" in terminal.shown(), what="why it is lost")
            terminal.written = ""
            await until(lambda: "● live" in terminal.shown(), what="the link again")
            assert await terminal.end(signal.SIGTERM) == 143
            assert "\x1b[?1049l" in terminal.written


async def test_a_table_ends_after_so_many_updates_or_with_the_servers_refusal() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", QUOTES)
        async with Terminal().running("tail", running.url, "quotes", "-n", "1") as terminal:
            assert await terminal.wait() == 0
            await until(lambda: "2.5" in terminal.shown(), what="the last picture")
        async with Terminal().running("tail", running.url, "qoutes") as terminal:
            assert await terminal.wait() == 1
            await until(lambda: "did you mean 'quotes'?" in terminal.shown(), what="the reason")


async def test_lines_can_be_had_on_a_terminal_and_cannot_steer_it() -> None:
    async with serving(TOML) as running:
        await publish(running, "news", {"id": 1, "text": "\x9b2J"})
        words = ("tail", running.url, "news", "--lines", "-n", "1")
        async with Terminal(200).running(*words) as terminal:
            assert await terminal.wait() == 0
            await until(lambda: '"text":"\\u009b2J"' in terminal.written, what="the line")
