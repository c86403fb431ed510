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


def test_the_rules_of_a_scenario_reach_its_exchange(scenario, build):
    keys = {"auction_rationing": "pro_rata", "collateral_eur": 0.0, "unreserved_price_eur_per_mwh": 300.0,
            "floor_penalty_eur_per_mwh": 50.0, "self_trade": "decrement"}  # fmt: skip
    sim = build(scenario.with_({f"market.electricity.{key}": value for key, value in keys.items()}))
    exchange = sim.setup.markets["electricity"].exchange
    assert {key: getattr(exchange.rules, key) for key in keys} == keys
    trades = trades_of(sim)
    seats = sim.setup.markets["electricity"].seats
    assert set(trades["buyer"]) <= {seats.names[seats.operator], seats.names[seats.supplier]}  # nobody else can pay
    kinds = set(exchange.ledger.entries()["kind"].astype(str))
    assert "unreserved" in kinds
    assert sim.manifest()["cash_sum_quanta"] == 0
