"""Double entry: every rule of settlement on numbers checked by hand, and sums that are exactly zero."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.reservex import Exchange, MarketRules

LOTS = np.array([10, -10, 0, 0])  # reserved by a, b, c and the operator


def settled(realised, extra=None, **rules):
    ex = Exchange(MarketRules(opening_auction=False, tick_eur_per_mwh=1.0, **rules))
    who = [ex.register(name, node="n") for name in ("a", "b", "c", "operator")]
    ex.open_unit(0)
    ex.submit(who[0], 0, "sell", 60, 10)
    ex.submit(who[1], 0, "buy", 60, 10)
    assert ex.close_gate(0).lots.tolist() == LOTS.tolist()
    before = ex.ledger.balances()
    got = ex.settle(0, np.array(realised), operator_account=3, **(extra or {}))
    assert got.status == "settled"
    assert ex.ledger.balances().sum() == 0
    entries = ex.ledger.entries()
    assert (entries.quanta > 0).all()
    for account in range(len(ex.names)):
        assert ex.ledger.statement(account).quanta.sum() == ex.ledger.cash(account)
    assert Exchange.replay(ex.log).state_hash() == ex.state_hash()
    return ex, (ex.ledger.balances()[:4] - before).tolist()


def test_two_prices_punish_both_sides():
    _, got = settled([7, -12, 5, 0], imbalance="two_price", imbalance_spread_eur_per_mwh=20.0)
    assert got == [-3 * 80, -2 * 80, 5 * 40, 3 * 80 + 2 * 80 - 5 * 40]


def test_one_price_follows_the_systems_direction():
    _, short = settled([7, -12, 2, 0], imbalance="single_price", imbalance_spread_eur_per_mwh=20.0)
    assert short == [-3 * 80, -2 * 80, 2 * 80, 3 * 80]
    _, long = settled([17, -12, 0, 0], imbalance="single_price", imbalance_spread_eur_per_mwh=20.0)
    assert long == [7 * 40, -2 * 40, 0, -5 * 40]


def test_the_operator_who_closes_the_balance_does_not_hide_its_direction():
    _, short = settled([7, -12, 2, 3], imbalance="single_price", imbalance_spread_eur_per_mwh=20.0)
    assert short == [-3 * 80, -2 * 80, 2 * 80, 3 * 80]


def test_a_fixed_penalty_per_energy():
    _, got = settled([7, -8, 0, 0], imbalance="fixed_penalty", penalty_eur_per_mwh=50.0)
    assert got == [-3 * 60 - 3 * 50, 2 * 60 - 2 * 50, 0, 3 * 60 - 2 * 60 + 5 * 50]


def test_no_reservation_no_service():
    _, got = settled([10, -10, -4, 0], unreserved_price_eur_per_mwh=300.0)
    assert got == [0, 0, -4 * 300, 4 * 300]


def test_fees_go_to_operator_and_exchange():
    ex, got = settled([10, -10, 0, 0], network_fee_eur_per_mwh=3.0, exchange_fee_eur_per_mwh=2.0)
    assert got == [-30 - 20, -30 - 20, 0, 60]
    assert ex.ledger.cash(ex.house) == 40


def test_floor_inside_the_unit():
    _, got = settled([10, -10, 0, 0], {"lowest_lots": np.array([6, -14, 0, 0])}, floor_penalty_eur_per_mwh=7.0)
    assert got == [-4 * 7, 0, 0, 28]


def test_who_is_curtailed_is_compensated():
    cut = {"curtailed_lots": np.array([0, 4, 0, 0]), "compensation_ticks": np.array([0, 250, 0, 0])}
    _, got = settled([10, -10, 0, 0], cut)
    assert got == [0, 1000, 0, -1000]


@pytest.mark.parametrize("rule", ["fixed_penalty", "two_price"])
def test_who_is_curtailed_pays_no_penalty_for_it(rule):
    cut = {"curtailed_lots": np.array([0, 4, 0, 0]), "compensation_ticks": np.array([0, 250, 0, 0])}
    rules = {"imbalance": rule, "penalty_eur_per_mwh": 50.0, "imbalance_spread_eur_per_mwh": 20.0}
    _, got = settled([10, -6, 0, -4], cut, **rules)
    assert got[1] == 4 * 60 + 4 * 250
    _, got = settled([10, -5, 0, -5], cut, **rules)
    assert got[1] == 5 * 60 + 4 * 250 - (50 if rule == "fixed_penalty" else 20)


@pytest.mark.parametrize("rule", ["fixed_penalty", "two_price", "single_price"])
def test_what_an_exercised_option_instructed_is_settled_at_the_reference_price(rule):
    told = {"instructed_lots": np.array([3, 4, 0, 0])}  # a was called, b was put
    rules = {"imbalance": rule, "penalty_eur_per_mwh": 50.0, "imbalance_spread_eur_per_mwh": 20.0}
    _, got = settled([13, -6, 0, -7], told, **rules)
    assert got == [3 * 60, 4 * 60, 0, -7 * 60]
    _, got = settled([12, -6, 0, -6], told, **rules)  # the call is one lot short
    short = {"fixed_penalty": 60 + 50, "two_price": 80, "single_price": 80}[rule]
    assert got[:2] == [3 * 60 - short, 4 * 60]


def test_a_unit_settles_once_and_only_when_closed():
    ex, _ = settled([10, -10, 0, 0])
    assert ex.settle(0, LOTS, operator_account=3).reason == "it is settled already"
    ex.open_unit(1)
    assert ex.settle(1, LOTS, operator_account=3).reason == "its gate has not closed"
    assert ex.settle(0, np.zeros(99, dtype=np.int64), operator_account=3).status == "rejected"


def test_without_a_trade_the_rules_reference_serves():
    ex = Exchange(MarketRules(opening_auction=False, tick_eur_per_mwh=1.0, reference_price_eur_per_mwh=77.0))
    a, op = ex.register("a", node="n"), ex.register("op", node="n")
    ex.open_unit(0)
    ex.close_gate(0)
    got = ex.settle(0, np.array([-1, 0]), operator_account=op)
    assert got.reference_price == 77
    assert ex.ledger.cash(a) == -97


@pytest.mark.parametrize("price", [-40, 40])
def test_entries_are_positive_at_negative_prices(price):
    ex = Exchange(MarketRules(opening_auction=False))
    a, b = ex.register("a", node="n"), ex.register("b", node="n")
    ex.open_unit(0)
    ex.submit(a, 0, "sell", price, 2)
    ex.submit(b, 0, "buy", price, 2)
    entry = ex.ledger.entries().iloc[0]
    assert (entry.debit, entry.credit, entry.quanta) == ((b, a, 80) if price > 0 else (a, b, 80))
