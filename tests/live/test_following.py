"""An upstream event stream behind the whole service."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import connect

from tests.live.serving import LIMIT_S, receive, receive_until, serving
from tests.upstream import RawUpstream
from tests.waiting import until

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


async def test_an_upstreams_events_reach_a_reader_and_a_cut_is_told_and_healed() -> None:
    async with RawUpstream() as raw:
        more, end = asyncio.Event(), asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(HEAD + b'retry: 1\nid: 1\ndata: {"id":"a","n":1}\n\n')
            await more.wait()
            writer.write(b'id: 2\ndata: {"id":"a","n":2}\n\n')
            await end.wait()

        raw.set("/s", script)
        toml = f'[channels.s]\nretain = 3\n[sources.s]\nkind = "sse"\nurl = "{raw.url("/s")}"\n'
        async with serving(toml) as running:
            (poller,) = running.service.catalog.pollers()
            poller.draw = lambda: 0.0
            channel = running.service.hub.get("s")
            await until(lambda: len(channel.state) == 1, what="the first event")
            async with connect(f"{running.ws_url}/ws/s") as websocket:
                assert (await receive(websocket))["items"] == [{"id": "a", "n": 1}]
                more.set()
                diff = await receive_until(websocket, "diff")
                assert diff["patch"] == [{"id": "a", "n": 2}]
                raw.set("/s", b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n")
                end.set()
                failing = await receive_until(websocket, "status")
                assert (failing["state"], failing["error"]["kind"]) == ("failing", "http_503")
                flood = b"".join(b'data: {"id":"%d"}\n\n' % n for n in range(50))

                async def again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    writer.write(HEAD + flood)
                    await reader.read()

                raw.set("/s", again)
                assert (await receive_until(websocket, "status"))["state"] == "ok"
                await until(
                    lambda: "49" in channel.state.entries, what="the flood", within_s=LIMIT_S
                )
                assert sorted(channel.state.entries) == ["47", "48", "49"]
            heads = [head.lower() for head in raw.heads("/s")]
            assert b"last-event-id" not in heads[0]
            assert all(b"last-event-id: 2\r\n" in head for head in heads[1:])


async def test_a_watched_stream_is_hung_up_after_the_last_reader() -> None:
    async with RawUpstream() as raw:
        gone = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(HEAD + b'data: {"id":"a"}\n\n')
            while not writer.is_closing() and not reader.at_eof():
                writer.write(b": beat\n\n")
                await asyncio.sleep(0.05)
            gone.set()

        raw.set("/s", script)
        toml = f"""[sources.s]
kind = "sse"
url = "{raw.url("/s")}"
demand = "watched"
linger = "100ms"
"""
        async with serving(toml) as running:
            channel = running.service.hub.get("s")
            await until(lambda: channel.status.state == "paused", what="the pause")
            assert raw.connections == 0
            async with connect(f"{running.ws_url}/ws/s"):
                await until(lambda: len(channel.state) == 1, what="the event")
            async with asyncio.timeout(LIMIT_S):
                await gone.wait()
            assert channel.status.state == "paused"
