"""Gode and Sunder, Allocative efficiency of markets with zero-intelligence traders, J. Political Economy 101 (1993).

Six buyers and six sellers, each with all six values (or costs) and bound to the best first, prices 1..200, quotes
cleared on a trade. Unconstrained traders (ZI-U) end
up trading everything: efficiency 90.00 in both markets. Budget-constrained ones (ZI-C) come to 99.9 and 99.2 (tolerance
1.5 points at 2,000 shouts).
"""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.reservex import Exchange, MarketRules
from rexnet_grid.reservex.quality import allocative_efficiency, equilibrium

MARKETS = {
    1: ([102, 97, 92, 87, 82, 77], [34, 46, 58, 70, 82, 94], 99.9),
    2: ([117, 105, 93, 81, 69, 57], [49, 54, 59, 64, 69, 74], 99.2),
}


def session(ex, unit, values, costs, constrained, rng, shouts):
    """One market, every trader with all the values (or costs), best first; returns the surplus realised."""
    ladders = [*[values] * 6, *[costs] * 6]
    done, surplus = [0] * 12, 0
    for _ in range(shouts):
        who = int(rng.integers(12))
        if done[who] == 6:
            continue
        buys, limit = who < 6, ladders[who][done[who]]
        low = 1 if buys or not constrained else limit
        high = limit if buys and constrained else 200
        got = ex.submit(who, unit, "buy" if buys else "sell", int(rng.integers(low, high + 1)), 1)
        if not got.fills:
            continue
        for i in (who, int(ex.log.rows[-1, 7] >> 3)):
            surplus += ladders[i][done[i]] * (1 if i < 6 else -1)
            done[i] += 1
        for order in ex.orders().tolist():
            ex.cancel(order[3])
    return surplus


def mean_efficiency(market, constrained, sessions, shouts):
    values, costs, _ = MARKETS[market]
    rng = np.random.default_rng(market)
    rules = MarketRules(opening_auction=False, min_price_ticks=1, max_price_ticks=200, forward_units=4)
    ex = Exchange(rules)
    for i in range(12):
        ex.register(f"trader {i}", node="n")
    found = []
    for unit in range(sessions):
        ex.open_unit(unit)
        surplus = session(ex, unit, values, costs, constrained, rng, shouts)
        found.append(100 * allocative_efficiency(surplus, np.array(values * 6), np.array(costs * 6)))
        ex.close_gate(unit)
    return float(np.mean(found))


@pytest.mark.parametrize("market", [1, 2])
def test_unconstrained_traders_trade_everything(market):
    assert mean_efficiency(market, constrained=False, sessions=3, shouts=4000) == pytest.approx(90.0, abs=0.05)


@pytest.mark.parametrize("market", [1, 2])
def test_constrained_traders_are_nearly_efficient(market):
    assert mean_efficiency(market, constrained=True, sessions=40, shouts=2000) == pytest.approx(
        MARKETS[market][2], abs=1.5
    )


def test_equilibria():
    assert equilibrium(*map(np.array, MARKETS[1][:2])).surplus == 170
    assert equilibrium(*map(np.array, MARKETS[2][:2])).surplus == 170
