"""The compiled matcher: one command or a batch of them, strictly in order, fills out."""

from __future__ import annotations

import numpy as np
from numba import njit

from rexnet_grid.reservex.capacity import (
    block_of,
    capacity,
    is_blocked,
    new_pass,
    note_binding,
    set_blocked,
    take_capacity,
)
from rexnet_grid.reservex.layout import (
    A_CASH,
    A_COMMITTED,
    A_LIMIT,
    A_NODE,
    B_AON,
    B_BEST,
    B_FIRST,
    B_HIGH,
    B_LAST,
    B_LOW,
    B_PHASE,
    B_POS,
    B_TURNOVER,
    B_UNIT,
    B_VOLUME,
    BUY,
    CALL,
    CONTINUOUS,
    EVENT,
    F_AON,
    F_BLOCK,
    F_FOK,
    F_IOC,
    F_MARKET,
    F_POST,
    H_BUMP,
    H_CLIPS,
    H_COLLATERAL,
    H_FILLED,
    H_HCOUNT,
    H_LOG,
    H_MASK,
    H_MAX,
    H_MAX_LOTS,
    H_MIN,
    H_NACC,
    H_NEXT_ID,
    H_STP,
    H_VERSION,
    I_CANCELLED,
    I_FILLED,
    I_REJECTED,
    K_FILL,
    K_NEW,
    K_REJECT,
    K_REMOVE,
    L_HEAD,
    L_PRICE,
    L_SIDE,
    L_WORSE,
    NEED_ROOM,
    O_EXTRA,
    O_LEVEL,
    O_LOTS,
    O_NEXT,
    O_OWNER,
    OWNER_BITS,
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
    S_CANCELLED,
    S_FILLED,
    S_PARTIAL,
    S_REJECTED,
    S_RESTING,
    SELL,
    STP_BOTH,
    STP_DECREMENT,
    STP_NEWEST,
    STP_OLDEST,
    X_FLAGS,
    FloatArray,
    IntArray,
)
from rexnet_grid.reservex.orders import account_of, book_of, cut, event, exposure, rest, take, total_lots

NO_ONE_ELDER = 1 << 42


@njit(cache=True)
def record_trade(
    M: IntArray, E: IntArray, book: int, price: int, lots: int, taker: int, taker_account: int, maker: int,
    maker_account: int, side: int, phase: int,
) -> None:  # fmt: skip
    """Book one trade: positions, cash, the unit's figures and the event; the orders are the caller's business."""
    sign = lots if side == SELL else -lots
    M[M[book + B_POS] + taker_account] += sign
    M[M[book + B_POS] + maker_account] -= sign
    M[account_of(M, taker_account) + A_CASH] += sign * price
    M[account_of(M, maker_account) + A_CASH] -= sign * price
    if M[book + B_VOLUME] == 0:
        M[book + B_FIRST] = M[book + B_LOW] = M[book + B_HIGH] = price
    M[book + B_LAST] = price
    M[book + B_LOW] = min(M[book + B_LOW], price)
    M[book + B_HIGH] = max(M[book + B_HIGH], price)
    M[book + B_VOLUME] += lots
    M[book + B_TURNOVER] += lots * price
    event(
        M, E, K_FILL, taker, taker_account, M[book + B_UNIT], price, lots, maker, maker_account << 3 | phase << 1 | side
    )


@njit(cache=True)
def fitting_lots(
    M: IntArray, F: FloatArray, block: int, side: int, account: int, maker_account: int, lots: int, gap: int
) -> int:  # fmt: skip
    """Return how many of ``lots`` the network admits between taker and maker, and note what stopped the others."""
    node = M[account_of(M, account) + A_NODE]
    other = M[account_of(M, maker_account) + A_NODE]
    if is_blocked(F, other):
        return 0
    fits = capacity(F, block, node, other) if side == SELL else capacity(F, block, other, node)
    if fits < lots:
        note_binding(F, block, lots - fits, gap)
    if fits == 0:
        set_blocked(F, other)
    return min(lots, fits)


@njit(cache=True)
def take_pair(M: IntArray, F: FloatArray, block: int, side: int, account: int, maker_account: int, lots: int) -> None:
    """Take the network's capacity for one trade."""
    node = M[account_of(M, account) + A_NODE]
    other = M[account_of(M, maker_account) + A_NODE]
    if side == SELL:
        take_capacity(F, block, node, other, lots)
    else:
        take_capacity(F, block, other, node, lots)


@njit(cache=True)
def remove(M: IntArray, D: IntArray, E: IntArray, order: int, lots: int, reason: int, gone: int) -> None:
    """Take untraded lots out of a resting order and log why."""
    level, owner = M[order + O_LEVEL], M[order + O_OWNER]
    unit = M[(M[level + L_SIDE] >> 1) + B_UNIT]
    event(M, E, K_REMOVE, owner >> OWNER_BITS, owner & OWNER_MASK, unit, M[level + L_PRICE], lots, 0, reason)
    cut(M, D, order, lots, gone)


@njit(cache=True)
def _own_order(
    M: IntArray, D: IntArray, E: IntArray, order: int, taker: int, account: int, unit: int, price: int, lots: int
) -> tuple[int, bool]:
    """Apply the self-trade policy; returns what is left of the taker and whether it must stop."""
    policy = M[H_STP]
    if policy == STP_NEWEST:
        return lots, True
    if policy == STP_DECREMENT:
        both = min(lots, total_lots(M, order))
        event(M, E, K_REMOVE, taker, account, unit, price, both, 0, R_SELF)
        remove(M, D, E, order, both, R_SELF, I_CANCELLED)
        return lots - both, lots == both
    remove(M, D, E, order, total_lots(M, order), R_SELF, I_CANCELLED)
    return lots, policy == STP_BOTH


@njit(cache=True)
def match(  # noqa: C901 - one loop in price-time order, on purpose in one piece
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, book: int, side: int, account: int, taker: int, limit: int,
    lots: int, elder_than: int,
) -> tuple[int, bool]:  # fmt: skip
    """Trade an incoming order against the other side, best price first, eldest first, at the maker's price.

    An order that cannot trade now (the network admits no lot between the two nodes, or it is all-or-none and larger
    than what is left) is passed over and the next one tried. As a trade can relieve a limit, the search starts again
    from the best order after every trade that followed a passed-over order: the taker always trades with the first
    order in price-time order that can trade.

    Returns the lots left and whether self-trade prevention ended it.
    """
    unit = M[book + B_UNIT]
    block = block_of(F, unit)
    if block:
        new_pass(F)
    passed = False
    level = M[book + B_BEST + 1 - side]
    while lots > 0 and level:
        price = M[level + L_PRICE]
        gap = price - limit if side == SELL else limit - price
        if gap < 0:
            break
        worse, again = M[level + L_WORSE], False
        order = M[level + L_HEAD]
        while order and lots > 0:
            following = M[order + O_NEXT]
            maker = M[order + O_OWNER] >> OWNER_BITS
            maker_account = M[order + O_OWNER] & OWNER_MASK
            extra = M[order + O_EXTRA]
            whole = extra != 0 and (M[extra + X_FLAGS] & F_AON) != 0
            if maker >= elder_than or (whole and M[order + O_LOTS] > lots):
                order = following
                continue
            if maker_account == account:
                lots, stop = _own_order(M, D, E, order, taker, account, unit, limit, lots)
                if stop:
                    return lots, True
                order = following
                continue
            wanted = min(lots, M[order + O_LOTS])
            part = wanted
            if block:
                part = fitting_lots(M, F, block, side, account, maker_account, wanted, gap)
                if part < wanted:
                    passed = True
                if part == 0 or (whole and part < wanted):
                    order = following
                    continue
                take_pair(M, F, block, side, account, maker_account, part)
            record_trade(M, E, book, price, part, taker, account, maker, maker_account, side, CONTINUOUS)
            take(M, D, order, part)
            lots -= part
            if passed:
                again, passed = True, False
                break
            if following == 0 and D[maker] == order:
                following = order
            order = following
        level = worse
        if again:
            new_pass(F)
            level = M[book + B_BEST + 1 - side]
    return lots, False


@njit(cache=True)
def fillable(
    M: IntArray, D: IntArray, F: FloatArray, book: int, side: int, account: int, taker: int, limit: int, lots: int
) -> bool:
    """Tell whether an order could trade completely at once; nothing changes.

    Plain books are summed; where all-or-none or iceberg orders, admission or decrementing make the answer depend on the
    order of events, a copy of the state is traded on.
    """
    if M[book + B_AON] > 0 or block_of(F, M[book + B_UNIT]) or M[H_STP] == STP_DECREMENT:
        copy = M.copy()
        copy[H_LOG] = 0
        events = np.empty((2 * M[H_CLIPS] + 8, EVENT), np.int64)
        left, _ = match(copy, D.copy(), F.copy(), events, book, side, account, taker, limit, lots, NO_ONE_ELDER)
        traded = 0
        for row in range(copy[H_LOG]):
            if events[row, 0] == K_FILL:
                traded += events[row, 5]
        return left == 0 and traded == lots
    level = M[book + B_BEST + 1 - side]
    while lots > 0 and level:
        price = M[level + L_PRICE]
        if (price < limit) if side == SELL else (price > limit):
            return False
        order = M[level + L_HEAD]
        while order and lots > 0:
            if M[order + O_OWNER] & OWNER_MASK != account:
                lots -= M[order + O_LOTS]
            elif M[H_STP] != STP_OLDEST:
                return False
            order = M[order + O_NEXT]
        level = M[level + L_WORSE]
    return lots <= 0


@njit(cache=True)
def objection(M: IntArray, account: int, unit: int, side: int, price: int, lots: int, flags: int, display: int) -> int:
    """Return why a new order cannot be accepted, 0 when it can."""
    if account < 0 or account >= M[H_NACC]:
        return R_ACCOUNT
    if side != BUY and side != SELL:
        return R_SIDE
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
        if best and ((M[best + L_PRICE] >= price) if side == SELL else (M[best + L_PRICE] <= price)):
            return R_POST
    if M[H_COLLATERAL]:
        owner = account_of(M, account)
        if M[owner + A_CASH] - M[owner + A_COMMITTED] - exposure(side, price, 1) * lots < -M[owner + A_LIMIT]:
            return R_COLLATERAL
    return R_NONE


@njit(cache=True)
def place(
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, account: int, unit: int, side: int, price: int, lots: int,
    flags: int, display: int, expires: int,
) -> int:  # fmt: skip
    """Take one new order through checks, matching and resting; returns status | reason << 3."""
    order_id = M[H_NEXT_ID]
    M[H_NEXT_ID] = order_id + 1
    M[H_FILLED] = 0
    if flags & F_MARKET:
        price = M[H_MIN] if side == SELL else M[H_MAX]
    reason = objection(M, account, unit, side, price, lots, flags, display)
    if reason:
        event(M, E, K_REJECT, order_id, account, unit, price, lots, flags, reason)
        D[order_id] = I_REJECTED
        return S_REJECTED | reason << 3
    book = book_of(M, unit)
    event(M, E, K_NEW, order_id, account, unit, price, lots, flags, display | expires << 32)
    if M[book + B_PHASE] == CALL:
        rest(M, D, order_id, account, book, side, price, lots, flags, display, expires)
        return S_RESTING
    left, stopped = lots, False
    if flags & (F_FOK | F_AON):
        if fillable(M, D, F, book, side, account, order_id, price, lots):
            left, stopped = match(M, D, F, E, book, side, account, order_id, price, lots, NO_ONE_ELDER)
        elif flags & F_FOK:
            reason = R_FOK
    else:
        left, stopped = match(M, D, F, E, book, side, account, order_id, price, lots, NO_ONE_ELDER)
    return _finish(M, D, E, order_id, account, book, side, price, left, flags, display, expires, stopped, reason)


@njit(cache=True)
def _finish(
    M: IntArray, D: IntArray, E: IntArray, order_id: int, account: int, book: int, side: int, price: int, left: int,
    flags: int, display: int, expires: int, stopped: bool, reason: int,
) -> int:  # fmt: skip
    """Rest or cancel what matching left of an order."""
    n = M[H_LOG] - 1
    filled = 0
    while E[n, 0] != K_NEW:
        if E[n, 0] == K_FILL:
            filled += E[n, 5]
        n -= 1
    M[H_FILLED] = filled
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
    return S_PARTIAL if filled else S_RESTING


@njit(cache=True)
def change(M: IntArray, D: IntArray, E: IntArray, shrink: bool, account: int, order_id: int, lots: int) -> int:
    """Cancel an order or shrink it to ``lots``; ``account`` -1 asks for no ownership. Status | reason << 3."""
    M[H_FILLED] = 0
    if order_id < 1 or order_id >= M[H_NEXT_ID]:
        return S_REJECTED | R_UNKNOWN << 3
    order = D[order_id]
    if order <= 0:
        return S_REJECTED | (R_FILLED - 1 - order) << 3
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


@njit(cache=True)
def has_room(M: IntArray, D: IntArray, E: IntArray) -> bool:
    """Tell whether the arrays surely hold what one more command can write."""
    return (
        M[H_BUMP] + 64 <= M.shape[0]
        and 2 * (M[H_HCOUNT] + 16) <= M[H_MASK]
        and M[H_NEXT_ID] + 1 < D.shape[0]
        and M[H_LOG] + 2 * M[H_CLIPS] + 8 <= E.shape[0]
    )


@njit(cache=True)
def run_command(
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, action: int, account: int, unit: int, side: int, price: int,
    lots: int, flags: int, display: int, expires: int, order_id: int,
) -> int:  # fmt: skip
    """Carry out one command: action 0 new, 1 cancel, 2 shrink. Order id << 8 | reason << 3 | status, or NEED_ROOM."""
    if not has_room(M, D, E):
        return NEED_ROOM
    M[H_VERSION] += 1
    if action == 0:
        order_id = M[H_NEXT_ID]
        return order_id << 8 | place(M, D, F, E, account, unit, side, price, lots, flags, display, expires)
    return max(order_id, 0) << 8 | change(M, D, E, action == 2, account, order_id, lots)


@njit(cache=True)
def run_batch(
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, account: IntArray, unit: IntArray, side: IntArray,
    price: IntArray, lots: IntArray, action: IntArray, order_id: IntArray, out: IntArray, start: int,
) -> int:  # fmt: skip
    """Carry out rows from ``start``; out rows are order id, status | reason << 3, filled lots. Returns the next row."""
    M[H_VERSION] += 1
    for i in range(start, account.shape[0]):
        if not has_room(M, D, E):
            return i
        what = action[i]
        if what == 0:
            out[0, i] = M[H_NEXT_ID]
            out[1, i] = place(M, D, F, E, account[i], unit[i], side[i], price[i], lots[i], 0, 0, 0)
        else:
            out[0, i] = order_id[i]
            if what == 1 or what == 2:
                out[1, i] = change(M, D, E, what == 2, max(account[i], 0), order_id[i], lots[i])
            else:
                M[H_FILLED] = 0
                out[1, i] = S_REJECTED | R_ACTION << 3
        out[2, i] = M[H_FILLED]
    return account.shape[0]
