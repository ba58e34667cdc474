"""Takes the pictures of this folder from `stream demo` in the system's Chromium.

    .venv/bin/python docs/screenshots.py

Needs the `dev` extra. It takes two minutes: the lines should have grown a little.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
from pathlib import Path

from playwright.async_api import Page, ViewportSize, async_playwright

HERE = Path(__file__).parent
START_S = 3
GROWN_S = 30
LIMIT_S = 180
SIZE: ViewportSize = {"width": 1440, "height": 810}


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def take(page: Page, url: str, name: str, *, choose: str) -> None:
    """One picture, some time after something was chosen on a page that is live."""
    await page.goto(url)
    await page.locator(choose).first.wait_for()
    await page.wait_for_timeout(GROWN_S * 1000)
    await page.locator(choose).first.click()
    await page.mouse.move(0, 0)
    await page.wait_for_timeout(1_000)
    await page.screenshot(path=HERE / f"{name}.png")


async def main() -> None:
    port = unused_port()
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stream", "demo", "--port", str(port)
    )
    try:
        async with asyncio.timeout(LIMIT_S), async_playwright() as playwright:
            await asyncio.sleep(START_S)
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            base = f"http://127.0.0.1:{port}"
            dark = await browser.new_page(viewport=SIZE, color_scheme="dark")
            light = await browser.new_page(viewport=SIZE, color_scheme="light")
            quote = "[role=row]:has-text('DVNA.US')"
            await take(dark, f"{base}/desk", "desk", choose=quote)
            await take(light, f"{base}/#/quotes", "console", choose=quote)
            await take(light, f"{base}/news", "news", choose="[role=feed] article:nth-child(3)")
            await browser.close()
    finally:
        demo.terminate()
        await demo.wait()


asyncio.run(main())
