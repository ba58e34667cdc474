"""A picture of each state: no two may look the same, in the light and in the dark.

The pictures are kept where ``STREAM_PICTURES`` says, for eyes.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import pytest
from playwright.async_api import Page, expect

from tests.live.conftest import Complaints
from tests.live.serving import publish, serving
from tests.live.stage import Stage, element, status
from tests.live.widgetpage import holds, show
from tests.upstream import Upstream

pytestmark = pytest.mark.browser

AS_OF: Final = "2026-01-01T00:00:00.000Z"
QUOTES: Final = [
    {"symbol": "AAA", "last": 101.5, "change": 1.5, "change_pct": 1.5},
    {"symbol": "BBB", "last": 99.25, "change": -0.75, "change_pct": -0.75},
]
ARTICLES: Final = [
    {"id": "a", "title": "A headline", "source": "Wire", "published": AS_OF},
    {"id": "b", "title": "Another one", "source": "Post", "published": AS_OF},
]
FAULT: Final = {"error": {"kind": "http_503", "message": "503 Service Unavailable"}}
SAID: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "stale": ("stale", {}),
    "failing": ("failing", FAULT),
    "limited": ("limited", {"next_poll": "2099-01-01T00:00:00.000Z"}),
    "idle": ("paused", {}),
}
"""The state as an element calls it → the server's word, and more of its message."""

Scheme: TypeAlias = Literal["light", "dark"]


def keep(pictures: dict[str, bytes], name: str) -> None:
    """Fail where two are the same picture; put all where somebody wants to look at them."""
    if folder := os.environ.get("STREAM_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for state, picture in pictures.items():
            (Path(folder) / f"{name}-{state}.png").write_bytes(picture)
    for (one, a), (other, b) in itertools.combinations(pictures.items(), 2):
        assert a != b, f"{one} looks as {other}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("kind", "items"), [("watchlist", QUOTES), ("news", ARTICLES)])
async def test_each_state_of_an_element_has_a_look_of_its_own(
    page: Page,
    stage: Stage,
    complaints: Complaints,
    kind: str,
    items: list[dict[str, Any]],
    scheme: Scheme,
) -> None:
    complaints.forgive("WebSocket|403|ERR_")
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": 560, "height": 240})
    pictures: dict[str, bytes] = {}

    async def picture(state: str, prepare: Callable[[], None] = lambda: None) -> None:
        stage.first.clear()
        stage.refused.clear()
        prepare()
        await show(page, stage, element(kind, channel="c"))
        await _take(state)

    async def _take(state: str) -> None:
        await holds(page, f"document.querySelector('stream-{kind}').state.name === '{state}'")
        pictures[state] = await page.locator(f"stream-{kind}").screenshot(animations="disabled")

    await picture("loading")
    await picture("empty", lambda: stage.snapshot("c", [], as_of=AS_OF))
    for state, (word, more) in SAID.items():
        told = status("c", word, since=AS_OF, as_of=AS_OF, **more)

        def tell(told: Any = told) -> None:
            stage.snapshot("c", items, as_of=AS_OF)
            stage.first["c"].append(told)

        await picture(state, tell)
    await picture("denied", lambda: stage.refused.update(c="this token may not read 'c'"))
    await picture("live", lambda: stage.snapshot("c", items, as_of=AS_OF))
    await page.context.set_offline(True)
    await stage.hang_up()
    await page.locator(f"stream-{kind} [data-old]").wait_for()
    await _take("offline")
    await page.context.set_offline(False)
    keep(pictures, f"{kind}-{scheme}")


async def test_each_state_of_the_console_has_a_look_of_its_own(
    page: Page, complaints: Complaints
) -> None:
    complaints.forgive("WebSocket|40[034]|ERR_")
    pictures: dict[str, bytes] = {}

    async def picture(state: str, sign: Callable[[], Awaitable[object]]) -> None:
        await sign()
        pictures[state] = await page.screenshot(animations="disabled")

    async with Upstream() as upstream:
        upstream.set("/ill", b"", status=503)
        upstream.set("/slow", [{"id": 1}])
        toml = f"""
[sources.alerts]
kind = "push"
[sources.empty]
kind = "push"
[sources.ill]
kind = "http"
url = "{upstream.url("/ill")}"
every = "300ms"
[sources.watch]
kind = "http"
url = "{upstream.url("/slow")}?{{keys}}"
keys = {{ max = 5, allow = "[a-z]+" }}
"""
        async with serving(toml) as running:
            await publish(running, "alerts", {"id": "a"})
            await page.goto(running.url)
            await picture("sources", page.locator("#sources tr.is-bad").wait_for)
            for name, words in {
                "alerts": "live · WebSocket",
                "empty": "No items now.",
                "ill": "Failing since",
                "watch": "are read on demand",
                "nothing": "no channel 'nothing'",
            }.items():
                await page.goto(f"{running.url}/#/{name}")
                await picture(name, page.locator("main").get_by_text(words).first.wait_for)
            await page.goto(f"{running.url}/#/alerts")
            await page.get_by_role("rowheader", name="a", exact=True).wait_for()
        await picture("gone", page.get_by_text("Next attempt in").wait_for)
        await expect(page.locator("#list-note")).to_have_text(
            "The server does not answer. Trying again every 2 s."
        )
        await page.locator(".list.old").wait_for()
    keep(pictures, "console")
