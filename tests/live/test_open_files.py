"""The limit of open files, and a process that has to go, as real processes."""

from __future__ import annotations

import asyncio
import os
import resource
import shlex
import sys
import time
from pathlib import Path

import pytest

from stream.cli.open_files import SPARE, raise_limit
from tests.live.test_drain import START_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")

TOML = '[server]\nport = 0\n[limits]\nconnections = {}\n[sources.desk]\nkind = "push"\n'


def open_files_of(pid: int) -> list[int]:
    """The soft and the hard limit that a process runs with."""
    rows = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (row,) = (row.split() for row in rows if row.startswith("Max open files"))
    return [int(number) for number in row[3:5]]


async def limited(limits: str, connections: int, folder: Path) -> tuple[list[int], str]:
    """Start ``stream serve`` after these ``ulimit``s: the soft and hard limit it runs with, and
    what it wrote to its log."""
    path = folder / "stream.toml"
    path.write_text(TOML.format(connections))
    serve = shlex.join((sys.executable, "-m", "stream", "serve", "--config", str(path)))
    process = await asyncio.create_subprocess_shell(
        f"{limits} && exec {serve}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
            assert b"http://" in line
            row = open_files_of(process.pid)
            process.terminate()
            _, log = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return row, log.decode()


async def test_serve_opens_as_many_files_as_it_may_and_warns_where_that_is_not_enough(
    tmp_path: Path,
) -> None:
    limits, log = await limited("ulimit -Sn 256 && ulimit -Hn 999", 800, tmp_path)
    assert limits == [999, 999]
    (warning,) = (line for line in log.splitlines() if "open files" in line)
    assert " WARNING " in warning
    assert " 999," in warning and " 1000:" in warning


def test_no_word_is_said_where_it_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_limit(hard - SPARE)
    assert caplog.messages == []
    raise_limit(hard - SPARE + 1)
    assert len(caplog.messages) == 1
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_thread_that_waits_for_ever_does_not_hold_the_process() -> None:
    text = """
import asyncio, time
from stream.cli.main import run_to_end
async def work():
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
    print("ended", flush=True)
run_to_end(work())
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", text), stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            assert await process.stdout.readline() == b"ended\n"
            begun = time.monotonic()
            assert await process.wait() == 0
            assert time.monotonic() - begun < 10
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
