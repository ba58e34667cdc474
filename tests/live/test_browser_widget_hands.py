"""What a reader does to the rows of a watchlist or a table, in a real Chromium: an order of one's
own, a menu, a selection that is copied."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, Route

from tests.live.stage import Stage, diff, element
from tests.live.widgetpage import all_there, cells, cells_of, holds, root, show, wait_for_text

pytestmark = pytest.mark.browser

QUOTES: list[dict[str, Any]] = [
    {"symbol": "A", "last": 103.5, "bid": 103, "ask": 104},
    {"symbol": "B", "last": 102.5, "bid": 102, "ask": 103},
    {"symbol": "C", "last": 101.5, "bid": 101, "ask": 102},
]
ORDERS = """() => {
  window.orders = [];
  document.addEventListener("stream-order", ({ detail }) => window.orders.push(detail.keys));
}"""
FOCUSED = f"{root('watchlist')}.activeElement?.firstChild.textContent"
MENU = "[role=menu]"
HANDS = f"""{root("watchlist")}.adoptedStyleSheets.some(
  (sheet) => [...sheet.cssRules].some(({{ selectorText }}) => selectorText?.includes(".held")))"""
"""Whether what is loaded when a pointer comes near is there."""
COPIED = "navigator.clipboard.readText()"


def order_is(*keys: str) -> str:
    """The condition that the rows of the watchlist stand so."""
    return f"{cells_of()}.map(([first]) => first).join() === '{','.join(keys)}'"


async def begin(page: Page, stage: Stage, **attributes: Any) -> None:
    """A watchlist of three quotes, and all that it needs to be used."""
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("watchlist", channel="quotes", **attributes))
    await wait_for_text(page, "103.50")
    await all_there(page)
    near = "dispatchEvent(new PointerEvent('pointerenter'))"
    await page.evaluate(f"{root('watchlist')}.querySelector('.rows').{near}")
    await holds(page, HANDS)
    await page.evaluate(ORDERS)


async def drag(page: Page, symbol: str, below: str, *, release: bool = True) -> None:
    """Pull the row of ``symbol`` at its first cell down, or up, onto that of another."""
    boxes = []
    for name in (symbol, below):
        cell = page.locator("stream-watchlist .rows .c0").get_by_text(name, exact=True)
        box = await cell.bounding_box()
        assert box is not None
        boxes.append((box["x"] + 20, box["y"] + box["height"] / 2))
    (x, y), (_, to) = boxes
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x, (y + to) / 2)
    await page.mouse.move(x, to)
    if release:
        await page.mouse.up()


@pytest.mark.parametrize("given", [{}, {"symbols": "A,B,C"}])
async def test_a_row_that_is_dragged_stays_where_it_was_put(
    page: Page, stage: Stage, given: dict[str, str]
) -> None:
    await begin(page, stage, **given)
    await drag(page, "A", "C")
    await holds(page, order_is("B", "C", "A"))
    await holds(page, "window.orders.length === 1")
    assert await page.evaluate("window.orders") == [["B", "C", "A"]]
    await page.mouse.move(600, 700)
    await stage.say(diff("quotes", 4, put=[{"symbol": "0", "last": 100.5}]))
    await stage.say(diff("quotes", 4, patch=[{"symbol": "B", "last": 99.5}]))
    await wait_for_text(page, "99.50")
    assert [row[0] for row in await cells(page)] == ["B", "C", "A", *([] if given else ["0"])]
    # What was no click chose nothing.
    assert await page.locator("[aria-selected=true]").count() == 0


async def test_an_own_order_outlives_the_link(page: Page, stage: Stage) -> None:
    await begin(page, stage)
    await page.locator("stream-watchlist .rows .row").nth(2).focus()
    await page.keyboard.press("Alt+ArrowUp")
    await holds(page, order_is("A", "C", "B"))
    stage.snapshot("quotes", [{"symbol": "0", "last": 1.5}, *QUOTES])
    await stage.hang_up()
    await holds(page, order_is("A", "C", "B", "0"))


async def test_escape_puts_a_dragged_row_back(page: Page, stage: Stage) -> None:
    await begin(page, stage)
    await drag(page, "A", "C", release=False)
    await holds(page, order_is("B", "C", "A"))
    await page.keyboard.press("Escape")
    await holds(page, order_is("A", "B", "C"))
    await page.mouse.up()
    assert await page.evaluate("window.orders") == []


async def test_the_keyboard_moves_a_row_and_says_where_it_stands(page: Page, stage: Stage) -> None:
    await begin(page, stage)
    await page.locator("stream-watchlist .rows .row[tabindex='0']").focus()
    await page.keyboard.press("Alt+ArrowDown")
    await holds(page, order_is("B", "A", "C"))
    await page.keyboard.press("Alt+ArrowDown")
    await holds(page, order_is("B", "C", "A"))
    assert await page.evaluate(FOCUSED) == "A"
    assert await page.locator("stream-watchlist .sr").inner_text() == "A: 3 of 3"
    await page.keyboard.press("Alt+ArrowDown")
    await page.keyboard.press("Alt+ArrowUp")
    await holds(page, order_is("B", "A", "C"))
    assert len(await page.evaluate("window.orders")) == 3


async def test_sorting_comes_before_the_own_order_and_leads_back_to_it(
    page: Page, stage: Stage
) -> None:
    await begin(page, stage, order="C,A", fields="symbol,last")
    await holds(page, order_is("C", "A", "B"))
    assert await page.locator("[aria-sort$=ending]").count() == 0
    head = page.get_by_role("button", name="Last")
    for expected in (("A", "B", "C"), ("C", "B", "A"), ("C", "A", "B")):
        await head.click()
        await holds(page, order_is(*expected))


async def test_the_menu_opens_at_the_pointer_and_by_keys_and_gives_the_focus_back(
    page: Page, stage: Stage
) -> None:
    await begin(page, stage)
    row = page.locator("stream-watchlist .rows .row").nth(1)
    await row.locator(".c1").click(button="right")
    menu = page.locator(MENU)
    await menu.wait_for()
    names = ["Copy row", "Copy all rows", "Sort by Last", "Move to the top", "Move up", "Move down"]
    items = page.get_by_role("menuitem")
    assert [
        name.split("  ")[0]
        for name in await items.evaluate_all(
            "(all) => all.map((one) => one.firstChild.textContent)"
        )
    ] == [*names, "Pause"]
    assert await menu.get_attribute("aria-label") == "B"
    focused = f"{root('watchlist')}.activeElement.firstChild.textContent"
    for key, name in {
        "ArrowDown": "Copy all rows",
        "End": "Pause",
        "ArrowDown ": "Copy row",
        "m": "Move to the top",
    }.items():
        await page.keyboard.press(key.strip())
        assert await page.evaluate(focused) == name
    await page.keyboard.press("Escape")
    await menu.wait_for(state="detached")
    assert await page.evaluate(focused) == "B"
    for keys in ("Shift+F10", "ContextMenu"):
        await page.keyboard.press(keys)
        await menu.wait_for()
        assert await items.count() == len(names), "there is no column to sort by"
        await page.keyboard.press("Tab")
        await menu.wait_for(state="detached")
    await page.keyboard.press("Shift+F10")
    await menu.wait_for()
    await page.mouse.click(600, 700)
    await menu.wait_for(state="detached")


async def test_the_menu_does_what_it_says(page: Page, stage: Stage) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await begin(page, stage, fields="symbol,last,bid")
    second = page.locator("stream-watchlist .rows .row").nth(1)

    async def ask(name: str) -> None:
        await second.locator(".c1").click(button="right")
        await page.get_by_role("menuitem", name=name).click()
        await page.locator(MENU).wait_for(state="detached")

    await ask("Copy row")
    head = "symbol\tlast\tbid\task"
    await copied(page, f"{head}\nB\t102.5\t102\t103")
    await ask("Copy all")
    await copied(page, f"{head}\nA\t103.5\t103\t104\nB\t102.5\t102\t103\nC\t101.5\t101\t102")
    await ask("Move down")
    await holds(page, order_is("A", "C", "B"))
    await ask("Move to the top")
    await holds(page, order_is("C", "A", "B"))
    await ask("Sort by Last")
    await holds(page, order_is("A", "B", "C"))
    await ask("Pause")
    await page.get_by_text("PAUSED").wait_for()


async def copied(page: Page, text: str) -> None:
    """Wait until this is on the clipboard."""
    await holds(page, f"{COPIED}.then((text) => text === {text!r})")


async def test_a_press_on_a_screen_opens_the_menu_and_is_no_choice(
    page: Page, stage: Stage
) -> None:
    await begin(page, stage)
    await page.evaluate(
        f"""() => {{
          const cell = {root("watchlist")}.querySelector(".rows .c1");
          const like = {{ pointerType: "touch", bubbles: true, composed: true }};
          cell.dispatchEvent(new PointerEvent("pointerdown", like));
          window.release = () => {{
            cell.dispatchEvent(new PointerEvent("pointerup", like));
            cell.click();
          }};
        }}"""
    )
    await page.locator(MENU).wait_for()
    await page.evaluate("window.release()")
    assert await page.locator(MENU).count() == 1
    assert await page.locator("[aria-selected=true]").count() == 0


async def test_rows_that_are_selected_are_copied_as_a_spreadsheet_takes_them(
    page: Page, stage: Stage
) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    items = [
        {"id": 1, "name": "Ada", "note": "=1+1"},
        {"id": 2, "name": "Bo\tB", "note": "-5"},
        {"id": 3, "name": "Cy", "tags": ["x"]},
        {"id": 4, "name": "Di"},
    ]
    stage.snapshot("users", items)
    await show(page, stage, element("table", channel="users", fields="id,name,note,tags"))
    await wait_for_text(page, "Di")
    await all_there(page)
    rows = page.locator("stream-table .rows .row")
    await rows.nth(0).focus()
    await page.keyboard.press("Shift+ArrowDown")
    await page.keyboard.press("Shift+ArrowDown")
    await holds(page, f"{root('table')}.querySelectorAll('[aria-selected]').length === 3")
    await page.keyboard.press("Control+c")
    lines = ["id\tname\tnote\ttags", "1\tAda\t'=1+1\t", "2\tBo B\t-5\t", '3\tCy\t\t["x"]']
    await copied(page, "\n".join(lines))
    await rows.nth(3).click()
    await rows.nth(0).click(modifiers=["Control"])
    await page.keyboard.press("Control+c")
    await copied(page, f"{lines[0]}\n{lines[1]}\n4\tDi\t\t")
    await page.keyboard.press("Control+a")
    await holds(page, f"{root('table')}.querySelectorAll('[aria-selected]').length === 4")


async def test_the_menu_opens_the_link_of_an_item_and_leaves_links_to_the_browser(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("users", [{"id": 1, "name": "Ada", "site": f"{stage.url}/?other"}])
    await show(page, stage, element("table", channel="users"))
    await wait_for_text(page, "Ada")
    await all_there(page)
    await page.get_by_text("Ada", exact=True).click()
    await page.locator("[aria-selected=true]").wait_for()
    await page.evaluate(
        """() => {
          window.taken = [];
          addEventListener("contextmenu", (event) => window.taken.push(event.defaultPrevented));
        }"""
    )
    await page.locator("stream-table .rows a").click(button="right")
    await page.keyboard.press("Escape")
    await page.get_by_text("Ada", exact=True).click(button="right")
    await page.locator(MENU).wait_for()
    assert await page.evaluate("window.taken") == [False, True]
    async with page.context.expect_page() as opened:
        await page.get_by_role("menuitem", name="Open link").click()
    other = await opened.value
    await other.wait_for_url("**/?other")
    assert await other.evaluate("window.opener") is None


async def test_a_press_that_is_over_when_the_hands_come_drags_nothing_and_asks_for_no_menu(
    page: Page, stage: Stage
) -> None:
    arrived = asyncio.Event()

    async def wait(route: Route) -> None:
        await arrived.wait()
        await route.continue_()

    await page.route("**/widgets/hands.js*", wait)
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("watchlist", channel="quotes"))
    await wait_for_text(page, "103.50")
    await page.evaluate(ORDERS)
    cell = page.locator("stream-watchlist .rows .c0").get_by_text("A", exact=True)
    await cell.click()
    arrived.set()
    # The click itself is done then: the row is chosen.
    await page.locator("[aria-selected=true]").wait_for()
    box = await cell.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 20, box["y"] + 60, steps=5)
    assert await page.locator(".moving").count() == 0
    assert await page.evaluate("window.orders") == []
    assert await page.locator(MENU).count() == 0


async def test_with_an_order_of_ones_own_what_is_new_still_comes_among_the_most_rows(
    page: Page, stage: Stage
) -> None:
    await begin(page, stage, max=3)
    rows = page.locator("stream-watchlist .rows .row")
    await rows.nth(0).focus()
    await page.keyboard.press("Alt+ArrowDown")
    await holds(page, order_is("B", "A", "C"))
    await page.mouse.move(600, 700)
    await stage.say(diff("quotes", 4, put=[{"symbol": "D", "last": 100.5}]))
    await holds(page, order_is("B", "C", "D"))
    await page.evaluate("document.querySelector('stream-watchlist').setAttribute('max-rate', '5')")
    await stage.say(diff("quotes", 4, patch=[{"symbol": "B", "last": 99.5}]))
    await holds(page, f"{cells_of()}.length === 3 && {cells_of()}[0][0] === 'B'")


async def test_a_range_begins_where_it_is_asked_for_once_its_first_row_is_gone(
    page: Page, stage: Stage
) -> None:
    await begin(page, stage)
    rows = page.locator("stream-watchlist .rows .row:not(.gone)")
    await rows.nth(1).click()
    await page.locator("[aria-selected=true]").wait_for()
    await stage.say(diff("quotes", 2, **{"del": ["B"]}))
    await holds(page, f"{cells_of()}.length === 2")
    await rows.nth(1).click(modifiers=["Shift"])
    await holds(page, f"{root('watchlist')}.querySelectorAll('[aria-selected]').length === 1")


async def test_a_menu_leaves_the_keys_of_the_browser_to_it(page: Page, stage: Stage) -> None:
    await begin(page, stage)
    await page.locator("stream-watchlist .rows .row").nth(0).click(button="right")
    await page.locator(MENU).wait_for()
    await page.evaluate(
        """() => {
          window.kept = [];
          addEventListener("keydown", ({ key, defaultPrevented }) => {
            if (key.length === 1) window.kept.push(defaultPrevented);
          });
        }"""
    )
    await page.keyboard.press("Control+m")
    await holds(page, "window.kept.length > 0")
    assert await page.evaluate("window.kept") == [False]
