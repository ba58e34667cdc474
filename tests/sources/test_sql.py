"""The rows of a statement, from real SQLite files."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stream import config
from stream.errors import ConfigError, SourceError
from stream.identity import Keyed
from stream.source_settings import SqlSettings
from stream.sources.base import PollState
from stream.sources.sql import Databases, SqlSource
from tests.waiting import until

SLOW = """with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000000)
select count(*) as id from n"""


class Desk:
    """A database file and the sources that read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.databases = Databases()
        self.run("create table users (id integer primary key, name text, score)")

    def run(self, statement: str, *values: Any) -> None:
        with sqlite3.connect(self.path) as connection:
            connection.execute(statement, values)
        connection.close()

    def settings(self, **table: Any) -> SqlSettings:
        table = {
            "kind": "sql",
            "url": f"sqlite:///{self.path}",
            "query": "select * from users",
        } | table
        return SqlSettings.model_validate({"channel": "users"} | table)

    def source(self, values: Mapping[str, str] | None = None, **table: Any) -> SqlSource:
        settings = self.settings(**table)
        database = self.databases.get(settings.address)
        return SqlSource(settings, database, channel="users", values=values or {})


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "app.db")
    yield desk
    await desk.databases.aclose()
    await until(
        lambda: (
            not any(
                "aiosqlite" in t.name or "_connection_worker" in t.name
                for t in threading.enumerate()
            )
        ),
        what="the threads' end",
    )


async def read(source: SqlSource) -> Keyed | None:
    return (await source.poll(PollState())).keyed


async def fault(source: SqlSource) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.poll(PollState())
    return caught.value


async def test_rows_are_items_by_their_key(desk: Desk) -> None:
    desk.run("insert into users values (1, 'a', 0.5), (2, null, x'00ff')")
    keyed = await read(desk.source())
    assert keyed is not None
    assert keyed.key == "id"
    assert list(keyed.items.values()) == [
        {"id": 1, "name": "a", "score": 0.5},
        {"id": 2, "name": None, "score": "AP8="},
    ]


async def test_equal_rows_are_no_items_and_any_change_is_seen(desk: Desk) -> None:
    source = desk.source()
    assert await read(source) is not None
    assert await read(source) is None
    # Python gives -1 and -2 one hash.
    for score in (1, -1, -2, 1.5, "1.5", None):
        desk.run("insert or replace into users values (1, 'a', ?)", score)
        keyed = await read(source)
        assert keyed is not None
        assert keyed.items[1]["score"] == score
        assert await read(source) is None
    desk.run("delete from users")
    keyed = await read(source)
    assert keyed is not None
    assert keyed.items == {}


async def test_rows_that_could_not_be_keyed_are_not_unchanged(desk: Desk) -> None:
    desk.run("insert into users values (1, 'a', 1)")
    source = desk.source(key="nme")
    for _ in range(2):
        assert "no item has the key 'nme'" in (await fault(source)).message


async def test_rows_are_shaped_dropped_and_ranked(desk: Desk) -> None:
    desk.run("insert into users values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
    source = desk.source(
        query="select * from users order by score desc",
        select="{who: name}",
        drop="id == `2`",
        key="who",
        rank=True,
    )
    keyed = await read(source)
    assert keyed is not None
    assert list(keyed.items.values()) == [{"who": "c", "_rank": 1}, {"who": "a", "_rank": 2}]


async def test_values_are_bound_and_never_pasted(desk: Desk) -> None:
    hostile = "x' or '1'='1"
    desk.run("insert into users values (1, 'a', 1), (2, ?, 2)", hostile)
    source = desk.source(
        {"name": hostile},
        channel="user:{name}",
        match={"name": ".*"},
        query="select * from users where name = :name and score > :least and :tag = 'of ' || :name",
        params={"least": 1.5, "tag": "of {name}"},
    )
    keyed = await read(source)
    assert keyed is not None
    assert list(keyed.items) == [2]


async def test_a_placeholder_that_is_a_whole_number_is_bound_as_one(desk: Desk) -> None:
    desk.run("insert into users values (7, 'a', 1)")
    source = desk.source(
        {"id": "7"},
        channel="user:{id}",
        match={"id": "int"},
        query="select id, typeof(:id) as type from users where id = :id",
    )
    keyed = await read(source)
    assert keyed is not None
    assert keyed.items == {7: {"id": 7, "type": "integer"}}


@pytest.mark.parametrize(
    ("statement", "kind", "words"),
    [
        ("select * from user", "bad_query", "no such table: user"),
        ("selct 1", "bad_query", "syntax error"),
        ("select 1 as id; select 2 as id", "bad_query", "one statement at a time"),
        ("select 1 as a, 2 as a", "wrong_shape", "two columns are named 'a'"),
        ("insert into users values (9, 'x', 1) returning *", "read_only", "readonly database"),
        ("delete from users", "read_only", "readonly database"),
        ("select cast(x'ff' as text) as id", "bad_query", "UTF-8"),
    ],
)
async def test_what_cannot_be_read_is_said_plainly(
    desk: Desk, statement: str, kind: str, words: str
) -> None:
    desk.run("insert into users values (1, 'a', 1)")
    error = await fault(desk.source(query=statement))
    assert (error.kind, words in error.message) == (kind, True), error.message
    assert statement not in error.message
    with sqlite3.connect(desk.path) as connection:
        assert connection.execute("select count(*) from users").fetchone() == (1,)
    connection.close()


async def test_a_statement_that_turns_reading_only_off_does_not_reach_the_next_read(
    desk: Desk,
) -> None:
    with pytest.raises(SourceError):
        await desk.source(query="pragma query_only = off").poll(PollState())
    error = await fault(desk.source(query="delete from users"))
    assert error.kind == "read_only"


async def test_a_missing_file_is_an_error_and_is_not_made(desk: Desk, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.db"
    error = await fault(desk.source(url=f"sqlite:///{missing}"))
    assert (error.kind, error.message) == ("connect", "unable to open database file")
    assert not missing.exists()


async def test_a_file_that_is_no_database_is_an_error(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "note.txt"
    other.write_text("not a database, " * 100)
    assert (await fault(desk.source(url=f"sqlite:///{other}"))).kind == "connect"


async def test_a_file_that_was_replaced_is_read_anew(desk: Desk, tmp_path: Path) -> None:
    desk.run("insert into users values (1, 'old', 1)")
    source = desk.source()
    await read(source)
    other = Desk(tmp_path / "other.db")
    other.run("insert into users values (1, 'new', 1)")
    other.path.replace(desk.path)
    keyed = await read(source)
    assert keyed is not None
    assert keyed.items[1]["name"] == "new"


async def test_a_locked_database_is_an_error_until_it_is_free(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.sources.sql.LOCK_WAIT_S", 0.05)
    writer = sqlite3.connect(desk.path, isolation_level=None)
    writer.execute("begin exclusive")
    source = desk.source()
    error = await fault(source)
    assert (error.kind, error.message) == ("locked", "database is locked")
    writer.execute("rollback")
    writer.close()
    assert await read(source) is not None


async def test_a_slow_statement_is_interrupted_and_the_loop_stays_free(desk: Desk) -> None:
    source = desk.source(query=SLOW, timeout="300ms")
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.005)

    counting = asyncio.create_task(count())
    async with asyncio.timeout(5):
        error = await fault(source)
    counting.cancel()
    assert (error.kind, error.message) == ("timeout", "no complete answer in 0.3 s")
    assert turns > 2  # held up, it would have had one


async def test_a_read_that_is_cancelled_leaves_nothing_running(desk: Desk) -> None:
    source = desk.source(query=SLOW)
    reading = asyncio.create_task(source.poll(PollState()))
    await until(lambda: threading.active_count() > 1, what="the statement's thread")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await reading


async def test_many_rows_are_read_and_more_than_the_bound_are_an_error(desk: Desk) -> None:
    many = """with recursive n(id) as (select 1 union all select id + 1 from n where id < 5000)
    select id from n"""
    keyed = await read(desk.source(query=many, max_rows=5000))
    assert keyed is not None
    assert len(keyed.items) == 5000
    error = await fault(desk.source(query=many, max_rows=4999))
    assert (error.kind, error.message) == (
        "too_many_items",
        "more than 4999 rows; at most max_rows are taken",
    )


async def test_sources_of_one_url_share_an_engine(desk: Desk) -> None:
    address = f"sqlite:///{desk.path}"
    assert desk.databases.get(address) is desk.databases.get(address)
    assert desk.databases.get(address) is desk.databases.get(f"sqlite+aiosqlite:///{desk.path}")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("sqlite:", "not the address of a database"),
        ("oracle+nothing://u:hunter22@h/d", "driver of this database is missing"),
        ("postgresql+nothing://u:hunter22@h/d", "driver of this database is missing"),
    ],
)
async def test_a_database_that_cannot_be_used_is_one_line_without_the_password(
    address: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        Databases().get(address)
    assert "hunter22" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_parameters_that_do_not_fit_are_a_mistake(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="asks for :least, which params does not have"):
        desk.source(query="select * from users where score > :least")
    with pytest.raises(ConfigError, match="params has 'least', for which the query does not ask"):
        desk.source(params={"least": 1})


def test_the_address_may_come_from_the_environment_and_is_never_shown() -> None:
    toml = '[sources.users]\nkind = "sql"\nurl_env = "DB"\nquery = "select 1 as id"\n'
    settings = config.loads(toml, {"DB": "postgresql+asyncpg://u:hunter22@h/d"}).sources["users"]
    assert isinstance(settings, SqlSettings)
    assert settings.address == "postgresql+asyncpg://u:hunter22@h/d"
    assert "hunter22" not in repr(settings) + settings.model_dump_json()
    with pytest.raises(
        ConfigError, match="what it holds is not the address of a database"
    ) as caught:
        config.loads(toml, {"DB": "hunter22"})
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            'url = "sqlite:///a.db"\nurl_env = "DB"',
            "expected exactly one of: url, url_env, url_file",
        ),
        ("", "expected exactly one of: url, url_env, url_file"),
        ('url = "postgresql://u:hunter22@h/d"', "a password is never written in an address"),
        ('url = "postgresql://h/d?password=hunter22"', "a password is never written in an address"),
        ('url = "app.db"', 'such as "sqlite:///app.db"'),
        ('url = "sqlite:///a.db"\nmatch = { id = "int" }', "has no placeholder"),
        (
            'url = "sqlite:///a.db"\nparams = { a = "{id}" }',
            "{id} is no placeholder of the channel",
        ),
        ('url = "sqlite:///a.db"\nparams = { "a b" = 1 }', "expected a name of letters"),
    ],
)
def test_a_table_that_cannot_work_is_one_line(table: str, words: str) -> None:
    toml = f'[sources.users]\nkind = "sql"\nquery = "select 1 as id"\n{table}\n'
    with pytest.raises(ConfigError) as caught:
        config.loads(toml, {"DB": "sqlite:///a.db"})
    assert words in str(caught.value)
    assert "hunter22" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_placeholder_written_into_the_statement_is_refused() -> None:
    toml = """[sources."user:{id}"]
kind = "sql"
url = "sqlite:///a.db"
query = "select * from users where id = {id}"
match = { id = "int" }
"""
    with pytest.raises(ConfigError, match="write :id for {id}; it is bound, not pasted"):
        config.loads(toml, {})


async def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from stream.app import create_app

    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.delitem(sys.modules, "stream.sources.sql")
    settings = config.loads(
        '[sources.users]\nkind = "sql"\nurl = "sqlite:///a.db"\nquery = "select 1 as id"\n', {}
    )
    with pytest.raises(ConfigError) as caught:
        create_app(settings)
    assert str(caught.value) == (
        "[sources.users] kind sql needs sqlalchemy: pip install 'stream[sql]'"
    )
