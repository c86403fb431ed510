"""Speed of the exchange on one seeded tape, beside its peers where they are installed.

The tape: 2,000 prefill orders, then 200,000 operations, 70 % passive limits, 20 % cancels, 10 % marketable limits. CPU
time, repeated and interleaved; log and self-trade prevention on; batches are made before the clock starts, and so are
the peer's rows. Peers: ``python -m pip install bourse==0.4.0`` (and PyLOB 1.0) in an environment of their own, then
``--dump tape.npz`` here and ``peer_bourse.py tape.npz`` there.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.reservex import Exchange, MarketRules, OrderBatch

MID, SPAN, ACCOUNTS = 10_000, 100, 100


def make_tape(operations, prefill, seed=1, span=SPAN, units=1):
    """Columns account, unit, side, price, lots, action, order_id; ids are the exchange's own numbering."""
    rng = np.random.default_rng(seed)
    n = prefill + operations
    draw = rng.random(n)
    draw[:prefill] = 0.0
    action = np.where((draw >= 0.7) & (draw < 0.9), 1, 0)
    side = rng.integers(0, 2, n)
    away = rng.integers(1, span, n)
    price = np.where(side == 0, MID - away, MID + away)
    marketable = draw >= 0.9
    price[marketable] = np.where(side[marketable] == 0, MID + span, MID - span)
    lots = np.where(marketable, rng.integers(1, 250, n), rng.integers(1, 100, n))
    account, unit = 2 * rng.integers(0, ACCOUNTS // 2, n) + side, rng.integers(0, units, n)
    order_id, new_ids = np.zeros(n, dtype=np.int64), np.cumsum(action == 0)
    pool, owner = [], np.zeros(n + 2, dtype=np.int64)
    for i in range(n):
        if action[i] == 0:
            owner[new_ids[i]] = account[i]
            if not marketable[i]:
                pool.append(int(new_ids[i]))
        else:
            k = int(rng.integers(len(pool)))
            pool[k], pool[-1] = pool[-1], pool[k]
            order_id[i] = pool.pop()
            account[i] = owner[order_id[i]]
    return np.stack([account, unit, side, price, lots, action, order_id]).astype(np.int64)


def make_exchange(units=1, admission=None, nodes=None):
    rules = MarketRules(opening_auction=False, forward_units=units, min_price_ticks=0, max_price_ticks=40_000)
    ex = Exchange(rules, admission=admission)
    for i in range(ACCOUNTS):
        ex.register(f"p{i}", node="n" if nodes is None else nodes[i % len(nodes)])
    for unit in range(units):
        ex.open_unit(unit)
    return ex


def cut(tape, chunk):
    """Return the tape as batches of ``chunk`` commands."""
    starts = range(0, tape.shape[1], chunk)
    return [OrderBatch(*np.ascontiguousarray(tape[:, start : start + chunk])) for start in starts]


def feed(ex, batches):
    for batch in batches:
        ex.submit_many(batch)


def feed_singly(ex, tape):
    for account, unit, side, price, lots, action, order_id in tape.T.tolist():
        if action:
            ex.cancel(order_id)
        else:
            ex.submit(account, unit, "sell" if side else "buy", price, lots)


def clock(make, run, repeats):
    """Smallest CPU time of a run on a fresh exchange [s]."""
    best = float("inf")
    for _ in range(repeats):
        ex = make()
        start = time.process_time()
        run(ex)
        best = min(best, time.process_time() - start)
    return best


def batches(operations, repeats):
    tape = make_tape(operations, 2_000)
    columns = [np.ascontiguousarray(tape[:, i : i + 100]) for i in range(0, operations, 100)]
    took = clock(lambda: columns, lambda c: [OrderBatch(*seven) for seven in c], repeats) / len(columns)
    print(f"making a batch of arrays {took * 1e6:12.2f} us")
    print(f"{'way in':28s} {'M op/s':>8s}")
    for chunk in (100, 1_000, 10_000):
        ready = cut(tape[:, 2_000:], chunk)
        took = clock(lambda: prefilled(tape), lambda ex, ready=ready: feed(ex, ready), repeats)
        print(f"submit_many, {chunk:6d} a time {operations / took / 1e6:13.2f}")
    few = tape[:, 2_000 : 2_000 + operations // 4]
    took = clock(lambda: prefilled(tape), lambda ex: feed_singly(ex, few), repeats)
    print(f"submit, cancel one by one {few.shape[1] / took / 1e6:11.2f}")


def prefilled(tape, units=1, admission=None, nodes=None, prefill=2_000):
    ex = make_exchange(units, admission, nodes)
    feed(ex, cut(tape[:, :prefill], 1_000))
    return ex


def flatness(operations, repeats):
    print(f"\n{'live orders':>12s} {'units':>6s} {'ns/op':>8s} {'bytes/order':>12s}")
    for live, units in ((1_000, 1), (10_000, 1), (100_000, 1), (2_000, 96), (100_000, 96)):
        tape = make_tape(operations, live, span=SPAN, units=units)
        ready = cut(tape[:, live:], 1_000)
        took = clock(
            lambda t=tape, u=units, n=live: prefilled(t, u, prefill=n), lambda ex, r=ready: feed(ex, r), repeats
        )
        ex = prefilled(tape, units, prefill=live)
        size = ex.state_bytes / live
        print(f"{live:12d} {units:6d} {took / operations * 1e9:8.0f} {size:12.0f}")


def auction(repeats):
    tape = make_tape(0, 2_000)
    tape[3] = 2 * MID - tape[3]

    def make():
        ex = Exchange(MarketRules(forward_units=1, min_price_ticks=0))
        for i in range(ACCOUNTS):
            ex.register(f"p{i}", node="n")
        ex.open_unit(0)
        tape[0] = np.where(tape[2] == 0, tape[0] // 2, 50 + tape[0] // 2)
        feed(ex, cut(tape, 1_000))
        return ex

    print(f"\ncall auction of 2,000 orders: {clock(make, lambda ex: ex.uncross(0), repeats) * 1e3:.2f} ms")


def admission(operations, repeats, nodes=200, rows=100):
    rng = np.random.default_rng(2)
    names = tuple(f"bus {i}" for i in range(nodes))
    tape = make_tape(operations, 2_000)

    def make(with_network):
        table = LinearAdmission(names, 0.1) if with_network else None
        if table is not None:
            A = rng.random((rows, nodes))
            table.publish(Headroom(0, names, A, np.full(rows, 1e9), tuple(map(str, range(rows)))))
        return prefilled(tape, admission=table, nodes=names)

    ready = cut(tape[:, 2_000:], 1_000)
    free = clock(lambda: make(False), lambda ex: feed(ex, ready), repeats)
    held = clock(lambda: make(True), lambda ex: feed(ex, ready), repeats)
    print(f"\nadmission, {nodes} nodes, {rows} rows: {held / free:.2f} times the time without")


def view(repeats):
    tape = make_tape(0, 20_000, units=96)
    ex = prefilled(tape, 96, prefill=20_000)
    took = clock(lambda: ex, lambda e: [e.view(i % ACCOUNTS) for i in range(1_000)], repeats) / 1_000
    print(f"view of 96 units, 20,000 orders: {took * 1e6:.0f} us")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a few seconds, figures without meaning")
    parser.add_argument("--dump", type=Path, help="write the tape and the trades for the peers")
    args = parser.parse_args()
    operations, repeats = (5_000, 1) if args.smoke else (200_000, 5)
    if args.dump:
        tape = make_tape(operations, 2_000)
        ex = prefilled(tape)
        feed(ex, cut(tape[:, 2_000:], 1_000))
        trades = ex.trades()
        np.savez(args.dump, tape=tape, trades=trades[["price", "lots", "maker_order_id"]].to_numpy())
        return
    batches(operations, repeats)
    flatness(operations, repeats)
    auction(repeats)
    admission(operations, repeats)
    view(repeats)


if __name__ == "__main__":
    main()
