"""Figures people expect of a market, on trades that can be summed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.reservex import Exchange, MarketRules
from rexnet_grid.reservex.statistics import (
    convergence_coefficient,
    equilibrium,
    lead_times,
    prices_by_lead,
    profit_dispersion,
    spread_and_depth,
    unit_prices,
)


@pytest.fixture
def traded():
    ex = Exchange(MarketRules(opening_auction=False))
    a, b = ex.register("a", node="n"), ex.register("b", node="n")
    ex.set_clock(0)
    ex.open_unit(4)
    for clock, price, lots in ((0, 10, 2), (600, 13, 1), (1800, 8, 3)):
        ex.set_clock(clock)
        ex.submit(a, 4, "sell", price, lots)
        ex.submit(b, 4, "buy", price, lots)
    ex.submit(a, 4, "sell", 20, 7)
    ex.submit(b, 4, "buy", 15, 5)
    return ex


def test_prices_of_a_unit(traded):
    row = unit_prices(traded.trades()).loc[4]
    assert (row.opening, row["last"], row.low, row.high, row.lots, row.trades) == (10, 8, 8, 13, 6, 3)
    assert row.vwap == pytest.approx((20 + 13 + 24) / 6)
    assert traded.figures(4).mean == pytest.approx(row.vwap)


def test_spread_and_depth(traded):
    row = spread_and_depth(traded).loc[4]
    assert (row.bid, row.ask, row.spread, row.bid_lots, row.ask_lots) == (15, 20, 5, 5, 7)


def test_lead_times_follow_the_clock(traded):
    assert lead_times(traded.log).lead_minutes.tolist() == [60.0, 50.0, 30.0]
    by_lead = prices_by_lead(traded.log, np.array([0.0, 45.0, 90.0]))
    assert by_lead.lots.tolist() == [3, 3]
    assert by_lead.vwap.tolist() == [8.0, 11.0]


def test_measures_of_experimental_economics():
    assert equilibrium(np.array([10, 8, 4]), np.array([3, 5, 9])) == (5, 8, 2, 10)
    assert convergence_coefficient(np.array([95, 105]), 100.0) == pytest.approx(5.0)
    assert profit_dispersion(np.array([3.0, 0.0]), np.array([0.0, 4.0])) == pytest.approx(np.sqrt(12.5))
