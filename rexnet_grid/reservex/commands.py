"""The compiled commands: check, match, rest or cancel; one at a time or a batch strictly in order."""

from __future__ import annotations

from numba import njit

from rexnet_grid.reservex.compiled import entry, half, inner, words
from rexnet_grid.reservex.layout import (
    A_CASH,
    A_COMMITTED,
    A_LIMIT,
    B_BEST,
    B_PHASE,
    B_UNIT,
    BUY,
    C_ACCOUNT,
    C_ACTION,
    C_LOTS,
    C_ORDER,
    C_PRICE,
    C_SIDE,
    C_UNIT,
    CALL,
    COMMAND,
    F_AON,
    F_BLOCK,
    F_FOK,
    F_IOC,
    F_MARKET,
    F_POST,
    H_BUMP,
    H_CLIPS,
    H_COLLATERAL,
    H_DUE,
    H_FILLED,
    H_FULL,
    H_HCOUNT,
    H_IDS,
    H_LEGS,
    H_LOG,
    H_MAX,
    H_MAX_LOTS,
    H_MIN,
    H_NACC,
    H_NEXT_ID,
    H_QUOTER,
    H_ROWS,
    H_VERSION,
    H_WORDS,
    I_CANCELLED,
    I_FILLED,
    I_REJECTED,
    K_NEW,
    K_REJECT,
    K_REMOVE,
    L_PRICE,
    NEED_ROOM,
    NO_WORD,
    O_OWNER,
    OWNER_MASK,
    R_ACCOUNT,
    R_ACTION,
    R_CALL,
    R_COLLATERAL,
    R_DISPLAY,
    R_FILLED,
    R_FOK,
    R_FOREIGN,
    R_GROW,
    R_IOC,
    R_KIND,
    R_LOTS,
    R_MARKET,
    R_NONE,
    R_OWNER,
    R_POST,
    R_PRICE,
    R_SELF,
    R_SHRUNK,
    R_SIDE,
    R_UNIT,
    R_UNKNOWN,
    R_WORD,
    ROOM,
    S_CANCELLED,
    S_FILLED,
    S_PARTIAL,
    S_REJECTED,
    S_RESTING,
    SELL,
    W_OWNER,
    FloatArray,
    IntArray,
)
from rexnet_grid.reservex.lookahead import AHEAD, STRETCH, look_ahead
from rexnet_grid.reservex.matching import fillable, match, remove
from rexnet_grid.reservex.orders import account_of, book_of, event, exposure, last_unit, rest, total_lots
from rexnet_grid.reservex.waiting import end_block, may_wake, waiting_block


@inner
def objection(  # noqa: C901 - one check a line
    M: IntArray, account: int, unit: int, side: int, price: int, lots: int, flags: int, display: int
) -> int:
    """Return why a new order cannot be accepted, 0 when it can."""
    if account < 0 or account >= M[H_NACC]:
        return R_ACCOUNT
    if side != BUY and side != SELL:
        return R_WORD if side == NO_WORD else R_SIDE
    book = book_of(M, unit)
    if book == 0:
        return R_UNIT
    if lots < 1 or lots > M[H_MAX_LOTS]:
        return R_LOTS
    if price < M[H_MIN] or price > M[H_MAX]:
        return R_PRICE
    if display < 0 or display > lots or (display > 0 and flags & (F_MARKET | F_AON | F_IOC | F_FOK)):
        return R_DISPLAY
    if M[book + B_PHASE] == CALL:
        if flags & (F_IOC | F_FOK | F_AON | F_BLOCK):
            return R_CALL
    elif flags & F_POST:
        best = M[book + B_BEST + 1 - side]
        if best and ((half(M, best, L_PRICE) >= price) if side == SELL else (half(M, best, L_PRICE) <= price)):
            return R_POST
    if M[H_COLLATERAL]:
        owner = account_of(M, account)
        if M[owner + A_CASH] - M[owner + A_COMMITTED] - exposure(side, price, 1) * lots < -M[owner + A_LIMIT]:
            return R_COLLATERAL
    return R_NONE


@inner
def place(
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, account: int, unit: int, side: int, price: int, lots: int,
    flags: int, display: int, expires: int, fits: bool,
) -> int:  # fmt: skip
    """Take one new order through checks, matching and resting; returns status | reason << 3.

    ``fits`` says whether a fill-or-kill or all-or-none order could trade completely.
    """
    order_id = M[H_NEXT_ID]
    M[H_NEXT_ID] = order_id + 1
    M[H_FILLED] = 0
    if flags & F_MARKET:
        price = M[H_MIN] if side == SELL else M[H_MAX]
    if M[H_QUOTER] and account + 1 != M[H_QUOTER]:
        flags |= F_IOC
    reason = objection(M, account, unit, side, price, lots, flags, display)
    if reason:
        event(M, E, K_REJECT, order_id, account, unit, price, lots, flags, reason)
        D[order_id] = I_REJECTED
        return S_REJECTED | reason << 3
    flags |= side
    book = book_of(M, unit)
    event(M, E, K_NEW, order_id, account, unit, price, lots, flags, display | expires << 32)
    if M[book + B_PHASE] == CALL:
        rest(M, D, order_id, account, book, side, price, lots, flags, display, expires)
        return S_RESTING
    left, stopped = lots, False
    if fits:
        left, stopped = match(M, D, F, E, book, side, account, order_id, price, lots)
    elif flags & F_FOK:
        reason = R_FOK
    return _finish(M, D, E, order_id, account, book, side, price, left, flags, display, expires, stopped, reason)


@inner
def _finish(
    M: IntArray, D: IntArray, E: IntArray, order_id: int, account: int, book: int, side: int, price: int, left: int,
    flags: int, display: int, expires: int, stopped: bool, reason: int,
) -> int:  # fmt: skip
    """Rest or cancel what matching left of an order."""
    if left == 0 and not stopped:
        D[order_id] = I_FILLED
        return S_FILLED
    if stopped:
        reason = R_SELF
    elif reason == R_NONE and flags & F_MARKET:
        reason = R_MARKET
    elif reason == R_NONE and flags & F_IOC:
        reason = R_IOC
    if reason:
        if left:
            event(M, E, K_REMOVE, order_id, account, M[book + B_UNIT], price, left, 0, reason)
        D[order_id] = I_CANCELLED
        return S_CANCELLED | reason << 3
    rest(M, D, order_id, account, book, side, price, left, flags, min(display, left), expires)
    return S_PARTIAL if M[H_FILLED] else S_RESTING


@inner
def change(M: IntArray, D: IntArray, E: IntArray, shrink: bool, account: int, order_id: int, lots: int) -> int:
    """Cancel an order or shrink it to ``lots``; ``account`` -1 asks for no ownership. Status | reason << 3."""
    M[H_FILLED] = 0
    if order_id < 1 or order_id >= M[H_NEXT_ID]:
        return S_REJECTED | R_UNKNOWN << 3
    order = D[order_id]
    if order <= 0:
        block = waiting_block(D, order_id)
        if block:
            return _cancel_block(M, D, E, shrink, account, block)
        return int(S_REJECTED | (R_FILLED - 1 - order) << 3)
    if account >= 0 and M[order + O_OWNER] & OWNER_MASK != account:
        return S_REJECTED | R_FOREIGN << 3
    total = total_lots(M, order)
    if not shrink:
        remove(M, D, E, order, total, R_OWNER, I_CANCELLED)
        return S_CANCELLED
    if lots < 1:
        return S_REJECTED | R_LOTS << 3
    if lots > total:
        return S_REJECTED | R_GROW << 3
    if lots < total:
        remove(M, D, E, order, total - lots, R_SHRUNK, I_CANCELLED)
    return S_RESTING


@inner
def _cancel_block(M: IntArray, D: IntArray, E: IntArray, shrink: bool, account: int, block: int) -> int:
    if account >= 0 and M[block + W_OWNER] & OWNER_MASK != account:
        return S_REJECTED | R_FOREIGN << 3
    if shrink:
        return S_REJECTED | R_KIND << 3
    end_block(M, D, E, block, R_OWNER, I_CANCELLED)
    return S_CANCELLED


@inner
def has_room(M: IntArray) -> bool:
    """Tell whether the arrays surely hold what one more command can write."""
    return bool(
        M[H_BUMP] + ROOM <= M[H_WORDS]
        and M[H_HCOUNT] <= M[H_FULL]
        and M[H_NEXT_ID] + 1 < M[H_IDS]
        and M[H_LOG] + 2 * M[H_CLIPS] + 8 <= M[H_ROWS]
    )


@entry
def run_command(
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, action: int, account: int, unit: int, side: int, price: int,
    lots: int, flags: int, display: int, expires: int, order_id: int, fits: bool,
) -> int:  # fmt: skip
    """Carry out one command: action 0 new, 1 cancel, 2 shrink. Order id << 8 | reason << 3 | status, or NEED_ROOM."""
    M, D, F, E = words(M), words(D), words(F), words(E)
    if not has_room(M):
        return NEED_ROOM
    M[H_VERSION] += 1
    if action == 0:
        order_id = M[H_NEXT_ID]
        return int(order_id) << 8 | place(M, D, F, E, account, unit, side, price, lots, flags, display, expires, fits)
    return max(order_id, 0) << 8 | change(M, D, E, action == 2, account, order_id, lots)


@njit(cache=True)
def could_trade_whole(
    M: IntArray, D: IntArray, F: FloatArray, account: int, unit: int, side: int, price: int, lots: int, flags: int
) -> bool:  # fmt: skip
    """Tell whether a fill-or-kill or all-or-none order could trade completely at once; true when it is not accepted."""
    memory, limit = words(M), price
    if flags & F_MARKET:
        limit = M[H_MIN] if side == SELL else M[H_MAX]
    if objection(memory, account, unit, side, limit, lots, flags, 0) != R_NONE:
        return True
    return bool(fillable(M, D, F, book_of(memory, unit), side, account, M[H_NEXT_ID], limit, lots))


@entry
def run_batch(
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, batch: IntArray, out: IntArray, start: int
) -> int:  # fmt: skip
    """Carry out rows from ``start``; out rows are order id, status | reason << 3, filled lots. Returns the next row."""
    M, D, F, E, rows, n = words(M), words(D), words(F), words(E), words(batch), batch.shape[0]
    M[H_VERSION] += 1
    for row in range(start - AHEAD, start, STRETCH):
        look_ahead(M, D, rows, words(out), start, row, n)
    for i in range(start, n):
        if (i - start) % STRETCH == 0:
            look_ahead(M, D, rows, words(out), start, i, n)
        if not has_room(M):
            return i
        row, before = COMMAND * i, M[H_LOG]
        account, lots, what, order_id = rows[row + C_ACCOUNT], rows[row + C_LOTS], rows[row + C_ACTION], M[H_NEXT_ID]
        if what == 0:
            unit, side, price = rows[row + C_UNIT], rows[row + C_SIDE], rows[row + C_PRICE]
            out[1, i] = place(M, D, F, E, account, unit, side, price, lots, 0, 0, 0, True)
        else:
            order_id = rows[row + C_ORDER]
            if what == 1 or what == 2:
                out[1, i] = change(M, D, E, what == 2, max(account, 0), order_id, lots)
            else:
                M[H_FILLED] = 0
                out[1, i] = S_REJECTED | R_ACTION << 3
        out[0, i] = order_id
        out[2, i] = M[H_FILLED]
        if M[H_LEGS] and M[H_LOG] > before and out[1, i] & 7 != S_REJECTED and may_wake(M, last_unit(M, E)):
            M[H_DUE] = 1
            return i + 1
    return int(n)
