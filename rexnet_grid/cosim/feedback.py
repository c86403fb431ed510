"""Step 7: what the networks tell the exchanges."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from rexnet_grid.cosim.closer import Closer
from rexnet_grid.cosim.congestion import price_congestion
from rexnet_grid.cosim.oracles import NetworkOracle
from rexnet_grid.delivery.network import CanBeTried

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.linepack import LinepackNews
    from rexnet_grid.cosim.metering import Readings
    from rexnet_grid.cosim.oracles import Estimated, Oracle
    from rexnet_grid.prosumers.base import FloatArray, Prosumer
    from rexnet_grid.prosumers.operator import NetworkOperator


@dataclass(slots=True)
class Feedback:
    """The channel from one network to its exchange; orders that the network kept apart trade if they fit now.

    Attributes
    ----------
    market
        The carrier it serves.
    oracle
        Whoever says what still fits.
    news
        The line to the operator of a network that stores; None where nothing is stored.
    published
        The units whose headroom is published, and the positions (n_units, n_nodes) [kW] about which it was made.
    """

    market: CarrierMarket
    oracle: Oracle
    news: LinepackNews | None = None
    published: tuple[list[int], FloatArray] = field(default_factory=lambda: ([], np.zeros((0, 0))))

    def publish(self, population: Sequence[Prosumer]) -> None:
        """Refresh headroom and signal of every open unit about the positions reserved so far.

        Orders that trade on the new headroom move the positions. Units of an electric network stand alone: where limits
        keep orders apart these trade as far as the network proves it (:mod:`rexnet_grid.cosim.closer`), and what it has
        moved is refreshed once more at once. What limits are worth is told from the orders that still stand apart then.
        """
        market = self.market
        units = market.exchange.units.tolist()
        if market.admission is None or not units:
            return
        position_kw = market.positions_kw(units)
        self.recall((units, position_kw))
        for rows in market.rows.values():
            market.admission.publish(rows)
        market.signal = self.oracle.signal(units, position_kw)
        if isinstance(self.oracle, NetworkOracle) and isinstance(market.network, CanBeTried):
            closer = Closer(market, market.network, units)
            closer.rematch(self._refresh(closer.trade()))
        else:
            moved = [unit for unit in units if market.exchange.rematch(unit)]
            if market.network.carrier == "electricity":
                for unit in self._refresh(moved):
                    market.exchange.rematch(unit)
        market.signal = replace(market.signal, congestion=price_congestion(market, *self.published))
        if self.news is not None:
            self.news.tell(cast("NetworkOperator", population[self.news.member]), units, position_kw)

    def _refresh(self, units: list[int]) -> list[int]:
        """Refresh the headroom of these units about where they are now; return them."""
        if not units:
            return units
        market, (every, published) = self.market, self.published
        position_kw = market.positions_kw(units)
        published[[every.index(unit) for unit in units]] = position_kw
        for rows in self.oracle.headroom(units, position_kw):
            market.rows[rows.unit] = rows
            if market.admission is not None:
                market.admission.publish(rows)
        return units

    def recall(self, published: tuple[list[int], FloatArray]) -> None:
        """Make the headroom about these positions anew, without publishing it: the exchange has it already."""
        self.published = published
        if published[0]:
            self.market.rows = {rows.unit: rows for rows in self.oracle.headroom(*published)}

    def learn(self, readings: Readings, hours: float) -> tuple[Estimated, ...]:
        """Let the oracle see the meters of a delivered unit of ``hours`` [h]; return what it estimated anew."""
        return self.oracle.learn(readings, hours)
