"""The endpoints over a real socket, with a clock that the test turns."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import re
import signal
import socket
from collections.abc import AsyncIterator
from email.utils import formatdate, parsedate_to_datetime

import feedparser
import httpx
import pytest

from stream.demo.settings import demo_config
from stream.demo.upstream import DemoUpstream, serve_upstream
from stream.demo.walk import CODES

START = 1_790_000_000.0
KEY = {"X-Api-Key": "anything"}


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 5_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def http(clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    upstream = DemoUpstream(seed=1, clock=clock, start=START)
    async with (
        serve_upstream(upstream=upstream) as base,
        httpx.AsyncClient(base_url=base, timeout=10, trust_env=False) as client,
    ):
        yield client


async def test_one_symbol_is_an_object_and_several_are_an_array(http: httpx.AsyncClient) -> None:
    one = await http.get("/real-time/NRTH.US", params={"fmt": "json"})
    assert one.json()["code"] == "NRTH.US"
    several = await http.get("/real-time/NRTH.US?s=ALDB,EURUSD.FOREX&fmt=json")
    assert [quote["code"] for quote in several.json()] == ["NRTH.US", "ALDB.US", "EURUSD.FOREX"]
    assert several.json()[0] == one.json()


async def test_a_symbol_nobody_knows_is_answered_without_figures(http: httpx.AsyncClient) -> None:
    quote = (await http.get("/real-time/NOPE?fmt=json")).json()
    assert quote["code"] == "NOPE.US"
    assert quote["close"] == quote["timestamp"] == "NA"


async def test_quotes_are_csv_unless_json_is_asked_for(http: httpx.AsyncClient) -> None:
    answer = await http.get("/real-time/NRTH.US?s=BTC-USD.CC")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    quotes = (await http.get("/real-time/NRTH.US?s=BTC-USD.CC&fmt=json")).json()
    assert rows == [{field: str(value) for field, value in quote.items()} for quote in quotes]


async def test_a_request_is_answered_for_at_most_a_hundred_symbols(http: httpx.AsyncClient) -> None:
    codes = ",".join(f"X{number}" for number in range(500))
    quotes = (await http.get("/real-time/NRTH.US", params={"fmt": "json", "s": codes})).json()
    assert len(quotes) == 100


async def test_prices_stand_still_within_a_second_and_move_with_it(
    http: httpx.AsyncClient, clock: Clock
) -> None:
    path = f"/real-time/{CODES[0]}?fmt=json&s={','.join(CODES[1:])}"
    first = (await http.get(path)).json()
    clock.seconds += 0.9
    assert (await http.get(path)).json() == first
    clock.seconds += 0.2
    second = (await http.get(path)).json()
    changed = sum(old != new for old, new in zip(first, second, strict=True))
    assert 1 <= changed <= 0.4 * len(CODES) + 1


async def test_the_coins_are_an_object_map_of_the_same_prices(http: httpx.AsyncClient) -> None:
    params = {"ids": "bitcoin,cardano,nocoin", "vs_currencies": "usd"}
    coins = (await http.get("/simple/price", params=params)).json()
    assert list(coins) == ["bitcoin", "cardano"]
    quote = (await http.get("/real-time/BTC-USD.CC?fmt=json")).json()
    assert coins["bitcoin"] == {
        "usd": quote["close"],
        "usd_24h_change": quote["change_p"],
        "last_updated_at": quote["timestamp"],
    }


async def test_coins_without_the_needed_parameters_are_refused(http: httpx.AsyncClient) -> None:
    assert (await http.get("/simple/price?ids=bitcoin")).status_code == 422


@pytest.mark.parametrize("path", ["/v2/top-headlines", "/v2/everything"])
async def test_headlines_need_a_key_in_the_header_or_in_the_query(
    http: httpx.AsyncClient, path: str
) -> None:
    refused = await http.get(path)
    assert refused.status_code == 401
    assert refused.json().keys() == {"status", "code", "message"}
    assert refused.json()["code"] == "apiKeyMissing"
    by_header = await http.get(path, headers=KEY)
    by_query = await http.get(path, params={"apiKey": "x"})
    assert by_header.status_code == by_query.status_code == 200
    assert by_header.json() == by_query.json()


async def test_headlines_come_in_the_newsapi_envelope_and_in_pages(http: httpx.AsyncClient) -> None:
    first = (await http.get("/v2/top-headlines", headers=KEY)).json()
    assert first["status"] == "ok"
    assert first["totalResults"] == 25 and len(first["articles"]) == 20
    second = (await http.get("/v2/top-headlines?page=2", headers=KEY)).json()
    everything = (await http.get("/v2/everything", headers=KEY)).json()
    assert first["articles"] + second["articles"] == everything["articles"]


async def test_headlines_can_be_searched_and_narrowed(http: httpx.AsyncClient) -> None:
    every = (await http.get("/v2/everything", headers=KEY)).json()["articles"]
    word = every[0]["title"].split()[0]
    found = (await http.get("/v2/everything", params={"q": word}, headers=KEY)).json()
    assert 0 < found["totalResults"] < len(every)
    for row in found["articles"]:
        assert word.lower() in f"{row['title']} {row['description']}".lower()
    sport = (await http.get("/v2/everything?category=sport", headers=KEY)).json()["articles"]
    assert 0 < len(sport) < len(every)
    assert all("/sport/" in row["url"] for row in sport)


@pytest.mark.parametrize("query", ["pageSize=0", "pageSize=101", "pageSize=ten", "page=-1"])
async def test_a_bad_page_is_an_error_in_the_newsapi_shape(
    http: httpx.AsyncClient, query: str
) -> None:
    answer = await http.get(f"/v2/everything?{query}", headers=KEY)
    assert answer.status_code == 400
    assert answer.json()["code"] == "parameterInvalid"


async def test_the_top_stories_are_ids_and_new_ones_come(
    http: httpx.AsyncClient, clock: Clock
) -> None:
    before = (await http.get("/topstories.json")).json()
    assert len(set(before)) == len(before) == 25
    assert all(isinstance(story, int) for story in before)
    clock.seconds += 30
    after = (await http.get("/topstories.json")).json()
    assert 3 <= len(set(after) - set(before)) <= 8


async def test_a_user_is_the_same_alone_and_in_the_list(
    http: httpx.AsyncClient, clock: Clock
) -> None:
    clock.seconds += 30
    users = (await http.get("/users")).json()
    assert len(users) == 10
    for user in users:
        assert (await http.get(f"/users/{user['id']}")).json() == user


@pytest.mark.parametrize("number", ["0", "11", "abc", "-1", "9" * 30, "٣"])
async def test_a_user_who_is_not_there_is_an_empty_object(
    http: httpx.AsyncClient, number: str
) -> None:
    answer = await http.get(f"/users/{number}")
    assert answer.status_code == 404
    assert answer.json() == {}


async def test_the_feed_is_read_again_only_when_it_changed(
    http: httpx.AsyncClient, clock: Clock
) -> None:
    first = await http.get("/rss.xml")
    assert first.headers["content-type"].startswith("application/rss+xml")
    assert first.headers["cache-control"] == "max-age=1"
    known = {"If-None-Match": first.headers["etag"]}
    unchanged = await http.get("/rss.xml", headers=known)
    assert unchanged.status_code == 304 and unchanged.content == b""
    assert unchanged.headers["etag"] == first.headers["etag"]
    clock.seconds += 20
    changed = await http.get("/rss.xml", headers=known)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]
    assert len(feedparser.parse(changed.text).entries) > len(feedparser.parse(first.text).entries)


async def test_the_date_alone_tells_every_change_of_the_feed(
    http: httpx.AsyncClient, clock: Clock
) -> None:
    last = await http.get("/rss.xml")
    answers = {200: 0, 304: 0}
    for _ in range(60):
        clock.seconds += 1
        since = {"If-Modified-Since": last.headers["last-modified"]}
        by_date = await http.get("/rss.xml", headers=since)
        by_tag = await http.get("/rss.xml", headers={"If-None-Match": last.headers["etag"]})
        assert by_date.status_code == by_tag.status_code
        answers[by_date.status_code] += 1
        last = by_date if by_date.status_code == 200 else last
    assert answers[200] > 5 and answers[304] > 5


async def test_an_entity_tag_wins_over_a_date(http: httpx.AsyncClient) -> None:
    future = formatdate(START + 3600, usegmt=True)
    headers = {"If-None-Match": '"another"', "If-Modified-Since": future}
    assert (await http.get("/rss.xml", headers=headers)).status_code == 200


@pytest.mark.parametrize("shape", ['"no", {}', "W/{}", "*"])
async def test_entity_tags_are_understood_in_every_spelling(
    http: httpx.AsyncClient, shape: str
) -> None:
    etag = (await http.get("/rss.xml")).headers["etag"]
    headers = {"If-None-Match": shape.format(etag)}
    assert (await http.get("/rss.xml", headers=headers)).status_code == 304


async def test_a_date_that_is_none_is_ignored(http: httpx.AsyncClient) -> None:
    headers = {"If-Modified-Since": "yesterday"}
    answer = await http.get("/rss.xml", headers=headers)
    assert answer.status_code == 200
    assert parsedate_to_datetime(answer.headers["last-modified"]).timestamp() == START


async def test_the_flaky_endpoint_fails_while_the_status_page_says_so(
    http: httpx.AsyncClient, clock: Clock
) -> None:
    well = (await http.get("/status.json")).json()
    assert well["status"]["indicator"] == "none"
    assert {part["status"] for part in well["components"]} == {"operational"}
    assert (await http.get("/flaky")).status_code == 200
    clock.seconds += 100
    ill = (await http.get("/status.json")).json()
    assert ill["status"]["indicator"] == "minor"
    assert [part["status"] for part in ill["components"]].count("degraded_performance") == 1
    assert ill["page"]["updated_at"] > well["page"]["updated_at"]
    failed = await http.get("/flaky")
    assert failed.status_code == 503 and int(failed.headers["retry-after"]) > 0
    clock.seconds += 20
    assert (await http.get("/status.json")).json()["status"] == well["status"]
    assert (await http.get("/flaky")).status_code == 200


async def test_after_a_night_without_readers_the_answer_still_comes_at_once(
    http: httpx.AsyncClient, clock: Clock
) -> None:
    clock.seconds += 12 * 3600
    async with asyncio.timeout(5):
        quote = (await http.get("/real-time/DVNA.US?fmt=json")).json()
    assert START + 12 * 3600 - 60 <= quote["timestamp"] <= START + 12 * 3600


async def test_two_upstreams_of_one_seed_show_the_same_world(
    http: httpx.AsyncClient, clock: Clock
) -> None:
    twin = DemoUpstream(seed=1, clock=clock, start=START)
    clock.seconds += 45
    async with serve_upstream(upstream=twin) as base:
        for path in ("/users", "/topstories.json", "/rss.xml", "/real-time/NRTH.US?fmt=json"):
            async with httpx.AsyncClient(base_url=base, trust_env=False) as other:
                assert (await other.get(path)).content == (await http.get(path)).content


async def test_every_plain_address_of_the_demo_settings_is_answered(
    http: httpx.AsyncClient,
) -> None:
    urls = re.findall(r'^url = "([^"{]+)"$', demo_config(str(http.base_url)), re.MULTILINE)
    assert len(urls) >= 6
    for url in urls:
        params = {"fmt": "json", "ids": "bitcoin", "vs_currencies": "usd"}
        assert (await http.get(url, params=params, headers=KEY)).status_code == 200


async def test_without_arguments_the_world_is_of_today_and_moves_by_itself() -> None:
    async with (
        asyncio.timeout(20),
        serve_upstream() as base,
        httpx.AsyncClient(base_url=base, trust_env=False) as client,
    ):
        path = f"/real-time/{CODES[0]}?fmt=json&s={','.join(CODES[1:])}"
        first = await client.get(path)
        served = parsedate_to_datetime(first.headers["date"]).timestamp()
        newest = max(quote["timestamp"] for quote in first.json())
        assert abs(served - newest) < 120
        while (await client.get(path)).content == first.content:
            pass


async def test_it_leaves_the_signals_alone_and_the_port_is_free_afterwards() -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with serve_upstream() as base:
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    port = httpx.URL(base).port
    assert port is not None
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    async with serve_upstream(port=port) as again:
        assert again == base


async def test_it_stops_in_bounded_time_with_clients_still_connected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(trust_env=False) as client:
        async with serve_upstream() as base:
            await client.get(f"{base}/users")
            host, port = httpx.URL(base).host, httpx.URL(base).port
            _, half_open = await asyncio.open_connection(host, port)
            half_open.write(b"GET /users HT")
            await half_open.drain()
            leaving = loop.time()
        assert loop.time() - leaving < 5
        half_open.close()
        # The server has closed its end by then, which some systems report as a reset.
        await asyncio.gather(half_open.wait_closed(), return_exceptions=True)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_port_that_is_taken_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(OSError, match="in use"):
            async with serve_upstream(port=taken.getsockname()[1]):
                pytest.fail("the port was taken")


async def test_an_error_inside_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="inside"):
        async with serve_upstream():
            raise KeyError("inside")
