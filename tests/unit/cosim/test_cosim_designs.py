"""The cycle drives every design of the exchange."""

from __future__ import annotations

import pytest

from rexnet_grid.results import Results


def trades_of(sim):
    for _ in sim.units():
        pass
    sim.writer.finish(sim.manifest())
    return Results.open(sim.writer.folder).trades


@pytest.mark.parametrize("design", ["periodic_pay_as_clear", "periodic_pay_as_bid"])
def test_a_periodic_auction_trades_at_boundaries_only(scenario, build, design):
    sim = build(scenario.with_({"market.electricity.design": design}))
    trades = trades_of(sim)
    assert len(trades)
    assert set(trades["phase"].astype(str)) == {"call"}
    assert sim.manifest()["cash_sum_quanta"] == 0


def test_without_an_opening_auction_trading_is_continuous_at_once(scenario, build):
    trades = trades_of(build(scenario.with_({"market.electricity.opening_auction": False})))
    assert len(trades)
    assert "call" not in set(trades["phase"].astype(str))
