"""A real Chromium for the tests of the pages."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.live.stage import Stage, staging

QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
)

WHOLE: Final = ("chromium", "chromium-browser")

UNUSUAL: Final = ("--disable-back-forward-cache",)
"""What Playwright asks for and people's browsers do not."""

WAIT_MS: Final = 20_000
"""Longest that a page may take to show what a test waits for."""


GONE: Final = (
    r"net::ERR_(CONNECTION|EMPTY|INCOMPLETE|SOCKET)"
    r"|failed: (Connection closed|WebSocket is closed) before"
    r"|handshake: Unexpected response code: 503"
)
"""What a page says when its server goes, as it does at the end of a test: before the page."""


class Complaints(list[str]):
    """What pages said on their console as errors; what is left at the end fails the test."""

    def __init__(self) -> None:
        super().__init__()
        self._forgiven = [GONE]

    def watch(self, page: Page) -> None:
        """Note what this page complains about from now on."""
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("console", lambda m: self._note(m.text) if m.type == "error" else None)

    def _note(self, text: str) -> None:
        if not any(re.search(pattern, text) for pattern in self._forgiven):
            self.append(text)

    def forgive(self, pattern: str) -> None:
        """Drop those a test brings about on purpose, such as a refusal, also later ones."""
        self._forgiven.append(pattern)
        self[:] = [text for text in self if not re.search(pattern, text)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of pages share one Chromium, and with it the loop that it was started in."""
    for item in items:
        if item.get_closest_marker("browser") is not None:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium without its own windows where the system has that, which costs a third."""
    async with launched("chromium-headless-shell", *WHOLE) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole_browser() -> AsyncIterator[Browser]:
    """All of Chromium: only this one keeps pages that are left."""
    async with launched(*WHOLE) as browser:
        yield browser


@asynccontextmanager
async def launched(*names: str) -> AsyncIterator[Browser]:
    """The first of these that the system has; without one a test is skipped, but not in CI."""
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        reason = "the system has no chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}; CI must have one")
        pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=list(QUIET), ignore_default_args=list(UNUSUAL)
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def profile(browser: Browser, complaints: Complaints) -> AsyncIterator[BrowserContext]:
    """A profile of its own; anything that its pages complain about fails the test."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT_MS)
    context.on("page", complaints.watch)
    yield context
    await context.close()
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, complaints: Complaints) -> AsyncIterator[BrowserContext]:
    """The pages of one context are tabs of one browser."""
    async with profile(browser, complaints) as context:
        yield context


@pytest_asyncio.fixture(loop_scope="session")
async def whole_page(whole_browser: Browser, complaints: Complaints) -> AsyncIterator[Page]:
    """An empty page of a browser with everything."""
    async with profile(whole_browser, complaints) as context:
        yield await context.new_page()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> Page:
    """An empty page."""
    return await context.new_page()


@pytest_asyncio.fixture(loop_scope="session")
async def stage() -> AsyncIterator[Stage]:
    """A server that says what the test tells it to."""
    async with staging() as stage:
        yield stage
