"""One link for all tabs of an origin, in a real Chromium: pages of one context are tabs."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext

from tests.live.conftest import Complaints
from tests.live.pages import Following, follow
from tests.live.relay import relaying
from tests.live.serving import Running, publish, serving
from tests.live.test_browser_client import KEY, LOST, SECURED, TOML, added, subscribed, transports
from tests.waiting import until

pytestmark = pytest.mark.browser


async def tabs(
    context: BrowserContext, url: str, *channels: str, **options: Any
) -> list[Following]:
    """A tab for each of these lists of channels, each opened once the one before is live."""
    found = []
    for names in channels:
        tab = await follow(await context.new_page(), url, channels=names, share=True, **options)
        await tab.until("client.cursor !== null && client.state === 'live'")
        found.append(tab)
    return found


@transports
async def test_tabs_have_one_link_and_each_has_all_that_comes(
    context: BrowserContext, transport: str
) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", [{"id": "a"}, {"id": "b"}])
        first, second, third = await tabs(
            context, running.url, "alerts", "alerts", "alerts", transport=transport
        )
        await publish(running, "alerts", {"put": [{"id": "c"}], "del": ["a"]})
        for tab in (first, second, third):
            await tab.until("items('alerts') === 'b,c'")
            assert await tab.call("return client.transport") == transport
            log = await tab.log("snapshot", "diff")
            assert [entry["type"] for entry in log] == ["snapshot", "diff"]
        assert len(running.service.connected) == 1


@transports
async def test_a_tab_takes_over_when_the_one_that_led_is_closed_and_resumes(
    context: BrowserContext, transport: str
) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": "a"})
        first, second, third = await tabs(
            context, running.url, "alerts", "alerts", "alerts", transport=transport
        )
        for tab in (second, third):
            await tab.forget()
        await first.page.close()
        for n in range(5):
            await publish(running, "alerts", {"id": f"n{n}"})
        for tab in (second, third):
            await tab.until("items('alerts') === 'a,n0,n1,n2,n3,n4' && client.state === 'live'")
            log = await tab.log("snapshot", "diff")
            assert [entry["type"] for entry in log] == ["diff"] * len(log)
            assert any(entry["resumed"] for entry in log)
            assert added(log) == ["n0", "n1", "n2", "n3", "n4"]
        await until(lambda: len(running.service.connected) == 1)
        await publish(running, "alerts", {"id": "z"})
        await second.page.close()
        await third.until("items('alerts').endsWith('z')")
        await publish(running, "alerts", {"del": ["z"]})
        await third.until("!items('alerts').endsWith('z')")
        await until(lambda: len(running.service.connected) == 1)


@transports
async def test_tabs_may_follow_different_channels_over_the_one_link(
    context: BrowserContext, transport: str
) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": "a"})
        await publish(running, "quotes", {"code": "A"})
        first, second = await tabs(context, running.url, "alerts", "quotes", transport=transport)
        assert await second.call("return [...client.channels.keys()]") == ["quotes"]
        await until(lambda: subscribed(running) == [["alerts", "quotes"]])
        await first.call("client.add('quotes')")
        await first.until("items('quotes') === 'A'")
        await second.call("client.remove('quotes'); client.add('alerts')")
        await second.until("items('alerts') === 'a' && client.channels.size === 1")
        await publish(running, "quotes", {"code": "B"})
        await publish(running, "alerts", {"id": "b"})
        await first.until("items('quotes') === 'A,B' && items('alerts') === 'a,b'")
        await second.until("items('alerts') === 'a,b'")
        await first.call("client.remove('quotes')")
        await until(lambda: subscribed(running) == [["alerts"]])
        await first.page.close()
        await publish(running, "alerts", {"id": "c"})
        await second.until("items('alerts') === 'a,b,c' && client.state === 'live'")
        assert len(running.service.connected) == 1


async def test_a_channel_that_one_tab_cannot_have_does_not_trouble_the_others(
    context: BrowserContext, complaints: Complaints
) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": "a"})
        first, second = await tabs(context, running.url, "alerts", "alerts")
        await second.call("client.add('nowhere,quotes')")
        await second.until("client.channels.size === 2 && client.channels.get('quotes').whole")
        await first.call("client.add('nothing')")
        await first.until("log.some(({ type }) => type === 'error')")
        await publish(running, "alerts", {"id": "b"})
        for tab in (first, second):
            await tab.until("items('alerts') === 'a,b' && client.state === 'live'")
        assert [entry["channel"] for entry in await first.log("error")] == ["nothing"]
        assert [entry["channel"] for entry in await second.log("error")] == ["nowhere"]
    complaints.forgive(LOST)


async def test_a_shared_link_that_was_cut_is_resumed_for_all(
    context: BrowserContext, complaints: Complaints
) -> None:
    async with serving(TOML) as running, relaying(running.url) as relay:
        await publish(running, "alerts", {"id": "a"})
        both = await tabs(context, relay.url, "alerts", "alerts")
        for tab in both:
            await tab.forget()
        relay.is_refusing = True
        relay.cut()
        for tab in both:
            await tab.until("client.state === 'reconnecting'")
        await publish(running, "alerts", {"id": "b"})
        relay.is_refusing = False
        for tab in both:
            await tab.until("items('alerts') === 'a,b' && client.state === 'live'")
        for tab in both:
            assert added(await tab.log("snapshot", "diff")) == ["b"]
            assert await tab.log("snapshot") == []
        await until(lambda: len(running.service.connected) == 1)
    complaints.forgive(LOST)


async def test_a_tab_that_joins_while_there_is_no_link_has_what_the_others_have(
    context: BrowserContext, complaints: Complaints
) -> None:
    # The draws are low: many attempts are made while a page loads.
    await context.add_init_script("Math.random = () => 0.1")
    async with serving(TOML) as running, relaying(running.url) as relay:
        await publish(running, "alerts", {"id": "a"})
        first, second = await tabs(context, relay.url, "alerts", "alerts")
        await first.forget()
        relay.is_refusing = True
        relay.cut()
        await publish(running, "alerts", {"id": "b"})
        await first.until("log.filter(({ wait_ms }) => wait_ms > 0).length > 2")
        late = await follow(await context.new_page(), relay.url, channels="alerts", share=True)
        await late.until("items('alerts') === 'a' && client.state === 'reconnecting'")
        assert {tab["state"] for tab in await first.log("state")} == {"reconnecting"}
        relay.is_refusing = False
        for tab in (first, second, late):
            await tab.until("items('alerts') === 'a,b' && client.state === 'live'")
            assert await tab.call("return client.transport") == "ws"
            assert await tab.log("error") == []
        await until(lambda: len(running.service.connected) == 1)
    complaints.forgive(LOST)


MUTE = """
const { prototype } = BroadcastChannel;
const say = prototype.postMessage;
prototype.postMessage = function (message) { if (message.from) say.call(this, message); };
"""
"""Said in the page of a leader, no member hears of it any more."""


async def test_one_tab_and_not_each_takes_over_from_a_leader_that_says_nothing(
    context: BrowserContext,
) -> None:
    await context.clock.install()
    async with serving(TOML) as running, relaying(running.url) as relay:
        await publish(running, "alerts", {"id": "a"})
        (leader,) = await tabs(context, relay.url, "alerts")
        followers = []
        for draw in (0.0, 0.5, 0.9):
            page = await context.new_page()
            await page.add_init_script(f"Math.random = () => {draw}")
            tab = await follow(page, relay.url, channels="alerts", share=True)
            await tab.until("client.state === 'live' && items('alerts') === 'a'")
            followers.append(tab)
        await leader.call(MUTE)
        relay.asked.clear()
        now_ms = await leader.page.evaluate("Date.now()")
        await context.clock.pause_at(now_ms / 1_000 + 1)
        await context.clock.fast_forward("00:25")
        await context.clock.fast_forward("00:10")
        for tab in followers:
            await tab.until("log.some(({ state }) => state === 'reconnecting')")
        await context.clock.fast_forward("00:02")
        await publish(running, "alerts", {"id": "b"})
        for tab in (leader, *followers):
            await tab.until("items('alerts') === 'a,b' && client.state === 'live'")
        assert len([line for line in relay.asked if "/ws/" in line]) == 1


async def test_a_leader_that_says_nothing_any_more_is_replaced(context: BrowserContext) -> None:
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": "a"})
        (leader,) = await tabs(context, running.url, "alerts")
        page = await context.new_page()
        await page.clock.install()
        follower = await follow(page, running.url, channels="alerts", share=True)
        await follower.until("client.state === 'live' && items('alerts') === 'a'")
        await follower.forget()
        await leader.call(MUTE)
        await publish(running, "alerts", {"id": "b"})
        await page.clock.fast_forward("00:26")
        await page.clock.fast_forward("00:13")
        await follower.until("items('alerts') === 'a,b' && client.state === 'live'")
        assert await follower.log("snapshot") == []
        await publish(running, "alerts", {"id": "c"})
        await leader.until("items('alerts') === 'a,b,c' && client.state === 'live'")
        await until(lambda: len(running.service.connected) == 1)


LEAD = """
([base]) => {
  const group = `stream 1 ${JSON.stringify([`${base}/`, true, null, null, {}])}`;
  navigator.locks.request(group, () => new Promise(() => {}));
  const bus = new BroadcastChannel(group);
  window.heard = [];
  bus.onmessage = ({ data }) => window.heard.push(data);
  window.say = (message) => bus.postMessage({ term: 5, ...message });
  const channel = "alerts";
  window.news = (type, more, head) => window.say({
    channel, text: JSON.stringify({ type, channel, key: "id", ...more }), ...head,
  });
  window.put = (id, count) => ({ cursor: `e-${count}`, count, put: [{ id }] });
  window.all = (...ids) => ({
    cursor: `e-${ids.length}`, count: ids.length, items: ids.map((id) => ({ id })),
  });
}
"""
"""A leader by hand: what it says is not always in order."""


async def test_a_tab_takes_no_change_before_it_has_what_the_change_is_for(
    context: BrowserContext,
) -> None:
    async with serving(TOML) as running:
        leader = await context.new_page()
        await leader.goto(f"{running.url}/docs")
        await leader.evaluate(LEAD, [running.url])
        tab = await follow(await context.new_page(), running.url, channels="alerts", share=True)
        await leader.wait_for_function("() => window.heard.length > 0")
        await leader.evaluate(
            "const [{ from: to }] = window.heard;"
            "say({ state: { state: 'live', transport: 'ws' } });"
            "news('diff', { ...put('early', 1), resumed: true });"
            "news('snapshot', all('x'), { to: 'another tab', first: true });"
            "news('diff', put('early', 1));"
            "news('snapshot', all(), { to, first: true });"
            "news('diff', put('a', 1));"
            "news('diff', put('stray', 2), { term: 4 });"
            "news('diff', put('b', 2));"
        )
        await tab.until("items('alerts') === 'a,b' && client.cursor === 'e-2'")
        await leader.evaluate(
            "const [{ from: to }] = window.heard; const term = 6;"
            "say({ hello: true, term });"
            "news('diff', { ...put('d', 4), resumed: true }, { term });"
            "news('diff', put('stray', 3));"
            "news('snapshot', all('a', 'b', 'c', 'd'), { to, term, first: true });"
            "say({ state: { state: 'live', transport: 'ws' }, term });"
        )
        await tab.until("items('alerts') === 'a,b,c,d' && client.state === 'live'")
        assert await tab.log("error") == []
        assert added(await tab.log()) == ["a", "b"]
        assert not running.service.connected


async def test_a_tab_that_heard_the_old_leader_first_turns_to_the_one_that_took_over(
    context: BrowserContext,
) -> None:
    async with serving(TOML) as running:
        leader = await context.new_page()
        await leader.goto(f"{running.url}/docs")
        await leader.evaluate(LEAD, [running.url])
        tab = await follow(await context.new_page(), running.url, channels="alerts", share=True)
        await leader.wait_for_function("() => window.heard.length > 0")
        await leader.evaluate(
            "say({ state: { state: 'live', transport: 'ws' } });"
            "news('diff', put('stray', 1), { term: 6 });"
        )
        await leader.wait_for_function("() => window.heard.length > 1")
        await leader.evaluate(
            "const [{ from: to }] = window.heard; const term = 6;"
            "news('snapshot', all('x'), { to, first: true });"
            "news('snapshot', all('a'), { to, term, first: true });"
            "say({ state: { state: 'live', transport: 'ws' }, term });"
        )
        await tab.until("items('alerts') === 'a' && client.state === 'live'")
        assert len(await tab.log("snapshot")) == 1


async def test_a_listener_may_close_the_client_when_the_lead_changes(
    context: BrowserContext,
) -> None:
    async with serving(TOML) as running:
        leader = await context.new_page()
        await leader.goto(f"{running.url}/docs")
        await leader.evaluate(LEAD, [running.url])
        tab = await follow(await context.new_page(), running.url, channels="alerts", share=True)
        await leader.wait_for_function("() => window.heard.length > 0")
        await leader.evaluate("say({ state: { state: 'live', transport: 'ws' } })")
        await tab.until("client.state === 'live'")
        await tab.call("client.addEventListener('state', () => client.close())")
        await leader.evaluate("say({ hello: true, term: 6 })")
        await tab.until("client.state === 'closed'")
        heard = await leader.evaluate("() => window.heard.map(({ leave }) => leave === true)")
        assert heard == [False, True]


async def test_a_channel_that_is_gone_when_the_leader_comes_back_is_let_go_by_the_tabs(
    context: BrowserContext,
) -> None:
    async with serving(TOML) as running:
        leader = await context.new_page()
        await leader.goto(f"{running.url}/docs")
        await leader.evaluate(LEAD, [running.url])
        page = await context.new_page()
        tab = await follow(page, running.url, channels="alerts,quotes", share=True)
        await leader.wait_for_function("() => window.heard.length > 0")
        await leader.evaluate(
            "const [{ from: to }] = window.heard;"
            "say({ state: { state: 'live', transport: 'ws' } });"
            "news('snapshot', all('a'), { to, first: true });"
            "news('snapshot', { ...all('x'), channel: 'quotes' },"
            " { to, first: true, channel: 'quotes' });"
            "say({ state: { state: 'reconnecting', transport: 'ws' } });"
            "say({ to, text: JSON.stringify({ type: 'error', code: 'gone', channel: 'quotes' }) });"
            "say({ state: { state: 'live', transport: 'ws' } });"
            "news('diff', { ...put('b', 2), resumed: true });"
        )
        await tab.until("items('alerts') === 'a,b' && client.cursor === 'e-2'")
        assert await tab.call("return [...client.channels.keys()]") == ["alerts"]


async def test_where_the_browser_gives_no_locks_each_tab_has_its_own_link(
    context: BrowserContext,
) -> None:
    """As where its user lets a site store nothing."""
    await context.add_init_script(
        "if (window.LockManager) LockManager.prototype.request = LockManager.prototype.query ="
        " async () => { throw new DOMException('denied', 'SecurityError'); }"
    )
    async with serving(TOML) as running:
        await publish(running, "alerts", {"id": "a"})
        for tab in await tabs(context, running.url, "alerts", "alerts"):
            await tab.until("items('alerts') === 'a'")
        assert _connections(running) == 2


async def test_all_tabs_close_when_the_server_refuses_the_shared_link(
    context: BrowserContext, complaints: Complaints
) -> None:
    async with serving(SECURED, environ={"KEY": KEY}) as running:
        page, other = await context.new_page(), await context.new_page()
        for each in (page, other):
            tab = await follow(each, running.url, channels="alerts", share=True)
            await tab.until("client.state === 'closed'")
            assert [entry["code"] for entry in await tab.log("error")] == ["http_401"]
        assert _connections(running) == 0
    complaints.forgive(LOST)


def _connections(running: Running) -> int:
    return len(running.service.connected)
