"""Plants that only make heat: boilers with minimum load and part-load efficiency, solar fields, waste heat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import Realised
from rexnet_grid.prosumers.participant import KWH_PER_MWH, Participant, make_quotes, within
from rexnet_grid.prosumers.place import at_place, to_exchange
from rexnet_grid.prosumers.sales import SalesBook, free_kw, whole_lots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import BoolArray, Delivered, FloatArray, IntArray, MarketView, Quotes
    from rexnet_grid.prosumers.forecast import BridgeForecast
    from rexnet_grid.prosumers.household import Patience
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.rexdynnet.plants import EfficiencyCurve, OperatingRange
    from rexnet_grid.units import Carrier

LOOKS_AT_COST = 6
LATE_UNITS = 6.0


@dataclass(frozen=True, slots=True)
class HeatSource:
    """What a heat plant is and what its heat costs.

    Attributes
    ----------
    range
        Rating, minimum load and ramp.
    efficiency
        Fuel by load; None where nothing is burnt.
    fuel_eur_per_mwh
        Price of the fuel, or of the heat itself where nothing is burnt [EUR/MWh].
    margin_eur_per_mwh
        What it wants on top [EUR/MWh].
    last_resort_eur_per_mwh
        Most it pays for heat it sold and cannot make [EUR/MWh].
    """

    range: OperatingRange
    efficiency: EfficiencyCurve | None
    fuel_eur_per_mwh: float
    margin_eur_per_mwh: float
    last_resort_eur_per_mwh: float

    def fuel_kw(self, output_kw: FloatArray) -> FloatArray:
        """Return fuel, or heat taken, for each output [kW]."""
        return output_kw if self.efficiency is None else self.efficiency.fuel_kw(output_kw, self.range.max_kw)

    def cost(self, output_kw: FloatArray) -> FloatArray:
        """Return the cost of each output [EUR/MWh x kW]."""
        return np.asarray(self.fuel_kw(output_kw) * self.fuel_eur_per_mwh)


class HeatPlant(Participant):
    r"""A plant that sells heat at what it costs and never for less.

    With the cost F(q) of an output q and what it has sold q0, it offers up to q1 at

    .. math:: \max_{q_0 < q \le q_1} \frac{F(q) - F(q_0)}{q - q_0} + m

    so that no part of an offer that is filled loses. While less than its minimum load is sold, it offers what is
    missing to that at the price at which the whole minimum load pays, and shortly before the gate it also bids for
    what it sold, at most what it received: a plant that would not run buys itself free. What others make for less than
    it saves it buys from them. Ramps bind neighbouring
    units: no unit is sold further above its neighbours than the plant can move. Where it can have its heat for less
    than what is expected to be paid, it asks for the expected price first and comes down as the gate comes nearer.

    Parameters
    ----------
    identity
        Who it is.
    source
        What it is.
    expected_price
        (n_units,) the price of heat everybody expects [EUR/MWh].
    minutes
        Length of a unit [min].
    available
        What sun or source will give, and its forecast [kW], of which it sells what it is fairly sure of (one standard
        deviation of the forecast's error less); None for a plant that can always.
    patience
        How its ask comes down to cost; None to ask for cost and margin at once.
    """

    def __init__(
        self,
        identity: Identity,
        source: HeatSource,
        expected_price: FloatArray,
        minutes: float,
        available: BridgeForecast | None = None,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(identity)
        self.source = source
        self.expected_price = expected_price
        self.minutes = minutes
        self.available = available
        self.patience = patience
        self.book = SalesBook(len(expected_price))
        self._output_kw = 0.0
        self._fuel_kw = 0.0

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:
        """Return offers of what is free, and bids for what it sold and cannot or should not make."""
        quoted = within(views["heat"], len(self.expected_price))
        view = at_place(quoted)
        self.book.take(view)
        units, source = view.units, self.source
        lead: FloatArray = np.asarray(units - now, dtype=np.float64)
        sold = np.maximum(self.book.sold_kw[units], 0.0)
        has = foreseen = np.full(len(units), np.inf)
        if self.available is not None:
            foreseen = self.available.at(now, units)
            has = np.maximum(foreseen - self.available.error_std(now, units), 0.0)
        free = free_kw(self.book, units, source.range, self.minutes, has)
        least = source.range.min_kw
        starting = (sold < least) & (sold + free >= least)
        offer = np.where(starting, least - sold, np.where(sold + free >= least, free, 0.0))
        offered = whole_lots(np.where(starting, np.ceil(offer / view.lot_kw) * view.lot_kw, offer), view.lot_kw)
        price = self._ask(view, lead, sold, np.asarray(offered * view.lot_kw, dtype=np.float64), starting)
        missing = np.maximum(sold - np.maximum(foreseen, 0.0), 0.0)
        idle = np.where((lead < LATE_UNITS) & (sold > 0.0) & (sold < least), sold, 0.0)
        back = np.ceil(np.maximum(missing, idle) / view.lot_kw - 1e-6).astype(np.int64)
        limit = np.where(missing > idle, source.last_resort_eur_per_mwh, self.book.received[units])
        back = np.where((missing > 0.0) & (lead >= LATE_UNITS), 0, back)
        swap, saved = self._cheaper_elsewhere(view, sold)
        content = (missing <= 0.0) & (idle <= 0.0)
        back, limit = np.where(content, swap, back), np.where(content, saved, limit)
        return {"heat": to_exchange(quoted, make_quotes(view, back, np.minimum(limit, price), offered, price))}

    def output_range_kw(self, carrier: Carrier) -> tuple[float, float]:  # noqa: ARG002
        """Return minimum load and rating; sun and waste heat come as they come and cannot be called."""
        return (self.source.range.min_kw, self.source.range.max_kw if self.available is None else 0.0)

    def realise(self, unit: int, secured_kw: Mapping[Carrier, float]) -> Mapping[Carrier, Realised]:
        """Return the secured reservation as far as rating, minimum load, ramp and source allow."""
        has = np.inf if self.available is None else float(self.available.actual[unit])
        output = self.source.range.nearest(secured_kw.get("heat", 0.0), self._output_kw, self.minutes, has)
        return {"heat": Realised.steady(output)}

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Burn the fuel for what was delivered; what the network did not take is throttled down to the minimum load."""
        output = max(delivered.rate_kw["heat"], 0.0)
        self._output_kw = output
        self.book.settle(unit, output)
        burnt = max(output, self.source.range.min_kw) if output > 0.0 else 0.0
        self._fuel_kw = float(self.source.fuel_kw(np.array([burnt]))[0])

    def record(self) -> Mapping[str, float]:
        """Return output, fuel, and what the fuel of this unit cost."""
        cost = self._fuel_kw * self.source.fuel_eur_per_mwh * self.minutes / 60.0 / KWH_PER_MWH
        return {"output_kw": self._output_kw, "fuel_kw": self._fuel_kw, "fuel_cost_eur": cost}

    def _cheaper_elsewhere(self, view: MarketView, sold: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return what others may make in its place, down to its minimum load, and what that saves less the margin.

        A plant whose ramps bind its units to each other gives none of them back.
        """
        source = self.source
        spare = np.maximum(sold - source.range.min_kw, 0.0)
        if not np.isinf(source.range.ramp_kw_per_min):
            spare = np.zeros_like(spare)
        part = np.arange(1, LOOKS_AT_COST + 1)[:, None] / LOOKS_AT_COST * np.maximum(spare, view.lot_kw)
        saved = (source.cost(sold) - source.cost(np.maximum(sold - part, 0.0))) / part
        return whole_lots(spare, view.lot_kw), saved.min(axis=0) - source.margin_eur_per_mwh

    def _ask(
        self, view: MarketView, lead: FloatArray, sold: FloatArray, more: FloatArray, starting: BoolArray
    ) -> FloatArray:
        source = self.source
        before, received = source.cost(sold), self.book.received[view.units] * sold
        part = np.arange(1, LOOKS_AT_COST + 1)[:, None] / LOOKS_AT_COST * np.maximum(more, view.lot_kw)
        rising = ((source.cost(sold + part) - before) / part).max(axis=0)
        whole = (source.cost(sold + np.maximum(more, view.lot_kw)) - received) / np.maximum(more, view.lot_kw)
        price = np.where(starting, np.maximum(whole, 0.0), rising) + source.margin_eur_per_mwh
        if self.patience is not None:
            _, patient = self.patience.limits(lead, self.expected_price[view.units])
            price = np.maximum(price, patient)
        return self.book.ask(view, price)
