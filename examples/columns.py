"""Channels as a table of columns and rows, as pandas and its kin like them, but without them.

    stream demo
    python examples/columns.py http://127.0.0.1:8000 quotes last change_pct

With pandas the last step is ``pandas.DataFrame(columns, index=index)``.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from stream.client import LinkError, Update, connect


def table(change: Update, names: list[str]) -> tuple[list[Any], dict[str, list[Any]]]:
    """The keys of the rows in the channel's order, and the columns by name."""
    rows = change.rows()
    index = [row.get(change.key or "id") for row in rows]
    return index, {name: [row.get(name) for row in rows] for name in names}


async def main(url: str, channel: str, *names: str) -> None:
    async with connect(url) as session:
        # Twice a second is enough for a table; what happens between is composed by the server.
        async for change in session.subscribe(channel, fields=names, max_rate=2):
            index, columns = table(change, list(names))
            print(*index[:5], sep="\t")
            for name, values in columns.items():
                print(name, *values[:5], sep="\t", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except LinkError as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        pass
