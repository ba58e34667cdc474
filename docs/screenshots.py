"""Takes the pictures of this folder from `stream demo` in the system's Chromium.

    .venv/bin/python docs/screenshots.py

Needs the `dev` extra. It takes half a minute: the lines should have grown a little.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
from pathlib import Path

from playwright.async_api import Page, async_playwright

HERE = Path(__file__).parent
GROWN_S = 25
LIMIT_S = 120


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def take(page: Page, url: str, name: str, *, chosen: str = "") -> None:
    """One picture, once the page shows what is live."""
    await page.goto(url)
    await page.get_by_text("ALDB.US").first.wait_for()
    if chosen:
        await page.locator(chosen).first.click()
    await page.wait_for_timeout(GROWN_S * 1000)
    await page.screenshot(path=HERE / f"{name}.png")


async def main() -> None:
    port = unused_port()
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stream", "demo", "--port", str(port)
    )
    try:
        async with asyncio.timeout(LIMIT_S), async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            base = f"http://127.0.0.1:{port}"
            dark = await browser.new_page(
                viewport={"width": 1440, "height": 810}, color_scheme="dark"
            )
            light = await browser.new_page(viewport={"width": 1440, "height": 810})
            await asyncio.sleep(3)
            await asyncio.gather(
                take(dark, f"{base}/desk", "desk"),
                take(light, f"{base}/#/quotes", "console"),
            )
            await light.goto(f"{base}/news")
            await light.get_by_role("button").first.wait_for()
            await light.wait_for_timeout(5_000)
            await light.screenshot(path=HERE / "news.png")
            await browser.close()
    finally:
        demo.terminate()
        await demo.wait()


asyncio.run(main())
