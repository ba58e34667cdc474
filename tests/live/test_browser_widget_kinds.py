"""Tables, tickers, charts and states in a real Chromium; links shared, and what a reader without
eyes, colour or patience is given."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Page, Route

from tests.live.conftest import Complaints
from tests.live.serving import serving
from tests.live.stage import Stage, diff, element, status
from tests.live.widgetpage import (
    all_there,
    cells,
    holds,
    put,
    root,
    show,
    show_within,
    wait_for_text,
)
from tests.waiting import until

pytestmark = pytest.mark.browser

QUOTES: list[dict[str, Any]] = [
    {"symbol": "A", "last": 101.5, "change_pct": 1.5, "prev_close": 100},
    {"symbol": "B", "last": 99.25, "change_pct": -0.75, "prev_close": 100},
]
REFUSALS = r"WebSocket connection|Failed to load resource"


def ago(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() - seconds, UTC).isoformat()


async def test_a_table_finds_its_columns_and_shortens_what_is_nested(
    page: Page, stage: Stage
) -> None:
    user = {"id": 1, "name": "Ada", "address": {"city": "Velmark"}, "site": "https://a.example/x"}
    stage.snapshot("users", [user, {**user, "id": 2, "name": "Bo"}])
    await show(page, stage, element("table", channel="users"))
    await wait_for_text(page, "Bo")
    head = page.get_by_role("columnheader")
    assert await head.all_inner_texts() == ["id", "name", "address", "site"]
    assert (await cells(page, "table"))[1] == ["2", "Bo", '{"city":"Velmark"}', "a.example/x"]
    await page.evaluate("document.querySelector('stream-table').fields = ['name', 'id']")
    await holds(page, f"{root('table')}.querySelectorAll('.head .cell').length === 2")
    assert await cells(page, "table") == [["Ada", "1"], ["Bo", "2"]]


async def test_in_a_table_rows_come_change_and_go_visibly(page: Page, stage: Stage) -> None:
    stage.snapshot("users", [{"id": n, "name": f"User {n}"} for n in range(3)])
    await show(page, stage, element("table", channel="users"))
    await wait_for_text(page, "User 2")
    await all_there(page)
    put = [{"id": 7, "name": "User 7"}]
    patch = [{"id": 0, "name": "User 0b"}]
    await stage.say(diff("users", 3, put=put, patch=patch, **{"del": [1]}))
    await wait_for_text(page, "User 7")
    assert await page.locator(".row.new .c1").all_inner_texts() == ["User 7"]
    assert await page.locator(".f1").all_inner_texts() == ["User 0b"]
    gone = page.locator(".row.gone")
    assert await gone.locator(".c1").all_inner_texts() == ["User 1"]
    await gone.wait_for(state="detached")


async def test_a_table_sums_the_fields_that_it_is_told_to(page: Page, stage: Stage) -> None:
    fills = [{"id": n, "side": "buy", "fee": fee, "qty": 10 * n} for n, fee in ((1, 0.1), (2, 0.2))]
    stage.snapshot("fills", fills)
    await show(page, stage, element("table", channel="fills", totals="qty,fee", max=1))
    totals = f"[...{root('table')}.querySelectorAll('.totals .cell')].map((one) => one.innerText)"
    await holds(page, f"{totals}.join() === 'Total,,0.3,30'")
    await stage.say(diff("fills", 2, patch=[{"id": 1, "qty": 15, "fee": None}]))
    await holds(page, f"{totals}.join() === 'Total,,0.2,35'")
    await page.evaluate("document.querySelector('stream-table').fields = 'qty,id'")
    await holds(page, f"{totals}.join() === '35,'")
    await page.evaluate("document.querySelector('stream-table').totals = null")
    await page.locator(".totals").wait_for(state="hidden")


async def test_a_ticker_moves_until_it_is_pointed_at_and_not_for_those_who_mind(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("ticker", channel="quotes"))
    await page.get_by_text("101.50", exact=True).first.wait_for()
    moving = f"getComputedStyle({root('ticker')}.querySelector('.tape'))"
    assert await page.evaluate(f"{moving}.animationPlayState") == "running"
    assert await page.locator(".strip.copy").get_attribute("aria-hidden") == "true"
    assert await page.get_by_role("listitem").count() == 2
    await page.locator("stream-ticker .view").hover()
    await holds(page, f"{moving}.animationPlayState === 'paused'")
    await page.emulate_media(reduced_motion="reduce")
    assert await page.evaluate(f"{moving}.animationName") == "none"
    assert await page.locator(".strip.copy").is_hidden()


async def test_a_chart_begins_with_the_trail_and_says_what_it_draws(
    page: Page, stage: Stage
) -> None:
    now = time.time()
    points = [[now - 300 + n * 5, 100 + n / 10] for n in range(60)]
    stage.snapshot("quotes", QUOTES, trail={"A": {"last": points}})
    await show(page, stage, element("chart", channel="quotes", keys="A"))
    image = page.get_by_role("img")
    await image.wait_for()
    await holds(page, f"{root('chart')}.querySelector('[role=img]').ariaLabel !== null")
    label = await image.get_attribute("aria-label")
    assert label == "last over 5 min: A 101.50 +1.50%"
    drawn = (
        f"(() => {{ const one = {root('chart')}.querySelector('canvas');"
        "return one.getContext('2d').getImageData(0, 0, one.width, one.height).data"
        ".some((byte) => byte > 0); })()"
    )
    assert await page.evaluate(drawn)
    await image.focus()
    await page.keyboard.press("ArrowLeft")
    await page.locator(".tip").wait_for()
    assert "A  10" in await page.locator(".tip").inner_text()
    await page.keyboard.press("Escape")
    await page.locator(".tip").wait_for(state="hidden")


async def test_a_spark_begins_with_the_trail(page: Page, stage: Stage) -> None:
    now = time.time()
    stage.snapshot("quotes", QUOTES, trail={"A": {"last": [[now - 10, 100], [now - 5, 101]]}})
    await show(page, stage, element("watchlist", channel="quotes"))
    await page.locator(".spark[data-way=up]").wait_for()
    path = await page.locator(".spark[data-way=up] .line").get_attribute("d")
    # The two of the trail, the value that stood until a moment ago, and the one of now.
    assert path is not None and path.count("L") == 3


@pytest.mark.parametrize(
    ("state", "more", "words"),
    [
        ("failing", {"error": {"kind": "http_503", "message": "503 Unavailable"}}, "503 Unav"),
        ("stale", {}, "STALE 00:4"),
        ("limited", {"next_poll": ago(-600)}, "LIMITED until "),
        ("waiting", {}, "waiting for the first read"),
        ("paused", {}, "idle"),
    ],
)
async def test_the_state_of_the_source_is_said_in_words(
    page: Page, stage: Stage, state: str, more: dict[str, Any], words: str
) -> None:
    at = ago(42)
    stage.snapshot("quotes", QUOTES, as_of=at)
    stage.first["quotes"].append(status("quotes", state, as_of=at, since=at, **more))
    body = element("watchlist", channel="quotes") + element("status", channel="quotes")
    await show(page, stage, body)
    for name in ("watchlist", "status"):
        await holds(page, f"{root(name)}.querySelector('.words').textContent.includes('{words}')")


async def test_data_that_is_late_by_its_own_times_is_called_delayed(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", [{**QUOTES[0], "time": ago(900)}, {**QUOTES[1], "time": ago(4_000)}])
    await show(page, stage, element("status", channel="quotes"))
    await page.get_by_text("DELAYED 15 min").wait_for()


async def test_a_chart_that_comes_later_joins_the_link_and_begins_with_what_it_has(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("table", channel="quotes"))
    await wait_for_text(page, "99.25")
    await page.evaluate(
        """() => {
          const chart = document.createElement("stream-chart");
          document.body.append(Object.assign(chart, { channel: "quotes" }));
        }"""
    )
    await page.locator("stream-chart .legend").get_by_text("101.50").wait_for()
    await page.locator("stream-chart").get_by_text("LIVE").wait_for()
    assert stage.asked == ["/ws/quotes?trail=1"]


async def test_a_refusal_is_said_and_takes_nobody_else_along(
    page: Page, stage: Stage, complaints: Complaints
) -> None:
    stage.refused["closed"] = "this token may not read 'closed'"
    stage.snapshot("quotes", QUOTES)
    body = element("table", channel="closed") + element("watchlist", channel="quotes")
    await show(page, stage, body)
    await page.get_by_text("refused: this token may not read 'closed'").first.wait_for()
    await wait_for_text(page, "99.25")
    complaints.forgive(REFUSALS)


async def test_an_unknown_channel_of_a_real_service_is_said(
    page: Page, complaints: Complaints
) -> None:
    async with serving('[sources.alerts]\nkind = "push"\n') as running:
        await show_within(page, running.url, element("news", channel="alrets"))
        await page.get_by_text("did you mean 'alerts'").first.wait_for()
    complaints.forgive(REFUSALS)


async def test_a_lost_link_is_said_and_the_rows_stay(
    page: Page, stage: Stage, complaints: Complaints
) -> None:
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("watchlist", channel="quotes"))
    await wait_for_text(page, "99.25")
    await page.context.set_offline(True)
    await stage.hang_up()
    await page.get_by_text("OFFLINE").wait_for()
    assert len(await cells(page)) == 2
    await page.locator("stream-watchlist [data-old]").wait_for()
    await page.context.set_offline(False)
    await page.get_by_text("LIVE").wait_for()
    await page.locator("stream-watchlist [data-old]").wait_for(state="detached")
    complaints.forgive(REFUSALS)


async def test_what_was_missed_while_the_link_was_lost_is_counted(page: Page, stage: Stage) -> None:
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("watchlist", channel="quotes"))
    await wait_for_text(page, "99.25")
    patch = [{"symbol": "B", "last": 98.5}]
    stage.first["quotes"] = [diff("quotes", 1, patch=patch, resumed=True, **{"del": ["A"]})]
    await stage.hang_up()
    await page.get_by_text("LIVE · caught up on 2").wait_for()
    assert [row[:2] for row in await cells(page)] == [["B", "98.50"]]
    await page.get_by_text("LIVE", exact=True).wait_for()


async def test_elements_of_one_turn_share_a_link_and_those_with_a_view_have_their_own(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", QUOTES)
    stage.snapshot("news", [{"id": "a", "title": "Headline"}])
    names = ("watchlist", "ticker", "chart", "status")
    body = "".join(element(name, channel="quotes") for name in names)
    body += element("news", channel="news")
    body += element("table", channel="quotes", where="last > 100", max_rate=2)
    await show(page, stage, "".join(element(name) for name in (*names, "news", "table")))
    await put(page, body)
    await page.get_by_text("Headline").wait_for()
    await page.locator("stream-table .row").nth(1).wait_for()
    own = "/ws/quotes?where=last+%3E+100&trail=1&max_rate=2"
    assert sorted(stage.asked) == ["/ws/quotes,news?trail=1", own]
    await page.evaluate("document.querySelector('stream-table').remove()")
    await until(lambda: len(stage.sockets) == 1, what="the end of the table's link")


async def test_elements_that_are_loaded_one_after_the_other_share_a_link_too(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", QUOTES)
    stage.snapshot("news", [{"id": "a", "title": "Headline"}])
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/widgets/news.js", hold)
    body = element("watchlist", channel="quotes") + element("news", channel="news")
    stage.body = body
    await page.goto(stage.url)
    await wait_for_text(page, "99.25")
    held.set()
    await page.get_by_text("Headline").wait_for()
    assert stage.asked == ["/ws/quotes?trail=1", "subscribe news"]


async def test_properties_and_attributes_are_one_and_states_are_told(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", QUOTES)
    stage.snapshot("empty", [])
    await show(page, stage, element("table", channel="quotes"))
    await wait_for_text(page, "99.25")
    told = await page.evaluate(
        """async () => {
          const states = [];
          document.addEventListener("stream-state", ({ detail }) => states.push(detail.state));
          const one = document.querySelector("stream-table");
          Object.assign(one, { channel: "empty", max: 5, theme: "dark", maxRate: 2 });
          while (!states.includes("empty")) await new Promise(requestAnimationFrame);
          const names = ["channel", "max", "theme", "max-rate"];
          return [states, names.map((name) => one.getAttribute(name)), one.max];
        }"""
    )
    # "loading" is not told where the answer is there before the next frame.
    assert told[0] in (["loading", "empty"], ["empty"])
    assert told[1:] == [["empty", "5", "dark", "2"], 5]
    await page.get_by_text("Nothing in empty now").wait_for()


async def test_paused_nothing_moves_and_what_came_is_counted(page: Page, stage: Stage) -> None:
    stage.snapshot("quotes", QUOTES)
    await show(page, stage, element("watchlist", channel="quotes"))
    await wait_for_text(page, "99.25")
    await page.get_by_role("button", name="Pause").click()
    await stage.say(diff("quotes", 2, patch=[{"symbol": "B", "last": 98.5}]))
    await page.get_by_text("PAUSED · 1 changed").wait_for()
    assert (await cells(page))[1][1] == "99.25"
    await page.get_by_role("button", name="Resume").click()
    await wait_for_text(page, "98.50")


async def test_what_stands_inside_is_shown_until_there_is_something(
    page: Page, stage: Stage, complaints: Complaints
) -> None:
    stage.body = '<stream-news channel="none"><p>Our news live here.</p></stream-news>'
    stage.body += '<stream-table channel="none"></stream-table>'
    await page.goto(stage.url)
    await page.locator("html[data-ready]").wait_for(state="attached")
    assert await page.get_by_text("Our news live here.").is_visible()
    bones = page.locator("stream-table .bone")
    assert await bones.count() == 8
    assert await bones.first.evaluate("(bone) => bone.offsetHeight") == 26
    await page.get_by_text("loading").first.wait_for()
    await page.close()
    complaints.forgive(REFUSALS)


async def test_assistive_technology_finds_names_and_roles_and_no_live_cells(
    page: Page, stage: Stage
) -> None:
    stage.snapshot("quotes", QUOTES)
    stage.snapshot("news", [{"id": "a", "title": "Headline", "source": "Wire"}])
    body = element("watchlist", channel="quotes", label="My stocks")
    body += element("news", channel="news", label="Wires") + element("ticker", channel="quotes")
    await show(page, stage, body)
    await page.get_by_text("Headline").wait_for()
    await wait_for_text(page, "99.25")
    cdp = await page.context.new_cdp_session(page)
    tree = await cdp.send("Accessibility.getFullAXTree")
    found = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree["nodes"]
        if not node["ignored"]
    }
    assert {
        ("grid", "My stocks"),
        ("columnheader", "Last"),
        ("rowheader", "A"),
        ("gridcell", "99.25"),
        ("feed", "Wires"),
        ("article", "Headline, Wire"),
        ("region", "quotes"),
        ("button", "Pause"),
    } <= found
    live = "[aria-live]:not(.sr), [role=status]:not(.sr), [role=log], [role=alert]"
    assert await page.locator(live).count() == 0


async def test_a_cell_that_began_empty_flashes_as_others_do(page: Page, stage: Stage) -> None:
    stage.snapshot("users", [{"id": 1, "name": "Ada", "note": ""}, {"id": 2, "note": "x"}])
    await show(page, stage, element("table", channel="users"))
    await wait_for_text(page, "Ada")
    await all_there(page)
    await stage.say(diff("users", 2, patch=[{"id": 1, "note": "new"}]))
    await wait_for_text(page, "new")
    assert await page.locator(".f1").all_inner_texts() == ["new"]


async def test_a_sum_of_endless_fractions_is_no_whole_number(page: Page, stage: Stage) -> None:
    rows = [{"id": n, "qty": 1 / 3, "fee": 0.1 * n} for n in (1, 2)]
    stage.snapshot("fills", rows)
    await show(page, stage, element("table", channel="fills", totals="qty,fee"))
    await page.locator(".totals").wait_for()
    await holds(page, f"{root('table')}.querySelector('.totals').textContent.includes('0.6666')")
