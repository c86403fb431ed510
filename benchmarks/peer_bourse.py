"""One run of a tape through bourse 0.4, in an environment that has it; ``bench_reservex.py --peer`` starts it.

Prints the CPU time [s]; stops with an error when the trades are not those that came with the tape.
"""

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
    tape, prefill = data["tape"], int(data["prefill"])
    columns = tape[[0, 2, 3, 4, 5, 6]].T.copy()
    columns[:, 5] -= 1  # bourse numbers its orders from zero
    rows = columns.tolist()
    book = OrderBook(0, 1, True)
    feed(book, rows[:prefill], 1)
    start = time.process_time()
    feed(book, rows[prefill:], prefill + 1)
    took = time.process_time() - start
    if [(price, lots) for _, _, price, lots, _, _ in book.get_trades()] != [
        tuple(row) for row in data["trades"].tolist()
    ]:
        raise SystemExit("bourse traded otherwise than ours on the same tape")
    print(took)


if __name__ == "__main__":
    main()
