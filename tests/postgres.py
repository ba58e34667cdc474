"""A real PostgreSQL of the tests' own: private, on a free port, under a user who is not root."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.certificates import certify

PASSWORD: Final = "hunter22"  # noqa: S105
USER: Final = "boss"
_LIMIT_S: Final = 40
_SETTINGS: Final = (
    "fsync=off",
    "listen_addresses=127.0.0.1",
    "max_connections=20",
    "shared_buffers=16MB",
    "ssl=on",
)
_TLS: Final = (("cert", "crt"), ("key", "key"))


def _missing(what: str) -> None:
    """Skip the test, but not in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not installed; CI must have it")
    pytest.skip(f"{what} is not installed")


def need_driver(name: str) -> None:
    """Go on only where this driver is installed."""
    if importlib.util.find_spec(name) is None:
        _missing(f"the driver {name}")


def _programs() -> Path:
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres", "psql")):
            return folder
    _missing("PostgreSQL")
    raise AssertionError("not reached")


class Postgres:
    """One server, that can be stopped and started again.

    Args:
        folder: its own.
        port: where it listens, on 127.0.0.1 and on a socket in ``folder``.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.authority = folder / "authority.pem"
        self._programs = _programs()
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam("postgres")
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def address(
        self, driver: str = "asyncpg", *, password: str = PASSWORD, database: str = "postgres"
    ) -> str:
        """Where a source finds it."""
        return f"postgresql+{driver}://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make its files. Every connection is asked for the password."""
        (self.folder / "password").write_text(PASSWORD, encoding="utf-8")
        certified = certify(self.folder)
        certified.key.rename(self.folder / "server.key").chmod(0o600)
        certified.cert.rename(self.folder / "server.crt")
        certified.authority.rename(self.authority)
        if self._as:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, self._as["user"], self._as["group"])
        self._run(
            *("initdb", "-D", "data", "-U", USER, "--pwfile=password", "-A", "scram-sha-256"),
            *("--no-sync", "--encoding=UTF8", "--locale=C"),
        )

    def start(self) -> None:
        """Start it; it answers from here on."""
        settings = [f"port={self.port}", f"unix_socket_directories={self.folder}", *_SETTINGS]
        settings += [f"ssl_{part}_file={self.folder}/server.{end}" for part, end in _TLS]
        options = " ".join(f"-c {each}" for each in settings)
        self._run("pg_ctl", "start", "-D", "data", "--wait", "-l", "log", "-o", options)

    def stop(self) -> None:
        """End it, cutting its clients off."""
        self._run("pg_ctl", "stop", "-D", "data", "--wait", "-m", "fast")

    def run(self, statement: str) -> str:
        """Run statements, committed at once; what the last one answers, a row a line."""
        said = self._run(
            *("psql", "-h", str(self.folder), "-p", str(self.port), "-U", USER, "-d", "postgres"),
            *("--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-Atc", statement),
        )
        return said.strip()

    def busy(self) -> int:
        """How many statements are being run for clients, this question left out."""
        return int(
            self.run(
                "select count(*) from pg_stat_activity where backend_type = 'client backend'"
                " and state <> 'idle' and pid <> pg_backend_pid()"
            )
        )

    def _run(self, name: str, *arguments: str) -> str:
        run = subprocess.run(
            [str(self._programs / name), *arguments],
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=os.environ | {"PGPASSWORD": PASSWORD, "LC_ALL": "C"},
            text=True,
            timeout=_LIMIT_S,
            **self._as,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        said: str = run.stdout
        return said


@contextlib.contextmanager
def running() -> Iterator[Postgres]:
    """A server that is up, and gone afterwards with all its files."""
    # Not in pytest's folders, which only the user who runs the tests can enter.
    folder = Path(tempfile.mkdtemp(prefix="stream-pg-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    try:
        server = Postgres(folder, port)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
