"""Who sells from outside or from fuel: the external supplier of electricity, and plants at marginal cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import Quotes, Realised
from rexnet_grid.prosumers.participant import Participant, make_quotes, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from rexnet_grid.prosumers.base import Delivered, FloatArray, MarketView
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.units import Carrier

NEWS_MEMORY = 0.97


class ExternalSupplier(Participant):
    """The link to the wholesale market: it quotes both sides around its own price curve in every open unit.

    Its curve moves with the news between two wake-ups as an AR(1) shift of all units, the intraday drift of wholesale
    prices. Quotes move in whole EUR/MWh only, so that most of them stay in the book. It sells for no less than half a
    spread above its curve and buys for no more than half a spread below.

    Parameters
    ----------
    identity
        Who it is; its node is the supply node of the grid.
    curve
        (n_units,) its price curve at the start [EUR/MWh].
    spread_eur_per_mwh
        Ask minus bid [EUR/MWh].
    capacity_kw
        Largest position to either side [kW].
    news_eur_per_mwh
        Standard deviation of the shift [EUR/MWh].
    generator
        Its own stream of news.
    buys
        Whether it buys too. Where a one-sided maker alone sells the energy from outside, buying there below its curve
        would be no supply but a bet against the maker.
    """

    def __init__(
        self,
        identity: Identity,
        curve: FloatArray,
        spread_eur_per_mwh: float,
        capacity_kw: float,
        news_eur_per_mwh: float,
        generator: Generator,
        *,
        buys: bool = True,
    ) -> None:
        super().__init__(identity)
        self.curve = curve
        self.spread = spread_eur_per_mwh
        self.capacity_kw = capacity_kw
        self.news = news_eur_per_mwh
        self.buys = buys
        self._generator = generator
        self._shift = 0.0

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:  # noqa: ARG002
        """Return an ask and, where it buys, a bid in every open unit."""
        view = within(views["electricity"], len(self.curve))
        fresh = self.news * float(np.sqrt(1.0 - NEWS_MEMORY**2)) * float(self._generator.standard_normal())
        self._shift = NEWS_MEMORY * self._shift + fresh
        centre = np.rint(self.curve[view.units] + self._shift)
        capacity = round(self.capacity_kw / view.lot_kw)
        half = 0.5 * self.spread
        wanted = capacity + view.position if self.buys else np.zeros_like(view.position)
        quotes = make_quotes(view, wanted, centre - half, capacity - view.position, centre + half)
        return {"electricity": quotes}


class FuelPlant(Participant):
    """A plant that sells one carrier at its marginal cost: a boiler, or a generator.

    Parameters
    ----------
    identity
        Who it is.
    carrier
        What it makes.
    rating_kw
        Largest output [kW].
    cost_eur_per_mwh
        Fuel over efficiency, per energy sold [EUR/MWh].
    margin_eur_per_mwh
        What it wants on top [EUR/MWh].
    """

    def __init__(
        self,
        identity: Identity,
        carrier: Carrier,
        rating_kw: float,
        cost_eur_per_mwh: float,
        margin_eur_per_mwh: float,
    ) -> None:
        super().__init__(identity)
        self.carrier: Carrier = carrier
        self.rating_kw = rating_kw
        self.cost = cost_eur_per_mwh
        self.margin = margin_eur_per_mwh
        self._output_kw = 0.0

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:  # noqa: ARG002
        """Return offers of all that is free, and bids that buy back what others make for less than its cost."""
        view = views[self.carrier]
        free = int(self.rating_kw / view.lot_kw + 1e-6) - view.position
        ask = np.full(len(view.units), self.cost + self.margin)
        bid = np.full(len(view.units), self.cost - self.margin)
        return {self.carrier: make_quotes(view, np.maximum(view.position, 0), bid, free, ask)}

    def output_range_kw(self, carrier: Carrier) -> tuple[float, float]:  # noqa: ARG002
        """Return nothing and the rating."""
        return (0.0, self.rating_kw)

    def realise(self, unit: int, secured_kw: Mapping[Carrier, float]) -> Mapping[Carrier, Realised]:  # noqa: ARG002
        """Return the secured reservation within the rating."""
        rate = min(max(secured_kw.get(self.carrier, 0.0), 0.0), self.rating_kw)
        return {self.carrier: Realised.steady(rate)}

    def conclude(self, unit: int, delivered: Delivered) -> None:  # noqa: ARG002
        """Take note of the output."""
        self._output_kw = delivered.rate_kw[self.carrier]

    def record(self) -> Mapping[str, float]:
        """Return the output."""
        return {"output_kw": self._output_kw}


class CurvePlant(FuelPlant):
    """A plant whose cost follows a curve, such as a heat pump in the cellar behind the day's price of electricity.

    Parameters
    ----------
    identity, carrier, rating_kw, margin_eur_per_mwh
        As in :class:`FuelPlant`.
    curve_eur_per_mwh
        (n_units,) cost per energy sold [EUR/MWh].
    """

    def __init__(
        self,
        identity: Identity,
        carrier: Carrier,
        rating_kw: float,
        curve_eur_per_mwh: FloatArray,
        margin_eur_per_mwh: float,
    ) -> None:
        super().__init__(identity, carrier, rating_kw, float(curve_eur_per_mwh.mean()), margin_eur_per_mwh)
        self.curve = curve_eur_per_mwh

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:  # noqa: ARG002
        """Return offers of all that is free, and bids that buy back a margin below cost."""
        view = within(views[self.carrier], len(self.curve))
        free = int(self.rating_kw / view.lot_kw + 1e-6) - view.position
        cost = np.rint(self.curve[view.units])
        quotes = make_quotes(view, np.maximum(view.position, 0), cost - self.margin, free, cost + self.margin)
        return {self.carrier: quotes}
