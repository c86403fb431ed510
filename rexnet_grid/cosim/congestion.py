"""What the limits that bound in the trading of a unit are worth, and what using the network costs by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.delivery.shadow import RestingOrders, congestion_charge, shadow_prices

if TYPE_CHECKING:
    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.prosumers.base import FloatArray, IntArray

NetworkCharge = Literal["none", "losses", "losses_and_congestion"]


@dataclass(frozen=True, slots=True)
class Congestion:
    """The price of congestion in one unit, from the orders that rest when its gate closes.

    Attributes
    ----------
    steepest_eur_per_mwh
        (n_rows,) the most that each row adds at a node [EUR/MWh]; zero where it did not bind.
    injecting_eur_per_mwh, withdrawing_eur_per_mwh
        (n_accounts,) what an injection of each account is charged when it injects and when it withdraws [EUR/MWh].
    """

    steepest_eur_per_mwh: FloatArray
    injecting_eur_per_mwh: FloatArray
    withdrawing_eur_per_mwh: FloatArray


def congestion_of(market: CarrierMarket, unit: int) -> Congestion:
    """Return the price of congestion in ``unit``, just before its gate closes; nothing where no limit bound."""
    nobody = np.zeros(len(market.seats.names))
    rows = market.rows.get(unit)
    if market.admission is None or rows is None:
        return Congestion(np.zeros(0), nobody, nobody)
    if unit not in market.admission.bindings():
        return Congestion(np.zeros(len(rows.limits)), nobody, nobody)
    resting = market.exchange.orders()
    resting = resting[resting[:, 0] == unit]
    orders = RestingOrders(
        node=market.nodes_of(resting[:, 4]),
        sells=resting[:, 1] == 1,
        price=resting[:, 2] * market.exchange.rules.tick_eur_per_mwh,
        quantity_kw=(resting[:, 5] + resting[:, 6]) * market.lot_kw,
    )
    prices = shadow_prices(rows, market.admission.slack(unit), orders)
    both = rows.coefficients if rows.injecting is None else np.hstack((rows.coefficients, rows.injecting))
    steepest = prices * np.abs(both).max(axis=1, initial=0.0)
    return Congestion(
        steepest,
        congestion_charge(rows, prices, injects=True)[market.seats.nodes],
        congestion_charge(rows, prices, injects=False)[market.seats.nodes],
    )


def charge_network_use(
    market: CarrierMarket,
    unit: int,
    realised_lots: IntArray,
    reference_ticks: int,
    charge: NetworkCharge,
    congestion: Congestion,
) -> None:
    """Book what every account pays the operator for losses and congestion that its rate causes at its place.

    A rate that saves losses or relieves a limit earns what one that causes them pays. Losses are worth the unit's
    reference price.
    """  # fmt: skip
    if charge == "none":
        return
    _post(market, "loss charge", unit, realised_lots, market.loss_factors(unit) * reference_ticks)
    if charge == "losses_and_congestion":
        charges = np.where(realised_lots > 0, congestion.injecting_eur_per_mwh, congestion.withdrawing_eur_per_mwh)
        ticks = charges / market.exchange.rules.tick_eur_per_mwh
        _post(market, "congestion charge", unit, realised_lots, ticks)


def _post(market: CarrierMarket, kind: str, unit: int, lots: IntArray, ticks: FloatArray) -> None:
    quanta = np.rint(lots * ticks).astype(np.int64)
    quanta[market.seats.balances] = 0
    accounts = np.arange(len(quanta))
    market.exchange.post(kind, unit, accounts, np.full(len(quanta), market.seats.operator), quanta)
