"""The console in a real Chromium: what flows now, one channel in full, and what to type for it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.live.conftest import Complaints
from tests.live.serving import publish, serving
from tests.upstream import Upstream

pytestmark = pytest.mark.browser

CONFIG = """
[channels.alerts]
sort = "-level"
[sources.alerts]
kind = "push"
"""


async def _texts(page: Page, selector: str) -> list[str]:
    return [" ".join(text.split()) for text in await page.locator(selector).all_inner_texts()]


async def _rows(page: Page, count: int) -> list[str]:
    """The rows of the live table, once there are so many."""
    rows = page.locator("#items .rows").get_by_role("row")
    await expect(rows).to_have_count(count)
    return [" ".join(text.split()) for text in await rows.all_inner_texts()]


async def test_the_console_lists_channels_and_shows_changes_as_they_come(page: Page) -> None:
    async with serving(CONFIG) as running:
        await publish(running, "alerts", [{"id": "a", "level": 1}, {"id": "b", "level": 2}])
        await page.goto(f"{running.url}/#/alerts")
        assert await _rows(page, 2) == ["b 2", "a 1"]

        await publish(running, "alerts", {"patch": [{"id": "a", "level": 33}]})
        await page.get_by_role("gridcell", name="33").wait_for()
        await publish(running, "alerts", {"del": ["b"], "put": [{"id": "c", "level": 4}]})
        await page.get_by_role("rowheader", name="c", exact=True).wait_for()
        await expect(page.locator("#count")).to_have_text("2")


async def test_an_item_is_shown_in_full_beside_the_table_and_follows_what_changes(
    page: Page,
) -> None:
    async with serving(CONFIG) as running:
        item = {"id": "a", "level": 1, "more": {"deep": [1, 2]}, "link": "https://a.example/x"}
        await publish(running, "alerts", item)
        await page.goto(f"{running.url}/#/alerts")
        await page.get_by_role("rowheader", name="a", exact=True).click()
        pane = page.locator("#item")
        await expect(pane.locator("dt")).to_have_text(["id", "level", "more", "link"])
        await expect(pane.locator("dd").nth(2)).to_have_text('{"deep":[1,2]}')
        link = pane.get_by_role("link")
        assert await link.get_attribute("rel") == "noopener noreferrer nofollow"
        await publish(running, "alerts", {"patch": [{"id": "a", "level": 7}]})
        await expect(pane.locator("dd").nth(1)).to_have_text("7")
        await publish(running, "alerts", {"del": ["a"]})
        await expect(pane).to_have_class("is-gone")
        await page.get_by_role("button", name="Close the item").click()
        await expect(pane).to_be_hidden()


async def test_an_item_opens_and_closes_with_keys_and_the_row_has_the_focus_again(
    page: Page,
) -> None:
    async with serving(CONFIG) as running:
        await publish(running, "alerts", [{"id": "a", "level": 1}, {"id": "b", "level": 2}])
        await page.goto(f"{running.url}/#/alerts")
        rows = page.locator("#items .rows").get_by_role("row")
        await rows.nth(1).press("Enter")
        await page.get_by_role("button", name="Close the item").press("Escape")
        await expect(page.locator("#item")).to_be_hidden()
        await expect(rows.nth(1)).to_be_focused()
        await rows.nth(1).press("Enter")
        await expect(page.locator("#item")).to_be_visible()
        await rows.nth(1).press("Escape")
        await expect(page.locator("#item")).to_be_hidden()


async def test_a_paused_page_stands_still_and_then_shows_what_is_now(page: Page) -> None:
    async with serving(CONFIG) as running:
        await publish(running, "alerts", {"id": "a", "level": 1})
        await page.goto(f"{running.url}/#/alerts")
        await page.get_by_role("gridcell", name="1", exact=True).wait_for()
        await page.get_by_role("button", name="Pause").click()
        await publish(running, "alerts", {"patch": [{"id": "a", "level": 5}]})
        await page.wait_for_function(
            "() => document.querySelector('#items').view.items.get('a').level === 5"
        )
        assert await _rows(page, 1) == ["a 1"]
        await page.get_by_role("button", name="Go on").click()
        await page.get_by_role("gridcell", name="5", exact=True).wait_for()


async def test_markup_in_the_data_stays_text(page: Page) -> None:
    async with serving(CONFIG) as running:
        evil = "<img src=x onerror=document.title='owned'>"
        await publish(running, "alerts", {"id": evil, "level": 1})
        await page.goto(f"{running.url}/#/alerts")
        await page.get_by_text(evil, exact=True).first.wait_for()
        await page.get_by_text(evil, exact=True).first.click()
        await page.locator("#item dd").first.wait_for()
        assert await page.locator("#items img, #item img").count() == 0
        assert "owned" not in await page.title()


async def test_the_first_page_says_of_every_source_in_words_what_is_wrong(page: Page) -> None:
    async with Upstream() as upstream:
        upstream.set("/well", [{"id": 1}])
        upstream.set("/ill", b"", status=503)
        toml = "".join(
            f'[sources.{n}]\nkind = "http"\nurl = "{upstream.url(f"/{n}")}"\nevery = "500ms"\n'
            for n in ("well", "ill")
        )
        async with serving(toml + '[sources.alerts]\nkind = "push"\n') as running:
            await page.goto(running.url)
            await page.locator("#sources tr.is-bad").wait_for()
            await expect(page.locator("#sources tbody tr").nth(1)).to_contain_text("ok")
            bad, well = await _texts(page, "#sources tbody tr")
            assert bad.startswith("ill failing 503")
            assert "since" in bad
            assert well.startswith("well ok")
            assert await page.locator("#sources-count").inner_text() == "2, 1 not ok"
            assert {text.split()[0] for text in await _texts(page, "#list tbody tr")} == {
                "well",
                "ill",
                "alerts",
            }
            await page.locator("#sources tbody th a").first.click()
            await page.get_by_text(re.compile("^Failing since .*503")).wait_for()


async def test_a_304_counts_once_among_the_reads_that_brought_nothing_new(page: Page) -> None:
    async with Upstream() as upstream:
        upstream.set("/q", [{"id": 1}], etag=True)
        toml = f'[sources.q]\nkind = "http"\nurl = "{upstream.url("/q")}"\nevery = "100ms"\n'
        async with serving(toml) as running:
            await upstream.wait_hits("/q", 12)
            await page.goto(running.url)
            await expect(page.locator("#sources tbody td").nth(7)).to_have_text(re.compile("^9. %"))


async def test_a_view_is_tried_in_the_form_and_all_lines_to_copy_ask_for_it(page: Page) -> None:
    async with serving(CONFIG) as running:
        rows = [{"id": f"a{n}", "level": n, "text": "t"} for n in range(5)]
        await publish(running, "alerts", rows)
        await page.goto(f"{running.url}/#/alerts")
        await _rows(page, 5)
        await page.locator("#view summary").click()
        await page.get_by_label("Where").fill("level > 2")
        await page.get_by_role("button", name="Apply").click()
        await _rows(page, 2)
        await page.get_by_role("group", name="Fields to show").get_by_text("level").click()
        await expect(page.locator("#items").get_by_role("columnheader")).to_have_count(2)
        assert "fields=level" in page.url
        await page.get_by_role("tab", name="Subscribe").click()
        await page.get_by_label("Format").select_option("text")
        curl, wscat, tail, module = await page.locator("#panel-use pre").all_inner_texts()
        query = "?fields=level&where=level%20%3E%202&format=text"
        assert curl == f"curl -N '{running.url}/sse/alerts{query}'"
        assert wscat == f"wscat -c '{running.ws_url}/ws/alerts{query}'"
        assert tail.endswith("alerts --fields level --where 'level > 2' --format text")
        assert '"level > 2"' in module


async def test_the_server_s_own_words_explain_a_view_that_cannot_be(
    page: Page, complaints: Complaints
) -> None:
    async with serving(CONFIG) as running:
        await page.goto(f"{running.url}/#/alerts?where=level%20%3E%3E")
        await page.locator("#link-banner").get_by_text("where:").wait_for()
        complaints.forgive("400 .Bad Request.|WebSocket connection to")


async def test_the_list_is_narrowed_by_name_or_by_state(page: Page) -> None:
    async with Upstream() as upstream:
        upstream.set("/ill", b"", status=503)
        toml = f'[sources.ill]\nkind = "http"\nurl = "{upstream.url("/ill")}"\nevery = "300ms"\n'
        async with serving(f'{toml}[sources.alerts]\nkind = "push"\n') as running:
            await page.goto(running.url)
            names = page.locator("#list tbody th")
            await expect(names).to_have_text(["ill", "alerts"])
            await page.locator("#list").get_by_text("failing").wait_for()
            for typed, found in {"failing": "ill", "ok": "alerts", "Lert": "alerts"}.items():
                await page.get_by_role("searchbox").fill(typed)
                await expect(names).to_have_text([found])
            await page.get_by_role("searchbox").fill("fai")
            await page.get_by_text("No channel has “fai” in its name").wait_for()


async def test_back_and_forward_lead_through_the_channels_and_views_that_were_seen(
    page: Page,
) -> None:
    async with serving(f'{CONFIG}[sources.others]\nkind = "push"\n') as running:
        await publish(running, "alerts", [{"id": "a", "level": 1}, {"id": "b", "level": 2}])
        await publish(running, "others", {"id": "c"})
        await page.goto(running.url)
        await page.locator("#list").get_by_text("alerts").click()
        await _rows(page, 2)
        await page.goto(f"{running.url}/#/alerts?where=level%20%3E%201")
        assert await _rows(page, 1) == ["b 2"]
        await page.locator("#list").get_by_text("others").click()
        await expect(page.locator("#name")).to_have_text("others")
        await page.go_back()
        assert await _rows(page, 1) == ["b 2"]
        await page.go_back()
        assert await _rows(page, 2) == ["b 2", "a 1"]
        await page.go_back()
        await expect(page.locator("#sources")).to_be_visible()
        assert await page.title() == "stream"
        await page.go_forward()
        assert await _rows(page, 2) == ["b 2", "a 1"]
        assert len(running.service.connected) == 1


async def test_where_there_is_no_clipboard_the_text_is_selected_instead(page: Page) -> None:
    await page.add_init_script("delete Navigator.prototype.clipboard")
    async with serving(CONFIG) as running:
        await page.goto(f"{running.url}/#/alerts")
        await page.get_by_role("tab", name="Subscribe").click()
        await page.get_by_role("button", name="Copy").first.click()
        await page.get_by_role("button", name="Selected: copy it by hand").wait_for()
        selected = await page.evaluate("getSelection().toString()")
        assert selected == f"curl -N {running.url}/sse/alerts"


async def test_raw_messages_pass_with_their_type_and_cursor(page: Page) -> None:
    async with serving(CONFIG) as running:
        await publish(running, "alerts", {"id": "a", "level": 1})
        await page.goto(f"{running.url}/#/alerts")
        await _rows(page, 1)
        await page.get_by_role("tab", name="Raw").click()
        cursor = await publish(running, "alerts", {"patch": [{"id": "a", "level": 2}]})
        await page.locator("#raw li").nth(1).wait_for()
        newest, oldest = await _texts(page, "#raw li")
        assert newest.split()[1:3] == ["diff", cursor]
        assert f'"cursor":"{cursor}"' in newest
        assert oldest.split()[1] == "snapshot"


@pytest.mark.parametrize("path", ["/", "/#/alerts", "/desk", "/news", "/embed", "/docs"])
@pytest.mark.parametrize("width", [360, 1280, 2560])
async def test_no_page_is_wider_than_its_window(page: Page, path: str, width: int) -> None:
    async with serving(CONFIG) as running:
        await publish(running, "alerts", {"id": "a" * 200, "level": 1, "text": "long " * 200})
        await page.set_viewport_size({"width": width, "height": 800})
        await page.goto(running.url + path)
        await page.locator("main").wait_for()
        await page.get_by_role("heading").first.wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
