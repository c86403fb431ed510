"""Step 6: the ledger books a unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.cosim.congestion import charge_network_use
from rexnet_grid.cosim.options import instructed_lots
from rexnet_grid.errors import RexnetError

if TYPE_CHECKING:
    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.unit import UnitOnCarrier
    from rexnet_grid.prosumers.base import FloatArray, IntArray


def settle(market: CarrierMarket, book: UnitOnCarrier) -> None:
    """Book imbalance, fees, compensation and balancing energy of one delivered unit.

    Rates are metered in whole lots; the operator's is minus the sum of all others', so no lot is lost to rounding.
    What the maintainer cut, or the network did not carry, of a reservation is compensated at the participant's own
    curtailment price; an option that was exercised moves the reservation instead. What flowed at the supply point
    beyond what the external supply had sold is paid by the operator at the unit's reference price, and so is heat that
    plants had to put in beyond what they were to.

    Raises
    ------
    RexnetError
        When the exchange refuses, which is a fault of this package.
    """
    seats, exchange = market.seats, market.exchange
    realised = _lots(market, book.delivered_kw)
    realised[seats.operator] = 0
    realised[seats.operator] = -realised.sum()
    beyond = realised - _lots(market, book.delivered_kw - book.beyond_kw)
    beyond[seats.operator] = 0
    tick = exchange.rules.tick_eur_per_mwh
    receipt = exchange.settle(
        book.unit,
        realised,
        operator_account=seats.operator,
        lowest_lots=_lots(market, np.minimum(book.lowest_kw, book.delivered_kw)),
        curtailed_lots=_lots(market, book.withheld_kw),
        compensation_ticks=np.rint(seats.curtailment_price / tick).astype(np.int64),
        instructed_lots=instructed_lots(market, book.unit) + beyond,
    )
    if receipt.status != "settled":
        raise RexnetError(f"unit {book.unit} of {market.carrier} could not be settled: {receipt.reason}")
    charge_network_use(market, book.unit, realised, receipt.reference_price, book.congestion)
    if seats.supplier >= 0 and book.state is not None:
        supplied = round(book.supplied_kw(book.state, int(seats.nodes[seats.supplier]), seats.nodes) / market.lot_kw)
        beyond[seats.supplier] = supplied - int(book.reserved_lots[seats.supplier])
    operator = np.full(len(beyond), seats.operator)
    exchange.post("balancing", book.unit, operator, np.arange(len(beyond)), beyond * receipt.reference_price)


def _lots(market: CarrierMarket, rate_kw: FloatArray) -> IntArray:
    return np.rint(rate_kw / market.lot_kw).astype(np.int64)
