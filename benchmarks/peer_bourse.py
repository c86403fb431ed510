"""The same tape through bourse 0.4, in an environment that has it; see bench_reservex.py for how to make the tape."""

from __future__ import annotations

import sys
import time

import numpy as np
from bourse.core import OrderBook


def feed(book, rows, clock):
    place, cancel, set_time = book.place_order, book.cancel_order, book.set_time
    for now, (account, side, price, lots, action, order_id) in enumerate(rows, clock):
        set_time(now)
        if action:
            cancel(order_id)
        else:
            place(side == 0, lots, account, price=price)


def main():
    data = np.load(sys.argv[1])
    tape, prefill = data["tape"], 2_000
    columns = tape[[0, 2, 3, 4, 5, 6]].T.copy()
    columns[:, 5] -= 1  # bourse numbers its orders from zero
    rows = columns.tolist()
    best = float("inf")
    for _ in range(3):
        book = OrderBook(0, 1, True)
        feed(book, rows[:prefill], 1)
        start = time.process_time()
        feed(book, rows[prefill:], prefill + 1)
        best = min(best, time.process_time() - start)
    trades = [(price, lots) for _, _, price, lots, _, _ in book.get_trades()]
    ours = [(price, lots) for price, lots, _ in data["trades"].tolist()]
    if trades != ours:
        raise SystemExit("bourse traded otherwise than ours on the same tape")
    print(f"bourse 0.4: {(len(rows) - prefill) / best / 1e6:.2f} M op/s, the same {len(trades)} trades")


if __name__ == "__main__":
    main()
