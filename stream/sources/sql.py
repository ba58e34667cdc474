"""The rows of one statement: read-only, within a deadline, on an engine shared by URL.

SQLAlchemy is an extra: nothing but the factory may import this room. It never commits.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import URL, BindParameter, Double, TextClause, bindparam, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from stream.errors import ConfigError, SourceError
from stream.extract import Container, Extracted
from stream.identity import Keyed, identify
from stream.model import Item
from stream.query import compile_optional
from stream.reader import shaped
from stream.rows import Row, as_items
from stream.source_settings import SqlSettings
from stream.sources import postgresql
from stream.sources.base import Poll, PollState
from stream.sources.http import key_rule
from stream.template import Template

BATCH_ROWS: Final = 1000
"""Rows taken between two turns of the loop: about a millisecond."""
CONNECTIONS: Final = 5
"""Most reads of one database at one time; the others wait within their deadline."""
LOCK_WAIT_S: Final = 2.0
"""How long SQLite waits for a writer: longer than any commit, shorter than a deadline."""
GRACE_S: Final = 2.0
"""How long an interrupted statement may take to notice."""
_MAX_MESSAGE: Final = 200


class Database:
    """One engine, for all sources of one URL."""

    def __init__(self, engine: AsyncEngine, secrets: Sequence[str]) -> None:
        self._engine = engine
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._secrets = secrets
        self._opening: asyncio.Future[None] | None = None
        self.is_sqlite = engine.dialect.name == "sqlite"

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which nothing can be written; what was begun is rolled back.

        Raises:
            SourceError: the connection failed, or what was done with it.
        """
        fault: SourceError | None = None
        is_connected = False
        try:
            await self._opened()
            async with self._slots, self._engine.connect() as connection:
                is_connected = True
                if self._engine.dialect.name == "postgresql":
                    await connection.execution_options(postgresql_readonly=True)
                try:
                    yield connection
                except SourceError as error:
                    fault = error
                    raise
                except Exception as error:  # drivers let their own pass while rows are fetched
                    fault = self._fault(error, is_connected=True)
                    raise fault from None
        except SourceError:
            raise
        except Exception as error:
            # What a rollback says of a connection that was lost before is of no use to anybody.
            raise (fault or self._fault(error, is_connected=is_connected)) from None

    async def _opened(self) -> None:
        """Wait for the first connection, which one task makes for all reads.

        A read that is cancelled while SQLAlchemy asks a new server who it is would leave that
        connection behind, in a transaction.
        """
        if self.is_sqlite:
            return
        opening = self._opening
        if opening is None or (opening.done() and _has_failed(opening)):
            opening = self._opening = asyncio.ensure_future(self._open())
        await asyncio.shield(opening)

    async def _open(self) -> None:
        async with self._engine.connect():
            pass

    def _fault(self, error: Exception, *, is_connected: bool) -> SourceError:
        """The error as one of ours. Never the statement: SQLAlchemy adds it with its values."""
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        said = " ".join(postgresql.said_by(cause).split())
        for secret in self._secrets:
            said = said.replace(secret, "***")
        if is_connected and isinstance(error, ValueError | OverflowError):
            said = f"a value cannot be read ({said}); cast its column to text"
        said = said if len(said) <= _MAX_MESSAGE else f"{said[: _MAX_MESSAGE - 1]}…"
        kind = self._kind(error, cause, said) if is_connected else _connecting(cause)
        return SourceError(kind, said or type(cause).__name__)

    def _kind(self, error: Exception, cause: BaseException, said: str) -> str:
        if isinstance(cause, OSError):
            return "connect"
        for kind, words in _SQLITE_KINDS.items() if self.is_sqlite else ():
            if any(each in said for each in words):
                return kind
        is_gone = isinstance(error, DBAPIError) and error.connection_invalidated
        return "connect" if is_gone else postgresql.kind_of(cause) or "bad_query"

    async def dispose(self) -> None:
        """Close every connection."""
        if self._opening is not None:
            await asyncio.wait({self._opening}, timeout=GRACE_S)
            self._opening.cancel()
        await self._engine.dispose()


_SQLITE_KINDS: Final = {
    "connect": ("unable to open database file", "file is not a database", "disk I/O error"),
    "locked": ("is locked",),
    "read_only": ("attempt to write a readonly database",),
}


def _secrets(url: URL) -> list[str]:
    given = [url.password, *(url.query.get(name) for name in ("password", "sslpassword"))]
    return [str(secret) for secret in given if secret]


def _has_failed(done: asyncio.Future[None]) -> bool:
    return done.cancelled() or done.exception() is not None


def _connecting(cause: BaseException) -> str:
    return "tls" if isinstance(cause, ssl.SSLError) else "connect"


class Databases:
    """The engines by URL, made when they are first asked for."""

    def __init__(self) -> None:
        self._by_url: dict[URL, Database] = {}

    def get(self, address: str) -> Database:
        """The database at this address.

        Raises:
            ConfigError: it is no address, or its driver is not installed. The message does not
                repeat the address.
        """
        try:
            url = _with_driver(make_url(address))
            if url not in self._by_url:
                self._by_url[url] = Database(_engine(url), _secrets(url))
        except (ImportError, NoSuchModuleError) as error:
            message = f"the driver of this database is missing: {_first_line(error)}"
            hint = "; pip install 'stream[postgresql]'" if "asyncpg" in message else ""
            raise ConfigError(message + hint) from None
        except (ArgumentError, ValueError):
            raise ConfigError("the url is not the address of a database") from None
        except SQLAlchemyError as error:
            raise ConfigError(f"this database cannot be used: {_first_line(error)}") from None
        return self._by_url[url]

    async def aclose(self) -> None:
        """Close every connection to every database."""
        while self._by_url:
            await self._by_url.popitem()[1].dispose()


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0][:_MAX_MESSAGE]


def _with_driver(url: URL) -> URL:
    if url.drivername in postgresql.NAMES:
        return url.set(drivername=postgresql.DRIVER)
    return url.set(drivername="sqlite+aiosqlite") if url.drivername == "sqlite" else url


def _engine(url: URL) -> AsyncEngine:
    return _sqlite_engine(url) if url.get_backend_name() == "sqlite" else _pooled_engine(url)


def _pooled_engine(url: URL) -> AsyncEngine:
    connect_args: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        url, connect_args = postgresql.options(url)
    engine = create_async_engine(
        url,
        connect_args=connect_args,
        hide_parameters=True,
        max_overflow=0,
        pool_pre_ping=True,
        pool_size=CONNECTIONS,
    )
    if engine.driver == "asyncpg":
        event.listen(engine.sync_engine, "connect", postgresql.teach)
    return engine


def _sqlite_engine(url: URL) -> AsyncEngine:
    is_file = url.database not in (None, "", ":memory:") and "mode" not in url.query
    if is_file:
        # mode=rw: a file that is not there must be an error, not made. Not mode=ro, which cannot
        # read a database whose writer died; writing is forbidden below.
        name = str(url.database).removeprefix("file:").replace("?", "%3f").replace("#", "%23")
        url = url.set(database=f"file:{name}").update_query_dict({"mode": "rw", "uri": "true"})
    # A connection for each read: one that is kept would go on reading a file that was replaced.
    pool: dict[str, Any] = {"poolclass": NullPool} if is_file else {}
    connect_args = {"timeout": LOCK_WAIT_S}
    engine = create_async_engine(url, connect_args=connect_args, hide_parameters=True, **pool)
    event.listen(engine.sync_engine, "connect", _forbid_writing)
    return engine


def _forbid_writing(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


class SqlSource:
    """One statement, or one instance of a parametrised one.

    Args:
        settings: its table.
        database: where to ask.
        channel: the channel's name.
        values: what the placeholders stand for.

    Raises:
        ConfigError: the statement's parameters and those given do not fit together.
    """

    def __init__(
        self,
        settings: SqlSettings,
        database: Database,
        *,
        channel: str,
        values: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._database = database
        self._channel = channel
        self._statement, self._params = _bound(settings, values)
        self._select = compile_optional(settings.select)
        self._drop = compile_optional(settings.drop)
        self._rule = key_rule(settings.key)
        self._found: str | None = None
        self._last: tuple[Sequence[str], list[Row]] | None = None

    async def poll(self, state: PollState) -> Poll:
        """Read once. Rows equal to the last ones are no items: comparing them is all it costs."""
        columns, rows = await self._within_deadline()
        if len(rows) < BATCH_ROWS:
            keyed = self._keyed(columns, rows)
        else:
            keyed = await asyncio.to_thread(self._keyed, columns, rows)
        # Only now: rows that could not be keyed must not be "unchanged" the next time.
        self._last = (columns, rows)
        return Poll(keyed)

    async def _within_deadline(self) -> tuple[Sequence[str], list[Row]]:
        timeout_s = self._settings.timeout
        connections: list[AsyncConnection] = []
        work = asyncio.ensure_future(self._rows(connections))
        try:
            done, _ = await asyncio.wait({work}, timeout=timeout_s)
        finally:
            if not work.done():
                await self._stop(work, connections)
        if not done:
            raise SourceError("timeout", f"no complete answer in {timeout_s:g} s")
        return work.result()

    async def _stop(
        self, work: asyncio.Future[Any], connections: Sequence[AsyncConnection]
    ) -> None:
        """End a read. SQLite works in a thread that a cancelled task would go on to wait for."""
        for connection in connections if self._database.is_sqlite else ():
            with contextlib.suppress(SQLAlchemyError, ValueError):
                raw = await connection.get_raw_connection()
                await raw.driver_connection.interrupt()  # type: ignore[union-attr]
        work.cancel()
        await asyncio.wait({work}, timeout=GRACE_S)

    async def _rows(self, connections: list[AsyncConnection]) -> tuple[Sequence[str], list[Row]]:
        most = self._settings.max_rows
        rows: list[Row] = []
        async with self._database.reading() as connection:
            connections.append(connection)
            async with connection.stream(self._statement, self._params) as result:
                async for batch in result.partitions(BATCH_ROWS):
                    rows.extend(batch)
                    if len(rows) > most:
                        message = f"more than {most} rows; at most max_rows are taken"
                        raise SourceError("too_many_items", message)
                return tuple(result.keys()), rows

    def _keyed(self, columns: Sequence[str], rows: list[Row]) -> Keyed | None:
        if self._last == (columns, rows):
            return None
        items: list[Item] = as_items(columns, rows)
        items = shaped(items, self._drop, self._select)
        keyed = identify(
            Extracted(items, None, Container.LIST),
            self._rule,
            found=self._found,
            single=self._channel,
            rank=self._settings.rank,
        )
        self._found = keyed.found
        return keyed


def _bound(settings: SqlSettings, values: Mapping[str, str]) -> tuple[TextClause, dict[str, Any]]:
    """The statement and its parameters; a placeholder that is a whole number is bound as one."""
    params: dict[str, Any] = {
        name: Template(value).fill_text(values) if isinstance(value, str) else value
        for name, value in settings.params.items()
    }
    statement = text(settings.query)
    asked = set(statement.compile().params)
    for name, value in values.items():
        if name in asked:
            params[name] = int(value) if settings.match.get(name) == "int" else value
    if missing := sorted(asked - set(params)):
        message = f"the query asks for :{missing[0]}, which params does not have"
        raise ConfigError(f"{message}; a colon that asks for nothing is written \\:")
    if unused := sorted(set(params) - asked):
        raise ConfigError(f"params has {unused[0]!r}, for which the query does not ask")
    # Untyped, asyncpg cuts 1.5 to 1 where it is compared with an integer.
    fractions = [name for name, value in params.items() if isinstance(value, float)]
    typed: list[BindParameter[float]] = [bindparam(name, type_=Double()) for name in fractions]
    return statement.bindparams(*typed), params
