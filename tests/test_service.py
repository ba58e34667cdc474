"""Who is let in, and who goes when the service stops; real sockets are in tests/live."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.app import build
from stream.errors import ClientError
from stream.service import Service
from stream.settings import LimitSettings, Settings
from stream.subscriber import Subscriber
from tests.waiting import until

MOVES = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=60)


@pytest.fixture(scope="module")
def parts() -> Service:
    """A service whose sources are never read, for its parts."""

    async def made() -> Service:
        service, fetcher = build(Settings(), None)
        await fetcher.aclose()
        return service

    return asyncio.run(made())


def anew(parts: Service, **limits: int) -> Service:
    settings = Settings(limits=LimitSettings(**limits))
    return Service(settings, parts.hub, parts.catalog, parts.access)


@given(MOVES)
def test_the_caps_hold_and_nothing_is_kept_of_an_address_that_has_gone(
    parts: Service, moves: list[tuple[bool, int]]
) -> None:
    running = anew(parts, connections=5, connections_per_address=2)
    limits = running.settings.limits
    inside: list[tuple[Subscriber, str]] = []
    for is_coming, number in moves:
        if is_coming:
            address = "".join(["192.0.2.", str(number)])  # each time a text of its own
            held = Counter(address for _, address in inside)
            fits = len(inside) < limits.connections
            fits = fits and held[address] < limits.connections_per_address
            if fits:
                inside.append((running.admit(address), address))
            else:
                with pytest.raises(ClientError, match="too many connections"):
                    running.admit(address)
        elif inside:
            subscriber, _ = inside.pop(number % len(inside))
            running.release(subscriber)
            running.release(subscriber)  # however often it is said
        held = Counter(address for _, address in inside)
        assert len(running.connected) == len(inside)
        assert {a: peer.connections for a, peer in running.peers.items()} == dict(held)
        assert {id(p) for p in running.connected.values()} == {
            id(p) for p in running.peers.values()
        }


def test_ten_thousand_addresses_that_came_and_went_leave_nothing_behind(parts: Service) -> None:
    running = anew(parts)
    for number in range(10_000):
        running.release(running.admit(f"10.0.{number >> 8}.{number & 255}"))
    assert not running.peers and not running.connected


async def test_a_drain_tells_everybody_once_each_in_a_turn_of_its_own(parts: Service) -> None:
    running = anew(parts)
    readers = [running.admit("192.0.2.1") for _ in range(20)]
    saying = asyncio.create_task(running.say_goodbye(10.0))
    await until(lambda: any(r.is_ending for r in readers), what="the first goodbye")
    assert running.draining
    with pytest.raises(ClientError, match="restarting"):
        running.admit("192.0.2.2")
    assert not all(r.is_ending for r in readers)
    await saying
    assert all(r.is_ending for r in readers)
    assert len({r.retry_ms for r in readers}) > 10
    assert not running.emptied.is_set()
    for reader in readers:
        running.release(reader)
    assert running.emptied.is_set()


async def test_one_that_left_before_its_turn_is_not_told(parts: Service) -> None:
    running = anew(parts)
    readers = [running.admit("192.0.2.1") for _ in range(20)]
    saying = asyncio.create_task(running.say_goodbye(10.0))
    await until(lambda: any(r.is_ending for r in readers), what="the first goodbye")
    (left, *_) = [reader for reader in readers if not reader.is_ending]
    running.release(left)
    await saying
    assert not left.is_ending
    assert sum(reader.is_ending for reader in readers) == 19


async def test_a_drain_of_nobody_is_over_at_once(parts: Service) -> None:
    running = anew(parts)
    await running.say_goodbye(10.0)
    assert running.emptied.is_set()


def test_hints_are_spread() -> None:
    assert {Service.retry_after_s() for _ in range(500)} == set(range(1, 11))
    retries = [Service.retry_ms() for _ in range(500)]
    assert min(retries) >= 1000 and max(retries) <= 5000 and len(set(retries)) > 300
