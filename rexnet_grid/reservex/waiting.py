"""Compiled primitives on waiting blocks: orders over several units that rest until all of their legs can trade.

A block is a record with a chain of legs; a leg stands in the price-time queue of its unit and side. The table ``D``
holds ``I_WAITING - address`` for a waiting block, so that nothing mistakes it for an order of a book. While nothing
waits, the header word ``H_LEGS`` is zero and this costs one comparison a command.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from rexnet_grid.reservex.compiled import half, inner, words
from rexnet_grid.reservex.layout import (
    B_BEST,
    B_LEGS,
    B_PHASE,
    B_UNIT,
    BUY,
    CONTINUOUS,
    G_BLOCK,
    G_LOTS,
    G_MORE,
    G_NEXT,
    G_PRICE,
    G_SIDE,
    H_LEGS,
    I_EXPIRED,
    I_REJECTED,
    I_WAITING,
    K_REMOVE,
    L_HEAD,
    L_PRICE,
    O_NEXT,
    O_OWNER,
    OWNER_BITS,
    OWNER_MASK,
    R_GATE,
    SELL,
    W_LEGS,
    W_OWNER,
    IntArray,
)
from rexnet_grid.reservex.levels import worse_level
from rexnet_grid.reservex.orders import book_of, commit, event, total_lots
from rexnet_grid.reservex.records import free_record, new_record


@inner
def waiting_block(D: IntArray, order_id: int) -> int:
    """Return the address of a waiting block, 0 when the order is none."""
    return I_WAITING - D[order_id] if D[order_id] < I_REJECTED else 0


@inner
def new_block(M: IntArray, D: IntArray, order_id: int, account: int) -> int:
    """Make a block without legs."""
    block = new_record(M)
    M[block + W_OWNER] = order_id << OWNER_BITS | account
    M[block + W_LEGS] = 0
    D[order_id] = I_WAITING - block
    return block


@inner
def add_leg(M: IntArray, block: int, book: int, side: int, price: int, lots: int) -> None:
    """Add a leg to a block, behind the others of its unit and side with the same price or a better one."""
    leg = new_record(M)
    M[leg + G_BLOCK] = block
    M[leg + G_SIDE] = 2 * book + side
    M[leg + G_PRICE] = price
    M[leg + G_LOTS] = lots
    M[leg + G_MORE] = 0
    at = block + W_LEGS
    while M[at]:
        at = M[at] + G_MORE
    M[at] = leg
    at = book + B_LEGS + side
    while M[at] and ((M[M[at] + G_PRICE] <= price) if side == SELL else (M[M[at] + G_PRICE] >= price)):
        at = M[at] + G_NEXT
    M[leg + G_NEXT] = M[at]
    M[at] = leg
    M[H_LEGS] += 1
    commit(M, M[block + W_OWNER] & OWNER_MASK, side, price, lots)


@inner
def use_leg(M: IntArray, D: IntArray, block: int, unit: int, lots: int, gone: int) -> None:
    """Take lots out of the leg in a unit; a block without any is gone for the reason given."""
    left, leg = 0, M[block + W_LEGS]
    while leg:
        if M[(M[leg + G_SIDE] >> 1) + B_UNIT] == unit:
            M[leg + G_LOTS] -= lots
            commit(M, M[block + W_OWNER] & OWNER_MASK, M[leg + G_SIDE] & 1, M[leg + G_PRICE], -lots)
        left += M[leg + G_LOTS]
        leg = M[leg + G_MORE]
    if left == 0:
        free_block(M, D, block, gone)


@inner
def free_block(M: IntArray, D: IntArray, block: int, gone: int) -> None:
    """Take a block with all its legs out of everything; ``gone`` says why."""
    leg = M[block + W_LEGS]
    while leg:
        side, more = M[leg + G_SIDE] & 1, M[leg + G_MORE]
        at = (M[leg + G_SIDE] >> 1) + B_LEGS + side
        while M[at] != leg:
            at = M[at] + G_NEXT
        M[at] = M[leg + G_NEXT]
        commit(M, M[block + W_OWNER] & OWNER_MASK, side, M[leg + G_PRICE], -M[leg + G_LOTS])
        free_record(M, leg)
        M[H_LEGS] -= 1
        leg = more
    D[M[block + W_OWNER] >> OWNER_BITS] = gone
    free_record(M, block)


@inner
def end_block(M: IntArray, D: IntArray, E: IntArray, block: int, reason: int, gone: int) -> None:
    """End a waiting block and log why, one event a leg."""
    owner, leg = M[block + W_OWNER], M[block + W_LEGS]
    while leg:
        unit = M[(M[leg + G_SIDE] >> 1) + B_UNIT]
        price, lots = M[leg + G_PRICE], M[leg + G_LOTS]
        event(M, E, K_REMOVE, owner >> OWNER_BITS, owner & OWNER_MASK, unit, price, lots, 0, reason)
        leg = M[leg + G_MORE]
    free_block(M, D, block, gone)


@inner
def expire_blocks(M: IntArray, D: IntArray, E: IntArray, book: int) -> None:
    """End all blocks with a leg in a book whose gate closes."""
    for side in (BUY, SELL):
        while M[book + B_LEGS + side]:
            end_block(M, D, E, M[M[book + B_LEGS + side] + G_BLOCK], R_GATE, I_EXPIRED)


@inner
def suits(M: IntArray, leg: int) -> bool:
    """Tell whether the best price of the other side suits a leg."""
    book, side = M[leg + G_SIDE] >> 1, M[leg + G_SIDE] & 1
    best = M[book + B_BEST + 1 - side]
    if best == 0 or M[book + B_PHASE] != CONTINUOUS:
        return False
    price = half(M, best, L_PRICE)
    return bool(price >= M[leg + G_PRICE] if side == SELL else price <= M[leg + G_PRICE])


@inner
def enough(M: IntArray, block: int) -> bool:
    """Tell whether every leg of a block finds enough lots of others at its price or better: it may be able to trade."""
    account, leg = M[block + W_OWNER] & OWNER_MASK, M[block + W_LEGS]
    while leg:
        if not suits(M, leg):
            return False
        side, limit, missing = M[leg + G_SIDE] & 1, M[leg + G_PRICE], M[leg + G_LOTS]
        level = M[(M[leg + G_SIDE] >> 1) + B_BEST + 1 - side]
        while level and missing > 0:
            if (half(M, level, L_PRICE) < limit) if side == SELL else (half(M, level, L_PRICE) > limit):
                break
            order = half(M, level, L_HEAD)
            while order and missing > 0:
                if M[order + O_OWNER] & OWNER_MASK != account:
                    missing -= total_lots(M, order)
                order = M[order + O_NEXT]
            level = worse_level(M, level)
        if missing > 0:
            return False
        leg = M[leg + G_MORE]
    return True


@inner
def may_wake(M: IntArray, unit: int) -> bool:
    """Tell whether a block that waits in a unit may be able to trade now."""
    book = book_of(M, unit)
    if book:
        for side in (BUY, SELL):
            leg = M[book + B_LEGS + side]
            while leg and suits(M, leg):
                if enough(M, M[leg + G_BLOCK]):
                    return True
                leg = M[leg + G_NEXT]
    return False


@njit(cache=True)
def dump_legs(M: IntArray, units: IntArray) -> IntArray:
    """Return every waiting leg: unit, side, price, id, account, lots; by unit, side, price from the best, and time."""
    rows, n = np.zeros((M[H_LEGS], 6), np.int64), 0
    M = words(M)
    for unit in units:
        for side in (BUY, SELL):
            leg = M[book_of(M, unit) + B_LEGS + side]
            while leg:
                row, owner = rows[n], M[M[leg + G_BLOCK] + W_OWNER]
                row[0], row[1], row[2] = unit, side, M[leg + G_PRICE]
                row[3], row[4], row[5] = owner >> OWNER_BITS, owner & OWNER_MASK, M[leg + G_LOTS]
                n += 1
                leg = M[leg + G_NEXT]
    return rows[:n]
