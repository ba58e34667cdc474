"""What a person types. It only reads arguments and says what happens; the work is elsewhere.

What serves is imported by the commands that need it: to follow a service one need not load one.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from stream import __version__
from stream.cli.channels import channels, get
from stream.cli.common import fail, let_go_of_output
from stream.cli.publish import publish
from stream.cli.tail import tail
from stream.errors import ConfigError

if TYPE_CHECKING:
    from stream.settings import Settings

LEAVE_S: Final = 0.5
"""Longest that threads may hold the process when everything else has ended."""

DEFAULT_PATH: Final = Path("stream.toml")
_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

CONFIG = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    envvar="STREAM_CONFIG",
    default=DEFAULT_PATH,
    show_default=True,
    help="The TOML file to read.",
)
HOST = click.option("--host", help="Listen on this address instead of the configured one.")
PORT = click.option("--port", type=click.IntRange(0, 65535), help="0 takes a free port.")


class _Commands(click.Group):
    """Ends as programs of a pipe do: after Ctrl-C without a word, on a full disk with one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            let_go_of_output()
            fail(f"the output cannot be written: {error.strerror}", 1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stream")
def main() -> None:
    """Turn anything one can poll into something one can subscribe to.

    \b
    stream demo                          see it work, no network needed
    stream serve --config stream.toml    serve your own sources
    stream check --config stream.toml    try your sources, serve nothing
    stream record quotes --out q.gz      put on a tape what a source answers
    stream tail quotes news              follow channels of a service
    """


for command in (tail, channels, get, publish):
    main.add_command(command)


@main.command()
@CONFIG
@HOST
@PORT
def serve(path: Path, host: str | None, port: int | None) -> None:
    """Poll the configured sources and serve what changes."""
    settings = _overridden(_load(path), host, port)
    _log()
    run_to_end(_serve(settings, _listener(settings)))


@main.command()
@HOST
@PORT
def demo(host: str | None, port: int | None) -> None:
    """Serve a small invented world and this machine's own figures. Needs no network."""
    _log()
    run_to_end(_demo(host, port))


@main.command()
@CONFIG
@click.argument("channels", nargs=-1)
@click.option("--source", metavar="NAME", help="Only this source.")
@click.option("--keys", default="", metavar="KEY,…", help="Read these, where keys are on demand.")
@click.option("--once", is_flag=True, help="Read once: do not look for what changes by itself.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def check(
    path: Path, channels: tuple[str, ...], source: str | None, keys: str, once: bool, as_json: bool
) -> None:
    """Validate the configuration and read every source; serve nothing.

    With CHANNELS only those; a parametrised one is named in full, such as user:1. Each source is
    read twice, a second apart, as the service would, unless it has a quota.

    Exit code 0 where every source could be read, 1 where one could not, 2 for a mistake in the
    configuration or in a name.
    """
    from stream.cli.check import Wish, check_sources

    split = tuple(filter(None, keys.split(",")))
    wish = Wish(channels, source, split, once, as_json)
    settings = _load(path)
    try:
        sys.exit(asyncio.run(check_sources(settings, wish)))
    except ConfigError as error:
        fail(str(error), 2)


def _measured(read: Callable[[object], float], value: str | None) -> Any:
    """An option with a unit, read as in the configuration."""
    try:
        return None if value is None else read(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}") from None


@main.command()
@CONFIG
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The tape to write; a file that is there is replaced.",
)
@click.option("--for", "period", metavar="DURATION", help="For so long. Default: until Ctrl-C.")
@click.option("--max-bytes", metavar="SIZE", default="50MiB", show_default=True)
@click.option("--keys", default="", metavar="A,B", help="For a source read by keys on demand.")
def record(
    path: Path, sources: tuple[str, ...], out: Path, period: str | None, max_bytes: str, keys: str
) -> None:
    """Put on a tape what sources answer, for kind replay. Without SOURCE, all of them.

    Secrets are taken out. A name that ends in .gz makes a packed tape.
    """
    from stream.cli.record import record_sources
    from stream.units import parse_duration, parse_size

    settings = _load(path)
    work = record_sources(
        settings,
        sources,
        out,
        for_s=_measured(parse_duration, period),
        max_bytes=_measured(parse_size, max_bytes),
        keys=[key for key in keys.split(",") if key],
    )
    try:
        click.echo(asyncio.run(work))
    except ConfigError as error:
        fail(str(error), 2)


def _load(path: Path) -> Settings:
    from stream import config

    try:
        return config.load(path, os.environ)
    except ConfigError as error:
        is_unnamed = path == DEFAULT_PATH and not path.exists()
        hint = "; name another with --config, or see it work: stream demo" if is_unnamed else ""
        fail(f"{error}{hint}", 2)


def _overridden(settings: Settings, host: str | None, port: int | None) -> Settings:
    changes = {k: v for k, v in (("host", host), ("port", port)) if v is not None}
    server = settings.server.model_copy(update=changes)
    return settings.model_copy(update={"server": server})


def _listener(settings: Settings) -> socket.socket:
    from stream.cli.open_files import raise_limit
    from stream.server import listen

    raise_limit(settings.limits.connections)
    host, port = settings.server.host, settings.server.port
    try:
        return listen(host, port, lag_timeout_s=settings.limits.lag_timeout)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fail(f"port {port} on {host} is in use; choose another with --port", 1)
        fail(f"cannot listen on {host}:{port}: {error.strerror or error}", 1)


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)


def run_to_end(work: Coroutine[Any, Any, None]) -> None:
    """Run it, and be gone soon after it has ended. Who is asked to end by Ctrl-C ends well."""
    try:
        from stream.server import loop_factory

        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            try:
                runner.run(work)
            except ConfigError as error:
                fail(str(error), 2)
            except KeyboardInterrupt:
                pass  # it comes again, whether or not the work had time to notice, once all is over
            # A thread that waits for a name server would hold the process for as long as it likes.
            leaving = threading.Timer(LEAVE_S, os._exit, (0,))
            leaving.daemon = True
            leaving.start()
    finally:
        work.close()  # interrupted before it began


async def _serve(settings: Settings, listener: socket.socket) -> None:
    from stream.app import create_app
    from stream.server import run

    def ready(url: str) -> None:
        click.echo(f"stream {__version__} on {url}, {len(settings.sources)} sources")

    await run(create_app(settings), settings, listener, on_ready=ready)


async def _demo(host: str | None, port: int | None) -> None:
    from stream import config
    from stream.app import create_app
    from stream.demo.settings import demo_config
    from stream.demo.upstream import serve_upstream
    from stream.server import run

    async with serve_upstream() as upstream:
        settings = _overridden(
            config.loads(demo_config(upstream), os.environ, where="demo"), host, port
        )
        listener = _listener(settings)
        await run(create_app(settings), settings, listener, on_ready=_tour)


def _tour(url: str) -> None:
    wire = url.replace("http", "ws", 1)
    click.echo(
        f"""
  stream demo is live; everything in it is invented, but for this machine's own figures.

  in a browser      {url}/       what flows
                    {url}/desk   a trading desk
                    {url}/news   a newsroom
  in a terminal     stream tail {url} quotes
  with curl         curl -N {url}/sse/quotes
                    curl -N '{url}/sse/host?format=text'
                    curl -N '{url}/sse/quotes?where=change_pct%20%3E%201&fields=last,change_pct'
                    curl {url}/channels/users/5
  with wscat        wscat -c {wire}/ws/news,quotes
                    wscat -c {wire}/ws            then type: sub users
  publish           curl -d '{{"id":"a1","text":"hello"}}' {url}/channels/alerts

  Ctrl-C ends it.
"""
    )
