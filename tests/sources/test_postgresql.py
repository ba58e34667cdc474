"""The rows of a statement, from a real PostgreSQL by the drivers people have."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from stream.errors import ConfigError, SourceError
from stream.identity import Keyed
from stream.model import Json
from stream.source_settings import SqlSettings
from stream.sources.base import PollState
from stream.sources.sql import CONNECTIONS, Databases, SqlSource
from tests import postgres
from tests.certificates import certify
from tests.postgres import PASSWORD, Postgres
from tests.waiting import until

pytestmark = [
    pytest.mark.tool("postgres"),
    # A server-side cursor of psycopg whose statement was cancelled can only be dropped.
    pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning"),
]


VALUES: Final[list[tuple[str, Json]]] = [
    ("null::int", None),
    ("true", True),
    ("7::smallint", 7),
    ("9007199254740993::bigint", "9007199254740993"),
    ("1.10::numeric(10, 2)", 1.1),
    ("0.1000000000000000055511151231257827::numeric", "0.1000000000000000055511151231257827"),
    ("'NaN'::numeric", None),
    ("'-Infinity'::float8", None),
    ("0.1::real", 0.1),
    ("1234567.9::real", 1234567.9),
    ("'NaN'::real", None),
    (r"'2026-11-26 01\:02\:03+01'::timestamptz", "2026-11-26T00:02:03Z"),
    (r"'2026-11-26 01\:02\:03.5'::timestamp", "2026-11-26T01:02:03.500000Z"),
    ("'2026-11-26'::date", "2026-11-26"),
    (r"'01\:02\:03'::time", "01:02:03"),
    ("interval '1 day 2 hours'", 93600.0),
    (r"""'{"a"\:[1,2.5,null]}'::json""", {"a": [1, 2.5, None]}),
    (r"""'{"n"\:9007199254740993}'::jsonb""", {"n": "9007199254740993"}),
    ("'\"text\"'::jsonb", "text"),
    (
        "'00000000-0000-0000-0000-000000000001'::uuid",
        "00000000-0000-0000-0000-000000000001",
    ),
    (r"'\x00ff'::bytea", "AP8="),
    ("array[[1, 2], [3, null]]", [[1, 2], [3, None]]),
    ("array[0.1::real]", [0.1]),
    ("array['2026-11-26'::date]", ["2026-11-26"]),
    ("'192.168.1.1'::inet", "192.168.1.1"),
    ("'10.0.0.0/8'::cidr", "10.0.0.0/8"),
    ("12.34::money", "$12.34"),
    ("'[1,5)'::int4range", "[1,5)"),
    ("daterange(null, '2026-11-26')", "(,2026-11-26)"),
    ("'ab'::char(3)", "ab "),
]
"""An expression, and what it is in an item."""
CONDITIONS: Final[list[tuple[str, Any]]] = [
    ("id = :value", 1),
    ("name = :value", "Ann"),
    ("name = :value or :value = 'Ann'", "Ann"),
    ("id < :value and id + 1 > :value", 1.5),
    ("id::numeric < :value", 1.5),
    ("(id = 1) = :value", True),
    ("'2026-11-26'::date = :value", "2026-11-26"),
    (r"'2026-11-26 01\:02\:03Z'::timestamptz = :value", "2026-11-26T02:02:03+01:00"),
    (r"'2026-11-26 01\:02\:03'::timestamp = :value", "2026-11-26T01:02:03Z"),
    ("now() > cast(:value as timestamptz)", "2026-01-01"),
    ("now() - :value * interval '1 minute' < now()", 5),
    ("interval '1 day' > cast(cast(:value as text) as interval)", "2 hours"),
    ("'10.0.0.1'::inet <<= :value", "10.0.0.0/8"),
    (
        "'00000000-0000-0000-0000-000000000001'::uuid = :value",
        "00000000-0000-0000-0000-000000000001",
    ),
    ("id = any(cast(string_to_array(:value, ',') as int[]))", "1,7"),
    (r"""'{"a"\: 1}'::jsonb ? :value""", "a"),
    ("'50%' like '%\\%' and id = :value", 1),
]
"""What is true of the user 1, and what the parameter is."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres.running() as server:
        yield server


class Desk:
    """Sources that read one server by one driver."""

    def __init__(self, server: Postgres, driver: str) -> None:
        self.server = server
        self.driver = driver
        self.databases = Databases()

    def source(
        self,
        query: str,
        values: Mapping[str, str] | None = None,
        *,
        address: str | None = None,
        **table: Any,
    ) -> SqlSource:
        table = {"kind": "sql", "channel": "rows", "url": "postgresql://db/x"} | table
        settings = SqlSettings.model_validate(table | {"query": query})
        database = self.databases.get(address or self.server.address(self.driver))
        return SqlSource(settings, database, channel="rows", values=values or {})

    async def keyed(self, query: str, **table: Any) -> Keyed:
        keyed = (await self.source(query, **table).poll(PollState())).keyed
        assert keyed is not None
        return keyed

    async def value(self, expression: str, **table: Any) -> Json:
        """What this expression is in an item."""
        keyed = await self.keyed(f"select 1 as id, {expression} as value", **table)
        return keyed.items[1]["value"]

    async def until_asleep(self) -> None:
        """Return when the server runs a statement that sleeps."""
        asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
        async with asyncio.timeout(20):
            while await asyncio.to_thread(self.server.run, asleep) == "0":
                pass

    async def until_alone(self) -> None:
        """Return when nobody is connected to the server."""
        others = "select * from pg_stat_activity where backend_type = 'client backend'"
        ours = f"{others} and pid <> pg_backend_pid()"
        await until(lambda: not self.server.run(ours), what="the connections' end")

    async def fault(self, query: str, **table: Any) -> SourceError:
        with pytest.raises(SourceError) as caught:
            await self.source(query, **table).poll(PollState())
        return caught.value


@dataclass(frozen=True, slots=True)
class Gate:
    """What is between a client and the server: it holds one question until it is opened."""

    port: int
    reached: asyncio.Event
    opened: asyncio.Event


@contextlib.asynccontextmanager
async def holding(server: Postgres, question: bytes) -> AsyncIterator[Gate]:
    reached, opened = asyncio.Event(), asyncio.Event()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if question in data:
                reached.set()
                await opened.wait()
            writer.write(data)
        writer.close()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(forward(reader, back), forward(there, writer))

    listener = await asyncio.start_server(take, "127.0.0.1", 0)
    async with listener:
        yield Gate(listener.sockets[0].getsockname()[1], reached, opened)


@pytest.fixture(params=["asyncpg", "psycopg"])
async def desk(server: Postgres, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    postgres.need_driver(request.param)
    desk = Desk(server, request.param)
    yield desk
    await desk.databases.aclose()
    gc.collect()  # what is dropped says so here, where it is forgiven


@pytest.fixture
def users(server: Postgres) -> None:
    """A table of two."""
    server.run(
        "drop table if exists users; create table users (id int primary key, name text);"
        "insert into users values (1, 'Ann'), (2, null)"
    )


@pytest.fixture
async def asyncpg(server: Postgres) -> AsyncIterator[Desk]:
    """By asyncpg only: what is said or taken differently by others."""
    postgres.need_driver("asyncpg")
    desk = Desk(server, "asyncpg")
    yield desk
    await desk.databases.aclose()


async def test_rows_are_items_and_any_change_is_seen(desk: Desk, users: None) -> None:
    source = desk.source("select * from users order by id")
    keyed = (await source.poll(PollState())).keyed
    assert keyed is not None
    assert keyed.items == {1: {"id": 1, "name": "Ann"}, 2: {"id": 2, "name": None}}
    assert (await source.poll(PollState())).keyed is None
    desk.server.run("update users set name = 'Bob' where id = 2")
    keyed = (await source.poll(PollState())).keyed
    assert keyed is not None
    assert keyed.items[2]["name"] == "Bob"


async def test_a_value_of_each_type_becomes_json(desk: Desk) -> None:
    columns = ", ".join(f"{value} as v{at}" for at, (value, _) in enumerate(VALUES))
    item = (await desk.keyed(f"select 1 as id, {columns}")).items[1]
    for at, (expression, expected) in enumerate(VALUES):
        value = item[f"v{at}"]
        assert (value, type(value)) == (expected, type(expected)), expression


async def test_the_infinities_of_time_are_null(asyncpg: Desk) -> None:
    for kind in ("date", "timestamp", "timestamptz"):
        for end in ("infinity", "-infinity"):
            assert await asyncpg.value(f"array['{end}']::{kind}[]") == [None]
            assert await asyncpg.value(f"'{end}'::{kind}") is None


async def test_a_day_that_python_does_not_have_is_an_error_with_a_way_out(desk: Desk) -> None:
    day = "'0044-03-15 BC'::date"
    assert (await desk.fault(f"select 1 as id, {day} as day")).kind == "bad_query"
    assert await desk.value(f"{day}::text") == "0044-03-15 BC"


async def test_a_parameter_fits_what_it_is_compared_with(desk: Desk, users: None) -> None:
    for condition, value in CONDITIONS:
        query = f"select id from users where ({condition}) and id = 1"  # noqa: S608
        keyed = await desk.keyed(query, params={"value": value})
        assert list(keyed.items) == [1], condition


async def test_what_comes_with_the_channels_name_is_bound_and_never_pasted(
    desk: Desk, users: None
) -> None:
    hostile = "x' or '1'='1"
    keyed = await desk.keyed(
        "select * from users where name = :name",
        values={"name": hostile},
        channel="user:{name}",
        match={"name": ".*"},
    )
    assert keyed.items == {}


async def test_a_parameter_of_another_type_is_an_error_that_does_not_repeat_it(
    asyncpg: Desk,
) -> None:
    error = await asyncpg.fault("select now() > :since as id", params={"since": PASSWORD})
    assert (error.kind, error.message) == (
        "bad_query",
        "invalid input for query argument $1: expected a moment such as 2026-11-26T01:02:03Z",
    )


async def test_nothing_can_be_written(desk: Desk, users: None) -> None:
    desk.server.run(
        "create or replace function write() returns int language sql"
        " as 'insert into users values (9, null) returning id'"
    )
    for statement in (
        "insert into users values (9, 'x') returning id",
        "set transaction read write",
        "set session characteristics as transaction read write",
        "select set_config('transaction_read_only', 'off', false) as id, write()",
        "commit",
        "select 1 as id; insert into users values (9, 'x')",
        "do $$ begin delete from users; commit; end $$",
        "select write() as id",
    ):
        assert (await desk.fault(statement)).kind in ("bad_query", "read_only"), statement
    assert (await desk.fault("select write() as id")).kind == "read_only"
    assert desk.server.run("select count(*) from users") == "2"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select * from nosuch", 'relation "nosuch" does not exist'),
        ("select 1 / 0 as id", "division by zero"),
        ("select 1 / (g - 500) as id from generate_series(1, 900) g", "division by zero"),
    ],
)
async def test_an_error_is_one_line_that_stays_the_same(desk: Desk, query: str, words: str) -> None:
    errors = [await desk.fault(query) for _ in range(2)]
    assert [(error.kind, error.message) for error in errors] == [("bad_query", words)] * 2


async def test_a_table_that_is_altered_is_read_on(desk: Desk, users: None) -> None:
    source = desk.source("select * from users order by id")
    assert await source.poll(PollState())
    desk.server.run("alter table users add column age int")
    keyed = (await source.poll(PollState())).keyed
    assert keyed is not None
    assert keyed.items[1] == {"id": 1, "name": "Ann", "age": None}
    desk.server.run("alter table users alter id type bigint, drop column age")
    keyed = (await source.poll(PollState())).keyed
    assert keyed is not None
    assert keyed.items[1] == {"id": 1, "name": "Ann"}


@pytest.mark.parametrize(
    "query",
    [
        "select 1 as id, pg_sleep(600)",
        "select g as id, pg_sleep(0.01) from generate_series(1, 60000) g",
    ],
)
async def test_a_slow_statement_ends_on_the_server_too(desk: Desk, query: str) -> None:
    error = await desk.fault(query, timeout="300ms")
    assert (error.kind, error.message) == ("timeout", "no complete answer in 0.3 s")
    await until(lambda: desk.server.busy() == 0, what="the statement's end")
    assert await desk.value("7") == 7


async def test_a_read_that_is_cancelled_ends_on_the_server_too(desk: Desk) -> None:
    reading = asyncio.create_task(desk.keyed("select 1 as id, pg_sleep(600)"))
    await desk.until_asleep()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await until(lambda: desk.server.busy() == 0, what="the statement's end")


async def test_no_more_connections_than_the_bound_and_none_is_left(desk: Desk) -> None:
    reads = [desk.value(f"pg_backend_pid() + 0 * {number}") for number in range(40)]
    processes = set(await asyncio.gather(*reads))
    assert 1 < len(processes) <= CONNECTIONS
    await desk.databases.aclose()
    await desk.until_alone()


async def test_a_read_that_is_cancelled_while_it_connects_leaves_no_connection(
    desk: Desk,
) -> None:
    # Of the questions to a server that is new this is the one whose loss did leave one behind.
    async with holding(desk.server, b"standard_conforming_strings") as gate:
        direct = desk.server.address(desk.driver)
        address = direct.replace(f":{desk.server.port}/", f":{gate.port}/")
        source = desk.source("select 1 as id", address=f"{address}?sslmode=disable")
        reading = asyncio.create_task(source.poll(PollState()))
        await gate.reached.wait()
        reading.cancel()
        gate.opened.set()
        await asyncio.wait({reading})
        await desk.databases.aclose()
        await desk.until_alone()


async def test_a_connection_that_is_cut_is_an_error_once(desk: Desk) -> None:
    assert await desk.value("1") == 1
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
    desk.server.run(cut)
    assert await desk.value("2") == 2
    reading = asyncio.create_task(desk.fault("select 1 as id, pg_sleep(600)"))
    await desk.until_asleep()
    desk.server.run(cut)
    error = await reading
    assert error.kind == "connect"
    assert "rollback" not in error.message
    assert await desk.value("3") == 3


async def test_a_server_that_is_started_anew_is_read_again(desk: Desk, users: None) -> None:
    source = desk.source("select * from users")
    await source.poll(PollState())
    desk.server.stop()
    try:
        with pytest.raises(SourceError) as caught:
            await source.poll(PollState())
        assert caught.value.kind == "connect"
    finally:
        desk.server.start()
    desk.server.run("delete from users where id = 2")
    keyed = (await source.poll(PollState())).keyed
    assert keyed is not None
    assert list(keyed.items) == [1]


async def test_a_refused_password_is_an_error_that_does_not_show_it(desk: Desk) -> None:
    wrong = desk.server.address(desk.driver, password="swordfish")  # noqa: S106
    error = await desk.fault("select 1 as id", address=wrong)
    assert error.kind == "connect"
    assert 'password authentication failed for user "boss"' in error.message
    assert "swordfish" not in error.message
    missing = desk.server.address(desk.driver, database="nosuch")
    error = await desk.fault("select 1 as id", address=missing)
    assert error.kind == "connect"
    assert 'database "nosuch" does not exist' in error.message


async def test_the_address_says_whether_and_whom_tls_trusts(
    desk: Desk, asyncpg: Desk, tmp_path: Path
) -> None:
    ours = f"sslmode=verify-full&sslrootcert={desk.server.authority}"
    has_tls = "(select ssl from pg_stat_ssl where pid = pg_backend_pid())"
    for option, expected in (("sslmode=require", True), ("sslmode=disable", False), (ours, True)):
        address = f"{desk.server.address(desk.driver)}?{option}"
        assert await desk.value(has_tls, address=address) is expected, option
    address = f"{desk.server.address()}?ssl=require"
    assert await asyncpg.value(has_tls, address=address) is True
    others = f"sslmode=verify-full&sslrootcert={certify(tmp_path).authority}"
    address = f"{desk.server.address(desk.driver)}?{others}"
    error = await desk.fault("select 1 as id", address=address)
    assert error.kind == ("tls" if desk.driver == "asyncpg" else "connect")
    assert "certificate verify failed" in error.message


async def test_options_of_the_address_reach_the_server(desk: Desk) -> None:
    hosted = "application_name=desk&sslmode=require&channel_binding=prefer&connect_timeout=5"
    for option in ("application_name=desk", "application_name=desk&sslmode=prefer", hosted):
        address = f"{desk.server.address(desk.driver)}?{option}"
        name = await desk.value("current_setting('application_name')", address=address)
        assert name == "desk"
    socket = f"host={desk.server.folder}&port={desk.server.port}"
    address = f"postgresql+{desk.driver}://{postgres.USER}:{PASSWORD}@/postgres?{socket}"
    assert await desk.value("inet_server_addr()", address=address) is None
    secret = f"{desk.server.address(desk.driver).replace(f':{PASSWORD}', '')}?password={PASSWORD}"
    assert await desk.value("1", address=secret) == 1
    unknown = f"{desk.server.address(desk.driver)}?nosuch=1"
    error = await desk.fault("select 1 as id", address=unknown)
    assert (error.kind, "nosuch" in error.message) == ("connect", True)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
async def test_an_address_without_a_driver_means_asyncpg(asyncpg: Desk, scheme: str) -> None:
    address = asyncpg.server.address().replace("postgresql+asyncpg", scheme)
    assert asyncpg.databases.get(address) is asyncpg.databases.get(asyncpg.server.address())


def test_without_the_driver_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError, match=r"pip install 'stream\[postgresql\]'") as caught:
        Databases().get("postgresql://u:hunter22@h/d")
    assert "hunter22" not in str(caught.value)
