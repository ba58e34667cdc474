"""The Python client against the real service."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import jwt
import pytest

from stream.access import LEEWAY_S
from stream.client import (
    Ended,
    LinkError,
    LinkState,
    Refused,
    Unreachable,
    Update,
    connect,
)
from stream.doors import websocket_direct
from stream.framing import Framing
from stream.model import Item, Key
from tests.certificates import certify
from tests.live.commands import ran
from tests.live.following import free_port, soon, take
from tests.live.serving import LIMIT_S, Running, publish, serving
from tests.waiting import until

TOML = """
[sources.quotes]
kind = "push"
key = "code"
[sources.news]
kind = "push"
key = "id"
"""
START_S = 20.0
"""Longest that a service may take to start, on a busy machine too."""


@pytest.mark.both_roads
async def test_a_snapshot_then_what_changes_and_the_copy_holds_both() -> None:
    async with serving(TOML) as running, connect(running.url) as session:
        await publish(running, "quotes", [{"code": "A", "last": 1}, {"code": "B", "last": 1}])
        subscription = session.subscribe("quotes")
        first = await take(subscription)
        assert (first.kind, first.added, first.key) == ("snapshot", ("A", "B"), "code")
        cursor = await publish(
            running,
            "quotes",
            {"put": [{"code": "C"}], "patch": [{"code": "A", "last": 2}], "del": ["B"]},
        )
        change = await take(subscription)
        assert (change.kind, change.cursor) == ("diff", cursor)
        assert (change.added, change.changed, change.removed) == (("C",), ("A",), ("B",))
        assert change.patch == ({"code": "A", "last": 2},)
        assert session.state == {"quotes": {"A": {"code": "A", "last": 2}, "C": {"code": "C"}}}
        assert session.cursor == subscription.cursor == cursor
        assert session.status["quotes"].state == "ok"


async def test_a_view_is_what_was_asked_for() -> None:
    async with serving(TOML) as running, connect(running.url) as session:
        items = [{"code": c, "last": n, "bid": n} for n, c in enumerate("ABCD")]
        await publish(running, "quotes", items)
        seen = session.subscribe(
            "quotes", fields=["last"], keys=["B", "C", "D"], where="last > 1", max_rate=50
        )
        both = session.subscribe("quotes", keys=["A"])
        assert (await take(seen)).put == ({"code": "C", "last": 2}, {"code": "D", "last": 3})
        assert (await take(both)).added == ("A",)


async def test_what_a_slow_reader_missed_is_one_update_per_channel_and_its_cursor_owns_up() -> None:
    async with serving(TOML) as running, connect(running.url) as session:
        subscription = session.subscribe("quotes", "news")
        for _ in range(2):
            await take(subscription)
        before = subscription.cursor
        for n in range(200):
            await publish(running, "quotes", {"code": f"K{n % 3}", "n": n})
        last = await publish(running, "news", {"id": 1})
        held = subscription._mirrors["news"]
        await until(lambda: held.is_new, what="the last message")
        quotes = await take(subscription)
        assert (quotes.channel, len(quotes.put), quotes.conflated) == ("quotes", 3, 200)
        assert quotes.items["K1"]["n"] == 199
        assert quotes.cursor != last, "the news was not given yet"
        assert quotes.cursor != before
        news = await take(subscription)
        assert (news.channel, news.cursor) == ("news", last)


@contextlib.asynccontextmanager
async def process(port: int, path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """``stream serve`` on this port, ready; killed at the end."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream", "serve", "--config", str(path), "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(START_S):
            assert b"http://" in await child.stdout.readline()
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_a_service_that_was_killed_and_restarted_is_followed_again_with_the_next_attempt(
    tmp_path: Path,
) -> None:
    path = tmp_path / "stream.toml"
    path.write_text('[sources.host]\nkind = "system"\nevery = "100ms"\n')
    port = free_port()
    states: list[LinkState] = []
    held: dict[Key, Item] = {}
    # The waits: 0.1 s, 0.2 s, 0.4 s, 0.8 s, 1.6 s, 3.2 s.
    async with connect(f"http://127.0.0.1:{port}", draw=lambda: 0.2) as session:
        subscription = session.subscribe("host", on_state=states.append)

        async def follow(not_this: str) -> str:
            """Follow until there is a change of another life of the service; its epoch."""
            async for change in subscription:
                follow_along(held, change)
                assert held == change.items
                epoch = (change.cursor or "").partition("-")[0]
                if change.kind == "diff" and epoch != not_this:
                    return epoch
            raise AssertionError("it ended")

        async with process(port, path) as first, asyncio.timeout(LIMIT_S):
            epoch = await follow("")
            first.kill()
            await first.wait()
        async with process(port, path), asyncio.timeout(LIMIT_S):
            back_at = time.monotonic()
            await follow(epoch)
            waited_s = [state.wait_s for state in states if state.word == "waiting"]
            assert time.monotonic() - back_at < waited_s[-1] + 1


def follow_along(held: dict[Key, Item], change: Update) -> None:
    """Do what the change says, knowing nothing else; a host's items have an ``id``."""
    held |= {cast("Key", item["id"]): item for item in change.put}
    for part in change.patch:
        key = cast("Key", part["id"])
        held[key] = {**held[key], **part}
    for key in change.delete:
        del held[key]


async def test_a_lost_link_resumes_with_its_cursor_and_nothing_is_missing_or_doubled() -> None:
    async with serving(TOML) as running, connect(running.url, draw=soon) as session:
        await publish(running, "quotes", [{"code": "A", "n": 0}, {"code": "B", "n": 0}])
        subscription = session.subscribe("quotes")
        await take(subscription)
        await _cut(running)
        await publish(running, "quotes", {"put": [{"code": "C"}], "del": ["B"]})
        change = await take(subscription)
        assert change.resumed
        assert (change.kind, change.added, change.changed) == ("diff", ("C",), ())
        assert change.removed == ("B",)


async def _cut(running: Running) -> None:
    """Break every connection without a word, as a network does."""
    for subscriber in list(running.service.connected):
        assert isinstance(subscriber.road, websocket_direct.DirectWebSocket)
        subscriber.road.transport.abort()
    await until(lambda: not running.service.connected, what="the end of all connections")


async def test_a_cursor_of_another_day_continues_what_one_kept_oneself() -> None:
    async with serving(TOML) as running:
        async with connect(running.url) as session:
            cursor = await publish(running, "quotes", [{"code": "A"}, {"code": "B"}])
        await publish(running, "quotes", {"put": [{"code": "C"}], "del": ["A"]})
        async with connect(running.url) as session:
            subscription = session.subscribe("quotes", since=cursor)
            change = await take(subscription)
            assert change.resumed
            assert (change.put, change.delete) == (({"code": "C"},), ("A",))
            for n in range(3):
                await publish(running, "quotes", {"code": f"D{n}"})
            seen = [await take(subscription) for _ in range(3)]
            assert [update.put for update in seen] == [({"code": f"D{n}"},) for n in range(3)]


async def test_an_unknown_channel_is_refused_with_the_nearest_one() -> None:
    async with serving(TOML) as running, connect(running.url) as session:
        with pytest.raises(Refused, match="did you mean 'quotes'") as caught:
            await take(session.subscribe("qoutes"))
        assert (caught.value.status, caught.value.code) == (404, "unknown_channel")


async def test_a_bad_view_is_refused_and_the_refusal_is_remembered() -> None:
    async with serving(TOML) as running, connect(running.url) as session:
        subscription = session.subscribe("quotes", where="last >")
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                await take(subscription)
            assert caught.value.status == 400


async def test_a_token_opens_the_door_and_its_end_ends_the_stream() -> None:
    key = "a key of the tests that is long enough"
    toml = TOML + '[auth]\nmode = "jwt"\nkey_env = "K"\n'
    async with serving(toml, environ={"K": key}) as running:
        async with connect(running.url) as session:
            with pytest.raises(Refused, match="a token is needed") as refused:
                await take(session.subscribe("quotes"))
            assert refused.value.status == 401
        # It ends in one or two seconds: clocks may be apart by so much more.
        claims = {"exp": int(time.time()) - LEEWAY_S + 2, "read": ["quotes"]}
        token = jwt.encode(claims, key, algorithm="HS256")
        async with connect(running.url, token=token) as session:
            subscription = session.subscribe("quotes")
            assert (await take(subscription)).kind == "snapshot"
            with pytest.raises(Ended, match="token expired") as ended:
                await take(subscription)
            assert ended.value.code == 1008


async def test_a_function_gives_the_next_token_when_one_has_expired() -> None:
    key = "a key of the tests that is long enough"
    lives_s = [2, 3600]
    given: list[int] = []

    async def token() -> str:
        given.append(lives_s[len(given)])
        claims = {"exp": int(time.time()) - LEEWAY_S + given[-1], "read": ["quotes"]}
        return jwt.encode(claims, key, algorithm="HS256")

    async with serving(
        TOML + '[auth]\nmode = "jwt"\nkey_env = "K"\n', environ={"K": key}
    ) as running:
        async with connect(running.url, token=token, draw=soon) as session:
            subscription = session.subscribe("quotes")
            assert (await take(subscription)).kind == "snapshot"
            assert (await take(subscription)).resumed
    assert given == lives_s


async def test_what_was_closed_has_no_say_in_the_sessions_cursor() -> None:
    async with serving(TOML) as running, connect(running.url) as session:
        await session.subscribe("news").aclose()
        quotes = session.subscribe("quotes")
        await take(quotes)
        assert session.cursor == quotes.cursor is not None
        assert set(session.state) == {"quotes"}
        await asyncio.gather(quotes.aclose(), quotes.aclose())


async def test_nothing_can_be_subscribed_to_where_nobody_would_end_it() -> None:
    async with connect("http://127.0.0.1:1") as session:
        pass
    with pytest.raises(RuntimeError, match="the session has ended"):
        session.subscribe("quotes")
    with pytest.raises(RuntimeError, match="no running event loop"):
        await asyncio.to_thread(connect("http://127.0.0.1:1").subscribe, "quotes")
    gc.collect()  # a coroutine that was never begun would be a warning here


async def test_a_service_that_drains_is_come_back_to() -> None:
    states: list[LinkState] = []
    async with serving(TOML) as running, connect(running.url, draw=soon) as session:
        subscription = session.subscribe("quotes", on_state=states.append)
        await take(subscription)
        next(iter(running.service.connected)).end(200)
        await until(lambda: states[-1].word == "waiting", what="the end of the link")
        assert states[-1].why == "restart (1012)"
        assert 0.2 <= states[-1].wait_s <= 0.25
        assert (await take(subscription)).resumed


async def test_it_speaks_tls_with_ones_own_certificates_and_refuses_others(
    tmp_path: Path,
) -> None:
    files = certify(tmp_path)
    async with serving(f"[server]\n{files.toml}{TOML}") as running:
        assert running.url.startswith("https://")
        async with connect(running.url, tls=files.trust()) as session:
            assert (await take(session.subscribe("news"))).kind == "snapshot"
        async with connect(running.url) as session:
            with pytest.raises(Unreachable, match="certificate"):
                await take(session.subscribe("news"))


async def test_https_where_there_is_only_http_is_said_to_be_that() -> None:
    async with serving(TOML) as running:
        url = running.url.replace("http", "https")
        async with connect(url, wait_for_server=False) as session:
            with pytest.raises(Unreachable, match=r"http instead of https\?"):
                await take(session.subscribe("news"))
        assert "http instead of https?" in (await ran("get", url, "news")).err


async def test_frames_that_are_packed_are_made_once_for_all_here_too() -> None:
    async with serving("[server]\ndeflate = true\n" + TOML) as running:
        await publish(running, "quotes", [{"code": n, "text": "x" * 99} for n in range(99)])
        async with connect(running.url) as session:
            assert len((await take(session.subscribe("quotes"))).items) == 99
            (subscriber,) = running.service.connected
            assert isinstance(subscriber.road, websocket_direct.DirectWebSocket)
            assert subscriber.road.framing is Framing.DEFLATED


async def test_a_session_that_ends_leaves_no_connection_and_no_task() -> None:
    async with serving(TOML) as running:
        tasks = asyncio.all_tasks()
        async with connect(running.url) as session:
            subscription = session.subscribe("quotes")
            session.subscribe("qoutes")
            await take(subscription)
            waiting = asyncio.create_task(take(subscription))
            await asyncio.sleep(0)
        with pytest.raises(StopAsyncIteration):
            await waiting
        assert not {task for task in asyncio.all_tasks() - tasks if "Link.run" in repr(task)}
        await until(lambda: not running.service.connected, what="the end of the connection")


def test_every_error_of_the_client_is_a_link_error() -> None:
    for kind in (Refused, Ended, Unreachable):
        assert issubclass(kind, LinkError)
