"""A battery that trades price differences and never pays more than it can get back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import NO_PRICE, Quotes, Realised
from rexnet_grid.prosumers.participant import KWH_PER_MWH, Participant, make_quotes, within
from rexnet_grid.prosumers.place import at_place, to_exchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import Delivered, FloatArray, IntArray, MarketView
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.units import Carrier

EPS = 1e-9
LARGEST_PURCHASES = 6


@dataclass(frozen=True, slots=True)
class BatteryCell:
    """What a battery is.

    Attributes
    ----------
    capacity_kwh
        Usable capacity [kWh].
    rate_kw
        Largest rate in and out, at the grid [kW].
    efficiency
        Round-trip efficiency [-], shared equally between charging and discharging.
    wear_eur_per_mwh
        Wear per energy taken out at the grid [EUR/MWh].
    """

    capacity_kwh: float
    rate_kw: float
    efficiency: float
    wear_eur_per_mwh: float

    @property
    def one_way(self) -> float:
        """Efficiency of charging, and of discharging [-]."""
        return float(np.sqrt(self.efficiency))


class Battery(Participant):
    r"""A storage participant, on the electric network unless told otherwise.

    It buys in a unit only what somebody bids for later at

    .. math:: p_{sell} \ge \frac{p_{buy}}{\eta} + w

    with the round-trip efficiency η and the wear w, charges of the network at its place included. It keeps the
    average cost of what it has stored and reserved, from the limits of its own orders (so at least what it paid), and
    from its next wake-up on offers it at that cost or more. So whenever all it sells clears, it does not lose,
    whatever prices do. Every set of orders is chosen such that the state of charge stays in bounds whichever of them
    are filled.

    Parameters
    ----------
    identity
        Who it is.
    cell
        What it is.
    units
        Number of units it plans for.
    hours
        Length of a unit [h].
    stored_kwh, stored_cost_eur_per_mwh
        Content at the start [kWh] and what it is worth per energy stored [EUR/MWh].
    carrier
        What it stores.
    """

    def __init__(
        self,
        identity: Identity,
        cell: BatteryCell,
        units: int,
        hours: float,
        stored_kwh: float = 0.0,
        stored_cost_eur_per_mwh: float = 0.0,
        carrier: Carrier = "electricity",
    ) -> None:
        super().__init__(identity)
        self.carrier: Carrier = carrier
        self.cell = cell
        self.hours = hours
        self.soc_kwh = stored_kwh
        self.inventory_kwh = stored_kwh
        self.inventory_eur = stored_kwh * stored_cost_eur_per_mwh / KWH_PER_MWH
        self._at = 0
        self._position_kw = np.zeros(units)
        self._buy_limit = np.zeros(units)

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:  # noqa: ARG002
        """Return purchases that a later bid pays for, and offers of what is stored."""
        quoted = within(views[self.carrier], len(self._position_kw))
        if len(quoted.units) == 0:
            return {self.carrier: Quotes.none()}
        view = at_place(quoted)
        self._book(view.units, np.asarray(view.position * view.lot_kw, dtype=np.float64))
        level = self._level(int(view.units[-1]))
        buy, buy_price = self._purchases(view, level)
        sell, sell_price = self._offers(view, level)
        sell = np.where(buy > 0, 0, sell)
        self._buy_limit[view.units] = np.where(buy > 0, buy_price, 0.0)
        return {self.carrier: to_exchange(quoted, make_quotes(view, buy, buy_price, sell, sell_price))}

    def realise(self, unit: int, secured_kw: Mapping[Carrier, float]) -> Mapping[Carrier, Realised]:  # noqa: ARG002
        """Return the secured reservation, as far as the state of charge allows."""
        cell, rate = self.cell, secured_kw.get(self.carrier, 0.0)
        most = min(cell.rate_kw, self.soc_kwh * cell.one_way / self.hours)
        least = -min(cell.rate_kw, (cell.capacity_kwh - self.soc_kwh) / cell.one_way / self.hours)
        return {self.carrier: Realised.steady(min(max(rate, least), most))}

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Move the state of charge with what was really delivered."""
        rate_kw = np.array([delivered.rate_kw[self.carrier]])
        self._book(np.array([unit]), rate_kw)
        self.soc_kwh += float(self._stored(rate_kw)[0])
        self.soc_kwh = min(max(self.soc_kwh, 0.0), self.cell.capacity_kwh)
        self._at = unit + 1

    def record(self) -> Mapping[str, float]:
        """Return the state of charge and the average cost of what is stored."""
        return {"soc_kwh": self.soc_kwh, "stored_cost_eur_per_mwh": self._cost_eur_per_mwh()}

    def _stored(self, rate_kw: FloatArray) -> FloatArray:
        """Return the change of content over a unit at each rate of injection [kWh]."""
        one_way = self.cell.one_way
        return np.asarray(-self.hours * np.where(rate_kw > 0.0, rate_kw / one_way, rate_kw * one_way))

    def _cost_eur_per_mwh(self) -> float:
        return KWH_PER_MWH * self.inventory_eur / self.inventory_kwh if self.inventory_kwh > EPS else 0.0

    def _book(self, units: IntArray, position_kw: FloatArray) -> None:
        """Take up what was bought and sold since the last look, purchases at the limit they were ordered at."""
        before = self._position_kw[units]
        change = self._stored(position_kw) - self._stored(before)
        bought_kw = np.maximum(before - position_kw, 0.0)
        cost = float(bought_kw @ self._buy_limit[units]) * self.hours / KWH_PER_MWH
        added, taken = float(change[change > 0.0].sum()), float(-change[change < 0.0].sum())
        self.inventory_kwh += added
        self.inventory_eur += cost
        left = max(self.inventory_kwh - taken, 0.0)
        self.inventory_eur *= left / self.inventory_kwh if self.inventory_kwh > EPS else 0.0
        self.inventory_kwh = left
        self._position_kw[units] = position_kw

    def _level(self, last: int) -> FloatArray:
        """Return the content after each unit from the next one to ``last`` if all positions are kept [kWh]."""
        return self.soc_kwh + np.cumsum(self._stored(self._position_kw[self._at : last + 1]))

    def _purchases(self, view: MarketView, level: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return lots to buy and the asks to buy them at, the best pairs first."""
        tick, n = view.tick_eur_per_mwh, len(view.units)
        bid = np.where(view.bid == NO_PRICE, -np.inf, view.bid * tick)
        ask = np.where(view.ask == NO_PRICE, np.inf, view.ask * tick)
        later = np.full(n, -np.inf)
        later[:-1] = np.maximum.accumulate(bid[::-1])[::-1][1:]
        gain = (later - self.cell.wear_eur_per_mwh) * self.cell.efficiency - ask
        lots = np.zeros(n, dtype=np.int64)
        offset = view.units - self._at
        highest = np.maximum.accumulate(level[::-1])[::-1]
        room_kwh = self.cell.capacity_kwh - highest[offset]
        taken = 0.0
        for k in np.argsort(-gain, kind="stable")[:LARGEST_PURCHASES]:
            if not gain[k] > 0.0:
                break
            position_kw = float(view.position[k]) * view.lot_kw
            rate = min(self.cell.rate_kw + position_kw, self.cell.rate_kw)
            per_kw = self.hours * (self.cell.one_way if position_kw <= 0.0 else 1.0 / self.cell.one_way)
            rate = min(rate, (float(room_kwh[k]) - taken) / per_kw)
            lots[k] = max(min(int(rate / view.lot_kw + EPS), int(view.ask_lots[k])), 0)
            taken += lots[k] * view.lot_kw * per_kw
        return lots, ask

    def _offers(self, view: MarketView, level: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return lots to offer and the price: what is stored and not yet sold, in the units that pay most."""
        n, tick = len(view.units), view.tick_eur_per_mwh
        floor = self._cost_eur_per_mwh() / self.cell.one_way + self.cell.wear_eur_per_mwh
        bid = np.where(view.bid == NO_PRICE, -np.inf, view.bid * tick)
        lots = np.zeros(n, dtype=np.int64)
        offset = view.units - self._at
        lowest = np.minimum.accumulate(level[::-1])[::-1]
        spare_kwh = np.minimum(lowest[offset], self.inventory_kwh)
        taken = 0.0
        wanted = np.maximum(bid, np.where(view.ask == NO_PRICE, -np.inf, view.ask * tick - EPS))
        wanted[spare_kwh < view.lot_kw * self.hours / self.cell.one_way - EPS] = -np.inf
        for k in np.argsort(-wanted, kind="stable")[:LARGEST_PURCHASES]:
            rate = min(self.cell.rate_kw - float(view.position[k]) * view.lot_kw, self.cell.rate_kw)
            rate = min(rate, (float(spare_kwh[k]) - taken) * self.cell.one_way / self.hours)
            lots[k] = max(int(rate / view.lot_kw + EPS), 0)
            taken += lots[k] * view.lot_kw * self.hours / self.cell.one_way
        return lots, np.maximum(bid, floor)
