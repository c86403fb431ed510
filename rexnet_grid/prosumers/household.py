"""A household: a load nobody controls, perhaps with photovoltaics, that buys what it thinks it will need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import Quotes, Realised
from rexnet_grid.prosumers.participant import Participant, make_quotes, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import Delivered, FloatArray, MarketView
    from rexnet_grid.prosumers.forecast import BridgeForecast
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.units import Carrier

HYSTERESIS = 0.35
PRICE_STEP_EUR_PER_MWH = 2.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How a limit price moves from the expected price to the last resort as the gate comes nearer.

    Attributes
    ----------
    ceiling, floor
        Most it pays and least it sells for [EUR/MWh].
    opening
        Where its limit starts relative to the expected price when buying [EUR/MWh]; selling starts as far above.
    horizon
        Lead time from which the limit begins to move [units].
    """

    ceiling: float
    floor: float
    opening: float
    horizon: float

    def limits(self, lead: FloatArray, expected: FloatArray) -> tuple[FloatArray, FloatArray]:
        r"""Return buy and sell limits [EUR/MWh] at a lead time [units] about the expected price [EUR/MWh].

        The buy limit is :math:`p + o + (c - p - o)\,g^3` with :math:`g = 1 - l/L` in [0, 1]: almost the market price
        for most of the day, the ceiling c at the gate. Selling mirrors it down to the floor. Limits move in steps of
        2 EUR/MWh, so that resting orders keep their place in the queue.
        """
        urgency = np.clip(1.0 - lead / self.horizon, 0.0, 1.0) ** 3
        start = np.minimum(expected + self.opening, self.ceiling)
        buy = start + (self.ceiling - start) * urgency
        begin = np.maximum(expected - self.opening, self.floor)
        sell = begin + (self.floor - begin) * urgency
        step = PRICE_STEP_EUR_PER_MWH
        return (
            np.minimum(np.floor(buy / step) * step, self.ceiling),
            np.maximum(np.ceil(sell / step) * step, self.floor),
        )


class Household(Participant):
    """An uncontrollable participant, on the electric network unless told otherwise.

    It wants its position to equal its own forecast of photovoltaics minus load. It moves when the two differ by more
    than a third of the present forecast error, so that it does not pay the spread for noise. It never pays more than
    its ceiling and never sells below its floor.

    Parameters
    ----------
    identity
        Who it is.
    forecast
        Its net injection [kW], what will come and what it expects.
    expected_price
        (n_units,) the price it expects [EUR/MWh].
    patience
        How its limits move.
    carrier
        What it takes or gives.
    """

    def __init__(
        self,
        identity: Identity,
        forecast: BridgeForecast,
        expected_price: FloatArray,
        patience: Patience,
        carrier: Carrier = "electricity",
    ) -> None:
        super().__init__(identity)
        self.carrier: Carrier = carrier
        self.forecast = forecast
        self.expected_price = expected_price
        self.patience = patience
        self._net_kw = 0.0

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:
        """Return orders that would close the gap between forecast and position."""
        view = within(views[self.carrier], len(self.expected_price))
        if len(view.units) == 0:
            return {self.carrier: Quotes.none()}
        lead: FloatArray = np.asarray(view.units - now, dtype=np.float64)
        wanted_kw = self.forecast.at(now, view.units)
        gap_kw = wanted_kw - view.position * view.lot_kw
        ignored_kw = np.maximum(HYSTERESIS * self.forecast.error_std(now, view.units), 0.5 * view.lot_kw)
        gap = np.where(np.abs(gap_kw) > ignored_kw, np.rint(gap_kw / view.lot_kw), 0.0).astype(np.int64)
        buy, sell = self.patience.limits(lead, self.expected_price[view.units])
        return {self.carrier: make_quotes(view, np.maximum(-gap, 0), buy, np.maximum(gap, 0), sell)}

    def realise(self, unit: int, secured_kw: Mapping[Carrier, float]) -> Mapping[Carrier, Realised]:  # noqa: ARG002
        """Return what the household really does, whatever it reserved."""
        return {self.carrier: Realised.steady(float(self.forecast.actual[unit]))}

    def conclude(self, unit: int, delivered: Delivered) -> None:  # noqa: ARG002
        """Take note of what was delivered."""
        self._net_kw = delivered.rate_kw[self.carrier]

    def record(self) -> Mapping[str, float]:
        """Return the net injection."""
        return {"net_kw": self._net_kw}
