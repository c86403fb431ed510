"""The compiled call auction: one price for all, then pairs."""

from __future__ import annotations

import numpy as np

from rexnet_grid.reservex.capacity import block_of, new_pass
from rexnet_grid.reservex.compiled import half, inner, inner_with_arrays
from rexnet_grid.reservex.layout import (
    A_HEAD,
    B_BEST,
    B_REFERENCE,
    B_UNIT,
    BUY,
    CALL,
    F_AON,
    F_MARKET,
    H_NACC,
    H_PRORATA,
    H_STP,
    I_CANCELLED,
    L_HEAD,
    L_PRICE,
    MAX_ABS_PRICE,
    NO_PRICE,
    O_ANEXT,
    O_EXTRA,
    O_LEVEL,
    O_NEXT,
    O_OWNER,
    OWNER_BITS,
    OWNER_MASK,
    R_SELF,
    SELL,
    STP_BOTH,
    STP_DECREMENT,
    STP_OLDEST,
    X_FLAGS,
    FloatArray,
    IntArray,
)
from rexnet_grid.reservex.levels import book_side, worse_level
from rexnet_grid.reservex.matching import fitting_lots, record_trade, remove, take_pair
from rexnet_grid.reservex.orders import account_of, take, total_lots


@inner
def _takes_part(M: IntArray, order: int) -> bool:
    extra = M[order + O_EXTRA]
    return bool(extra == 0 or (M[extra + X_FLAGS] & F_AON) == 0)


@inner
def _best_own(M: IntArray, book: int, side: int, account: int) -> int:
    """Return the account's best order on a side of a book (the eldest of equals), 0 when it has none."""
    best = 0
    order = M[account_of(M, account) + A_HEAD]
    while order:
        level = M[order + O_LEVEL]
        if book_side(M, level) == (book, side) and _takes_part(M, order):
            price = half(M, level, L_PRICE)
            if best == 0:
                best = order
            else:
                known = half(M, M[best + O_LEVEL], L_PRICE)
                better = price < known if side == SELL else price > known
                if better or (price == known and M[order + O_OWNER] < M[best + O_OWNER]):
                    best = order
        order = M[order + O_ANEXT]
    return best


@inner_with_arrays
def _end_self_crosses(M: IntArray, D: IntArray, E: IntArray, book: int) -> None:
    """Apply the self-trade policy to accounts whose own buy and sell orders cross, before the price is found."""
    low = np.empty(M[H_NACC], np.int64)
    for who in range(M[H_NACC]):
        low[who] = 1 << 62
    asks, bids = _list_side(M, book, SELL), _list_side(M, book, BUY)
    for i in range(asks.shape[1]):
        who = M[asks[0, i] + O_OWNER] & OWNER_MASK
        low[who] = min(low[who], asks[1, i])
    for i in range(bids.shape[1]):
        who = M[bids[0, i] + O_OWNER] & OWNER_MASK
        if low[who] <= bids[1, i]:
            low[who] = -(1 << 62)
    for who in range(M[H_NACC]):
        while low[who] == -(1 << 62):
            bid, ask = _best_own(M, book, BUY, who), _best_own(M, book, SELL, who)
            if not bid or not ask or half(M, M[bid + O_LEVEL], L_PRICE) < half(M, M[ask + O_LEVEL], L_PRICE):
                break
            _end_one(M, D, E, bid, ask)


@inner
def _end_one(M: IntArray, D: IntArray, E: IntArray, bid: int, ask: int) -> None:
    newest = bid if M[bid + O_OWNER] > M[ask + O_OWNER] else ask
    oldest = ask if newest == bid else bid
    policy = M[H_STP]
    if policy == STP_DECREMENT:
        both = min(total_lots(M, bid), total_lots(M, ask))
        remove(M, D, E, oldest, both, R_SELF, I_CANCELLED)
        remove(M, D, E, newest, both, R_SELF, I_CANCELLED)
        return
    if policy in (STP_OLDEST, STP_BOTH):
        remove(M, D, E, oldest, total_lots(M, oldest), R_SELF, I_CANCELLED)
    if policy != STP_OLDEST:
        remove(M, D, E, newest, total_lots(M, newest), R_SELF, I_CANCELLED)


@inner_with_arrays
def _list_side(M: IntArray, book: int, side: int) -> IntArray:
    """Return (address, price, lots) of the orders of a side that take part, in price-time order."""
    n, found = 0, np.empty((3, 0), np.int64)
    for fill in range(2):
        if fill == 1:
            found = np.empty((3, n), np.int64)
        n = 0
        level = M[book + B_BEST + side]
        while level:
            order = half(M, level, L_HEAD)
            while order:
                if _takes_part(M, order):
                    if fill == 1:
                        found[0, n] = order
                        found[1, n] = half(M, level, L_PRICE)
                        found[2, n] = total_lots(M, order)
                    n += 1
                order = M[order + O_NEXT]
            level = worse_level(M, level)
    return found


@inner
def _most_volume(bids: IntArray, asks: IntArray) -> int:
    """Return the largest volume at any one price: best bids against best asks while they cross."""
    volume, i, j, bought, sold = 0, 0, 0, 0, 0
    while i < bids.shape[1] and j < asks.shape[1] and bids[1, i] >= asks[1, j]:
        part = min(bids[2, i] - bought, asks[2, j] - sold)
        volume += part
        bought += part
        sold += part
        if bought == bids[2, i]:
            i, bought = i + 1, 0
        if sold == asks[2, j]:
            j, sold = j + 1, 0
    return volume


@inner
def _surplus(bids: IntArray, asks: IntArray, price: int) -> int:
    """Return demand minus supply at a price."""
    balance = 0
    for i in range(bids.shape[1]):
        if bids[1, i] < price:
            break
        balance += bids[2, i]
    for j in range(asks.shape[1]):
        if asks[1, j] > price:
            break
        balance -= asks[2, j]
    return balance


@inner
def _first_at_least(orders: IntArray, lots: int) -> int:
    """Return the price at which the cumulated orders reach ``lots``."""
    total = 0
    for i in range(orders.shape[1]):
        total += orders[2, i]
        if total >= lots:
            return int(orders[1, i])
    return 0


@inner
def _clearing_prices(bids: IntArray, asks: IntArray, lots: int) -> tuple[int, int]:
    """Return the first and the last price with the most volume, ``lots``, and among these the least surplus.

    Demand minus supply falls with the price, so these prices are one interval; its ends are where a step of demand or
    supply passes zero.
    """
    low, high = _first_at_least(asks, lots), _first_at_least(bids, lots)
    least = min(abs(_surplus(bids, asks, low)), abs(_surplus(bids, asks, high)))
    left, right = low, high
    while left < right:  # the first price at which demand no longer exceeds supply
        middle = (left + right) >> 1
        if _surplus(bids, asks, middle) > 0:
            left = middle + 1
        else:
            right = middle
    for price in (left - 1, left):
        if low <= price <= high:
            least = min(least, abs(_surplus(bids, asks, price)))
    first = _bisect(bids, asks, low, high, least)
    last = _bisect(bids, asks, low, high, -least - 1) - 1
    return first, last


@inner
def _middle(M: IntArray, bids: IntArray, asks: IntArray, first: int, last: int) -> int:
    """Return the middle of two prices, both brought between the limits of the orders that have one."""
    low, high = MAX_ABS_PRICE + 1, -MAX_ABS_PRICE - 1
    for side in (bids, asks):
        for i in range(side.shape[1]):
            extra = M[side[0, i] + O_EXTRA]
            if extra == 0 or M[extra + X_FLAGS] & F_MARKET == 0:
                low, high = min(low, side[1, i]), max(high, side[1, i])
    if low > high:
        return (first + last) >> 1
    return (min(max(first, low), high) + min(max(last, low), high)) >> 1


@inner
def _bisect(bids: IntArray, asks: IntArray, low: int, high: int, surplus: int) -> int:
    """Return the lowest price in [low, high + 1] at which demand minus supply is at most ``surplus``."""
    left, right = low, high + 1
    while left < right:
        middle = (left + right) >> 1
        if _surplus(bids, asks, middle) > surplus:
            left = middle + 1
        else:
            right = middle
    return left


@inner
def _ration(orders: IntArray, lots: int, pro_rata: bool) -> None:
    """Cut the listed lots down to the volume: price, then time; the last price shared pro rata when asked.

    Pro rata gives every order the floor of its share and the remaining lots one each in order of time.
    """
    i, n = 0, orders.shape[1]
    while i < n:
        j, group = i, 0
        while j < n and orders[1, j] == orders[1, i]:
            group += orders[2, j]
            j += 1
        if pro_rata and group > lots:
            given = 0
            for k in range(i, j):
                orders[2, k] = orders[2, k] * lots // group
                given += orders[2, k]
            for k in range(i, j):
                if given < lots:
                    orders[2, k] += 1
                    given += 1
            lots = 0
        else:
            for k in range(i, j):
                orders[2, k] = min(orders[2, k], lots)
                lots -= orders[2, k]
        i = j


@inner
def _keep_eligible(bids: IntArray, asks: IntArray, price: int) -> None:
    """Drop the lots of orders that the price does not suit; the network decides how much of the others trades."""
    for i in range(bids.shape[1]):
        if bids[1, i] < price:
            bids[2, i] = 0
    for j in range(asks.shape[1]):
        if asks[1, j] > price:
            asks[2, j] = 0


@inner
def _pair(
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, book: int, bids: IntArray, asks: IntArray, price: int,
    as_bid: bool,
) -> int:  # fmt: skip
    """Trade buyers in their order with sellers in theirs as far as the network admits; returns the lots traded.

    All pay ``price``, or, as bid, each pair the price of its elder order.
    """
    block, traded, first = block_of(F, M[book + B_UNIT]), 0, 0
    for i in range(bids.shape[1]):
        if block:
            new_pass(F)
        j = first
        while bids[2, i] > 0 and j < asks.shape[1]:
            part = min(bids[2, i], asks[2, j])
            if part > 0:
                buyer, seller = M[bids[0, i] + O_OWNER], M[asks[0, j] + O_OWNER]
                if block:
                    gap = bids[1, i] - asks[1, j]
                    part = fitting_lots(M, F, block, BUY, buyer & OWNER_MASK, seller & OWNER_MASK, part, gap)
                if part > 0:
                    if block:
                        take_pair(M, F, block, BUY, buyer & OWNER_MASK, seller & OWNER_MASK, part)
                        new_pass(F)  # a trade can relieve a limit
                    paid = price
                    if as_bid:
                        paid = bids[1, i] if buyer >> OWNER_BITS < seller >> OWNER_BITS else asks[1, j]
                    record_trade(
                        M, E, book, paid, part, buyer >> OWNER_BITS, buyer & OWNER_MASK, seller >> OWNER_BITS,
                        seller & OWNER_MASK, BUY, CALL,
                    )  # fmt: skip
                    bids[2, i] -= part
                    asks[2, j] -= part
                    take(M, D, bids[0, i], part)
                    take(M, D, asks[0, j], part)
                    traded += part
            if j == first and asks[2, j] == 0:
                first += 1
            j += 1
    return traded


@inner_with_arrays
def uncross_book(
    M: IntArray, D: IntArray, F: FloatArray, E: IntArray, book: int, as_bid: bool
) -> tuple[int, int, int]:  # fmt: skip
    """End the call phase of a book; returns (price or NO_PRICE, lots traded, demand minus supply at the price)."""
    _end_self_crosses(M, D, E, book)
    bids, asks = _list_side(M, book, BUY), _list_side(M, book, SELL)
    lots = _most_volume(bids, asks)
    if lots == 0:
        return NO_PRICE, 0, 0
    first, last = _clearing_prices(bids, asks, lots)
    price = M[book + B_REFERENCE]
    if price == NO_PRICE:
        price = _middle(M, bids, asks, first, last)
    price = min(max(price, first), last)
    surplus = _surplus(bids, asks, price)
    if block_of(F, M[book + B_UNIT]):
        _keep_eligible(bids, asks, price)
    else:
        _ration(bids, lots, M[H_PRORATA] == 1)
        _ration(asks, lots, M[H_PRORATA] == 1)
    return price, _pair(M, D, F, E, book, bids, asks, price, as_bid), surplus
