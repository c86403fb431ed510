"""Asking for memory before it is needed: a batch says which orders and levels its next commands will touch.

The rows of a batch are looked at in short stretches, each chain of addresses one step further every time, so that what
a step reads was asked for a stretch earlier. Nothing branches on a command: a mispredicted branch would cost as much as
the wait it saves. Word 0 of the arena stands for whatever is not there, and what may be no address at all is checked
before anything is read from it.
"""

from __future__ import annotations

from rexnet_grid.reservex.compiled import half, inner, prefetch
from rexnet_grid.reservex.layout import (
    B_BEST,
    C_ORDER,
    C_PRICE,
    C_SIDE,
    C_UNIT,
    COMMAND,
    H_BUMP,
    H_NEXT_ID,
    H_RING,
    H_RING_MASK,
    L_HEAD,
    L_PRICE,
    L_TAIL,
    O_ANEXT,
    O_APREV,
    O_LEVEL,
    O_NEXT,
    O_PREV,
    P_SLOTS,
    SELL,
    IntArray,
)
from rexnet_grid.reservex.levels import key_of, page_key
from rexnet_grid.reservex.records import likely_entry

STRETCH = 8  # rows
AHEAD = 3 * STRETCH  # rows


@inner
def look_ahead(M: IntArray, D: IntArray, rows: IntArray, entries: IntArray, start: int, row: int, end: int) -> None:
    """Ask for what rows after the stretch at ``row`` will touch, of those from ``start`` to before ``end``.

    ``entries`` keeps what the first step found for the next two.
    """
    far, middle, near = row + AHEAD, row + AHEAD - STRETCH, row + AHEAD - 2 * STRETCH
    _ask_for_entries(M, D, rows, entries, max(start, far), min(far + STRETCH, end))
    _ask_for_records(M, D, rows, entries, max(start, middle), min(middle + STRETCH, end))
    _ask_for_neighbours(M, D, rows, entries, max(start, near), min(near + STRETCH, end))


@inner
def _ask_for_entries(M: IntArray, D: IntArray, rows: IntArray, entries: IntArray, row: int, end: int) -> None:
    """Ask where the order named lies, where the page of the price holds its level, and the other side's best level."""
    for i in range(row, end):
        at = COMMAND * i
        side, book = rows[at + C_SIDE] & 1, _book(M, rows, at)
        key = key_of(M, side, rows[at + C_PRICE])
        slot = 2 * M[likely_entry(M, page_key(book, side, key)) + 1] + P_SLOTS + (key & 63)
        entries[i] = slot
        prefetch(D, rows[at + C_ORDER])
        prefetch(M, slot >> 1)
        prefetch(M, M[book + B_BEST + 1 - side])


@inner
def _ask_for_records(M: IntArray, D: IntArray, rows: IntArray, entries: IntArray, row: int, end: int) -> None:
    """Ask for the order named, and the head of the level that an order crosses, or else the level of its own price.

    The page is taken for a wide one: what a narrow one has there is an address of something else, or none.
    """
    for i in range(row, end):
        at = COMMAND * i
        level = _checked(M, half(M, 0, _checked(M, entries[i] >> 1) << 1 | entries[i] & 1))
        entries[i] = level
        prefetch(M, _record(M, D, rows[at + C_ORDER]))
        best, crosses = _target(M, rows, at)
        head = half(M, best, L_HEAD)
        prefetch(M, head if crosses else level)


@inner
def _ask_for_neighbours(M: IntArray, D: IntArray, rows: IntArray, entries: IntArray, row: int, end: int) -> None:
    """Ask for what is linked with the order named, and the order behind the head, or else the tail of the level."""
    for i in range(row, end):
        at = COMMAND * i
        order = _record(M, D, rows[at + C_ORDER])
        prefetch(M, M[order + O_LEVEL])
        prefetch(M, M[order + O_NEXT])
        prefetch(M, M[order + O_PREV])
        prefetch(M, M[order + O_ANEXT])
        prefetch(M, M[order + O_APREV])
        best, crosses = _target(M, rows, at)
        behind, tail = M[_checked(M, half(M, best, L_HEAD)) + O_NEXT], half(M, entries[i], L_TAIL)
        prefetch(M, behind if crosses else tail)


@inner
def _target(M: IntArray, rows: IntArray, at: int) -> tuple[int, int]:
    """Return the best level of the other side, and whether the order of a row crosses it."""
    side = rows[at + C_SIDE] & 1
    best = _checked(M, M[_book(M, rows, at) + B_BEST + 1 - side])
    gap = half(M, best, L_PRICE) - rows[at + C_PRICE]
    return best, (gap >= 0) if side == SELL else (gap <= 0)


@inner
def _book(M: IntArray, rows: IntArray, at: int) -> int:
    return int(M[M[H_RING] + (rows[at + C_UNIT] & M[H_RING_MASK])])


@inner
def _checked(M: IntArray, address: int) -> int:
    """Return an address, or 0 when it is none."""
    return address if (address >= 0) & (address < M[H_BUMP]) else 0


@inner
def _record(M: IntArray, D: IntArray, order_id: int) -> int:
    """Return the record of an order, 0 when it is not live."""
    known = (order_id > 0) & (order_id < M[H_NEXT_ID])
    return max(0, int(D[order_id if known else 0]))
