"""What tests of the Python client share."""

from __future__ import annotations

import asyncio
import socket

from stream.client import Subscription, Update
from tests.live.serving import LIMIT_S


async def take(subscription: Subscription) -> Update:
    """The next update."""
    async with asyncio.timeout(LIMIT_S):
        return await anext(subscription)


def soon() -> float:
    """A draw that keeps waits short: 0.05 s, 0.1 s, 0.2 s …"""
    return 0.1


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
