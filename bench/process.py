"""A process that is measured: started on one core, watched, and stopped by its own id."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from bench.place import Unavailable

LIFE_S = 900
"""No process that a benchmark starts lives longer."""
CPU_S = 600
STOP_S = 5.0
SAMPLE_S = 0.05
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def free_port() -> int:
    """A TCP port that nobody has just now, nor the one after it.

    Below those that the kernel gives to clients, so that no connection takes it meanwhile.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        if _is_free(port) and _is_free(port + 1):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Process:
    """A child on one core, with what it costs.

    Args:
        command: what to run.
        core: where; everything it starts is there too.
        log: where its output goes.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        core: int,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        def settle() -> None:
            os.sched_setaffinity(0, {core})
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # it must not outlive the harness

        self.log = log
        self._pids: list[int] = []
        with log.open("wb") as output:
            try:
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    cwd=cwd,
                    preexec_fn=settle,
                )
            except OSError as error:
                raise Unavailable(f"{command[0]}: {error.strerror}") from None
        self._end = threading.Timer(LIFE_S, self._child.kill)
        self._end.daemon = True
        self._end.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its id."""
        return self._child.pid

    def wait_ready(self, port: int, path: str, *, within_s: float = 20.0) -> None:
        """Wait until it answers 200.

        Raises:
            Unavailable: it ended, or did not answer in time; with the last line it wrote.
        """
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            if self._child.poll() is not None:
                raise Unavailable(self._last_words())
            if answers(port, path):
                return
            time.sleep(0.05)
        raise Unavailable(f"no answer on {path} within {within_s:.0f} s; {self._last_words()}")

    def _settled(self) -> list[int]:
        """Its processes, looked up once: that is slow, and no server here starts any later."""
        if not self._pids:
            self._pids = [process.pid for process in self._family()]
        return self._pids

    def cpu_ns(self) -> int:
        """Time on the CPU of all its threads and children, kernel included."""
        return sum(_run_ns(pid) for pid in self._settled())

    def rss(self) -> int:
        """Resident bytes of all its processes."""
        return sum(_rss(pid) for pid in self._settled())

    def rss_now(self) -> int:
        """The same, quick enough to be asked again and again, and a little less exact."""
        return sum(_rss_now(pid) for pid in self._settled())

    def stop(self) -> None:
        """End it and what it started: politely, then not."""
        self._end.cancel()
        family = self._family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs(family, timeout=STOP_S)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._child.wait(timeout=STOP_S)

    def _family(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        faults = [line for line in lines if "Error" in line]
        return (faults or lines or ["it said nothing"])[-1].strip()[:200]


def answers(port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(request.encode())
            return connection.recv(12).endswith(b" 200")
    except OSError:
        return False


def _run_ns(pid: int) -> int:
    total = 0
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total


def _rss(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    return 0


def _rss_now(pid: int) -> int:
    with contextlib.suppress(OSError):
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * resource.getpagesize()
    return 0


def kernel_tcp() -> int:
    """Bytes in the kernel's buffers of all TCP sockets of this machine: no process owns them."""
    for line in Path("/proc/net/sockstat").read_text(encoding="ascii").splitlines():
        if line.startswith("TCP:"):
            return int(line.rsplit(" ", 1)[1]) * resource.getpagesize()
    return 0


@contextlib.contextmanager
def peak_rss(process: Process) -> Iterator[list[int]]:
    """Watch its memory meanwhile; the list holds every sample."""
    samples = [process.rss_now()]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_S):
            samples.append(process.rss_now())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()
