"""A rolling restart of two nodes under load: what the clients of it saw, and when they came back.

``python -m bench.rolling [--clients 500]`` prints when the clients of each node that was stopped
came back. Two real ``stream serve`` processes read one upstream. The clients, half on WebSocket and
half on server-sent events, behave as the product's own: they come back when they were told to, to
the other node, and where they were told nothing, after a full jitter.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

KEYS: Final = 10
EVERY_S: Final = 0.05
"""Between two changes of the upstream."""
START_S: Final = 20.0
"""Longest that a node may take to start, on a busy machine too."""
WAIT_S: Final = 40.0
"""Longest that clients may take to come back, or to get what they are owed."""
GONE_S: Final = 30.0
"""Longest that a node may take to go."""
BUCKET_S: Final = 0.1
RESTART: Final = 1012
_CONFIG: Final = """\
[server]
port = {port}
drain = "10s"
[limits]
connections_per_address = 10000
[sources.counts]
kind = "http"
url = "{url}"
every = "100ms"
key = "id"
"""


@dataclass(slots=True)
class Upstream:
    """Answers every request with all counters; one of them is counted up every ``EVERY_S``."""

    counts: dict[str, int] = field(default_factory=lambda: {f"k{n}": 0 for n in range(KEYS)})
    port: int = 0

    @contextlib.asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Listen until the end of the block."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def count(self) -> None:
        """Count for ever."""
        while True:
            self.counts[random.choice(list(self.counts))] += 1
            await asyncio.sleep(EVERY_S)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                body = orjson.dumps([{"id": key, "n": n} for key, n in self.counts.items()])
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d"
                writer.write(head % len(body) + b"\r\n\r\n" + body)
        writer.close()


@dataclass(slots=True)
class Node:
    """A ``stream serve`` of its own, always on the same port."""

    port: int
    config: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it takes connections."""
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stream", "serve", "--config", str(self.config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(START_S):
            line = await self.process.stdout.readline()
        assert b"http://" in line, "a node ended before it said where it is"

    async def stop(self) -> float:
        """SIGTERM; how many seconds it took to be gone."""
        assert self.process is not None
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(GONE_S):
            await self.process.wait()
        return time.monotonic() - begun

    async def kill(self) -> None:
        """End it in any case."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@dataclass(slots=True, eq=False)
class Client:
    """A reader that applies what it gets, and notes whatever should not have happened.

    Attributes:
        node: the place of the node in ``ports`` that it is on, or will come to next.
        came_back: when it tried to come back, each time (monotonic seconds).
        mistakes: what should not have happened.
    """

    ports: list[int]
    node: int
    is_sse: bool
    state: dict[str, int] = field(default_factory=dict)
    is_connected: bool = False
    came_back: list[float] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Read for ever."""
        failures = 0
        while True:
            retry_ms: int | None = None
            try:
                retry_ms = await (self._sse() if self.is_sse else self._websocket())
                failures = 0
            except (OSError, ConnectionClosed, ValueError, EOFError) as error:
                failures += 1
                self.mistakes.append(f"{type(error).__name__}: {error}")
            self.is_connected = False
            if retry_ms is None:
                retry_ms = round(random.uniform(0, min(20_000, 500 * 2**failures)))
            await asyncio.sleep(retry_ms / 1000)
            self.node = (self.node + 1) % len(self.ports)
            self.came_back.append(time.monotonic())

    async def _websocket(self) -> int | None:
        url = f"ws://127.0.0.1:{self.ports[self.node]}/ws/counts"
        retry_ms = None
        async with connect(url, compression=None, ping_interval=None, open_timeout=10) as websocket:
            try:
                while True:
                    retry_ms = self._take(orjson.loads(await websocket.recv()))
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd is not None else None
                if code != RESTART or retry_ms is None:
                    self.mistakes.append(f"closed with {code}, retry_ms {retry_ms}")
        return retry_ms

    async def _sse(self) -> int | None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[self.node])
        retry_ms = None
        try:
            writer.write(b"GET /sse/counts HTTP/1.1\r\nHost: node\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise ValueError(head.partition(b"\r\n")[0].decode())
            async for data in _data(reader, is_chunked=b"chunked" in head.lower()):
                retry_ms = self._take(orjson.loads(data))
        finally:
            writer.close()
        if retry_ms is None:
            self.mistakes.append("the stream ended without a bye")
        return retry_ms

    def _take(self, message: dict[str, Any]) -> int | None:
        """Apply one message; the hint of a ``bye``."""
        self.is_connected = True
        if message["type"] == "bye":
            retry_ms: int = message["retry_ms"]
            return retry_ms
        items = message.get("items", []) + message.get("put", []) + message.get("patch", [])
        for item in items:
            before = self.state.get(item["id"], 0)
            if item["n"] < before:
                self.mistakes.append(f"{item['id']} went from {before} back to {item['n']}")
            self.state[item["id"]] = item["n"]
        for key in message.get("del", []):
            self.mistakes.append(f"{key} was deleted")
        return None


async def _data(reader: asyncio.StreamReader, *, is_chunked: bool) -> AsyncIterator[bytes]:
    """The ``data:`` of each event, to the end of the stream."""
    buffer = b""
    async for piece in _pieces(reader, is_chunked=is_chunked):
        *lines, buffer = (buffer + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data: "):
                yield line.removeprefix(b"data: ")


async def _pieces(reader: asyncio.StreamReader, *, is_chunked: bool) -> AsyncIterator[bytes]:
    if not is_chunked:
        while piece := await reader.read(65_536):
            yield piece
        return
    while size := int(await reader.readline() or b"0", 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)


@dataclass(slots=True)
class Phase:
    """One node stopped: how many clients it had, how long it took, and when they came back.

    Attributes:
        gone_s: from SIGTERM until the process had ended.
        came_back_s: seconds after SIGTERM, one for each try of each client.
    """

    name: str
    clients: int
    gone_s: float
    came_back_s: list[float]

    @property
    def worst_share(self) -> float:
        """The greatest share of the clients that came back within one bucket of 100 ms."""
        if not self.came_back_s:
            return 0.0
        buckets = Counter(int(at_s / BUCKET_S) for at_s in self.came_back_s)
        return max(buckets.values()) / self.clients


@dataclass(slots=True)
class Outcome:
    """What came of a rolling restart."""

    phases: list[Phase]
    mistakes: list[str]
    changes: int


async def roll(clients: int) -> Outcome:
    """Two nodes, so many clients; stop A, start it again, stop B, and see that all is well.

    Raises:
        TimeoutError: clients did not come back, or did not get the final values, in time.
    """
    upstream = Upstream()
    ports = list(_free_ports(2))
    with tempfile.TemporaryDirectory() as folder:
        async with upstream.answering(), asyncio.TaskGroup() as group:
            nodes = [Node(port, Path(folder) / f"{port}.toml") for port in ports]
            readers = [Client(ports, n % 2, is_sse=n // 2 % 2 == 0) for n in range(clients)]
            for node in nodes:
                url = f"http://127.0.0.1:{upstream.port}/"
                node.config.write_text(_CONFIG.format(port=node.port, url=url))
            counting = group.create_task(upstream.count())
            tasks = [counting]
            try:
                await asyncio.gather(*(node.start() for node in nodes))
                tasks += [group.create_task(reader.run()) for reader in readers]
                phases = [await _restart(nodes[0], "A", readers)]
                phases.append(await _restart(nodes[1], "B", readers))
                counting.cancel()
                await _wait(lambda: all(reader.state == upstream.counts for reader in readers))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*(node.kill() for node in nodes))
    mistakes = [mistake for reader in readers for mistake in reader.mistakes]
    return Outcome(phases, mistakes, sum(upstream.counts.values()))


async def _restart(node: Node, name: str, readers: list[Client]) -> Phase:
    """Stop a node, start it again, and wait until its clients are back."""
    await _wait(lambda: all(reader.is_connected for reader in readers))
    here = [reader for reader in readers if reader.ports[reader.node] == node.port]
    for reader in readers:
        reader.came_back.clear()
    begun = time.monotonic()
    gone_s = await node.stop()
    await node.start()
    await _wait(lambda: all(reader.is_connected for reader in readers))
    came_back_s = sorted(at - begun for reader in readers for at in reader.came_back)
    return Phase(name, len(here), gone_s, came_back_s)


async def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {WAIT_S:g} s")
        await asyncio.sleep(0.02)


def _free_ports(count: int) -> Iterator[int]:
    """Ports that are free now; both are held until the last one is known."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            yield taken.getsockname()[1]


def histogram(phase: Phase, line_s: float) -> str:
    """When the clients came back, as text: one line for each ``line_s``."""
    buckets = Counter(int(at_s / line_s) for at_s in phase.came_back_s)
    lines = [
        f"node {phase.name}: {phase.clients} clients; gone {phase.gone_s:.2f} s after SIGTERM; "
        f"at most {phase.worst_share:.1%} of them within 100 ms"
    ]
    if buckets:
        for bucket in range(min(buckets), max(buckets) + 1):
            count = buckets[bucket]
            lines.append(f"{bucket * line_s:6.1f} s {count:4} {'#' * count}".rstrip())
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.rolling", description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--line", type=float, default=0.5, metavar="SECONDS", help="of the print")
    arguments = parser.parse_args()
    outcome = asyncio.run(roll(arguments.clients))
    print("\n\n".join(histogram(phase, arguments.line) for phase in outcome.phases))
    print(f"\n{outcome.changes} changes; mistakes seen by clients: {len(outcome.mistakes)}")
    for mistake, count in Counter(outcome.mistakes).most_common(10):
        print(f"  {count} × {mistake}")


if __name__ == "__main__":
    main()
