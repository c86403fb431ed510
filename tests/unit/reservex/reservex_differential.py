"""Random operations on the compiled exchange and on the specification, side by side."""

from __future__ import annotations

import numpy as np

from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.reservex import NO_PRICE, Exchange, MarketRules, OrderBatch
from rexnet_grid.reservex.layout import K_WAKE
from rexnet_grid.reservex.reference import Order, ReferenceExchange

LOW, HIGH = -40, 60
SIDES = ("buy", "sell")


class Pair:
    """Both exchanges, fed alike and compared."""

    def __init__(self, rng, units=16, accounts=6, policy="cancel_newest", admission=None, nodes=None, network=None):
        rules = MarketRules(
            min_price_ticks=LOW, max_price_ticks=HIGH, self_trade=policy, forward_units=units, max_order_lots=1000
        )
        self.rng, self.policy, self.accounts = rng, policy, accounts
        self.real = Exchange(rules, admission=admission)
        self.nodes = nodes or ["n"] * accounts
        for i in range(accounts):
            self.real.register(f"a{i}", node=self.nodes[i])
        self.spec = ReferenceExchange(LOW, HIGH, 1000, policy)
        self.network = network
        if network is not None:
            self.spec.capacity, self.spec.take = network.capacity, network.take
        self.first, self.units, self.compared = 0, units, 0
        self.waited = self.rematched = 0
        for unit in range(units):
            self.open(unit)

    def open(self, unit):
        self.real.open_unit(unit, reference=7 if unit % 2 else NO_PRICE)
        self.spec.phase[unit] = "call"

    @staticmethod
    def reference(unit):
        return 7 if unit % 2 else None

    def roll(self):
        """One boundary: close the first unit, uncross the last, open another."""
        self.real.close_gate(self.first)
        self.spec.close(self.first)
        last = self.first + self.units - 1
        if self.spec.phase[last] == "call":
            self.uncross(last)
        self.first += 1
        self.open(last + 1)

    def uncross(self, unit):
        got = self.real.uncross(unit)
        price, lots = self.spec.uncross(unit, self.reference(unit))
        assert got.price == price
        if self.network is None:
            assert got.lots == lots

    def order(self):
        """One random operation through the single-order face."""
        rng = self.rng
        draw = rng.random()
        unit = self.first + int(rng.integers(-1, self.units + 1))
        who, side = int(rng.integers(self.accounts)), int(rng.integers(2))
        price, lots = int(rng.integers(LOW - 1, HIGH + 2)) // 2 + 5, int(rng.integers(0, 30))
        if draw < 0.15:
            self.both(lambda i: (self.real.cancel(i).status, self.spec.change(i)))
        elif draw < 0.25:
            self.both(lambda i: (self.real.shrink(i, lots + 1).status, self.spec.change(i, lots + 1)))
        elif draw < 0.29:
            self.linked(who, unit, side, price, lots)
        else:
            self.new(who, unit, side, price, lots)

    def linked(self, who, unit, side, price, lots):
        """A block, or linked orders whose sides alternate; a few in the same unit twice; half of them wait."""
        rng = self.rng
        wait, keen, mixed = rng.random() < 0.6, int(rng.integers(-4, 16)), rng.random() < 0.3
        legs = []
        for k in range(int(rng.integers(1, 5))):
            at = side ^ (k & 1) if mixed else side
            legs.append(
                (unit + (k if rng.random() < 0.97 else 0), at, 5 + price // 4 + keen * (1 - 2 * at), 1 + lots // 6)
            )
        got = self.real.submit_linked(who, np.array(legs, dtype=np.int64).T.copy(), "gate" if wait else "fok")
        expected = [Order(who, *leg) for leg in legs]
        status = self.spec.link(expected, wait=bool(wait))
        assert (got.order_id, got.status) == (expected[0].id, status)
        self.waited += status == "resting"

    def rematch(self):
        """Let a crossed book trade again."""
        unit = self.first + int(self.rng.integers(self.units))
        got = self.real.rematch(unit)
        assert got == self.spec.rematch(unit)
        self.rematched += got

    def woken(self):
        """How many waiting blocks traded."""
        return int((self.real.log.rows[:, 0] == K_WAKE).sum())

    def new(self, who, unit, side, price, lots):
        rng, how = self.rng, self.rng.random()
        kind = "market" if how < 0.04 else "limit"
        tif = "ioc" if 0.04 <= how < 0.08 else "fok" if 0.08 <= how < 0.12 else "gtt" if how > 0.95 else "gate"
        post, whole = 0.12 <= how < 0.17, 0.17 <= how < 0.22
        display = int(rng.integers(1, 6)) if 0.22 <= how < 0.32 else None
        until = unit - int(rng.integers(0, 4)) if tif == "gtt" else None
        until = None if until is not None and until < self.first else until
        got = self.real.submit(
            who, unit, SIDES[side], price, lots, kind=kind, time_in_force=tif, post_only=post, display_lots=display,
            all_or_none=whole, expires_unit=until,
        )  # fmt: skip
        order = Order(who, unit, side, price, lots, display or 0, whole, kind == "market", until)
        status = self.spec.submit(order, ioc=tif == "ioc", fok=tif == "fok", post=post)
        assert (got.order_id, got.status) == (order.id, status)

    def both(self, act):
        near = max(1, self.spec.next_id - int(self.rng.integers(1, 200)))
        got, expected = act(near)
        assert got == expected

    def batch(self, n):
        """A batch of plain orders, cancels and shrinks; the specification one by one."""
        rng, next_id = self.rng, self.spec.next_id
        draw = rng.random(n)
        action = np.where(draw < 0.75, 0, np.where(draw < 0.92, 1, 2))
        account, unit = rng.integers(0, self.accounts, n), self.first + rng.integers(0, self.units, n)
        side, price = rng.integers(0, 2, n), rng.integers(LOW, HIGH, n) // 2 + 5
        lots, order_id = rng.integers(1, 30, n), np.maximum(1, next_id + rng.integers(-200, n, n))
        out = self.real.submit_many(OrderBatch(account, unit, side, price, lots, action, order_id))
        for i in range(n):
            if action[i] == 0:
                order = Order(*(int(c[i]) for c in (account, unit, side, price, lots)))
                status = self.spec.submit(order)
                assert (out.order_id[i], out.status[i]) == (order.id, status)
                continue
            known = [self.spec.orders.get(int(order_id[i])), *self.spec.waiting.get(int(order_id[i]), ())]
            if any(order is not None and order.account != account[i] for order in known):
                assert out.reason[i] == "order belongs to another account"
                continue
            assert out.status[i] == self.spec.change(int(order_id[i]), int(lots[i]) if action[i] == 2 else 0)

    def compare(self):
        """Same trades one by one since the last time, same book."""
        columns = self.real.log.trades()
        fresh = self.spec.trades[self.compared :]
        taker = np.where(
            columns["maker_order_id"] == columns["buy_order_id"], columns["sell_order_id"], columns["buy_order_id"]
        )
        taker = np.where(columns["phase"] == 1, columns["buy_order_id"], taker)
        maker = np.where(columns["phase"] == 1, columns["sell_order_id"], columns["maker_order_id"])
        got = np.stack([columns["unit"], columns["price"], columns["lots"], taker, maker], axis=1)[self.compared :]
        assert [tuple(row) for row in got.tolist()] == fresh
        self.compared += len(fresh)
        book = [row[:8] for row in self.real.orders().tolist()]
        expected = [
            [o.unit, o.side, o.price, o.id, o.account, o.shown, o.hidden, o.display]
            for unit in sorted(self.spec.phase)
            for side in (0, 1)
            for o in self.spec.queue(unit, side)
        ]
        for row, spec in zip(book, expected, strict=True):
            assert row[:7] == spec[:7]
        waiting = [row for who in range(self.accounts) for row in self.real.blocks(who).tolist()]
        legs = [[o.unit, o.side, o.price, o.id, o.account, o.shown] for x in self.spec.waiting.values() for o in x]
        assert sorted(waiting) == sorted(legs)


def run(operations, seed, policy, check_every=2000, notice=None, **how):
    """Run random operations; returns the pair, compared to the end. ``notice`` is told of every new state."""
    rng = np.random.default_rng(seed)
    pair = Pair(rng, policy=policy, **how)
    done = 0
    while done < operations:
        step = rng.random()
        if step < 0.004:
            pair.roll()
            done += 1
        elif step < 0.008:
            unit = pair.first + int(rng.integers(pair.units))
            if pair.spec.phase[unit] == "call":
                pair.uncross(unit)
            done += 1
        elif step < 0.01:
            pair.rematch()
            done += 1
        elif step < 0.02:
            n = int(rng.integers(2, 200))
            pair.batch(n)
            done += n
        else:
            pair.order()
            done += 1
        if done % check_every < 1:
            pair.compare()
        if notice is not None:
            notice(pair.real)
    pair.compare()
    return pair


class Network:
    """Headroom as the specification sees it: small matrices and the formula."""

    def __init__(self, nodes, lot_kw):
        self.nodes, self.lot, self.rows = nodes, lot_kw, {}

    def capacity(self, unit, seller, buyer):
        if unit not in self.rows or self.nodes[seller] == self.nodes[buyer]:
            return 1 << 40
        A, slack = self.rows[unit]
        most = 1e12
        for r in range(len(slack)):
            slope = A[r, self.nodes[seller]] - A[r, self.nodes[buyer]]
            if slope > 1e-9 * np.abs(A[r]).max() and slack[r] < most * slope * self.lot:
                most = slack[r] / (slope * self.lot)
        return 1 << 40 if most == 1e12 else max(0, int(np.floor(most + 1e-9)))

    def take(self, unit, seller, buyer, lots):
        if unit in self.rows and self.nodes[seller] != self.nodes[buyer]:
            A, slack = self.rows[unit]
            slack -= (A[:, self.nodes[seller]] - A[:, self.nodes[buyer]]) * (lots * self.lot)


class AdmissionPair(Pair):
    """The pair under headroom that is published anew at every boundary."""

    def __init__(self, rng, policy="cancel_newest", n_nodes=4, units=6, accounts=8):
        names = tuple(f"bus {i}" for i in range(n_nodes))
        self.admission = LinearAdmission(names, 0.1)
        where = [int(rng.integers(n_nodes)) for _ in range(accounts)]
        self.names, self.shape = names, rng
        network = Network(where, 0.1)
        super().__init__(rng, units, accounts, policy, self.admission, [names[i] for i in where], network)

    def open(self, unit):
        super().open(unit)
        self.publish(unit)

    def publish(self, unit):
        rng = self.rng
        rows = int(rng.integers(1, 12))
        A = np.round(rng.normal(0, 1, (rows, len(self.names))), 2)
        slack = np.round(rng.normal(2.0, 2.0, rows), 2)
        self.network.rows[unit] = (A, slack.copy())
        limits = tuple(f"limit {i}" for i in range(rows))
        self.admission.publish(Headroom(unit, self.names, A, slack, limits))

    def roll(self):
        self.network.rows.pop(self.first, None)
        super().roll()
        for unit in range(self.first, self.first + self.units):
            self.publish(unit)


def run_admission(operations, seed, policy):
    """Random operations under admission; returns the pair, compared to the end."""
    rng = np.random.default_rng(seed)
    pair = AdmissionPair(rng, policy=policy)
    for i in range(operations):
        if rng.random() < 0.004:
            pair.roll()
        elif rng.random() < 0.01:
            unit = pair.first + int(rng.integers(pair.units))
            if pair.spec.phase[unit] == "call":
                pair.uncross(unit)
        elif rng.random() < 0.02:
            pair.rematch()
        elif rng.random() < 0.005:
            pair.batch(20)
        else:
            pair.order()
        if i % 500 == 0:
            pair.compare()
    pair.compare()
    return pair
