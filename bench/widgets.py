"""``python -m bench.widgets``: how a page keeps its frames while a watchlist of 500 rows ticks.

Needs Chromium and Playwright. A real service with a push channel is driven at ten changes of every
row a second; the page counts its frames through requestAnimationFrame, and its long tasks.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
from typing import Any, Final

from playwright.async_api import CDPSession, Page, async_playwright

from tests.live.serving import Running, publish, serving
from tests.live.widgetpage import show_within

CONFIG: Final = """
[limits]
publish_bytes = "8MiB"
[channels.quotes]
sort = "symbol"
[sources.quotes]
kind = "push"
"""
WARM_UP_S: Final = 3.0
BODY: Final = "<stream-watchlist channel=quotes></stream-watchlist>"
STYLE: Final = "document.querySelector('stream-watchlist').style.height = '100vh'"

MEASURE: Final = """async (ms) => {
  const frames = [], tasks = [];
  const note = (list) => list.getEntries().forEach((entry) => tasks.push(entry.duration));
  const observer = new PerformanceObserver(note);
  observer.observe({ type: "longtask" });
  let before = null;
  const end = performance.now() + ms;
  await new Promise((done) => requestAnimationFrame(function frame(now) {
    if (before !== null) frames.push(now - before);
    before = now;
    if (now < end) requestAnimationFrame(frame); else done();
  }));
  observer.disconnect();
  return { frames, tasks };
}"""


def main() -> None:
    """Read the arguments, run, print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.widgets", description=__doc__)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--rate", type=float, default=10.0, help="changes of every row a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    result = asyncio.run(_run(arguments.rows, arguments.rate, arguments.seconds))
    print("| what | value |\n| --- | ---: |")
    for name, value in result.items():
        print(f"| {name} | {value} |")


async def _run(rows: int, rate: float, seconds: float) -> dict[str, str]:
    async with serving(CONFIG) as running, async_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(viewport={"width": 1000, "height": 800})
        await publish(running, "quotes", [_quote(n) for n in range(rows)])
        await show_within(page, running.url, BODY)
        await page.evaluate(STYLE)
        await page.locator("stream-watchlist [role=row]").nth(min(rows, 20)).wait_for()
        result = await _measured(page, running, rows, rate, seconds)
        await browser.close()
        return result


async def _measured(
    page: Page, running: Running, rows: int, rate: float, seconds: float
) -> dict[str, str]:
    still = await page.evaluate(MEASURE, 2_000)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    ticking = asyncio.create_task(_tick(running, rows, rate))
    try:
        await asyncio.sleep(WARM_UP_S)
        before = await _spent(session)
        found = await page.evaluate(MEASURE, seconds * 1000)
        spent = {name: value - before[name] for name, value in (await _spent(session)).items()}
    finally:
        ticking.cancel()
    frames, tasks = sorted(found["frames"]), found["tasks"]
    return {
        "rows × changes a second": f"{rows} × {rate:g}",
        "frames a second": f"{len(frames) / seconds:.1f}",
        "frame, p50": f"{_at(frames, 0.5):.1f} ms",
        "frame, p95": f"{_at(frames, 0.95):.1f} ms",
        "frame, p99": f"{_at(frames, 0.99):.1f} ms",
        "frame, longest": f"{frames[-1]:.1f} ms",
        "frame, p95, nothing ticking": f"{_at(sorted(still['frames']), 0.95):.1f} ms",
        "main thread, CPU": f"{100 * spent['Task'] / seconds:.0f} %",
        "of it scripts, styles, layout": ", ".join(
            f"{100 * spent[name] / seconds:.0f} %" for name in ("Script", "RecalcStyle", "Layout")
        ),
        "CPU a frame": f"{1000 * spent['Task'] / len(frames):.1f} ms",
        "tasks over 50 ms": f"{len(tasks)} in {seconds:g} s",
        "the longest of them": f"{max(tasks, default=0):.0f} ms",
    }


async def _spent(session: CDPSession) -> dict[str, float]:
    """CPU seconds of the page's main thread, by what they went into; other load does not count."""
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    suffix = "Duration"
    return {
        one["name"].removesuffix(suffix): one["value"]
        for one in metrics
        if one["name"].endswith(suffix)
    }


async def _tick(running: Running, rows: int, rate: float) -> None:
    while True:
        await publish(running, "quotes", {"patch": [_quote(n) for n in range(rows)]})
        await asyncio.sleep(1 / rate)


def _quote(number: int) -> dict[str, Any]:
    close = 50 + number
    last = round(close * (1 + random.gauss(0, 0.01)), 2)
    return {
        "symbol": f"SYM{number:03}",
        "last": last,
        "prev_close": close,
        "change": round(last - close, 2),
        "change_pct": round(100 * (last - close) / close, 2),
        "bid": round(last - 0.01, 2),
        "ask": round(last + 0.01, 2),
        "volume": random.randrange(10**6),
    }


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    main()
