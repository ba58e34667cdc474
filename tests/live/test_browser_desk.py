"""The desk's layouts, its status bar, and what our pages do when the server is another one."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.live.conftest import Complaints
from tests.live.relay import Relay, relaying
from tests.live.serving import Running, publish, serving
from tests.live.test_browser_pages import ARTICLES, CONFIG, QUOTES, filled

pytestmark = pytest.mark.browser

OTHER = CONFIG.replace("quotes", "prices").replace("news", "wires")
ROWS = "() => [...document.querySelector('stream-watchlist').shadowRoot"
TOPS = f"{ROWS}.querySelectorAll('.rows > *')].map((row) => row.getBoundingClientRect().top)"


async def test_the_wall_shows_the_watchlist_as_tiles_and_stays_in_the_address(page: Page) -> None:
    async with filled() as running:
        await page.goto(f"{running.url}/desk")
        await page.locator("stream-watchlist").get_by_text("100.50").wait_for()
        assert len(set(await page.evaluate(TOPS))) == 2
        await page.get_by_label("Layout").select_option("wall")
        await expect(page.locator("#chart")).to_be_hidden()
        await page.wait_for_function(f"() => new Set(({TOPS})()).size === 1")
        assert "layout=wall" in page.url
        await page.reload()
        await page.wait_for_function(f"() => new Set(({TOPS})()).size === 1")
        await publish(running, "quotes", {"patch": [{"symbol": "BBB", "last": 21.5}]})
        await page.locator("stream-watchlist").get_by_text("21.50").wait_for()


async def test_the_sidebar_is_narrow_and_its_watchlist_keeps_to_three_columns(page: Page) -> None:
    async with filled() as running:
        await page.goto(f"{running.url}/desk?layout=sidebar")
        heads = page.locator("stream-watchlist").get_by_role("columnheader")
        await expect(heads).to_have_text(["Symbol", "Last", "%Chg"])
        box = await page.locator("#watch").bounding_box()
        assert box is not None
        assert box["width"] == 320
        await page.get_by_label("Layout").select_option("columns")
        await expect(heads.filter(has_text="Chg").first).to_have_text("Chg")
        assert "layout" not in page.url


async def test_the_bar_tells_the_link_and_its_pace_and_that_it_is_lost(page: Page) -> None:
    async with filled() as running:
        await page.goto(f"{running.url}/desk")
        bar = page.locator("#traffic")
        await expect(bar).to_contain_text("WebSocket")
        await publish(running, "quotes", {"patch": [{"symbol": "BBB", "last": 21.5}]})
        await expect(bar).to_have_text(re.compile(r"WebSocket · .*\d\.\d messages/s$"))
    await expect(bar).to_have_text("reconnecting")


async def test_the_desk_begins_with_the_row_on_top_and_follows_over_one_link(page: Page) -> None:
    async with filled() as running:
        await publish(running, "quotes", {"symbol": "AA", "last": 1.0, "change_pct": 1.0})
        await page.goto(f"{running.url}/desk")
        await expect(page.locator("#chart-title")).to_have_text("AA")
        await page.locator("stream-chart").get_by_text("AA", exact=True).wait_for()
        # The chart has a view of its own; everything else shares one link.
        assert len(running.service.connected) == 2
        await page.get_by_label("Channel of the news").select_option("users")
        await page.locator("#tape").get_by_text("Ada").wait_for()
        assert len(running.service.connected) == 2


@contextlib.asynccontextmanager
async def replaced(relay: Relay, toml: str) -> AsyncIterator[Running]:
    """Another service in place of the one behind the relay."""
    async with serving(toml) as running:
        relay.target = running.url
        relay.cut()
        yield running


@pytest.mark.parametrize(
    ("path", "choice"), [("desk", "Channel of the watchlist"), ("news", "Channel")]
)
async def test_a_page_offers_the_channels_of_a_server_that_came_in_place_of_its_own(
    page: Page, complaints: Complaints, path: str, choice: str
) -> None:
    complaints.forgive("404|ERR_|WebSocket connection")
    async with filled() as running, relaying(running.url) as relay:
        await page.goto(f"{relay.url}/{path}")
        await page.get_by_text("Headline n3").wait_for()
        async with replaced(relay, OTHER) as other:
            await publish(other, "prices", [{**quote, "last": 7.5} for quote in QUOTES])
            await publish(other, "wires", [{**one, "title": "Elsewhere"} for one in ARTICLES[:1]])
            await page.get_by_text("There is no channel").wait_for()
            name, shown = ("prices", "7.50") if path == "desk" else ("wires", "Elsewhere")
            await page.get_by_label(choice, exact=True).select_option(name)
            await page.get_by_text(shown).first.wait_for()
        relay.target = running.url
        relay.cut()
        await page.get_by_text(f"There is no channel ‘{name}’").wait_for()
        back = "quotes" if path == "desk" else "news"
        await page.get_by_label(choice, exact=True).select_option(back)
        await page.get_by_text("Headline n3").wait_for()
        await expect(page.locator("#note")).to_be_hidden()


@pytest.mark.parametrize("path", ["desk", "news", "#/news"])  # the desk keeps its link to the rest
async def test_a_channel_that_is_back_is_shown_again_by_itself(
    page: Page, complaints: Complaints, path: str
) -> None:
    complaints.forgive("404|ERR_|WebSocket connection")
    async with filled() as running, relaying(running.url) as relay:
        await page.goto(f"{relay.url}/{path}")
        await page.get_by_text("Headline n3").first.wait_for()
        async with replaced(relay, '[sources.quotes]\nkind = "push"'):
            await page.get_by_text(re.compile("no channel .news.")).first.wait_for()
        await publish(running, "news", {"patch": [{"id": "n3", "title": "Back again"}]})
        relay.target = running.url
        relay.cut()
        await page.get_by_text("Back again").first.wait_for()
