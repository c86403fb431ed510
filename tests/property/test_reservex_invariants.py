"""What must always hold, whatever is asked of an exchange in whatever order."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rexnet_grid.reservex import Exchange, MarketRules

ACCOUNT, UNIT, SIDE = st.integers(0, 2), st.integers(0, 2), st.sampled_from(("buy", "sell"))
PRICE, LOTS = st.integers(1, 9), st.integers(1, 12)


class ExchangeMachine(RuleBasedStateMachine):
    """Two mirrored exchanges: what one buys at p the other sells at 10 - p."""

    def __init__(self):
        super().__init__()
        rules = MarketRules(forward_units=4, min_price_ticks=0, max_price_ticks=10, self_trade="cancel_oldest")
        self.pair = [Exchange(rules) for _ in range(2)]
        for ex in self.pair:
            for name in "abc":
                ex.register(name, node="n")
            for unit in range(3):
                ex.open_unit(unit)
        self.calling, self.closed, self.legs = {0, 1, 2}, set(), {}

    def both(self, act):
        first, second = (act(ex, mirrored) for ex, mirrored in zip(self.pair, (False, True), strict=True))
        assert (first.order_id, first.status) == (second.order_id, second.status)
        assert [f.lots for f in first.fills] == [f.lots for f in second.fills]
        return first

    @rule(who=ACCOUNT, unit=UNIT, side=SIDE, price=PRICE, lots=LOTS, how=st.sampled_from(("gate", "ioc", "fok")),
          display=st.none() | st.integers(1, 3), whole=st.booleans())  # fmt: skip
    def submit(self, who, unit, side, price, lots, how, display, whole):
        standing = self.pair[0].orders() if unit not in self.calling | self.closed else None

        def act(ex, mirrored):
            other = {"buy": "sell", "sell": "buy"}[side] if mirrored else side
            return ex.submit(
                who, unit, other, 10 - price if mirrored else price, lots, time_in_force=how,
                display_lots=None if display is None else min(display, lots), all_or_none=whole,
            )  # fmt: skip

        got = self.both(act)
        assert unit not in self.closed or got.status == "rejected"
        if standing is not None and got.fills:
            self.nobody_better_was_passed_over(standing, unit, side, who, got)

    def nobody_better_was_passed_over(self, standing, unit, side, who, got):
        """Whoever stood before the last order traded with is filled; own, whole and iceberg orders are not counted."""
        queue = standing[(standing[:, 0] == unit) & (standing[:, 1] == (side == "buy"))]
        makers = queue[:, 3].tolist()
        last = max(makers.index(fill.maker_order_id) for fill in got.fills)
        resting = set(self.pair[0].orders()[:, 3].tolist())
        for row in queue[:last]:
            plain = row[4] != who and row[6] == 0 and not row[8] & (64 | 2) and row[7] == 0
            assert not plain or row[3] not in resting
        prices = [fill.price for fill in got.fills]
        assert prices == sorted(prices, reverse=side == "sell")

    @rule(order=st.integers(1, 40))
    def cancel(self, order):
        self.both(lambda ex, _: ex.cancel(order))

    @rule(order=st.integers(1, 40), lots=LOTS)
    def shrink(self, order, lots):
        self.both(lambda ex, _: ex.shrink(order, lots))

    @rule(who=ACCOUNT, units=st.lists(UNIT, min_size=1, max_size=3), side=SIDE, price=PRICE, lots=LOTS,
          life=st.sampled_from(("fok", "gate")))  # fmt: skip
    def block(self, who, units, side, price, lots, life):
        before = [ex.orders().tobytes() for ex in self.pair]
        mirror = {"buy": "sell", "sell": "buy"}
        got = self.both(
            lambda ex, m: ex.submit_block(
                who, units, mirror[side] if m else side, 10 - price if m else price, lots, time_in_force=life
            )
        )
        if got.status != "filled":
            assert before == [ex.orders().tobytes() for ex in self.pair]
        if got.status == "resting":
            self.legs[got.order_id] = dict.fromkeys(units, lots)

    @rule(unit=UNIT)
    def uncross(self, unit):
        if unit in self.calling:
            first, second = (ex.uncross(unit) for ex in self.pair)
            assert (first.lots, first.surplus_lots) == (second.lots, -second.surplus_lots)
            self.calling.discard(unit)

    @rule(unit=UNIT)
    def close(self, unit):
        if unit not in self.closed:
            for ex in self.pair:
                assert ex.close_gate(unit).lots.sum() == 0
            self.calling.discard(unit)
            self.closed.add(unit)

    @invariant()
    def money_and_positions_sum_to_zero(self):
        for ex in self.pair:
            assert ex.ledger.balances().sum() == 0
            assert all(ex.ledger.positions(unit).sum() == 0 for unit in range(3))

    @invariant()
    def nobody_trades_with_himself(self):
        trades = self.pair[0].log.trades()
        assert (trades["buyer"] != trades["seller"]).all()

    @invariant()
    def never_crossed_without_a_whole_order(self):
        ex = self.pair[0]
        orders = ex.orders()
        for unit in set(ex.units.tolist()) - self.calling:
            mine = orders[(orders[:, 0] == unit) & (orders[:, 8] & 64 == 0)]
            bids, asks = mine[mine[:, 1] == 0, 2], mine[mine[:, 1] == 1, 2]
            assert not len(bids) or not len(asks) or bids.max() < asks.min()

    @invariant()
    def lots_submitted_are_all_accounted_for(self):
        rows = self.pair[0].log.rows
        new, gone = rows[rows[:, 0] == 1, 5].sum(), rows[rows[:, 0] == 4, 5].sum()
        waiting = sum(int(self.pair[0].blocks(who)[:, 5].sum()) for who in range(3))
        resting = self.pair[0].orders()[:, 5:7].sum() + waiting
        assert new == gone + resting + 2 * self.pair[0].log.trades()["lots"].sum()

    @invariant()
    def a_block_that_waited_traded_all_of_its_legs_or_none(self):
        trades = self.pair[0].log.trades()
        for order_id, legs in self.legs.items():
            mine = (trades["buy_order_id"] == order_id) | (trades["sell_order_id"] == order_id)
            traded = {unit: int(trades["lots"][mine & (trades["unit"] == unit)].sum()) for unit in legs}
            assert traded in (legs, dict.fromkeys(legs, 0))

    @invariant()
    def no_waiting_block_could_trade(self):
        ex = self.pair[0]
        for who in range(3):
            legs = ex.blocks(who)
            for order_id in set(legs[:, 3].tolist()):
                mine = legs[legs[:, 3] == order_id]
                if not set(mine[:, 0].tolist()) & self.calling:
                    trial = Exchange.replay(ex.log)
                    trial.cancel(order_id)
                    assert trial.submit_linked(who, mine[:, [0, 1, 2, 5]].T.copy()).status == "cancelled"

    @invariant()
    def replay_is_the_state(self):
        ex = self.pair[0]
        replayed = Exchange.replay(ex.log)
        assert replayed.state_hash() == ex.state_hash()
        assert np.array_equal(replayed.log.rows, ex.log.rows)


TestExchange = ExchangeMachine.TestCase
TestExchange.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
