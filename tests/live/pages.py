"""Drives the browser client in a real page and tells what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Page

_FOLLOW: Final = """
async ([url, options, tokens]) => {
  const { connect } = await import("/static/stream.js");
  Object.assign(window, { asked: 0, tokens });
  if (tokens) options.token = () => window.tokens[window.asked++];
  const client = window.client = connect(url, options);
  const log = window.log = [];
  for (const type of ["snapshot", "diff", "status", "state", "error", "bye"]) {
    client.addEventListener(type, ({ detail }) => {
      const { view, change } = detail;
      if (!view) return log.push({ type, ...detail, ...(type === "error" && { type }) });
      log.push({ type, channel: view.name, ...change, resumed: detail.message.resumed === true });
    });
  }
}
"""
_CONTENTS: Final = """
([name]) => Object.fromEntries([...window.client.channels.get(name)?.items ?? []])
"""


@dataclass(frozen=True, slots=True)
class Following:
    """One client in one page."""

    page: Page

    async def items(self, channel: str) -> dict[str, Any]:
        """What the client holds of a channel, by key."""
        found: dict[str, Any] = await self.page.evaluate(_CONTENTS, [channel])
        return found

    async def log(self, *types: str) -> list[dict[str, Any]]:
        """What the client told, in order; of these types only, where some are given."""
        told: list[dict[str, Any]] = await self.page.evaluate("window.log")
        return [entry for entry in told if not types or entry["type"] in types]

    async def until(self, condition: str) -> None:
        """Wait until this holds for ``client``, ``log`` and ``items(channel)``, keys joined."""
        await self.page.wait_for_function(
            "() => { const { client, log } = window;"
            " const items = (name) => [...client.channels.get(name)?.items.keys() ?? []].join();"
            f" return {condition}; }}"
        )

    async def call(self, expression: str) -> Any:
        """Evaluate this, with ``client`` and ``log``."""
        return await self.page.evaluate(
            f"() => {{ const {{ client, log }} = window; {expression} }}"
        )

    async def forget(self) -> None:
        """Begin the log anew."""
        await self.page.evaluate("window.log.length = 0")


async def follow(
    page: Page, url: str, *, tokens: list[str] | None = None, **options: Any
) -> Following:
    """A client in a page of this server; its page's own policy stays in force.

    Args:
        tokens: what a token function gives, one after the other; ``window.tokens`` in the page.
    """
    await page.goto(f"{url}/docs")
    await page.evaluate(_FOLLOW, [url, options, tokens])
    return Following(page)
