"""A flexible consumer: it fills a store when it is cheap, and sells back what somebody else needs more."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import Quotes, Realised
from rexnet_grid.prosumers.participant import KWH_PER_MWH, Participant, Prices, make_quotes, read_prices, within
from rexnet_grid.prosumers.place import at_place, to_exchange
from rexnet_grid.prosumers.planner import EPS, plan_filling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import FloatArray, IntArray, MarketView
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.units import Carrier

PRICE_STEP_EUR_PER_MWH = 5.0


@dataclass(frozen=True, slots=True)
class FlexibleTerms:
    """The prices by which a flexible consumer decides [EUR/MWh of what it buys].

    Attributes
    ----------
    ceiling
        Most it pays, for what it cannot have in any other unit.
    scarcity
        What it adds to the expected price of a unit in which nobody offers.
    margin
        What it wants to gain for giving a reservation back.
    """

    ceiling: float
    scarcity: float = 60.0
    margin: float = 5.0


@dataclass(frozen=True, slots=True)
class StoreOutlook:
    """What a consumer's store needs over the coming slots, as :func:`plan_filling` takes it.

    Attributes
    ----------
    need
        (n,) what leaves it besides the leak [kWh].
    kwh_per_kw
        (n,) what one kilowatt bought over a unit puts in [kWh/kW].
    max_kw
        (n,) largest rate that can be used [kW].
    capacity, keep, initial, final
        As in :func:`plan_filling`.
    """

    need: FloatArray
    kwh_per_kw: FloatArray
    max_kw: FloatArray
    capacity: FloatArray
    keep: float
    initial: float
    final: float


class FlexibleConsumer(Participant):
    """A consumer of one carrier with a store behind it.

    At every wake-up it plans anew from the prices it sees and the reservations it holds. It bids for every planned
    unit up to the price of the same in the next best unit (the ceiling when there is none), so it pays more only when
    its store runs out of choice. Where nobody else offers for less, it offers half of its reservation for sale, a
    margin above what replacing it costs, and it offers all that the plan has no use for at the going price. So a unit
    that the network makes scarce goes to those who cannot move. All prices are those at its place, charges for losses
    and congestion included (:mod:`rexnet_grid.prosumers.place`).

    Parameters
    ----------
    identity
        Who it is.
    carrier
        What it buys.
    expected_price
        (n_units,) the price it expects [EUR/MWh].
    terms
        Its prices.
    hours
        Length of a unit [h].
    """

    def __init__(
        self, identity: Identity, carrier: Carrier, expected_price: FloatArray, terms: FlexibleTerms, hours: float
    ) -> None:
        super().__init__(identity)
        self.carrier: Carrier = carrier
        self.expected_price = expected_price
        self.terms = terms
        self.hours = hours
        self._at = 0
        self._bought_kw = np.zeros(len(expected_price))

    @abstractmethod
    def outlook(self, first: int, slots: int) -> StoreOutlook:
        """Return what the store needs in units ``first`` … ``first + slots - 1``."""

    @abstractmethod
    def usable_kw(self, unit: int) -> float:
        """Return the largest rate the device can use in ``unit`` as it stands now [kW]."""

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:  # noqa: ARG002
        """Return bids for the planned units and offers of what is held."""
        quoted = within(views[self.carrier], len(self.expected_price))
        if len(quoted.units) == 0:
            return {self.carrier: Quotes.none()}
        view = at_place(quoted)
        self._bought_kw[view.units] = -view.position * view.lot_kw
        prices = read_prices(view, self.expected_price[view.units], self.terms.scarcity)
        outlook = self.outlook(self._at, int(view.units[-1]) - self._at + 1)
        unused_kw, buy_kw, worth = self._plan(view, prices, outlook)
        return {self.carrier: to_exchange(quoted, self._quotes(view, prices, unused_kw, buy_kw, worth))}

    def realise(self, unit: int, secured_kw: Mapping[Carrier, float]) -> Mapping[Carrier, Realised]:
        """Return the secured reservation, as far as the device can use it."""
        wanted = min(max(-secured_kw.get(self.carrier, 0.0), 0.0), self.usable_kw(unit))
        return {self.carrier: Realised.steady(-wanted)}

    def _plan(
        self, view: MarketView, prices: Prices, outlook: StoreOutlook
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return, for each open unit, what is held without use [kW], what to buy [kW] and what a unit is worth."""
        slots = view.units - self._at
        n = len(outlook.need)
        worth_of_kwh = KWH_PER_MWH * outlook.kwh_per_kw / self.hours
        held_kw = self._bought_kw[self._at : self._at + n]
        still_open = np.zeros(n, dtype=bool)
        still_open[slots] = True
        fixed = np.where(still_open, 0.0, np.maximum(held_kw, 0.0)) * outlook.kwh_per_kw
        held, new = np.zeros(n), np.zeros(n)
        held_price, new_price = np.full(n, np.inf), np.full(n, np.inf)
        mine = held_kw[slots]
        room_kw = np.floor(np.maximum(outlook.max_kw[slots] - mine, 0.0) / view.lot_kw + 1e-6) * view.lot_kw
        held[slots] = np.maximum(mine, 0.0) * outlook.kwh_per_kw[slots]
        new[slots] = room_kw * outlook.kwh_per_kw[slots]
        unit_worth = np.maximum(worth_of_kwh[slots], EPS)
        held_price[slots] = (prices.sell - self.terms.margin) / unit_worth
        new_price[slots] = prices.buy / unit_worth
        typical = KWH_PER_MWH * float(outlook.kwh_per_kw.max()) / self.hours
        from_held, from_new, cost, _ = plan_filling(
            held_price, held, new_price, new, outlook.need - fixed,
            outlook.keep, outlook.capacity, outlook.initial, outlook.final, self.terms.ceiling / max(typical, EPS),
        )  # fmt: skip
        per_kw = np.maximum(outlook.kwh_per_kw[slots], EPS)
        return (
            (held - from_held)[slots] / per_kw,
            from_new[slots] / per_kw,
            np.minimum(cost[slots] * worth_of_kwh[slots], self.terms.ceiling),
        )

    def _quotes(
        self, view: MarketView, prices: Prices, unused_kw: FloatArray, buy_kw: FloatArray, worth: FloatArray
    ) -> Quotes:
        held = np.maximum(-view.position, 0)
        buy: IntArray = np.ceil(buy_kw / view.lot_kw - 1e-6).astype(np.int64)
        limit = np.floor(worth / PRICE_STEP_EUR_PER_MWH) * PRICE_STEP_EUR_PER_MWH
        limit = np.minimum(np.where(prices.can_buy, np.maximum(limit, prices.buy), limit), self.terms.ceiling)
        unused = np.minimum(np.floor(unused_kw / view.lot_kw + 1e-6).astype(np.int64), held)
        step_up = np.ceil(worth / PRICE_STEP_EUR_PER_MWH) * PRICE_STEP_EUR_PER_MWH
        going = np.where(prices.can_sell, prices.sell, self.expected_price[view.units] - self.terms.margin)
        price = np.where(unused > 0, going, step_up + self.terms.margin)
        scarce = ~prices.can_buy | (prices.buy > price) | (prices.can_sell & (prices.sell >= price))
        sell = np.where(unused > 0, unused, np.where(scarce, (held + 1) // 2, 0))
        sell = np.where((buy > 0) & (price <= limit), 0, sell)
        return make_quotes(view, buy, limit, sell, price)
