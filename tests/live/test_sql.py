"""A database behind the whole service: a row is edited, a reader gets the patch."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from websockets.asyncio.client import connect

from tests.live.serving import receive, receive_until, serving
from tests.waiting import until

TOML = """
[sources.users]
kind = "sql"
url = "sqlite:///{path}"
query = "select id, name, score from users order by id"
every = "100ms"

[sources."user:{{id}}"]
kind = "sql"
url = "sqlite:///{path}"
query = "select * from users where id = :id"
match = {{ id = "int" }}
every = "100ms"
"""


async def test_an_edited_row_reaches_the_reader_as_the_column_that_changed(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("create table users (id integer primary key, name text, score real)")
    database.execute("insert into users values (1, 'Ann', 1.5), (2, 'Bob', 2.5)")
    async with serving(TOML.format(path=path)) as running:
        channel = running.service.hub.get("users")
        await until(lambda: len(channel.state) == 2, what="the first read")
        async with connect(f"{running.ws_url}/ws/users") as websocket:
            first = await receive(websocket)
            assert first["items"][0] == {"id": 1, "name": "Ann", "score": 1.5}
            database.execute("update users set score = 9 where id = 2")
            diff = await receive_until(websocket, "diff")
            assert diff["patch"] == [{"id": 2, "score": 9.0}]
            assert "put" not in diff
            database.execute("insert into users values (3, 'Cid', null)")
            diff = await receive_until(websocket, "diff")
            assert diff["put"] == [{"id": 3, "name": "Cid", "score": None}]
            database.execute("delete from users")
            diff = await receive_until(websocket, "diff")
            assert (diff["del"], diff["count"]) == ([1, 2, 3], 0)
            seq = channel.state.seq
            database.execute("drop table users")
            failing = await receive_until(websocket, "status")
            assert failing["error"] == {"kind": "bad_query", "message": "no such table: users"}
            assert channel.state.seq == seq
    database.close()


async def test_a_parametrised_channel_reads_its_row(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("create table users (id integer primary key, name text, score real)")
    database.execute("insert into users values (1, 'Ann', 1.5)")
    async with serving(TOML.format(path=path)) as running, running.http() as client:
        answer = await client.get("/channels/user:1")
        assert answer.json()["items"] == [{"id": 1, "name": "Ann", "score": 1.5}]
        refused = await client.get("/channels/user:1;drop")
        assert refused.status_code in (400, 404)
        refused = await client.get("/channels/user:x")
        assert refused.json()["code"] == "bad_parameter"
    database.close()
