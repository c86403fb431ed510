"""Compiled orders over several units: all legs trade completely, or nothing happened."""

from __future__ import annotations

from numba import njit

from rexnet_grid.reservex.commands import has_room, objection
from rexnet_grid.reservex.compiled import inner, words
from rexnet_grid.reservex.layout import (
    F_BLOCK,
    H_CLIPS,
    H_FILLED,
    H_LOG,
    H_NEXT_ID,
    H_ROWS,
    H_VERSION,
    I_FILLED,
    I_REJECTED,
    K_NEW,
    K_REJECT,
    NEED_ROOM,
    R_BLOCK,
    R_FOK,
    S_CANCELLED,
    S_FILLED,
    S_REJECTED,
    FloatArray,
    IntArray,
)
from rexnet_grid.reservex.matching import fillable, match
from rexnet_grid.reservex.orders import book_of, event


@inner
def _refusal(M: IntArray, account: int, legs: IntArray) -> tuple[int, int]:
    """Return (reason, leg) why the legs cannot be accepted, reason 0 when they can."""
    for i in range(legs.shape[1]):
        reason = objection(M, account, legs[0, i], legs[1, i], legs[2, i], legs[3, i], F_BLOCK, 0)
        if reason:
            return reason, i
        for j in range(i):
            if legs[0, j] == legs[0, i]:
                return R_BLOCK, i
    return 0, 0


@njit(cache=True)
def run_linked(M: IntArray, D: IntArray, F: FloatArray, E: IntArray, account: int, legs: IntArray) -> int:
    """Trade all legs (rows of ``legs``: unit, side, price, lots) or none; order id << 8 | reason << 3 | status.

    Units are independent books with independent headroom, so a leg that could trade alone still can when the others
    have traded, and testing the legs first makes the whole atomic: nothing is ever rolled back.
    """
    m, d, f, e = words(M), words(D), words(F), words(E)
    if not has_room(m) or M[H_LOG] + 2 * M[H_CLIPS] + 8 + 2 * legs.shape[1] > M[H_ROWS]:
        return NEED_ROOM
    M[H_VERSION] += 1
    order_id = M[H_NEXT_ID]
    M[H_NEXT_ID] = order_id + 1
    M[H_FILLED] = 0
    status = S_REJECTED
    reason, at = _refusal(m, account, legs)
    if reason == 0:
        status = S_CANCELLED
        for i in range(legs.shape[1]):
            book = book_of(m, legs[0, i])
            if not fillable(M, D, F, book, legs[1, i], account, order_id, legs[2, i], legs[3, i]):
                reason, at = R_FOK, i
                break
    if reason:
        event(m, e, K_REJECT, order_id, account, legs[0, at], legs[2, at], legs[3, at], F_BLOCK | legs[1, at], reason)
        D[order_id] = I_REJECTED
        return int(order_id) << 8 | reason << 3 | status
    for i in range(legs.shape[1]):
        unit, side, price, lots = legs[0, i], legs[1, i], legs[2, i], legs[3, i]
        event(m, e, K_NEW, order_id, account, unit, price, lots, F_BLOCK | side, 0)
        match(m, d, f, e, book_of(m, unit), side, account, order_id, price, lots)
    D[order_id] = I_FILLED
    return int(order_id) << 8 | S_FILLED
