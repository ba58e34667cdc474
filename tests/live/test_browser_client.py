"""The browser client in a real Chromium: whatever becomes of a link, it has the server's items."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from playwright.async_api import Page

from stream.access import LEEWAY_S
from tests.live.conftest import Complaints
from tests.live.pages import follow
from tests.live.relay import relaying
from tests.live.serving import Running, publish, serving
from tests.upstream import Upstream
from tests.waiting import until

pytestmark = pytest.mark.browser

TOML = """
[server]
heartbeat = "1s"
[sources.alerts]
kind = "push"
key = "id"
[sources.quotes]
kind = "push"
key = "code"
"""
KEY = "a-secret-of-this-test-and-of-nobody-else"
SECURED = f"""
{TOML}
[auth]
mode = "jwt"
key_env = "KEY"
"""
LOST = r"Failed to load resource|WebSocket connection to|dynamically imported"
"""What a browser says on its console when it is refused something."""
BACK_S = 2.0
"""Within how many seconds after the server is back a page has all there is."""
START_S = 15.0

transports = pytest.mark.parametrize("transport", ["ws", "sse"])


def added(log: list[dict[str, Any]]) -> list[Any]:
    """Every key that came as new, as often as it did."""
    return [key for entry in log for key in entry.get("added", [])]


@transports
async def test_a_page_gets_the_items_and_each_change(page: Page, transport: str) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", [{"id": "a", "n": 1}, {"id": "b", "n": 2}])
        client = await follow(page, running.url, channels=["alerts"], transport=transport)
        await client.until("items('alerts') === 'a,b'")
        cursor = await publish(
            running, "alerts", {"put": [{"id": "c"}], "patch": [{"id": "a", "n": 3}], "del": ["b"]}
        )
        await client.until("items('alerts') === 'a,c'")
        assert await client.items("alerts") == {"a": {"id": "a", "n": 3}, "c": {"id": "c"}}
        assert await client.call("return [client.cursor, client.transport, client.state]") == [
            cursor,
            transport,
            "live",
        ]
        diff = (await client.log("diff"))[-1]
        assert (diff["added"], diff["changed"], diff["removed"]) == (["c"], ["a"], ["b"])


async def test_an_iteration_yields_each_channel_once_with_its_newest_state(page: Page) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": "a"})
        await publish(running, "quotes", {"code": "A"})
        client = await follow(page, running.url, channels="alerts,quotes")
        await client.until("client.cursor !== null")
        found = await client.call(
            "return (async () => { const found = [];"
            " for await (const { channel, view } of client) {"
            "   found.push([channel, view.items.size]);"
            "   if (found.length === 2) client.close(); }"
            " return found; })()"
        )
        assert sorted(found) == [["alerts", 1], ["quotes", 1]]


@transports
async def test_a_link_that_was_cut_is_resumed_by_a_diff(
    page: Page, complaints: Complaints, transport: str
) -> None:
    async with serving(TOML) as running, relaying(running.url) as relay:
        await publish(running, "alerts", [{"id": "a", "n": 1}, {"id": "b", "n": 1}])
        client = await follow(page, relay.url, channels=["alerts", "quotes"], transport=transport)
        await client.until("client.cursor !== null && client.state === 'live'")
        await client.forget()
        relay.is_refusing = True
        relay.cut()
        await client.until("client.state === 'reconnecting'")
        await publish(running, "alerts", {"put": [{"id": "c", "n": 1}], "del": ["a"]})
        await publish(running, "alerts", {"patch": [{"id": "b", "n": 2}]})
        relay.is_refusing = False
        await client.until("items('alerts') === 'b,c' && client.state === 'live'")
        await publish(running, "alerts", {"id": "d", "n": 1})
        await client.until("items('alerts') === 'b,c,d'")
        log = await client.log("snapshot", "diff")
        assert [entry["type"] for entry in log] == ["diff"] * len(log)
        assert {entry["channel"] for entry in log if entry["resumed"]} == {"alerts", "quotes"}
        assert added(log) == ["c", "d"]
        assert (await client.items("alerts"))["b"] == {"id": "b", "n": 2}
    complaints.forgive(LOST)


@contextlib.asynccontextmanager
async def process(config: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """``stream serve`` as a process of its own, once it is ready; killed at the end."""
    command = (sys.executable, "-m", "stream", "serve", "--config", str(config))
    child = await asyncio.create_subprocess_exec(
        *(*command, "--port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(START_S), httpx.AsyncClient(trust_env=False) as client:
            while not await _is_ready(client, port):
                assert child.returncode is None
                await asyncio.sleep(0.02)
        yield child
    finally:
        if child.returncode is None:
            os.kill(child.pid, signal.SIGKILL)
        await child.wait()


async def _is_ready(client: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


@transports
async def test_a_server_that_was_killed_and_came_back_is_resumed_within_two_seconds(
    page: Page, complaints: Complaints, transport: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "stream.toml"
    # The draw of the waits is the mean one, so that a slow start of the server does not decide.
    await page.add_init_script("Math.random = () => 0.5")
    async with Upstream() as upstream:
        rows = [{"id": n} for n in range(5)]
        upstream.set("/rows", rows)
        config.write_text(
            f'[sources.rows]\nkind = "http"\nkey = "id"\nurl = "{upstream.url("/rows")}"\n'
            'every = "100ms"\n'
        )
        async with process(config, port) as child:
            client = await follow(
                page, f"http://127.0.0.1:{port}", channels="rows", transport=transport
            )
            await client.until("items('rows') === '0,1,2,3,4'")
            os.kill(child.pid, signal.SIGKILL)
            await child.wait()
        await client.until("client.state === 'reconnecting'")
        await client.forget()
        upstream.set("/rows", [*rows[1:], {"id": 5}])
        async with process(config, port):
            back_at = time.monotonic()
            await client.until("client.state === 'live' && items('rows') === '1,2,3,4,5'")
            took_s = time.monotonic() - back_at
            log = await client.log("snapshot", "diff")
            assert log[0]["type"] == "snapshot"
            later = added(log)
            assert len(later) == len(set(later))
            assert await client.items("rows") == {str(n): {"id": n} for n in range(1, 6)}
            assert took_s < BACK_S
    complaints.forgive(LOST)


async def test_a_503_while_a_server_is_replaced_does_not_end_an_event_stream(
    page: Page, complaints: Complaints
) -> None:
    async with serving(TOML) as running, relaying(running.url) as relay:
        await publish(running, "alerts", {"id": "a"})
        client = await follow(page, relay.url, channels="alerts", transport="sse")
        await client.until("items('alerts') === 'a'")
        cursor = await client.call("return client.cursor")
        await client.forget()
        relay.is_refusing = True
        relay.cut()
        refused = [line for line in relay.asked if "/sse/" in line]
        await until(lambda: len([x for x in relay.asked if "/sse/" in x]) >= len(refused) + 2)
        relay.is_refusing = False
        await publish(running, "alerts", {"id": "b"})
        await client.until("items('alerts') === 'a,b'")
        assert [entry["type"] for entry in await client.log("snapshot", "diff")] == ["diff"]
        assert f"since={cursor}" in relay.asked[-1]
        assert await client.log("error") == []
    complaints.forgive(LOST)


async def test_a_websocket_that_a_proxy_refuses_is_replaced_by_an_event_stream(
    page: Page, complaints: Complaints
) -> None:
    async with serving(TOML) as running, relaying(running.url) as relay:
        await publish(running, "alerts", {"id": "a"})
        await page.add_init_script(
            "window.WebSocket = class extends WebSocket {"
            " constructor(url) { super(String(url).replace('/ws/', '/nothing/')); } }"
        )
        client = await follow(page, relay.url, channels="alerts")
        await client.until("items('alerts') === 'a' && client.transport === 'sse'")
        states = [entry["state"] for entry in await client.log("state")]
        assert states.count("reconnecting") >= 2
    complaints.forgive(LOST)


async def test_a_silent_event_stream_is_noticed_and_opened_anew(
    page: Page, complaints: Complaints
) -> None:
    """The server's beat is 1 s here, so the client waits 7 s for a sign of life."""
    async with serving(TOML) as running, relaying(running.url) as relay:
        await publish(running, "alerts", {"id": "a"})
        client = await follow(page, relay.url, channels="alerts", transport="sse")
        await client.until("items('alerts') === 'a'")
        await client.forget()
        relay.flowing.clear()
        await publish(running, "alerts", {"id": "b"})
        await client.until("client.state === 'reconnecting'")
        relay.cut()
        relay.flowing.set()
        await client.until("items('alerts') === 'a,b'")
        assert added(await client.log()) == ["b"]
    complaints.forgive(LOST)


async def test_a_silent_websocket_is_noticed_and_opened_anew(
    page: Page, complaints: Complaints
) -> None:
    await page.clock.install()
    async with serving(TOML) as running, relaying(running.url) as relay:
        await publish(running, "alerts", {"id": "a"})
        client = await follow(page, relay.url, channels="alerts", transport="ws")
        await client.until("items('alerts') === 'a'")
        relay.flowing.clear()
        await publish(running, "alerts", {"id": "b"})
        await page.clock.fast_forward("00:26")
        await page.clock.fast_forward("00:11")
        await client.until("client.state === 'reconnecting'")
        relay.cut()
        relay.flowing.set()
        await page.clock.fast_forward("00:20")
        await client.until("items('alerts') === 'a,b'")
    complaints.forgive(LOST)


@transports
async def test_a_cursor_moves_on_a_quiet_event_stream_and_an_own_count_that_differs_heals(
    page: Page, transport: str
) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", [{"id": "a"}, {"id": "b"}])
        client = await follow(page, running.url, channels="alerts", transport=transport)
        await client.until("items('alerts') === 'a,b'")
        if transport == "sse":
            elsewhere = await publish(running, "quotes", {"code": "A"})
            await client.until(f"client.cursor === '{elsewhere}'")
        await client.call("client.channels.get('alerts').items.delete('a')")
        await client.forget()
        await publish(running, "alerts", {"id": "c"})
        await client.until("items('alerts') === 'a,b,c'")
        assert [entry["code"] for entry in await client.log("error")] == ["diverged"]
        assert [entry["type"] for entry in await client.log("snapshot", "diff")] == [
            "diff",
            "snapshot",
        ]


def token(*, lasts_s: float, read: str = "*") -> str:
    """A token that the server takes for so long."""
    return jwt.encode({"exp": time.time() + lasts_s, "read": [read]}, KEY, algorithm="HS256")


@transports
async def test_a_token_that_expires_is_asked_for_anew_and_the_link_resumed(
    page: Page, transport: str
) -> None:
    short, long = token(lasts_s=1.5 - LEEWAY_S), token(lasts_s=600)
    async with serving(SECURED, environ={"KEY": KEY}) as running:
        await _put(running, {"id": "a"})
        client = await follow(
            page, running.url, tokens=[short, long], channels="alerts", transport=transport
        )
        await client.until("items('alerts') === 'a'")
        await client.until("log.some((entry) => entry.resumed)")
        await _put(running, {"id": "b"})
        await client.until("items('alerts') === 'a,b'")
        assert await client.call("return window.asked") == 2
        assert await client.log("error") == []
        assert len(await client.log("snapshot")) == 1


@transports
async def test_a_token_that_expires_and_cannot_be_renewed_is_the_end(
    page: Page, complaints: Complaints, transport: str
) -> None:
    async with serving(SECURED, environ={"KEY": KEY}) as running:
        short = token(lasts_s=1.5 - LEEWAY_S)
        client = await follow(
            page, running.url, channels="alerts", transport=transport, token=short
        )
        await client.until("client.state === 'closed'")
        codes = [entry["code"] for entry in await client.log("error")]
        assert codes == ["close_1008" if transport == "ws" else "http_401"]
    complaints.forgive(LOST)


async def _put(running: Running, item: dict[str, object]) -> None:
    claims = {"exp": time.time() + 60, "publish": ["*"]}
    bearer = jwt.encode(claims, KEY, algorithm="HS256")
    async with running.http() as client:
        answer = await client.post(
            "/channels/alerts", json=item, headers={"Authorization": f"Bearer {bearer}"}
        )
        assert answer.status_code == 200, answer.text


@transports
async def test_channels_come_and_go_on_one_link_and_the_others_miss_nothing(
    page: Page, transport: str
) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": "a"})
        await publish(running, "quotes", {"code": "A"})
        client = await follow(page, running.url, channels="alerts", transport=transport)
        await client.until("items('alerts') === 'a'")
        await client.call("client.add('quotes')")
        await publish(running, "alerts", {"id": "b"})
        await client.until("items('quotes') === 'A' && items('alerts') === 'a,b'")
        await until(lambda: len(running.service.connected) == 1)
        await client.forget()
        await client.call("client.remove(['alerts'])")
        await until(lambda: subscribed(running) == [["quotes"]])
        await publish(running, "alerts", {"id": "c"})
        await publish(running, "quotes", {"code": "B"})
        await client.until("items('quotes') === 'A,B'")
        assert {entry["channel"] for entry in await client.log("diff", "snapshot")} == {"quotes"}
        await client.call("client.add('alerts')")
        await client.until("items('alerts') === 'a,b,c'")
        await until(lambda: subscribed(running) == [["alerts", "quotes"]])
        await client.call("client.remove('alerts'); client.add('alerts')")
        await publish(running, "alerts", {"del": ["a"]})
        await client.until("items('alerts') === 'b,c'")


def subscribed(running: Running) -> list[list[str]]:
    """The channels of each connection."""
    return [sorted(subscriber.subscriptions) for subscriber in running.service.connected]


@transports
async def test_a_channel_that_does_not_exist_is_let_go_and_the_others_stay(
    page: Page, complaints: Complaints, transport: str
) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": "a"})
        client = await follow(page, running.url, channels="alerts,nowhere", transport=transport)
        await client.until("items('alerts') === 'a'")
        await client.call("client.add('qoutes,quotes')")
        await client.until("client.channels.get('quotes').whole && client.channels.size === 2")
        errors = await client.log("error")
        assert [entry["channel"] for entry in errors] == ["nowhere", "qoutes"]
        assert "did you mean 'quotes'?" in errors[1]["message"]
        cursor = await publish(running, "alerts", {"id": "b"})
        await client.until("items('alerts') === 'a,b' && client.state === 'live'")
        await client.until(f"client.cursor === '{cursor}'")
    complaints.forgive(LOST)


async def test_a_client_whose_only_channel_does_not_exist_closes_and_says_why(
    page: Page, complaints: Complaints
) -> None:
    async with serving(TOML) as running:
        client = await follow(page, running.url, channels="alrets")
        await client.until("client.state === 'closed'")
        (error,) = await client.log("error")
        assert error["code"] == "http_404"
        assert "did you mean 'alerts'?" in error["message"]
    complaints.forgive(LOST)


async def test_an_announced_restart_is_waited_for_as_long_as_the_server_says(page: Page) -> None:
    async with serving(TOML) as running:
        client = await follow(page, running.url, channels="alerts", transport="ws")
        await client.until("client.cursor !== null")
        (subscriber,) = running.service.connected
        subscriber.end(1234)
        await client.until("log.some((entry) => entry.type === 'bye')")
        await client.until("client.state === 'reconnecting' && log.at(-1).wait_ms !== null")
        (bye,) = await client.log("bye")
        assert bye["retry_ms"] == 1234
        assert 1234 <= (await client.log("state"))[-1]["wait_ms"] <= 1734
        await client.until("client.state === 'live'")
