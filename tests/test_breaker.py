from __future__ import annotations

import pytest

from stream.breaker import OPEN_AFTER, PROBED_S, Breaker
from stream.model import Fault

FAULT = Fault("http_503", "503 Service Unavailable")


def fail(breaker: Breaker, who: object, at: float, next_at: float) -> None:
    assert breaker.wait_s(who, at) == 0
    breaker.failed(who, FAULT, 503)
    breaker.ended(who, next_at)


@pytest.fixture
def opened() -> Breaker:
    breaker = Breaker()
    for n in range(OPEN_AFTER):
        assert breaker.state == "closed"
        fail(breaker, "a", n, n + 1)
    return breaker


def test_it_opens_after_five_failures_in_a_row(opened: Breaker) -> None:
    assert (opened.state, opened.fault) == ("open", FAULT)
    assert opened.wait_s("a", 4.5) == 0.5


def test_a_success_between_them_keeps_it_closed() -> None:
    breaker = Breaker()
    for n in range(4 * OPEN_AFTER):
        fail(breaker, "a", n, n + 1)
        if n % (OPEN_AFTER - 1) == 0:
            breaker.succeeded()
    assert breaker.state == "closed"


def test_after_the_backoff_one_probe_goes_and_the_others_wait(opened: Breaker) -> None:
    assert opened.wait_s("b", 5.0) == 0
    assert opened.state == "probing"
    assert opened.wait_s("a", 5.0) == opened.wait_s("c", 9.0) == PROBED_S


def test_a_probe_that_fails_leaves_it_open_for_its_own_backoff(opened: Breaker) -> None:
    fail(opened, "b", 5.0, 25.0)
    assert opened.failures == OPEN_AFTER + 1
    assert opened.wait_s("a", 5.0) == 20


def test_a_probe_that_goes_well_closes_it(opened: Breaker) -> None:
    opened.wait_s("b", 5.0)
    opened.succeeded()
    opened.ended("b", 65.0)
    assert (opened.state, opened.fault) == ("closed", None)
    assert opened.wait_s("a", 5.0) == 0


def test_a_probe_that_was_called_off_makes_room_for_another(opened: Breaker) -> None:
    opened.wait_s("b", 5.0)
    opened.ended("b", 5.0)
    assert opened.wait_s("a", 5.0) == 0


def test_what_was_on_its_way_when_it_opened_counts_no_more(opened: Breaker) -> None:
    opened.failed("late", FAULT, 503)
    opened.ended("late", 900.0)
    assert opened.failures == OPEN_AFTER
    assert opened.wait_s("a", 5.0) == 0


def test_a_long_pause_of_a_healthy_poller_does_not_hold_the_others() -> None:
    breaker = Breaker()
    breaker.succeeded()
    breaker.ended("healthy", 900.0)
    for n in range(OPEN_AFTER):
        fail(breaker, "a", n, n + 1)
    assert breaker.wait_s("a", 5.0) == 0


@pytest.mark.parametrize("status", [404, 410])
def test_an_address_that_is_gone_says_nothing_of_the_source(status: int) -> None:
    breaker = Breaker()
    for _ in range(2 * OPEN_AFTER):
        breaker.failed("a", FAULT, status)
    assert breaker.state == "closed"
