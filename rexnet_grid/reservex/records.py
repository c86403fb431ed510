"""Records and the hash table in the memory of an exchange: compiled primitives that know nothing of what they hold."""

from __future__ import annotations

from numba import njit

from rexnet_grid.reservex.compiled import inner, words
from rexnet_grid.reservex.layout import (
    H_BUMP,
    H_FREE,
    H_FREE_SMALL,
    H_FREE_WIDE,
    H_HASH,
    H_HCOUNT,
    H_MASK,
    H_SHIFT,
    RECORD,
    WIDE,
    IntArray,
)

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
def new_small(M: IntArray) -> int:
    """Return the address of a record of four words, its content undefined; two are one record of eight."""
    address = M[H_FREE_SMALL]
    if address:
        M[H_FREE_SMALL] = M[address]
        return int(address)
    address = new_record(M)
    free_small(M, address + RECORD // 2)
    return address


@inner
def free_small(M: IntArray, address: int) -> None:
    """Give a record of four words back."""
    M[address] = M[H_FREE_SMALL]
    M[H_FREE_SMALL] = address


@inner
def new_wide(M: IntArray) -> int:
    """Return the address of a record of five times eight words, its content undefined."""
    address = M[H_FREE_WIDE]
    if address:
        M[H_FREE_WIDE] = M[address]
        return int(address)
    address = M[H_BUMP]
    M[H_BUMP] = address + WIDE
    return int(address)


@inner
def free_wide(M: IntArray, address: int) -> None:
    """Give a record of five times eight words back."""
    M[address] = M[H_FREE_WIDE]
    M[H_FREE_WIDE] = address


@inner
def _home(M: IntArray, key: int) -> int:
    """Return where a key would like to lie: its two halves, position and prefix, multiplied apart, the upper bits."""
    return int(((key & _LOW) * _MIX_KEY + (key >> 32) * _MIX_PREFIX) >> M[H_SHIFT] & M[H_MASK])


@inner
def likely_entry(M: IntArray, key: int) -> int:
    """Return where a key is filed unless another got there first."""
    return int(M[H_HASH] + 2 * _home(M, key))


@inner
def entry_of(M: IntArray, key: int) -> int:
    """Return the address of the entry of ``key`` (key, value), or of the empty entry where it belongs."""
    table, mask = M[H_HASH], M[H_MASK]
    i = _home(M, key)
    while M[table + 2 * i] != key and M[table + 2 * i] != 0:
        i = (i + 1) & mask
    return int(table + 2 * i)


@inner
def value_of(M: IntArray, key: int) -> int:
    """Return the value filed under ``key``, 0 when there is none: what belongs to an empty entry is 0."""
    return int(M[entry_of(M, key) + 1])


@inner
def file(M: IntArray, at: int, key: int, value: int) -> None:
    """File a value other than 0 in the entry where its key belongs."""
    if M[at] == 0:
        M[at] = key
        M[H_HCOUNT] += 1
    M[at + 1] = value


@inner
def erase(M: IntArray, at: int) -> None:
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
        home = _home(M, key)
        if ((i - home) & mask) >= ((i - hole) & mask):
            M[table + 2 * hole] = key
            M[table + 2 * hole + 1] = M[table + 2 * i + 1]
            hole = i
    M[table + 2 * hole] = 0
    M[table + 2 * hole + 1] = 0


@njit(cache=True)
def rehash(M: IntArray, old: int, size: int) -> None:
    """File the entries of an old table of ``size`` entries in the new and empty one; its memory becomes records."""
    memory = words(M)
    for i in range(old, old + 2 * size, 2):
        key, value = memory[i], memory[i + 1]
        if key != 0:
            file(memory, entry_of(memory, key), key, value)
    for at in range(old, old + 2 * size, RECORD):
        free_record(memory, at)
