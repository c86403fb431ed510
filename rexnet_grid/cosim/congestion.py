"""What the limits that bound in the trading of a unit are worth, and what using the network costs by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery import CongestionPrices
from rexnet_grid.delivery.shadow import RestingOrders, TradedUnit, congestion_charge, shadow_prices_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.delivery import Headroom
    from rexnet_grid.prosumers.base import FloatArray, IntArray

SMALLEST_EUR_PER_MWH = 1e-3


@dataclass(frozen=True, slots=True)
class Congestion:
    """The price of congestion in one unit, from the orders that rest when its gate closes.

    Attributes
    ----------
    steepest_eur_per_mwh
        (n_rows,) the most that each row adds at a node [EUR/MWh]; zero where it did not bind.
    prices
        What the rows are worth by place, one unit.
    """

    steepest_eur_per_mwh: FloatArray
    prices: CongestionPrices


def congestion_of(market: CarrierMarket, unit: int) -> Congestion:
    """Return the price of congestion in ``unit``, just before its gate closes; nothing where no limit bound."""
    found = CongestionPrices.none(1, len(market.network.nodes))
    rows = market.rows.get(unit)
    if market.admission is None or rows is None:
        return Congestion(np.zeros(0), found)
    traded = _kept_apart(market, [unit])
    if not traded:
        return Congestion(np.zeros(len(rows.limits)), found)
    prices = shadow_prices_of(traded)[0]
    _fill(found, 0, rows, prices, market.positions_kw([unit])[0])
    both = rows.coefficients if rows.injecting is None else np.hstack((rows.coefficients, rows.injecting))
    return Congestion(prices * np.abs(both).max(axis=1, initial=0.0), found)


def price_congestion(market: CarrierMarket, units: Sequence[int], position_kw: FloatArray) -> CongestionPrices | None:
    """Return what the limits that keep orders of the open units apart are worth; None where there are none.

    ``position_kw`` (n_units, n_nodes) are the positions about which headroom is published [kW].
    """
    traded = _kept_apart(market, units)
    if not traded:
        return None
    found = CongestionPrices.none(len(units), len(market.network.nodes))
    place = {unit: row for row, unit in enumerate(units)}
    for unit, prices in zip(traded, shadow_prices_of(traded), strict=True):
        row = place[unit.headroom.unit]
        _fill(found, row, unit.headroom, prices, position_kw[row])
    return found


def _kept_apart(market: CarrierMarket, units: Sequence[int]) -> list[TradedUnit]:
    """Return those of ``units`` in which a limit stood between orders since its headroom was published."""
    admission = market.admission
    bindings = {} if admission is None else admission.bindings()
    bound = [unit for unit in units if unit in bindings and unit in market.rows]
    if admission is None or not bound:
        return []
    resting = market.exchange.orders()
    traded = []
    for unit in bound:
        own = resting[resting[:, 0] == unit]
        orders = RestingOrders(
            node=market.nodes_of(own[:, 4]),
            sells=own[:, 1] == 1,
            price=own[:, 2] * market.exchange.rules.tick_eur_per_mwh,
            quantity_kw=(own[:, 5] + own[:, 6]) * market.lot_kw,
        )
        rows = np.array([binding.row for binding in bindings[unit]], dtype=np.int64)
        traded.append(TradedUnit(market.rows[unit], admission.slack(unit), orders, rows))
    return traded


def _fill(found: CongestionPrices, at: int, rows: Headroom, prices: FloatArray, position_kw: FloatArray) -> None:
    """Enter what the rows of one unit are worth by place."""
    paid = np.flatnonzero(prices > 0.0)
    if not len(paid):
        return
    rising = rows.coefficients if rows.injecting is None else rows.injecting
    found.injecting_eur_per_mwh[at] = congestion_charge(rows, prices, injects=True)
    found.withdrawing_eur_per_mwh[at] = congestion_charge(rows, prices, injects=False)
    adds = prices[paid, None] * np.maximum(np.abs(rising[paid]), np.abs(rows.coefficients[paid]))
    names = np.array([rows.limit_at(int(row), position_kw)[0] for row in paid], dtype=object)
    found.limit[at] = np.where(adds.max(axis=0) > SMALLEST_EUR_PER_MWH, names[adds.argmax(axis=0)], "")


def charge_network_use(
    market: CarrierMarket,
    unit: int,
    realised_lots: IntArray,
    reference_ticks: int,
    congestion: Congestion,
) -> None:
    """Book what every account pays the operator for losses and congestion that its rate causes at its place.

    A rate that saves losses or relieves a limit earns what one that causes them pays. Losses are worth the unit's
    reference price.
    """  # fmt: skip
    if market.network_charge == "none":
        return
    _post(market, "loss charge", unit, realised_lots, market.loss_factors(unit) * reference_ticks)
    if market.network_charge == "losses_and_congestion":
        prices, nodes = congestion.prices, market.seats.nodes
        by_node = np.where(
            realised_lots > 0, prices.injecting_eur_per_mwh[0, nodes], prices.withdrawing_eur_per_mwh[0, nodes]
        )
        ticks = by_node / market.exchange.rules.tick_eur_per_mwh
        _post(market, "congestion charge", unit, realised_lots, ticks)


def _post(market: CarrierMarket, kind: str, unit: int, lots: IntArray, ticks: FloatArray) -> None:
    quanta = np.rint(lots * ticks).astype(np.int64)
    quanta[market.seats.balances] = 0
    accounts = np.arange(len(quanta))
    market.exchange.post(kind, unit, accounts, np.full(len(quanta), market.seats.operator), quanta)
