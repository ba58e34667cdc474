"""How a person gives our pages a token, and where it is kept."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

import jwt
import pytest
from playwright.async_api import Page, expect

from stream.access import LEEWAY_S
from tests.live.conftest import Complaints
from tests.live.serving import Running, serving

pytestmark = pytest.mark.browser

KEY = "a key for the tests of pages, long enough"
TOML = """
[auth]
mode = "jwt"
key_env = "PAGES_KEY"
[sources.alerts]
kind = "push"
[sources.secrets]
kind = "push"
"""


def token_for(*channels: str, for_s: float = 600) -> str:
    """A token that may read these."""
    claims = {"exp": time.time() + for_s, "read": channels, "publish": ["*"]}
    return jwt.encode(claims, KEY, algorithm="HS256")


@contextlib.asynccontextmanager
async def closed() -> AsyncIterator[Running]:
    """A service of which nothing may be read without a token, with one item."""
    async with serving(TOML, environ={"PAGES_KEY": KEY}) as running, running.http() as client:
        for channel in ("alerts", "secrets"):
            answer = await client.post(
                f"/channels/{channel}",
                json={"id": "a", "text": f"of {channel}"},
                headers={"authorization": f"Bearer {token_for('*')}"},
            )
            assert answer.status_code == 200, answer.text
        yield running


async def _give(page: Page, token: str) -> None:
    box = page.get_by_role("dialog")
    if not await box.is_visible():
        # It may open by itself at this moment, and would then stand in the way of a real click.
        await page.get_by_role("button", name="Token").dispatch_event("click")
    await box.get_by_label("Token").fill(token)
    async with page.expect_navigation():
        await box.get_by_role("button", name="Use it").click()


@pytest.mark.parametrize("path", ["", "#/alerts", "desk", "news", "embed"])
async def test_each_page_takes_a_token_and_shows_what_it_may_read(
    page: Page, complaints: Complaints, path: str
) -> None:
    complaints.forgive("401|Authentication")
    async with closed() as running:
        await page.goto(f"{running.url}/{path}")
        await page.get_by_text("or give a token that may read some").first.wait_for()
        await _give(page, token_for("alerts"))
        if path == "":
            await page.locator("#list").get_by_text("alerts").click()
        await page.get_by_text("of alerts").first.wait_for()
        await expect(page.get_by_text("secrets")).to_have_count(0)
        assert "token" not in page.url
        kept = await page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]")
        assert kept == [1, 0, ""]


async def test_a_token_is_forgotten_when_a_person_says_so(page: Page) -> None:
    async with closed() as running:
        await page.goto(f"{running.url}/?token={token_for('alerts')}#/alerts")
        await page.get_by_text("of alerts").first.wait_for()
        assert page.url == f"{running.url}/#/alerts"
        await page.get_by_role("link", name="stream", exact=True).click()
        await page.get_by_role("button", name="Token in use").click()
        async with page.expect_navigation():
            await page.get_by_role("button", name="Forget it").click()
        await page.get_by_text("or give a token that may read some").first.wait_for()
        assert await page.evaluate("sessionStorage.length") == 0


async def test_the_box_opens_by_itself_once_and_says_what_the_server_said(
    page: Page, complaints: Complaints
) -> None:
    complaints.forgive("40[13]|Authentication|WebSocket connection")
    async with closed() as running:
        await page.goto(f"{running.url}/#/alerts")
        box = page.get_by_role("dialog")
        await box.get_by_text("a token is needed to read 'alerts'").wait_for()
        await _give(page, "no token at all")
        await box.get_by_text("the token is not valid").wait_for()
        await page.keyboard.press("Escape")
        async with page.expect_response("**/channels"):
            pass
        async with page.expect_response("**/channels"):
            pass
        await expect(box).to_be_hidden()
        await expect(page.locator("#list-note")).to_contain_text("the token is not valid")
        await _give(page, token_for("secrets"))
        await box.get_by_text("may not read 'alerts'").wait_for()


@pytest.mark.parametrize("path", ["#/alerts", "desk", "news"])
async def test_a_page_whose_token_expires_asks_for_another(
    page: Page, complaints: Complaints, path: str
) -> None:
    complaints.forgive("401|Authentication|WebSocket connection")
    async with closed() as running:
        await page.goto(f"{running.url}/?token={token_for('alerts', for_s=5 - LEEWAY_S)}")
        await page.goto(f"{running.url}/{path}")
        await page.get_by_text("of alerts").first.wait_for()
        await page.get_by_role("dialog").get_by_text("the token is not valid").wait_for()
