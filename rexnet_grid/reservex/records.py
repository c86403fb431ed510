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
    H_SLOTS,
    RECORD,
    WIDE,
    IntArray,
)

FLAG = 1 << 31  # bit of a key that may be set where it is filed, and says something about its value
_LOW = FLAG - 1
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
    """Return where a key would like to lie: its two halves are multiplied apart, the upper bits scaled to the slots."""
    mixed = (key & _LOW) * _MIX_KEY + (key >> 32) * _MIX_PREFIX
    return int((mixed >> 32 & 0xFFFFFFFF) * M[H_SLOTS] >> 32)


@inner
def likely_entry(M: IntArray, key: int) -> int:
    """Return where a key is filed unless others got to both of its first places before; nothing branches."""
    at = M[H_HASH] + 2 * _home(M, key)
    return int(at + 2 * int(M[at] != key))


@inner
def entry_of(M: IntArray, key: int) -> int:
    """Return the address of the entry of ``key`` (key, value), or of the empty entry where it belongs."""
    table = M[H_HASH]
    at = table + 2 * _home(M, key)
    end = table + 2 * M[H_SLOTS]
    while M[at] & ~FLAG != key and M[at] != 0:
        at += 2
        if at == end:
            at = table
    return int(at)


@inner
def value_of(M: IntArray, key: int) -> int:
    """Return the value filed under ``key``, 0 when there is none: what belongs to an empty entry is 0."""
    return int(M[entry_of(M, key) + 1])


@inner
def file(M: IntArray, at: int, key: int, value: int) -> None:
    """File a value other than 0, and the flag of the key, in the entry where the key belongs."""
    if M[at] == 0:
        M[H_HCOUNT] += 1
    M[at], M[at + 1] = key, value


@inner
def erase(M: IntArray, at: int) -> None:
    """Empty an entry (backward-shift deletion, no tombstones)."""
    M[H_HCOUNT] -= 1
    table, slots = M[H_HASH], M[H_SLOTS]
    hole = i = (at - table) >> 1
    while True:
        i = i + 1 if i + 1 < slots else 0
        key = M[table + 2 * i]
        if key == 0:
            break
        if _steps(_home(M, key), i, slots) >= _steps(hole, i, slots):
            M[table + 2 * hole] = key
            M[table + 2 * hole + 1] = M[table + 2 * i + 1]
            hole = i
    M[table + 2 * hole] = 0
    M[table + 2 * hole + 1] = 0


@inner
def _steps(start: int, slot: int, slots: int) -> int:
    """Return how many slots after ``start`` another one is, the first following the last."""
    return slot - start if slot >= start else slot - start + slots


@njit(cache=True)
def rehash(M: IntArray, old: int, slots: int) -> None:
    """File the entries of an old table in the new and empty one; its memory becomes records."""
    memory = words(M)
    for i in range(old, old + 2 * slots, 2):
        key, value = memory[i], memory[i + 1]
        if key != 0:
            file(memory, entry_of(memory, key & ~FLAG), key, value)
    for at in range(old, old + 2 * slots, RECORD):
        free_record(memory, at)
