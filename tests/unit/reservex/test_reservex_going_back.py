"""What orders do on trial is undone without a trace: the state, the log, the capacity, and what happens afterwards."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.reservex import Exchange, MarketRules

NODES = ("supply", "near", "far")
UNITS = (4, 5)

orders = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(UNITS), st.sampled_from(("buy", "sell")), st.integers(90, 110),
        st.integers(1, 40),
    ),
    min_size=4,
    max_size=40,
)  # fmt: skip


def headroom(unit: int, slack: float) -> Headroom:
    """One line from the supply to both other nodes."""
    return Headroom(unit, NODES, np.array([[0.0, -1.0, -1.5]]), np.array([slack]), ("line 0",))


blocks = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(("buy", "sell")), st.integers(90, 110), st.integers(1, 20)), max_size=4
)


def market(given_orders, slack: float, given_blocks=()):
    """An exchange in which a line keeps orders apart, and blocks over both units wait."""
    admission = LinearAdmission(NODES, 0.1)
    exchange = Exchange(MarketRules(lot_kw=0.1, opening_auction=False), admission=admission)
    for k in range(4):
        exchange.register(f"account {k}", NODES[k % 3])
    for unit in UNITS:
        admission.publish(headroom(unit, slack))
        exchange.open_unit(unit, 100)
    for account, unit, side, price, lots in given_orders:
        exchange.submit(account, unit, side, price, lots)
    for account, side, price, lots in given_blocks:
        exchange.submit_block(account, UNITS, side, price, lots, "gate")
    return exchange, admission


def publish(admission: LinearAdmission, slack: float) -> None:
    """Publish new headroom of every unit."""
    for unit in UNITS:
        admission.publish(headroom(unit, slack))


@settings(max_examples=60, deadline=None)
@given(orders, blocks, st.floats(0.0, 1.0), st.floats(0.5, 4.0))
def test_a_trial_leaves_no_trace(given_orders, given_blocks, before, after):
    exchange, admission = market(given_orders, before, given_blocks)
    untouched, also = market(given_orders, before, given_blocks)
    publish(admission, after)
    publish(also, after)
    state, rows, slacks = exchange.state_hash(), exchange.log.rows.copy(), [admission.slack(unit) for unit in UNITS]
    memory = exchange.remember(UNITS[:1])
    traded = exchange.rematch(UNITS[0])
    exchange.go_back(memory)
    assert exchange.state_hash() == state
    np.testing.assert_array_equal(exchange.log.rows, rows)
    for unit, slack in zip(UNITS, slacks, strict=True):
        np.testing.assert_array_equal(admission.slack(unit), slack)
        assert not admission.bindings().get(unit)
    assert exchange.rematch(UNITS[0]) == traded == untouched.rematch(UNITS[0])
    assert exchange.rematch(UNITS[1]) == untouched.rematch(UNITS[1])
    assert exchange.state_hash() == untouched.state_hash()
    assert exchange.ledger.cash(0) == untouched.ledger.cash(0)
    np.testing.assert_array_equal(exchange.log.rows, untouched.log.rows)


def test_the_property_above_sees_orders_that_trade_on_trial():
    exchange, admission = market([(1, 4, "buy", 105, 30), (0, 4, "sell", 100, 30)], 0.0)
    publish(admission, 2.0)
    memory = exchange.remember(UNITS)
    assert exchange.rematch(4) == 20
    exchange.go_back(memory)
    assert exchange.ledger.position(1, 4) == 0
    assert exchange.rematch(4) == 20
    assert exchange.ledger.position(1, 4) == -20
