"""Admission takes from rows whose coefficients differ for rising and falling injections."""

from __future__ import annotations

import numpy as np

from rexnet_grid.delivery import Headroom
from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.reservex import Exchange, MarketRules

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


def test_matching_takes_what_a_trade_really_uses():
    table = LinearAdmission(NODES, lot_kw=0.1)
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
    exchange = Exchange(rules, carrier="electricity", admission=table, seed=0)
    seller, buyer = exchange.register("solar", node="solar"), exchange.register("house", node="house")
    exchange.open_unit(0)
    table.publish(headroom(0, 2.0, RISE))
    exchange.submit(seller, unit=0, side="sell", price=100, lots=100)
    taken = exchange.submit(buyer, unit=0, side="buy", price=100, lots=100)
    assert sum(lots for _, lots, _ in taken.fills) == 40
    assert abs(table.slack(0)[0]) < 1e-9
