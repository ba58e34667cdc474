"""The browser client where something around it fails: tokens, listeners, proxies, messages."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.live.conftest import Complaints
from tests.live.pages import Following, follow
from tests.live.relay import relaying
from tests.live.serving import publish, serving
from tests.live.stage import Stage
from tests.live.test_browser_client import KEY, LOST, SECURED, TOML, token
from tests.waiting import until

pytestmark = pytest.mark.browser

UNLUCKY = """
window.unlucky = 1;
window.WebSocket = class extends WebSocket {
  constructor(url) {
    super(window.unlucky-- > 0 ? String(url).replace("/ws/", "/nothing/") : url);
  }
}
"""
"""As many WebSockets as it says fail while plain HTTP works, as in the middle of a deploy."""


async def test_websockets_that_fail_now_and_then_are_not_given_up(
    page: Page, complaints: Complaints
) -> None:
    await page.add_init_script(UNLUCKY)
    async with serving(TOML) as running, relaying(running.url) as relay:
        await publish(running, "alerts", {"id": "a"})
        client = await follow(page, relay.url, channels="alerts")
        await client.until("items('alerts') === 'a'")
        for _ in range(2):
            await client.forget()
            await client.call("window.unlucky = 1")
            relay.cut()
            await client.until("log.some(({ resumed }) => resumed)")
        assert await client.call("return [client.transport, client.state]") == ["ws", "live"]
    complaints.forgive(LOST)


async def test_a_token_that_never_comes_is_asked_for_anew(page: Page) -> None:
    await page.clock.install()
    async with serving(SECURED, environ={"KEY": KEY}) as running:
        client = await follow(
            page, running.url, tokens=[token(lasts_s=600)], channels="alerts,quotes"
        )
        await client.until("client.state === 'live'")
        await client.call(
            "window.tokens = [new Promise(() => {}), window.tokens[0]];"
            "window.asked = 0; client.close(); client.reconnect()"
        )
        await client.until("window.asked === 1")
        await page.clock.fast_forward("00:31")
        await client.until("client.state === 'live' && client.cursor !== null")
        assert [entry["code"] for entry in await client.log("error")] == ["not_opened"]


async def test_a_token_that_comes_too_late_is_not_used(page: Page, complaints: Complaints) -> None:
    secured = serving(SECURED, environ={"KEY": KEY})
    async with secured as running, relaying(running.url) as relay:
        client = await follow(page, relay.url, tokens=[token(lasts_s=600)], channels="alerts")
        await client.until("client.state === 'live'")
        await client.call(
            "const late = new Promise((resolve) => { window.give = resolve; });"
            "window.tokens = [late, ...Array(9).fill(window.tokens[0])]; window.asked = 0;"
            "client.reconnect(); client.reconnect()"
        )
        await client.until("client.state === 'live' && window.asked === 2")
        relay.flowing.clear()
        relay.asked.clear()
        await client.call("client.reconnect()")
        await until(lambda: any("/ws/" in line for line in relay.asked))
        await client.call("window.give('nonsense')")
        relay.cut()
        relay.flowing.set()
        await client.until("client.state === 'live'")
        assert await client.log("error") == []
    complaints.forgive(LOST)


async def _is_left_alone(client: Following, page: Page) -> None:
    """Whatever the client had in mind would be done before another client is linked."""
    await client.until("client.state === 'closed'")
    await page.clock.fast_forward("01:00")
    await page.evaluate(
        "async () => { const { connect } = await import('/static/stream.js');"
        " window.other = connect(location.origin, { channels: 'alerts' }); }"
    )
    await page.wait_for_function("() => window.other.state === 'live'")
    assert await client.call("return client.state") == "closed"


CLOSINGS = [
    ("state", "detail.wait_ms === 0", "ws"),
    ("state", "detail.state === 'reconnecting' && detail.wait_ms === null", "ws"),
    ("error", "detail.code === 'http_404'", "sse"),
    ("error", "detail.code === 'not_opened'", "ws"),
    ("error", "detail.code === 'diverged'", "ws"),
]


@pytest.mark.parametrize(("event", "condition", "transport"), CLOSINGS)
async def test_a_listener_may_close_the_client_at_any_event(
    page: Page, complaints: Complaints, event: str, condition: str, transport: str
) -> None:
    await page.clock.install()
    good = token(lasts_s=600)
    async with serving(TOML) as running, relaying(running.url) as relay:
        await publish(running, "alerts", {"id": "a"})
        client = await follow(
            page, relay.url, tokens=[good] * 9, channels="alerts,quotes", transport=transport
        )
        await client.until("client.cursor !== null")
        await client.call(
            f"client.addEventListener('{event}', ({{ detail }}) => {{"
            f" if ({condition}) client.close(); }})"
        )
        if "http_404" in condition:
            await client.call("client.add('nowhere')")
        elif "diverged" in condition:
            await client.call("client.channels.get('alerts').items.clear()")
            await publish(running, "alerts", {"id": "b"})
        else:
            if "not_opened" in condition:
                await client.call("window.tokens = null")
            relay.is_refusing = "=== null" in condition
            relay.cut()
        await client.until("client.state === 'closed'")
        relay.is_refusing = False
        await _is_left_alone(client, page)
        await until(lambda: len(running.service.connected) == 1)
    complaints.forgive(LOST)


async def test_a_message_that_cannot_be_read_may_have_held_anything_so_all_is_asked_for(
    page: Page, complaints: Complaints, stage: Stage
) -> None:
    stage.snapshot("alerts", [{"id": "a"}])
    complaints.forgive(LOST)
    client = await follow(page, stage.url, channels="alerts")
    await client.until("items('alerts') === 'a'")
    stage.snapshot("alerts", [{"id": "b"}])
    for socket in list(stage.sockets):
        await socket.send_text('{"type":"diff","chan')
    await client.until("items('alerts') === 'b'")
    assert [entry["code"] for entry in await client.log("error")] == ["bad_message"]
    assert stage.asked == ["/ws/alerts", "/ws/alerts"]


async def test_an_iteration_that_waits_can_be_ended(page: Page) -> None:
    async with serving(TOML) as running:
        client = await follow(page, running.url, channels="alerts")
        await client.until("client.cursor !== null")
        ended = await client.call(
            "return (async () => { const notices = client[Symbol.asyncIterator]();"
            " const { value } = await notices.next();"
            " const last = notices.next();"
            " return [value.channel, (await notices.return()).done, (await last).done]; })()"
        )
        assert ended == ["alerts", True, True]
