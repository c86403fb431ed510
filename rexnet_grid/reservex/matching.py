"""The compiled matcher: one command or a batch of them, strictly in order, fills out."""

from __future__ import annotations

import numpy as np

from rexnet_grid.reservex.capacity import (
    block_of,
    capacity,
    fits_easily,
    is_blocked,
    new_pass,
    note_binding,
    set_blocked,
    take_capacity,
)
from rexnet_grid.reservex.compiled import half, inner, inner_with_arrays, prefetch, words
from rexnet_grid.reservex.layout import (
    A_CASH,
    A_NODE,
    B_AON,
    B_BEST,
    B_FIRST,
    B_HIGH,
    B_LAST,
    B_LOW,
    B_POS,
    B_TURNOVER,
    B_UNIT,
    B_VOLUME,
    CONTINUOUS,
    EVENT,
    F_AON,
    H_BUMP,
    H_CLIPS,
    H_FILLED,
    H_LOG,
    H_NEXT_ID,
    H_STP,
    I_CANCELLED,
    K_FILL,
    K_REMOVE,
    L_HEAD,
    L_PRICE,
    O_ANEXT,
    O_APREV,
    O_EXTRA,
    O_LEVEL,
    O_LOTS,
    O_NEXT,
    O_OWNER,
    OWNER_BITS,
    OWNER_MASK,
    R_SELF,
    ROOM,
    SELL,
    STP_BOTH,
    STP_DECREMENT,
    STP_NEWEST,
    STP_OLDEST,
    X_FLAGS,
    FloatArray,
    IntArray,
)
from rexnet_grid.reservex.levels import book_side, worse_level
from rexnet_grid.reservex.orders import account_of, cut, event, take, total_lots


@inner
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


@inner
def fitting_lots(
    M: IntArray, F: FloatArray, block: int, side: int, account: int, maker_account: int, lots: int, gap: int
) -> int:  # fmt: skip
    """Return how many of ``lots`` the network admits between taker and maker, and note what stopped the others."""
    node = M[account_of(M, account) + A_NODE]
    other = M[account_of(M, maker_account) + A_NODE]
    if is_blocked(F, other):
        return 0
    source, sink = (node, other) if side == SELL else (other, node)
    if source == sink or fits_easily(F, block, source, sink, lots):
        return lots
    fits = capacity(F, block, source, sink)
    if fits < lots:
        note_binding(F, block, lots - fits, gap)
    if fits == 0:
        set_blocked(F, other)
    return min(lots, fits)


@inner
def take_pair(M: IntArray, F: FloatArray, block: int, side: int, account: int, maker_account: int, lots: int) -> None:
    """Take the network's capacity for one trade."""
    node = M[account_of(M, account) + A_NODE]
    other = M[account_of(M, maker_account) + A_NODE]
    if side == SELL:
        take_capacity(F, block, node, other, lots)
    else:
        take_capacity(F, block, other, node, lots)


@inner
def remove(M: IntArray, D: IntArray, E: IntArray, order: int, lots: int, reason: int, gone: int) -> None:
    """Take untraded lots out of a resting order and log why."""
    level, owner = M[order + O_LEVEL], M[order + O_OWNER]
    unit = M[book_side(M, level)[0] + B_UNIT]
    event(M, E, K_REMOVE, owner >> OWNER_BITS, owner & OWNER_MASK, unit, half(M, level, L_PRICE), lots, 0, reason)
    cut(M, D, order, lots, gone)


@inner
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


@inner
def match(  # noqa: C901 - one loop in price-time order, on purpose in one piece
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, book: int, side: int, account: int, taker: int, limit: int,
    lots: int,
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
        price = half(M, level, L_PRICE)
        gap = price - limit if side == SELL else limit - price
        if gap < 0:
            break
        worse, again = worse_level(M, level), False
        prefetch(M, worse)
        order = half(M, level, L_HEAD)
        while order and lots > 0:
            following = M[order + O_NEXT]
            prefetch(M, following)
            prefetch(M, M[order + O_ANEXT])
            prefetch(M, M[order + O_APREV])
            maker = M[order + O_OWNER] >> OWNER_BITS
            maker_account = M[order + O_OWNER] & OWNER_MASK
            extra = M[order + O_EXTRA]
            whole = extra != 0 and (M[extra + X_FLAGS] & F_AON) != 0
            if whole and M[order + O_LOTS] > lots:
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
            M[H_FILLED] += part
            take(M, D, order, part)
            lots -= part
            prefetch(M, half(M, worse, L_HEAD))
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


@inner_with_arrays
def fillable(
    M: IntArray, D: IntArray, F: FloatArray, book: int, side: int, account: int, taker: int, limit: int, lots: int
) -> bool:
    """Tell whether an order could trade completely at once; nothing changes.

    Plain books are summed; where all-or-none or iceberg orders, admission or decrementing make the answer depend on the
    order of events, a copy of the state is traded on.
    """
    if M[book + B_AON] > 0 or block_of(words(F), M[book + B_UNIT]) or M[H_STP] == STP_DECREMENT:
        copy, ids, table = M[: M[H_BUMP] + ROOM].copy(), D[: M[H_NEXT_ID] + 1].copy(), F.copy()
        copy[H_LOG] = copy[H_FILLED] = 0
        events = np.empty(EVENT * (2 * M[H_CLIPS] + 8), np.int64)
        match(words(copy), words(ids), words(table), words(events), book, side, account, taker, limit, lots)
        # an address keeps no array alive: the copies have to be asked for something once the trades are done
        return bool(copy[H_FILLED] == lots and ids.size + table.size + events.size > 0)
    memory = words(M)
    level = M[book + B_BEST + 1 - side]
    while lots > 0 and level:
        price = half(memory, level, L_PRICE)
        if (price < limit) if side == SELL else (price > limit):
            return False
        order = half(memory, level, L_HEAD)
        while order and lots > 0:
            if M[order + O_OWNER] & OWNER_MASK != account:
                lots -= M[order + O_LOTS]
            elif M[H_STP] != STP_OLDEST:
                return False
            order = M[order + O_NEXT]
        level = worse_level(memory, level)
    return lots <= 0
