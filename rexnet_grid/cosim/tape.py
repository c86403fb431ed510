"""The prints of one exchange as they come, with the minute at which each happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.reservex.layout import E_KIND, E_LOTS, K_CLOCK, K_FILL
from rexnet_grid.reservex.ledger import entry_columns
from rexnet_grid.reservex.log import trade_columns

if TYPE_CHECKING:
    from rexnet_grid.prosumers.base import FloatArray, IntArray
    from rexnet_grid.reservex import Exchange

SECONDS_PER_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Prints:
    """What is new on an exchange.

    Attributes
    ----------
    fills
        New fills as columns of the log.
    time_min
        When each happened [min since the start of unit 0].
    entries
        New entries of the ledger as columns; ``kind`` is a number.
    """

    fills: dict[str, IntArray]
    time_min: FloatArray
    entries: dict[str, IntArray]


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """What one unit was traded at [ticks]; None where it was not.

    Attributes
    ----------
    opening
        Price of the call auction.
    vwap
        Mean price of all its trades, weighted by quantity.
    last
        Price of the last trade.
    lots
        Quantity traded [lots].
    """

    opening: int | None = None
    vwap: float | None = None
    last: int | None = None
    lots: int = 0


class Tape:
    """Reads the log of an exchange forward, once.

    Parameters
    ----------
    exchange
        The exchange.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._read = 0
        self._clock_s = 0
        self._turnover: dict[int, int] = {}
        self._lots: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._opening: dict[int, int] = {}
        self.trades = 0
        self.traded_lots = 0

    def note_opening(self, unit: int, price: int | None) -> None:
        """Remember the price of a unit's first call auction that had one."""
        if price is not None:
            self._opening.setdefault(unit, price)

    def advance(self) -> Prints:
        """Return the fills and entries since the last call."""
        rows = self._exchange.log.rows[self._read :]
        self._read += len(rows)
        kinds = rows[:, E_KIND]
        clock = np.flatnonzero(kinds == K_CLOCK)
        seconds = np.concatenate([[self._clock_s], rows[clock, E_LOTS]])
        fills = np.flatnonzero(kinds == K_FILL)
        self._clock_s = int(seconds[-1])
        columns = trade_columns(rows)
        for unit, price, lots in zip(*(columns[name].tolist() for name in ("unit", "price", "lots")), strict=True):
            self._turnover[unit] = self._turnover.get(unit, 0) + price * lots
            self._lots[unit] = self._lots.get(unit, 0) + lots
            self._last[unit] = price
            self.traded_lots += lots
        self.trades += len(fills)
        times = seconds[np.searchsorted(clock, fills)] / SECONDS_PER_MINUTE
        return Prints(columns, times, entry_columns(rows))

    def prices(self, unit: int) -> UnitPrices:
        """Return what ``unit`` was traded at so far."""
        lots = self._lots.get(unit, 0)
        vwap = self._turnover[unit] / lots if lots else None
        return UnitPrices(self._opening.get(unit), vwap, self._last.get(unit), lots)
