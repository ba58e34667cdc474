from __future__ import annotations

import asyncio
import shutil

import orjson
import pytest

from tests.live.serving import LIMIT_S, events, next_event, publish, serving
from tests.waiting import until

pytestmark = pytest.mark.both_roads

TOML = """
[server]
heartbeat = "1s"
[sources.alerts]
kind = "push"
[sources.quotes]
kind = "push"
key = "code"
"""


async def test_a_stream_opens_with_its_headers_a_retry_and_a_snapshot_with_an_id() -> None:
    async with serving(TOML) as running, running.http() as client:
        cursor = await publish(running, "quotes", {"code": "A", "p": 1})
        async with client.stream("GET", "/sse/quotes") as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            assert response.headers["cache-control"] == "no-store, no-transform"
            assert response.headers["x-accel-buffering"] == "no"
            stream = events(response)
            greeting = await next_event(stream)
            assert 1000 <= int(greeting["retry"]) <= 5000
            assert greeting[""] == "beat 1"
            first = await next_event(stream, "snapshot")
            assert first["id"] == cursor == orjson.loads(first["data"])["cursor"]
            assert orjson.loads(first["data"])["items"] == [{"code": "A", "p": 1}]
            moved = await publish(running, "quotes", {"patch": [{"code": "A", "p": 2}]})
            diff = await next_event(stream, "diff")
            assert diff["id"] == moved
            assert orjson.loads(diff["data"])["patch"] == [{"code": "A", "p": 2}]


async def test_last_event_id_wins_over_since() -> None:
    async with serving(TOML) as running, running.http() as client:
        old = await publish(running, "quotes", {"code": "A", "p": 1})
        new = await publish(running, "quotes", {"code": "B", "p": 2})
        await publish(running, "quotes", {"code": "C", "p": 3})
        url = f"/sse/quotes?since={old}"
        async with client.stream("GET", url, headers={"Last-Event-ID": new}) as response:
            diff = orjson.loads((await next_event(events(response), "diff"))["data"])
            assert diff["resumed"] is True
            assert diff["put"] == [{"code": "C", "p": 3}]


async def test_a_cursor_of_another_life_gets_a_snapshot() -> None:
    async with serving(TOML) as running, running.http() as client:
        await publish(running, "quotes", {"code": "A"})
        async with client.stream("GET", "/sse/quotes?since=other-1") as response:
            first = orjson.loads((await next_event(events(response), "snapshot"))["data"])
            assert first["items"] == [{"code": "A"}]


async def test_head_answers_the_headers_alone() -> None:
    async with serving(TOML) as running, running.http() as client:
        response = await client.head("/sse/quotes")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.content == b""
        assert (await client.head("/sse/nothing")).status_code == 404


async def test_a_beat_carries_the_cursor_where_it_moved_without_data() -> None:
    async with serving(TOML) as running, running.http() as client:
        await publish(running, "quotes", {"code": "A", "p": 1})
        async with client.stream("GET", "/sse/quotes?keys=A") as response:
            stream = events(response)
            await next_event(stream, "snapshot")
            elsewhere = await publish(running, "quotes", {"code": "B", "p": 2})
            beat = await next_event(stream)
            while "id" not in beat:
                beat = await next_event(stream)
            assert beat == {"": "beat", "id": elsewhere}
            assert await next_event(stream) == {"": "beat"}


@pytest.mark.parametrize(
    ("path", "last", "status", "code", "words"),
    [
        ("/sse/qoutes", "", 404, "unknown_channel", "did you mean 'quotes'?"),
        ("/sse/quotes?where=p%20%3E", "", 400, "bad_where", "where"),
        ("/sse/quotes?since=bad!", "", 400, "bad_cursor", "since"),
        ("/sse/quotes", "bad!", 400, "bad_cursor", "since"),
        ("/sse/quotes?formt=text", "", 400, "bad_parameter", "did you mean 'format'?"),
        ("/sse/quotes?keys=", "", 400, "bad_keys", "empty"),
    ],
)
async def test_a_mistake_is_a_problem_before_the_stream_opens(
    path: str, last: str, status: int, code: str, words: str
) -> None:
    async with serving(TOML) as running, running.http() as client:
        headers = {"Last-Event-ID": last} if last else {}
        response = await client.get(path, headers=headers)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == code
        assert words in response.json()["detail"]


async def test_a_connection_too_many_is_told_when_to_come_back() -> None:
    limited = TOML + "[limits]\nconnections_per_address = 1\n"
    async with serving(limited) as running, running.http() as client:
        async with client.stream("GET", "/sse/quotes") as response:
            await next_event(events(response), "snapshot")
            refused = await client.get("/sse/quotes")
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) >= 1
            assert (await client.get("/healthz")).status_code == 200


async def test_a_reader_that_left_is_forgotten() -> None:
    async with serving(TOML) as running, running.http() as client:
        async with client.stream("GET", "/sse/quotes") as response:
            await next_event(events(response), "snapshot")
            assert len(running.service.connected) == 1
        await until(lambda: not running.service.connected, what="the reader's release")


@pytest.mark.tool("curl")
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_curl_reads_the_text_format_line_by_line() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A", "p": 1})
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sN", "--noproxy", "*", "--max-time", "8"),
            f"{running.url}/sse/quotes?format=text",
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        seen: list[str] = []
        try:
            async with asyncio.timeout(LIMIT_S):
                while not any(line.startswith("data: ") for line in seen):
                    seen.append((await process.stdout.readline()).decode())
                assert seen[0].startswith("retry: ")
                assert seen[-1].endswith("quotes A p=1\n")
                await publish(running, "quotes", {"patch": [{"code": "A", "p": 2}]})
                while not seen[-1].startswith("data: ~ "):
                    seen.append((await process.stdout.readline()).decode())
                assert seen[-1].endswith("quotes A p=2\n")
        finally:
            process.kill()
            await process.wait()


async def test_a_page_of_a_listed_site_may_read_a_refusal_too() -> None:
    site = "https://desk.example"
    toml = TOML.replace("[server]", f'[server]\norigins = ["{site}"]')
    async with serving(toml) as running, running.http() as client:
        for origin, shown in ((site, site), (None, None)):
            headers = {} if origin is None else {"Origin": origin}
            answer = await client.get("/sse/qoutes", headers=headers)
            assert answer.status_code == 404
            assert answer.headers.get("access-control-allow-origin") == shown
