"""Step 6: the ledger books a unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.unit import UnitOnCarrier


def settle(market: CarrierMarket, book: UnitOnCarrier) -> None:
    """Book imbalance, network use and compensation of one delivered unit."""
    realised = np.rint(book.delivered_kw / market.lot_kw).astype(np.int64)
    realised[market.seats.operator] -= realised.sum()
