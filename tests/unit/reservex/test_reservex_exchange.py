"""Rules of the exchange on cases small enough to check by hand."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from rexnet_grid.errors import InputError
from rexnet_grid.reservex import NO_PRICE, EventLog, Exchange, MarketRules, OrderBatch


def make(opening_auction=False, units=3, accounts="abcd", **rules):
    ex = Exchange(MarketRules(opening_auction=opening_auction, forward_units=8, **rules))
    who = [ex.register(name, node="n") for name in accounts]
    for unit in range(units):
        ex.open_unit(unit)
    return ex, who


def test_market_order_never_rests():
    ex, (a, b, *_) = make()
    ex.submit(a, 0, "sell", 10, 5)
    got = ex.submit(b, 0, "buy", lots=8, kind="market")
    assert (got.status, got.reason) == ("cancelled", "a market order does not rest")
    assert [tuple(f) for f in got.fills] == [(10, 5, 1)]
    assert ex.lob3d().empty


def test_immediate_or_cancel_keeps_nothing():
    ex, (a, b, *_) = make()
    ex.submit(a, 0, "sell", 10, 5)
    got = ex.submit(b, 0, "buy", 10, 8, time_in_force="ioc")
    assert got.status == "cancelled"
    assert got.fills[0].lots == 5
    assert ex.best_bid(0) is None


def test_post_only_is_rejected_when_it_would_trade():
    ex, (a, b, *_) = make()
    ex.submit(a, 0, "sell", 10, 5)
    assert ex.submit(b, 0, "buy", 10, 5, post_only=True).reason == "post-only order would trade"
    assert ex.submit(b, 0, "buy", 9, 5, post_only=True).status == "resting"


def test_iceberg_shows_a_clip_and_each_clip_has_a_new_time():
    ex, (a, b, c, _) = make()
    ex.submit(a, 0, "sell", 10, 9, display_lots=3)
    ex.submit(b, 0, "sell", 10, 2)
    assert ex.depth(0).asks == ((10, 5, 2),)
    got = ex.submit(c, 0, "buy", 10, 7)
    assert [tuple(f) for f in got.fills] == [(10, 3, 1), (10, 2, 2), (10, 2, 1)]
    assert ex.depth(0).asks == ((10, 1, 1),)
    assert ex.orders()[0, 6] == 3


def test_all_or_none_is_passed_over_and_may_leave_a_crossed_book():
    ex, (a, b, c, _) = make()
    ex.submit(a, 0, "sell", 10, 10, all_or_none=True)
    assert ex.submit(b, 0, "buy", 12, 4).status == "resting"
    assert (ex.best_bid(0), ex.best_ask(0)) == (12, 10)
    assert ex.submit(c, 0, "buy", 11, 10).fills[0].price == 10


def test_good_till_an_earlier_gate():
    ex, (a, *_) = make()
    kept = ex.submit(a, 2, "buy", 5, 1)
    gone = ex.submit(a, 2, "buy", 5, 1, time_in_force="gtt", expires_unit=0)
    ex.close_gate(0)
    assert ex.cancel(gone.order_id).reason == "order has expired"
    assert ex.cancel(kept.order_id).status == "cancelled"


@pytest.mark.parametrize(
    ("policy", "status", "left"),
    [("cancel_newest", "cancelled", (5, 0)), ("cancel_oldest", "resting", (0, 8)), ("cancel_both", "cancelled", (0, 0)),
     ("decrement", "resting", (0, 3))],
)  # fmt: skip
def test_self_trade_policies(policy, status, left):
    ex, (a, *_) = make(self_trade=policy)
    ex.submit(a, 0, "sell", 10, 5)
    assert ex.submit(a, 0, "buy", 10, 8).status == status
    lots = {side: int(rows.lots.sum()) for side, rows in ex.lob3d().groupby("side")}
    assert (lots.get("sell", 0), lots.get("buy", 0)) == left
    assert ex.trades().empty


def test_rejects_name_the_reason_and_change_nothing():
    ex, (a, b, *_) = make()
    resting = ex.submit(a, 0, "buy", 5, 5)
    before = ex.orders().tobytes()
    asked = {
        "unknown account": ex.submit(77, 0, "buy", 1, 1),
        "side must be buy or sell": ex.submit(a, 0, "give", 1, 1),
        "unit is not open": ex.submit(a, 7, "buy", 1, 1),
        "lots must be at least 1 and at most the limit": ex.submit(a, 0, "buy", 1, 0),
        "price outside the limits": ex.submit(a, 0, "buy", 10**30, 1),
        "display must be between 1 and lots": ex.submit(a, 0, "buy", 1, 5, display_lots=6),
        "order belongs to another account": ex.cancel(resting.order_id, account=b),
        "an order can only shrink": ex.shrink(resting.order_id, 6),
        "unknown order": ex.cancel(10**12),
    }
    for reason, got in asked.items():
        assert (got.status, got.reason) == ("rejected", reason)
    assert ex.orders().tobytes() == before
    assert ex.submit(a, 0, "sell", 5, 1).order_id == 8  # the six rejected orders took ids 2 to 7


def test_filled_and_cancelled_ids_are_told_apart():
    ex, (a, b, *_) = make()
    ex.submit(a, 0, "buy", 5, 5)
    ex.submit(b, 0, "sell", 5, 5)
    assert ex.cancel(1).reason == "order is already filled"
    third = ex.submit(b, 0, "sell", 5, 5).order_id
    ex.cancel(third)
    assert ex.cancel(third).reason == "order is already cancelled"


def test_linked_legs_trade_together_or_not_at_all():
    ex, (a, b, c, _) = make()
    ex.submit(a, 0, "sell", 10, 5)
    ex.submit(b, 1, "buy", 20, 4)
    legs = np.array([[0, 1], [0, 1], [10, 20], [5, 5]])
    before = ex.orders().tobytes()
    assert ex.submit_linked(c, legs).status == "cancelled"
    assert ex.orders().tobytes() == before
    got = ex.submit_linked(c, np.array([[0, 1], [0, 1], [10, 20], [4, 4]]))
    assert [tuple(f) for f in got.fills] == [(10, 4, 1), (20, 4, 2)]
    assert ex.ledger.cash(c) == 4 * (20 - 10)


def test_base_contract_is_one_order_a_unit():
    ex, (a, b, *_) = make()
    ex.submit(b, 1, "sell", 5, 3)
    out = ex.submit_base(a, [0, 1, 2], "buy", 6, 3)
    assert list(out.status) == ["resting", "filled", "resting"]


@pytest.mark.parametrize(("reference", "price"), [(NO_PRICE, 25), (0, 20), (28, 28), (99, 30)])
def test_uncross_price_is_nearest_the_reference(reference, price):
    ex, (a, b, c, d) = make(opening_auction=True, units=0)
    ex.open_unit(4, reference=reference)
    ex.submit(a, 4, "sell", 10, 10)
    ex.submit(b, 4, "sell", 20, 10)
    ex.submit(c, 4, "buy", 30, 12)
    ex.submit(d, 4, "buy", 15, 10)
    assert ex.uncross(4) == (price, 12, -8)


def test_a_market_order_sets_no_price_in_a_call_auction():
    ex, (a, b, c, _) = make(opening_auction=True)
    ex.submit(a, 0, "sell", kind="market", lots=10)
    ex.submit(b, 0, "buy", 60, 4)
    assert ex.uncross(0)[:2] == (60, 4)  # any price up to 60 gives as much; 60 is the only limit there is
    ex.submit(a, 1, "sell", kind="market", lots=10)
    ex.submit(b, 1, "buy", kind="market", lots=4)
    ex.submit(c, 1, "sell", 70, 6)
    ex.submit(c, 1, "buy", 30, 6)
    assert ex.uncross(1)[:2] == (30, 10)  # below 30 as good as at 30
    ex.submit(a, 2, "sell", kind="market", lots=4)
    ex.submit(b, 2, "buy", kind="market", lots=4)
    assert ex.uncross(2)[:2] == ((ex.rules.min_price_ticks + ex.rules.max_price_ticks) // 2, 4)


def test_pro_rata_at_the_marginal_price():
    ex, (a, b, c, _) = make(opening_auction=True, auction_rationing="pro_rata")
    ex.submit(a, 0, "sell", 10, 30)
    ex.submit(b, 0, "sell", 10, 10)
    ex.submit(c, 0, "buy", 10, 21)
    ex.uncross(0)
    assert [ex.ledger.position(who, 0) for who in (a, b)] == [16, 5]


def test_an_account_that_crosses_itself_in_the_call_phase_does_not_trade_with_itself():
    ex, (a, b, *_) = make(opening_auction=True)
    ex.submit(a, 0, "sell", 10, 5)
    ex.submit(a, 0, "buy", 12, 5)
    ex.submit(b, 0, "buy", 11, 2)
    assert ex.uncross(0).lots == 2
    trades = ex.trades()
    assert (trades.buyer != trades.seller).all()


def test_words_that_are_not_known_are_rejected_by_name():
    ex, (a, *_) = make()
    unknown = "unknown kind of order or time in force"
    assert ex.submit(a, 0, "hold", 10, 5).reason == "side must be buy or sell"
    assert ex.submit(a, 0, "buy", 10, 5, kind="stop").reason == unknown
    assert ex.submit(a, 0, "buy", 10, 5, time_in_force="day").reason == unknown
    zeros = np.zeros(3, dtype=np.int64)
    batch = ex.submit_many(OrderBatch(zeros + a, zeros, np.array([2, -1, -2]), zeros + 10, zeros + 5, zeros, zeros))
    assert set(batch.reason) == {"side must be buy or sell"}
    assert ex.submit(a, 0, "buy", 10, 5).order_id == 7


@pytest.mark.parametrize("account", [-1, 4, 99])
def test_nobody_has_no_view(account):
    ex, _ = make()
    with pytest.raises(KeyError, match="there is no account"):
        ex.view(account)


def test_the_public_sees_prints_without_names_and_each_account_its_own_trades():
    ex, (a, b, c, _) = make()
    sold = ex.submit(a, 0, "sell", 10, 5).order_id
    ex.submit(b, 0, "buy", 10, 3)
    ex.submit(c, 0, "buy", 11, 2)
    public = ex.prints()
    assert list(public.columns) == ["unit", "price", "lots", "phase"]
    assert public["lots"].tolist() == [3, 2]
    mine = ex.own_trades(a)
    assert list(mine.columns) == ["unit", "price", "lots", "phase", "side", "order_id"]
    assert mine["side"].tolist() == ["sell", "sell"]
    assert mine["order_id"].tolist() == [sold, sold]
    assert ex.own_trades(b)["side"].tolist() == ["buy"]
    with pytest.raises(KeyError, match="99"):
        ex.own_trades(99)


def test_settlement_takes_whole_numbers_alone():
    ex, (a, b, *_) = make()
    ex.submit(a, 0, "sell", 10, 5)
    ex.submit(b, 0, "buy", 10, 5)
    ex.close_gate(0)
    for realised in ([4.5, -4.5], [np.nan, -5.0]):
        assert ex.settle(0, np.array(realised), operator_account=3).reason == "quantities must be whole numbers"
    assert ex.settle(0, np.array([5.0, -5.0]), operator_account=3).status == "settled"


def test_view_leaves_out_own_orders():
    ex, (a, b, *_) = make()
    ex.submit(a, 0, "buy", 7, 1)
    ex.submit(b, 0, "buy", 6, 2)
    ex.submit(b, 0, "buy", 6, 3)
    ex.submit(a, 1, "sell", 9, 4)
    view = ex.view(a)
    assert view.units.tolist() == [0, 1, 2]
    assert view.bid.tolist() == [6, NO_PRICE, NO_PRICE]
    assert view.bid_lots.tolist() == [5, 0, 0]
    assert view.ask.tolist() == [NO_PRICE] * 3
    mine = np.stack([view.order_id, view.order_unit, view.order_side, view.order_price, view.order_lots], axis=1)
    assert mine.tolist() == [[1, 0, 0, 7, 1], [4, 1, 1, 9, 4]]


def test_collateral_stops_orders_that_could_cost_too_much():
    ex, (a, b, *_) = make(collateral_eur=1.0)  # one tick x lot x quarter hour = 2.5e-6 EUR: 400,000 quanta
    assert ex.submit(a, 0, "buy", 1000, 400).status == "resting"
    assert ex.submit(a, 0, "buy", 1, 1).reason == "collateral limit"
    assert ex.submit(a, 0, "sell", 2000, 400).status == "resting"
    ex.cancel(1)
    assert ex.submit(a, 0, "buy", 1, 1).status == "resting"
    assert ex.submit(b, 0, "sell", -1000, 401).reason == "collateral limit"


def test_an_operator_needs_no_collateral():
    ex, _ = make(collateral_eur=0.0)
    operator = ex.register("operator", node="n", secured=False)
    assert ex.submit(0, 0, "buy", 1, 1).reason == "collateral limit"
    assert ex.submit(operator, 0, "buy", 1000, 1_000_000).status == "resting"
    assert Exchange.replay(ex.log).state_hash() == ex.state_hash()


def test_batches_equal_single_orders():
    rng = np.random.default_rng(1)
    n = 2000
    columns = [rng.integers(0, 4, n), rng.integers(0, 3, n), rng.integers(0, 2, n), rng.integers(40, 60, n)]
    columns += [rng.integers(1, 9, n), rng.integers(0, 3, n), rng.integers(1, n, n)]
    many, single = make()[0], make()[0]
    out = many.submit_many(OrderBatch(*columns))
    for i, (account, unit, side, price, lots, action, order_id) in enumerate(np.stack(columns, axis=1).tolist()):
        if action == 0:
            got = single.submit(account, unit, ("buy", "sell")[side], price, lots)
        elif action == 1:
            got = single.cancel(order_id, account=account)
        else:
            got = single.shrink(order_id, lots, account=account)
        assert (out.order_id[i], out.status[i], out.reason[i]) == (got.order_id, got.status, got.reason)
        assert out.filled_lots[i] == sum(fill.lots for fill in got.fills)
    assert many.state_hash() == single.state_hash()
    assert np.array_equal(many.log.rows, single.log.rows)


def test_copies_and_pickles_go_on_alike():
    ex, (a, b, *_) = make()
    ex.submit(a, 0, "buy", 7, 3)
    others = [copy.deepcopy(ex), pickle.loads(pickle.dumps(ex))]
    assert len(pickle.dumps(ex)) < 100_000
    for exchange in [ex, *others]:
        exchange.submit_many(
            OrderBatch.new(b, np.zeros(3000, int), np.ones(3000, int), np.arange(3000) % 99, np.full(3000, 2))
        )
    assert len({exchange.state_hash() for exchange in [ex, *others]}) == 1
    assert all(np.array_equal(other.log.rows, ex.log.rows) for other in others)


def test_log_survives_parquet(tmp_path):
    ex, (a, b, *_) = make()
    ex.submit(a, 0, "buy", 7, 3)
    ex.submit(b, 0, "sell", 5, 1)
    ex.close_gate(0)
    ex.log.to_parquet(tmp_path / "log.parquet")
    log = EventLog.from_parquet(tmp_path / "log.parquet")
    assert Exchange.replay(log).state_hash() == ex.state_hash()
    assert log.rules == ex.rules
    (tmp_path / "no.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not an event log"):
        EventLog.from_parquet(tmp_path / "no.parquet")


def test_rules_name_every_fault_at_once():
    with pytest.raises(InputError) as error:
        MarketRules(lot_kw=-1.0, self_trade="cancel_newst", min_price_ticks=5, max_price_ticks=1)  # type: ignore[arg-type]
    assert len(error.value.issues) == 3
    assert "cancel_newest" in str(error.value)


def test_many_accounts_and_units_make_room():
    ex = Exchange(MarketRules(opening_auction=False, forward_units=4))
    ex.open_unit(0)
    who = [ex.register(f"p{i}", node="n") for i in range(300)]
    for unit in range(1, 400, 7):
        ex.open_unit(unit)
    ex.submit(who[299], 0, "buy", 5, 5)
    ex.submit(who[1], 0, "sell", 5, 5)
    assert (ex.ledger.position(who[299], 0), ex.ledger.position(who[1], 0)) == (-5, 5)
    assert Exchange.replay(ex.log).state_hash() == ex.state_hash()
