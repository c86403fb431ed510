"""What plants share in the market: what they sold and for how much, how much more they may, where ramps leave room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.prosumers.base import FloatArray, IntArray, MarketView
    from rexnet_grid.rexdynnet.plants import OperatingRange

SMALL = 1e-12


class SalesBook:
    """Positions of one carrier and the least they were sold for.

    Parameters
    ----------
    units
        Number of units.
    """

    def __init__(self, units: int) -> None:
        self.sold_kw = np.zeros(units)
        self.received = np.zeros(units)
        self._ask = np.zeros(units)

    def take(self, view: MarketView) -> None:
        """Take up what was sold since the last look, at the limit it was offered at."""
        units = view.units
        sold = view.position * view.lot_kw
        before = self.sold_kw[units]
        fresh = np.maximum(sold - np.maximum(before, 0.0), 0.0)
        worth = self.received[units] * np.maximum(before, 0.0) + self._ask[units] * fresh
        total = np.maximum(before, 0.0) + fresh
        self.received[units] = np.where(total > 0.0, worth / np.maximum(total, SMALL), 0.0)
        self.sold_kw[units] = sold

    def ask(self, view: MarketView, price: FloatArray) -> FloatArray:
        """Return limits [EUR/MWh] rounded up to whole ticks, and remember them for the next look."""
        limit = np.ceil(price / view.tick_eur_per_mwh - 1e-9) * view.tick_eur_per_mwh
        self._ask[view.units] = limit
        return np.asarray(limit)

    def settle(self, unit: int, rate_kw: float) -> None:
        """Put what was really delivered in the place of what was sold."""
        self.sold_kw[unit] = rate_kw

    def ramp_room_kw(self, units: IntArray, plant: OperatingRange, minutes: float) -> FloatArray:
        """Return up to which output [kW] each unit may be sold so that no neighbour is further away than a ramp."""
        last = len(self.sold_kw) - 1
        before = np.where(units > 0, self.sold_kw[np.maximum(units - 1, 0)], np.inf)
        after = np.where(units < last, self.sold_kw[np.minimum(units + 1, last)], np.inf)
        return plant.reach_kw(np.maximum(np.minimum(before, after), 0.0), minutes)


def whole_lots(rate_kw: FloatArray, lot_kw: float) -> IntArray:
    """Return how many whole lots fit into each rate, none where it is negative."""
    return np.maximum(np.floor(rate_kw / lot_kw + 1e-6), 0.0).astype(np.int64)


def free_kw(book: SalesBook, units: IntArray, plant: OperatingRange, minutes: float, most_kw: FloatArray) -> FloatArray:
    """Return what a plant may still sell in each unit [kW], between rating, what it has, and its ramps."""
    ceiling = np.minimum(most_kw, book.ramp_room_kw(units, plant, minutes))
    return np.asarray(ceiling - np.maximum(book.sold_kw[units], 0.0))
