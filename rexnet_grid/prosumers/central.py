"""A central heat pump: it buys electricity for the heat it sells, and so ties the two markets together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import NO_PRICE, Quotes, Realised
from rexnet_grid.prosumers.participant import Participant, make_quotes, select, within
from rexnet_grid.prosumers.place import at_place, to_exchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import Delivered, FloatArray, IntArray, MarketView
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.rexdynnet.plants import OperatingRange
    from rexnet_grid.units import Carrier


@dataclass(frozen=True, slots=True)
class HeatPumpPlant:
    """What a central heat pump is and how it prices.

    Attributes
    ----------
    heat_kw
        Heat rating [kW].
    cop
        (n_units,) coefficient of performance [-].
    margin_eur_per_mwh
        Margin on heat over the electricity it takes [EUR/MWh heat].
    last_resort_eur_per_mwh
        Most it pays for heat it has sold and cannot make [EUR/MWh heat].
    cover_units, last_offer_units
        Lead times under which it covers open positions at any price below the last resort, and under which it offers
        no more heat, because it could no longer cover it [units].
    range
        Its minimum load and ramp; None for a machine that goes everywhere up to its rating at once.
    minutes
        Length of a unit [min]; matters for the ramp.
    """

    heat_kw: float
    cop: FloatArray
    margin_eur_per_mwh: float
    last_resort_eur_per_mwh: float
    cover_units: float = 6.0
    last_offer_units: float = 2.5
    range: OperatingRange | None = None
    minutes: float = 15.0

    def steps(self, wanted_kw: float, before_kw: float) -> float:
        """Return the heat nearest to what is wanted that the machine can give after ``before_kw`` [kW]."""
        if self.range is None:
            return min(max(wanted_kw, 0.0), self.heat_kw)
        return self.range.nearest(wanted_kw, before_kw, self.minutes)


class CentralHeatPump(Participant):
    """A heat pump that sells heat into the heat network and buys its electricity from the grid.

    It offers heat where electricity is offered to it, at

    .. math:: p_{heat} = p_{el} / COP + m

    and no more of it than the electricity at that price makes. It buys electricity for what it has sold up to the
    price at which it sold (known from its own limits, so at most what it received), which loses nothing. Only where
    its heat is still uncovered shortly before the gate does it pay more, for electricity or for the heat of others,
    whichever costs less. So a constraint in the grid reaches the heat market, and the boiler takes over.

    Parameters
    ----------
    identity
        Who it is, with a node on each carrier.
    plant
        What it is.
    """

    def __init__(self, identity: Identity, plant: HeatPumpPlant) -> None:
        super().__init__(identity)
        self.plant = plant
        units = len(plant.cop)
        self._ask = np.zeros(units)
        self._received = np.zeros(units)
        self._sold_kw = np.zeros(units)
        self._heat_kw = 0.0
        self._electric_kw = 0.0

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:
        """Return offers of heat, purchases of electricity for it, and cover for what stayed open."""
        heat = within(views["heat"], len(self._ask))
        power = within(views["electricity"], len(self._ask))
        units, at_heat, at_power = np.intersect1d(heat.units, power.units, assume_unique=True, return_indices=True)
        if len(units) == 0 or len(units) != len(heat.units) or len(units) != len(power.units):
            heat, power = select(heat, at_heat), select(power, at_power)
        quoted, power = power, at_place(power)
        self._book(heat)
        cop = self.plant.cop[units]
        sold_kw = np.maximum(heat.position * heat.lot_kw, 0.0)
        bought_kw = np.maximum(-power.position * power.lot_kw, 0.0)
        gap = np.ceil((sold_kw / cop - bought_kw) / power.lot_kw - 1e-6).astype(np.int64)
        late = units - now < self.plant.cover_units
        power_ask = np.where(power.ask == NO_PRICE, np.inf, power.ask * power.tick_eur_per_mwh)
        heat_ask = np.where(heat.ask == NO_PRICE, np.inf, heat.ask * heat.tick_eur_per_mwh)
        limit = (self._received[units] - 0.5 * self.plant.margin_eur_per_mwh) * cop
        last = np.minimum(heat_ask, self.plant.last_resort_eur_per_mwh) * cop
        limit = np.where(late, np.maximum(limit, last), limit)
        reached = np.where(power_ask <= limit, power.ask_lots, 0)
        missing = np.where(late, np.maximum(gap - reached, 0), 0)
        idle = np.minimum(power_ask, self.plant.last_resort_eur_per_mwh * cop)
        surplus = np.maximum(-gap - 1, 0)
        give = np.where(power.bid == NO_PRICE, idle, power.bid * power.tick_eur_per_mwh)
        electric = make_quotes(power, np.maximum(gap, 0), limit, surplus, np.maximum(give, 0.0))
        return {"electricity": to_exchange(quoted, electric), "heat": self._heat_quotes(now, heat, power, gap, missing)}

    def output_range_kw(self, carrier: Carrier) -> tuple[float, float]:
        """Return minimum load and rating of its heat; it generates no electricity."""
        least = 0.0 if self.plant.range is None else self.plant.range.min_kw
        return (least, self.plant.heat_kw) if carrier == "heat" else (0.0, 0.0)

    def realise(self, unit: int, secured_kw: Mapping[Carrier, float]) -> Mapping[Carrier, Realised]:
        """Return the heat that its electricity makes, no more than was sold, and the electricity for it."""
        cop = float(self.plant.cop[unit])
        heat = min(secured_kw.get("heat", 0.0), max(-secured_kw.get("electricity", 0.0), 0.0) * cop)
        heat = self.plant.steps(heat, self._heat_kw)
        return {"heat": Realised.steady(heat), "electricity": Realised.steady(-heat / cop)}

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Take note of what was delivered."""
        self._heat_kw = self._sold_kw[unit] = delivered.rate_kw.get("heat", 0.0)
        self._electric_kw = -delivered.rate_kw.get("electricity", 0.0)

    def record(self) -> Mapping[str, float]:
        """Return heat output and electric input."""
        return {"heat_kw": self._heat_kw, "electric_kw": self._electric_kw}

    def _book(self, heat: MarketView) -> None:
        """Take up what was sold since the last look, at the limit it was offered at."""
        units = heat.units
        sold = heat.position * heat.lot_kw
        before = self._sold_kw[units]
        fresh = np.maximum(sold - before, 0.0)
        worth = self._received[units] * np.maximum(before, 0.0) + self._ask[units] * fresh
        total = np.maximum(before, 0.0) + fresh
        self._received[units] = np.where(total > 0.0, worth / np.maximum(total, 1e-12), 0.0)
        self._sold_kw[units] = sold

    def _room_kw(self, units: IntArray) -> FloatArray:
        """Return up to which heat each unit may be sold, between rating and ramps [kW]."""
        rating = np.full(len(units), self.plant.heat_kw)
        limits = self.plant.range
        if limits is None or np.isinf(limits.ramp_kw_per_min):
            return rating
        last = len(self._sold_kw) - 1
        before, after = self._sold_kw[np.maximum(units - 1, 0)], self._sold_kw[np.minimum(units + 1, last)]
        reached = limits.reach_kw(np.maximum(np.minimum(before, after), 0.0), self.plant.minutes)
        return np.asarray(np.minimum(rating, reached))

    def _heat_quotes(self, now: float, heat: MarketView, power: MarketView, gap: IntArray, missing: IntArray) -> Quotes:
        """Return offers of new heat where electricity is offered, and purchases of heat where too little is."""
        cop = self.plant.cop[heat.units]
        offered = (power.ask != NO_PRICE) & (heat.units - now > self.plant.last_offer_units)
        price = np.where(offered, power.ask * power.tick_eur_per_mwh, 0.0) / cop + self.plant.margin_eur_per_mwh
        free_kw = self._room_kw(heat.units) - heat.position * heat.lot_kw
        makes_kw = np.maximum(power.ask_lots - np.maximum(gap, 0), 0) * power.lot_kw * cop
        lots = np.floor(np.minimum(free_kw, makes_kw) / heat.lot_kw + 1e-6).astype(np.int64)
        cover = np.ceil(missing * power.lot_kw * cop / heat.lot_kw - 1e-6).astype(np.int64)
        cover = np.minimum(cover, np.maximum(heat.position, 0))
        lots = np.where(offered & (missing == 0), lots, 0)
        price = np.ceil(price / heat.tick_eur_per_mwh - 1e-9) * heat.tick_eur_per_mwh
        self._ask[heat.units] = price
        last = np.full(len(lots), self.plant.last_resort_eur_per_mwh)
        return make_quotes(heat, cover, last, lots, price)
