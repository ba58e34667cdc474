"""Prices that walk: a made-up market in the shape of EODHD's real-time quotes.

Pure: it is handed its draw and its time. It must not read a clock or know about HTTP.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from stream.model import Item

if TYPE_CHECKING:
    from random import Random

MISSING: Final = "NA"
"""What EODHD sends where a figure is missing, in any field but the code."""

_REVERSION_PER_S: Final = 1 / 1800
"""How fast a price is drawn back to its open: the pull has a time constant of half an hour."""
_SHARE: Final = (0.25, 0.40)
"""The least and the largest part of the symbols that trades in one step."""
_WARM_UP: Final = (120, 60.0)
"""Steps, and seconds of each, walked before the start: a market that has been open for a while."""
_HALF_SPREAD: Final = 1.5e-4
"""Part of the price between it and the bid or ask of a symbol of usual activity. Real EODHD quotes
have neither side; here they are the two fields after the others."""
_HALT_CHANCE: Final = 0.03
"""The chance that a trade of a thin symbol halts it instead."""
_HALT_S: Final = (8.0, 20.0)


class Instrument(NamedTuple):
    """What is traded.

    Attributes:
        close: the previous close, around which everything starts.
        digits: the price is a multiple of ``10 ** -digits``.
        sigma: the standard deviation of the return of one second.
        lot: the usual size of a trade; 0 where no volume is published.
        activity: how much likelier than others it is to trade.
    """

    code: str
    name: str
    close: float
    digits: int
    sigma: float
    lot: int
    activity: float = 1.0

    @property
    def tick(self) -> float:
        return 10.0**-self.digits

    @property
    def thin(self) -> bool:
        """Whether it trades so rarely that its figures have holes."""
        return self.activity < 0.5


EQUITIES: Final = (
    Instrument("NRTH.US", "Northmoor Rail", 62.40, 2, 3.2e-4, 180, 1.6),
    Instrument("ALDB.US", "Alder Basin Energy", 41.35, 2, 3.6e-4, 320, 1.5),
    Instrument("BRVL.US", "Briarvale Foods", 27.82, 2, 2.4e-4, 240),
    Instrument("CDRX.US", "Cedarcroft Pharma", 118.05, 2, 4.5e-4, 120),
    Instrument("DVNA.US", "Davenna Mobility", 209.60, 2, 5.0e-4, 150, 2.0),
    Instrument("ELMQ.US", "Elmquist Instruments", 156.24, 2, 3.0e-4, 90),
    Instrument("FLSW.US", "Fallowsea Shipping", 33.18, 2, 4.0e-4, 260),
    Instrument("GLNW.US", "Glenwater Utilities", 73.91, 2, 1.8e-4, 140),
    Instrument("HLYQ.US", "Halyard Quay Bank", 34.47, 2, 2.8e-4, 400, 1.4),
    Instrument("KSTR.US", "Kestrel Roe Aerospace", 312.10, 2, 3.4e-4, 60),
    Instrument("LNWD.US", "Lanewood Timber", 19.26, 2, 3.0e-4, 210),
    Instrument("MRSD.US", "Marsden Fell Robotics", 487.75, 2, 5.5e-4, 80, 2.0),
    Instrument("OTWK.US", "Otterwick Software", 96.53, 2, 4.2e-4, 220, 1.8),
    Instrument("PLVR.US", "Pellavar Retail", 52.08, 2, 2.9e-4, 170),
    Instrument("THNL.US", "Thornleigh Mills", 8.44, 2, 6.0e-4, 40, 0.3),
)
CURRENCIES: Final = (
    Instrument("EURUSD.FOREX", "Euro / US dollar", 1.0842, 4, 1.2e-4, 0, 2.0),
    Instrument("GBPUSD.FOREX", "Pound sterling / US dollar", 1.2710, 4, 1.3e-4, 0, 1.6),
    Instrument("USDJPY.FOREX", "US dollar / Yen", 151.24, 2, 1.2e-4, 0, 1.6),
    Instrument("USDCHF.FOREX", "US dollar / Swiss franc", 0.8831, 4, 1.2e-4, 0),
    Instrument("AUDUSD.FOREX", "Australian dollar / US dollar", 0.6542, 4, 1.4e-4, 0),
)
COINS: Final = (
    Instrument("BTC-USD.CC", "Bitcoin", 68240.50, 2, 5.0e-4, 2, 2.5),
    Instrument("ETH-USD.CC", "Ethereum", 3421.36, 2, 6.0e-4, 14, 2.2),
    Instrument("SOL-USD.CC", "Solana", 162.48, 2, 8.0e-4, 90, 1.4),
    Instrument("ADA-USD.CC", "Cardano", 0.4517, 4, 8.0e-4, 5200),
)
INSTRUMENTS: Final = EQUITIES + CURRENCIES + COINS
CODES: Final = tuple(instrument.code for instrument in INSTRUMENTS)
COIN_IDS: Final = {coin.name.lower(): coin.code for coin in COINS}
"""CoinGecko's word for a coin, e.g. ``bitcoin``, and the code it trades under here."""


@dataclass(slots=True)
class _Book:
    """One symbol's day. Prices are whole ticks, so that nothing drifts off the grid."""

    instrument: Instrument
    previous: int
    open: int
    high: int
    low: int
    last: int
    drift: float
    """The logarithm of the price over the open, unrounded: small moves add up."""
    volume: int
    traded_at: float
    halted_until: float = 0.0

    def trade(self, now: float, draw: Random) -> None:
        """Walk over the time since the last trade: an Ornstein-Uhlenbeck step."""
        # The exact solution, so that one long step spreads as far as many short ones.
        waited = now - self.traded_at
        kept = math.exp(-_REVERSION_PER_S * waited)
        spread = self.instrument.sigma * math.sqrt((1 - kept * kept) / (2 * _REVERSION_PER_S))
        self.drift = self.drift * kept + spread * draw.gauss(0.0, 1.0)
        self.last = max(1, round(self.open * math.exp(self.drift)))
        self.high = max(self.high, self.last)
        self.low = min(self.low, self.last)
        if self.instrument.lot:
            self.volume += max(1, round(self.instrument.lot * draw.expovariate(1.0)))
        self.traded_at = now

    def quote(self, now: float) -> Item:
        is_halted = now < self.halted_until
        has_volume = not self.instrument.thin
        change = self.last - self.previous
        return {
            "code": self.instrument.code,
            "timestamp": int(self.traded_at),
            "gmtoffset": 0,
            "open": self._price(self.open),
            "high": self._price(self.high),
            "low": self._price(self.low),
            "close": MISSING if is_halted else self._price(self.last),
            "volume": self.volume if has_volume else MISSING,
            "previousClose": self._price(self.previous),
            "change": MISSING if is_halted else self._price(change),
            "change_p": MISSING if is_halted else round(100 * change / self.previous, 4),
            "bid": MISSING if is_halted else self._price(self.last - self._half_spread()),
            "ask": MISSING if is_halted else self._price(self.last + self._half_spread()),
        }

    def _half_spread(self) -> int:
        """Ticks between the last price and either side: the wider, the rarer it trades."""
        return max(1, round(self.last * _HALF_SPREAD / self.instrument.activity))

    def _price(self, ticks: int) -> float:
        return round(ticks * self.instrument.tick, self.instrument.digits)


class Market:
    """All symbols and their time.

    Args:
        draw: where chance comes from; the same seed walks the same way.
        start: Unix seconds of the first quotes.
    """

    def __init__(self, draw: Random, start: float) -> None:
        steps, step_s = _WARM_UP
        self._draw = draw
        self.now = start - steps * step_s
        self._books = {i.code: self._opened(i) for i in INSTRUMENTS}
        for _ in range(steps):
            self.step(step_s)

    def step(self, seconds: float) -> None:
        """Let this much time pass; some of the symbols trade, the lively ones more often."""
        self.now += seconds
        for book in self._trading():
            if self.now < book.halted_until:
                continue
            if book.instrument.thin and self._draw.random() < _HALT_CHANCE:
                book.halted_until = self.now + self._draw.uniform(*_HALT_S)
                continue
            book.trade(self.now, self._draw)

    def quotes(self, codes: Sequence[str] | None = None) -> list[Item]:
        """The quotes of these codes, or of all, in that order.

        A code that nobody knows is answered too, with every figure missing, as EODHD does.
        """
        return [self._quote(code) for code in (CODES if codes is None else codes)]

    def _quote(self, code: str) -> Item:
        book = self._books.get(code)
        if book is not None:
            return book.quote(self.now)
        shape = self._books[CODES[0]].quote(self.now)
        return {field: code if field == "code" else MISSING for field in shape}

    def _trading(self) -> list[_Book]:
        # Sorting by a power of a uniform draw picks without repeats, weighted by activity.
        draw = self._draw
        ranked = sorted(
            self._books.values(),
            key=lambda book: draw.random() ** (1 / book.instrument.activity),
            reverse=True,
        )
        least, most = (round(share * len(ranked)) for share in _SHARE)
        return ranked[: draw.randint(least, most)]

    def _opened(self, instrument: Instrument) -> _Book:
        previous = round(instrument.close / instrument.tick)
        gap = self._draw.gauss(0.0, 12 * instrument.sigma)
        opened = max(1, round(previous * (1 + gap)))
        volume = instrument.lot * self._draw.randint(2_000, 6_000)
        return _Book(
            instrument, previous, opened, opened, opened, opened, 0.0, volume, traded_at=self.now
        )
