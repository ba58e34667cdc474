"""What a fetch makes of refusals, hints and redirects."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path

import pytest

from stream.addresses import network
from stream.fetch import Fetcher, Request, Validators
from stream.hosts import Hosts
from tests.fetching import HUSH, OK, fault, head, loopback, secretive, self_signed
from tests.upstream import RawUpstream, Upstream


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "401 Unauthorized"),
        (404, "404 Not Found"),
        (503, "503 Service Unavailable"),
        (599, "599"),
        (300, "300 Multiple Choices"),
        (206, "206 Partial Content"),
    ],
)
async def test_a_refusal_is_named_by_its_status(
    upstream: Upstream, fetcher: Fetcher, status: int, message: str
) -> None:
    upstream.set("/q", b"[1]", status=status)
    error = await fault(fetcher, secretive(upstream.url("/q")))
    assert (error.kind, error.message, error.status) == (f"http_{status}", message, status)
    assert error.retry_after_s is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("Sat, 22 Nov 2025 02:12:39 GMT", 90),
        ("Sat, 22 Nov 2025 02:11:00 GMT", 0),
        ("1000000000", 86_400),
        ("-5", None),
        ("soon", None),
    ],
)
async def test_retry_after_is_told_and_dates_are_measured_by_the_upstreams_own_clock(
    raw: RawUpstream, fetcher: Fetcher, header: str, seconds: float | None
) -> None:
    date = "Date: Sat, 22 Nov 2025 02:11:09 GMT"
    raw.set("/q", head(date, f"Retry-After: {header}", status="429 Slow down, " + HUSH))
    error = await fault(fetcher, Request(raw.url("/q")))
    assert (error.kind, error.message) == ("http_429", "429 Too Many Requests")
    assert error.retry_after_s == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        (["Cache-Control: max-age=60", "Age: 20"], 40),
        (["Cache-Control: max-age=60", "Expires: Sat, 22 Nov 2025 03:00:00 GMT"], 60),
        (["Expires: Sat, 22 Nov 2025 02:11:39 GMT"], 30),
        (["Expires: -1"], 0),
        (["Cache-Control: no-cache", "Expires: Sat, 22 Nov 2025 03:00:00 GMT"], 0),
        (["X-Poll-Interval: 60"], 60),
        (["X-Poll-Interval: 60", "Cache-Control: max-age=90"], 90),
        (["X-Poll-Interval: often"], None),
    ],
)
@pytest.mark.parametrize("status", ["200 OK", "304 Not Modified"])
async def test_hints_are_read_from_good_and_from_unchanged_answers(
    raw: RawUpstream, fetcher: Fetcher, headers: list[str], seconds: float | None, status: str
) -> None:
    date = "Date: Sat, 22 Nov 2025 02:11:09 GMT"
    raw.set("/q", head(date, "Content-Length: 0", *headers, status=status))
    response = await fetcher.get(Request(raw.url("/q"), validators=Validators(etag='"1"')))
    assert response.hints.min_delay_s == seconds


async def test_without_a_date_of_the_upstream_our_own_clock_counts(raw: RawUpstream) -> None:
    raw.set("/q", head("Expires: " + formatdate(1000.0 + 30, usegmt=True), "Content-Length: 0"))
    fetcher = Fetcher(user_agent="stream", now=lambda: 1000.0)
    assert (await fetcher.get(Request(raw.url("/q")))).hints.min_delay_s == 30
    await fetcher.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/x",
        "/x",
        "",
        "http://",
        "http://[::1/x",
        "http://127.0.0.1:99999/",
        "http://user:hunter2-hunter2@127.0.0.1/",
        "http://exa mple/",
        "http://a/\ud800",
        "http://a/\n",
    ],
)
async def test_a_url_that_cannot_be_asked_is_refused(fetcher: Fetcher, url: str) -> None:
    assert (await fault(fetcher, Request(url))).kind in ("bad_request", "dns")


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-Key", HUSH + "\r\nEvil: 1"), ("X-Key", HUSH + "\ud800"), ("X Key", HUSH), ("", "x")],
)
async def test_a_header_that_cannot_be_sent_is_refused_without_its_value(
    fetcher: Fetcher, name: str, value: str
) -> None:
    error = await fault(fetcher, Request("http://127.0.0.1/", secret_headers={name: value}))
    assert error.kind == "bad_request"
    assert repr(name) in error.message


async def test_a_param_that_cannot_be_sent_is_refused(fetcher: Fetcher) -> None:
    request = Request("http://127.0.0.1/", secret_params={"token": HUSH + "\ud800"})
    assert (await fault(fetcher, request)).kind == "bad_request"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_on_the_same_origin_keeps_the_secret_headers(
    upstream: Upstream, fetcher: Fetcher, status: int
) -> None:
    upstream.set("/old", b"", status=status, headers={"Location": "new?x=1"})
    upstream.set("/new", [1])
    response = await fetcher.get(secretive(upstream.url("/old")))
    assert (response.status, response.body) == (200, b"[1]")
    hit = upstream.hits("/new")[0]
    assert (hit.headers["x-api-key"], hit.headers["authorization"]) == (HUSH, f"Bearer {HUSH}")
    assert str(hit.query) == "x=1"


async def test_no_secret_reaches_another_origin(upstream: Upstream) -> None:
    fetcher = Fetcher(user_agent="stream", allow=[network("127.0.0.0/8")])
    async with Upstream() as other:
        echoed = f"/back?api_token={HUSH}&fmt=json"
        upstream.set("/q", b"", status=302, headers={"Location": other.url(echoed)})
        other.set("/back", b"", status=302, headers={"Location": upstream.url("/end")})
        upstream.set("/end", [1])
        request = secretive(upstream.url("/q"))
        request = Request(
            request.url,
            headers={"Cookie": HUSH, "Host": "inner.example", "X-Plain": "1"},
            secret_headers=request.secret_headers,
            secret_params=request.secret_params,
            validators=Validators(etag=f'"{HUSH}"'),
        )
        assert (await fetcher.get(request)).body == b"[1]"
        away, back = other.hits("/back")[0], upstream.hits("/end")[0]
    assert HUSH not in str(away.headers.raw) + str(away.query)
    assert away.headers["host"] == f"127.0.0.1:{other.port}"
    assert (away.headers["x-plain"], str(away.query)) == ("1", "fmt=json")
    assert HUSH not in str(back.headers.raw)  # once dropped, never picked up again
    await fetcher.aclose()


async def test_validators_go_back_to_the_end_of_the_redirects_alone(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    upstream.set("/old", b"", status=301, headers={"Location": "/new", "ETag": '"old"'})
    upstream.set("/new", [1], etag=True)
    first = await fetcher.get(Request(upstream.url("/old")))
    again = await fetcher.get(Request(upstream.url("/old"), validators=first.validators))
    assert again.not_modified
    assert "if-none-match" not in upstream.hits("/old")[1].headers
    upstream.set("/old", b"", status=301, headers={"Location": "/newer"})
    upstream.set("/newer", [2], etag=True)
    moved = await fetcher.get(Request(upstream.url("/old"), validators=again.validators))
    assert moved.body == b"[2]"
    assert "if-none-match" not in upstream.hits("/newer")[0].headers


async def test_three_redirects_are_followed_and_four_are_not(
    upstream: Upstream, fetcher: Fetcher
) -> None:
    for n in range(4):
        upstream.set(f"/{n}", b"", status=302, headers={"Location": f"/{n + 1}"})
    upstream.set("/4", [1])
    assert (await fetcher.get(Request(upstream.url("/1")))).body == b"[1]"
    error = await fault(fetcher, secretive(upstream.url("/0")))
    assert (error.kind, len(upstream.hits("/4"))) == ("redirect", 1)


async def test_a_redirect_to_itself_ends(upstream: Upstream, fetcher: Fetcher) -> None:
    upstream.set("/loop", b"", status=302, headers={"Location": "/loop"})
    assert (await fault(fetcher, Request(upstream.url("/loop")))).kind == "redirect"
    assert len(upstream.hits("/loop")) == 4


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "javascript:alert(1)",
        "http://user:hunter2-hunter2@127.0.0.1/",
        "http://[::1/",
        "http://127.0.0.1:99999/",
        "http://",
        "",
        None,
    ],
)
async def test_a_redirect_to_nowhere_good_is_an_error(
    upstream: Upstream, fetcher: Fetcher, location: str | None
) -> None:
    headers = {} if location is None else {"Location": location}
    upstream.set("/q", b"", status=302, headers=headers)
    assert (await fault(fetcher, secretive(upstream.url("/q")))).kind == "redirect"


async def test_a_redirect_from_https_to_http_is_refused(upstream: Upstream, tmp_path: Path) -> None:
    server_tls, client_tls = self_signed(tmp_path)
    fetcher = Fetcher(user_agent="stream", tls=client_tls)
    async with RawUpstream(tls=server_tls) as raw:
        location = f"Location: {upstream.url('/q')}?api_token={HUSH}"
        raw.set("/q", head(location, "Content-Length: 0", status="301 Moved Permanently"))
        error = await fault(fetcher, secretive(raw.url("/q")))
    assert error.kind == "redirect"
    assert upstream.hits("/q") == []
    await fetcher.aclose()


async def test_a_location_in_utf8_is_understood(raw: RawUpstream, fetcher: Fetcher) -> None:
    moved = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /caf\xc3\xa9\r\n\r\n"
    raw.set("/q", moved)
    raw.set("/caf%C3%A9", OK)
    assert (await fetcher.get(Request(raw.url("/q")))).body == b"[]"


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_host_that_asked_one_source_for_patience_is_asked_by_none(
    raw: RawUpstream, status: str
) -> None:
    clock = [1000.0]
    fetcher = Fetcher(user_agent="stream", resolve=loopback, hosts=Hosts(now=lambda: clock[0]))
    raw.set("/busy", head("Retry-After: 30", "Content-Length: 0", status=status))
    raw.set("/other", OK)
    host = f"http://api.example:{raw.port}"
    await fault(fetcher, secretive(f"{host}/busy"))
    error = await fault(fetcher, secretive(f"{host}/other"))
    assert (error.kind, error.status, error.retry_after_s) == ("retry_after", 429, 30)
    assert not error.was_sent
    assert raw.heads("/other") == []
    assert (await fetcher.get(Request(f"http://www.example:{raw.port}/other"))).body == b"[]"
    clock[0] += 30
    assert (await fetcher.get(Request(f"{host}/other"))).body == b"[]"
    await fetcher.aclose()


async def test_a_503_without_a_time_says_nothing_of_the_host(raw: RawUpstream) -> None:
    fetcher = Fetcher(user_agent="stream", resolve=loopback)
    raw.set("/busy", head("Content-Length: 0", status="503 Service Unavailable"))
    raw.set("/other", OK)
    host = f"http://api.example:{raw.port}"
    await fault(fetcher, Request(f"{host}/busy"))
    assert (await fetcher.get(Request(f"{host}/other"))).body == b"[]"
    await fetcher.aclose()


async def test_a_host_that_a_redirect_leads_to_is_left_alone_too(raw: RawUpstream) -> None:
    allow = [network("127.0.0.1")]
    fetcher = Fetcher(user_agent="stream", resolve=loopback, allow=allow)
    raw.set("/moved", head(f"Location: http://to.example:{raw.port}/", status="302 Found"))
    raw.set("/", head("Content-Length: 0", status="429 Too Many Requests"))
    for kind in ("http_429", "retry_after"):
        error = await fault(fetcher, Request(f"http://from.example:{raw.port}/moved"))
        assert (error.kind, error.was_sent) == (kind, True)  # the host before it was asked
    assert len(raw.heads("/")) == 1
    await fetcher.aclose()
