"""How the peers on uvicorn are run: one process, equal settings for all of them."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from typing import Any

import uvicorn

HOST = "127.0.0.1"
PING_S = 300  # later than a run ends: no ping falls into what is measured
BACKLOG = 4096


def config(app: Callable[..., Any], port: int) -> uvicorn.Config:
    """uvicorn's settings: its fast parts, and nothing that speaks or listens between messages."""
    return uvicorn.Config(
        app,
        host=HOST,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        timeout_keep_alive=PING_S,
        timeout_graceful_shutdown=1,
        backlog=BACKLOG,
        access_log=False,
        log_level="warning",
    )


def port() -> int:
    """The port that the command line names."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PORT")
    return int(sys.argv[1])


def raise_file_limit() -> None:
    """Let the process hold as many sockets as the system allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(app: Callable[..., Any]) -> None:
    """Serve the app on the command line's port until a signal comes."""
    raise_file_limit()
    uvicorn.Server(config(app, port())).run()
