"""The custom elements in a real Chromium, under the strictest page policy."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.live.serving import publish, serving
from tests.live.stage import Stage, diff, element
from tests.live.widgetpage import (
    all_there,
    cells,
    cells_of,
    holds,
    root,
    show,
    show_within,
    wait_for_text,
)

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
"""
FOCUSED = f"{root('watchlist')}.activeElement?.firstChild.textContent"
LIT = f"""[...{root("watchlist")}.querySelectorAll(".f1,.f2,.f3")]
  .map((cell) => cell.part.value)"""


def quote(symbol: str, last: float, **more: Any) -> dict[str, Any]:
    change = round(last - 100, 2)
    return {"symbol": symbol, "last": last, "change": change, "change_pct": change, **more}


def article(key: str, published: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "title": f"Headline {key}", "source": "Wire", "published": published, **more}


async def test_a_watchlist_follows_a_real_service(page: Page) -> None:
    async with serving(CONFIG) as running:
        await publish(running, "quotes", [quote("B", 99.5, volume=1_234_567), quote("A", 101.25)])
        await show_within(page, running.url, element("watchlist", channel="quotes"))
        await wait_for_text(page, "101.25")
        assert await cells(page) == [
            ["A", "101.25", "+1.25", "+1.25%", "–", ""],
            ["B", "99.50", "−0.50", "−0.50%", "1.23M", ""],
        ]
        await publish(running, "quotes", {"patch": [{"symbol": "A", "last": 68240.5}]})
        await wait_for_text(page, "68 240.50")


async def test_a_line_of_a_real_service_is_there_at_once(page: Page) -> None:
    async with serving(CONFIG) as running, running.http() as client:
        points: list[Any] = []
        for last in range(100, 200):
            await publish(running, "quotes", [quote("A", last)])
            trail = (await client.get("/channels/quotes?trail=1")).json()["trail"]
            points = trail["A"]["last"]
            if len(points) > 3:
                break
        await show_within(page, running.url, element("watchlist", channel="quotes"))
        path = page.locator(".spark[data-way=up] .line")
        await path.wait_for()
        drawn = await path.get_attribute("d")
        assert drawn is not None and drawn.count("L") >= len(points) - 1 > 2


async def test_only_the_changed_cell_flashes_and_nothing_on_a_snapshot(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", [quote("A", 100.5), quote("B", 99.5)])
    await show(page, stage, element("watchlist", channel="quotes"))
    await wait_for_text(page, "100.50")
    await all_there(page)
    assert await page.evaluate(LIT) == []
    await stage.say(diff("quotes", 2, patch=[{"symbol": "B", "change_pct": -0.7}]))
    await wait_for_text(page, "−0.70%")
    assert await page.evaluate(LIT) == ["cell change_pct"]
    await stage.say(diff("quotes", 2, patch=[quote("A", 101.5)]))
    await wait_for_text(page, "101.50")
    assert sorted(await page.evaluate(LIT)) == ["cell change_pct", "cell last"]
    assert await page.locator("stream-watchlist .f1.rise").count() == 1

    stage.snapshot("quotes", [quote("A", 77.5), quote("B", 66.5)])
    await stage.hang_up()
    await wait_for_text(page, "77.50")
    assert await page.evaluate(LIT) == []


async def test_a_second_change_starts_the_flash_anew_with_its_own_direction(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", [quote("A", 100.5)])
    await show(page, stage, element("watchlist", channel="quotes", fields="symbol,last"))
    await wait_for_text(page, "100.50")
    await all_there(page)
    await stage.say(diff("quotes", 1, patch=[{"symbol": "A", "last": 101.5}]))
    await page.locator("stream-watchlist .f1.rise").wait_for()
    await holds(
        page,
        f"{root('watchlist')}.getAnimations({{subtree: true}})"
        ".some((one) => one.currentTime > 300)",
    )
    await stage.say(diff("quotes", 1, patch=[{"symbol": "A", "last": 99.5}]))
    await page.locator("stream-watchlist .f2.fall").wait_for()
    await stage.say(diff("quotes", 1, patch=[{"symbol": "A", "last": 99.7}]))
    await page.locator("stream-watchlist .f2.rise").wait_for()


async def test_rows_keep_their_places_under_the_pointer_and_move_when_it_is_gone(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", [quote("A", 103), quote("B", 102), quote("C", 101)])
    await show(page, stage, element("watchlist", channel="quotes", fields="symbol,last"))
    await wait_for_text(page, "103.00")
    await page.get_by_role("button", name="Last").click()
    assert [row[0] for row in await cells(page)] == ["A", "B", "C"]
    assert await page.locator("[aria-sort=descending]").inner_text() == "Last"
    await page.locator("stream-watchlist .rows .row").nth(1).hover()
    await stage.say(diff("quotes", 4, patch=[{"symbol": "C", "last": 104}], put=[quote("D", 105)]))
    await wait_for_text(page, "104.00")
    assert [row[0] for row in await cells(page)] == ["A", "B", "C", "D"]
    await page.mouse.move(600, 700)
    await holds(page, f"{cells_of()}[0][0] === 'D'")
    assert [row[0] for row in await cells(page)] == ["D", "C", "A", "B"]
    await page.get_by_role("button", name="Last").click()
    await holds(page, f"{cells_of()}[0][0] === 'B'")


async def test_the_keyboard_walks_the_rows_and_enter_chooses_one(page: Page, stage: Stage) -> None:
    stage.snapshot("quotes", [quote("A", 103), quote("B", 102), quote("C", 101)])
    await show(page, stage, element("watchlist", channel="quotes"))
    await wait_for_text(page, "103.00")
    await page.evaluate(
        "document.addEventListener('stream-select', ({detail}) => { window.chosen = detail; })"
    )
    await page.locator("stream-watchlist .rows .row[tabindex='0']").focus()
    for key, symbol in {"ArrowDown": "B", "End": "C", "ArrowUp": "B", "Home": "A"}.items():
        await page.keyboard.press(key)
        await holds(page, f"{FOCUSED} === '{symbol}'")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await holds(page, "window.chosen !== undefined")
    chosen = await page.evaluate("window.chosen")
    assert (chosen["key"], chosen["item"]["last"]) == ("B", 102)
    assert await page.locator("stream-watchlist [aria-selected=true] .c0").inner_text() == "B"


async def test_symbols_stand_as_they_were_asked_for_and_a_missing_one_is_seen(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", [quote("A", 103), quote("B", 102)])
    await show(page, stage, element("watchlist", channel="quotes", symbols="B,X,A"))
    await wait_for_text(page, "103.00")
    assert [row[:2] for row in await cells(page)] == [["B", "102.00"], ["X", "–"], ["A", "103.00"]]
    assert stage.asked == ["/ws/quotes?keys=B%2CX%2CA&trail=1"]


async def test_a_row_that_is_later_than_it_uses_to_be_is_dimmed(page: Page, stage: Stage) -> None:
    stage.snapshot("quotes", [quote("A", 103), quote("B", 102)])
    await show(page, stage, element("watchlist", channel="quotes", stale_after=1))
    await page.locator("stream-watchlist .row.late").nth(1).wait_for()
    await stage.say(diff("quotes", 2, patch=[{"symbol": "B", "last": 101}]))
    await holds(
        page,
        f"{root('watchlist')}.querySelectorAll('.late').length === 1",
    )


async def test_five_hundred_rows_that_all_change_stay_the_same_rows(
    page: Page, stage: Stage
) -> None:
    items = [quote(f"S{n:03}", 100 + n) for n in range(500)]
    stage.snapshot("quotes", items)
    await show(page, stage, element("watchlist", channel="quotes"))
    rows = page.locator("stream-watchlist .rows .row")
    await rows.nth(499).wait_for(state="attached")
    await page.evaluate(f"window.kept = [...{root('watchlist')}.querySelectorAll('.row')]")
    for step in range(1, 11):
        patch = [{"symbol": item["symbol"], "last": item["last"] + step} for item in items]
        await stage.say(diff("quotes", 500, patch=patch))
    await holds(page, f"({cells_of()}).every((cells, at) => cells[1] === `${{110 + at}}.00`)")
    assert await page.evaluate("window.kept.every((row) => row.isConnected)")
    assert await rows.count() == 500


async def test_a_tape_shows_the_newest_first_and_marks_what_is_new_and_what_changed(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("news", [article("a", "2026-11-22T10:00:00Z")], sort="-published")
    await show(page, stage, element("news", channel="news"))
    await wait_for_text(page, "Headline a")
    assert await page.locator(".badge").all_inner_texts() == [""]
    fresh = article("b", "2026-11-22T11:00:00Z", symbols=["A", "B", "C", "D"])
    await stage.say(diff("news", 2, put=[fresh]))
    await stage.say(diff("news", 2, patch=[{"id": "a", "title": "Headline a, corrected"}]))
    await wait_for_text(page, "Headline a, corrected")
    items = page.get_by_role("article")
    assert await items.first.locator(".headline").inner_text() == "Headline b"
    assert await page.locator(".badge").all_inner_texts() == ["NEW", "UPD"]
    assert await items.first.locator(".chip").all_inner_texts() == ["A", "B", "C", "+1"]
    await stage.say(diff("news", 2, patch=[{"id": "b", "rank": 3}]))
    assert await page.locator(".badge").all_inner_texts() == ["NEW", "UPD"]


async def test_a_reader_further_down_is_not_moved_and_told_how_much_is_new(
    page: Page, stage: Stage
) -> None:
    items = [article(f"n{n:02}", f"2026-11-22T10:00:{n:02}Z") for n in range(40)]
    stage.snapshot("news", items, sort="-published")
    await show(page, stage, element("news", channel="news"))
    await page.evaluate("document.querySelector('stream-news').style.height = '300px'")
    await wait_for_text(page, "Headline n39")
    top = f"{root('news')}.querySelector('.scroll')"
    await page.evaluate(f"{top}.scrollTop = 200")
    place = f"{root('news')}.querySelector('[data-key=n25]').getBoundingClientRect().top"
    before = await page.evaluate(place)
    for n in (41, 42):
        await stage.say(diff("news", n, put=[article(f"n{n}", f"2026-11-22T10:00:{n}Z")]))
    pill = page.get_by_role("button", name="2 new")
    await pill.wait_for()
    assert await page.evaluate(place) == before
    await pill.click()
    await wait_for_text(page, "Headline n42")
    assert await page.evaluate(f"{top}.scrollTop") == 0
    assert await page.locator(".badge[data-kind=NEW]").count() == 2
    await pill.wait_for(state="hidden")


async def test_a_filter_chooses_headlines_and_what_it_leaves_out_is_not_counted(
    page: Page, stage: Stage
) -> None:
    items = [article(f"n{n:02}", f"2026-11-22T10:00:{n:02}Z") for n in range(40)]
    stage.snapshot("news", items, sort="-published")
    await show(page, stage, element("news", channel="news", filter="headline n1"))
    await wait_for_text(page, "Headline n19")
    assert await page.get_by_role("article").count() == 10
    one = "document.querySelector('stream-news')"
    await page.evaluate(f"{one}.style.height = '100px'")
    await page.evaluate(f"{root('news')}.querySelector('.scroll').scrollTop = 50")
    for count, key in {41: "n2x", 42: "n1x"}.items():
        await stage.say(diff("news", count, put=[article(key, "2026-11-22T11:00:00Z")]))
    await page.get_by_role("button", name="1 new").wait_for()
    await page.evaluate(f"{one}.filter = 'nowhere'")
    await page.get_by_text("Nothing here matches.").wait_for()


async def test_a_retracted_headline_is_struck_through_and_then_gone(
    page: Page, stage: Stage
) -> None:
    items = [article(f"n{n}", f"2026-11-22T10:00:0{n}Z") for n in range(5)]
    stage.snapshot("news", items, sort="-published")
    await show(page, stage, element("news", channel="news"))
    await wait_for_text(page, "Headline n3")
    await stage.say(diff("news", 3, **{"del": ["n3", "n0"]}))
    gone = page.locator(".item.gone")
    await gone.wait_for()
    assert await gone.locator(".headline").inner_text() == "Headline n3"
    # What ages out at the old end was not taken back.
    assert await page.get_by_text("Headline n0").count() == 0
    await gone.wait_for(state="detached", timeout=15_000)


async def test_an_updated_headline_says_on_focus_what_became_another(
    page: Page, stage: Stage
) -> None:
    first = article("a", "2026-11-22T10:00:00Z", title="Rates rise by half a point", summary="<b>1")
    stage.snapshot("news", [first, article("b", "2026-11-22T09:00:00Z")], sort="-published")
    await show(page, stage, element("news", channel="news"))
    await wait_for_text(page, "Rates rise by half a point")
    await stage.say(diff("news", 2, patch=[{"id": "a", "title": "Rates rise by a point"}]))
    await stage.say(diff("news", 2, patch=[{"id": "a", "summary": "<i>2"}]))
    await wait_for_text(page, "UPD")
    item = page.get_by_role("article").first
    assert not await page.get_by_text("half").is_visible()
    await item.focus()
    await page.locator(".changes").wait_for()
    told = ".changes > *"
    texts = await item.locator(told).all_inner_texts()
    assert texts == ["title", "Rates rise by half a point", "summary", "<b>1 <i>2"]
    assert await item.locator(".changes del").all_inner_texts() == ["half", "<b>1"]
    assert await item.locator(".changes ins").all_inner_texts() == ["<i>2"]
    # What became another again, or what it was, is seen at once.
    await stage.say(diff("news", 2, patch=[{"id": "a", "title": first["title"]}]))
    await holds(page, f"{root('news')}.querySelectorAll('.changes dt').length === 1")
    await page.get_by_role("article").nth(1).focus()
    await page.locator(".changes").wait_for(state="hidden")


async def test_breaking_news_is_marked_by_more_than_a_colour(page: Page, stage: Stage) -> None:
    items = [
        article("a", "2026-11-22T10:00:03Z", breaking=True),
        article("b", "2026-11-22T10:00:02Z", tags=["rates", "breaking"]),
        article("c", "2026-11-22T10:00:01Z", tags="breaking"),
        article("d", "2026-11-22T10:00:00Z", breaking="no", tags=["calm"]),
    ]
    stage.snapshot("news", items, sort="-published")
    await show(page, stage, element("news", channel="news"))
    await wait_for_text(page, "Headline d")
    marked = page.locator(".item.breaking")
    assert await marked.locator(".headline").all_inner_texts() == [f"Headline {n}" for n in "abc"]
    assert await marked.first.get_attribute("aria-label") == "Breaking, Headline a, Wire"
    weights = "(all) => all.map((one) => getComputedStyle(one).fontWeight)"
    assert await page.locator(".headline").evaluate_all(weights) == ["600"] * 3 + ["400"]


async def test_markup_stays_text_and_only_web_links_are_links(page: Page, stage: Stage) -> None:
    evil = "<img src=x onerror=document.title='owned'>"
    bad, good = "javascript:document.title='owned'", "https://example.com/a"
    stage.snapshot(
        "news",
        [
            article("1", "2026-11-22T10:00:00Z", title=evil, url=bad, symbols=[evil]),
            article("2", "2026-11-22T09:00:00Z", title="fine", url=good),
        ],
        sort="-published",
    )
    body = "".join(element(name, channel="news") for name in ("news", "table", "ticker"))
    await show(page, stage, body)
    await page.get_by_text(evil, exact=True).first.wait_for()
    await page.locator("stream-table .row").nth(2).wait_for()
    assert await page.locator("img").count() == 0
    links = await page.locator("a[href]").evaluate_all(
        "(all) => all.map((link) => [link.getAttribute('href'), link.rel])"
    )
    assert links == [[good, "noopener noreferrer nofollow"]] * 2
    assert "owned" not in await page.title()
