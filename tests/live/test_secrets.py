"""A key for an upstream is never shown, not even where the upstream repeats it."""

from __future__ import annotations

from tests.live.serving import serving
from tests.upstream import Upstream
from tests.waiting import until

KEY = "sesame-4711-open"


async def test_a_key_that_the_upstream_repeats_in_its_error_is_not_shown() -> None:
    async with Upstream() as upstream:
        upstream.set("/quotes", {"Information": f"the key {KEY} may ask 25 times a day"})
        toml = f"""
[sources.quotes]
kind = "http"
url = "{upstream.url("/quotes")}"
every = "100ms"
error_when = "Information"
auth = {{ query = "apikey", env = "QUOTES_KEY" }}
"""
        async with serving(toml, environ={"QUOTES_KEY": KEY}) as running, running.http() as client:
            channel = running.service.hub.get("quotes")
            await until(lambda: channel.status.error is not None, what="the failed read")
            texts = [(await client.get(path)).text for path in ("/status", "/channels/quotes")]
    assert upstream.hits("/quotes")[0].query["apikey"] == KEY
    assert all("the key *** may ask" in text and KEY not in text for text in texts)
