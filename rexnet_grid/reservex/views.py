"""Compiled looks at the arena: what one participant sees, depth, and the whole book in canonical order."""

from __future__ import annotations

import numpy as np
from numba import njit

from rexnet_grid.reservex.capacity import block_of, fits_one, is_blocked, list_tight_rows, new_pass, set_blocked
from rexnet_grid.reservex.compiled import half, inner, words
from rexnet_grid.reservex.layout import (
    A_HEAD,
    A_NODE,
    B_BEST,
    B_POS,
    B_UNIT,
    BUY,
    L_COUNT,
    L_HEAD,
    L_LOTS,
    L_PRICE,
    NO_PRICE,
    O_ANEXT,
    O_EXTRA,
    O_LEVEL,
    O_LOTS,
    O_NEXT,
    O_OWNER,
    OWNER_BITS,
    OWNER_MASK,
    SELL,
    X_DISPLAY,
    X_EXPIRES,
    X_FLAGS,
    X_HIDDEN,
    FloatArray,
    IntArray,
)
from rexnet_grid.reservex.levels import book_side, worse_level
from rexnet_grid.reservex.orders import account_of, book_of, total_lots

DUMP = 10


@inner
def _reachable(M: IntArray, F: FloatArray, block: int, side: int, node: int, maker: int, tight: int) -> bool:
    """Tell whether at least one lot fits between ``node`` and the owner of an order on ``side``."""
    if tight == 0:
        return True
    other = M[account_of(M, maker) + A_NODE]
    if is_blocked(F, other):
        return False
    source, sink = (other, node) if side == SELL else (node, other)
    if fits_one(F, block, source, sink, tight):
        return True
    set_blocked(F, other)
    return False


@inner
def _best_of_others(
    M: IntArray, F: FloatArray, book: int, block: int, side: int, account: int, tight: int
) -> tuple[int, int]:
    """Return the best price of a side that the account can trade against, and the lots displayed there.

    Only the ``tight`` rows listed just before can stand between the account and another.
    """
    node = M[account_of(M, account) + A_NODE]
    if tight:
        new_pass(F)
    level = M[book + B_BEST + side]
    while level:
        lots, order = 0, half(M, level, L_HEAD)
        while order:
            maker = M[order + O_OWNER] & OWNER_MASK
            if maker != account and _reachable(M, F, block, side, node, maker, tight):
                lots += M[order + O_LOTS]
            order = M[order + O_NEXT]
        if lots:
            return half(M, level, L_PRICE), lots
        level = worse_level(M, level)
    return NO_PRICE, 0


@njit(cache=True)
def view_units(M: IntArray, F: FloatArray, account: int, units: IntArray) -> tuple[IntArray, IntArray]:
    """Return (bid, ask, bid lots, ask lots, position) by unit and (id, unit, side, price, lots) of the own orders."""
    M, F = words(M), words(F)
    quotes = np.empty((5, units.shape[0]), np.int64)
    for i in range(units.shape[0]):
        book = book_of(M, units[i])
        block = block_of(F, units[i])
        tight = list_tight_rows(F, block)
        quotes[0, i], quotes[2, i] = _best_of_others(M, F, book, block, BUY, account, tight)
        quotes[1, i], quotes[3, i] = _best_of_others(M, F, book, block, SELL, account, tight)
        quotes[4, i] = M[M[book + B_POS] + account]
    n, order = 0, M[account_of(M, account) + A_HEAD]
    while order:
        n += 1
        order = M[order + O_ANEXT]
    own = np.empty((5, n), np.int64)
    order = M[account_of(M, account) + A_HEAD]
    while order:  # the chain runs from the youngest to the eldest
        n -= 1
        level = M[order + O_LEVEL]
        own[0, n] = M[order + O_OWNER] >> OWNER_BITS
        book, side = book_side(M, level)
        own[1, n], own[2, n] = M[book + B_UNIT], side
        own[3, n] = half(M, level, L_PRICE)
        own[4, n] = total_lots(M, order)
        order = M[order + O_ANEXT]
    return quotes, own


@njit(cache=True)
def depth_of(M: IntArray, book: int, side: int, levels: int) -> IntArray:
    """Return (price, displayed lots, orders) of the best ``levels`` levels of a side."""
    M = words(M)
    rows, n = np.empty((levels, 3), np.int64), 0
    level = M[book + B_BEST + side]
    while level and n < levels:
        rows[n, 0], rows[n, 1], rows[n, 2] = half(M, level, L_PRICE), M[level + L_LOTS], half(M, level, L_COUNT)
        n += 1
        level = worse_level(M, level)
    return rows[:n]


@njit(cache=True)
def dump_units(M: IntArray, units: IntArray, count: int) -> IntArray:
    """Return every resting order: unit, side, price, id, account, lots, hidden, display, flags, expires.

    In order of unit, side, price from best to worst, and time.
    """
    M = words(M)
    rows, n = np.zeros((count, DUMP), np.int64), 0
    for unit in units:
        for side in (BUY, SELL):
            level = M[book_of(M, unit) + B_BEST + side]
            while level:
                order = half(M, level, L_HEAD)
                while order:
                    extra, row = M[order + O_EXTRA], rows[n]
                    row[0], row[1], row[2] = unit, side, half(M, level, L_PRICE)
                    row[3], row[4] = M[order + O_OWNER] >> OWNER_BITS, M[order + O_OWNER] & OWNER_MASK
                    row[5] = M[order + O_LOTS]
                    if extra:
                        row[6], row[7] = M[extra + X_HIDDEN], M[extra + X_DISPLAY]
                        row[8], row[9] = M[extra + X_FLAGS], M[extra + X_EXPIRES]
                    n += 1
                    order = M[order + O_NEXT]
                level = worse_level(M, level)
    return rows[:n]


def crossing_pairs(orders: IntArray) -> int:
    """Return how many pairs of a buy and a sell order cross, of orders as :func:`dump_units` gives them."""
    pairs = 0
    for own in np.split(orders, np.flatnonzero(np.diff(orders[:, 0])) + 1):
        bids, asks = (own[own[:, 1] == side, 2] for side in (BUY, SELL))
        if len(bids) and len(asks):
            pairs += int((bids >= asks.min()).sum()) * int((asks <= bids.max()).sum())
    return pairs
