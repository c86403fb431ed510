"""The price levels of a book side: compiled primitives on the arena.

Keys count ticks from the best possible price of the side, so "better" is "smaller" on both sides and buy and sell are
one code path. The levels of 64 neighbouring keys stand in one *page*: a bitmap and the address of each, in order of the
bits that are set while there are few, and one place a key in a wide page. Pages are found in a hash table; which of
them there are, a 64-ary trie of bitmaps in the same table says. So the cost of every operation is bounded by the number
of digits of the price range, never by the number of levels or orders, memory grows with the levels that exist, and
what is near in price is near in memory: the pages of a whole day of units fit into the nearest caches.
"""

from __future__ import annotations

from rexnet_grid.reservex.compiled import bits_set, half, inner, lowest_bit, set_half
from rexnet_grid.reservex.layout import (
    B_BEST,
    H_DEPTH,
    H_MAX,
    H_MIN,
    L_COUNT,
    L_HEAD,
    L_LOTS,
    L_PAGE,
    L_PRICE,
    L_TAIL,
    P_BITS,
    P_FILED,
    P_SLOTS,
    SELL,
    IntArray,
)
from rexnet_grid.reservex.records import (
    entry_of,
    erase,
    file,
    free_small,
    free_wide,
    new_small,
    new_wide,
    value_of,
)

_LOW = 0xFFFFFFFF
_WIDE = 1 << 32  # flag in P_FILED: one place a key
_FEW, _FEWER = 4, 2  # levels up to which a page is not wide, and from which on it is no longer


@inner
def _prefix(book: int, side: int, depth: int) -> int:
    """Return the upper half of the key of a page (depth 0) or of a bitmap of the trie."""
    return ((((book >> 3) * 2 + side) << 4) | depth) << 32


@inner
def key_of(M: IntArray, side: int, price: int) -> int:
    """Return the ticks between ``price`` and the best possible price of the side."""
    return int(price - M[H_MIN]) if side == SELL else int(M[H_MAX] - price)


@inner
def page_key(book: int, side: int, key: int) -> int:
    """Return what the page of a level is filed under."""
    return _prefix(book, side, 0) | key >> 6


@inner
def book_side(M: IntArray, level: int) -> tuple[int, int]:
    """Return the book and the side of a level."""
    place = M[half(M, level, L_PAGE) + P_FILED] >> 36
    return (place >> 1) << 3, place & 1


@inner
def slot_of(M: IntArray, page: int, offset: int) -> int:
    """Return which half word of a page holds the address of a level."""
    if M[page + P_FILED] & _WIDE:
        return P_SLOTS + offset
    return P_SLOTS + int(bits_set(M[page + P_BITS] & ((1 << offset) - 1)))


@inner
def worse_level(M: IntArray, level: int) -> int:
    """Return the next worse level of the same side, 0 when there is none."""
    book, side = book_side(M, level)
    return next_level(M, half(M, level, L_PAGE), book, side, key_of(M, side, half(M, level, L_PRICE)))


@inner
def next_level(M: IntArray, page: int, book: int, side: int, key: int) -> int:
    """Return the best level worse than ``key``, 0 when there is none; ``page`` is the key's, 0 when it is gone."""
    if page:
        after = M[page + P_BITS] & ~((2 << (key & 63)) - 1)
        if after:
            return int(half(M, page, slot_of(M, page, lowest_bit(after))))
    position = key >> 6
    for depth in range(1, M[H_DEPTH]):
        after = value_of(M, _prefix(book, side, depth) | position >> 6) & ~((2 << (position & 63)) - 1)
        if after:
            return _first_level(M, book, side, depth, (position >> 6) << 6 | lowest_bit(after))
        position >>= 6
    return 0


@inner
def _first_level(M: IntArray, book: int, side: int, depth: int, position: int) -> int:
    """Return the best level under a marked position of the trie."""
    for below in range(depth - 1, 0, -1):
        position = position << 6 | lowest_bit(value_of(M, _prefix(book, side, below) | position))
    page = value_of(M, _prefix(book, side, 0) | position)
    return int(half(M, page, slot_of(M, page, lowest_bit(M[page + P_BITS]))))


@inner
def get_level(M: IntArray, book: int, side: int, price: int) -> int:
    """Return the level of a price, made when it is not there yet."""
    key = key_of(M, side, price)
    filed, offset = page_key(book, side, key), key & 63
    at = entry_of(M, filed)
    page = M[at + 1]
    if page == 0:
        page = _new_page(M, at, filed)
    elif M[page + P_BITS] & 1 << offset:
        return int(half(M, page, slot_of(M, page, offset)))
    count = bits_set(M[page + P_BITS])
    if count == _FEW and M[page + P_FILED] & _WIDE == 0:
        page = _refit(M, page, new_wide(M))
    level = new_small(M)
    slot = slot_of(M, page, offset)
    if M[page + P_FILED] & _WIDE == 0:
        for i in range(P_SLOTS + count, slot, -1):
            set_half(M, page, i, half(M, page, i - 1))
    set_half(M, page, slot, level)
    M[page + P_BITS] |= 1 << offset
    set_half(M, level, L_HEAD, 0)
    set_half(M, level, L_TAIL, 0)
    set_half(M, level, L_COUNT, 0)
    set_half(M, level, L_PRICE, price)
    set_half(M, level, L_PAGE, page)
    M[level + L_LOTS] = 0
    best = M[book + B_BEST + side]
    if best == 0 or key < key_of(M, side, half(M, best, L_PRICE)):
        M[book + B_BEST + side] = level
    return level


@inner
def drop_level(M: IntArray, level: int) -> None:
    """Take an empty level out of its side."""
    book, side = book_side(M, level)
    page, key = half(M, level, L_PAGE), key_of(M, side, half(M, level, L_PRICE))
    slot, bits = slot_of(M, page, key & 63), M[page + P_BITS] & ~(1 << (key & 63))
    count = bits_set(bits)
    if M[page + P_FILED] & _WIDE == 0:
        for i in range(slot, P_SLOTS + count):
            set_half(M, page, i, half(M, page, i + 1))
    M[page + P_BITS] = bits
    free_small(M, level)
    if count == 0:
        _drop_page(M, page, book, side)
        page = 0
    elif count == _FEWER and M[page + P_FILED] & _WIDE:
        page = _refit(M, page, new_small(M))
    if M[book + B_BEST + side] == level:
        M[book + B_BEST + side] = next_level(M, page, book, side, key)


@inner
def _new_page(M: IntArray, at: int, filed: int) -> int:
    """Make a page without levels, file it in its entry, and mark it in the trie."""
    page = new_small(M)
    M[page + P_BITS], M[page + P_FILED] = 0, filed
    file(M, at, filed, page)
    position = filed & _LOW
    for depth in range(1, M[H_DEPTH]):
        above = (filed & ~_LOW) | depth << 32 | position >> 6
        at = entry_of(M, above)
        before = M[at + 1]
        file(M, at, above, before | 1 << (position & 63))
        if before:
            break
        position >>= 6
    return page


@inner
def _drop_page(M: IntArray, page: int, book: int, side: int) -> None:
    """Take a page without levels out of everything."""
    position = M[page + P_FILED] & _LOW
    erase(M, entry_of(M, _prefix(book, side, 0) | position))
    for depth in range(1, M[H_DEPTH]):
        at = entry_of(M, _prefix(book, side, depth) | position >> 6)
        left = M[at + 1] & ~(1 << (position & 63))
        if left:
            M[at + 1] = left
            break
        erase(M, at)
        position >>= 6
    _free_page(M, page)


@inner
def _free_page(M: IntArray, page: int) -> None:
    if M[page + P_FILED] & _WIDE:
        free_wide(M, page)
    else:
        free_small(M, page)


@inner
def _refit(M: IntArray, page: int, fresh: int) -> int:
    """Move the levels of a page into a fresh one of the other width, and file it instead; returns it."""
    M[fresh + P_BITS], M[fresh + P_FILED] = M[page + P_BITS], M[page + P_FILED] ^ _WIDE
    left = M[page + P_BITS]
    while left:
        offset = lowest_bit(left)
        level = half(M, page, slot_of(M, page, offset))
        set_half(M, fresh, slot_of(M, fresh, offset), level)
        set_half(M, level, L_PAGE, fresh)
        left &= left - 1
    M[entry_of(M, M[page + P_FILED] & ~_WIDE) + 1] = fresh
    _free_page(M, page)
    return fresh
