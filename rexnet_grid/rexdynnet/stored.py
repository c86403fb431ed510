"""The heat that a network holds, to more digits than one number has.

What is stored in a step is the difference of two sums that may be a hundred million times as large. So the sum is kept
as two numbers, after Kahan, Comm. ACM 8 (1965) 40, https://doi.org/10.1145/363707.363723: what each addition rounds off
is carried to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import entry, inner
from rexnet_grid.rexdynnet.levels import parts
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, MASS, START, TEMP

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.layout import Layout, State


@inner
def added(total: float, missed: float, value: float) -> tuple[float, float]:
    """Return a sum with a value more, and what it misses of the whole."""
    wanted = value + missed
    now = total + wanted
    return now, wanted - (now - total)


@entry
def stored_heat(layout: Layout, state: State, reference_c: float) -> tuple[float, float]:
    """Return the heat in all water and walls above a temperature [J], and what that number misses of the sum [J]."""
    parcel, ring, wall = state.parcel, state.ring, state.wall
    pipes = state.flow.shape[0]
    total, missed = 0.0, 0.0
    for side in range(2):
        for p in range(pipes):
            cells = parts(layout, p, state.level[side, p])
            per_place = 0.5 * layout.wall_j_k[p] / cells
            first = side * layout.row_ptr[pipes] + layout.row_ptr[p]
            for row in range(first, first + cells + 1):
                for k in range(ring[row, COUNT]):
                    i = (ring[row, START] + k) & LAST
                    water = parcel[row, i, MASS] * (parcel[row, i, TEMP] - reference_c) * layout.fluid[1]
                    total, missed = added(total, missed, water)
                if row < first + cells:
                    for place in range(2):
                        total, missed = added(total, missed, per_place * (wall[row, place] - reference_c))
    return total, missed
