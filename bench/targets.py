"""What is measured: our server, and what stands beside it. How each is started and spoken to."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import nginx
from bench.load import Load
from bench.place import HERE, Place, Unavailable
from bench.process import Process, free_port
from bench.publish import Publisher

BYTES = 242
"""About so large is what a subscriber is sent for one publication, by whoever sends it."""
ENVELOPE = 72
"""Of that, what our own diff puts around the item; a peer's message is the body itself."""
PEERS = HERE / "peers"
CACHE = Path(os.environ.get("BENCH_PEERS_CACHE", Path.home() / ".cache" / "stream-bench"))
"""Where ``bench/peers/install.py`` puts the peers' libraries."""
OUR_MOST = 30_000


@dataclass(frozen=True, slots=True)
class Target:
    """One server, as a benchmark sees it.

    Attributes:
        kind: ``stream``, ``nchan``, ``peer`` or ``limit``.
        speaks: ``ws`` or ``sse``.
        file: of a peer.
        hello: what a subscriber says first.
        publish_offset: its port for publishing, as seen from its first.
        query: what its subscribers ask for besides channels.
        together: it is published to all its channels by one request.
    """

    name: str
    kind: str
    speaks: str
    file: str = ""
    hello: str | None = None
    publish_offset: int = 0
    query: str = ""
    together: bool = False

    @property
    def body_bytes(self) -> int:
        """The size of a publication that becomes ``BYTES`` on the wire."""
        return BYTES - ENVELOPE if self.kind == "stream" else BYTES

    def request(self, channels: Sequence[str], query: str = "") -> str:
        """A line for the load client: subscribe to these."""
        names = ",".join(channels)
        if self.hello is not None:
            return f"ws /socket.io/?EIO=4&transport=websocket&channel={names}"
        return f"{self.speaks} /{self.speaks}/{names}{query}"

    def publish_path(self, channel: str) -> str:
        """Where to POST."""
        return f"/channels/{channel}" if self.kind == "stream" else f"/publish/{channel}"


def _peer(name: str, file: str = "", **more: str | int | None) -> Target:
    file = file or f"{name}.py"
    speaks = "sse" if "sse" in name else "ws"
    target = Target(name, "peer", speaks, file)
    return replace(target, **more) if more else target  # type: ignore[arg-type]


TARGETS = (
    Target("stream-ws", "stream", "ws"),
    Target("stream-sse", "stream", "sse"),
    Target("nchan-ws", "nchan", "ws"),
    Target("nchan-sse", "nchan", "sse"),
    Target("limit-c", "limit", "ws"),
    _peer("websockets_broadcast", publish_offset=1),
    _peer("starlette_queue_ws"),
    _peer("starlette_queue_sse"),
    _peer("sse_starlette_queue"),
    _peer("node_ws", "node_ws.js"),
    _peer("node_socketio", "node_socketio.js", hello="40"),
    _peer("python_socketio", hello="40"),
    _peer("channels_memory"),
    _peer("channels_daphne"),
)
NAMES = tuple(target.name for target in TARGETS)


def chosen(place: Place, names: Sequence[str] = NAMES) -> list[Target]:
    """Those of these names that this run is to measure."""
    wanted = place.only or NAMES
    return [target for target in TARGETS if target.name in names and target.name in wanted]


@dataclass(slots=True)
class Running:
    """A server that answers."""

    place: Place
    target: Target
    process: Process
    port: int
    publish_port: int = field(init=False)

    def __post_init__(self) -> None:
        self.publish_port = self.port + self.target.publish_offset

    def publisher(self) -> Publisher:
        """A connection to publish on."""
        return Publisher(self.publish_port)

    def load(
        self,
        count: int,
        requests: Sequence[str],
        *,
        stuck: int = 0,
        full: int = 0,
        inflight: int = 64,
        rate: int = 4000,
        nice: int = 0,
    ) -> Load:
        """Subscribers."""
        return Load(
            self.place,
            self.port,
            count,
            requests,
            hello=self.target.hello,
            stuck=stuck,
            full=full,
            inflight=inflight,
            rate=rate,
            nice=nice,
        )


@contextlib.contextmanager
def running(
    place: Place, target: Target, channels: Sequence[str], *, config: str | None = None
) -> Iterator[Running]:
    """Start a server and stop it again.

    Args:
        config: of our own server, instead of one push source for each channel.

    Raises:
        Unavailable: it cannot be had here.
    """
    port = free_port()
    log = place.folder / f"{target.name}.log"
    command, env, cwd = _command(place, target, port, channels, config)
    with Process(command, core=place.server_core, log=log, env=env, cwd=cwd) as process:
        process.wait_ready(
            port + target.publish_offset, "/readyz" if target.kind == "stream" else "/ready"
        )
        yield Running(place, target, process, port)


def _command(
    place: Place, target: Target, port: int, channels: Sequence[str], config: str | None
) -> tuple[list[str], dict[str, str], Path | None]:
    if target.kind == "stream":
        return _ours(place, port, config if config is not None else push_sources(channels))
    if target.kind == "nchan":
        return nginx.command(place.folder / f"nginx-{port}", port, place.most_files), {}, None
    if target.kind == "limit":
        return [str(place.limit), str(port), str(place.most_files)], {}, None
    file = PEERS / target.file
    if not file.exists():
        raise Unavailable(f"there is no bench/peers/{target.file}")
    env = {"NODE_PATH": str(CACHE / "node_modules")}
    runner = "node" if file.suffix == ".js" else peers_python()
    return [runner, str(file), str(port)], env, None


def peers_python() -> str:
    """The Python with the peers' libraries: the one installed for them, or this one."""
    theirs = CACHE / "venv" / "bin" / "python"
    return str(theirs) if theirs.exists() else sys.executable


def push_sources(channels: Sequence[str]) -> str:
    """Tables for channels that are fed by POST."""
    return "\n".join(f'[sources.{name}]\nkind = "push"\nkey = "id"' for name in channels)


def _ours(place: Place, port: int, sources: str) -> tuple[list[str], dict[str, str], Path]:
    root = Path(os.environ.get("BENCH_STREAM_ROOT", HERE.parent)).resolve()
    file = place.folder / f"stream-{port}.toml"
    file.write_text(
        f'[server]\nhost = "127.0.0.1"\nport = {port}\ndrain = "1s"\n'
        'heartbeat = "300s"\n'
        f"[limits]\nconnections = {OUR_MOST}\nconnections_per_address = {OUR_MOST}\n{sources}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "stream", "serve", "--config", str(file)]
    return command, {"PYTHONPATH": str(root)}, root
