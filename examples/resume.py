"""A program that is started again and again, and goes on where it was: the cursor is in a file.

    stream demo
    python examples/resume.py http://127.0.0.1:8000 news cursor.txt

A cursor is of use to whoever keeps what it stands for, here the lines that were printed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from stream.client import LinkError, connect


async def main(url: str, channel: str, file: str) -> None:
    path = Path(file)
    since = path.read_text(encoding="utf-8") if path.exists() else None  # noqa: ASYNC240
    async with connect(url) as session:
        async for change in session.subscribe(channel, since=since or None):
            if change.kind == "snapshot":
                print(f"everything anew: {len(change.items)} items")
            for item in change.put if change.kind == "diff" else ():
                print(f"new or replaced: {item.get('title', item)}", flush=True)
            # First what was received is kept, then the cursor that says so.
            if change.cursor is not None:
                path.write_text(change.cursor, encoding="utf-8")  # noqa: ASYNC240


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:4]))
    except LinkError as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        pass
