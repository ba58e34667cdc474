"""The console in a real Chromium: a live table, no script errors, resumed after a restart."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.live.serving import publish, serving

pytestmark = pytest.mark.browser

CONFIG = """
[channels.alerts]
sort = "-level"
[sources.alerts]
kind = "push"
"""


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
