"""The memory of an exchange: made, grown, and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.reservex.layout import (
    A_LIMIT,
    A_NODE,
    B_POS,
    B_UNIT,
    BOOK,
    EVENT,
    H_ACC,
    H_ACC_CAP,
    H_BUMP,
    H_CLIPS,
    H_COLLATERAL,
    H_DEPTH,
    H_FREE_BLOCK,
    H_FULL,
    H_HASH,
    H_HCOUNT,
    H_IDS,
    H_LOG,
    H_MAX,
    H_MAX_LOTS,
    H_MIN,
    H_NACC,
    H_NEXT_ID,
    H_PRORATA,
    H_RING,
    H_RING_MASK,
    H_ROWS,
    H_SLOTS,
    H_STP,
    H_VERSION,
    H_WORDS,
    HEADER,
    MAX_ACCOUNTS,
    MOST_WORDS,
    RECORD,
    ROOM,
    SELF_TRADE,
    IntArray,
)
from rexnet_grid.reservex.records import rehash

if TYPE_CHECKING:
    from rexnet_grid.reservex.rules import MarketRules

_FIRST_ACCOUNTS = 64
_FIRST_HASH = 256
_SPARE, _MANY_SLOTS = 16, 1 << 14  # entries that one command may need; slots that grow by half, fewer are doubled
_FIRST_EVENTS = 1 << 11
_LEAP, _MUCH = 32, 1 << 20  # how many times more to reserve, and from which length on only twice as much


class Arena:
    """The arrays that the compiled code works on; see :mod:`rexnet_grid.reservex.layout`.

    Parameters
    ----------
    rules
        The rules that the compiled code reads from the header.
    """

    __slots__ = ("D", "E", "M")

    def __init__(self, rules: MarketRules) -> None:
        self.M: IntArray = _aligned(1 << 14)
        self.M[:HEADER] = 0
        self.D: IntArray = np.zeros(1024, dtype=np.int64)
        self.E: IntArray = np.empty((_FIRST_EVENTS, EVENT), dtype=np.int64)
        M = self.M
        M[H_BUMP], M[H_NEXT_ID] = HEADER, 1
        M[H_WORDS], M[H_IDS], M[H_ROWS] = len(M), len(self.D), len(self.E)
        M[H_MIN], M[H_MAX], M[H_MAX_LOTS] = rules.min_price_ticks, rules.max_price_ticks, rules.max_order_lots
        M[H_STP] = SELF_TRADE.index(rules.self_trade)
        M[H_PRORATA] = rules.auction_rationing == "pro_rata"
        M[H_COLLATERAL] = rules.collateral_eur is not None
        span = rules.max_price_ticks - rules.min_price_ticks
        M[H_DEPTH] = max(1, -(-span.bit_length() // 6))
        M[H_ACC], M[H_ACC_CAP] = self._claim(_FIRST_ACCOUNTS * RECORD), _FIRST_ACCOUNTS
        self._new_table(_FIRST_HASH)
        ring = 1 << (2 * rules.forward_units + 8).bit_length()
        self.M[H_RING], self.M[H_RING_MASK] = self._claim(ring), ring - 1

    def __getstate__(self) -> tuple[IntArray, IntArray, IntArray]:
        """Return what is in use of the arrays, for a copy or a pickle."""
        M = self.M[: self.M[H_BUMP] + ROOM].copy()
        D, E = self.D[: M[H_NEXT_ID] + 2], self.E[: M[H_LOG] + 1]
        M[H_WORDS], M[H_IDS], M[H_ROWS] = len(M), len(D), len(E)
        return M, D.copy(), E.copy()

    def __setstate__(self, state: tuple[IntArray, IntArray, IntArray]) -> None:
        M, self.D, self.E = state
        self.M = _aligned(len(M))
        self.M[:] = M

    def remember(self, ids: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Return what :meth:`go_back` needs to undo what happens to the orders ``ids``, and no others."""
        return self.M[: self.M[H_BUMP]].copy(), ids, self.D[ids]

    def go_back(self, memory: tuple[IntArray, IntArray, IntArray]) -> None:
        """Undo what happened to orders since :meth:`remember`; no version of the state comes a second time."""
        lengths = self.M[[H_WORDS, H_IDS, H_ROWS]]
        version = self.M[H_VERSION]
        M, ids, places = memory
        self.M[: len(M)], self.D[ids] = M, places
        self.M[[H_WORDS, H_IDS, H_ROWS]] = lengths
        self.M[H_VERSION] = version

    def make_room(self, events: int = 0, records: int = 0) -> None:
        """Grow whatever is short: for one more command, with so many ``events`` and ``records`` beyond the usual."""
        words = int(self.M[H_BUMP]) + ROOM + RECORD * records
        if words > self.M.shape[0]:
            self._grow(words)
        if self.M[H_HCOUNT] > self.M[H_FULL]:
            self._rehash()
        if self.M[H_NEXT_ID] + 1 >= self.D.shape[0]:
            self.D = _longer(self.D, _roomier(len(self.D)))
            self.M[H_IDS] = len(self.D)
        needed = int(self.M[H_LOG] + 2 * self.M[H_CLIPS]) + 8 + events
        if needed > self.E.shape[0]:
            self.E = _longer(self.E, max(needed + needed // 4, _roomier(len(self.E))))
            self.M[H_ROWS] = len(self.E)

    def add_account(self, node: int, limit: int) -> int:
        """Add an account at an admission node with a collateral limit [quanta]; returns its number."""
        account = int(self.M[H_NACC])
        if account == MAX_ACCOUNTS:
            raise MemoryError(f"an exchange holds at most {MAX_ACCOUNTS} accounts")
        if account == self.M[H_ACC_CAP]:
            self._more_accounts()
        at = int(self.M[H_ACC]) + account * RECORD
        self.M[at : at + RECORD] = 0
        self.M[at + A_NODE], self.M[at + A_LIMIT] = node, limit
        self.M[H_NACC] += 1
        return account

    def room_for_unit(self, unit: int) -> None:
        """Make sure that a book of ``unit`` can be opened."""
        self.make_room(1)
        needed = int(self.M[H_BUMP]) + BOOK + int(self.M[H_ACC_CAP]) + ROOM
        if needed > self.M.shape[0]:
            self._grow(needed)
        if not self.M[self.M[H_RING] + (unit & int(self.M[H_RING_MASK]))]:
            return
        books, size = self.books(), int(self.M[H_RING_MASK]) + 1
        while any((unit - other) % size == 0 for other in books):
            size *= 2
        ring = self._claim(size)
        for other, book in books.items():
            self.M[ring + (other & (size - 1))] = book
        self.M[H_RING], self.M[H_RING_MASK] = ring, size - 1

    def books(self) -> dict[int, int]:
        """Return the address of the book of each open unit, in order of unit."""
        ring = int(self.M[H_RING])
        found = self.M[ring : ring + int(self.M[H_RING_MASK]) + 1]
        return dict(sorted((int(self.M[book + B_UNIT]), int(book)) for book in found[found > 0]))

    def book(self, unit: int) -> int:
        """Return the address of a unit's book, 0 when it is not open."""
        book = int(self.M[self.M[H_RING] + (unit & int(self.M[H_RING_MASK]))])
        return book if book and self.M[book + B_UNIT] == unit else 0

    def account(self, account: int, field: int) -> int:
        """Return one field of an account."""
        return int(self.M[self.M[H_ACC] + account * RECORD + field])

    @property
    def accounts(self) -> int:
        """Number of accounts."""
        return int(self.M[H_NACC])

    @property
    def events(self) -> IntArray:
        """The rows of the log so far; a view."""
        return self.E[: int(self.M[H_LOG])]

    @property
    def state_bytes(self) -> int:
        """Memory in use for the state, without the log [byte]."""
        return 8 * int(self.M[H_BUMP] + self.M[H_NEXT_ID])

    def _claim(self, words: int) -> int:
        """Take zeroed words from the end of the arena, a multiple of a record."""
        words = -(-words // RECORD) * RECORD
        start = int(self.M[H_BUMP])
        if start + words + ROOM > self.M.shape[0]:
            self._grow(start + words + ROOM)
        self.M[H_BUMP] = start + words
        self.M[start : start + words] = 0
        return start

    def _grow(self, least: int) -> None:
        if least > MOST_WORDS:
            raise MemoryError(f"an exchange holds at most {MOST_WORDS} words")
        fresh = _aligned(min(max(least, _roomier(len(self.M))), MOST_WORDS))
        used = int(self.M[H_BUMP])
        fresh[:used] = self.M[:used]
        fresh[H_WORDS] = len(fresh)
        self.M = fresh

    def _rehash(self) -> None:
        old, slots = int(self.M[H_HASH]), int(self.M[H_SLOTS])
        self._new_table(2 * slots if slots < _MANY_SLOTS else slots + slots // 8 * 4)
        rehash(self.M, old, slots)

    def _new_table(self, slots: int) -> None:
        table = self._claim(2 * slots)
        M = self.M
        M[H_HASH], M[H_SLOTS], M[H_HCOUNT], M[H_FULL] = table, slots, 0, 3 * slots // 4 - _SPARE

    def _more_accounts(self) -> None:
        old, capacity, books = int(self.M[H_ACC]), int(self.M[H_ACC_CAP]), self.books()
        table = self._claim(2 * capacity * RECORD)
        self.M[table : table + capacity * RECORD] = self.M[old : old + capacity * RECORD]
        self.M[H_ACC], self.M[H_ACC_CAP], self.M[H_FREE_BLOCK] = table, 2 * capacity, 0
        for book in books.values():
            block, before = self._claim(2 * capacity), int(self.M[book + B_POS])
            self.M[block : block + capacity] = self.M[before : before + capacity]
            self.M[book + B_POS] = block


def _roomier(length: int) -> int:
    """Return the next length of an array that has become too short.

    Memory that is never touched costs nothing, while a copy is paid for three times: for reading, for writing, and for
    the empty pages it is written to.
    """
    return length * (_LEAP if length < _MUCH else 2)


def _aligned(words: int) -> IntArray:
    """Return an array that starts on a cache line, so that every record is one line."""
    raw = np.empty(words + RECORD, dtype=np.int64)
    offset = (-raw.ctypes.data // 8) % RECORD
    return raw[offset : offset + words]


def _longer(array: IntArray, length: int) -> IntArray:
    fresh = np.empty((length, *array.shape[1:]), dtype=np.int64)
    fresh[: array.shape[0]] = array
    return fresh
