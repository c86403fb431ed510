"""Records, the hash table, and the price levels of a book side: compiled primitives on the arena.

A side is a doubly linked list of price levels from best to worst. Where a new level belongs is found in a 64-ary trie
of bitmaps whose words live in one hash table: the cost of every operation is bounded by the number of digits of the
price range, never by the number of levels or orders, and memory grows with the levels that exist. Keys count ticks from
the best possible price of the side, so "better" is "smaller" on both sides and buy and sell are one code path.
"""

from __future__ import annotations

from numba import njit

from rexnet_grid.reservex.compiled import highest_bit, inner, words
from rexnet_grid.reservex.layout import (
    B_BEST,
    H_BUMP,
    H_DEPTH,
    H_FREE,
    H_HASH,
    H_HCOUNT,
    H_MASK,
    H_MAX,
    H_MIN,
    L_BETTER,
    L_COUNT,
    L_HEAD,
    L_LOTS,
    L_PRICE,
    L_SIDE,
    L_TAIL,
    L_WORSE,
    RECORD,
    SELL,
    IntArray,
)

_LEVEL = 15  # the "depth" under which the level records themselves are filed
_LOW = 0xFFFFFFFF
_MIX_KEY, _MIX_PREFIX = -7046029254386353131, -4417276706812531889  # odd, their bits well mixed


@inner
def new_record(M: IntArray) -> int:
    """Return the address of a record of eight words, its content undefined."""
    address = M[H_FREE]
    if address:
        M[H_FREE] = M[address]
        return int(address)
    address = M[H_BUMP]
    M[H_BUMP] = address + RECORD
    return int(address)


@inner
def free_record(M: IntArray, address: int) -> None:
    """Give a record back."""
    M[address] = M[H_FREE]
    M[H_FREE] = address


@inner
def _home(key: int, mask: int) -> int:
    """Return where a key would like to lie: its two halves, position and prefix, multiplied apart."""
    return (((key & _LOW) * _MIX_KEY + (key >> 32) * _MIX_PREFIX) >> 32) & mask


@inner
def _slot(M: IntArray, key: int) -> int:
    """Return the address of the entry of ``key``, or of the empty entry where it belongs."""
    table, mask = M[H_HASH], M[H_MASK]
    i = _home(key, mask)
    while M[table + 2 * i] != key and M[table + 2 * i] != 0:
        i = (i + 1) & mask
    return int(table + 2 * i)


@inner
def hash_get(M: IntArray, key: int) -> int:
    """Return the value filed under ``key``, 0 when there is none."""
    at = _slot(M, key)
    return int(M[at + 1]) if M[at] == key else 0


@inner
def _file(M: IntArray, at: int, key: int, value: int) -> None:
    """File a value other than 0 in the entry where its key belongs."""
    if M[at] == 0:
        M[at] = key
        M[H_HCOUNT] += 1
    M[at + 1] = value


@inner
def _erase(M: IntArray, at: int) -> None:
    """Empty an entry (backward-shift deletion, no tombstones)."""
    M[H_HCOUNT] -= 1
    table, mask = M[H_HASH], M[H_MASK]
    hole = (at - table) >> 1
    i = hole
    while True:
        i = (i + 1) & mask
        key = M[table + 2 * i]
        if key == 0:
            break
        home = _home(key, mask)
        if ((i - home) & mask) >= ((i - hole) & mask):
            M[table + 2 * hole] = key
            M[table + 2 * hole + 1] = M[table + 2 * i + 1]
            hole = i
    M[table + 2 * hole] = 0
    M[table + 2 * hole + 1] = 0


@njit(cache=True)
def rehash(M: IntArray, entries: IntArray) -> None:
    """File (key, value) rows in an empty table."""
    memory = words(M)
    for i in range(entries.shape[0]):
        if entries[i, 0] != 0:
            _file(memory, _slot(memory, entries[i, 0]), entries[i, 0], entries[i, 1])


@inner
def _prefix(book: int, side: int, depth: int) -> int:
    return ((((book >> 3) * 2 + side) << 4) | depth) << 32


@inner
def key_of(M: IntArray, side: int, price: int) -> int:
    """Return the ticks between ``price`` and the best possible price of the side."""
    return int(price - M[H_MIN]) if side == SELL else int(M[H_MAX] - price)


@inner
def likely_entry(M: IntArray, book: int, side: int, price: int) -> int:
    """Return where the level of a price is filed unless another key got there first."""
    return int(M[H_HASH] + 2 * _home(_prefix(book, side, _LEVEL) | key_of(M, side, price), M[H_MASK]))


@inner
def _mark(M: IntArray, book: int, side: int, key: int, best: bool) -> int:
    """Mark a level in the trie; returns the key of the nearest better level, -1 for the best."""
    position, marking = key, True
    for depth in range(M[H_DEPTH]):
        filed = _prefix(book, side, depth) | (position >> 6)
        at = _slot(M, filed)
        word = M[at + 1]
        if marking:
            _file(M, at, filed, word | (1 << (position & 63)))
            marking = word == 0
        before = word & ((1 << (position & 63)) - 1)
        if before:
            return _last_below(M, book, side, depth, (position >> 6) << 6 | highest_bit(before))
        if best and not marking:
            break
        position >>= 6
    return -1


@inner
def _last_below(M: IntArray, book: int, side: int, depth: int, position: int) -> int:
    """Return the largest key under a marked position of the trie."""
    for below in range(depth - 1, -1, -1):
        position = position << 6 | highest_bit(hash_get(M, _prefix(book, side, below) | position))
    return position


@inner
def get_level(M: IntArray, book: int, side: int, price: int) -> int:
    """Return the level of a price, made when it is not there yet."""
    key = key_of(M, side, price)
    filed = _prefix(book, side, _LEVEL)
    at = _slot(M, filed | key)
    if M[at] != 0:
        return int(M[at + 1])
    level = new_record(M)
    _file(M, at, filed | key, level)
    best = M[book + B_BEST + side]
    nearest = _mark(M, book, side, key, best == 0 or key < key_of(M, side, M[best + L_PRICE]))
    better = hash_get(M, filed | nearest) if nearest >= 0 else 0
    worse = M[better + L_WORSE] if better else best
    M[level + L_HEAD] = M[level + L_TAIL] = M[level + L_LOTS] = M[level + L_COUNT] = 0
    M[level + L_PRICE] = price
    M[level + L_SIDE] = 2 * book + side
    M[level + L_BETTER] = better
    M[level + L_WORSE] = worse
    if better:
        M[better + L_WORSE] = level
    else:
        M[book + B_BEST + side] = level
    if worse:
        M[worse + L_BETTER] = level
    return level


@inner
def drop_level(M: IntArray, level: int) -> None:
    """Take an empty level out of its side."""
    book, side = M[level + L_SIDE] >> 1, M[level + L_SIDE] & 1
    better, worse = M[level + L_BETTER], M[level + L_WORSE]
    if better:
        M[better + L_WORSE] = worse
    else:
        M[book + B_BEST + side] = worse
    if worse:
        M[worse + L_BETTER] = better
    key = key_of(M, side, M[level + L_PRICE])
    _erase(M, _slot(M, _prefix(book, side, _LEVEL) | key))
    position = key
    for depth in range(M[H_DEPTH]):
        at = _slot(M, _prefix(book, side, depth) | (position >> 6))
        word = M[at + 1] & ~(1 << (position & 63))
        if word:
            M[at + 1] = word
            break
        _erase(M, at)
        position >>= 6
    free_record(M, level)
