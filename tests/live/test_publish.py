"""`stream publish`, `stream get` and `stream channels` as people run them."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stream.cli.publish import MOST_LINE_BYTES, READ_BYTES
from tests.certificates import certify
from tests.live.commands import Ran, Terminal, begun, ran
from tests.live.serving import Running, publish, serving
from tests.upstream import Upstream
from tests.waiting import until

TOML = """
[sources.alerts]
kind = "push"
key = "id"
[sources.jobs]
kind = "push"
key = ["queue", "number"]
[sources.host]
kind = "system"
"""


async def published(running: Running, channel: str, *lines: object) -> Ran:
    """What the command says of these lines; texts are sent as they are."""
    texts = [row if isinstance(row, str) else orjson.dumps(row).decode() for row in lines]
    return await ran("publish", running.url, channel, stdin="\n".join(texts))


async def items(running: Running, channel: str) -> list[dict[str, object]]:
    """What the channel holds."""
    async with running.http() as client:
        found: list[dict[str, object]] = (await client.get(f"/channels/{channel}")).json()["items"]
    return found


async def test_lines_are_published_in_their_order_and_few_requests() -> None:
    async with serving(TOML) as running:
        rows = [{"id": n, "v": n} for n in range(1200)]
        found = await published(running, "alerts", *rows, {"id": 5, "v": "new"}, {"del": [6, 7]})
        held = {item["id"]: item["v"] for item in await items(running, "alerts")}
    assert found.code == 0
    match = re.fullmatch(r"published 1202 of 1202 lines in (\d+) requests; cursor \S+\n", found.err)
    assert match is not None
    assert int(match[1]) <= 5
    assert (len(held), held[5]) == (1198, "new")


async def test_lines_that_are_wrong_are_named_and_the_others_published() -> None:
    async with serving(TOML) as running:
        lines = ({"id": 1}, "{", "", {"nothing": 1}, "7", {"id": 2}, {"patch": [{"v": 1}]})
        found = await published(running, "alerts", *lines)
        held = [item["id"] for item in await items(running, "alerts")]
    assert found.code == 1
    named = {
        int(number) for number in re.findall(r"^stream: line (\d+): ", found.err, re.MULTILINE)
    }
    assert named == {2, 4, 5, 7}
    assert "published 2 of 6 lines" in found.err
    assert held == [1, 2]


async def test_items_whose_key_is_made_of_several_fields_replace_each_other() -> None:
    async with serving(TOML) as running:
        rows = [{"queue": "mail", "number": 1, "v": v} for v in range(3)]
        found = await published(running, "jobs", *rows)
        held = await items(running, "jobs")
    assert found.code == 0
    assert [item["v"] for item in held] == [2]


async def test_what_comes_slowly_is_published_as_it_comes() -> None:
    async with serving(TOML) as running, begun("publish", running.url, "alerts") as process:
        assert process.stdin is not None
        for number in (1, 2):
            process.stdin.write(b'{"id": %d}\n' % number)
            await process.stdin.drain()
            channel = running.service.hub.get("alerts")
            await until(lambda: len(channel.state) == number, within_s=20, what="the item")  # noqa: B023
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert process.returncode == 130
        assert b"published 2 of 2 lines in 2 requests" in err


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ("alertz", "no channel 'alertz', did you mean 'alerts'?"),
        ("host", "host is fed by its source, not by POST"),
    ],
)
async def test_where_nothing_may_be_published_it_says_so_and_ends(
    channel: str, message: str
) -> None:
    async with serving(TOML) as running:
        found = await published(running, channel, *({"id": n} for n in range(3)))
    assert found.code == 1
    assert message in found.err


async def test_a_request_without_an_answer_is_sent_again_with_the_same_key() -> None:
    seen: list[tuple[str, bytes]] = []

    async def answer(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"type": "snapshot", "key": "id", "items": [], "count": 0})
        seen.append((request.headers["idempotency-key"], await request.body()))
        if len(seen) == 1:
            return JSONResponse({"detail": "busy"}, 503, {"Retry-After": "0"})
        return JSONResponse({"cursor": "e-1"})

    async with Upstream() as upstream:
        upstream.handle("/channels/alerts", answer)
        found = await ran("publish", upstream.url(""), "alerts", stdin='{"id":1}\n{"id":1}\n')
    assert (found.code, len(seen)) == (0, 3)
    assert seen[0] == seen[1]
    assert seen[2][0] != seen[0][0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_publication_is_no_success(status: int) -> None:
    async def lead(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"type": "snapshot", "key": "id", "cursor": "e-1", "items": []})
        return Response(
            status_code=status, headers={"Location": other.url("/live/channels/alerts")}
        )

    async with Upstream() as upstream, Upstream() as other:
        upstream.handle("/channels/alerts", lead)
        other.set("/live/channels/alerts", {"key": "id", "cursor": "e-1"})
        found = await ran("publish", upstream.url(""), "alerts", stdin='{"id":1}\n')
        assert not other.hits("/live/channels/alerts")
    assert found.code == 1
    assert f"leads to {other.url('/live')}; name that address instead" in found.err
    assert "published 0 of 1 line in" in found.err


async def test_what_is_no_stream_service_is_said_to_be_none() -> None:
    async with Upstream() as upstream:
        upstream.set("/channels", b"<html>hello</html>")
        upstream.set("/channels/alerts", b"<html>hello</html>")
        listed, sent, missing = await asyncio.gather(
            ran("channels", upstream.url("")),
            ran("publish", upstream.url(""), "alerts", stdin='{"id":1}\n'),
            ran("get", upstream.url(""), "quotes"),
        )
    for found in (listed, sent, missing):
        assert found.code == 1
        assert re.fullmatch(r"stream: http\S+ answer.* as a stream service does\n", found.err)


async def test_a_token_that_cannot_be_sent_is_refused_without_being_repeated() -> None:
    token = "\n".join(("secret", "x"))
    commands = [("get", "quotes"), ("channels",), ("publish", "alerts"), ("tail", "quotes")]
    for found in await asyncio.gather(*(ran(*words, STREAM_TOKEN=token) for words in commands)):
        assert found.code == 2
        assert "a line break, perhaps?" in found.err
        assert "secret" not in found.err


async def test_words_of_a_server_cannot_steer_the_terminal() -> None:
    async with Upstream() as upstream:
        upstream.set("/channels/alerts", {"detail": "no \x1b[2J"}, status=404)
        found = await ran("get", upstream.url(""), "alerts")
    assert found.err == "stream: no \\u001b[2J\n"


async def test_waits_between_attempts_are_told_and_an_interruption_says_what_it_leaves_open() -> (
    None
):
    async def answer(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"type": "snapshot", "key": "id", "items": [], "count": 0})
        return JSONResponse({"detail": "busy"}, 503, {"Retry-After": "60"})

    async with Upstream() as upstream:
        upstream.handle("/channels/alerts", answer)
        async with begun("publish", upstream.url(""), "alerts") as process:
            assert process.stdin is not None
            assert process.stderr is not None
            process.stdin.write(b'\n{"id":1}\n{"id":2}\n')
            await process.stdin.drain()
            told = (await process.stderr.readline()).decode()
            assert re.fullmatch(r"stream: busy; trying again in 60\.\d s\n", told)
            process.send_signal(signal.SIGINT)
            err = (await process.stderr.read()).decode()
            assert await process.wait() == 130
    assert "interrupted: lines from 2 on may not have been published" in err


async def test_lines_before_one_without_an_end_are_published() -> None:
    async with serving(TOML) as running:
        endless = '{"id":2,"t":"' + "x" * (MOST_LINE_BYTES + READ_BYTES)
        found = await published(running, "alerts", {"id": 1}, endless)
        held = [item["id"] for item in await items(running, "alerts")]
    assert (found.code, held) == (1, [1])
    assert "line 2 is longer than" in found.err


async def test_a_token_is_shown_in_a_header_and_not_where_a_redirect_leads() -> None:
    async with Upstream() as upstream, Upstream() as other:
        location = other.url("/channels/alerts")
        upstream.set("/channels/alerts", b"", status=302, headers={"Location": location})
        other.set("/channels/alerts", {"id": 1})
        found = await ran("get", upstream.url(""), "alerts", STREAM_TOKEN="abc")  # noqa: S106
        assert found.out == '{"id":1}\n'
        (hit,) = upstream.hits("/channels/alerts")
        assert hit.headers["authorization"] == "Bearer abc"
        (hit,) = other.hits("/channels/alerts")
        assert "authorization" not in hit.headers


async def test_get_shows_a_channel_or_an_item_in_a_pipe_as_the_server_sent_it() -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", [{"id": "a/1", "v": 1, "w": 2}, {"id": "b", "v": 2}])
        whole, one, part, text, missing = await asyncio.gather(
            ran("get", running.url, "alerts"),
            ran("get", running.url, "alerts", "a/1"),
            ran("get", running.url, "alerts", "--fields", "v", "--where", "v > 1"),
            ran("get", running.url, "alerts", "--format", "text"),
            ran("get", running.url, "alerts", "c"),
        )
        async with running.http() as client:
            assert whole.out == (await client.get("/channels/alerts")).text + "\n"
    assert one.out == '{"id":"a/1","v":1,"w":2}\n'
    assert orjson.loads(part.out)["items"] == [{"id": "b", "v": 2}]
    assert text.out.splitlines()[1].endswith("alerts b v=2")
    assert (missing.code, missing.out) == (1, "")
    assert "alerts has no item 'c'" in missing.err


async def test_on_a_terminal_get_is_indented_and_channels_are_a_table() -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": 1, "text": "\x9b2J"})
        async with Terminal(90).running("get", running.url, "alerts") as terminal:
            assert await terminal.wait() == 0
            await until(lambda: '"count": 1' in terminal.shown(), what="indented JSON")
            assert "\x9b" not in terminal.written
        async with Terminal(90).running("channels", running.url) as terminal:
            assert await terminal.wait() == 0
            await until(lambda: "jobs" in terminal.shown(), what="the table")
            assert re.search(r"alerts +ok +1 +0 +id +push", terminal.shown())


async def test_channels_on_a_narrow_terminal_are_named_in_full_and_other_columns_left_out() -> None:
    async with serving(TOML) as running:
        async with Terminal(24).running("channels", running.url) as terminal:
            assert await terminal.wait() == 0
            await until(lambda: "host" in terminal.shown(), what="the table")
            assert terminal.shown().split("\n")[0].split() == ["name", "state", "count"]
            assert re.search(r"alerts +ok +0 *\r", terminal.shown())


async def test_in_a_pipe_each_channel_is_one_line_of_json() -> None:
    async with serving(TOML) as running:
        found = await ran("channels", STREAM_URL=running.url)
    assert [orjson.loads(row)["name"] for row in found.out.splitlines()] == [
        "alerts", "jobs", "host",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("channels", "quotes"), "expected a URL"),
        (("channels", "ftp://desk"), "expected http://host:port"),
        (("get", "a", "b", "c"), "expected CHANNEL [KEY]"),
        (("get", "a", "b", "--fields", "x"), "one item comes whole"),
        (("publish", "a", "b"), "expected one channel"),
    ],
)
async def test_a_mistake_in_the_arguments_is_exit_code_2(
    words: tuple[str, ...], message: str
) -> None:
    found = await ran(*words)
    assert found.code == 2
    assert message in found.err


async def test_who_types_is_told_how() -> None:
    async with serving(TOML) as running:
        async with Terminal(90).running("publish", running.url, "alerts") as terminal:
            await until(lambda: "Ctrl-D ends" in terminal.shown(), within_s=20, what="the hint")
            terminal.type('{"id":1}\n\x04')
            assert await terminal.wait() == 0
            await until(
                lambda: "published 1 of 1 line in 1 request;" in terminal.shown(), what="it"
            )


async def test_certificates_are_those_of_the_system(tmp_path: Path) -> None:
    files = certify(tmp_path)
    async with serving(f"[server]\n{files.toml}{TOML}") as running:
        trusting = {"SSL_CERT_FILE": str(files.authority)}
        sent = await ran("publish", running.url, "alerts", stdin='{"id":1}\n', **trusting)
        found, tailed, refused = await asyncio.gather(
            ran("get", running.url, "alerts", "1", **trusting),
            ran("tail", running.url, "alerts", "-n", "1", **trusting),
            ran("get", running.url, "alerts"),
        )
    assert (sent.code, found.out) == (0, '{"id":1}\n')
    assert orjson.loads(tailed.out)["items"] == [{"id": 1}]
    assert refused.code == 1
    assert re.fullmatch(r"stream: https://\S+: .*certificate.*\n", refused.err)
