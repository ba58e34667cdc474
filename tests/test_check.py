"""Tests of ``stream check``: real upstreams, read as the service would; nothing is served."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from rich.console import Console
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stream import config
from stream.cli import check
from stream.cli.check import Wish, check_sources
from stream.errors import ConfigError
from tests.upstream import Upstream

ITEMS = [{"code": f"C{n}", "p": n, "at": 0} for n in range(4)]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "PAUSE_S", 0.0)


async def checked(toml: str, wish: Wish | None = None) -> tuple[int, dict[str, Any]]:
    """The exit code, and the findings by source and channel."""
    wish = wish or Wish()
    out = io.StringIO()
    asked = Wish(wish.channels, wish.source, wish.keys, wish.once, json=True)
    code = await check_sources(config.loads(toml, {}), asked, Console(file=out))
    return code, {f"{row['source']}>{row['channel']}": row for row in orjson.loads(out.getvalue())}


def table(upstream: Upstream, name: str, path: str | None = None, **more: str) -> str:
    rows = {"kind": '"http"', "url": f'"{upstream.url(path or f"/{name}")}"'} | more
    return "\n".join([f'[sources."{name}"]', *(f"{k} = {v}" for k, v in rows.items()), ""])


async def test_a_good_source_is_told_with_all_there_is_to_know(upstream: Upstream) -> None:
    upstream.set("/q", ITEMS, etag=True, headers={"Cache-Control": "max-age=30"})
    code, rows = await checked(table(upstream, "q", every='"5s"', key='"code"'))
    row = rows["q>q"]
    assert code == 0
    assert (row["state"], row["status"], row["again"]) == ("ok", 200, "304")
    assert (row["count"], row["key"], row["items"]) == (4, "code", ITEMS[:2])
    assert (row["every_s"], row["validators"]) == (30, ["ETag"])
    assert "headers ask" in row["why"]
    assert row["received_bytes"] == len(orjson.dumps(ITEMS))
    assert row["remarks"] == []
    assert len(upstream.hits("/q")) == 2


async def test_fields_that_move_by_themselves_are_found_unless_they_are_ignored(
    upstream: Upstream,
) -> None:
    async def clock(request: Request) -> Response:
        return JSONResponse([item | {"at": len(upstream.hits("/q"))} for item in ITEMS])

    upstream.handle("/q", clock)
    _, rows = await checked(table(upstream, "q"))
    assert rows["q>q"]["again"] == "4 changes"
    assert any('volatile: a second later "at"' in line for line in rows["q>q"]["remarks"])
    _, rows = await checked(table(upstream, "q", ignore='["at"]'))
    assert not any("volatile" in line for line in rows["q>q"]["remarks"])


async def test_a_failed_source_does_not_hide_the_others_and_is_the_exit_code(
    upstream: Upstream,
) -> None:
    upstream.set("/login", b"<!doctype html><title>Log in</title>")
    upstream.set("/q", ITEMS)
    code, rows = await checked(table(upstream, "login") + table(upstream, "q"))
    assert code == 1
    assert rows["login>login"]["state"] == "failed"
    assert rows["login>login"]["error"].startswith("html: ")
    assert rows["q>q"]["state"] == "ok"
    assert len(upstream.hits("/login")) == 1


async def test_a_quota_or_a_wish_for_one_read_is_kept(upstream: Upstream) -> None:
    upstream.set("/q", ITEMS)
    await checked(table(upstream, "q", quota="{ per_day = 100 }"))
    assert len(upstream.hits("/q")) == 1
    _, rows = await checked(table(upstream, "q"), Wish(once=True))
    assert len(upstream.hits("/q")) == 2
    assert rows["q>q"]["again"] is None


async def test_what_waits_for_a_reader_is_read_where_it_is_named(upstream: Upstream) -> None:
    upstream.set("/user/1", {"id": 1})
    upstream.set("/watch", [{"code": "A.US"}])
    toml = table(upstream, "user:{id}", "/user/{id}", match='{ id = "int" }')
    toml += table(upstream, "watch", "/watch?s={keys}", key='"code"', keys="{ max = 2 }")
    toml += '[sources.alerts]\nkind = "push"\n'
    code, rows = await checked(toml)
    assert code == 0
    assert {row["state"] for row in rows.values()} == {"not read"}
    assert "stream check user:1" in rows["user:{id}>user:{id}"]["why"]
    assert "--keys" in rows["watch>watch"]["why"]
    _, rows = await checked(toml, Wish(("user:1", "watch"), keys=("A.US", "B.US")))
    assert set(rows) == {"user:{id}>user:1", "watch>watch"}
    assert rows["user:{id}>user:1"]["items"] == [{"id": 1}]
    assert upstream.hits("/watch")[0].query["s"] == "A.US,B.US"


async def test_only_the_source_wished_for_is_read(upstream: Upstream) -> None:
    for name in ("a", "b"):
        upstream.set(f"/{name}", ITEMS)
    _, rows = await checked(table(upstream, "a") + table(upstream, "b"), Wish(source="b"))
    assert set(rows) == {"b>b"}
    assert upstream.hits("/a") == []


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish(source="quots"), "did you mean 'quotes'"),
        (Wish(("quots",)), "did you mean 'quotes'"),
        (Wish(("user:x",)), "expected a whole number"),
        (Wish(("watch",), keys=("no spaces",)), "not allowed"),
    ],
)
async def test_a_name_that_there_is_not_is_one_sentence(wish: Wish, words: str) -> None:
    toml = """
        [sources.quotes]
        kind = "http"
        url = "http://127.0.0.1:9/"
        [sources."user:{id}"]
        kind = "http"
        url = "http://127.0.0.1:9/{id}"
        match = { id = "int" }
        [sources.watch]
        kind = "http"
        url = "http://127.0.0.1:9/{keys}"
        keys = { max = 2 }
    """
    with pytest.raises(ConfigError, match=words):
        await checked(toml, wish)
