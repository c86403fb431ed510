"""The price levels of a book side: compiled primitives on the arena.

Keys count ticks from the best possible price of the side, so "better" is "smaller" on both sides and buy and sell are
one code path. The levels of 64 neighbouring keys stand in one *page*: a bitmap and the address of each, in order of the
bits that are set while there are few, and one place a key in a wide page. Pages are found in a hash table; which of
them there are, a 64-ary trie of bitmaps in the same table says. A part of the price range that holds a single level
needs neither a page nor bitmaps: the entry of the largest such part is the address of the level itself, and says so by
its flag. So the cost of every operation is bounded by the number of digits of the price range, never by the number of
levels or orders, memory grows with the levels that exist, however far apart, and what is near in price is near in
memory: the pages of a whole day of units fit into the nearest caches.
"""

from __future__ import annotations

from rexnet_grid.reservex.compiled import bits_set, half, inner, lowest_bit, set_half
from rexnet_grid.reservex.layout import (
    B_BEST,
    H_DEPTH,
    H_MAX,
    H_MIN,
    HEADER,
    L_COUNT,
    L_HEAD,
    L_LOTS,
    L_PAGE,
    L_PLACE,
    L_PRICE,
    L_TAIL,
    P_BITS,
    P_FILED,
    P_SLOTS,
    SELL,
    IntArray,
)
from rexnet_grid.reservex.records import (
    FLAG,
    entry_of,
    erase,
    file,
    free_small,
    free_wide,
    new_small,
    new_wide,
    value_of,
)

_WIDE = FLAG  # in P_FILED: one place a key
_ALONE = FLAG  # in the hash table: the value is the only level there, neither a page nor a bitmap
_FEW, _FEWER = 4, 2  # levels up to which a page is not wide, and from which on it is no longer
_DEPTH, _SIDE = 28, 32  # where the upper parts of a filed key begin


@inner
def key_of(M: IntArray, side: int, price: int) -> int:
    """Return the ticks between ``price`` and the best possible price of the side."""
    return int(price - M[H_MIN]) if side == SELL else int(M[H_MAX] - price)


@inner
def _filed(place: int, depth: int, key: int) -> int:
    """Return what is filed of the part of the range with a key: its page (depth 0), or a bitmap of the trie."""
    return place << _SIDE | depth << _DEPTH | key >> 6 * depth + 6


@inner
def page_key(book: int, side: int, key: int) -> int:
    """Return what the page of a level is filed under."""
    return _filed((book >> 2) + side, 0, key)


@inner
def book_side(M: IntArray, level: int) -> tuple[int, int]:
    """Return the book and the side of a level."""
    place = half(M, level, L_PLACE)
    return (place & ~1) << 2, place & 1


@inner
def slot_of(M: IntArray, page: int, offset: int) -> int:
    """Return which half word of a page holds the address of a level."""
    if M[page + P_FILED] & _WIDE:
        return P_SLOTS + offset
    return P_SLOTS + int(bits_set(M[page + P_BITS] & ((1 << offset) - 1)))


@inner
def worse_level(M: IntArray, level: int) -> int:
    """Return the next worse level of the same side, 0 when there is none."""
    place, page = half(M, level, L_PLACE), half(M, level, L_PAGE)
    return _next_level(M, page, place, key_of(M, place & 1, half(M, level, L_PRICE)))


@inner
def _next_level(M: IntArray, page: int, place: int, key: int) -> int:
    """Return the best level worse than ``key``, 0 when there is none; ``page`` is the L_PAGE of the key's level."""
    depth = 0
    if page < HEADER:
        depth = page
    else:
        after = M[page + P_BITS] & ~((2 << (key & 63)) - 1)
        if after:
            return int(half(M, page, slot_of(M, page, lowest_bit(after))))
    for above in range(depth + 1, M[H_DEPTH]):
        position = key >> 6 * above
        after = value_of(M, _filed(place, above, key)) & ~((2 << (position & 63)) - 1)
        if after:
            return _first_level(M, place, above - 1, position & ~63 | lowest_bit(after))
    return 0


@inner
def _first_level(M: IntArray, place: int, depth: int, position: int) -> int:
    """Return the best level of a part of the range that has any."""
    at = entry_of(M, place << _SIDE | depth << _DEPTH | position)
    while depth > 0 and M[at] & _ALONE == 0:
        position = position << 6 | lowest_bit(M[at + 1])
        depth -= 1
        at = entry_of(M, place << _SIDE | depth << _DEPTH | position)
    found = M[at + 1]
    return int(found if M[at] & _ALONE else half(M, found, slot_of(M, found, lowest_bit(M[found + P_BITS]))))


@inner
def get_level(M: IntArray, book: int, side: int, price: int) -> int:
    """Return the level of a price, made when it is not there yet."""
    key, place, depth = key_of(M, side, price), (book >> 2) + side, 0
    filed = _filed(place, 0, key)
    at = entry_of(M, filed)
    page = M[at + 1] if M[at] == filed else 0
    if page:
        if M[page + P_BITS] & 1 << (key & 63):
            return int(half(M, page, slot_of(M, page, key & 63)))
    else:
        while M[at] == 0 and depth + 1 < M[H_DEPTH]:
            depth += 1
            at = entry_of(M, _filed(place, depth, key))
        if M[at] & _ALONE and half(M, M[at + 1], L_PRICE) == price:
            return int(M[at + 1])
    level = new_small(M)
    set_half(M, level, L_HEAD, 0)
    set_half(M, level, L_TAIL, 0)
    set_half(M, level, L_COUNT, 0)
    set_half(M, level, L_PRICE, price)
    set_half(M, level, L_PLACE, place)
    M[level + L_LOTS] = 0
    if page == 0:
        page = _place_level(M, at, depth, level, place, key)
    if page:
        _enter(M, page, level, key & 63)
    best = M[book + B_BEST + side]
    if best == 0 or key < key_of(M, side, half(M, best, L_PRICE)):
        M[book + B_BEST + side] = level
    return level


@inner
def _place_level(M: IntArray, at: int, depth: int, level: int, place: int, key: int) -> int:
    """File a level for whose key there is no page yet, or return a new page that it has to enter.

    ``at`` is the entry of the smallest part of the range with the key that has one, or of the whole range.
    """
    if M[at] & _ALONE:
        other = M[at + 1]
        theirs = key_of(M, place & 1, half(M, other, L_PRICE))
        while depth > 0 and (theirs ^ key) >> 6 * depth == 0:
            file(M, at, _filed(place, depth, key), 1 << (key >> 6 * depth & 63))
            depth -= 1
            at = entry_of(M, _filed(place, depth, key))
        if depth == 0:
            page, filed = new_small(M), _filed(place, 0, key)
            M[page + P_BITS], M[page + P_FILED] = 1 << (theirs & 63), filed
            set_half(M, page, P_SLOTS, other)
            set_half(M, other, L_PAGE, page)
            file(M, at, filed, page)
            return page
        file(M, at, _filed(place, depth, key), 1 << (theirs >> 6 * depth & 63))
        _file_alone(M, other, place, depth - 1, theirs)
    if M[at]:
        M[at + 1] |= 1 << (key >> 6 * depth & 63)
        depth -= 1
    _file_alone(M, level, place, depth, key)
    return 0


@inner
def _file_alone(M: IntArray, level: int, place: int, depth: int, key: int) -> None:
    """File the only level of a part of the range."""
    filed = _filed(place, depth, key)
    file(M, entry_of(M, filed), filed | _ALONE, level)
    set_half(M, level, L_PAGE, depth)


@inner
def _enter(M: IntArray, page: int, level: int, offset: int) -> None:
    """Put a level into a page."""
    count = bits_set(M[page + P_BITS])
    if count == _FEW and M[page + P_FILED] & _WIDE == 0:
        page = _refit(M, page, new_wide(M))
    slot = slot_of(M, page, offset)
    if M[page + P_FILED] & _WIDE == 0:
        for i in range(P_SLOTS + count, slot, -1):
            set_half(M, page, i, half(M, page, i - 1))
    set_half(M, page, slot, level)
    set_half(M, level, L_PAGE, page)
    M[page + P_BITS] |= 1 << offset


@inner
def drop_level(M: IntArray, level: int) -> None:
    """Take an empty level out of its side."""
    place, page = half(M, level, L_PLACE), half(M, level, L_PAGE)
    side, book = place & 1, (place & ~1) << 2
    key = key_of(M, side, half(M, level, L_PRICE))
    if page >= HEADER:
        page = _leave(M, page, key & 63)
    if page < HEADER:
        _unfile(M, place, page, key)
    free_small(M, level)
    if M[book + B_BEST + side] == level:
        M[book + B_BEST + side] = _next_level(M, page, place, key)


@inner
def _leave(M: IntArray, page: int, offset: int) -> int:
    """Take a level out of its page; returns the page, another in its stead, or 0 when it was the last one."""
    slot, bits = slot_of(M, page, offset), M[page + P_BITS] & ~(1 << offset)
    count = bits_set(bits)
    if M[page + P_FILED] & _WIDE == 0:
        for i in range(slot, P_SLOTS + count):
            set_half(M, page, i, half(M, page, i + 1))
    M[page + P_BITS] = bits
    if count == 0:
        _free_page(M, page)
        return 0
    if count == _FEWER and M[page + P_FILED] & _WIDE:
        return _refit(M, page, new_small(M))
    return page


@inner
def _unfile(M: IntArray, place: int, depth: int, key: int) -> None:
    """Erase the entry of a part of the range without levels, and of every larger part that has no others."""
    erase(M, entry_of(M, _filed(place, depth, key)))
    for above in range(depth + 1, M[H_DEPTH]):
        at = entry_of(M, _filed(place, above, key))
        left = M[at + 1] & ~(1 << (key >> 6 * above & 63))
        if left:
            M[at + 1] = left
            break
        erase(M, at)


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
