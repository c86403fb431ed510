"""Blocks and linked orders that wait, on cases small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.errors import InputError
from rexnet_grid.reservex import Exchange, MarketRules, OrderBatch


def make(units=4, opening_auction=False, admission=None, nodes="nnnn", **rules):
    ex = Exchange(MarketRules(opening_auction=opening_auction, forward_units=8, **rules), admission=admission)
    who = [ex.register(name, node=node) for name, node in zip("abcd", nodes, strict=True)]
    for unit in range(units):
        ex.open_unit(unit)
    return ex, who


def fills(ex):
    return ex.trades()[["unit", "price", "lots", "buyer", "seller"]].to_numpy().tolist()


def same_when_replayed(ex):
    assert Exchange.replay(ex.log).state_hash() == ex.state_hash()


def test_a_waiting_block_trades_when_its_last_leg_can_and_at_the_makers_prices():
    ex, (a, b, c, _) = make()
    block = ex.submit_block(a, [1, 2], "buy", 50, 5, time_in_force="gate")
    assert (block.status, block.fills) == ("resting", ())
    assert ex.blocks(a).tolist() == [[1, 0, 50, 1, a, 5], [2, 0, 50, 1, a, 5]]
    assert ex.submit(b, 1, "sell", 45, 5).status == "resting"
    assert ex.trades().empty
    assert ex.submit(c, 2, "sell", 48, 7).status == "resting"  # the answer comes before what the block does
    assert fills(ex) == [[1, 45, 5, a, b], [2, 48, 5, a, c]]
    assert ex.depth(2).asks == ((48, 2, 1),)
    assert len(ex.blocks(a)) == 0
    assert ex.cancel(block.order_id).reason == "order is already filled"
    same_when_replayed(ex)


def test_nobody_but_its_owner_sees_a_waiting_block():
    ex, (a, b, *_) = make()
    ex.submit_block(a, [1, 2], "buy", 50, 5, time_in_force="gate")
    assert ex.best_bid(1) is None
    assert ex.depth(1).bids == ()
    assert ex.lob3d().empty
    assert len(ex.blocks(b)) == 0
    assert len(ex.view(b).order_id) == 0


def test_a_simple_order_comes_first_and_leaves_the_block_waiting():
    ex, (a, b, c, _) = make(units=2)
    ex.submit_block(a, [0, 1], "buy", 50, 5, time_in_force="gate")
    ex.submit(b, 0, "buy", 40, 5)
    ex.submit(c, 1, "sell", 30, 5)
    assert ex.submit(c, 0, "sell", 40, 5).status == "filled"
    assert fills(ex) == [[0, 40, 5, b, c]]
    assert len(ex.blocks(a)) == 2


def test_price_then_time_decides_between_waiting_blocks():
    ex, (a, b, c, d) = make(units=2)
    for who, price in ((a, 50), (b, 52), (c, 52)):
        ex.submit_block(who, [0, 1], "buy", price, 5, time_in_force="gate")
    ex.submit(d, 0, "sell", 45, 10)
    ex.submit(d, 1, "sell", 45, 10)
    assert [row[3] for row in fills(ex)] == [b, b, c, c]
    assert ex.blocks(a)[:, 5].tolist() == [5, 5]


def test_blocks_trade_with_simple_orders_not_with_one_another():
    ex, (a, b, c, _) = make()
    assert ex.submit_block(a, [0, 1], "sell", 20, 5, "gate").status == "resting"
    assert ex.submit_block(b, [0, 1], "buy", 30, 5).status == "cancelled"
    assert ex.submit_block(b, [0, 1], "buy", 30, 5, "gate").status == "resting"
    assert ex.trades().empty
    ex.submit(c, 0, "sell", 25, 5)
    ex.submit(c, 1, "sell", 26, 5)
    assert ex.trades()[["price", "buyer", "seller"]].to_numpy().tolist() == [[25, b, c], [26, b, c]]


def test_linked_orders_wait_for_both_sides_of_a_spread():
    ex, (a, b, c, _) = make(units=2)
    legs = np.array([[0, 1], [0, 1], [20, 60], [5, 5]])
    assert ex.submit_linked(a, legs, time_in_force="gate").status == "resting"
    ex.submit(b, 0, "sell", 18, 9)
    assert ex.trades().empty
    ex.submit(c, 1, "buy", 61, 5)
    assert ex.ledger.cash(a) == 5 * (61 - 18)
    assert [ex.ledger.position(a, unit) for unit in (0, 1)] == [-5, 5]


def test_a_waiting_block_is_cancelled_by_its_owner_alone_and_cannot_be_shrunk():
    ex, (a, b, *_) = make()
    block = ex.submit_block(a, [1, 2], "buy", 50, 5, time_in_force="gate")
    assert ex.cancel(block.order_id, account=b).reason == "order belongs to another account"
    assert ex.shrink(block.order_id, 3).reason == "not possible for this kind of order"
    out = ex.submit_many(OrderBatch.cancel(a, np.array([block.order_id])))
    assert out.status.tolist() == ["cancelled"]
    assert len(ex.blocks(a)) == 0
    assert ex.cancel(block.order_id).reason == "order is already cancelled"
    same_when_replayed(ex)


def test_a_waiting_block_expires_at_the_first_gate_of_its_units():
    ex, (a, b, *_) = make()
    block = ex.submit_block(a, [1, 2], "buy", 50, 5, time_in_force="gate")
    ex.close_gate(0)
    assert len(ex.blocks(a)) == 2
    ex.close_gate(1)
    assert len(ex.blocks(a)) == 0
    assert ex.cancel(block.order_id).reason == "order has expired"
    assert ex.submit(b, 2, "sell", 40, 5).status == "resting"
    assert ex.trades().empty
    same_when_replayed(ex)


def test_a_block_over_units_in_their_call_phase_waits_for_the_uncross():
    ex, (a, b, *_) = make(units=2, opening_auction=True)
    assert ex.submit_block(a, [0, 1], "buy", 50, 5).reason == "not possible in the call phase"
    assert ex.submit_block(a, [0, 1], "buy", 50, 5, time_in_force="gate").status == "resting"
    for unit in (0, 1):
        ex.submit(b, unit, "sell", 45, 5)
    ex.uncross(0)
    assert ex.trades().empty
    ex.uncross(1)
    assert fills(ex) == [[0, 45, 5, a, b], [1, 45, 5, a, b]]
    same_when_replayed(ex)


def test_a_batch_wakes_a_block_between_its_rows():
    ex, (a, b, c, _) = make(units=2)
    ex.submit_block(a, [0, 1], "sell", 50, 5, time_in_force="gate")
    n = np.zeros(3, dtype=np.int64)
    out = ex.submit_many(OrderBatch(n + b, np.array([0, 1, 1]), n, n + 55, n + 5, n, n))
    assert out.status.tolist() == ["resting"] * 3
    assert fills(ex) == [[0, 55, 5, b, a], [1, 55, 5, b, a]]
    assert ex.orders()[:, 3].tolist() == [4]
    assert ex.submit(c, 0, "sell", 55, 1).status == "resting"


def test_new_headroom_wakes_a_block_at_the_rematch():
    names = ("west", "east")
    table = LinearAdmission(names, 0.1)

    def publish(slack_kw):
        for unit in (0, 1):
            table.publish(Headroom(unit, names, np.array([[1.0, 0.0]]), np.array([slack_kw]), ("line",)))

    publish(0.3)
    ex, (a, b, *_) = make(units=2, admission=table, nodes=("east", "west", "east", "west"))
    assert ex.submit_block(a, [0, 1], "buy", 50, 5, time_in_force="gate").status == "resting"
    for unit in (0, 1):
        ex.submit(b, unit, "sell", 45, 5)
    assert ex.trades().empty  # three of five lots fit
    publish(0.5)
    assert (ex.rematch(0), ex.rematch(1)) == (0, 0)
    assert fills(ex) == [[0, 45, 5, a, b], [1, 45, 5, a, b]]
    assert table.slack(0).tolist() == [0.0]


def test_waiting_blocks_count_against_the_collateral():
    ex, (a, *_) = make(collateral_eur=1.0)  # 400,000 quanta
    assert ex.submit_block(a, [0, 1], "buy", 1000, 201, time_in_force="gate").reason == "collateral limit"
    block = ex.submit_block(a, [0, 1], "buy", 1000, 200, time_in_force="gate")
    assert block.status == "resting"
    assert ex.submit(a, 2, "buy", 1, 1).reason == "collateral limit"
    ex.cancel(block.order_id)
    assert ex.submit(a, 2, "buy", 1, 1).status == "resting"


def test_where_only_a_maker_rests_orders_blocks_do_not_wait():
    ex, (a, b, *_) = make()
    ex.set_quoter(b)
    assert ex.submit_block(a, [1, 2], "buy", 50, 5, time_in_force="gate").status == "cancelled"


def test_an_order_good_till_a_gate_that_has_closed_is_rejected():
    ex, (a, *_) = make()
    ex.close_gate(0)
    got = ex.submit(a, 2, "buy", 5, 1, time_in_force="gtt", expires_unit=0)
    assert (got.status, got.reason) == ("rejected", "unit is not open")


def test_numbers_out_of_this_world_are_rejected_not_raised():
    ex, (a, *_) = make()
    before = ex.orders().tobytes()
    huge = 10**30
    asked = [
        ex.submit_block(a, [1, huge], "buy", 50, 5, time_in_force="gate"),
        ex.submit_block(a, [1, 2], "buy", huge, 5),
        ex.submit_block(huge, [1, 2], "buy", 50, 5),
        ex.submit_block(a, [1, 2], "give", 50, 5),  # type: ignore[arg-type]
        ex.submit_block(a, [], "buy", 50, 5),
        ex.submit_block(a, [1, 1], "buy", 50, 5, time_in_force="gate"),
    ]
    assert [got.status for got in asked] == ["rejected"] * 6
    assert asked[-1].reason == "units of a block must differ"
    assert ex.submit_base(a, [1, huge], "buy", 50, huge).status.tolist() == ["rejected"] * 2
    assert ex.orders().tobytes() == before
    assert len(ex.blocks(a)) == 0
    with pytest.raises(ValueError, match="shape"):
        ex.submit_linked(a, np.zeros((3, 2), dtype=np.int64))
    with pytest.raises(ValueError, match="whole numbers"):
        ex.submit_linked(a, np.full((4, 2), 1.5))


def test_how_long_a_block_waits_is_one_of_two_words():
    ex, (a, *_) = make()
    with pytest.raises(InputError, match='"fok" or "gate"'):
        ex.submit_block(a, [1, 2], "buy", 50, 5, time_in_force="ioc")  # type: ignore[arg-type]
