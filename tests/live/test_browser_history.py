"""Random histories of tabs, links and channels in a real Chromium: in the end all hold the same."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Final

import pytest
from playwright.async_api import BrowserContext

from tests.live.conftest import Complaints
from tests.live.pages import Following, follow
from tests.live.relay import relaying
from tests.live.serving import LIMIT_S, Running, publish, serving
from tests.live.test_browser_client import LOST

pytestmark = pytest.mark.browser

NAMES: Final = ("one", "two", "three")
TOML: Final = "\n".join(f'[sources.{name}]\nkind = "push"\nkey = "id"' for name in NAMES)
STEPS: Final = 40


class History:
    """Tabs that come and go, and what the channels should hold, all by one seed."""

    def __init__(self, seed: int, context: BrowserContext, **options: Any) -> None:
        self.dice = random.Random(seed)
        self.context = context
        self.options = options
        self.tabs: list[Following] = []
        self.held: dict[str, dict[str, Any]] = {name: {} for name in NAMES}
        self.count = 0

    async def publish(self, running: Running) -> None:
        """Put, patch and delete some items."""
        name = self.dice.choice(NAMES)
        held = self.held[name]
        body: dict[str, list[Any]] = {"put": [], "patch": [], "del": []}
        for key in self.dice.sample("abcdefgh", self.dice.randint(1, 3)):
            self.count += 1
            fields = {"id": key, "n": self.count}
            kind = "put" if key not in held else self.dice.choice(("put", "patch", "patch", "del"))
            body[kind].append(key if kind == "del" else fields)
            if kind == "del":
                del held[key]
            else:
                held[key] = fields
        await publish(running, name, {kind: rows for kind, rows in body.items() if rows})

    async def open(self, url: str) -> None:
        """A tab more."""
        names = self.dice.sample(NAMES, self.dice.randint(1, 3))
        page = await self.context.new_page()
        self.tabs.append(await follow(page, url, channels=names, **self.options))

    async def trouble(self) -> None:
        """Close a tab, often the one that leads, or change what it follows."""
        tab = self.tabs[0] if self.dice.random() < 0.5 else self.dice.choice(self.tabs)
        name = self.dice.choice(NAMES)
        match self.dice.randint(0, 4):
            case 0 if len(self.tabs) > 1:
                self.tabs.remove(tab)
                await tab.page.close()
            case 1:
                await tab.call(f"if (client.channels.size > 1) client.remove('{name}')")
            case 2:
                await tab.call("client.reconnect()")
            case _:
                await tab.call(f"client.add('{name}')")

    async def agree(self) -> None:
        """Wait until every tab holds what was published."""
        for tab in self.tabs:
            for name in await tab.call("return [...client.channels.keys()]"):
                async with asyncio.timeout(LIMIT_S):
                    while await tab.items(name) != self.held[name]:
                        await tab.until("client.state === 'live'")
            assert await tab.log("error") == []


@pytest.mark.parametrize("transport", ["ws", "sse"])
@pytest.mark.parametrize("share", [True, False])
async def test_whatever_happens_every_tab_holds_what_was_published(
    context: BrowserContext, complaints: Complaints, transport: str, share: bool
) -> None:
    history = History(7, context, share=share, transport=transport)
    async with serving(TOML) as running, relaying(running.url) as relay:
        for _ in range(2):
            await history.publish(running)
            await history.open(relay.url)
        for step in range(STEPS):
            match history.dice.randint(0, 9):
                case 0:
                    relay.cut()
                case 1 if len(history.tabs) < 4:
                    await history.open(relay.url)
                case 2 | 3 | 4:
                    await history.trouble()
                case _:
                    await history.publish(running)
            if step % 20 == 19:
                await history.agree()
    complaints.forgive(LOST)
