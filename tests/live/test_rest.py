from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response
from websockets.asyncio.client import connect

from stream.doors import publishing
from tests.live.serving import LIMIT_S, publish, receive, serving
from tests.upstream import Upstream, unused_port
from tests.waiting import until

TOML = """
[sources.alerts]
kind = "push"
[sources.quotes]
kind = "push"
key = "code"
"""


async def test_the_list_names_every_channel() -> None:
    async with serving(TOML) as running, running.http() as client:
        await publish(running, "quotes", {"code": "A"})
        rows = {row["name"]: row for row in (await client.get("/channels")).json()["channels"]}
        assert rows.keys() == {"alerts", "quotes"}
        assert rows["quotes"]["key"] == "code"
        assert rows["quotes"]["count"] == 1
        assert rows["quotes"]["kind"] == "push"
        assert rows["quotes"]["state"] == "ok"
        assert rows["quotes"]["changes"] == 1
        assert "shape" not in rows["quotes"]


async def test_the_list_says_how_much_changed_and_what_shape_the_items_have() -> None:
    async with serving(TOML) as running, running.http() as client:
        await publish(running, "quotes", [{"code": c, "symbol": c, "last": 1} for c in "AB"])
        await publish(running, "quotes", {"patch": [{"code": "A", "last": 2}], "del": ["B"]})
        await publish(running, "alerts", {"id": 1, "title": "T", "url": "https://a.example/"})
        rows = {row["name"]: row for row in (await client.get("/channels")).json()["channels"]}
        assert (rows["quotes"]["changes"], rows["quotes"]["shape"]) == (4, "quote")
        assert (rows["alerts"]["changes"], rows["alerts"]["shape"]) == (1, "article")


async def test_a_source_is_told_by_its_own_kind_and_a_channel_by_those_of_all_its_sources() -> None:
    toml = """
[sources.host]
kind = "system"
channel = "all"
[sources.pushed]
kind = "push"
channel = "all"
"""
    async with serving(toml) as running, running.http() as client:
        (row,) = (await client.get("/status")).json()["sources"]
        assert (row["source"], row["kind"]) == ("host", "system")
        (channel,) = (await client.get("/channels")).json()["channels"]
        assert channel["kind"] == "system,push"


async def test_a_snapshot_has_an_etag_that_holds_until_the_channel_changes() -> None:
    async with serving(TOML) as running, running.http() as client:
        await publish(running, "quotes", [{"code": "A", "p": 1, "n": 1}, {"code": "B", "p": 2}])
        answer = await client.get("/channels/quotes")
        assert answer.json()["type"] == "snapshot"
        assert [item["code"] for item in answer.json()["items"]] == ["A", "B"]
        tag = {"If-None-Match": answer.headers["etag"]}
        await publish(running, "alerts", {"id": 1})
        assert (await client.get("/channels/quotes", headers=tag)).status_code == 304
        await publish(running, "quotes", {"del": ["A"]})
        assert (await client.get("/channels/quotes", headers=tag)).status_code == 200
        view = await client.get("/channels/quotes?keys=B&fields=p")
        assert view.json()["items"] == [{"code": "B", "p": 2}]


async def test_since_answers_the_composed_diff() -> None:
    async with serving(TOML) as running, running.http() as client:
        since = await publish(running, "quotes", {"code": "A", "p": 1})
        await publish(running, "quotes", {"patch": [{"code": "A", "p": 2}]})
        last = await publish(running, "quotes", {"patch": [{"code": "A", "p": 3}]})
        diff = (await client.get(f"/channels/quotes?since={since}")).json()
        assert (diff["type"], diff["resumed"], diff["cursor"]) == ("diff", True, last)
        assert diff["patch"] == [{"code": "A", "p": 3}]
        other = (await client.get("/channels/quotes?since=other-1")).json()
        assert other["type"] == "snapshot"
        assert (await client.get("/channels/quotes?since=bad!")).status_code == 400


async def test_a_long_poll_is_answered_by_the_change_or_by_204() -> None:
    async with serving(TOML) as running, running.http() as client:
        since = await publish(running, "quotes", {"code": "A", "p": 1})
        waiting = asyncio.create_task(client.get(f"/channels/quotes?since={since}&wait=5"))
        await until(lambda: running.service.connected, what="the long-poll's arrival")
        last = await publish(running, "quotes", {"patch": [{"code": "A", "p": 2}]})
        diff = (await waiting).json()
        assert diff["patch"] == [{"code": "A", "p": 2}]
        assert diff["cursor"] == last
        nothing = await client.get(f"/channels/quotes?since={last}&wait=0.2")
        assert (nothing.status_code, nothing.content) == (204, b"")
        await until(lambda: not running.service.connected, what="the long-poll's release")


async def test_one_item_is_found_by_any_kind_of_key() -> None:
    async with serving(TOML) as running, running.http() as client:
        await publish(running, "alerts", [{"id": 5, "t": "five"}])
        await publish(running, "quotes", [{"code": "a/b c", "t": "slash"}])
        assert (await client.get("/channels/alerts/5")).json() == {"id": 5, "t": "five"}
        for path in ("/channels/quotes/a%2Fb%20c", "/channels/quotes/a/b%20c"):
            assert (await client.get(path)).json()["t"] == "slash"
        missing = await client.get("/channels/alerts/6")
        assert missing.status_code == 404
        assert missing.headers["content-type"] == "application/problem+json"
        assert missing.json()["code"] == "unknown_key"
        assert (await client.get("/channels/nope/6")).json()["code"] == "unknown_channel"


async def test_every_shape_of_publication_is_taken() -> None:
    async with serving(TOML) as running, running.http() as client:
        await publish(running, "quotes", {"code": "A", "p": 1})
        await publish(running, "quotes", [{"code": "B", "p": 2}, {"code": "C", "p": 3}])
        body = {"put": [{"code": "D"}], "patch": [{"code": "A", "p": 9}], "del": ["B"]}
        await publish(running, "quotes", body)
        items = (await client.get("/channels/quotes")).json()["items"]
        assert {item["code"]: item.get("p") for item in items} == {"A": 9, "C": 3, "D": None}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "bad_json"),
        (b"[1]", "bad_publication"),
        (b'{"put": 5}', "bad_publication"),
        (b'{"patch": [{"p": 1}]}', "bad_publication"),
        (b'{"patch": [{"code": "nope", "p": 1}]}', "unknown_key"),
        (b'{"del": [true]}', "bad_publication"),
    ],
)
async def test_a_bad_publication_changes_nothing(body: bytes, code: str) -> None:
    async with serving(TOML) as running, running.http() as client:
        before = await publish(running, "quotes", {"code": "A"})
        refused = await client.post("/channels/quotes", content=body)
        assert refused.status_code == 400
        assert refused.json()["code"] == code
        assert (await client.get("/channels/quotes")).json()["cursor"] == before


async def test_an_idempotency_key_publishes_once() -> None:
    async with serving(TOML) as running, running.http() as client:
        headers = {"Idempotency-Key": "k1"}
        first = await client.post("/channels/alerts", json={"id": 1, "n": 1}, headers=headers)
        await publish(running, "alerts", {"id": 1, "n": 2})
        again = await client.post("/channels/alerts", json={"id": 1, "n": 1}, headers=headers)
        assert again.json() == first.json()
        assert (await client.get("/channels/alerts/1")).json()["n"] == 2


async def test_only_a_push_channel_takes_publications() -> None:
    async with Upstream() as upstream:
        upstream.set("/a", [{"id": 1}])
        toml = f'[sources.a]\nkind = "http"\nurl = "{upstream.url("/a")}"\n'
        async with serving(toml) as running, running.http() as client:
            refused = await client.post("/channels/a", json={"id": 2})
            assert (refused.status_code, refused.json()["code"]) == (403, "not_push")


async def test_a_parametrised_channel_is_opened_by_its_first_reader() -> None:
    async with Upstream() as upstream:
        upstream.set("/users/7", {"id": 7, "name": "Ada"})
        upstream.set("/users/500", b"", status=500)
        toml = f"""
            [sources."user:{{id}}"]
            kind = "http"
            url = "{upstream.url("/users/")}{{id}}"
            match = {{ id = "int" }}
            key = "id"
        """
        async with serving(toml) as running, running.http() as client:
            cold = await client.get("/channels/user:7")
            assert cold.json()["items"] == [{"id": 7, "name": "Ada"}]
            assert len(upstream.hits("/users/7")) == 1
            bad = await client.get("/channels/user:abc")
            assert (bad.status_code, bad.json()["code"]) == (400, "bad_parameter")
            gone = await client.get("/channels/user:8")
            assert (gone.status_code, gone.json()["code"]) == (404, "upstream_http_404")
            failed = await client.get("/channels/user:500")
            assert (failed.status_code, failed.json()["code"]) == (502, "upstream_http_500")
            assert upstream.hits("/users/abc") == []


async def test_an_upstream_out_of_reach_is_502() -> None:
    toml = f'[sources.a]\nkind = "http"\nurl = "http://127.0.0.1:{unused_port()}/"\n'
    async with serving(toml) as running, running.http() as client:
        answer = await client.get("/channels/a")
        assert answer.status_code == 502
        assert answer.headers["content-type"] == "application/problem+json"


async def test_keys_on_demand_are_read_in_bulk_and_only_where_asked_for() -> None:
    async with Upstream() as upstream:

        async def prices(request: Request) -> Response:
            first = request.url.path.rpartition("/")[2]
            rest = [part for part in request.query_params.get("s", "").split(",") if part]
            rows: list[dict[str, Any]] = [{"code": code, "p": 1} for code in (first, *rest)]
            return Response(orjson.dumps(rows), media_type="application/json")

        upstream.handle("/rt", prices)
        toml = f"""
            [sources.watch]
            kind = "http"
            url = "{upstream.url("/rt/")}{{keys[0]}}?s={{keys[1:]}}"
            keys = {{ max = 3, allow = "[A-Z]{{1,5}}" }}
            key = "code"
            every = "30s"
        """
        async with serving(toml) as running, running.http() as client:
            found = (await client.get("/channels/watch?keys=A,B,C,D")).json()
            assert [item["code"] for item in found["items"]] == ["A", "B", "C", "D"]
            assert [hit.query["s"] for hit in upstream.hits("/rt/A")] == ["B,C"]
            assert len(upstream.hits("/rt/D")) == 1
            assert (await client.get("/channels/watch/A")).json() == {"code": "A", "p": 1}
            assert len(upstream.hits("/rt/A")) == 1
            one = await client.get("/channels/watch/E")
            assert one.json() == {"code": "E", "p": 1}
            refused = await client.get("/channels/watch?keys=a%20b")
            assert (refused.status_code, refused.json()["code"]) == (400, "bad_keys")


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for member in value.values():
            yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)


async def test_the_service_describes_itself() -> None:
    async with serving(TOML) as running, running.http() as client:
        openapi = (await client.get("/openapi.json")).json()
        assert openapi["openapi"].startswith("3.")
        assert "/channels" in openapi["paths"]
        asyncapi = (await client.get("/asyncapi.json")).json()
        assert "Last" in asyncapi["channels"]["ws"]["messages"]
        assert "last" in asyncapi["components"]["schemas"]["Command"]["properties"]["op"]["enum"]
        for reference in _references(asyncapi):
            found = asyncapi
            for name in reference.removeprefix("#/").split("/"):
                found = found[name]
        docs = await client.get("/docs")
        assert docs.headers["content-type"].startswith("text/html")
        assert docs.headers["x-content-type-options"] == "nosniff"
        metrics = await client.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        assert "# TYPE stream_" in metrics.text
        assert (await client.get("/healthz")).text == "ok\n"
        assert (await client.get("/readyz")).status_code == 200
        running.service.draining = True
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200


async def test_of_an_item_published_twice_at_once_the_last_counts() -> None:
    async with serving(TOML) as running, running.http() as client:
        await publish(running, "quotes", [{"code": "A", "p": 1}, {"code": "A", "p": 2}])
        assert (await client.get("/channels/quotes")).json()["items"] == [{"code": "A", "p": 2}]


async def test_the_front_page_is_words_for_a_terminal_and_a_page_for_a_browser() -> None:
    async with serving(TOML) as running, running.http() as client:
        words = await client.get("/", headers={"Accept": "*/*"})
        assert words.headers["content-type"].startswith("text/plain")
        assert "channels: alerts, quotes\n" in words.text
        assert f"curl -N {running.url}/sse/alerts" in words.text
        page = await client.get("/", headers={"Accept": "text/html,*/*"})
        assert page.headers["content-type"].startswith("text/html")
        assert words.headers["vary"] == page.headers["vary"] == "Accept"


async def test_a_plain_request_for_a_websocket_is_told_where_to_go() -> None:
    async with serving(TOML) as running, running.http() as client:
        answer = await client.get("/ws/quotes")
        assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
        assert "/sse/quotes" in answer.json()["detail"]


async def test_files_may_be_loaded_by_pages_of_any_origin_and_are_never_stale() -> None:
    async with serving(TOML) as running, running.http() as client:
        answer = await client.get("/static/stream.js", headers={"Origin": "https://a.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["cache-control"] == "no-cache"
        again = {"If-None-Match": answer.headers["etag"]}
        assert (await client.get("/static/stream.js", headers=again)).status_code == 304


async def test_status_tells_of_every_source() -> None:
    async with Upstream() as upstream:
        upstream.set("/a", [{"id": 1}, {"id": 2}])
        toml = f'[sources.a]\nkind = "http"\nurl = "{upstream.url("/a")}"\n'
        async with serving(toml) as running, running.http() as client:
            await client.get("/channels/a")
            (row,) = (await client.get("/status")).json()["sources"]
            assert (row["source"], row["state"], row["polls"]) == ("a", "ok", 1)
            assert row["received_bytes"] > 0
            assert row["consecutive_errors"] == 0


async def test_a_body_that_does_not_come_to_an_end_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publishing, "BODY_S", 0.1)
    async with serving(TOML) as running:
        port = int(running.url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /channels/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{")
        async with asyncio.timeout(LIMIT_S):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408")
        writer.close()


async def test_several_channels_are_published_to_at_once_or_not_at_all() -> None:
    async with serving(TOML) as running, running.http() as client:
        body = {"alerts": {"id": 1}, "quotes": [{"code": "A"}, {"code": "B"}]}
        answer = await client.post("/channels", json=body, headers={"Idempotency-Key": "k"})
        assert answer.json() == {"cursor": str(running.service.hub.cursor)}
        counts = {c["name"]: c["count"] for c in (await client.get("/channels")).json()["channels"]}
        assert counts == {"alerts": 1, "quotes": 2}
        again = await client.post("/channels", json={}, headers={"Idempotency-Key": "k"})
        assert again.json() == answer.json()
        for wrong, status, words in (
            ({"quotes": {"code": "C"}, "alerts": {"patch": [{"id": 9, "x": 1}]}}, 400, "alerts: "),
            ({"quotes": {"code": "C"}, "qoutes": {}}, 404, "did you mean 'quotes'"),
            ({"quotes": {"code": "C"}, "alerts": 5}, 400, "alerts: 'put' must be"),
            ([], 400, "expected an object"),
        ):
            refused = await client.post("/channels", json=wrong)
            assert refused.status_code == status
            assert words in refused.json()["detail"]
        assert (await client.get("/channels/quotes")).json()["count"] == 2


async def test_several_publications_reach_a_reader_in_one_write() -> None:
    async with serving(TOML) as running, running.http() as client:
        async with connect(f"{running.ws_url}/ws/alerts,quotes") as websocket:
            await receive(websocket)
            await receive(websocket)
            body = {"alerts": {"id": 1}, "quotes": {"code": "A"}}
            cursor = (await client.post("/channels", json=body)).json()["cursor"]
            first, second = await receive(websocket), await receive(websocket)
            assert [first["channel"], second["channel"]] == ["alerts", "quotes"]
            assert second["cursor"] == cursor
