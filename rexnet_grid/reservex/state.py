"""The fingerprint of an exchange's state, independent of how its memory happens to lie."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.reservex.layout import (
    A_CASH,
    A_LIMIT,
    B_FIRST,
    B_HIGH,
    B_LAST,
    B_LOW,
    B_PHASE,
    B_POS,
    B_REFERENCE,
    B_TURNOVER,
    B_VOLUME,
    H_ACC,
    H_LEGS,
    H_LIVE,
    H_NEXT_ID,
    H_QUOTER,
    H_STATE,
    OPTION_KINDS,
    RECORD,
    IntArray,
)
from rexnet_grid.reservex.views import dump_units
from rexnet_grid.reservex.waiting import dump_legs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rexnet_grid.reservex.arena import Arena
    from rexnet_grid.reservex.options import SecurityOption

_FIGURES = np.array([B_PHASE, B_REFERENCE, B_LAST, B_FIRST, B_LOW, B_HIGH, B_VOLUME, B_TURNOVER])


def hash_state(arena: Arena, closed: Mapping[int, IntArray], options: Sequence[SecurityOption]) -> str:
    """Return a SHA-256 over all orders in priority, positions, figures of the units, cash, limits, reservations.

    The maker's account and state, and the security options with what was exercised of them, are part of it.
    """
    M, n = arena.M, arena.accounts
    books = arena.books()
    units = np.array(list(books), dtype=np.int64)
    digest = sha256(np.array([M[H_NEXT_ID], n], dtype="<i8").tobytes())
    digest.update(dump_units(M, units, int(M[H_LIVE])).tobytes())
    if M[H_LEGS]:
        digest.update(dump_legs(M, units).tobytes())
    for unit, book in books.items():
        digest.update(np.array([unit, *M[book + _FIGURES]], dtype="<i8").tobytes())
        start = int(M[book + B_POS])
        digest.update(M[start : start + n].tobytes())
    start = int(M[H_ACC])
    accounts = M[start : start + n * RECORD].reshape(n, RECORD)
    digest.update(np.ascontiguousarray(accounts[:, [A_CASH, A_LIMIT]]).tobytes())
    for unit in sorted(closed):
        digest.update(np.array([unit, *np.trim_zeros(closed[unit], "b")], dtype="<i8").tobytes())
    digest.update(np.array([M[H_QUOTER], M[H_STATE]], dtype="<i8").tobytes())
    rows = [(o.account, o.unit, OPTION_KINDS.index(o.kind), o.lots, o.fee, o.exercise, o.used) for o in options]
    digest.update(np.array(rows, dtype="<i8").tobytes())
    return digest.hexdigest()
