r"""Prices as they are at a participant's place: what the exchange quotes, and what the network charges on top.

Where the operator charges by place, a change of injection dr of an account with rate r costs

.. math:: c\,dr, \qquad c = \lambda\,\bar p + \begin{cases} \kappa^+ & r > 0 \text{ or } r = 0, dr > 0 \\
                                                              \kappa^- & \text{otherwise,} \end{cases}

with the marginal loss λ per injection [kW/kW] and the congestion prices κ⁺ of who injects and κ⁻ of who withdraws
[EUR/MWh]. The reference price of the unit is known only when it has been traded, so the middle of the best prices
stands for it. One more MWh bought at the ask costs ask - c, one more sold brings bid - c. Who can choose another unit
decides on these prices; an uncontrolled load pays the charge whatever price it bought at, so its bids stay as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import NO_PRICE, Quotes

if TYPE_CHECKING:
    from rexnet_grid.prosumers.base import BoolArray, FloatArray, IntArray, MarketView

BUY = 0


def congestion_of_buying(view: MarketView) -> FloatArray:
    """Return what limits add to the price of one more MWh bought here [EUR/MWh], charged or not; never negative."""
    if view.congestion is None:
        return np.zeros(len(view.units))
    injects = view.position > 0
    prices = np.where(injects, view.congestion.injecting_eur_per_mwh, view.congestion.withdrawing_eur_per_mwh)
    return np.maximum(-prices, 0.0)


def charge(view: MarketView) -> tuple[FloatArray, FloatArray]:
    """Return what one more MWh bought and one more MWh sold is charged [EUR/MWh]; negative where it earns."""
    nothing = np.zeros(len(view.units))
    if view.network_charge == "none":
        return nothing, nothing
    losses = view.loss_factor * _middle(view) * view.tick_eur_per_mwh
    injecting = withdrawing = losses
    if view.network_charge == "losses_and_congestion" and view.congestion is not None:
        injecting = losses + view.congestion.injecting_eur_per_mwh
        withdrawing = losses + view.congestion.withdrawing_eur_per_mwh
    return -np.where(view.position > 0, injecting, withdrawing), np.where(view.position < 0, withdrawing, injecting)


def at_place(view: MarketView) -> MarketView:
    """Return ``view`` with the charges in its best prices, in whole ticks against the participant."""
    if view.network_charge == "none":
        return view
    bought, sold = _ticks(view)
    return replace(
        view,
        ask=np.where(view.ask == NO_PRICE, NO_PRICE, view.ask + bought),
        bid=np.where(view.bid == NO_PRICE, NO_PRICE, view.bid - sold),
    )


def to_exchange(view: MarketView, quotes: Quotes) -> Quotes:
    """Return orders decided on ``at_place(view)`` at the prices of the exchange, which alone is what it knows.

    A limit beyond the exchange's bounds moves onto them where that favours the participant; else the order is dropped.
    """
    if view.network_charge == "none" or not len(quotes.unit):
        return quotes
    bought, sold = _ticks(view)
    at: IntArray = np.searchsorted(view.units, quotes.unit)
    buys: BoolArray = quotes.side == BUY
    price = np.where(buys, quotes.price - bought[at], quotes.price + sold[at])
    keep = np.where(buys, price >= view.min_price, price <= view.max_price)
    price = np.clip(price, view.min_price, view.max_price)
    return Quotes(quotes.unit[keep], quotes.side[keep], price[keep], quotes.lots[keep])


def _ticks(view: MarketView) -> tuple[IntArray, IntArray]:
    bought, sold = charge(view)
    tick = view.tick_eur_per_mwh
    return np.ceil(bought / tick - 1e-9).astype(np.int64), np.ceil(sold / tick - 1e-9).astype(np.int64)


def _middle(view: MarketView) -> FloatArray:
    """Return the middle of the best prices [tick]; the one there is, or zero, where not both are there."""
    bid, ask = view.bid != NO_PRICE, view.ask != NO_PRICE
    both = np.where(bid, view.bid, 0) + np.where(ask, view.ask, 0)
    return np.asarray(both / np.maximum(bid.astype(np.int64) + ask, 1), dtype=np.float64)
