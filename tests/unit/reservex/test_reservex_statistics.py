"""Figures people expect of a market, on trades that can be summed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.errors import InputError
from rexnet_grid.reservex import Exchange, MarketRules
from rexnet_grid.reservex.quality import (
    Equilibrium,
    convergence_coefficient,
    equilibrium,
    market_quality,
    profit_dispersion,
    submitted_values,
)
from rexnet_grid.reservex.statistics import (
    book_history,
    lead_times,
    liquidity,
    price_paths,
    prices_by_lead,
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


def test_a_price_path_goes_from_the_opening_to_the_last_trade(traded):
    path = price_paths(traded.log, np.array([0.0, 40.0, 55.0, 90.0])).loc[4]
    assert path.to_dict() == {"opening": 10, 55.0: 10.0, 40.0: 13.0, 0.0: 8.0, "last": 8}


def test_the_book_is_looked_at_as_it_stood(traded):
    traded.set_clock(2700)
    traded.cancel(traded.orders()[0, 3])
    traded.set_clock(2760)
    seen = book_history(traded.log, every_minutes=15.0)
    assert seen["minute"].tolist() == [0.0, 15.0, 30.0, 45.0]
    assert seen["lead_minutes"].tolist() == [60.0, 45.0, 30.0, 15.0]
    assert seen["spread"].fillna(-1).tolist() == [-1, -1, 5, -1]  # at 30 minutes both rested, at 45 the bid was gone
    assert seen["ask_lots"].tolist() == [0, 0, 7, 7]
    by_lead = liquidity(traded.log, np.array([0.0, 20.0, 35.0, 90.0]))
    assert by_lead["spread"].fillna(-1).tolist() == [-1.0, 5.0, -1.0]
    assert by_lead["lots"].fillna(0).tolist() == [0, 3, 3]


def test_an_equilibrium_of_orders_of_several_lots():
    many = equilibrium(np.array([10, 4]), np.array([3, 9]), np.array([5, 7]), np.array([8, 4]))
    single = equilibrium(np.repeat([10, 4], [5, 7]), np.repeat([3, 9], [8, 4]))
    assert many == single == (4, 4, 8, 5 * 7 + 3 * 1)
    assert equilibrium(np.array([5]), np.array([6])) == (5, 6, 0, 0)
    nothing = np.zeros(0, dtype=np.int64)
    assert equilibrium(nothing, np.array([6])).quantity == 0
    assert Equilibrium(-(1 << 62), 1 << 62, 0, 0).price is None


def test_quality_against_the_submitted_values_by_hand():
    # values 20 x 4 and 12 x 2, costs 6 x 3 and 14 x 5: the best is 4 lots, 3 of them from the cheap, 42 + 6 = 48
    ex = Exchange(MarketRules(opening_auction=False))
    a, b, c, d = (ex.register(name, node="n") for name in "abcd")
    ex.open_unit(0)
    ex.submit(c, 0, "sell", 6, 3)
    withdrawn = ex.submit(c, 0, "sell", 1, 9).order_id
    ex.cancel(withdrawn)
    ex.submit(b, 0, "buy", 12, 2)  # takes two cheap lots at 6: 12 instead of the 28 that the other buyer would gain
    ex.submit(d, 0, "sell", 14, 5)
    ex.submit(a, 0, "buy", 20, 4)  # one at 6, three at 14
    ex.close_gate(0)
    wanted = submitted_values(ex.log)
    assert wanted[["account", "side", "limit", "lots", "traded"]].to_numpy().tolist() == [
        [c, 1, 6, 3, 3], [b, 0, 12, 2, 2], [d, 1, 14, 5, 3], [a, 0, 20, 4, 4]
    ]  # fmt: skip
    row = market_quality(ex.log).loc[0]
    assert (row["lots"], row["equilibrium_low"], row["equilibrium_high"], row["equilibrium_lots"]) == (6, 14, 14, 4)
    assert (row["surplus"], row["possible_surplus"]) == (2 * 6 + 14 + 3 * 6, 48)
    assert row["efficiency"] == pytest.approx(44 / 48)
    assert row["vwap"] == pytest.approx((3 * 6 + 3 * 14) / 6)
    assert row["alpha"] == pytest.approx(100 * np.sqrt(3 * 64 / 6) / 14)
    actual, best = np.array([14 + 18, 12, 0, 0]), np.array([24, 0, 24, 0])
    assert row["profit_dispersion"] == pytest.approx(np.sqrt(((actual - best) ** 2).mean()))


def test_a_market_order_is_worth_what_it_paid():
    ex = Exchange(MarketRules(opening_auction=False))
    a, b = ex.register("a", node="n"), ex.register("b", node="n")
    ex.open_unit(0)
    ex.submit(a, 0, "sell", 6, 3)
    ex.submit(b, 0, "buy", lots=2, kind="market")
    ex.close_gate(0)
    assert market_quality(ex.log).loc[0, "surplus"] == 0


@pytest.mark.parametrize(
    "bins", [4, [60.0], [60.0, 0.0], [0.0, float("nan"), 60.0], [[0, 60]], [[0], [0, 60]], "ab", ["0", "60"], None]
)
@pytest.mark.parametrize("figures", [price_paths, prices_by_lead, liquidity])
def test_bins_that_are_no_edges_are_named(traded, figures, bins):
    with pytest.raises(InputError, match=r"statistics: bins: got .*; expected at least two increasing numbers"):
        figures(traded.log, bins)
