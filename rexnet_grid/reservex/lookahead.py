"""Asking for memory before it is needed: a batch says which orders and levels its next commands will touch.

Each chain of addresses is followed one step at a time, every step some commands earlier than the next, without a branch
that depends on the commands: a mispredicted one would cost as much as the wait it saves. Word 0 of the arena stands for
whatever is not there.
"""

from __future__ import annotations

from rexnet_grid.reservex.compiled import inner, prefetch
from rexnet_grid.reservex.layout import (
    C_ORDER,
    C_PRICE,
    C_SIDE,
    C_UNIT,
    COMMAND,
    H_HCOUNT,
    H_NEXT_ID,
    H_RING,
    H_RING_MASK,
    L_TAIL,
    O_ANEXT,
    O_APREV,
    O_LEVEL,
    O_NEXT,
    O_PREV,
    IntArray,
)
from rexnet_grid.reservex.levels import likely_entry

FAR, _MIDDLE, _NEAR = 12, 8, 4  # commands ahead
_MANY_LEVELS = 1 << 10  # fewer stay in the cache anyway


@inner
def look_for_orders(M: IntArray, D: IntArray, rows: IntArray, row: int, last: int) -> None:
    """Ask for what cancelling or shrinking the orders named in the rows after ``row`` will touch."""
    prefetch(D, rows[_ahead(row, FAR, last) + C_ORDER])
    prefetch(M, _record(M, D, rows[_ahead(row, _MIDDLE, last) + C_ORDER]))
    order = _record(M, D, rows[_ahead(row, _NEAR, last) + C_ORDER])
    prefetch(M, M[order + O_LEVEL])
    prefetch(M, M[order + O_NEXT])
    prefetch(M, M[order + O_PREV])
    prefetch(M, M[order + O_ANEXT])
    prefetch(M, M[order + O_APREV])


@inner
def _ahead(row: int, ahead: int, last: int) -> int:
    """Return the address of the row so far ahead, or of the end of the batch that is nearest."""
    return COMMAND * min(max(row + ahead, 0), last)


@inner
def _record(M: IntArray, D: IntArray, order_id: int) -> int:
    """Return the record of an order, 0 when it is not live."""
    return max(0, int(D[order_id if 0 < order_id < M[H_NEXT_ID] else 0]))


@inner
def look_for_levels(M: IntArray, rows: IntArray, row: int, last: int) -> None:
    """Ask for what resting the orders in the rows after ``row`` will touch, where books have many levels."""
    if M[H_HCOUNT] < _MANY_LEVELS:
        return
    for ahead in (FAR, _MIDDLE, _NEAR):
        i = _ahead(row, ahead, last)
        book = M[M[H_RING] + (rows[i + C_UNIT] & M[H_RING_MASK])]
        entry, level = likely_entry(M, book, rows[i + C_SIDE], rows[i + C_PRICE])
        prefetch(M, entry if ahead == FAR else level if ahead == _MIDDLE else M[level + L_TAIL])
