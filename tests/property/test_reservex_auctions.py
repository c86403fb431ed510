"""Call auctions whatever the orders: the price by its rule, who trades by its rule, and cash that is exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.reservex import NO_PRICE, Exchange, MarketRules

ORDER = st.tuples(st.integers(0, 4), st.sampled_from(("buy", "sell")), st.integers(-6, 12), st.integers(1, 9))
ORDERS = st.lists(ORDER, max_size=14)
PERIODIC = ("periodic_pay_as_clear", "periodic_pay_as_bid")


def gathered(orders, reference=NO_PRICE, **rules):
    """One call phase with these orders, nobody on both sides of it; returns the exchange and the orders taken."""
    ex = Exchange(MarketRules(min_price_ticks=-10, max_price_ticks=20, **rules))
    for i in range(10):
        ex.register(f"p{i}", node="n")
    ex.open_unit(0, reference=reference)
    taken = []
    for who, side, price, lots in orders:
        account = who + 5 * (side == "sell")
        got = ex.submit(account, 0, side, price, lots)
        taken.append((got.order_id, account, side, price, lots))
    return ex, taken


def volume(orders, price):
    demand = sum(lots for *_, side, limit, lots in orders if side == "buy" and limit >= price)
    supply = sum(lots for *_, side, limit, lots in orders if side == "sell" and limit <= price)
    return min(demand, supply), -abs(demand - supply)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ORDERS, st.none() | st.integers(-10, 20), st.sampled_from(("time", "pro_rata")), st.sampled_from(PERIODIC))
def test_price_and_cash(orders, reference, rationing, design):
    ex, taken = gathered(
        orders, NO_PRICE if reference is None else reference, design=design, auction_rationing=rationing
    )
    got = ex.uncross(0)
    best = max((volume(taken, p) for p in range(-10, 21)), default=(0, 0))
    assert got.lots == best[0]
    trades = ex.trades()
    assert trades["lots"].sum() == got.lots
    if got.price is None:
        assert best[0] == 0
        return
    prices = [p for p in range(-10, 21) if volume(taken, p) == best]
    inside = [p for p in prices if prices[0] <= p <= prices[-1]]
    wanted = (inside[0] + inside[-1]) // 2 if reference is None else min(max(reference, inside[0]), inside[-1])
    assert got.price == wanted
    limit = {order_id: price for order_id, _, _, price, _ in taken}
    paid = dict.fromkeys(range(10), 0)
    for trade in trades.itertuples():
        elder = min(trade.buy_order_id, trade.sell_order_id)
        assert trade.price == (got.price if design == PERIODIC[0] else limit[elder])
        assert limit[trade.sell_order_id] <= trade.price <= limit[trade.buy_order_id]
        paid[trade.buyer] -= trade.price * trade.lots
        paid[trade.seller] += trade.price * trade.lots
    assert [ex.ledger.cash(i) for i in range(10)] == list(paid.values())  # the buyer pays what the seller receives
    assert sum(paid.values()) == 0
    assert ex.ledger.positions(0).sum() == 0
    replayed = Exchange.replay(ex.log)
    assert replayed.state_hash() == ex.state_hash()


def shares(taken, side, price, lots, rationing):
    """Who trades how much on one side, by the rule: better prices first, the marginal price by time or pro rata."""
    sign = -1 if side == "buy" else 1
    ours = sorted((o for o in taken if o[2] == side and sign * (o[3] - price) <= 0), key=lambda o: (sign * o[3], o[0]))
    got, left = {}, lots
    for limit in sorted({o[3] for o in ours}, key=lambda p: sign * p):
        group = [o for o in ours if o[3] == limit]
        total = sum(o[4] for o in group)
        if rationing == "pro_rata" and total > left:
            given_out = {o[0]: o[4] * left // total for o in group}
            for o in group[: left - sum(given_out.values())]:
                given_out[o[0]] += 1
            got, left = got | given_out, 0
        else:
            for o in group:
                got[o[0]] = min(o[4], left)
                left -= got[o[0]]
    return {order: n for order, n in got.items() if n}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ORDERS, st.sampled_from(("time", "pro_rata")))
def test_who_trades_at_the_margin(orders, rationing):
    ex, taken = gathered(orders, auction_rationing=rationing)
    got = ex.uncross(0)
    if got.price is None:
        return
    trades = ex.trades()
    for side in ("buy", "sell"):
        traded = trades.groupby(f"{side}_order_id")["lots"].sum().to_dict()
        assert traded == shares(taken, side, got.price, got.lots, rationing)
    left = {int(row[3]): int(row[5] + row[6]) for row in ex.orders()}
    for order_id, _, side, _, lots in taken:
        traded = trades.loc[trades[f"{side}_order_id"] == order_id, "lots"].sum()
        assert left.get(order_id, 0) == lots - traded


@pytest.mark.parametrize("design", PERIODIC)
def test_a_periodic_unit_is_cleared_again_and_again(design):
    rng = np.random.default_rng(1)
    ex = Exchange(MarketRules(design=design, min_price_ticks=-50, max_price_ticks=50))
    for i in range(6):
        ex.register(f"p{i}", node="n")
    ex.open_unit(0)
    for _ in range(30):
        for _ in range(20):
            ex.submit(int(rng.integers(6)), 0, ("buy", "sell")[rng.integers(2)], int(rng.integers(-20, 20)), 5)
        before = ex.ledger.balances()
        count = len(ex.trades())
        ex.uncross(0)
        fresh = ex.trades().iloc[count:]
        change = np.zeros(6, dtype=np.int64)
        np.subtract.at(change, fresh["buyer"].to_numpy(), (fresh["price"] * fresh["lots"]).to_numpy())
        np.add.at(change, fresh["seller"].to_numpy(), (fresh["price"] * fresh["lots"]).to_numpy())
        assert (ex.ledger.balances() - before).tolist() == change.tolist()
        assert (fresh["buyer"] != fresh["seller"]).all()
        assert ex.best_bid(0) is None or ex.best_ask(0) is None or ex.best_bid(0) < ex.best_ask(0)
    assert ex.ledger.balances().sum() == 0
    assert (ex.ledger.balances() != 0).any()
