"""Where a benchmark runs: which cores, how many files, and the two compiled tools.

The server has one core, whoever loads it the other; both tools are built anew for every run.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TypeVar

Size = TypeVar("Size", int, float)
HERE = Path(__file__).parent
WANTED_FILES = 65_536
SPARE_FILES = 100
"""Files a server needs besides its connections."""
LIBRARIES = (
    "stream",
    "starlette",
    "uvicorn",
    "uvloop",
    "websockets",
    "sse-starlette",
    "orjson",
    "python-socketio",
    "channels",
)


class Unavailable(Exception):
    """Something that a benchmark needs is not here; the text says what."""


@dataclass(frozen=True, slots=True)
class Place:
    """What all parts of one run share.

    Attributes:
        is_quick: everything in reduced size, to see that it works.
        rounds: how often targets are measured, in alternating order.
        only: names of targets to measure; empty for all.
        server_core: where servers run.
        client_core: where the load, the publisher and upstreams run.
        most_files: files that one process may have open.
    """

    folder: Path
    is_quick: bool
    rounds: int
    only: tuple[str, ...]
    server_core: int
    client_core: int
    most_files: int
    load: Path
    limit: Path

    def pick(self, full: Size, quick: Size) -> Size:
        """A size: the real one, or the reduced one."""
        return quick if self.is_quick else full

    def once(self) -> Place:
        """The same, for what takes long and is measured once only."""
        return replace(self, rounds=1)

    def connections(self, wanted: int) -> int:
        """As many connections as one process may hold here."""
        return min(wanted, self.most_files - SPARE_FILES)


def prepare(folder: Path, *, is_quick: bool, rounds: int, only: tuple[str, ...]) -> Place:
    """Pin this process, raise its limits and build the tools.

    Raises:
        Unavailable: without a C compiler nothing can be measured fairly.
    """
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    return Place(
        folder,
        is_quick,
        rounds,
        only,
        cores[0],
        cores[-1],
        raise_files(),
        build("load", folder),
        build("limit", folder),
    )


def raise_files() -> int:
    """Raise the limit of open files as far as this user may; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < WANTED_FILES:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (WANTED_FILES, WANTED_FILES))
        except (ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            return hard
        return WANTED_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (WANTED_FILES, hard))
    return WANTED_FILES


def build(name: str, folder: Path) -> Path:
    """Compile one of the two tools."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Unavailable("the load client needs a C compiler, and there is no 'cc'")
    made = folder / name
    command = [compiler, "-O2", "-o", str(made), str(HERE / f"{name}.c")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise Unavailable(f"{name}.c does not compile: {done.stderr.strip()[:400]}")
    return made


def machine(place: Place) -> dict[str, str]:
    """What the numbers were measured on."""
    return {
        "cpu": _cpu(),
        "cores": f"{os.cpu_count()}; servers on {place.server_core}, load on {place.client_core}",
        "open files": str(place.most_files),
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: found for name in LIBRARIES if (found := _version(name))},
        **{
            name: found
            for name, command in (("nginx", "nginx -v"), ("node", "node --version"))
            if (found := _says(command))
        },
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _says(command: str) -> str:
    words = command.split()
    if shutil.which(words[0]) is None:
        return ""
    done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    return (done.stdout + done.stderr).strip().rpartition("/")[2].lstrip("v")
