from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.live.serving import LIMIT_S, publish, receive, receive_until, serving

pytestmark = pytest.mark.both_roads

TOML = """
[sources.alerts]
kind = "push"
[sources.quotes]
kind = "push"
key = "code"
"""


async def test_a_url_subscription_gets_a_snapshot_and_then_diffs() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A", "price": 1, "name": "Alpha"})
        async with connect(f"{running.ws_url}/ws/quotes") as websocket:
            first = await receive(websocket)
            assert first["type"] == "snapshot"
            assert first["key"] == "code"
            assert first["items"] == [{"code": "A", "price": 1, "name": "Alpha"}]
            body = {"put": [{"code": "B", "price": 5}], "patch": [{"code": "A", "price": 2}]}
            cursor = await publish(running, "quotes", body)
            diff = await receive(websocket)
            assert diff["type"] == "diff"
            assert diff["put"] == [{"code": "B", "price": 5}]
            assert diff["patch"] == [{"code": "A", "price": 2}]
            assert diff["cursor"] == cursor
            assert diff["count"] == 2
            await publish(running, "quotes", {"del": ["A"]})
            gone = await receive(websocket)
            assert gone["del"] == ["A"]
            assert gone["count"] == 1


async def test_fields_where_and_keys_make_the_view() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", [{"code": "A", "p": 1, "n": 1}, {"code": "B", "p": 9}])
        where = f"{running.ws_url}/ws/quotes?where=p%20%3E%205&fields=p"
        async with connect(where) as some, connect(f"{running.ws_url}/ws/quotes?keys=A") as one:
            assert (await receive(some))["items"] == [{"code": "B", "p": 9}]
            assert (await receive(one))["items"] == [{"code": "A", "p": 1, "n": 1}]
            await publish(running, "quotes", {"patch": [{"code": "A", "p": 7}]})
            assert (await receive(some))["put"] == [{"code": "A", "p": 7}]
            assert (await receive(one))["patch"] == [{"code": "A", "p": 7}]
            await publish(running, "quotes", {"patch": [{"code": "B", "p": 2}]})
            assert (await receive(some))["del"] == ["B"]


async def test_a_bare_socket_is_welcomed_and_understands_plain_words() -> None:
    async with serving(TOML) as running:
        async with connect(f"{running.ws_url}/ws") as websocket:
            welcome = await receive(websocket)
            assert welcome["type"] == "welcome"
            assert welcome["channels"] == ["alerts", "quotes"]
            assert "sub" in welcome["hint"]
            await websocket.send("ping")
            assert (await receive(websocket))["type"] == "pong"
            await websocket.send("list")
            assert (await receive(websocket))["channels"] == ["alerts", "quotes"]
            await websocket.send("help")
            assert (await receive(websocket))["type"] == "help"
            await websocket.send("sub alerts quotes")
            names = {(await receive(websocket))["channel"] for _ in range(2)}
            assert names == {"alerts", "quotes"}


async def test_json_commands_are_answered_with_their_id() -> None:
    async with serving(TOML) as running:
        async with connect(f"{running.ws_url}/ws") as websocket:
            await receive(websocket)
            for command, event in (
                ({"op": "subscribe", "channels": ["quotes"], "id": 7}, "snapshot"),
                ({"op": "ping", "id": "p"}, "pong"),
                ({"op": "rate", "max_rate": 2, "id": 8}, "rate"),
                ({"op": "channels", "id": 9}, "channels"),
                ({"op": "unsubscribe", "channels": ["quotes"], "id": 10}, "unsubscribed"),
                ({"op": "subscribe", "channels": ["nope"], "id": 11}, "error"),
            ):
                await websocket.send(orjson.dumps(command).decode())
                answer = await receive(websocket)
                assert (answer["type"], answer["id"]) == (event, command["id"])


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("sub qoutes", "unknown_channel", "did you mean 'quotes'?"),
        ("sub quotes where='price >'", "bad_where", "where"),
        ("sub quotes since=nonsense!", "bad_cursor", "since"),
        ("subb quotes", "bad_command", "did you mean 'sub'?"),
        ('{"op": "subscribe"', "bad_json", "not JSON"),
        ('{"op": "subscribe", "channels": 5}', "bad_command", "list"),
        ("unsub quotes", "not_subscribed", "quotes"),
        ("rate 0", "bad_max_rate", "0.01"),
        ("sub quotes format=xml", "bad_format", "known are"),
    ],
)
async def test_an_error_helps_and_the_socket_lives_on(command: str, code: str, words: str) -> None:
    async with serving(TOML) as running:
        async with connect(f"{running.ws_url}/ws") as websocket:
            await receive(websocket)
            await websocket.send(command)
            error = await receive(websocket)
            assert (error["type"], error["code"]) == ("error", code)
            assert words in error["message"]
            await websocket.send("sub quotes")
            assert (await receive(websocket))["type"] == "snapshot"


@pytest.mark.parametrize(
    ("path", "status", "code", "words"),
    [
        ("/ws/qoutes", 404, "unknown_channel", "did you mean 'quotes'?"),
        ("/ws/quotes?where=price%20%3E", 400, "bad_where", "where"),
        ("/ws/quotes?since=nonsense!", 400, "bad_cursor", "since"),
        ("/ws/quotes?feilds=a", 400, "bad_parameter", "did you mean 'fields'?"),
        ("/ws/quotes?max_rate=1000", 400, "bad_max_rate", "100"),
        ("/ws/quotes,", 101, "", ""),
    ],
)
async def test_a_bad_url_is_denied_before_the_stream_opens(
    path: str, status: int, code: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(TOML) as running:
        if status == 101:
            async with connect(running.ws_url + path) as websocket:
                assert (await receive(websocket))["channel"] == "quotes"
            return
        with pytest.raises(InvalidStatus) as caught:
            async with connect(running.ws_url + path):
                pass
        response = caught.value.response
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        body: dict[str, Any] = orjson.loads(response.body or b"")
        assert (body["status"], body["code"]) == (status, code)
        assert words in body["detail"]
    # A refusal is the client's mistake, and nothing that the operator must read of.
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_page_of_another_origin_is_denied() -> None:
    async with serving(TOML) as running:
        with pytest.raises(InvalidStatus) as caught:
            async with connect(f"{running.ws_url}/ws/quotes", origin="https://evil.example"):  # type: ignore[arg-type]
                pass
        assert caught.value.response.status_code == 403


async def test_after_unsubscribe_nothing_of_that_channel_comes() -> None:
    async with serving(TOML) as running:
        async with connect(f"{running.ws_url}/ws/alerts,quotes") as websocket:
            await receive(websocket)
            await receive(websocket)
            await websocket.send("unsub alerts")
            assert (await receive(websocket))["channels"] == ["alerts"]
            await publish(running, "alerts", {"id": 1})
            await publish(running, "quotes", {"code": "A"})
            assert (await receive(websocket))["channel"] == "quotes"


async def test_a_rate_composes_what_came_between_into_one_diff() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A", "price": -1})
        async with connect(f"{running.ws_url}/ws/quotes?max_rate=2") as websocket:
            assert (await receive(websocket))["type"] == "snapshot"
            last, begun = "", time.monotonic()
            for price in range(20):
                last = await publish(running, "quotes", {"code": "A", "price": price})
            diffs = [await receive(websocket)]
            while diffs[-1]["cursor"] != last:
                diffs.append(await receive(websocket))
            assert len(diffs) <= 2 + 2 * (time.monotonic() - begun)
            assert len(diffs) < 20
            # So many changes of one item in one diff may come as the whole item.
            newest = diffs[-1].get("put") or diffs[-1].get("patch")
            assert newest == [{"code": "A", "price": 19}], diffs


async def _close_of(websocket: Any) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        async with asyncio.timeout(LIMIT_S):
            while True:
                await websocket.recv()
    received = caught.value.rcvd
    assert received is not None
    return received.code, received.reason


async def test_too_many_commands_a_second_close_with_1008() -> None:
    async with serving(TOML) as running:
        async with connect(f"{running.ws_url}/ws") as websocket:
            for _ in range(40):
                await websocket.send("ping")
            code, reason = await _close_of(websocket)
            assert code == 1008
            assert "commands" in reason


async def test_a_too_large_message_closes_with_1009() -> None:
    async with serving(TOML) as running:
        async with connect(f"{running.ws_url}/ws") as websocket:
            await websocket.send("sub " + "x" * 20_000)
            code, _ = await _close_of(websocket)
            assert code == 1009


async def test_the_text_format_is_a_line_per_item() -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", [{"code": "A", "p": 1}, {"code": "B", "p": 2}])
        async with connect(f"{running.ws_url}/ws/quotes?format=text") as websocket:
            async with asyncio.timeout(LIMIT_S):
                assert str(await websocket.recv()).endswith("quotes A p=1")
                assert str(await websocket.recv()).endswith("quotes B p=2")
                await publish(running, "quotes", {"patch": [{"code": "A", "p": 3}], "del": ["B"]})
                changed, gone = str(await websocket.recv()), str(await websocket.recv())
            assert changed.startswith("~ ")
            assert changed.endswith("quotes A p=3")
            assert gone.startswith("- ")
            assert gone.endswith("quotes B")


@pytest.mark.parametrize(("form", "member"), [("merge-patch", "merge"), ("json-patch", "ops")])
async def test_the_patch_formats_carry_one_document(form: str, member: str) -> None:
    async with serving(TOML) as running:
        await publish(running, "quotes", {"code": "A", "p": 1})
        async with connect(f"{running.ws_url}/ws/quotes?format={form}") as websocket:
            assert (await receive(websocket))["doc"] == {"A": {"code": "A", "p": 1}}
            await publish(running, "quotes", {"patch": [{"code": "A", "p": 2}]})
            change = await receive_until(websocket, "patch")
            expected = {
                "merge": {"A": {"p": 2}},
                "ops": [{"op": "add", "path": "/A/p", "value": 2}],
            }
            assert change[member] == expected[member]
