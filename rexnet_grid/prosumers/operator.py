"""The operator of a network in the market: it buys what the network loses and trades what the pipes can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import NO_PRICE, Quotes
from rexnet_grid.prosumers.participant import Participant, make_quotes, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import Delivered, FloatArray, IntArray, MarketView
    from rexnet_grid.prosumers.household import Patience
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.units import Carrier

MEMORY = 0.9


class NetworkOperator(Participant):
    """The participant of kind ``"operator"`` that stands for a network on its exchange.

    It buys the losses it expects: an exponential mean of what its network lost so far, where that is metered, or what
    :meth:`observe` was told. In a heat network it also holds inventory in the pipes: inside the band it was told it
    sells heat dearer than the mean of the visible prices and buys it cheaper, so that the exchange can clear a unit out
    of balance. Its rate is not put into the network: what it did in a unit is minus the sum of everybody else.

    Parameters
    ----------
    identity
        Who it is, of kind ``"operator"``, at the supply node.
    carrier
        Its network.
    expected_price
        (n_units,) the price it expects [EUR/MWh].
    patience
        How its limits for losses move.
    hours
        Length of a unit [h].
    loss_kw
        The loss it expects before it has seen any [kW].
    band_kwh
        Half the band of inventory that it may hold before :meth:`observe` says better [kWh].
    margin_eur_per_mwh
        Half the spread at which it trades inventory [EUR/MWh].
    """

    def __init__(
        self,
        identity: Identity,
        carrier: Carrier,
        expected_price: FloatArray,
        patience: Patience,
        hours: float,
        loss_kw: float,
        band_kwh: float = 0.0,
        margin_eur_per_mwh: float = 4.0,
    ) -> None:
        super().__init__(identity)
        self.carrier: Carrier = carrier
        self.expected_price = expected_price
        self.patience = patience
        self.hours = hours
        self.margin = margin_eur_per_mwh
        self.loss_kw = np.full(len(expected_price), loss_kw)
        self.stored_kwh = 0.0
        self.lowest_kwh, self.highest_kwh = -band_kwh, band_kwh
        self._told = False
        self._at = 0
        self._bought_kw = np.zeros(len(expected_price))

    def observe(
        self,
        stored_kwh: float,
        lowest_kwh: float,
        highest_kwh: float,
        units: IntArray | None = None,
        loss_kw: FloatArray | None = None,
    ) -> None:
        """Take what the network says at a boundary: its linepack and, if it knows, its losses to come.

        Parameters
        ----------
        stored_kwh, lowest_kwh, highest_kwh
            Heat in the pipes above the reference state, and the band in which supply temperatures hold [kWh].
        units, loss_kw
            Open units and the loss expected in each [kW].
        """
        self.stored_kwh, self.lowest_kwh, self.highest_kwh = stored_kwh, lowest_kwh, highest_kwh
        self._told = True
        if units is not None and loss_kw is not None:
            self.loss_kw[units] = loss_kw

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:
        """Return purchases of losses, and both sides of the inventory where there is a band."""
        view = within(views[self.carrier], len(self.expected_price))
        if len(view.units) == 0:
            return {self.carrier: Quotes.none()}
        self._bought_kw[view.units] = -view.position * view.lot_kw
        short = np.rint((self.loss_kw[view.units] - self._bought_kw[view.units]) / view.lot_kw).astype(np.int64)
        lead: FloatArray = np.asarray(view.units - now, dtype=np.float64)
        buy_limit, sell_limit = self.patience.limits(lead, self.expected_price[view.units])
        if self.highest_kwh - self.lowest_kwh <= 0.0:
            quotes = make_quotes(view, np.maximum(short, 0), buy_limit, np.maximum(-short, 0), sell_limit)
            return {self.carrier: quotes}
        return {self.carrier: self._inventory_quotes(view, short, buy_limit)}

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Learn the loss from what the network lost, and keep count of what it stores."""
        self._at = unit + 1
        if self._told:
            return
        if delivered.loss_kw is not None:
            self.loss_kw[unit + 1 :] += (1.0 - MEMORY) * (delivered.loss_kw - self.loss_kw[unit + 1 :])
        if delivered.stored_kw is not None:
            self.stored_kwh += delivered.stored_kw * self.hours

    def record(self) -> Mapping[str, float]:
        """Return the inventory and the loss expected next."""
        return {
            "stored_kwh": self.stored_kwh,
            "expected_loss_kw": float(self.loss_kw[min(self._at, len(self.loss_kw) - 1)]),
        }

    def _inventory_quotes(self, view: MarketView, short: IntArray, buy_limit: FloatArray) -> Quotes:
        """Return losses and inventory together: at most one order a side in each unit.

        Sales are bounded by the lowest, purchases by the highest inventory still to come, and split over the open
        units, so that the band holds whichever orders are filled.
        """
        last = int(view.units[-1])
        part = slice(self._at, last + 1)
        path = self.stored_kwh + np.cumsum((self._bought_kw[part] - self.loss_kw[part]) * self.hours)
        offset = view.units - self._at
        n = len(view.units)
        lowest = np.minimum.accumulate(path[::-1])[::-1][offset]
        highest = np.maximum.accumulate(path[::-1])[::-1][offset]
        share = view.lot_kw * self.hours * max(n // 8, 1)
        spare = np.floor(np.maximum(lowest - self.lowest_kwh, 0.0) / share).astype(np.int64)
        room = np.floor(np.maximum(self.highest_kwh - highest, 0.0) / share).astype(np.int64)
        tick = view.tick_eur_per_mwh
        seen = view.ask != NO_PRICE
        mean = float(np.mean(view.ask[seen])) * tick if seen.any() else float(self.expected_price[view.units].mean())
        dear = np.where(view.bid == NO_PRICE, -np.inf, view.bid * tick) >= mean + self.margin
        cheap = seen & (view.ask * tick <= mean - self.margin)
        sell = np.where(dear, spare, 0)
        buy = np.where(dear, 0, np.maximum(short, 0) + np.where(cheap, room, 0))
        limit = np.where(cheap, np.maximum(buy_limit, mean - self.margin), buy_limit)
        return make_quotes(view, buy, limit, sell, np.full(n, mean + self.margin))
