"""The pages made of widgets, in a real Chromium: the desk, the newsroom, the embed builder."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.live.conftest import Complaints
from tests.live.serving import publish, serving
from tests.live.stage import hosting

pytestmark = pytest.mark.browser

CONFIG = """
[channels.quotes]
sort = "symbol"
trail = { fields = ["last"], points = 60, every = "100ms" }
[sources.quotes]
kind = "push"
[channels.news]
sort = "-published"
[sources.news]
kind = "push"
[sources.users]
kind = "push"
"""
USERS = [{"id": 1, "name": "Ada", "age": 36}, {"id": 2, "name": "Bob", "age": 41}]


def quote(symbol: str, last: float) -> dict[str, Any]:
    return {"symbol": symbol, "last": last, "change": 1.0, "change_pct": 1.0, "volume": 10}


def article(key: str, source: str = "Wire", **more: Any) -> dict[str, Any]:
    at = f"2026-01-01T00:00:0{key[-1]}Z"
    return {"id": key, "title": f"Headline {key}", "source": source, "published": at, **more}


QUOTES = [quote("AAA", 100.5), quote("BBB", 20.25)]
ARTICLES = [
    article("n1", summary="About ships", url="https://a.example/1"),
    article("n2", "Post", summary="About trains"),
    article("n3", summary="About trains too"),
]


@contextlib.asynccontextmanager
async def filled(config: str = CONFIG) -> AsyncIterator[Any]:
    """A service with quotes, articles and users."""
    async with serving(config) as running:
        await publish(running, "quotes", QUOTES)
        await publish(running, "news", ARTICLES)
        await publish(running, "users", USERS)
        yield running


async def test_the_desk_finds_prices_and_news_by_their_shapes(page: Page) -> None:
    async with filled() as running:
        await page.goto(f"{running.url}/desk")
        await page.locator("stream-watchlist").get_by_text("100.50").wait_for()
        await page.locator("stream-news").get_by_text("Headline n3").wait_for()
        await expect(page.locator("#chart-title")).to_have_text("AAA")
        await page.locator("stream-watchlist").get_by_text("BBB").click()
        await expect(page.locator("#chart-title")).to_have_text("BBB")
        await page.locator("stream-chart").get_by_text("BBB").wait_for()
        await expect(page.locator("#facts dd").nth(1)).to_have_text("20.25")
        await publish(running, "quotes", {"patch": [{"symbol": "BBB", "last": 21.5}]})
        await expect(page.locator("#facts dd").nth(1)).to_have_text("21.5")
        assert "key=BBB" in page.url
        await page.reload()
        await expect(page.locator("#chart-title")).to_have_text("BBB")
        await page.get_by_label("Colours").select_option("cvd")
        await expect(page.locator("stream-watchlist")).to_have_attribute("palette", "cvd")


async def test_the_desk_shows_whatever_channels_there_are(page: Page) -> None:
    async with serving('[sources.users]\nkind = "push"\n[sources.other]\nkind = "push"') as running:
        await publish(running, "users", USERS)
        await publish(running, "other", {"id": "x"})
        await page.goto(f"{running.url}/desk")
        await page.locator("#watch stream-table").get_by_text("Ada").wait_for()
        await page.locator("#tape stream-table").get_by_text("x", exact=True).wait_for()
        await page.get_by_label("Field of the chart").select_option("age")
        await page.locator("stream-chart").get_by_text("36").first.wait_for()


async def test_the_desk_of_a_service_without_channels_says_so(page: Page) -> None:
    async with serving("") as running:
        await page.goto(f"{running.url}/desk")
        await page.get_by_text("There are no channels.").wait_for()


async def test_the_newsroom_narrows_the_tape_and_keeps_the_article_that_is_read(
    page: Page,
) -> None:
    async with filled() as running:
        await page.goto(f"{running.url}/news")
        titles = page.locator("stream-news").get_by_role("article")
        await expect(titles).to_have_count(3)
        await page.get_by_role("searchbox").fill("TRAINS")
        await expect(titles).to_have_count(2)
        await page.get_by_role("group", name="Only from").get_by_text("Post").click()
        await expect(titles).to_have_count(1)
        assert "from=Post" in page.url and "with=TRAINS" in page.url
        await page.reload()
        await expect(titles).to_have_count(1)
        await titles.first.click()
        await expect(page.locator("#title")).to_have_text("Headline n2")
        await publish(running, "news", {"patch": [{"id": "n2", "title": "Corrected"}]})
        await expect(page.locator("#title")).to_have_text("Corrected")
        await publish(running, "news", {"del": ["n2"]})
        await page.get_by_text("Retracted, or no longer in the channel.").wait_for()


async def test_a_headline_is_read_here_first_and_its_link_leads_to_the_source(page: Page) -> None:
    async with filled() as running:
        await page.goto(f"{running.url}/news")
        await page.locator("stream-news").get_by_text("Headline n1").click()
        link = page.get_by_role("link", name="Read it at its source")
        assert await link.get_attribute("href") == "https://a.example/1"
        assert len(page.context.pages) == 1


async def test_the_address_leads_to_the_article_that_was_read(page: Page) -> None:
    async with filled() as running:
        await page.goto(f"{running.url}/news")
        await page.locator("stream-news").get_by_text("Headline n1").click()
        assert "article=n1" in page.url
        await page.reload()
        await expect(page.locator("#title")).to_have_text("Headline n1")
        await page.get_by_label("Channel", exact=True).select_option("users")
        await page.get_by_text("Ada").wait_for()
        await expect(page.locator("#title")).to_be_hidden()
        await expect(page.get_by_role("searchbox")).to_be_hidden()
        assert "article" not in page.url


async def _body(request: Request) -> Response:
    state = request.app.state
    headers = {"content-security-policy": f"default-src 'self'; {state.policy}"}
    return HTMLResponse(f"<!doctype html><title>theirs</title>{state.markup}", headers=headers)


@pytest.mark.parametrize("widget", ["stream-watchlist", "stream-news", "stream-table"])
async def test_what_the_builder_gives_works_on_a_page_of_another_origin(
    page: Page, widget: str
) -> None:
    theirs = Starlette(routes=[Route("/", _body), Route("/favicon.ico", _body)])
    async with hosting(theirs) as origin:
        async with filled(f'[server]\norigins = ["{origin}"]\n{CONFIG}') as running:
            await page.goto(f"{running.url}/embed")
            await page.locator("[name=widget]").select_option(widget)
            await page.locator(f"#preview {widget}").get_by_text("Pause").wait_for()
            theirs.state.markup = await page.locator("#code").inner_text()
            theirs.state.policy = await page.locator("#advice code").nth(1).inner_text()
            shown = "Headline n3" if widget == "stream-news" else "AAA"
            await page.goto(origin)
            await page.locator(widget).get_by_text(shown).first.wait_for()
            if widget == "stream-watchlist":
                await publish(running, "quotes", {"patch": [{"symbol": "AAA", "last": 7.25}]})
                await page.locator(widget).get_by_text("7.25").wait_for()


async def test_the_console_leads_to_the_builder_with_the_widget_for_its_channel(
    page: Page,
) -> None:
    async with filled() as running:
        for channel, widget in {"news": "news", "users": "table", "quotes": "watchlist"}.items():
            await page.goto(f"{running.url}/#/{channel}")
            await page.get_by_role("tab", name="Subscribe").click()
            await page.get_by_role("link", name="Put it on a page as a widget").click()
            await expect(page.locator("[name=widget]")).to_have_value(f"stream-{widget}")
            await expect(page.locator("[name=channel]")).to_have_value(channel)
            await expect(page.locator("#code")).to_contain_text(f'channel="{channel}"')
        await page.locator("[name=widget]").select_option("stream-status")
        await page.locator("[name=channel]").select_option("users")
        await page.reload()
        await expect(page.locator("#code")).to_contain_text(
            f'<stream-status src="{running.url}/" channel="users">'
        )


async def test_the_builder_offers_what_each_widget_takes_and_shows_it_at_once(page: Page) -> None:
    async with filled() as running:
        await page.goto(f"{running.url}/embed")
        await page.locator("#preview").get_by_text("100.50").wait_for()
        await page.locator("[name=keys]").fill('BBB"><b>')
        await expect(page.locator("#code")).to_contain_text('keys="BBB&quot;>&lt;b>"')
        await page.locator("[name=widget]").select_option("stream-chart")
        await expect(page.locator("[name=field]")).to_have_value("last")
        await page.locator("#preview stream-chart").get_by_text("AAA").wait_for()
        await page.locator("[name=theme]").select_option("dark")
        await expect(page.locator("#code")).to_contain_text('theme="dark"')


async def test_the_builder_keeps_what_is_typed_while_the_server_does_not_understand_it(
    page: Page, complaints: Complaints
) -> None:
    complaints.forgive("400|handshake")
    async with filled() as running:
        await page.goto(f"{running.url}/embed")
        await page.locator("#preview").get_by_text("100.50").wait_for()
        await page.locator("[name=where]").fill("change_pct >")
        await page.locator("#preview").get_by_text("refused").first.wait_for()
        async with page.expect_response("**/channels"):
            pass
        await page.locator("[name=where]").press_sequentially(" 1")
        await expect(page.locator("[name=where]")).to_have_value("change_pct > 1")


NAMELESS = """() => {
  const kinds = "a[href], button, input, select, [role=tab], [role=grid], [role=region]";
  const found = [];
  const look = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) look(node.shadowRoot);
      if (!node.matches(kinds) || !node.checkVisibility()) continue;
      const id = node.getAttribute("aria-labelledby");
      const name = node.ariaLabel || node.textContent.trim() || node.labels?.[0]?.textContent
        || (id && root.querySelector(`#${id}`)?.textContent);
      if (!name) found.push(node.outerHTML.slice(0, 120));
    }
  };
  look(document);
  return found;
}"""


@pytest.mark.parametrize("path", ["/", "/#/quotes", "/desk", "/news", "/embed", "/docs"])
async def test_every_control_of_a_page_has_a_name_and_every_page_one_main_part(
    page: Page, path: str
) -> None:
    async with filled() as running:
        await page.goto(running.url + path)
        await page.get_by_role("link", name="stream", exact=True).wait_for()
        await page.locator("main :is(table, stream-news, option)").first.wait_for(state="attached")
        await expect(page.locator("main")).to_have_count(1)
        assert await page.evaluate(NAMELESS) == []
        assert await page.title() != ""
        assert await page.evaluate("document.documentElement.lang") == "en"
