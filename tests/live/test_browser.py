"""The console in a real Chromium: a live table, no script errors, resumed after a restart."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright

from tests.live.serving import publish, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("CI") != "true",
        reason="the system has no chromium; CI must have one",
    ),
]

CONFIG = """
[channels.alerts]
sort = "-level"
[sources.alerts]
kind = "push"
"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """An empty page; anything it complains about fails the test."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        yield page
        await browser.close()
    assert complaints == []


async def test_the_console_lists_channels_and_shows_changes_as_they_come(page: Page) -> None:
    async with serving(CONFIG) as running:
        await publish(running, "alerts", [{"id": "a", "level": 1}, {"id": "b", "level": 2}])
        await page.goto(f"{running.url}/#/alerts")
        rows = page.locator("#items tbody tr")
        await rows.nth(1).wait_for()
        assert [(await rows.nth(n).inner_text()).split() for n in range(2)] == [
            ["b", "2"],
            ["a", "1"],
        ]

        await publish(running, "alerts", {"patch": [{"id": "a", "level": 33}]})
        await page.get_by_role("cell", name="33").wait_for()
        await publish(running, "alerts", {"del": ["b"], "put": [{"id": "c", "level": 4}]})
        await (
            page.get_by_role("rowheader", name="c", exact=True)
            .or_(page.get_by_role("cell", name="c", exact=True))
            .first.wait_for()
        )
        await page.wait_for_function("document.querySelector('#count').textContent === '2'")


async def test_markup_in_the_data_stays_text(page: Page) -> None:
    async with serving(CONFIG) as running:
        evil = "<img src=x onerror=document.title='owned'>"
        await publish(running, "alerts", {"id": evil, "level": 1})
        await page.goto(f"{running.url}/#/alerts")
        await page.get_by_text(evil, exact=True).first.wait_for()
        assert await page.locator("#items img").count() == 0
        assert "owned" not in await page.title()
