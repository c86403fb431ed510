"""Admission takes from rows whose coefficients differ for rising and falling injections."""

from __future__ import annotations

import numpy as np

from rexnet_grid.delivery import Headroom
from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.reservex import NO_PRICE, Exchange, MarketRules

NODES = ("supply", "solar", "house")
FALL = np.array([[0.0, -1.0, -1.0]])
RISE = np.array([[0.0, -0.5, -0.5]])


def headroom(unit, slack, injecting):
    return Headroom(unit, NODES, FALL, np.array([slack]), ("first loading",), injecting)


def test_capacity_counts_what_the_source_relieves_at_its_own_coefficient():
    table = LinearAdmission(NODES, lot_kw=0.1)
    table.publish(headroom(0, 2.0, None))
    assert table.capacity_lots(0, "solar", "house") == 1 << 62
    table.publish(headroom(1, 2.0, RISE))
    assert table.capacity_lots(1, "solar", "house") == 40
    assert table.capacity_lots(1, "supply", "house") == 20
    assert table.capacity_lots(0, "supply", "house") == 20
    assert table.capacity_lots(0, "solar", "house") == 1 << 62


def test_growing_the_table_keeps_both_sides():
    table = LinearAdmission(NODES, lot_kw=0.1)
    for unit in range(20):
        table.publish(headroom(unit, 2.0 + unit, RISE))
    assert [table.capacity_lots(u, "solar", "house") for u in (0, 19)] == [40, 420]


def exchange_on(table):
    rules = MarketRules(
        unit_minutes=15,
        lot_kw=0.1,
        tick_eur_per_mwh=0.1,
        forward_units=4,
        gate_closure_minutes=15,
        min_price_ticks=-5000,
        max_price_ticks=40000,
        self_trade="cancel_newest",
        opening_auction=False,
    )
    return Exchange(rules, carrier="electricity", admission=table, seed=0)


def test_matching_takes_what_a_trade_really_uses():
    table = LinearAdmission(NODES, lot_kw=0.1)
    exchange = exchange_on(table)
    seller, buyer = exchange.register("solar", node="solar"), exchange.register("house", node="house")
    exchange.open_unit(0)
    table.publish(headroom(0, 2.0, RISE))
    exchange.submit(seller, unit=0, side="sell", price=100, lots=100)
    taken = exchange.submit(buyer, unit=0, side="buy", price=100, lots=100)
    assert sum(lots for _, lots, _ in taken.fills) == 40
    assert abs(table.slack(0)[0]) < 1e-9


def test_views_show_the_offers_that_capacity_lets_through():
    rng = np.random.default_rng(5)
    nodes = tuple(f"bus {i}" for i in range(12))
    table = LinearAdmission(nodes, lot_kw=0.1)
    exchange = exchange_on(table)
    accounts = [exchange.register(node, node=node) for node in nodes]
    exchange.open_unit(0)
    fall = rng.normal(size=(150, 12))
    slack = np.where(rng.random(150) < 0.03, rng.uniform(-0.01, 0.3, 150), 5.0)
    names = tuple(f"row {r}" for r in range(150))
    table.publish(Headroom(0, nodes, fall, slack, names, fall - rng.uniform(0.0, 0.5, fall.shape)))
    for i, account in enumerate(accounts):
        exchange.submit(account, unit=0, side="sell", price=100 + i, lots=1 + i)
    hidden = 0
    for i, account in enumerate(accounts):
        others = [k for k in range(12) if k != i]
        within = [k for k in others if table.capacity_lots(0, nodes[k], nodes[i]) > 0]
        view = exchange.view(account)
        first = (100 + within[0], 1 + within[0]) if within else (NO_PRICE, 0)
        assert (view.ask[0], view.ask_lots[0]) == first
        hidden += bool(within) and within[0] != others[0]
    assert hidden > 2
