"""A trail is in every snapshot for who asks, in no other message, and never for who does not."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect

from tests.live.serving import Running, events, next_event, publish, receive, receive_until, serving
from tests.upstream import Upstream
from tests.waiting import until

TOML = """
[channels.quotes]
trail = { fields = ["p", "q"], points = 9, every = "100ms" }
[sources.quotes]
kind = "push"
key = "code"
[sources.plain]
kind = "push"
key = "code"
"""
BOTH = [{"code": "A", "p": 1, "q": 5, "n": "x"}, {"code": "B", "p": 9}]


async def next_bucket() -> None:
    """Return once the channel's present bucket of 100 ms is over."""
    begun = time.time() // 0.1
    await until(lambda: time.time() // 0.1 > begun, what="the next 100 ms")


async def walk(running: Running) -> str:
    """Publish two items, and a bucket later another value of the first; the cursor of that."""
    await publish(running, "quotes", BOTH)
    await next_bucket()
    return await publish(running, "quotes", {"patch": [{"code": "A", "p": 2}]})


def values(line: list[list[float]]) -> list[float]:
    """A line's values without repetition; its times must ascend and be of a moment ago."""
    times = [at for at, _ in line]
    assert times == sorted(set(times))
    assert time.time() - 30 < times[0] <= times[-1] <= time.time()
    found = [value for _, value in line]
    return [v for n, v in enumerate(found) if n == 0 or found[n - 1] != v]


def drawn(message: dict[str, Any]) -> dict[str, dict[str, list[float]]]:
    """The values of a message's trail, by key and field."""
    rows = message["trail"].items()
    return {key: {name: values(line) for name, line in row.items()} for key, row in rows}


WHOLE = {"A": {"p": [1, 2], "q": [5]}, "B": {"p": [9]}}


@pytest.mark.both_roads
async def test_a_snapshot_on_websocket_has_it_for_who_asked_and_diffs_are_the_same() -> None:
    async with serving(TOML) as running:
        await walk(running)
        url = f"{running.ws_url}/ws/quotes"
        async with connect(f"{url}?trail=1") as drawing, connect(url) as reading:
            first, plain = await receive(drawing), await receive(reading)
            assert drawn(first) == WHOLE
            assert plain == {name: v for name, v in first.items() if name != "trail"}
            await publish(running, "quotes", {"patch": [{"code": "A", "p": 3}]})
            diff = await receive(drawing)
            assert diff["patch"] == [{"code": "A", "p": 3}]
            assert diff == await receive(reading)
            assert "trail" not in diff


@pytest.mark.both_roads
@pytest.mark.parametrize("asked", [b"true", b"1"])
async def test_a_command_asks_for_it_and_the_view_chooses(asked: bytes) -> None:
    async with serving(TOML) as running:
        await walk(running)
        async with connect(f"{running.ws_url}/ws") as websocket:
            await receive(websocket)
            head = b'{"op":"subscribe","channels":["quotes"],"id":7,"trail":%b' % asked
            await websocket.send((head + b',"fields":["q"]}').decode())
            message = await receive(websocket)
            assert (message["id"], drawn(message)) == (7, {"A": {"q": [5]}})
            await websocket.send((head + b',"fields":["n"]}').decode())
            assert (await receive(websocket))["trail"] == {}
            await websocket.send((head + b',"where":"p > 5"}').decode())
            assert drawn(await receive(websocket)) == {"B": {"p": [9]}}
            await websocket.send('{"op":"subscribe","channels":["quotes"],"trail":false}')
            assert "trail" not in await receive(websocket)


@pytest.mark.both_roads
@pytest.mark.parametrize("form", ["json", "merge-patch", "json-patch"])
async def test_an_event_stream_has_it_in_every_format_that_is_json(form: str) -> None:
    async with serving(TOML) as running, running.http() as client:
        await walk(running)
        url = f"/sse/quotes?trail=1&keys=A&format={form}"
        async with client.stream("GET", url) as response:
            message = orjson.loads((await next_event(events(response), "snapshot"))["data"])
        assert drawn(message) == {"A": WHOLE["A"]}
        assert message.keys() & {"items", "doc"}


@pytest.mark.both_roads
async def test_text_and_channels_without_one_have_none() -> None:
    async with serving(TOML) as running, running.http() as client:
        await publish(running, "plain", BOTH)
        await walk(running)
        async with connect(f"{running.ws_url}/ws/plain,quotes?trail=1") as websocket:
            found = {m["channel"]: m for m in [await receive(websocket), await receive(websocket)]}
            assert "trail" not in found["plain"]
            assert drawn(found["quotes"]) == WHOLE
        text = await client.get("/channels/quotes?format=text")
        assert (await client.get("/channels/quotes?format=text&trail=1")).text == text.text


@pytest.mark.both_roads
async def test_a_resumed_diff_has_none_and_a_snapshot_instead_of_one_has() -> None:
    async with serving(TOML) as running:
        cursor = await walk(running)
        await publish(running, "quotes", {"patch": [{"code": "B", "p": 8}]})
        url = f"{running.ws_url}/ws/quotes?trail=1"
        async with connect(f"{url}&since={cursor}") as websocket:
            diff = await receive(websocket)
            assert diff["resumed"] is True
            assert "trail" not in diff
        async with connect(f"{url}&since=other-1") as websocket:
            message = await receive(websocket)
            assert message["type"] == "snapshot"
            assert drawn(message)["A"] == WHOLE["A"]
        async with connect(f"{url}&snapshot=0") as websocket:
            assert "trail" not in await receive(websocket)


@pytest.mark.both_roads
@pytest.mark.parametrize("rate", ["", "&max_rate=100"])
async def test_a_snapshot_after_most_of_the_items_went_has_it_for_who_asked(rate: str) -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", [{"code": f"c{n}", "p": n} for n in range(600)])
        url = f"{running.ws_url}/ws/quotes?fields=code,p,q{rate}"
        async with (
            connect(f"{url}&trail=1", max_size=None) as drawing,
            connect(url, max_size=None) as reading,
        ):
            assert len((await receive(drawing))["trail"]) == 600
            assert "trail" not in await receive(reading)
            await publish(running, "quotes", {"del": [f"c{n}" for n in range(599)]})
            message, plain = await receive(drawing), await receive(reading)
            assert (message["type"], drawn(message)) == ("snapshot", {"c599": {"p": [599]}})
            assert plain == {name: v for name, v in message.items() if name != "trail"}


async def test_rest_has_it_and_the_etag_moves_with_every_point() -> None:
    async with serving(TOML) as running, running.http() as client:
        await walk(running)
        answer = await client.get("/channels/quotes?trail=1")
        assert drawn(answer.json()) == WHOLE
        assert "trail" not in (await client.get("/channels/quotes?trail=0")).json()
        tag = {"If-None-Match": answer.headers["etag"]}
        assert (await client.get("/channels/quotes?trail=1", headers=tag)).status_code == 304
        await publish(running, "quotes", {"patch": [{"code": "A", "p": 3}]})
        later = await client.get("/channels/quotes?trail=1&keys=A&fields=p", headers=tag)
        assert drawn(later.json())["A"]["p"][-1] == 3
        instead = (await client.get("/channels/quotes?since=other-1&trail=1")).json()
        assert drawn(instead).keys() == {"A", "B"}


async def test_the_list_says_which_fields_have_one_and_bad_values_are_refused() -> None:
    async with serving(TOML) as running, running.http() as client:
        rows = {row["name"]: row for row in (await client.get("/channels")).json()["channels"]}
        assert rows["quotes"]["trail"] == {"fields": ["p", "q"], "points": 9, "every_s": 0.1}
        assert "trail" not in rows["plain"]
        for path in ("/channels/quotes", "/sse/quotes"):
            refused = await client.get(f"{path}?trail=yes")
            assert (refused.status_code, refused.json()["code"]) == (400, "bad_trail")
        assert (await client.get("/channels/quotes/A?trail=1")).status_code == 400


async def test_points_of_what_is_read_have_the_time_of_the_read() -> None:
    async with Upstream() as upstream:
        upstream.set("/user/1", {"id": 1, "score": 7})
        toml = f"""
[channels."user:{{id}}"]
trail = {{ fields = ["score"], points = 50, every = "100ms" }}
[sources."user:{{id}}"]
kind = "http"
url = "{upstream.url("/user")}/{{id}}"
match = {{ id = "int" }}
every = "100ms"
"""
        async with serving(toml) as running, running.http() as client:
            await client.get("/channels/user:1")
            async with connect(f"{running.ws_url}/ws/user:1?trail=1") as websocket:
                first = await receive(websocket)
                assert drawn(first) == {"1": {"score": [7]}}
                end_s = first["trail"]["1"]["score"][-1][0]
                assert abs(end_s - datetime.fromisoformat(first["as_of"]).timestamp()) < 0.1
                upstream.set("/user/1", {"id": 1, "score": 8})
                diff = await receive_until(websocket, "diff")
            line = (await client.get("/channels/user:1?trail=1")).json()["trail"]["1"]["score"]
            assert values(line) == [7, 8]
            changed_s = next(at for at, value in line if value == 8)
            assert abs(changed_s - datetime.fromisoformat(diff["as_of"]).timestamp()) < 0.002
