"""Reads hostile upstreams in a process of its own, to see what that costs it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import sys
import time
from pathlib import Path

import orjson

from stream.errors import SourceError
from stream.fetch import Fetcher
from stream.source_settings import FeedSettings, HttpSettings
from stream.sources.base import PollState
from stream.sources.http import HttpSource

_TICK_S = 0.005


def peak_bytes() -> int:
    """The most memory this process had since `forget_peak`."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    """Begin anew (proc(5), clear_refs), with what is free given back to the system."""
    gc.collect()
    with contextlib.suppress(AttributeError):  # not every libc has it
        ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


class Ticker:
    """Notes the longest that the loop did not turn."""

    def __init__(self) -> None:
        self.gap_s = 0.0

    async def run(self) -> None:
        while True:
            started = time.monotonic()
            await asyncio.sleep(_TICK_S)
            self.gap_s = max(self.gap_s, time.monotonic() - started - _TICK_S)


async def read(fetcher: Fetcher, plan: dict[str, object], name: str, url: str) -> str:
    """Read once; the kind of error that came of it."""
    values = {"url": url, "timeout": plan["timeout_s"], "channel": name}
    feeds = plan["feeds"]
    assert isinstance(feeds, list)
    kind, model = ("feed", FeedSettings) if name in feeds else ("http", HttpSettings)
    settings = model.model_validate({**values, "kind": kind})
    source = HttpSource(settings, fetcher, channel=name, values={})
    try:
        if plan["parse"]:
            await source.poll(PollState())
        else:
            await fetcher.get(source._asking.request())
    except SourceError as error:
        return error.kind
    return ""


async def main(plan: dict[str, object]) -> dict[str, list[object]]:
    """Every URL of the plan, one after the other."""
    fetcher, rows = Fetcher(user_agent="stream"), {}
    urls = plan["urls"]
    assert isinstance(urls, dict)
    for name, url in urls.items():
        await read(fetcher, plan, name, "http://127.0.0.1:9/")  # so that all is imported
        forget_peak()
        before, started, ticker = peak_bytes(), time.monotonic(), Ticker()
        task = asyncio.create_task(ticker.run())
        await asyncio.sleep(0)
        kind = await read(fetcher, plan, name, url)
        took_s = time.monotonic() - started
        await asyncio.sleep(2 * _TICK_S)  # so that a gap that ends just now is noted
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        rows[name] = [kind, peak_bytes() - before, ticker.gap_s, took_s]
    await fetcher.aclose()
    return rows


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(asyncio.run(main(orjson.loads(sys.argv[1])))))
