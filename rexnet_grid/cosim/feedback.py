"""Step 7: what the networks tell the exchanges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.delivery import Headroom, LocationalSignal
    from rexnet_grid.prosumers.base import FloatArray


class Oracle(Protocol):
    """Whoever says what still fits: the network itself, or an estimate of it."""

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return the headroom of each open unit about the positions (n_units, n_nodes) [kW]."""
        ...

    def signal(self, units: Sequence[int], position_kw: FloatArray) -> LocationalSignal:
        """Return the locational signal about the same positions."""
        ...


@dataclass(slots=True)
class Feedback:
    """The channel from one network to its exchange.

    Attributes
    ----------
    market
        The carrier it serves.
    oracle
        Whoever says what still fits.
    """

    market: CarrierMarket
    oracle: Oracle

    def publish(self) -> None:
        """Refresh headroom and signal of every open unit about the positions reserved so far."""
        market = self.market
        units = market.exchange.open_units()
        if market.admission is None or not len(units):
            return
        account_kw = market.exchange.ledger.positions(units) * market.lot_kw
        position_kw = market.nodal(np.asarray(account_kw, dtype=np.float64))
        numbers = [int(unit) for unit in units]
        for rows in self.oracle.headroom(numbers, position_kw):
            market.admission.publish(rows)
        market.signal = self.oracle.signal(numbers, position_kw)
