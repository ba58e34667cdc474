"""A channel as a dict that is always as the service has it.

    stream demo
    python examples/mirror.py http://127.0.0.1:8000 quotes

The service may be stopped and started again: the dict follows.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from stream.client import LinkError, connect


async def main(url: str = "http://127.0.0.1:8000", channel: str = "quotes") -> None:
    held: dict[Any, dict[str, Any]] = {}
    async with connect(url) as session:
        async for change in session.subscribe(channel):
            key = change.key or "id"
            for item in change.put:
                held[item[key]] = item
            for part in change.patch:
                held[part[key]] = {**held[part[key]], **part}
            for gone in change.delete:
                del held[gone]
            # The client holds the same, so mostly one needs no dict of one's own.
            assert held == change.items
            new, changed, gone_too = len(change.added), len(change.changed), len(change.removed)
            print(f"{len(held)} items: {new} new, {changed} changed, {gone_too} gone", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except LinkError as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        pass
