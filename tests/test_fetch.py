"""One fetch: what is sent, what comes back, what counts as unchanged."""

from __future__ import annotations

import asyncio
import gzip
import logging

import pytest

from stream.exchange import Kept
from stream.fetch import MAX_VALIDATOR_BYTES, Fetcher, Request, Response, Validators
from tests.fetching import HUSH, OK, fault, head, secretive
from tests.upstream import Answer, RawUpstream, Upstream, unused_port
from tests.waiting import until

KEPT = Kept(b"asked", b"d")


async def test_a_body_comes_back_with_its_type_and_its_cost(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.set("/quotes", [{"code": "A"}])
    response = await fetcher.get(Request(upstream.url("/quotes")))
    assert (response.status, response.body) == (200, b'[{"code":"A"}]')
    assert response.content_type == "application/json"
    assert response.received_bytes == 14
    assert 0 < response.elapsed_s < 5
    assert response.not_modified is False


async def test_params_join_the_query_as_it_stands(upstream: Upstream, fetcher: Fetcher) -> None:
    upstream.set("/q", [])
    url = upstream.url("/q?a=%5B1%5D&flag#part")
    await fetcher.get(Request(url, params={"s": "VTI.US,EUR.FOREX"}, secret_params={"k": "a b&c"}))
    assert str(upstream.hits("/q")[0].query) == "a=%5B1%5D&flag=&s=VTI.US%2CEUR.FOREX&k=a+b%26c"


async def test_headers_are_ours_unless_the_request_brings_its_own(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.set("/q", [])
    await fetcher.get(Request(upstream.url("/q")))
    await fetcher.get(
        Request(
            upstream.url("/q"),
            headers={"User-Agent": "desk", "ACCEPT": "text/xml", "Accept-Encoding": "br"},
            secret_headers={"X-Api-Key": HUSH},
        )
    )
    plain, own = (hit.headers for hit in upstream.hits("/q"))
    assert plain["user-agent"] == "stream/0 (+https://stream.example)"
    assert (plain["accept"], plain["accept-encoding"]) == ("*/*", "gzip")
    assert (own["user-agent"], own["accept"]) == ("desk", "text/xml")
    assert own["x-api-key"] == HUSH
    assert own["accept-encoding"] == "gzip"  # all that we can undo


async def test_no_cookie_is_kept(upstream: Upstream, fetcher: Fetcher) -> None:
    upstream.set("/q", [], headers={"Set-Cookie": "id=1"})
    for _ in range(2):
        await fetcher.get(Request(upstream.url("/q")))
    assert "cookie" not in upstream.hits("/q")[1].headers


async def test_proxies_of_the_environment_are_not_used(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("all_proxy", f"http://127.0.0.1:{unused_port()}")
    upstream.set("/q", [])
    fetcher = Fetcher(user_agent="stream")
    assert (await fetcher.get(Request(upstream.url("/q")))).body == b"[]"
    await fetcher.aclose()


@pytest.mark.parametrize("status", [204, 205])
async def test_an_empty_answer_is_an_empty_body_every_time(
    upstream: Upstream, fetcher: Fetcher, status: int
) -> None:
    upstream.set("/q", b"", status=status)
    first = await fetcher.get(Request(upstream.url("/q")))
    again = await fetcher.get(Request(upstream.url("/q"), validators=first.validators))
    assert first.body == again.body == b""


async def test_a_304_to_our_validators_is_unchanged(upstream: Upstream, fetcher: Fetcher) -> None:
    upstream.set("/q", [1], etag=True)
    first = await fetcher.get(Request(upstream.url("/q")))
    again = await fetcher.get(Request(upstream.url("/q"), validators=first.validators))
    assert (again.status, again.body, again.not_modified) == (304, None, True)
    assert again.validators == first.validators
    upstream.set("/q", [2], etag=True)
    changed = await fetcher.get(Request(upstream.url("/q"), validators=again.validators))
    assert changed.body == b"[2]"


@pytest.mark.parametrize("etag", ['W/"a,b"', '"a"', "unquoted", '"caf\xe9"', '"a\\"b"'])
async def test_validators_go_back_byte_for_byte(
    raw: RawUpstream, fetcher: Fetcher, etag: str
) -> None:
    date = "Sat,  22 Nov 2025 02:12:39 gmt"
    raw.set("/q", head(f"ETag: {etag}", f"Last-Modified: {date}", "Content-Length: 0"))
    first = await fetcher.get(Request(raw.url("/q")))
    await fetcher.get(Request(raw.url("/q"), validators=first.validators))
    lines = raw.heads("/q")[1].split(b"\r\n")
    assert b"if-none-match: " + etag.encode("latin-1") in lines
    assert b"if-modified-since: " + date.encode() in lines


async def test_a_304_refreshes_what_it_carries_and_keeps_the_rest(
    raw: RawUpstream, fetcher: Fetcher
) -> None:
    raw.set("/q", head('ETag: "2"', status="304 Not Modified"))
    shown = Validators(etag='"1"', last_modified="then", body=KEPT)
    again = await fetcher.get(Request(raw.url("/q"), validators=shown))
    found = again.validators
    assert (found.etag, found.last_modified, found.body) == ('"2"', "then", KEPT)


@pytest.mark.parametrize("shown", [None, Validators(), Validators(body=KEPT)])
async def test_a_304_that_nobody_asked_for_is_an_error(
    raw: RawUpstream, fetcher: Fetcher, shown: Validators | None
) -> None:
    raw.set("/q", head(status="304 Not Modified"))
    error = await fault(fetcher, Request(raw.url("/q"), validators=shown))
    assert (error.kind, error.status) == ("unexpected_304", 304)


async def test_the_same_body_again_is_unchanged(upstream: Upstream, fetcher: Fetcher) -> None:
    upstream.set("/q", [1, 2])
    first = await fetcher.get(Request(upstream.url("/q")))
    again = await fetcher.get(Request(upstream.url("/q"), validators=first.validators))
    assert (again.status, again.body, again.not_modified) == (200, None, False)
    assert again.received_bytes == 5


async def test_the_same_body_packed_otherwise_is_unchanged(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    gzipped = {"Content-Encoding": "gzip"}
    upstream.script(
        "/q",
        Answer(gzip.compress(b"[1]", mtime=1), headers=gzipped),
        Answer(gzip.compress(b"[1]", 0, mtime=2), headers=gzipped),
    )
    first = await fetcher.get(Request(upstream.url("/q")))
    again = await fetcher.get(Request(upstream.url("/q"), validators=first.validators))
    assert (first.body, again.body) == (b"[1]", None)


async def test_an_empty_packed_body_is_an_empty_body_every_time(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.set("/q", gzip.compress(b""), headers={"Content-Encoding": "gzip"})
    first = await fetcher.get(Request(upstream.url("/q")))
    again = await fetcher.get(Request(upstream.url("/q"), validators=first.validators))
    assert first.body == again.body == b""


async def test_an_etag_that_stays_does_not_hide_a_changed_body(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    stuck = {"ETag": '"stuck"'}
    upstream.script("/q", Answer([1], headers=stuck), Answer([2], headers=stuck))
    first = await fetcher.get(Request(upstream.url("/q")))
    again = await fetcher.get(Request(upstream.url("/q"), validators=first.validators))
    assert again.body == b"[2]"


async def test_the_same_bytes_of_another_type_are_a_change(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.script(
        "/q",
        Answer(b"[1]", headers={"Content-Type": "application/json"}),
        Answer(b"[1]", headers={"Content-Type": "text/html"}),
    )
    first = await fetcher.get(Request(upstream.url("/q")))
    again = await fetcher.get(Request(upstream.url("/q"), validators=first.validators))
    assert again.body == b"[1]"


async def test_validators_are_not_shown_to_another_url(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.set("/q", [1], headers={"ETag": '"1"'})
    url = upstream.url("/q")
    first = await fetcher.get(Request(url, params={"s": "A"}))
    other = await fetcher.get(Request(url, params={"s": "B"}, validators=first.validators))
    assert "if-none-match" not in upstream.hits("/q")[1].headers
    assert other.body == b"[1]"  # B's answer may well be the bytes of A's


async def test_a_new_token_keeps_the_validators(upstream: Upstream, fetcher: Fetcher) -> None:
    upstream.set("/q", [1], etag=True)
    url = upstream.url("/q")
    first = await fetcher.get(Request(url, secret_params={"token": "old"}))
    again = await fetcher.get(
        Request(url, secret_params={"token": "new"}, validators=first.validators)
    )
    assert again.not_modified


async def test_an_enormous_validator_is_not_sent_back(upstream: Upstream, fetcher: Fetcher) -> None:
    for size, fits in ((MAX_VALIDATOR_BYTES, True), (MAX_VALIDATOR_BYTES + 1, False)):
        text = "x" * size
        upstream.set("/q", [size], headers={"ETag": text, "Last-Modified": text})
        seen = (await fetcher.get(Request(upstream.url("/q")))).validators
        assert (seen.etag, seen.last_modified) == ((text, text) if fits else (None, None))


async def test_nothing_that_is_logged_or_shown_holds_a_secret(
    upstream: Upstream, fetcher: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("stream.fetch").debug("are these seen?")
    upstream.set("/q", [1], etag=True, headers={"X-Asked": HUSH})
    upstream.set("/bad", HUSH.encode(), status=500)
    request = secretive(upstream.url("/q"))
    response: Response = await fetcher.get(request)
    await fault(fetcher, secretive(upstream.url("/bad")))
    await fault(fetcher, secretive(f"http://127.0.0.1:{unused_port()}/x"))
    # The access log of the upstream in this process does hold it, as upstreams' logs do.
    ours = [each.getMessage() for each in caplog.records if not each.name.startswith("uvicorn")]
    assert "are these seen?" in ours
    assert HUSH not in "\n".join(ours) + repr(request) + repr(response)


async def test_a_path_in_a_message_is_bounded_and_one_line(
    raw: RawUpstream, fetcher: Fetcher
) -> None:
    path = "/a%0Ab" + "c" * 500
    raw.set(path, b"")
    error = await fault(fetcher, secretive(raw.url(path)))
    assert len(error.message) < 300
    assert "\n" not in error.message


async def test_a_closed_fetcher_leaves_no_connection(raw: RawUpstream) -> None:
    gone = asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await reader.read()
        gone.set()

    raw.set("/q", wait_for_the_end)
    fetcher = Fetcher(user_agent="stream")
    await fetcher.get(Request(raw.url("/q")))
    assert not gone.is_set()
    await fetcher.aclose()
    await until(gone.is_set, what="the kept connection's end")
