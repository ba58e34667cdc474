"""Manners towards a host: how many at once, how close, and when not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stream.errors import SourceError
from stream.hosts import MAX_HOSTS, REST_S, Hosts, is_own


class Clock:
    """A clock that only sleepers move."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        due_s = self.now_s + seconds
        await asyncio.sleep(0)
        self.now_s = max(self.now_s, due_s)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def manners(clock: Clock, *, at_once: int = 2, spacing_s: float = 0.0) -> Hosts:
    return Hosts(at_once, spacing_s, now=clock, sleep=clock.sleep)


async def run(hosts: Hosts, names: list[str], work: Callable[[int], Awaitable[None]]) -> None:
    async def one(n: int, name: str) -> None:
        async with hosts.turn(name):
            await work(n)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for n, name in enumerate(names):
            group.create_task(one(n, name))


async def most_at_once(hosts: Hosts, names: list[str]) -> int:
    running = most = 0

    async def work(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(3):
            await asyncio.sleep(0)
        running -= 1

    await run(hosts, names, work)
    return most


async def test_two_at_once_ask_one_host_however_its_name_is_written(clock: Clock) -> None:
    names = ["news.example", "NEWS.example", "news.example."] * 10
    assert await most_at_once(manners(clock), names) == 2


async def test_hosts_do_not_wait_for_each_other(clock: Clock) -> None:
    assert await most_at_once(manners(clock), [f"{n}.example" for n in range(50)]) == 50


@pytest.mark.parametrize("own", ["127.0.0.1", "localhost", "10.1.2.3", "::1", "a.localhost"])
async def test_ones_own_hosts_have_no_limits(clock: Clock, own: str) -> None:
    hosts = manners(clock, spacing_s=1.0)
    hosts.rest(own, 60)
    assert await most_at_once(hosts, [own] * 100) == 100
    assert clock() == 1000.0


async def test_turns_are_given_in_the_order_they_were_asked_for(clock: Clock) -> None:
    order: list[int] = []

    async def work(n: int) -> None:
        order.append(n)
        await asyncio.sleep(0)

    await run(manners(clock, spacing_s=0.1), ["news.example"] * 20, work)
    assert order == list(range(20))


async def test_starts_are_kept_apart(clock: Clock) -> None:
    starts: list[float] = []

    async def work(_: int) -> None:
        starts.append(clock())

    await run(manners(clock, spacing_s=0.5), ["news.example"] * 5, work)
    assert starts == pytest.approx([1000.0, 1000.5, 1001.0, 1001.5, 1002.0])


async def test_a_host_that_asked_for_it_is_left_alone_and_no_longer(clock: Clock) -> None:
    hosts = manners(clock)
    hosts.rest("news.example", 30)
    hosts.rest("news.example", 5)  # a shorter wish does not undo the longer one
    clock.now_s += 12.5
    with pytest.raises(SourceError) as caught:
        async with hosts.turn("News.example"):
            raise AssertionError("asked all the same")
    error = caught.value
    assert (error.kind, error.status, error.retry_after_s) == ("retry_after", 429, 17.5)
    assert error.message == "News.example asked to be left alone, for 18 s more"
    async with hosts.turn("other.example"):
        pass
    clock.now_s += 17.5
    async with hosts.turn("news.example"):
        pass


async def test_a_host_that_named_no_time_rests_for_a_while(clock: Clock) -> None:
    hosts = manners(clock)
    hosts.rest("news.example", None)
    clock.now_s += REST_S - 0.1
    with pytest.raises(SourceError):
        async with hosts.turn("news.example"):
            pass


async def test_who_waits_for_a_turn_is_told_when_the_host_wants_rest(clock: Clock) -> None:
    hosts = manners(clock, at_once=1)
    told = 0

    async def one() -> None:
        nonlocal told
        try:
            async with hosts.turn("news.example"):
                await asyncio.sleep(0)
                hosts.rest("news.example", 60)
        except SourceError:
            told += 1

    await asyncio.gather(*(one() for _ in range(5)))
    assert told == 4


async def test_a_cancelled_turn_is_given_back(clock: Clock) -> None:
    hosts = manners(clock, at_once=1)

    async def hold() -> None:
        async with hosts.turn("news.example"):
            await asyncio.Event().wait()

    for _ in range(3):
        task = asyncio.create_task(hold())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await most_at_once(hosts, ["news.example"] * 3) == 1


async def test_hosts_are_forgotten_those_unused_for_longest_first(clock: Clock) -> None:
    hosts = manners(clock)
    async with hosts.turn("busy.example"):
        for n in range(MAX_HOSTS + 10):
            hosts.rest(f"{n}.example", 60)
        assert len(hosts._hosts) == MAX_HOSTS
        assert "busy.example" in hosts._hosts


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost.", True),
        ("fd00::1", True),
        ("192.168.1.1", True),
        ("8.8.8.8", False),
        ("2600::1", False),
        ("localhost.example", False),
        ("nas", False),
    ],
)
def test_a_host_is_ones_own_if_it_is_written_so(host: str, own: bool) -> None:
    assert is_own(host) is own
