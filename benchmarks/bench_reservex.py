"""Speed of the exchange on one seeded tape, beside its peer where that is installed.

The tape: 2,000 prefill orders, then 200,000 operations, 70 % passive limits, 20 % cancels, 10 % marketable limits. CPU
time, interleaved, the least of several runs; log and self-trade prevention on. The peer, bourse 0.4, lives in an
environment of its own (``python -m pip install bourse==0.4.0 numpy``): ``--peer PYTHON`` runs it in turn with ours,
on the same tape, and compares the trades one by one.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from numba import njit

from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.reservex import Exchange, MarketRules, OrderBatch

MID, SPAN, ACCOUNTS, PREFILL = 10_000, 100, 100, 2_000
CHUNKS = (100, 1_000, 10_000)


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


def make_exchange(units=1, admission=None, nodes=None, highest=40_000):
    rules = MarketRules(opening_auction=False, forward_units=units, min_price_ticks=0, max_price_ticks=highest)
    ex = Exchange(rules, admission=admission)
    for i in range(ACCOUNTS):
        ex.register(f"p{i}", node="n" if nodes is None else nodes[i % len(nodes)])
    for unit in range(units):
        ex.open_unit(unit)
    return ex


def columns_of(tape, chunk):
    """Return the tape as groups of seven columns, ``chunk`` commands long."""
    return [np.ascontiguousarray(tape[:, start : start + chunk]) for start in range(0, tape.shape[1], chunk)]


def cut(tape, chunk):
    """Return the tape as batches of ``chunk`` commands."""
    return [OrderBatch(*columns) for columns in columns_of(tape, chunk)]


def feed(ex, batches):
    for batch in batches:
        ex.submit_many(batch)


def make_and_feed(ex, groups):
    for columns in groups:
        ex.submit_many(OrderBatch(*columns))


def feed_singly(ex, tape):
    for account, unit, side, price, lots, action, order_id in tape.T.tolist():
        if action:
            ex.cancel(order_id)
        else:
            ex.submit(account, unit, "sell" if side else "buy", price, lots)


def prefilled(tape, units=1, admission=None, nodes=None, prefill=PREFILL, highest=40_000):
    ex = make_exchange(units, admission, nodes, highest)
    feed(ex, cut(tape[:, :prefill], 1_000))
    return ex


def clock(make, run):
    """CPU time of a run on a fresh exchange [s]."""
    ex = make()
    start = time.process_time()
    run(ex)
    return time.process_time() - start


def race(repeats, runs):
    """Least time of each of several runs in turn; ``runs`` maps a name to a function that returns a time [s]."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(repeats):
        for name, run in runs.items():
            best[name] = min(best[name], run())
    return best


def ways_in(operations, repeats, peer):
    tape = make_tape(operations, PREFILL)
    later, few = tape[:, PREFILL:], tape[:, PREFILL : PREFILL + operations // 4]
    runs = {}
    for chunk in CHUNKS:
        ready, groups = cut(later, chunk), columns_of(later, chunk)
        runs[f"submit_many, {chunk} at a time"] = lambda r=ready: clock(lambda: prefilled(tape), lambda ex: feed(ex, r))
        runs[f"  making the batches too, {chunk}"] = lambda g=groups: clock(
            lambda: prefilled(tape), lambda ex: make_and_feed(ex, g)
        )
    size = operations / few.shape[1]
    runs["submit, cancel one by one"] = lambda: size * clock(lambda: prefilled(tape), lambda ex: feed_singly(ex, few))
    with tempfile.TemporaryDirectory() as folder:
        if peer:
            dump = Path(folder) / "tape.npz"
            ex = prefilled(tape)
            feed(ex, cut(later, 1_000))
            trades = ex.trades()[["price", "lots"]].to_numpy()
            np.savez(dump, tape=tape, prefill=PREFILL, trades=trades)
            runs = {"bourse 0.4, one by one": lambda: run_peer(peer, dump), **runs}
        best = race(repeats, runs)
    slowest = best.get("bourse 0.4, one by one")
    print(f"{'way in':40s} {'M op/s':>8s}" + (f" {'times bourse':>13s}, the same {len(trades)} trades" if peer else ""))
    for name, took in best.items():
        print(f"{name:40s} {operations / took / 1e6:8.2f}" + (f" {slowest / took:13.2f}" if peer else ""))


def run_peer(python, dump):
    """Return the time of bourse on the tape [s]; it stops where its trades differ from ours."""
    command = [python, str(Path(__file__).with_name("peer_bourse.py")), str(dump)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def flatness(operations, repeats):
    """Cost of an operation with few and many live orders, in one unit of one or 96 open ones, and spread over 96."""
    cases = ((1_000, 1, 1), (10_000, 1, 1), (100_000, 1, 1), (1_000, 96, 1), (2_000, 96, 96), (100_000, 96, 96))
    runs = {}
    for live, units, traded in cases:
        tape = make_tape(operations, live, units=traded)
        ready = cut(tape[:, live:], 1_000)
        runs[live, units, traded] = lambda t=tape, r=ready, n=live, u=units: clock(
            lambda: prefilled(t, u, prefill=n), lambda ex: feed(ex, r)
        )
    best = race(repeats, runs)
    print(f"\n{'live orders':>12s} {'units open':>11s} {'traded':>7s} {'ns/op':>8s} {'times the first':>16s}")
    for (live, units, traded), took in best.items():
        print(f"{live:12d} {units:11d} {traded:7d} {took / operations * 1e9:8.0f} {took / best[cases[0]]:16.2f}")


@njit
def chase(lines, steps):
    """Follow addresses from cache line to cache line: every read waits for the one before."""
    at = 0
    for _ in range(steps):
        at = lines[at]
    return at


@njit
def scatter(lines, places):
    """Write to cache lines in no order: nothing waits for anything."""
    for at in places:
        lines[at] += 1


def floor(repeats, steps=1_000_000):
    """What the machine itself takes to reach a line of memory; 1e5 live orders are 6.4 MB."""
    rng = np.random.default_rng(3)
    print(f"\n{'memory [MB]':>12s} {'ns a read that waits':>21s} {'ns a write that does not':>25s}")
    for megabytes in (0.25, 1, 4, 16):
        count = int(megabytes * 2**20) // 64
        order, lines = rng.permutation(count), np.zeros(8 * count, dtype=np.int64)
        lines[8 * order] = 8 * np.roll(order, -1)
        places, other = 8 * rng.integers(0, count, steps), lines.copy()
        runs = {
            "wait": lambda a=lines: clock(lambda: a, lambda a: chase(a, steps)),
            "free": lambda a=other, p=places: clock(lambda: a, lambda a: scatter(a, p)),
        }
        best = race(repeats + 1, runs)
        print(f"{megabytes:12} {best['wait'] / steps * 1e9:21.1f} {best['free'] / steps * 1e9:25.1f}")


def memory():
    """Memory of a live order, whatever the range of prices, and however far they are scattered over it."""
    print(f"\n{'live orders':>12s} {'highest price':>14s} {'prices over':>12s} {'bytes/order':>12s}")
    for live in (10_000, 100_000):
        for highest, span in ((20_000, SPAN), (1 << 30, SPAN), (1 << 30, 500_000), (1 << 30, 500_000_000)):
            tape = make_tape(0, live, span=span)
            tape[3] += span
            ex = prefilled(tape, prefill=live, highest=highest)
            print(f"{len(ex.orders()):12d} {highest:14d} {2 * span:12d} {ex.state_bytes / len(ex.orders()):12.0f}")


def auction(repeats):
    tape = make_tape(0, PREFILL)
    tape[3] = 2 * MID - tape[3]
    tape[0] = np.where(tape[2] == 0, tape[0] // 2, 50 + tape[0] // 2)

    def make():
        ex = Exchange(MarketRules(forward_units=1, min_price_ticks=0))
        for i in range(ACCOUNTS):
            ex.register(f"p{i}", node="n")
        ex.open_unit(0)
        feed(ex, cut(tape, 1_000))
        return ex

    took = min(clock(make, lambda ex: ex.uncross(0)) for _ in range(repeats))
    print(f"\ncall auction of 2,000 orders: {took * 1e3:.2f} ms")


def admission(operations, repeats, nodes=200, rows=100):
    rng = np.random.default_rng(2)
    names = tuple(f"bus {i}" for i in range(nodes))
    tape = make_tape(operations, PREFILL)
    A = rng.random((rows, nodes))

    def make():
        table = LinearAdmission(names, 0.1)
        table.publish(Headroom(0, names, A, np.full(rows, 1e9), tuple(map(str, range(rows)))))
        return prefilled(tape, admission=table, nodes=names)

    ready = cut(tape[:, PREFILL:], 1_000)
    best = race(
        repeats,
        {
            "free": lambda: clock(lambda: prefilled(tape, nodes=names), lambda ex: feed(ex, ready)),
            "held": lambda: clock(make, lambda ex: feed(ex, ready)),
        },
    )
    print(f"admission, {nodes} nodes, {rows} rows: {best['held'] / best['free']:.2f} times the time without")


def view(repeats):
    ex = prefilled(make_tape(0, 20_000, units=96), 96, prefill=20_000)
    took = min(clock(lambda: ex, lambda e: [e.view(i % ACCOUNTS) for i in range(1_000)]) for _ in range(repeats))
    print(f"view of 96 units, 20,000 orders: {took / 1_000 * 1e6:.0f} us")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a few seconds, figures without meaning")
    parser.add_argument("--peer", help="a python that has bourse 0.4")
    args = parser.parse_args()
    operations, repeats = (5_000, 1) if args.smoke else (200_000, 5)
    ways_in(operations, repeats, args.peer)
    flatness(operations, repeats)
    floor(repeats)
    memory()
    auction(repeats)
    admission(operations, repeats)
    view(repeats)


if __name__ == "__main__":
    main()
