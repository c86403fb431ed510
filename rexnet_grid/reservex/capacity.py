"""Admission inside compiled matching: read and take the headroom that a ``LinearAdmission`` holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.delivery.admission import (
    K_BASE,
    K_HEADER,
    K_ROWS,
    T_BLOCK,
    T_BLOCKS,
    T_HEADER,
    T_LOT,
    T_RING_MASK,
    T_RISE,
    T_ROW,
    T_ROWS,
    T_STAMP,
    T_STAMPS,
    T_TIGHT,
)
from rexnet_grid.reservex.compiled import inner

if TYPE_CHECKING:
    from rexnet_grid.reservex.layout import FloatArray

UNLIMITED = 1 << 40
ROUNDING = 1e-9
STRETCH = 64


@inner
def block_of(F: FloatArray, unit: int) -> int:
    """Return the address of the unit's block in the table, 0 when nothing limits it."""
    if F[T_BLOCKS] == 0.0:
        return 0
    mask = int(F[T_RING_MASK])
    at = unit & mask
    while True:
        filed = int(F[T_HEADER + 2 * at])
        if filed == 0:
            return 0
        if filed == unit + 1:
            return int(F[T_BLOCKS]) + int(F[T_HEADER + 2 * at + 1]) * int(F[T_BLOCK])
        at = (at + 1) & mask


@inner
def new_pass(F: FloatArray) -> None:
    """Forget which nodes were found blocked."""
    F[T_STAMP] += 1.0


@inner
def is_blocked(F: FloatArray, node: int) -> bool:
    """Tell whether the node was found blocked in this pass."""
    return bool(F[int(F[T_STAMPS]) + node] == F[T_STAMP])


@inner
def set_blocked(F: FloatArray, node: int) -> None:
    """Remember that no lot fits between the node and the incoming order's."""
    F[int(F[T_STAMPS]) + node] = F[T_STAMP]


@inner
def capacity(F: FloatArray, block: int, source: int, sink: int) -> int:
    """Return how many lots fit from ``source`` to ``sink``; leaves the row that limits them in the table's header."""
    F[T_ROW] = -1.0
    if source == sink:
        return UNLIMITED
    rows, count, lot = int(F[T_ROWS]), int(F[block + K_ROWS]), F[T_LOT]
    slack, base = block + K_HEADER, int(F[block + K_BASE])
    up, down = base + (int(F[T_RISE]) + source) * rows, base + sink * rows
    most, row = 1e12, -1
    for r in range(count):
        slope = F[up + r] - F[down + r]
        if slope > F[slack + rows + r] and F[slack + r] < most * slope * lot:
            most = F[slack + r] / (slope * lot)
            row = r
    if row < 0:
        return UNLIMITED
    F[T_ROW] = float(row)
    return max(0, math.floor(most + ROUNDING))


@inner
def fits_easily(F: FloatArray, block: int, source: int, sink: int, lots: int) -> bool:
    """Tell whether even one lot more than ``lots`` fits, so that no rounding matters; the loop vectorises."""
    rows, count = int(F[T_ROWS]), int(F[block + K_ROWS])
    slack, base = block + K_HEADER, int(F[block + K_BASE])
    up, down = base + (int(F[T_RISE]) + source) * rows, base + sink * rows
    rate, tight = (lots + 1) * F[T_LOT], 0
    for r in range(count):
        slope = F[up + r] - F[down + r]
        tight += (slope > F[slack + rows + r]) & (F[slack + r] < rate * slope)
    return tight == 0


@inner
def list_tight_rows(F: FloatArray, block: int) -> int:
    """List in the table the rows that could stop a single lot between some nodes; return how many there are."""
    if block == 0:
        return 0
    slack, count, found = block + K_HEADER, int(F[block + K_ROWS]), int(F[T_TIGHT])
    take, n = slack + 5 * int(F[T_ROWS]), 0
    for first in range(0, count, STRETCH):
        last, tight = min(first + STRETCH, count), 0
        for r in range(first, last):
            tight += F[slack + r] < F[take + r]
        if tight:
            for r in range(first, last):
                if F[slack + r] < F[take + r]:
                    F[found + n] = float(r)
                    n += 1
    return n


@inner
def fits_one(F: FloatArray, block: int, source: int, sink: int, tight: int) -> bool:
    """Tell whether a lot fits from ``source`` to ``sink``; of the ``tight`` rows that were listed just before."""
    if source == sink:
        return True
    rows, lot = int(F[T_ROWS]), F[T_LOT] * (1.0 - ROUNDING)
    slack, base = block + K_HEADER, int(F[block + K_BASE])
    up, down = base + (int(F[T_RISE]) + source) * rows, base + sink * rows
    for k in range(int(F[T_TIGHT]), int(F[T_TIGHT]) + tight):
        r = int(F[k])
        slope = F[up + r] - F[down + r]
        if slope > F[slack + rows + r] and F[slack + r] < slope * lot:
            return False
    return True


@inner
def take_capacity(F: FloatArray, block: int, source: int, sink: int, lots: int) -> None:
    """Take the headroom of a trade; a trade against the flow gives headroom back."""
    if source == sink:
        return
    rows, count = int(F[T_ROWS]), int(F[block + K_ROWS])
    slack, base = block + K_HEADER, int(F[block + K_BASE])
    up, down = base + (int(F[T_RISE]) + source) * rows, base + sink * rows
    rate = lots * F[T_LOT]
    for r in range(count):
        F[slack + r] -= (F[up + r] - F[down + r]) * rate


@inner
def note_binding(F: FloatArray, block: int, lots: int, gap: int) -> None:
    """Count that the row found last stopped ``lots`` from trading across a price gap [ticks]."""
    row, rows = int(F[T_ROW]), int(F[T_ROWS])
    if row >= 0:
        at = block + K_HEADER + 2 * rows + row
        F[at] += 1.0
        F[at + rows] += lots
        F[at + 2 * rows] += lots * gap
