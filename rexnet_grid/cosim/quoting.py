"""From the orders a participant wants to the fewest messages that bring them about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.reservex import OrderBatch

if TYPE_CHECKING:
    from rexnet_grid.prosumers.base import IntArray, Quotes
    from rexnet_grid.reservex import AccountView

NEW, CANCEL, SHRINK = 0, 1, 2


def requote(account: int, seen: AccountView, wanted: Quotes) -> OrderBatch | None:
    """Return the batch that turns the resting orders of ``account`` into the wanted ones, None when nothing changes.

    An order that is wanted again at the same price stays and keeps its time priority, shrunk when fewer lots are
    wanted; one that would have to grow, or is no longer wanted, is cancelled, and what is new is submitted after all
    cancellations, so that a participant never trades with itself.

    Parameters
    ----------
    account
        The participant's account.
    seen
        What it sees, its resting orders among it.
    wanted
        What it wants instead, at most one order for each unit, side and price.
    """
    order_of = _index_of(seen.order_unit, seen.order_side, seen.order_price)
    kept = np.zeros(len(seen.order_id), dtype=np.int64)
    fresh = np.ones(len(wanted.unit), dtype=bool)
    if order_of:
        rows = zip(wanted.unit.tolist(), wanted.side.tolist(), wanted.price.tolist(), strict=True)
        for row, key in enumerate(rows):
            at = order_of.get(key)
            if at is not None and kept[at] == 0 and wanted.lots[row] <= seen.order_lots[at]:
                kept[at] = wanted.lots[row]
                fresh[row] = False
    cancelled = np.flatnonzero(kept == 0)
    shrunk = np.flatnonzero((kept > 0) & (kept < seen.order_lots))
    touched = np.concatenate([cancelled, shrunk])
    total = len(touched) + int(fresh.sum())
    if total == 0:
        return None
    padding = np.zeros(int(fresh.sum()), dtype=np.int64)
    return OrderBatch(
        account=np.full(total, account, dtype=np.int64),
        unit=np.concatenate([seen.order_unit[touched], wanted.unit[fresh]]),
        side=np.concatenate([seen.order_side[touched], wanted.side[fresh]]),
        price=np.concatenate([seen.order_price[touched], wanted.price[fresh]]),
        lots=np.concatenate([kept[touched], wanted.lots[fresh]]),
        action=np.repeat(np.array([CANCEL, SHRINK, NEW]), [len(cancelled), len(shrunk), len(padding)]),
        order_id=np.concatenate([seen.order_id[touched], padding]),
    )


def _index_of(unit: IntArray, side: IntArray, price: IntArray) -> dict[tuple[int, int, int], int]:
    keys = zip(unit.tolist(), side.tolist(), price.tolist(), strict=True)
    return {key: at for at, key in reversed(list(enumerate(keys)))}
