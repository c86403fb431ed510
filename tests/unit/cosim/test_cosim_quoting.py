"""Replacing orders changes as little as possible and never loses priority that could be kept."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.cosim.quoting import requote
from rexnet_grid.prosumers.base import Quotes
from rexnet_grid.reservex import Exchange, MarketRules


def ints(*values):
    return np.array(values, dtype=np.int64)


@pytest.fixture
def exchange():
    ex = Exchange(MarketRules(opening_auction=False))
    for name in ("a", "b"):
        ex.register(name, node="n")
    for unit in (0, 1):
        ex.open_unit(unit)
    return ex


def replace(ex, account, quotes):
    batch = requote(account, ex.view(account), quotes)
    return None if batch is None else ex.submit_many(batch)


def resting(ex):
    return [tuple(int(x) for x in row[[0, 1, 2, 3, 5]]) for row in ex.orders()]


def test_wanting_the_same_again_sends_nothing(exchange):
    wanted = Quotes(ints(0, 1), ints(0, 1), ints(50, 70), ints(5, 6))
    replace(exchange, 0, wanted)
    before = exchange.state_hash()
    assert replace(exchange, 0, wanted) is None
    assert exchange.state_hash() == before


def test_fewer_lots_shrink_and_keep_their_place_more_lots_go_to_the_back(exchange):
    replace(exchange, 0, Quotes(ints(0), ints(1), ints(60), ints(10)))
    replace(exchange, 1, Quotes(ints(0), ints(1), ints(60), ints(10)))
    replace(exchange, 0, Quotes(ints(0), ints(1), ints(60), ints(4)))
    assert resting(exchange) == [(0, 1, 60, 1, 4), (0, 1, 60, 2, 10)]
    replace(exchange, 0, Quotes(ints(0), ints(1), ints(60), ints(8)))
    assert resting(exchange) == [(0, 1, 60, 2, 10), (0, 1, 60, 3, 8)]


def test_turning_from_seller_to_buyer_does_not_trade_with_oneself(exchange):
    replace(exchange, 0, Quotes(ints(0), ints(1), ints(60), ints(10)))
    replace(exchange, 0, Quotes(ints(0), ints(0), ints(65), ints(10)))
    assert resting(exchange) == [(0, 0, 65, 2, 10)]
    assert exchange.trades().empty


def test_wanting_nothing_cancels_everything_of_this_account_only(exchange):
    replace(exchange, 0, Quotes(ints(0, 1), ints(0, 0), ints(40, 41), ints(1, 2)))
    replace(exchange, 1, Quotes(ints(0), ints(0), ints(39), ints(3)))
    replace(exchange, 0, Quotes.none())
    assert resting(exchange) == [(0, 0, 39, 3, 3)]
