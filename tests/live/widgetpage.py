"""A page with custom elements on it, and what tests ask it."""

from __future__ import annotations

import asyncio
from typing import Final

from playwright.async_api import Page

from tests.live.conftest import WAIT_MS
from tests.live.stage import Stage

_ROOT: Final = "document.querySelector('stream-{}').shadowRoot"
_CELLS: Final = """[...{}.querySelectorAll(".rows .row:not(.gone)")]
  .map((row) => [...row.querySelectorAll(".cell")].map((cell) => cell.textContent.trim()))"""
_PUT: Final = """(markup) => {
  const made = new DOMParser().parseFromString(markup, "text/html");
  document.body.replaceChildren(...made.body.children);
}"""
_BUILD: Final = """async (markup) => {
  const made = new DOMParser().parseFromString(markup, "text/html");
  document.body.replaceChildren(...made.body.children);
  await import("/static/widgets.js");
  const all = [...document.body.querySelectorAll(":not(:defined)")];
  await Promise.all(all.map(({ localName }) => customElements.whenDefined(localName)));
}"""


_LATER: Final = """async () => {
  for (const part of ["flash", "hands", "sparks"]) await import(`/static/widgets/${part}.js`);
}"""


def root(name: str) -> str:
    """The expression for the shadow root of the first element of this kind."""
    return _ROOT.format(name)


def cells_of(name: str = "watchlist") -> str:
    """The expression for the texts of its cells, row by row."""
    return _CELLS.format(root(name))


async def show(page: Page, stage: Stage, body: str) -> None:
    """Open the stage's page with these elements, which are then known."""
    stage.body = body
    await page.goto(stage.url)
    await page.locator("html[data-ready]").wait_for(state="attached")


async def put(page: Page, body: str) -> None:
    """Put these elements in place of what the page shows."""
    await page.evaluate(_PUT, body)


async def show_within(page: Page, url: str, body: str) -> None:
    """Put these elements on a page of a real service, under the policy that it sends."""
    await page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    await page.goto(f"{url}/healthz")
    await page.evaluate(_BUILD, body)


async def all_there(page: Page) -> None:
    """Wait for what the elements load after their first paint."""
    await page.evaluate(_LATER)


async def holds(page: Page, condition: str) -> None:
    """Wait until this expression is true; the policy forbids what Playwright would use.

    Raises:
        AssertionError: it was still false after ``WAIT_MS``.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_MS / 1000
    while not await page.evaluate(condition):
        assert loop.time() < deadline, f"waited for: {condition}"
        await asyncio.sleep(0.02)


async def cells(page: Page, name: str = "watchlist") -> list[list[str]]:
    """What its rows say."""
    found: list[list[str]] = await page.evaluate(cells_of(name))
    return found


async def wait_for_text(page: Page, text: str) -> None:
    """Wait until an element says exactly this."""
    await page.get_by_text(text, exact=True).first.wait_for()
