from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

from websockets.asyncio.client import connect

from stream.poller import Poller
from stream.sources.base import PollState
from tests.live.serving import LIMIT_S, Message, Running, receive, serving
from tests.upstream import Answer, Upstream
from tests.waiting import until

GOOD = [{"code": "A", "p": 1}, {"code": "B", "p": 2}]
OTHER = [{"code": "A", "p": 1}, {"code": "B", "p": 3}]


def source(upstream: Upstream, name: str, **more: object) -> str:
    """A TOML table of an HTTP source that is read ten times a second."""
    keys = {"kind": "http", "url": upstream.url(f"/{name}"), "every": "100ms", "key": "code"}
    rows = [f'{key} = "{value}"' for key, value in (keys | more).items()]
    return "\n".join([f"[sources.{name}]", *rows, ""])


def poller(running: Running, name: str) -> Poller:
    """The poller of a source, without chance in its pauses: a failure is retried at once."""
    found = next(p for p in running.service.catalog.pollers() if p.name == name)
    found.draw = lambda: 0.0
    return found


async def _state(websocket: Any, state: str) -> tuple[Message, list[Message]]:
    """The status that says so, and what came before it."""
    before: list[Message] = []
    while (message := await receive(websocket)).get("state") != state:
        before.append(message)
    return message, before


async def test_no_kind_of_failure_publishes_anything_and_good_news_come_back() -> None:
    async with Upstream() as upstream:
        upstream.set("/q", GOOD)
        async with serving(source(upstream, "q")) as running:
            tally = poller(running, "q").tally
            await upstream.wait_hits("/q", 1)
            channel = running.service.hub.get("q")
            await until(lambda: len(channel.state) == 2, what="the first read")
            seq = channel.state.seq
            async with connect(f"{running.ws_url}/ws/q") as websocket:
                assert (await receive(websocket))["items"] == GOOD
                for body, status, kind in (
                    (b"oops", 500, "http_500"),
                    (b'[{"code": "A", "p"', 200, "bad_json"),
                    (b"<!doctype html><p>login</p>", 200, None),
                    (b"", 200, None),
                ):
                    failures = tally.failures
                    upstream.set("/q", body, status=status)
                    await until(
                        lambda before=failures: tally.failures > before + 1,  # type: ignore[misc]
                        within_s=LIMIT_S,
                        what=f"a failure of {body!r}",
                    )
                    fault = channel.status.error
                    assert fault is not None
                    assert kind in (None, fault.kind)
                    assert channel.status.state == "failing"
                    assert channel.state.seq == seq
                failing, before = await _state(websocket, "failing")
                assert failing["error"]["kind"] == "http_500"
                assert [m for m in before if m["type"] == "diff"] == []
                upstream.set("/q", OTHER)
                _, before = await _state(websocket, "ok")
                assert {m["state"] for m in before if m["type"] == "status"} <= {"failing"}
                changes = [m for m in before if m["type"] == "diff"] or [await receive(websocket)]
                assert [m["patch"] for m in changes] == [[{"code": "B", "p": 3}]]


async def test_429_with_retry_after_is_limited_and_obeyed() -> None:
    async with Upstream() as upstream:
        upstream.script("/q", Answer(b"", 429, {"Retry-After": "2"}), Answer(GOOD))
        async with serving(source(upstream, "q")) as running:
            async with connect(f"{running.ws_url}/ws/q") as websocket:
                limited, _ = await _state(websocket, "limited")
                assert limited["error"]["kind"] == "http_429"
                await _state(websocket, "ok")
            first, second = (hit.at_s for hit in upstream.hits("/q")[:2])
            assert second - first >= 1.9


async def test_an_empty_answer_is_believed_the_second_time() -> None:
    async with Upstream() as upstream:
        upstream.set("/q", GOOD)
        async with serving(source(upstream, "q")) as running:
            channel = running.service.hub.get("q")
            await until(lambda: len(channel.state) == 2, what="the first read")
            upstream.script("/q", Answer([]), Answer(GOOD))
            n = len(upstream.hits("/q"))
            seq = channel.state.seq
            await upstream.wait_hits("/q", n + 3)
            assert channel.state.seq == seq
            upstream.set("/q", [])
            await until(lambda: len(channel.state) == 0, what="the second empty answer")


async def test_an_unchanged_answer_is_asked_for_with_validators_and_counted() -> None:
    async with Upstream() as upstream:
        upstream.set("/q", GOOD, etag=True)
        async with serving(source(upstream, "q")) as running, running.http() as client:
            tally = poller(running, "q").tally
            await until(lambda: tally.not_modified >= 3, what="three 304s")
            (row,) = (await client.get("/status")).json()["sources"]
            assert row["not_modified"] >= 3
            assert row["changes"] == 1
            assert (await client.get("/channels/q")).json()["items"] == GOOD


async def test_sources_share_a_channel_and_one_that_fails_does_not_hurt_the_other() -> None:
    async with Upstream() as upstream:
        upstream.set("/one", [{"code": "A", "p": 1}])
        upstream.set("/two", [{"code": "B", "p": 1}])
        toml = source(upstream, "one", channel="all") + source(upstream, "two", channel="all")
        async with serving(toml) as running:
            poller(running, "one")
            poller(running, "two")
            channel = running.service.hub.get("all")
            await until(lambda: len(channel.state) == 2, what="both sources")
            async with connect(f"{running.ws_url}/ws/all") as websocket:
                first = await receive(websocket)
                assert {i["code"]: i["source"] for i in first["items"]} == {"A": "one", "B": "two"}
                upstream.set("/one", b"", status=503)
                failing, _ = await _state(websocket, "failing")
                assert failing["error"]["message"].startswith("one: ")
                upstream.set("/two", [{"code": "B", "p": 2}])
                diff = await receive(websocket)
                while diff["type"] != "diff":
                    diff = await receive(websocket)
                assert diff["patch"] == [{"code": "B", "p": 2}]
                assert diff["count"] == 2


async def test_a_watched_source_sleeps_until_a_reader_comes_and_after_the_last_one_left() -> None:
    async with Upstream() as upstream:
        upstream.set("/q", GOOD)
        toml = source(upstream, "q", demand="watched", linger="100ms")
        async with serving(toml) as running:
            channel = running.service.hub.get("q")
            await until(lambda: channel.status.state == "paused", what="the pause")
            assert upstream.hits("/q") == []
            async with connect(f"{running.ws_url}/ws/q") as websocket:
                async with asyncio.timeout(LIMIT_S):
                    while (message := await receive(websocket))["type"] != "diff":
                        if message.get("items"):
                            break
                assert message["count"] == 2
            await until(lambda: channel.status.state == "paused", what="the second pause")


FEED = b"""<rss version="2.0"><channel><title>Desk</title><ttl>30</ttl>
<item><title>One</title><guid>1</guid></item></channel></rss>"""


async def test_a_feed_is_read_as_rarely_as_it_asks_even_after_a_304() -> None:
    async with Upstream() as upstream:
        upstream.set("/f", FEED, etag=True)
        toml = source(upstream, "f").replace('"http"', '"feed"').replace('key = "code"\n', "")
        async with serving(toml) as running, running.http() as client:
            found = poller(running, "f")
            await until(lambda: (found.status.next_poll or 0.0) - time.time() > 1700)
            assert found.tally.polls == 1
            again = await found.source.poll(PollState())
            assert (again.not_modified, again.hints.min_delay_s) == (True, 1800)
            (row,) = (await client.get("/status")).json()["sources"]
            assert (row["breaker"], row["held_removals"]) == ("closed", 0)
            assert upstream.hits("/f")[1].headers["if-none-match"]


async def test_a_spent_allowance_is_limited_until_it_is_renewed() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 600)}
    async with Upstream() as upstream:
        upstream.set("/q", b"", status=403, headers=headers)
        async with serving(source(upstream, "q")) as running:
            async with connect(f"{running.ws_url}/ws/q") as websocket:
                limited, _ = await _state(websocket, "limited")
            assert limited["error"]["kind"] == "http_403"
            left_s = datetime.fromisoformat(limited["next_poll"]).timestamp() - time.time()
            assert 580 < left_s < 670
