"""Django Channels on daphne: the app of ``channels_memory``, on Channels' own server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvloop

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

from daphne.server import Server  # noqa: E402  (takes its loop from the policy when imported)

if TYPE_CHECKING:
    from bench.peers.channels_memory import application
    from bench.peers.serving import BACKLOG, HOST, PING_S, port, raise_file_limit
else:
    from channels_memory import application
    from serving import BACKLOG, HOST, PING_S, port, raise_file_limit

CONNECT_S = 60  # for the handshake of one among thousands

if __name__ == "__main__":
    raise_file_limit()
    Server(
        application,
        endpoints=[f"tcp:port={port()}:interface={HOST}:backlog={BACKLOG}"],
        ping_interval=PING_S,
        ping_timeout=PING_S,
        websocket_connect_timeout=CONNECT_S,
        websocket_handshake_timeout=CONNECT_S,
    ).run()
