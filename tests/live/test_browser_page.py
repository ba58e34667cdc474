"""What the browser client does when its page is hidden, left, come back to, or offline."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.live.conftest import Complaints
from tests.live.pages import Following, follow
from tests.live.serving import publish, serving
from tests.live.test_browser_client import LOST, TOML, added, transports
from tests.waiting import until

pytestmark = pytest.mark.browser


async def _show(tab: Following, state: str) -> None:
    """Say that the page is visible or hidden: in a headless browser all are always visible."""
    await tab.call(
        f"const is = {{ value: '{state}', configurable: true }};"
        "Object.defineProperty(document, 'visibilityState', is);"
        "document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))"
    )


@transports
async def test_a_page_hidden_for_a_minute_lets_its_link_go_and_resumes_when_it_is_seen(
    page: Page, transport: str
) -> None:
    await page.clock.install()
    # The page's time is moved on by more than the server's usual beat.
    async with serving(TOML.replace('"1s"', '"300s"')) as running:
        await publish(running, "alerts", {"id": "a"})
        tab = await follow(page, running.url, channels="alerts", transport=transport)
        await tab.until("items('alerts') === 'a'")
        await _show(tab, "hidden")
        await page.clock.fast_forward("00:50")
        await _show(tab, "visible")
        await _show(tab, "hidden")
        await page.clock.fast_forward("00:50")
        assert await tab.call("return client.state") == "live"
        await page.clock.fast_forward("00:11")
        await tab.until("client.state === 'offline'")
        await until(lambda: not running.service.connected)
        await publish(running, "alerts", {"id": "b"})
        await tab.forget()
        await _show(tab, "visible")
        await tab.until("items('alerts') === 'a,b' && client.state === 'live'")
        assert added(await tab.log("diff")) == ["b"]
        assert await tab.log("snapshot") == []


@pytest.mark.parametrize("options", [{"transport": "ws"}, {"transport": "sse"}, {"share": True}])
async def test_a_page_is_kept_when_it_is_left_and_resumes_when_one_comes_back(
    whole_page: Page, options: dict[str, Any]
) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": "a"})
        tab = await follow(whole_page, running.url, channels="alerts", **options)
        await tab.until("items('alerts') === 'a'")
        await tab.call(
            "addEventListener('pageshow', (event) => { window.kept = event.persisted; })"
        )
        await tab.forget()
        await whole_page.goto(f"{running.url}/docs?elsewhere")
        await until(lambda: not running.service.connected)
        await publish(running, "alerts", {"id": "b"})
        await whole_page.go_back(wait_until="commit")
        await tab.until("items('alerts') === 'a,b' && client.state === 'live'")
        assert await tab.call("return window.kept") is True
        assert len(running.service.connected) == 1
        assert added(await tab.log("diff")) == ["b"]


async def test_a_page_without_a_network_waits_for_it_and_resumes(
    page: Page, context: BrowserContext, complaints: Complaints
) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": "a"})
        tab = await follow(page, running.url, channels="alerts")
        await tab.until("items('alerts') === 'a'")
        await tab.forget()
        await context.set_offline(True)
        await tab.until("client.state === 'offline'")
        await until(lambda: not running.service.connected)
        await publish(running, "alerts", {"id": "b"})
        await context.set_offline(False)
        await tab.until("items('alerts') === 'a,b' && client.state === 'live'")
        assert added(await tab.log("diff")) == ["b"]
        assert await tab.log("snapshot") == []
    complaints.forgive(LOST)
