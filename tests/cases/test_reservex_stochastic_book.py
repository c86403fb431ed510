"""Cont, Stoikov and Talreja, A stochastic model for order book dynamics, Operations Research 58 (2010) 549, Table 3.

Orders of one lot arrive at distance i from the opposite best at rate λ(i), market orders at μ, and each order is
cancelled at θ(i). With a spread of one tick the next move of the mid is up when the ask queue empties first. 30,000
paths a cell through the real book, one unit a path; tolerance 0.008 (three standard errors).
"""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.reservex import Exchange, MarketRules, OrderBatch

ARRIVE, MARKET, CANCEL = 1.85, 0.94, 0.71
TABLE = [
    [0.500, 0.336, 0.259, 0.216, 0.188],
    [0.664, 0.500, 0.407, 0.348, 0.307],
    [0.741, 0.593, 0.500, 0.437, 0.391],
]
PATHS, BID, ASK, DEEP = 30_000, 100, 101, 64


def columns(n, side, price, action=0, order_id=0):
    full = [np.broadcast_to(np.asarray(x, dtype=np.int64), n).copy() for x in (0, side, price, 1, action, order_id)]
    account, sides, prices, lots, actions, ids = full
    return account, sides, prices, lots, actions, ids


class Paths:
    """Many books of one tick's spread, moved on by one event each."""

    def __init__(self, ex, first, sizes, rng):
        self.ex, self.rng = ex, rng
        self.units = np.arange(first, first + PATHS)
        self.ids = np.zeros((2, PATHS, DEEP), dtype=np.int64)
        self.head, self.tail = np.zeros((2, PATHS), dtype=np.int64), np.zeros((2, PATHS), dtype=np.int64)
        for side, size in enumerate(sizes):
            for _ in range(size):
                self.add(np.arange(PATHS), np.full(PATHS, side))

    def send(self, paths, side, price, action=0, order_id=0, account=0):
        who, sides, prices, lots, actions, ids = columns(len(paths), side, price, action, order_id)
        return self.ex.submit_many(OrderBatch(who + account, self.units[paths], sides, prices, lots, actions, ids))

    def add(self, paths, side):
        out = self.send(paths, side, np.where(side == 0, BID, ASK))
        self.ids[side, paths, self.tail[side, paths] % DEEP] = out.order_id
        self.tail[side, paths] += 1

    def hit(self, paths, side):
        """A market order takes the eldest order of ``side``."""
        out = self.send(paths, 1 - side, np.where(side == 0, BID, ASK), account=1)
        assert (out.filled_lots == 1).all()
        self.head[side, paths] += 1

    def cancel(self, paths, side):
        self.tail[side, paths] -= 1
        out = self.send(paths, side, 0, 1, self.ids[side, paths, self.tail[side, paths] % DEEP])
        assert (out.status == "cancelled").all()

    def step(self, alive):
        sizes = (self.tail - self.head)[:, alive].astype(float)
        rates = np.stack([np.full(len(alive), r) for r in (ARRIVE, ARRIVE, MARKET, MARKET)] + list(CANCEL * sizes))
        pick = (self.rng.random(len(alive)) * rates.sum(0) > rates.cumsum(0)).sum(0)
        for kind, act in enumerate((self.add, self.hit, self.cancel)):
            chosen = (pick // 2) == kind
            act(alive[chosen], pick[chosen] % 2)

    def share_up(self):
        alive = np.arange(PATHS)
        while len(alive):
            self.step(alive)
            alive = alive[((self.tail - self.head)[:, alive] > 0).all(0)]
        view = self.ex.view(2)
        mine = (view.units >= self.units[0]) & (view.units <= self.units[-1])
        up = view.ask_lots[mine] == 0
        assert (up != (view.bid_lots[mine] == 0)).all()
        return float(up.mean())


@pytest.mark.parametrize("bid", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_probability_that_the_mid_rises(bid):
    got = []
    for ask in range(1, 6):
        ex = Exchange(MarketRules(opening_auction=False, min_price_ticks=0, max_price_ticks=200, forward_units=PATHS))
        for name in ("makers", "takers", "observer"):
            ex.register(name, node="n")
        for unit in range(PATHS):
            ex.open_unit(unit)
        got.append(Paths(ex, 0, (bid, ask), np.random.default_rng(10 * bid + ask)).share_up())
    assert got == pytest.approx(TABLE[bid - 1], abs=0.008)
