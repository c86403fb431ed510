"""Price levels, pages and the trie of pages against a sorted list; memory whatever the range of prices."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from rexnet_grid.reservex import Exchange, MarketRules, OrderBatch

LOW, HIGH = -(1 << 30), 1 << 30


def wide_exchange(low=LOW, high=HIGH):
    ex = Exchange(MarketRules(opening_auction=False, min_price_ticks=low, max_price_ticks=high))
    for name in ("buyer", "seller"):
        ex.register(name, node="n")
    ex.open_unit(3)
    return ex


def draw_prices(rng, n, clustered):
    """Prices of both signs: scattered over the whole range, or near a few centres so that pages fill and empty."""
    if clustered:
        return rng.choice([7, 1_000, 64_000, 500_000_000], n) + rng.integers(0, 90, n)
    return rng.integers(1, HIGH, n)


@pytest.mark.parametrize("clustered", [True, False])
def test_levels_are_those_of_a_sorted_list(clustered):
    ex, rng = wide_exchange(), np.random.default_rng(int(clustered))
    live, lots, orders = {}, ({}, {}), (Counter(), Counter())
    for step in range(150):
        n = 40
        gone = rng.choice(list(live), min(len(live) // 2, 30), replace=False) if live else np.zeros(0, dtype=int)
        if step % 50 == 49:
            gone = np.array(list(live))
        for order in gone.tolist():
            side, price, size = live.pop(order)
            assert ex.cancel(order).status == "cancelled"
            orders[side][price] -= 1
            lots[side][price] -= size
        side, size = rng.integers(0, 2, n), rng.integers(1, 50, n)
        price = draw_prices(rng, n, clustered) * (2 * side - 1)
        zeros = np.zeros(n, dtype=np.int64)
        out = ex.submit_many(OrderBatch(side, np.full(n, 3), side, price, size, zeros, zeros))
        assert set(out.status) == {"resting"}
        for order, s, p, q in zip(out.order_id.tolist(), side.tolist(), price.tolist(), size.tolist(), strict=True):
            live[order] = (s, p, q)
            orders[s][p] += 1
            lots[s][p] = lots[s].get(p, 0) + q
        depth = ex.depth(3, levels=10_000)
        for s, rows in enumerate((depth.bids, depth.asks)):
            expected = [(p, lots[s][p], k) for p, k in orders[s].items() if k]
            assert [tuple(row) for row in rows] == sorted(expected, key=lambda row: row[0] * (2 * s - 1))
        assert (ex.best_bid(3), ex.best_ask(3)) == (depth.bids[0].price, depth.asks[0].price)


def test_a_sweep_goes_through_scattered_levels_in_order():
    ex, rng = wide_exchange(), np.random.default_rng(7)
    prices = np.unique(draw_prices(rng, 400, clustered=False))
    rng.shuffle(prices)
    n = len(prices)
    ones, zeros = np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    ex.submit_many(OrderBatch(ones, 3 * ones, ones, prices, ones, zeros, zeros))
    swept = ex.submit(0, 3, "buy", kind="market", lots=n)
    assert [fill.price for fill in swept.fills] == sorted(prices.tolist())
    assert ex.best_ask(3) is None


@pytest.mark.parametrize(
    ("span", "most"), [(100, 90), (100_000, 160), (1_000_000, 185), (100_000_000, 185), (HIGH, 185)]
)
def test_an_order_takes_less_than_200_bytes_whatever_the_range_of_prices(span, most):
    ex, rng = wide_exchange(), np.random.default_rng(3)
    side = rng.integers(0, 2, 100_000)
    price = rng.integers(1, span, len(side)) * (2 * side - 1)
    rest_in_steps(ex, side, price, most)


@pytest.mark.parametrize("close", [2, 5])
def test_an_order_takes_less_than_200_bytes_where_a_few_prices_lie_together_far_from_others(close):
    ex, rng = wide_exchange(), np.random.default_rng(4)
    side = rng.integers(0, 2, 100_000 // close).repeat(close)
    price = rng.integers(1, HIGH // 64, len(side) // close).repeat(close) * 64 + np.arange(len(side)) % close
    rest_in_steps(ex, side, price * (2 * side - 1), 200)


def rest_in_steps(ex, side, price, most):
    """Let orders rest, and hold the memory of a live one to a bound at every thousand from 10,000 on."""
    zeros = np.zeros(1_000, dtype=np.int64)
    for start in range(0, len(side), 1_000):
        some = slice(start, start + 1_000)
        ex.submit_many(OrderBatch(side[some], zeros + 3, side[some], price[some], zeros + 5, zeros, zeros))
        live = start + 1_000
        assert live < 10_000 or ex.state_bytes < most * live, live
    assert len(ex.orders()) == len(side)


def test_levels_alone_in_their_part_of_the_range_are_found_parted_and_forgotten():
    ex = wide_exchange()
    prices = [5, 6, 5 + 64, 5 + (1 << 13), 5 + (1 << 20), (1 << 29) + 5]
    for _ in range(3):
        empty = ex.state_bytes
        ids = [ex.submit(1, 3, "sell", price, 1).order_id for price in [*prices, *reversed(prices)]]
        assert [(row.price, row.orders) for row in ex.depth(3, levels=10).asks] == [(price, 2) for price in prices]
        for order in ids[:6]:
            ex.cancel(order)
        assert [(row.price, row.orders) for row in ex.depth(3, levels=10).asks] == [(price, 1) for price in prices]
        for order in ids[6:]:
            ex.cancel(order)
        assert ex.best_ask(3) is None
    assert ex.state_bytes == empty + 8 * len(ids)
