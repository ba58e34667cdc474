"""Runs `stream …` as people do: in a pipe, or on a terminal of its own."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator
from dataclasses import dataclass

LIMIT_S = 30.0
"""Longest that a command may take, on a busy machine too."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


def _environ(environ: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_")}
    return {**kept, "COLUMNS": "200", **environ}


@contextlib.asynccontextmanager
async def begun(*words: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command in pipes, killed at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environ(environ),
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ran(*words: str, stdin: str = "", **environ: str) -> Ran:
    """The command in pipes, run to its end."""
    async with begun(*words, **environ) as process:
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())


class Terminal:
    """A command on a terminal of so many columns and lines."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self._size = struct.pack("HHHH", lines, columns, 0, 0)
        self.written = ""
        self._process: asyncio.subprocess.Process | None = None
        self._ours = -1

    @contextlib.asynccontextmanager
    async def running(self, *words: str, **environ: str) -> AsyncIterator[Terminal]:
        """The command, killed at the end of the block if it still runs."""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, self._size)
        environ = {name: v for name, v in _environ(environ).items() if name != "COLUMNS"}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stream", *words),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**environ, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(theirs)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._ours, self._read)
        try:
            async with asyncio.timeout(LIMIT_S):
                yield self
        finally:
            loop.remove_reader(self._ours)
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
            os.close(self._ours)

    def _read(self) -> None:
        try:
            self.written += os.read(self._ours, 65536).decode(errors="replace")
        except OSError:  # how a terminal says that nobody is at its other end
            asyncio.get_running_loop().remove_reader(self._ours)

    def type(self, text: str) -> None:
        """What a person types."""
        os.write(self._ours, text.encode())

    def shown(self) -> str:
        """What was written, without what steers the terminal."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.written)

    async def end(self, number: int) -> int:
        """Send a signal; the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return await self._process.wait()

    async def wait(self) -> int:
        """The exit code, once it has ended by itself."""
        assert self._process is not None
        return await self._process.wait()
