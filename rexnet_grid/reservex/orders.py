"""Compiled primitives on orders: rest, take, shrink, remove; books, positions and events."""

from __future__ import annotations

from rexnet_grid.reservex.compiled import half, inner, set_half
from rexnet_grid.reservex.layout import (
    A_COMMITTED,
    A_HEAD,
    A_ORDERS,
    B_AON,
    B_ORDERS,
    B_UNIT,
    E_ACCOUNT,
    E_AUX1,
    E_AUX2,
    E_KIND,
    E_LOTS,
    E_ORDER,
    E_PRICE,
    E_UNIT,
    EVENT,
    F_AON,
    F_GTT,
    F_MARKET,
    H_ACC,
    H_CLIPS,
    H_COLLATERAL,
    H_LIVE,
    H_LOG,
    H_RING,
    H_RING_MASK,
    I_FILLED,
    L_COUNT,
    L_HEAD,
    L_LOTS,
    L_PRICE,
    L_TAIL,
    O_ANEXT,
    O_APREV,
    O_EXTRA,
    O_LEVEL,
    O_LOTS,
    O_NEXT,
    O_OWNER,
    O_PREV,
    OWNER_BITS,
    OWNER_MASK,
    RECORD,
    SELL,
    X_DISPLAY,
    X_EXPIRES,
    X_FLAGS,
    X_HIDDEN,
    IntArray,
)
from rexnet_grid.reservex.levels import book_side, drop_level, get_level
from rexnet_grid.reservex.records import free_record, free_small, new_record, new_small


@inner
def event(
    M: IntArray,
    E: IntArray,
    kind: int,
    order: int,
    account: int,
    unit: int,
    price: int,
    lots: int,
    aux1: int,
    aux2: int,
) -> None:
    """Append one row to the log."""
    n = M[H_LOG]
    row = EVENT * n
    E[row + E_KIND] = kind
    E[row + E_ORDER] = order
    E[row + E_ACCOUNT] = account
    E[row + E_UNIT] = unit
    E[row + E_PRICE] = price
    E[row + E_LOTS] = lots
    E[row + E_AUX1] = aux1
    E[row + E_AUX2] = aux2
    M[H_LOG] = n + 1


@inner
def last_unit(M: IntArray, E: IntArray) -> int:
    """Return the unit of the last event."""
    return int(E[EVENT * (M[H_LOG] - 1) + E_UNIT])


@inner
def book_of(M: IntArray, unit: int) -> int:
    """Return the book of a unit, 0 when it is not open."""
    book = M[M[H_RING] + (unit & M[H_RING_MASK])]
    return book if book != 0 and M[book + B_UNIT] == unit else 0


@inner
def account_of(M: IntArray, account: int) -> int:
    """Return the address of an account."""
    return int(M[H_ACC]) + account * RECORD


@inner
def total_lots(M: IntArray, order: int) -> int:
    """Return the displayed and hidden lots of a resting order."""
    extra = M[order + O_EXTRA]
    return int(M[order + O_LOTS] + (M[extra + X_HIDDEN] if extra else 0))


@inner
def exposure(side: int, price: int, lots: int) -> int:
    """Return what an order can cost at most [quanta]: a purchase at a positive or a sale at a negative price."""
    return max(0, -price * lots if side == SELL else price * lots)


@inner
def commit(M: IntArray, account: int, side: int, price: int, lots: int) -> None:
    """Count what lots that begin or cease to rest (negative ones) can cost their owner."""
    if M[H_COLLATERAL]:
        M[account_of(M, account) + A_COMMITTED] += exposure(side, price, 1) * lots


@inner
def _clips(M: IntArray, order: int) -> int:
    extra = M[order + O_EXTRA]
    if extra == 0 or M[extra + X_HIDDEN] == 0:
        return 1
    return int(1 + (M[extra + X_HIDDEN] + M[extra + X_DISPLAY] - 1) // M[extra + X_DISPLAY])


@inner
def _to_tail(M: IntArray, level: int, order: int) -> None:
    tail = half(M, level, L_TAIL)
    M[order + O_PREV] = tail
    M[order + O_NEXT] = 0
    if tail:
        M[tail + O_NEXT] = order
    else:
        set_half(M, level, L_HEAD, order)
    set_half(M, level, L_TAIL, order)


@inner
def _out_of_queue(M: IntArray, level: int, order: int) -> None:
    before, after = M[order + O_PREV], M[order + O_NEXT]
    if before:
        M[before + O_NEXT] = after
    else:
        set_half(M, level, L_HEAD, after)
    if after:
        M[after + O_PREV] = before
    else:
        set_half(M, level, L_TAIL, before)


@inner
def rest(
    M: IntArray, D: IntArray, order_id: int, account: int, book: int, side: int, price: int, lots: int, flags: int,
    display: int, expires: int,
) -> None:  # fmt: skip
    """Put an order at the end of the queue of its price."""
    order = new_record(M)
    extra = 0
    shown = lots
    if (0 < display < lots) or flags & (F_AON | F_MARKET | F_GTT):
        extra = new_small(M)
        if 0 < display < lots:
            shown = display
        M[extra + X_HIDDEN] = lots - shown
        M[extra + X_DISPLAY] = display if display > 0 else lots
        M[extra + X_EXPIRES] = expires
        M[extra + X_FLAGS] = flags
        M[book + B_AON] += 1
    level = get_level(M, book, side, price)
    M[order + O_LEVEL] = level
    M[order + O_LOTS] = shown
    M[order + O_OWNER] = order_id << OWNER_BITS | account
    M[order + O_EXTRA] = extra
    _to_tail(M, level, order)
    M[level + L_LOTS] += shown
    set_half(M, level, L_COUNT, half(M, level, L_COUNT) + 1)
    owner = account_of(M, account)
    first = M[owner + A_HEAD]
    M[order + O_ANEXT] = first
    M[order + O_APREV] = 0
    if first:
        M[first + O_APREV] = order
    M[owner + A_HEAD] = order
    M[owner + A_ORDERS] += 1
    D[order_id] = order
    M[book + B_ORDERS] += 1
    M[H_LIVE] += 1
    M[H_CLIPS] += _clips(M, order)
    commit(M, account, side, price, lots)


@inner
def _unlink(M: IntArray, D: IntArray, order: int, gone: int) -> None:
    """Take an order whose lots are already zero out of everything; ``gone`` says why."""
    level = M[order + O_LEVEL]
    book = book_side(M, level)[0]
    _out_of_queue(M, level, order)
    orders = half(M, level, L_COUNT) - 1
    set_half(M, level, L_COUNT, orders)
    if orders == 0:
        drop_level(M, level)
    owner = account_of(M, M[order + O_OWNER] & OWNER_MASK)
    before, after = M[order + O_APREV], M[order + O_ANEXT]
    if before:
        M[before + O_ANEXT] = after
    else:
        M[owner + A_HEAD] = after
    if after:
        M[after + O_APREV] = before
    M[owner + A_ORDERS] -= 1
    M[book + B_ORDERS] -= 1
    M[H_LIVE] -= 1
    D[M[order + O_OWNER] >> OWNER_BITS] = gone
    if M[order + O_EXTRA]:
        M[book + B_AON] -= 1
        free_small(M, M[order + O_EXTRA])
    free_record(M, order)


@inner
def take(M: IntArray, D: IntArray, order: int, lots: int) -> None:
    """Take traded lots out of a resting order; a used-up clip of an iceberg is renewed at the end of the queue."""
    level, extra = M[order + O_LEVEL], M[order + O_EXTRA]
    commit(M, M[order + O_OWNER] & OWNER_MASK, book_side(M, level)[1], half(M, level, L_PRICE), -lots)
    M[H_CLIPS] -= _clips(M, order)
    while lots > 0:
        part = min(lots, M[order + O_LOTS])
        M[order + O_LOTS] -= part
        M[level + L_LOTS] -= part
        lots -= part
        if M[order + O_LOTS] == 0:
            if extra == 0 or M[extra + X_HIDDEN] == 0:
                _unlink(M, D, order, I_FILLED)
                return
            clip = min(M[extra + X_DISPLAY], M[extra + X_HIDDEN])
            M[order + O_LOTS] = clip
            M[extra + X_HIDDEN] -= clip
            M[level + L_LOTS] += clip
            _out_of_queue(M, level, order)
            _to_tail(M, level, order)
    M[H_CLIPS] += _clips(M, order)


@inner
def cut(M: IntArray, D: IntArray, order: int, lots: int, gone: int) -> None:
    """Take untraded lots out of a resting order, hidden ones first; priority stays."""
    level, extra = M[order + O_LEVEL], M[order + O_EXTRA]
    commit(M, M[order + O_OWNER] & OWNER_MASK, book_side(M, level)[1], half(M, level, L_PRICE), -lots)
    M[H_CLIPS] -= _clips(M, order)
    if extra:
        hidden = min(lots, M[extra + X_HIDDEN])
        M[extra + X_HIDDEN] -= hidden
        lots -= hidden
    M[order + O_LOTS] -= lots
    M[level + L_LOTS] -= lots
    if M[order + O_LOTS] == 0:
        _unlink(M, D, order, gone)
    else:
        M[H_CLIPS] += _clips(M, order)
