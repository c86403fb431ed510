"""The compiled life of a unit: open, uncross, expire, close, and matching again when the network gives more."""

from __future__ import annotations

import numpy as np
from numba import njit

from rexnet_grid.reservex.auction import uncross_book
from rexnet_grid.reservex.capacity import block_of, new_pass
from rexnet_grid.reservex.compiled import half, inner, inner_with_arrays, words
from rexnet_grid.reservex.layout import (
    B_BEST,
    B_BEST_ASK,
    B_PHASE,
    B_POS,
    B_REFERENCE,
    B_UNIT,
    BOOK,
    BUY,
    CONTINUOUS,
    COUPLING,
    F_AON,
    F_MARKET,
    H_ACC_CAP,
    H_BUMP,
    H_FREE_BLOCK,
    H_FREE_BOOK,
    H_RING,
    H_RING_MASK,
    H_VERSION,
    I_CANCELLED,
    I_EXPIRED,
    K_CLOSE,
    K_OPEN,
    K_UNCROSS,
    L_HEAD,
    L_PRICE,
    O_EXTRA,
    O_LEVEL,
    O_LOTS,
    O_NEXT,
    O_OWNER,
    OWNER_BITS,
    OWNER_MASK,
    R_GATE,
    R_GTT,
    R_MARKET,
    SELL,
    X_FLAGS,
    FloatArray,
    IntArray,
)
from rexnet_grid.reservex.levels import book_side, worse_level
from rexnet_grid.reservex.matching import fitting_lots, record_trade, remove, take_pair
from rexnet_grid.reservex.orders import book_of, event, take, total_lots
from rexnet_grid.reservex.waiting import expire_blocks

OPEN, UNCROSS, CLOSE, EXPIRE, REMATCH = range(5)


@inner
def _open(M: IntArray, E: IntArray, unit: int, phase: int, reference: int) -> None:
    book = M[H_FREE_BOOK]
    if book:
        M[H_FREE_BOOK] = M[book]
    else:
        book = M[H_BUMP]
        M[H_BUMP] += BOOK
    positions = M[H_FREE_BLOCK]
    if positions:
        M[H_FREE_BLOCK] = M[positions]
    else:
        positions = M[H_BUMP]
        M[H_BUMP] += M[H_ACC_CAP]
    for i in range(BOOK):
        M[book + i] = 0
    for i in range(M[H_ACC_CAP]):
        M[positions + i] = 0
    M[book + B_UNIT] = unit
    M[book + B_PHASE] = phase
    M[book + B_POS] = positions
    M[book + B_REFERENCE] = reference
    M[M[H_RING] + (unit & M[H_RING_MASK])] = book
    event(M, E, K_OPEN, 0, 0, unit, reference, 0, phase, 0)


@inner
def _sweep(M: IntArray, D: IntArray, E: IntArray, book: int, only: int, reason: int, gone: int) -> None:
    """Remove the orders of a book, or only those with one of the flags ``only``."""
    for side in (BUY, SELL):
        level = M[book + B_BEST + side]
        while level:
            worse, order = worse_level(M, level), half(M, level, L_HEAD)
            while order:
                following, extra = M[order + O_NEXT], M[order + O_EXTRA]
                if only == 0 or (extra != 0 and M[extra + X_FLAGS] & only):
                    remove(M, D, E, order, total_lots(M, order), reason, gone)
                order = following
            level = worse


@inner_with_arrays
def _close(M: IntArray, D: IntArray, E: IntArray, unit: int, book: int, reservations: IntArray) -> None:
    _sweep(M, D, E, book, 0, R_GATE, I_EXPIRED)
    expire_blocks(M, D, E, book)
    positions = M[book + B_POS]
    for i in range(reservations.shape[0]):
        reservations[i] = M[positions + i]
    M[positions] = M[H_FREE_BLOCK]
    M[H_FREE_BLOCK] = positions
    M[M[H_RING] + (unit & M[H_RING_MASK])] = 0
    M[book] = M[H_FREE_BOOK]
    M[H_FREE_BOOK] = book
    event(M, E, K_CLOSE, 0, 0, unit, 0, 0, 0, 0)


@inner
def _sort(values: IntArray) -> None:
    """Sort in place by heap: short to compile, and n log n at worst."""
    n = values.shape[0]
    for start in range(n // 2 - 1, -n, -1):
        end = n if start >= 0 else n + start
        root = max(start, 0)
        if start < 0:
            values[0], values[end] = values[end], values[0]
        while 2 * root + 1 < end:
            child = 2 * root + 1
            if child + 1 < end and values[child + 1] > values[child]:
                child += 1
            if values[root] >= values[child]:
                break
            values[root], values[child] = values[child], values[root]
            root = child


@inner_with_arrays
def crossing_orders(M: IntArray, book: int) -> IntArray:
    """Return the owner words of the orders priced through the other side's best, eldest first."""
    bid, ask = M[book + B_BEST], M[book + B_BEST_ASK]
    if not bid or not ask:
        return np.empty(0, np.int64)
    ends = (half(M, ask, L_PRICE), half(M, bid, L_PRICE))
    n, found = 0, np.empty(0, np.int64)
    for fill in range(2):
        if fill == 1:
            found = np.empty(n, np.int64)
        n = 0
        for side in (BUY, SELL):
            level = M[book + B_BEST + side]
            while level:
                price = half(M, level, L_PRICE)
                if (price > ends[1]) if side == SELL else (price < ends[0]):
                    break
                order = half(M, level, L_HEAD)
                while order:
                    if fill == 1:
                        found[n] = M[order + O_OWNER]
                    n += 1
                    order = M[order + O_NEXT]
                level = worse_level(M, level)
    _sort(found)
    return found


@inner
def _first_elder(M: IntArray, F: FloatArray, block: int, book: int, taker: int) -> tuple[int, int]:
    """Return the first order in price-time order, elder than ``taker``, that it can trade with now, and the lots."""
    level = M[taker + O_LEVEL]
    side, limit = book_side(M, level)[1], half(M, level, L_PRICE)
    account, newest = M[taker + O_OWNER] & OWNER_MASK, M[taker + O_OWNER] >> OWNER_BITS
    own = M[taker + O_EXTRA]
    whole_taker = own != 0 and (M[own + X_FLAGS] & F_AON) != 0
    if block:
        new_pass(F)
    level = M[book + B_BEST + 1 - side]
    while level:
        price = half(M, level, L_PRICE)
        gap = price - limit if side == SELL else limit - price
        if gap < 0:
            return 0, 0
        order = half(M, level, L_HEAD)
        while order:
            maker, extra = M[order + O_OWNER] & OWNER_MASK, M[order + O_EXTRA]
            part = min(M[taker + O_LOTS], M[order + O_LOTS])
            whole = extra != 0 and (M[extra + X_FLAGS] & F_AON) != 0
            if M[order + O_OWNER] >> OWNER_BITS < newest and maker != account:
                wanted = part
                if block:
                    part = fitting_lots(M, F, block, side, account, maker, wanted, gap)
                fits = not (whole and part < M[order + O_LOTS]) and not (whole_taker and part < M[taker + O_LOTS])
                if part > 0 and fits:
                    return order, part
            order = M[order + O_NEXT]
        level = worse_level(M, level)
    return 0, 0


@inner_with_arrays
def _rematch(M: IntArray, D: IntArray, F: FloatArray, E: IntArray, book: int) -> int:
    """Let the orders of a locally crossed book trade again, each in order of age against its elders."""
    unit, traded = M[book + B_UNIT], 0
    block = block_of(F, unit)
    for owner in crossing_orders(M, book):
        account, taker_id = owner & OWNER_MASK, owner >> OWNER_BITS
        while D[taker_id] > 0:
            taker = D[taker_id]
            side = book_side(M, M[taker + O_LEVEL])[1]
            maker, part = _first_elder(M, F, block, book, taker)
            if maker == 0:
                break
            price = half(M, M[maker + O_LEVEL], L_PRICE)
            other, maker_id = M[maker + O_OWNER] & OWNER_MASK, M[maker + O_OWNER] >> OWNER_BITS
            if block:
                take_pair(M, F, block, side, account, other, part)
            record_trade(M, E, book, price, part, taker_id, account, maker_id, other, side, COUPLING)
            take(M, D, taker, part)
            take(M, D, maker, part)
            traded += part
    return traded


@njit(cache=True)
def run_boundary(
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, what: int, unit: int, phase: int, reference: int,
    out: IntArray,
) -> int:  # fmt: skip
    """Carry out one step in the life of a unit; ``out`` carries results or, to expire, order ids in.

    To uncross, ``phase`` is the phase after it and ``reference`` 1 to pay as bid.
    """
    M, D, F, E = words(M), words(D), words(F), words(E)
    M[H_VERSION] += 1
    if what == OPEN:
        _open(M, E, unit, phase, reference)
        return 1
    if what == EXPIRE:
        for order_id in out:
            order = D[order_id]
            if order > 0:
                remove(M, D, E, order, total_lots(M, order), R_GTT, I_EXPIRED)
        return 1
    book = book_of(M, unit)
    if book == 0:
        return 0
    if what == CLOSE:
        _close(M, D, E, unit, book, out)
    elif what == REMATCH:
        out[0] = _rematch(M, D, F, E, book) if M[book + B_PHASE] == CONTINUOUS else 0
    else:
        out[0], out[1], out[2] = uncross_book(M, D, F, E, book, reference == 1)
        M[book + B_PHASE] = phase
        _sweep(M, D, E, book, F_MARKET, R_MARKET, I_CANCELLED)
        event(M, E, K_UNCROSS, 0, 0, unit, out[0], out[1], out[2], phase)
    return 1
