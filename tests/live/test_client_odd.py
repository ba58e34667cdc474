"""The Python client against servers that refuse, leave, lie or fall silent."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import os
import time

import pytest
from websockets.asyncio.server import ServerConnection

from stream import link
from stream.client import Ended, LinkState, Unreachable, connect
from tests.live.following import free_port, soon, take
from tests.live.odd import Odd, say, say_snapshot
from tests.waiting import until


async def test_a_full_service_is_asked_again_when_it_said() -> None:
    async def talk(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-1", "A", channel="news")
        await socket.wait_closed()

    odd = Odd(talk)
    body = b'{"code":"too_many","detail":"the service is full"}'
    odd.refusals = [(503, {"Retry-After": "1"}, body), (502, {}, b"<html>")]
    states: list[LinkState] = []
    async with odd.running(), connect(odd.url, wait_for_server=False, draw=soon) as session:
        begun = time.monotonic()
        subscription = session.subscribe("news", on_state=states.append)
        assert (await take(subscription)).added == ("A",)
        assert 1 <= time.monotonic() - begun < 2
    assert [state.why for state in states if state.word == "waiting"] == [
        "the service is full (503)",
        "the server answered (502)",
    ]


@pytest.mark.parametrize(
    ("code", "error"),
    [(1008, "not you"), (4404, "not you"), (1000, "not you")],
)
async def test_some_closes_are_final(code: int, error: str) -> None:
    async def talk(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-1", "A", channel="news")
        await socket.close(code, error)

    async with Odd(talk).running() as odd, connect(odd.url, draw=soon) as session:
        subscription = session.subscribe("news")
        await take(subscription)
        with pytest.raises(Ended, match=error) as caught:
            await take(subscription)
        assert caught.value.code == code
        assert len(odd.asked) == 1


async def test_a_goodbye_says_when_to_come_back_and_the_cursor_is_shown() -> None:
    async def leave(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-7", "A", channel="news")
        await say(socket, type="bye", reason="restart", retry_ms=700)
        await socket.close(1000)

    async def stay(socket: ServerConnection) -> None:
        diff = {"channel": "news", "cursor": "e-8", "count": 1, "resumed": True}
        await say(socket, type="diff", **diff)
        await socket.wait_closed()

    async with Odd(leave, stay).running() as odd, connect(odd.url, draw=soon) as session:
        subscription = session.subscribe("news")
        await take(subscription)
        left_at = time.monotonic()
        assert (await take(subscription)).resumed
        assert 0.6 < time.monotonic() - left_at < 2
        assert odd.asked == ["/ws/news", "/ws/news?since=e-7"]


async def test_a_link_that_breaks_between_first_messages_asks_for_all_of_them_again() -> None:
    async def half(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-0", "A", channel="news")
        socket.transport.abort()

    async def whole(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-0", "A", channel="news")
        await say_snapshot(socket, "e-9", "B", channel="quotes")
        await socket.wait_closed()

    async with Odd(half, whole).running() as odd, connect(odd.url, draw=soon) as session:
        subscription = session.subscribe("news", "quotes")
        cursors = {(await take(subscription)).cursor for _ in range(2)}
        await until(lambda: subscription._link.cursor == "e-9", what="both first messages")
        while subscription.cursor is None:
            cursors.add((await take(subscription)).cursor)
        assert cursors <= {None, "e-9"}
        assert odd.asked == ["/ws/news,quotes"] * 2


async def test_a_copy_that_differs_is_asked_for_again_without_a_cursor() -> None:
    async def lie(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-1", "A", channel="news")
        await say(socket, type="diff", channel="news", cursor="e-2", count=5, put=[{"id": "B"}])
        await socket.wait_closed()

    async def repent(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-3", "A", "B", "C", channel="news")
        await socket.wait_closed()

    async with Odd(lie, repent).running() as odd, connect(odd.url, draw=soon) as session:
        subscription = session.subscribe("news")
        seen = [await take(subscription)]
        while seen[-1].cursor != "e-3":
            seen.append(await take(subscription))
        assert list(seen[-1].items) == ["A", "B", "C"]
        assert all("B" not in update.items for update in seen[:-1])
        assert odd.asked == ["/ws/news", "/ws/news"]


async def test_a_link_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PING_S", 0.2)
    is_over = asyncio.Event()

    async def mute(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-1", "A", channel="news")
        socket.transport.pause_reading()
        await is_over.wait()

    async def talk(socket: ServerConnection) -> None:
        await say_snapshot(socket, "f-1", "B", channel="news")
        await socket.wait_closed()

    states: list[LinkState] = []
    async with Odd(mute, talk).running() as odd, connect(odd.url, draw=soon) as session:
        subscription = session.subscribe("news", on_state=states.append)
        await take(subscription)
        assert (await take(subscription)).added == ("B",)
        is_over.set()
    assert "ping" in next(state.why for state in states if state.word == "waiting")


async def test_a_server_that_was_never_there_is_waited_for_or_not_as_one_likes() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with connect(url, wait_for_server=False) as session:
        with pytest.raises(Unreachable, match=r"cannot be reached: .*[Cc]onnect"):
            await take(session.subscribe("news"))
    states: list[LinkState] = []
    async with connect(url, draw=soon) as session:
        session.subscribe("news", on_state=states.append)
        await until(lambda: len([s for s in states if s.word == "waiting"]) > 2, what="attempts")


async def test_a_token_is_shown_in_a_header_and_stands_in_no_url() -> None:
    async def talk(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-1", channel="news")
        await socket.wait_closed()

    good, bad = ("abc.d" + end for end in ("", "\n"))
    async with Odd(talk).running() as odd, connect(odd.url, token=good) as session:
        await take(session.subscribe("news"))
        assert odd.headers["Authorization"] == "Bearer abc.d"
        assert odd.asked == ["/ws/news"]
        with pytest.raises(ValueError, match="line break"):
            connect(odd.url, token=bad).subscribe("news")


async def test_a_token_is_not_shown_to_another_origin_that_a_redirect_leads_to() -> None:
    async def talk(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-1", channel="news")
        await socket.wait_closed()

    other, odd = Odd(talk), Odd(talk)
    token = "abc." + "d"
    async with other.running(), odd.running(), connect(odd.url, token=token) as session:
        odd.refusals = [(302, {"Location": other.url.replace("http", "ws") + "/ws/news"}, b"")]
        await take(session.subscribe("news"))
        assert (odd.headers["Authorization"], other.asked) == (f"Bearer {token}", ["/ws/news"])
        assert "Authorization" not in other.headers


async def test_a_redirect_to_a_page_is_said_to_be_one() -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with Odd(talk).running() as odd, connect(odd.url) as session:
        odd.refusals = [(301, {"Location": "https://desk.example/"}, b"")]
        with pytest.raises(Unreachable, match="https://desk.example/"):
            await take(session.subscribe("news"))


async def test_what_is_no_service_at_all_is_tried_again_or_given_up_as_one_likes() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0-x\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(url, wait_for_server=False) as session:
            with pytest.raises(Unreachable, match="valid HTTP response"):
                await take(session.subscribe("news"))


async def test_a_token_that_is_not_to_be_had_now_is_waited_for() -> None:
    async def talk(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-1", channel="news")
        await socket.wait_closed()

    outages = [OSError("no door"), TimeoutError()]

    def token() -> str:
        if outages:
            raise outages.pop(0)
        return "abc"

    states: list[LinkState] = []
    async with Odd(talk).running() as odd, connect(odd.url, token=token, draw=soon) as session:
        await take(session.subscribe("news", on_state=states.append))
        assert odd.headers["Authorization"] == "Bearer abc"
        assert odd.asked == ["/ws/news"]
    assert [s.why for s in states if s.word == "waiting"] == ["no door", "TimeoutError"]


async def test_a_token_function_that_fails_otherwise_or_gives_nonsense_ends_it() -> None:
    async def nonsense() -> str:
        return "a\nb"

    def broken() -> str:
        raise KeyError("token")

    for token, error in ((nonsense, ValueError), (broken, KeyError)):
        async with connect("http://127.0.0.1:1", token=token) as session:
            with pytest.raises(error):
                await take(session.subscribe("news"))


async def test_a_token_that_is_given_too_late_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "OPEN_S", 0.05)

    async def never() -> str:
        return await asyncio.Future()

    states: list[LinkState] = []
    async with connect("http://127.0.0.1:1", token=never, draw=soon) as session:
        session.subscribe("news", on_state=states.append)
        await until(lambda: len([s for s in states if s.word == "waiting"]) > 1, what="attempts")
    assert "there was no token in time" in {state.why for state in states}


async def test_what_is_no_message_of_the_protocol_is_passed_over() -> None:
    async def talk(socket: ServerConnection) -> None:
        for odd in ("[1]", "nonsense", b"\xff", '{"type":["x"],"channel":["news"]}'):
            await socket.send(odd)
        await say(socket, type="snapshot", channel={"a": 1})
        await say(socket, type="other", channel="news")
        await say(socket, type="bye", retry_ms="soon")
        await say_snapshot(socket, "e-1", "A", channel="news")
        await socket.wait_closed()

    async with Odd(talk).running() as odd, connect(odd.url) as session:
        assert (await take(session.subscribe("news"))).added == ("A",)
        assert len(odd.asked) == 1


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        ("nonsense://me:hidden@127.0.0.1:1", "the proxy cannot be used"),
        ("socks5://me:hidden@127.0.0.1:1", "python-socks"),
    ],
)
async def test_a_proxy_that_cannot_be_used_is_said_to_be_the_cause(
    proxy: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why == "python-socks" and importlib.util.find_spec("python_socks") is not None:
        pytest.skip("it can be used: python-socks is installed")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ws_proxy", proxy)
    async with connect("http://127.0.0.1:1") as session:
        with pytest.raises(Unreachable, match=why) as caught:
            await take(session.subscribe("news"))
    assert "hidden" not in str(caught.value)


async def test_it_can_be_closed_in_every_state_and_leaves_nothing_behind() -> None:
    is_over = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await is_over.wait()
        writer.close()

    async def talk(socket: ServerConnection) -> None:
        await say_snapshot(socket, "e-1", "A", channel="news")
        await socket.wait_closed()

    async def flood(socket: ServerConnection) -> None:
        """So much that a reader without a key, who looks at one after the other, is far behind."""
        for n in range(1, 99):
            put = [{"id": "A", "text": os.urandom(9_000).hex()}]
            await say(socket, type="diff", channel="news", cursor=f"e-{n}", count=1, put=put)
        await socket.wait_closed()

    before = asyncio.all_tasks()
    async with (
        await asyncio.start_server(mute, "127.0.0.1", 0) as silent,
        Odd(talk).running() as talking,
        Odd(flood).running() as flooding,
    ):
        port = silent.sockets[0].getsockname()[1]
        places = {
            f"http://127.0.0.1:{port}": "connecting",
            f"https://127.0.0.1:{port}": "connecting",
            f"http://127.0.0.1:{free_port()}": "waiting",
            talking.url: "live",
            flooding.url: "live",
        }
        for url, word in places.items():
            states: list[LinkState] = []
            async with connect(url, draw=lambda: 1.0) as session:
                subscription = session.subscribe("news", since="e-0", on_state=states.append)
                await until(lambda: states[-1:] and states[-1].word == word, what=word)  # noqa: B023
                if word == "live":
                    await take(subscription)
                await asyncio.gather(subscription.aclose(), subscription.aclose())
            assert states[-1].word == word
        is_over.set()
    await until(lambda: asyncio.all_tasks() == before, what="the end of all tasks")
    gc.collect()  # a socket that was left open would be a warning here
