"""Avellaneda and Stoikov, High-frequency trading in a limit order book, Quantitative Finance 8 (2008), section 3.3.

s = 100, T = 1, sigma = 2, dt = 0.005, k = 1.5, A = 140, gamma = 0.1; a quote at distance d is hit with
probability A exp(-k d) dt. Inventory strategy: profit 65.0 (sd 6.6), sd of the final inventory 2.9; symmetric
strategy: 68.4 (12.7), 8.4. Tolerance 1.5 on means and 15 % on deviations. One tick is 0.01, one unit is one run.
"""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.reservex import Exchange, MarketRules, OrderBatch
from rexnet_grid.reservex.pricing import AvellanedaStoikov

RUNS, STEPS, DT, A, K, GAMMA, SIGMA, TICK = 2_000, 200, 0.005, 140.0, 1.5, 0.1, 2.0, 0.01
MAKER, TAKER = 0, 1


def exchange():
    ex = Exchange(MarketRules(opening_auction=False, min_price_ticks=0, max_price_ticks=30_000, forward_units=RUNS))
    for name in ("maker", "taker"):
        ex.register(name, node="n")
    for unit in range(RUNS):
        ex.open_unit(unit)
    return ex


def quotes(mid, inventory, step, by_inventory):
    """Distances of bid and ask from the mid of each run."""
    left = np.full(RUNS, STEPS - step)
    pricing = AvellanedaStoikov(mid=0.0, gamma=GAMMA, sigma=SIGMA, k=K, unit=DT)
    bid, ask = pricing.quotes(inventory, left)
    if not by_inventory:
        half = 0.5 * (ask - bid)  # the same spread, around the mid
        bid, ask = -half, half
    return mid + bid, mid + ask


def simulate(by_inventory, seed):
    ex, rng = exchange(), np.random.default_rng(seed)
    units, mid = np.arange(RUNS), np.full(RUNS, 100.0)
    zeros = np.zeros(RUNS, dtype=np.int64)
    for step in range(STEPS):
        view = ex.view(MAKER)
        prices = np.round(np.stack(quotes(mid, view.position, step, by_inventory)) / TICK).astype(np.int64)
        gone = OrderBatch.cancel(MAKER, view.order_id)
        for side in (0, 1):
            gone = gone.then(OrderBatch.new(MAKER, units, zeros + side, prices[side], zeros + 1))
        ex.submit_many(gone)
        distance = np.stack([mid - prices[0] * TICK, prices[1] * TICK - mid])
        hit = rng.random((2, RUNS)) < A * np.exp(-K * distance) * DT
        for side in (0, 1):
            who = units[hit[side]]
            size = np.ones(len(who), dtype=np.int64)
            ex.submit_many(OrderBatch.new(TAKER, who, size - side, prices[side, who], size))
        mid = mid + SIGMA * np.sqrt(DT) * rng.choice((-1.0, 1.0), RUNS)
    trades = ex.log.trades()
    sold = np.where(trades["seller"] == MAKER, 1, -1) * trades["lots"]
    cash = np.bincount(trades["unit"], weights=sold * trades["price"] * TICK, minlength=RUNS)
    held = -np.bincount(trades["unit"], weights=sold, minlength=RUNS)
    return cash + held * mid, held


@pytest.mark.parametrize(
    ("by_inventory", "profit", "deviation", "inventory"), [(True, 65.0, 6.6, 2.9), (False, 68.4, 12.7, 8.4)]
)
def test_profit_and_inventory_of_both_strategies(by_inventory, profit, deviation, inventory):
    earned, held = simulate(by_inventory, seed=3)
    assert earned.mean() == pytest.approx(profit, abs=1.5)
    assert earned.std() == pytest.approx(deviation, rel=0.15)
    assert held.std() == pytest.approx(inventory, rel=0.15)
