"""What a page with elements loads, when, and what it says where that fails; in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, Route

from stream.doors.pages import static_folder
from tests.live.conftest import Complaints
from tests.live.stage import Stage, diff, element
from tests.live.widgetpage import holds, root, show, wait_for_text

pytestmark = pytest.mark.browser

QUOTES: list[dict[str, Any]] = [{"symbol": "A", "last": 101.5}, {"symbol": "B", "last": 99.25}]
LOADED = """performance.getEntriesByType("resource")
  .map(({ name }) => /widgets\\/(\\w+)\\.js$/.exec(name)?.[1])"""
KINDS = {"chart", "news", "status", "table", "ticker", "watchlist"}


async def loaded(page: Page) -> set[str]:
    """The files below widgets/ that the page asked for."""
    return set(filter(None, await page.evaluate(LOADED)))


async def test_only_the_elements_that_are_there_are_loaded_and_later_ones_when_they_come(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("table", channel="quotes"))
    await wait_for_text(page, "99.25")
    assert await loaded(page) & KINDS == {"table"}
    await page.evaluate(
        """() => {
          const place = document.createElement("div");
          place.append(document.createElement("stream-ticker"));
          place.firstChild.channel = "quotes";
          document.body.append("text", place);
        }"""
    )
    await page.locator("stream-ticker").get_by_text("101.50").first.wait_for()
    assert await loaded(page) & KINDS == {"table", "ticker"}


async def test_what_only_a_reader_who_comes_near_needs_is_loaded_when_one_does(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("watchlist", channel="quotes", fields="symbol,last"))
    await wait_for_text(page, "99.25")
    await holds(page, f"{LOADED}.includes('flash')")
    assert not await loaded(page) & {"hands", "order", "rowmenu", "sparks"}
    await page.locator("stream-watchlist .rows .row").first.hover()
    await holds(page, f"{LOADED}.includes('hands')")
    assert not await loaded(page) & {"rowmenu", "menu", "clip", "sparks"}


async def test_an_element_in_a_shadow_root_is_loaded_by_name(page: Page, stage: Stage) -> None:
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("status", channel="quotes"))
    said = await page.evaluate(
        """async () => {
          const { load } = await import("/static/widgets.js");
          const host = document.body.appendChild(document.createElement("div"));
          const made = document.createElement("stream-watchlist");
          made.setAttribute("channel", "quotes");
          host.attachShadow({ mode: "open" }).append(made);
          await load("watchlist", "status");
          const unknown = await load("watchlst").catch((error) => error.message);
          return [made.matches(":defined"), unknown];
        }"""
    )
    known = "chart, news, status, table, ticker, watchlist"
    assert said == [True, f"load: no kind 'watchlst', there are {known}"]
    await wait_for_text(page, "99.25")


async def test_a_file_that_cannot_be_loaded_is_said_once_and_may_be_asked_for_again(
    page: Page, stage: Stage, complaints: Complaints
) -> None:
    await page.route("**/widgets/news.js", lambda route: route.abort())
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    stage.snapshot("quotes", QUOTES)
    stage.body = element("news", channel="quotes") * 2 + element("table", channel="quotes")
    await page.goto(stage.url)
    await wait_for_text(page, "99.25")
    while not any("<stream-news> could not be loaded" in text for text in said):
        await page.wait_for_event("console")
    await page.evaluate("document.body.append(document.createElement('stream-news'))")
    refused = "import('/static/widgets.js').then(({ load }) => load('news')).catch(() => 'refused')"
    assert await page.evaluate(refused) == "refused"
    assert len([text for text in said if "could not be loaded" in text]) == 1
    await page.unroute("**/widgets/news.js")
    assert await page.evaluate(refused) is None
    await page.get_by_role("feed").first.wait_for()
    complaints.forgive("could not be loaded|ERR_FAILED")


async def test_of_two_copies_in_a_page_one_loads_for_both(page: Page, stage: Stage) -> None:
    async def copy(route: Route) -> None:
        path = route.request.url.split("/copy/static/")[1]
        await route.fulfill(path=static_folder() / path, content_type="text/javascript")

    await page.route("**/copy/static/**", copy)
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("table", channel="quotes"))
    await wait_for_text(page, "99.25")
    asked = await page.evaluate(
        """async () => {
          const { load } = await import("/copy/static/widgets.js");
          document.body.append(document.createElement("stream-status"));
          await load("ticker", "table");
          await customElements.whenDefined("stream-status");
          return performance.getEntriesByType("resource").map(({ name }) => name);
        }"""
    )
    copies = [name.split("/copy/")[1] for name in asked if "/copy/" in name]
    assert copies == ["static/widgets.js"]


async def test_what_could_not_be_loaded_after_the_first_paint_is_asked_for_again(
    page: Page, stage: Stage, complaints: Complaints
) -> None:
    complaints.forgive("ERR_FAILED")
    await page.route("**/widgets/flash.js", lambda route: route.abort())
    stage.snapshot("quotes", [*QUOTES, {"symbol": "C", "last": 98.5}])
    await show(page, stage, element("table", channel="quotes"))
    await wait_for_text(page, "99.25")
    await holds(page, f"{LOADED}.includes('flash')")
    await stage.say(diff("quotes", 2, **{"del": ["C"]}))
    await page.get_by_text("98.50").wait_for(state="detached")
    await page.unroute("**/widgets/flash.js")
    await holds(page, f"{root('table')}.adoptedStyleSheets.length === 6")
    await stage.say(diff("quotes", 2, patch=[{"symbol": "A", "last": 102.5}]))
    await page.locator("stream-table .f1").wait_for()
