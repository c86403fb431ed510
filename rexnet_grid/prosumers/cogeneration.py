"""A combined heat and power plant: it sells on both exchanges what it can only make together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import NO_PRICE, Quotes, Realised
from rexnet_grid.prosumers.participant import KWH_PER_MWH, Participant, make_quotes, select, within
from rexnet_grid.prosumers.place import at_place, to_exchange
from rexnet_grid.prosumers.sales import SalesBook, free_kw, whole_lots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import Delivered, FloatArray, MarketView
    from rexnet_grid.prosumers.household import Patience
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.rexdynnet.plants import Chp
    from rexnet_grid.units import Carrier

LATE_UNITS = 6.0
LAST_OFFER_UNITS = 2.5


@dataclass(frozen=True, slots=True)
class ChpTerms:
    """What a combined plant pays and wants.

    Attributes
    ----------
    fuel_eur_per_mwh
        Price of the fuel [EUR/MWh].
    margin_eur_per_mwh
        Margin on heat over cost [EUR/MWh].
    """

    fuel_eur_per_mwh: float
    margin_eur_per_mwh: float


class ChpPlant(Participant):
    r"""A plant that sells heat and power.

    On the back-pressure line one unit of heat takes the fuel φ and makes c_b units of power. Where somebody bids p for
    power, it offers heat at

    .. math:: p_{heat} = \varphi\,f - c_b\,p + m

    and no more of it than those bids take the power of. It then sells that power for at least what makes the heat it
    sold pay, known from its own limits, :math:`(\varphi f - r) / c_b`; shortly before the gate for anything down to
    nothing, because the heat is to be delivered, or it buys the heat back for at most what it received. Less than its
    minimum load it buys back for at most what heat is expected to cost. An extraction plant also sells power beyond
    the line at :math:`f / \eta + m`, and heat that needs no more power at
    :math:`c_v f / \eta + m`. So a strained electric network reaches the heat market from this side too.

    Parameters
    ----------
    identity
        Who it is, with a node on each carrier.
    plant
        What it is.
    terms
        Its prices.
    expected_price, expected_power
        (n_units,) the prices of heat and power everybody expects [EUR/MWh].
    minutes
        Length of a unit [min].
    patience
        How its ask for heat comes down to cost.
    """

    def __init__(
        self,
        identity: Identity,
        plant: Chp,
        terms: ChpTerms,
        expected_price: FloatArray,
        expected_power: FloatArray,
        minutes: float,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(identity)
        self.expected_power = expected_power
        self.plant = plant
        self.terms = terms
        self.expected_price = expected_price
        self.minutes = minutes
        self.patience = patience
        self.heat = SalesBook(len(expected_price))
        self.power = SalesBook(len(expected_price))
        self._heat_kw = 0.0
        self._power_kw = 0.0
        self._fuel_kw = 0.0

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:
        """Return offers of heat and power that pay together."""
        heat = within(views["heat"], len(self.expected_price))
        power = within(views["electricity"], len(self.expected_price))
        units, at_heat, at_power = np.intersect1d(heat.units, power.units, assume_unique=True, return_indices=True)
        heat, quoted = select(heat, at_heat), select(power, at_power)
        power = at_place(quoted)
        self.heat.take(heat)
        self.power.take(power)
        lead: FloatArray = np.asarray(units - now, dtype=np.float64)
        line = self.plant.power_to_heat * np.maximum(self.heat.sold_kw[units], 0.0)
        gap = line - self.power.sold_kw[units]
        return {
            "heat": self._heat_quotes(lead, heat, power, gap),
            "electricity": to_exchange(quoted, self._power_quotes(lead, heat, power, gap)),
        }

    def realise(self, unit: int, secured_kw: Mapping[Carrier, float]) -> Mapping[Carrier, Realised]:  # noqa: ARG002
        """Return heat and power inside the plant's region, nearest to what was secured; heat goes first."""
        wanted = max(secured_kw.get("electricity", 0.0), 0.0)
        heat = self.plant.heat.nearest(secured_kw.get("heat", 0.0), self._heat_kw, self.minutes)
        low, high = self.plant.power_range(heat)
        power = min(max(wanted, low), high)
        if heat == 0.0 and wanted < 0.5 * max(self.plant.min_condensing_kw, 1e-9):
            power = 0.0
        return {"heat": Realised.steady(heat), "electricity": Realised.steady(power)}

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Burn the fuel for what was delivered."""
        self._heat_kw = max(delivered.rate_kw.get("heat", 0.0), 0.0)
        self._power_kw = max(delivered.rate_kw.get("electricity", 0.0), 0.0)
        self.heat.settle(unit, self._heat_kw)
        self.power.settle(unit, self._power_kw)
        self._fuel_kw = self.plant.fuel_kw(self._heat_kw, self._power_kw)

    def record(self) -> Mapping[str, float]:
        """Return heat, power, fuel, and what the fuel of this unit cost."""
        cost = self._fuel_kw * self.terms.fuel_eur_per_mwh * self.minutes / 60.0 / KWH_PER_MWH
        return {
            "heat_kw": self._heat_kw,
            "power_kw": self._power_kw,
            "fuel_kw": self._fuel_kw,
            "fuel_cost_eur": cost,
        }

    def _heat_quotes(self, lead: FloatArray, heat: MarketView, power: MarketView, gap: FloatArray) -> Quotes:
        plant, terms, units = self.plant, self.terms, heat.units
        bid = self._sure_bid(power)
        sold = np.maximum(self.heat.sold_kw[units], 0.0)
        free = free_kw(self.heat, units, plant.heat, self.minutes, np.full(len(units), np.inf))
        sells = np.where(power.bid == NO_PRICE, 0.0, power.bid_lots * power.lot_kw) - np.maximum(gap, 0.0)
        together = np.minimum(free, sells / plant.power_to_heat)
        price = plant.fuel_per_heat * terms.fuel_eur_per_mwh - plant.power_to_heat * bid
        if plant.extracts:
            room = (
                (plant.condensing_kw - self.power.sold_kw[units]) / plant.power_loss - sold
                if plant.power_loss
                else free
            )
            apart = np.minimum(np.minimum(-gap / plant.power_to_heat, free), room)
            alone = apart >= heat.lot_kw
            together = np.where(alone, apart, together)
            price = np.where(alone, plant.power_loss * terms.fuel_eur_per_mwh / plant.efficiency, price)
        limit = price + terms.margin_eur_per_mwh
        if self.patience is not None:
            limit = np.maximum(limit, self.patience.limits(lead, self.expected_price[units])[1])
        lots = np.where(lead > LAST_OFFER_UNITS, whole_lots(together, heat.lot_kw), 0)
        stuck = (lead < LATE_UNITS) & (gap > power.lot_kw) & (power.bid == NO_PRICE)
        back = np.where(stuck, np.ceil(np.minimum(gap / plant.power_to_heat, sold) / heat.lot_kw - 1e-6), 0.0)
        idle = (lead < LATE_UNITS) & (sold > 0.0) & (sold < plant.heat.min_kw)
        back = np.where(idle, np.ceil(sold / heat.lot_kw - 1e-6), back).astype(np.int64)
        most = np.where(
            idle, np.maximum(self.heat.received[units], self.expected_price[units]), self.heat.received[units]
        )
        keeps = np.where(stuck | (idle & (limit <= most)), 0, lots)
        return make_quotes(heat, back, most, keeps, self.heat.ask(heat, limit))

    def _sure_bid(self, power: MarketView) -> FloatArray:
        """Return what power brings for sure [EUR/MWh], nothing where nobody bids.

        While a unit gathers orders, bids may stand above asks and only the auction says who pays what: the lower of
        both counts then, and of a bid that stands alone no more than is expected.
        """
        tick = power.tick_eur_per_mwh
        other = np.where(power.ask == NO_PRICE, self.expected_power[power.units], power.ask * tick)
        return np.where(power.bid == NO_PRICE, 0.0, np.minimum(power.bid * tick, other))

    def _power_quotes(self, lead: FloatArray, heat: MarketView, power: MarketView, gap: FloatArray) -> Quotes:
        plant, terms, units = self.plant, self.terms, power.units
        cost = plant.fuel_per_heat * terms.fuel_eur_per_mwh - self.heat.received[units]
        least = np.maximum(cost + 0.5 * terms.margin_eur_per_mwh, 0.0) / plant.power_to_heat
        bid = np.where(power.bid == NO_PRICE, least, np.maximum(power.bid * power.tick_eur_per_mwh, 0.0))
        price = np.where(lead < LATE_UNITS, np.minimum(least, bid) * np.clip(lead / LATE_UNITS, 0.0, 1.0), least)
        lots = whole_lots(gap + 0.5 * power.lot_kw, power.lot_kw)
        back = whole_lots(-gap - power.lot_kw, power.lot_kw)
        worth = terms.fuel_eur_per_mwh / plant.efficiency
        if plant.extracts:
            sold = np.maximum(self.heat.sold_kw[units], 0.0)
            most = plant.condensing_kw - plant.power_loss * np.minimum(sold + heat.lot_kw, plant.heat.max_kw)
            beyond = whole_lots(most - np.maximum(self.power.sold_kw[units], 0.0), power.lot_kw)
            runs = (sold > 0.0) & (lots == 0)
            lots = np.where(runs, beyond, lots)
            price = np.where(runs, worth + terms.margin_eur_per_mwh, price)
            back = np.where(runs, 0, back)
        ask = np.where(power.ask == NO_PRICE, worth, power.ask * power.tick_eur_per_mwh)
        give = np.where(lead < LATE_UNITS, np.maximum(ask, worth), worth)
        return make_quotes(power, np.where(lots > 0, 0, back), give, lots, self.power.ask(power, price))
