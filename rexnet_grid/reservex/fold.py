"""The compiled fold of an event log: a book from its events, without matching anything."""

from __future__ import annotations

from rexnet_grid.reservex.commands import has_room
from rexnet_grid.reservex.compiled import entry, inner, words
from rexnet_grid.reservex.layout import (
    A_CASH,
    A_LIMIT,
    B_PHASE,
    CALL,
    CONTINUOUS,
    E_ACCOUNT,
    E_AUX1,
    E_AUX2,
    E_KIND,
    E_LOTS,
    E_ORDER,
    E_PRICE,
    E_UNIT,
    F_SIDE,
    F_WAIT,
    H_NEXT_ID,
    H_QUOTER,
    H_STATE,
    I_CANCELLED,
    I_EXPIRED,
    I_FILLED,
    I_REJECTED,
    K_BOOK,
    K_CLOCK,
    K_FILL,
    K_LIMIT,
    K_NEW,
    K_QUOTER,
    K_REJECT,
    K_REMOVE,
    K_SETTLE,
    K_STATE,
    K_UNCROSS,
    K_WAKE,
    R_FOK,
    R_GATE,
    R_GTT,
    R_IOC,
    R_MARKET,
    R_SELF,
    IntArray,
)
from rexnet_grid.reservex.matching import record_trade
from rexnet_grid.reservex.orders import account_of, book_of, cut, event, rest, take
from rexnet_grid.reservex.waiting import add_leg, new_block, use_leg, waiting_block


@inner
def _copy(M: IntArray, E: IntArray, row: IntArray) -> None:
    event(
        M,
        E,
        row[E_KIND],
        row[E_ORDER],
        row[E_ACCOUNT],
        row[E_UNIT],
        row[E_PRICE],
        row[E_LOTS],
        row[E_AUX1],
        row[E_AUX2],
    )


@inner
def _fold_resting(M: IntArray, D: IntArray, E: IntArray, row: IntArray) -> None:
    """Fold an event about orders that rest already."""
    if row[E_KIND] == K_FILL:
        _fold_trade(M, E, row)
        block = waiting_block(D, row[E_ORDER])
        if block:
            use_leg(M, D, block, row[E_UNIT], row[E_LOTS], I_FILLED)
        else:
            take(M, D, D[row[E_ORDER]], row[E_LOTS])
        take(M, D, D[row[E_AUX1]], row[E_LOTS])
        return
    _copy(M, E, row)
    gone = I_EXPIRED if row[E_AUX2] == R_GATE or row[E_AUX2] == R_GTT else I_CANCELLED
    block = waiting_block(D, row[E_ORDER])
    if block:
        use_leg(M, D, block, row[E_UNIT], row[E_LOTS], gone)
    else:
        cut(M, D, D[row[E_ORDER]], row[E_LOTS], gone)


@inner
def _fold_trade(M: IntArray, E: IntArray, row: IntArray) -> None:
    packed = row[E_AUX2]
    record_trade(
        M, E, book_of(M, row[E_UNIT]), row[E_PRICE], row[E_LOTS], row[E_ORDER], row[E_ACCOUNT], row[E_AUX1],
        packed >> 3, packed & 1, (packed >> 1) & 3,
    )  # fmt: skip


@inner
def _ends_entry(reason: int) -> bool:
    """Tell whether a removal belongs to the entry of an order rather than to its later life."""
    return reason in (R_SELF, R_FOK, R_IOC, R_MARKET)


@inner
def _fold_new(M: IntArray, D: IntArray, E: IntArray, source: IntArray, i: int) -> int:
    """Fold a new order with the trades and removals it caused; returns the next row."""
    row = source[i]
    order_id, left, flags = row[E_ORDER], row[E_LOTS], row[E_AUX1]
    book = book_of(M, row[E_UNIT])
    if flags & F_WAIT:
        fresh = M[H_NEXT_ID] <= order_id
        block = new_block(M, D, order_id, row[E_ACCOUNT]) if fresh else waiting_block(D, order_id)
        add_leg(M, block, book, flags & F_SIDE, row[E_PRICE], left)
    M[H_NEXT_ID] = order_id + 1
    _copy(M, E, row)
    i += 1
    if flags & F_WAIT:
        return i
    cancelled = False
    while M[book + B_PHASE] != CALL and i < source.shape[0]:
        later = source[i]
        if later[E_KIND] == K_FILL and later[E_ORDER] == order_id and (later[E_AUX2] >> 1) & 3 == CONTINUOUS:
            _fold_trade(M, E, later)
            take(M, D, D[later[E_AUX1]], later[E_LOTS])
            left -= later[E_LOTS]
        elif later[E_KIND] == K_REMOVE and later[E_ORDER] == order_id and _ends_entry(later[E_AUX2]):
            _copy(M, E, later)
            left -= later[E_LOTS]
            cancelled = left == 0
        elif later[E_KIND] == K_REMOVE and later[E_AUX2] == R_SELF:
            _fold_resting(M, D, E, later)
        else:
            break
        i += 1
        if left == 0 and not (i < source.shape[0] and source[i, E_KIND] == K_REMOVE and source[i, E_AUX2] == R_SELF):
            break
    if left > 0:
        display = row[E_AUX2] & 0xFFFFFFFF
        rest(
            M, D, order_id, row[E_ACCOUNT], book, flags & F_SIDE, row[E_PRICE], left, flags, min(display, left),
            row[E_AUX2] >> 32,
        )  # fmt: skip
    else:
        D[order_id] = I_CANCELLED if cancelled else I_FILLED
    return i


@inner
def _fold_word(M: IntArray, E: IntArray, row: IntArray) -> bool:
    """Fold an event that changes a word or two and no order; tells whether it was one."""
    kind = row[E_KIND]
    if kind == K_BOOK:
        M[account_of(M, row[E_ACCOUNT]) + A_CASH] -= row[E_LOTS]
        M[account_of(M, row[E_PRICE]) + A_CASH] += row[E_LOTS]
    elif kind == K_LIMIT:
        M[account_of(M, row[E_ACCOUNT]) + A_LIMIT] = row[E_LOTS]
    elif kind == K_UNCROSS:
        M[book_of(M, row[E_UNIT]) + B_PHASE] = row[E_AUX2]
    elif kind == K_QUOTER:
        M[H_QUOTER] = row[E_ACCOUNT]
    elif kind == K_STATE:
        M[H_STATE] = row[E_LOTS]
    elif kind not in (K_CLOCK, K_SETTLE, K_WAKE):
        return False
    _copy(M, E, row)
    return True


@entry
def fold_events(M: IntArray, D: IntArray, E: IntArray, source: IntArray, start: int) -> int:
    """Fold events into the arena and copy them to its log; returns the row it could not fold (or the end)."""
    M, D, E = words(M), words(D), words(E)
    i = start
    while i < source.shape[0]:
        row = source[i]
        kind = row[E_KIND]
        if not has_room(M):
            return i
        if kind == K_NEW:
            i = _fold_new(M, D, E, source, i)
            continue
        if kind in (K_FILL, K_REMOVE):
            _fold_resting(M, D, E, row)
        elif kind == K_REJECT:
            M[H_NEXT_ID] = row[E_ORDER] + 1
            D[row[E_ORDER]] = I_REJECTED
            _copy(M, E, row)
        elif not _fold_word(M, E, row):
            return i
        i += 1
    return i
