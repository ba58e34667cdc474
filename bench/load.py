"""The compiled load client, as the harness speaks with it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Self

from bench.place import Place, Unavailable

QUIET_S = 1.0
"""So long nothing new may come before what is missing counts as lost."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the load client has seen since the mark; connections since it started.

    Attributes:
        early: deliveries of what was published before the mark.
        first, first_ms: connections that got a first byte, and when the last of them did.
        full, full_ms: the same for those that got ``full`` bytes.
        last_ns: when the last delivery came; 0 if none did.
    """

    connected: int
    failed: int
    closed: int
    bytes: int
    messages: int
    deliveries: int
    early: int
    min_us: float
    mean_us: float
    p50_us: float
    p90_us: float
    p99_us: float
    max_us: float
    first: int
    first_ms: float
    full: int
    full_ms: float
    last_ns: int
    now_ns: int


class Load:
    """Many subscribers in one process.

    Args:
        requests: lines such as ``ws /ws/c1``, taken in turn.
        hello: a text to send on each WebSocket.
        stuck: so many of them never read.
        full: bytes after which a connection is counted as full.
        inflight: so many connects at one time, and at most ``rate`` a second.
        nice: where it should stand back behind another load.
    """

    def __init__(
        self,
        place: Place,
        port: int,
        count: int,
        requests: Sequence[str],
        *,
        hello: str | None = None,
        stuck: int = 0,
        full: int = 0,
        inflight: int = 64,
        rate: int = 4000,
        nice: int = 0,
    ) -> None:
        def settle() -> None:
            os.sched_setaffinity(0, {place.client_core})
            os.nice(nice)

        self.count = count
        self._is_connected = False
        lines = place.folder / f"requests-{time.monotonic_ns()}"
        lines.write_text("\n".join(requests) + "\n", encoding="utf-8")
        command = [str(place.load), "--port", str(port), "--connections", str(count)]
        command += ["--requests", str(lines), "--inflight", str(inflight), "--rate", str(rate)]
        command += ["--stall", str(stuck)]
        command += ["--full", str(full)] if full else []
        command += ["--hello", hello] if hello is not None else []
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=settle,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.kill()
        self._child.communicate(timeout=10)

    def wait_connected(self, *, may_fail: bool = False) -> Report:
        """Wait until every connection stands.

        Raises:
            Unavailable: some could not be had.
        """
        found = self._read()
        self._is_connected = True
        if found.failed and not may_fail:
            raise Unavailable(f"{found.failed} of {self.count} connections failed")
        return found

    def is_connected(self) -> bool:
        """Whether every connection stands, without waiting for it."""
        assert self._child.stdout is not None
        if not self._is_connected and select.select([self._child.stdout], [], [], 0)[0]:
            self.wait_connected(may_fail=True)
        return self._is_connected

    def mark(self) -> Report:
        """Begin a window: forget what was counted."""
        return self._ask("mark")

    def report(self) -> Report:
        """What was counted since the mark."""
        return self._ask("report")

    def drain(self, expected: int, *, within_s: float = 120.0) -> Report:
        """Wait for so many deliveries, or until nothing more comes."""
        until = time.monotonic() + within_s
        found = self.report()
        moved_at = time.monotonic()
        while found.deliveries < expected:
            now = time.monotonic()
            if now > until or now - moved_at > QUIET_S:
                break
            time.sleep(0.02)
            before, found = found, self.report()
            # Bytes are no sign of life: pings come for ever.
            if found.deliveries != before.deliveries:
                moved_at = time.monotonic()
        return found

    def _ask(self, command: str) -> Report:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(f"{command}\n".encode())
            self._child.stdin.flush()
        except OSError:
            raise Unavailable("the load client has ended") from None
        return self._read()

    def _read(self) -> Report:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise Unavailable("the load client has ended")
        found = json.loads(line)
        return Report(**{field.name: found[field.name] for field in fields(Report)})
