"""Compiled orders over several units: all legs trade completely, or nothing happened.

Units are independent books with independent headroom, so a leg that could trade alone still can when the others have
traded, and testing the legs first makes the whole atomic: nothing is ever rolled back.
"""

from __future__ import annotations

from numba import njit

from rexnet_grid.reservex.commands import has_room, objection
from rexnet_grid.reservex.compiled import inner, inner_with_arrays, words
from rexnet_grid.reservex.layout import (
    A_CASH,
    A_COMMITTED,
    A_LIMIT,
    B_LEGS,
    B_PHASE,
    B_UNIT,
    BUY,
    CONTINUOUS,
    F_BLOCK,
    F_WAIT,
    G_BLOCK,
    G_LOTS,
    G_MORE,
    G_NEXT,
    G_PRICE,
    G_SIDE,
    H_BUMP,
    H_CLIPS,
    H_COLLATERAL,
    H_FILLED,
    H_LOG,
    H_NEXT_ID,
    H_QUOTER,
    H_RING,
    H_RING_MASK,
    H_ROWS,
    H_VERSION,
    H_WORDS,
    I_FILLED,
    I_REJECTED,
    K_NEW,
    K_REJECT,
    K_WAKE,
    NEED_ROOM,
    OWNER_BITS,
    OWNER_MASK,
    R_BLOCK,
    R_COLLATERAL,
    R_FOK,
    RECORD,
    ROOM,
    S_CANCELLED,
    S_FILLED,
    S_REJECTED,
    S_RESTING,
    SELL,
    W_LEGS,
    W_OWNER,
    FloatArray,
    IntArray,
)
from rexnet_grid.reservex.matching import fillable, match
from rexnet_grid.reservex.orders import account_of, book_of, event, exposure
from rexnet_grid.reservex.waiting import add_leg, enough, free_block, new_block, suits


@inner
def _refusal(M: IntArray, account: int, legs: IntArray, flags: int) -> tuple[int, int]:
    """Return (reason, leg) why the legs cannot be accepted, reason 0 when they can."""
    cost = 0
    for i in range(legs.shape[1]):
        reason = objection(M, account, legs[0, i], legs[1, i], legs[2, i], legs[3, i], flags, 0)
        if reason:
            return reason, i
        for j in range(i):
            if legs[0, j] == legs[0, i]:
                return R_BLOCK, i
        cost += exposure(legs[1, i], legs[2, i], 1) * legs[3, i]
        if M[H_COLLATERAL]:
            owner = account_of(M, account)
            if M[owner + A_CASH] - M[owner + A_COMMITTED] - cost < -M[owner + A_LIMIT]:
                return R_COLLATERAL, i
    return 0, 0


@inner_with_arrays
def _first_unable(M: IntArray, D: IntArray, F: FloatArray, account: int, legs: IntArray) -> int:
    """Return the first leg that could not trade completely now, -1 when all could."""
    for i in range(legs.shape[1]):
        book = book_of(words(M), legs[0, i])
        if M[book + B_PHASE] != CONTINUOUS:
            return i
        if not fillable(M, D, F, book, legs[1, i], account, M[H_NEXT_ID], legs[2, i], legs[3, i]):
            return i
    return -1


@njit(cache=True)
def run_linked(
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, account: int, legs: IntArray, wait: bool
) -> int:  # fmt: skip
    """Trade all legs (rows of ``legs``: unit, side, price, lots) or none; order id << 8 | reason << 3 | status.

    With ``wait`` they rest until all can trade, see :func:`run_waiting`; where only a maker's orders rest, they do not.
    """
    m, d, f, e = words(M), words(D), words(F), words(E)
    n = legs.shape[1]
    room = M[H_LOG] + 2 * M[H_CLIPS] + 8 + 2 * n <= M[H_ROWS] and M[H_BUMP] + ROOM + RECORD * (n + 1) <= M[H_WORDS]
    if not (room and has_room(m)):
        return NEED_ROOM
    M[H_VERSION] += 1
    order_id = M[H_NEXT_ID]
    M[H_FILLED] = 0
    wait = wait and (M[H_QUOTER] == 0 or account + 1 == M[H_QUOTER])
    status = S_REJECTED
    reason, at = _refusal(m, account, legs, 0 if wait else F_BLOCK)
    unable = -1
    if reason == 0:
        unable = _first_unable(M, D, F, account, legs)
        if unable >= 0 and not wait:
            status, reason, at = S_CANCELLED, R_FOK, unable
    M[H_NEXT_ID] = order_id + 1
    if reason:
        event(m, e, K_REJECT, order_id, account, legs[0, at], legs[2, at], legs[3, at], F_BLOCK | legs[1, at], reason)
        D[order_id] = I_REJECTED
        return int(order_id) << 8 | reason << 3 | status
    block = new_block(m, d, order_id, account) if unable >= 0 else 0
    for i in range(n):
        unit, side, price, lots = legs[0, i], legs[1, i], legs[2, i], legs[3, i]
        flags = F_BLOCK | side | (F_WAIT if block else 0)
        event(m, e, K_NEW, order_id, account, unit, price, lots, flags, 0)
        if block:
            add_leg(m, block, book_of(m, unit), side, price, lots)
        else:
            match(m, d, f, e, book_of(m, unit), side, account, order_id, price, lots)
    if block:
        return int(order_id) << 8 | S_RESTING
    D[order_id] = I_FILLED
    return int(order_id) << 8 | S_FILLED


@inner_with_arrays
def _able(M: IntArray, D: IntArray, F: FloatArray, block: int) -> bool:
    """Tell whether all legs of a waiting block could trade completely now."""
    if not enough(words(M), block):
        return False
    owner, leg = M[block + W_OWNER], M[block + W_LEGS]
    while leg:
        book, side = M[leg + G_SIDE] >> 1, M[leg + G_SIDE] & 1
        account, order_id = owner & OWNER_MASK, owner >> OWNER_BITS
        if not fillable(M, D, F, book, side, account, order_id, M[leg + G_PRICE], M[leg + G_LOTS]):
            return False
        leg = M[leg + G_MORE]
    return True


@inner_with_arrays
def _first_able(M: IntArray, D: IntArray, F: FloatArray, book: int) -> int:
    """Return the block to trade next in a unit, 0 when none can: first in price and time on its side, elder of two."""
    found = 0
    for side in (BUY, SELL):
        leg = M[book + B_LEGS + side]
        while leg and suits(words(M), leg):
            block = M[leg + G_BLOCK]
            if _able(M, D, F, block):
                if found == 0 or M[block + W_OWNER] < M[found + W_OWNER]:
                    found = block
                break
            leg = M[leg + G_NEXT]
    return found


@inner
def _lowest(M: IntArray, due: IntArray) -> int:
    """Return the slot of the lowest open unit that is due, -1 when there is none."""
    lowest = -1
    for slot in range(M[H_RING_MASK] + 1):
        book = M[M[H_RING] + slot]
        if due[slot] and book and (lowest < 0 or M[book + B_UNIT] < M[M[M[H_RING] + lowest] + B_UNIT]):
            lowest = slot
    return lowest


@njit(cache=True)
def run_waiting(M: IntArray, D: IntArray, F: FloatArray, E: IntArray, due: IntArray) -> int:
    """Let waiting blocks trade in the units marked in ``due`` (by slot of the ring); 0 when done, or NEED_ROOM.

    The lowest unit comes first; in it the first block in price-time order whose legs can all trade completely, as one
    incoming order would; what its trades changed is due again.
    """
    m, d, f, e = words(M), words(D), words(F), words(E)
    M[H_VERSION] += 1
    while True:
        slot = _lowest(m, due)
        if slot < 0:
            return 0
        block = _first_able(M, D, F, M[M[H_RING] + slot])
        if block == 0:
            due[slot] = 0
            continue
        if M[H_LOG] + 2 * M[H_CLIPS] + 8 > M[H_ROWS]:
            return NEED_ROOM
        owner, leg = M[block + W_OWNER], M[block + W_LEGS]
        unit = M[(M[leg + G_SIDE] >> 1) + B_UNIT]
        event(m, e, K_WAKE, owner >> OWNER_BITS, owner & OWNER_MASK, unit, 0, 0, 0, 0)
        while leg:
            book, side = M[leg + G_SIDE] >> 1, M[leg + G_SIDE] & 1
            price, lots = M[leg + G_PRICE], M[leg + G_LOTS]
            match(m, d, f, e, book, side, owner & OWNER_MASK, owner >> OWNER_BITS, price, lots)
            due[M[book + B_UNIT] & M[H_RING_MASK]] = 1
            leg = M[leg + G_MORE]
        free_block(m, d, block, I_FILLED)
