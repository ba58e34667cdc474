"""Prices must look like prices."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.demo.walk import CODES, COINS, CURRENCIES, EQUITIES, INSTRUMENTS, MISSING, Market
from stream.model import Item

START = 1_790_000_000.0
PRICES = ("open", "high", "low", "close", "previousClose", "change")


def number(quote: Item, field: str) -> float:
    value = quote[field]
    assert isinstance(value, int | float), f"{field} of {quote['code']} is {value!r}"
    return value


def is_halted(quote: Item) -> bool:
    return quote["close"] == MISSING


def after(seed: int, steps: int) -> Market:
    market = Market(Random(seed), START)
    for _ in range(steps):
        market.step(1)
    return market


def test_the_market_has_equities_currencies_and_coins_under_distinct_codes() -> None:
    assert len(EQUITIES) >= 12 and len(CURRENCIES) >= 3 and len(COINS) >= 3
    assert len(set(CODES)) == len(INSTRUMENTS)
    assert len({instrument.name for instrument in INSTRUMENTS}) == len(INSTRUMENTS)


def test_a_quote_has_the_fields_of_an_eodhd_quote_in_their_order_and_two_sides() -> None:
    quote = after(1, 0).quotes(["NRTH.US"])[0]
    assert list(quote) == [
        "code",
        "timestamp",
        "gmtoffset",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "previousClose",
        "change",
        "change_p",
        "bid",
        "ask",
    ]
    assert isinstance(quote["timestamp"], int)


def test_the_last_price_lies_between_bid_and_ask_and_a_halted_symbol_has_neither() -> None:
    for quote in after(3, 600).quotes():
        if is_halted(quote):
            assert (quote["bid"], quote["ask"]) == (MISSING, MISSING)
        else:
            assert number(quote, "bid") < number(quote, "close") < number(quote, "ask")


def test_the_same_seed_walks_the_same_way_and_another_one_does_not() -> None:
    assert after(7, 60).quotes() == after(7, 60).quotes()
    assert after(7, 60).quotes() != after(8, 60).quotes()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    strides=st.lists(st.floats(0.1, 90_000.0), min_size=1, max_size=30),
)
def test_whatever_time_passes_a_quote_is_consistent_and_on_its_grid(
    seed: int, strides: list[float]
) -> None:
    market = Market(Random(seed), START)
    for stride in strides:
        market.step(stride)
        for instrument, quote in zip(INSTRUMENTS, market.quotes(), strict=True):
            grid = Decimal(10) ** -instrument.digits
            shown = [field for field in PRICES if quote[field] != MISSING]
            for field in shown:
                assert Decimal(str(number(quote, field))) % grid == 0
            assert number(quote, "timestamp") <= market.now
            assert 0 < number(quote, "low") <= number(quote, "open") <= number(quote, "high")
            if is_halted(quote):
                assert instrument.thin
                continue
            assert number(quote, "low") <= number(quote, "close") <= number(quote, "high")
            change = Decimal(str(quote["close"])) - Decimal(str(quote["previousClose"]))
            assert Decimal(str(quote["change"])) == change
            percent = 100 * number(quote, "change") / number(quote, "previousClose")
            assert number(quote, "change_p") == pytest.approx(percent, abs=1e-4)


def test_nearly_all_moves_of_a_second_are_small_and_yet_prices_move() -> None:
    market = after(3, 0)
    moves: list[float] = []
    before = market.quotes()
    for _ in range(1_000):
        market.step(1)
        now = market.quotes()
        moves += [
            abs(number(new, "close") / number(old, "close") - 1)
            for old, new in zip(before, now, strict=True)
            if not is_halted(old) and not is_halted(new)
        ]
        before = now
    small = sum(move < 0.005 for move in moves)
    assert small >= 0.95 * len(moves)
    assert max(moves) < 0.05
    assert sum(move > 0 for move in moves) > 0.1 * len(moves)


def test_a_day_of_walking_stays_near_the_open() -> None:
    market = after(5, 0)
    for _ in range(86_400 // 30):
        market.step(30)
    for quote in market.quotes():
        assert 0.7 < number(quote, "low") / number(quote, "open")
        assert number(quote, "high") / number(quote, "open") < 1.4


def test_only_a_part_of_the_symbols_trades_in_one_step() -> None:
    market = after(11, 0)
    for _ in range(300):
        market.step(1)
        # A trade carries the time of its step; the start is a whole second, so nothing is cut off.
        traded = sum(quote["timestamp"] == market.now for quote in market.quotes())
        # A halted symbol may be drawn without trading.
        assert len(CODES) // 4 - 1 <= traded <= round(0.4 * len(CODES))


def test_every_symbol_trades_within_a_few_minutes() -> None:
    market = after(13, 300)
    for quote in market.quotes():
        assert number(quote, "timestamp") > START


def test_volume_only_grows_and_is_missing_for_the_thin_symbol() -> None:
    market = after(17, 0)
    before = market.quotes()
    for _ in range(300):
        market.step(1)
        now = market.quotes()
        for instrument, old, new in zip(INSTRUMENTS, before, now, strict=True):
            if instrument.thin:
                assert new["volume"] == MISSING
            else:
                assert number(new, "volume") >= number(old, "volume")
        before = now
    first, last = Market(Random(17), START).quotes(["DVNA.US"])[0], market.quotes(["DVNA.US"])[0]
    assert number(last, "volume") > number(first, "volume")


def test_the_thin_symbol_is_halted_now_and_then_and_trades_again() -> None:
    market = after(19, 0)
    (thin,) = [instrument.code for instrument in INSTRUMENTS if instrument.thin]
    states: list[bool] = []
    for _ in range(3_000):
        market.step(1)
        states.append(is_halted(market.quotes([thin])[0]))
    assert any(states)
    assert not all(states[states.index(True) :])
    assert sum(states) < 0.5 * len(states)


def test_a_halted_quote_keeps_its_other_figures() -> None:
    market = after(19, 0)
    while not is_halted(quote := market.quotes(["THNL.US"])[0]):
        market.step(1)
    assert quote["change"] == quote["change_p"] == MISSING
    assert number(quote, "previousClose") > 0


def test_quotes_come_in_the_order_asked_for_and_an_unknown_code_has_no_figures() -> None:
    asked = ["BTC-USD.CC", "NOPE.US", "NRTH.US"]
    quotes = after(1, 5).quotes(asked)
    assert [quote["code"] for quote in quotes] == asked
    assert set(quotes[1].values()) == {"NOPE.US", MISSING}
    assert list(quotes[1]) == list(quotes[0])
