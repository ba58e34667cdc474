"""The programs of examples/, each as its own first lines say, against the demo."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live.commands import LIMIT_S
from tests.live.test_drain import DEMO, started

FOLDER = Path(__file__).parent.parent.parent / "examples"


@contextlib.asynccontextmanager
async def program(name: str, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The example, killed at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(FOLDER / name), *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def lines(process: asyncio.subprocess.Process, count: int) -> list[str]:
    """So many lines of its output."""
    assert process.stdout is not None
    return [(await process.stdout.readline()).decode().rstrip("\n") for _ in range(count)]


async def test_the_examples_do_what_they_say(tmp_path: Path) -> None:
    cursor = tmp_path / "cursor.txt"
    async with started(*DEMO) as (_, url):
        async with program("mirror.py", url, "quotes") as mirror:
            while "24 new" not in (await lines(mirror, 1))[0]:
                pass  # the demo has just begun: its channels may not have been read yet
            assert re.fullmatch(
                r"24 items: 0 new, \d+ changed, 0 gone", (await lines(mirror, 1))[0]
            )
        async with program("columns.py", url, "quotes", "last", "change_pct") as columns:
            found = await lines(columns, 3)
            assert found[0].startswith("ADA-USD.CC\tALDB.US\t")
            assert [line.partition("\t")[0] for line in found[1:]] == ["last", "change_pct"]
        async with program("resume.py", url, "news", str(cursor)) as resume:
            assert (await lines(resume, 1))[0].startswith("everything anew: ")
            assert (await lines(resume, 1))[0].startswith("new or replaced: ")
        async with program("resume.py", url, "news", str(cursor)) as resume:
            assert (await lines(resume, 1))[0].startswith("new or replaced: ")


@pytest.mark.parametrize("name", ["mirror.py", "columns.py", "resume.py"])
async def test_an_example_says_in_one_line_what_is_wrong(name: str, tmp_path: Path) -> None:
    async with started(*DEMO) as (_, url):
        async with program(name, url, "quotez", str(tmp_path / "x")) as process:
            _, err = await process.communicate()
    assert err == b"no channel 'quotez', did you mean 'quotes'?\n"
