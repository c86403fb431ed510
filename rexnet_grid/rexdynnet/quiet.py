"""A pipe that goes through a step all but unchanged, in one stroke.

When one temperature enters for much longer than the pipe needs to forget, and water and wall everywhere lie within
``QUIET_K`` of the steady profile for that temperature and flow, the step ends in that profile. The outlet's mean then
follows from the balance of energy, with the loss at λ times the mean heat held; what is given up is the shape, inside
one step, of a change below ``QUIET_K``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import inner
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, MASS, SLOPE, START, TEMP, growth
from rexnet_grid.rexdynnet.walls import KEPT, RATE, STEADY_FAR, STEADY_NEAR

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray

QUIET_K = 0.05
FORGOTTEN = 1.5


@inner
def pass_quietly(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    cells: int,
    from_a: bool,
    flow: float,
    dt: float,
    cell: FloatArray,
    p: int,
    ground: float,
    wall_j_k: float,
    heat_capacity: float,
    mass_kg: float,
    inlet_c: float,
) -> tuple[bool, float, float]:
    """Take a pipe to its steady profile if it is near enough to it; see the module.

    Returns
    -------
    done, outlet_c, lost
        Whether it was done (else nothing is changed), the outlet's mean [degC] and the heat lost [J].
    """
    if dt < FORGOTTEN * (mass_kg + wall_j_k / heat_capacity) / flow:
        return False, 0.0, 0.0
    rate = cell[p, RATE]
    capacity = 0.5 * wall_j_k / cells
    near, far = cell[p, STEADY_NEAR], cell[p, STEADY_FAR]
    passed = cell[p, KEPT] if capacity > 0.0 else 1.0
    sign = -1.0 if from_a else 1.0
    first_node = 0 if from_a else 1
    half = 0.5 * mass_kg / (cells * flow)
    kept_half = math.exp(-rate * half)
    mean_half = growth(-rate * half)
    kept_whole = kept_half * kept_half
    mean_whole = growth(-2.0 * rate * half)
    before = 0.0
    after = 0.0
    for write in (False, True):
        above = inlet_c - ground
        for k in range(cells + 1):
            edge = k in (0, cells)
            row = first + k if from_a else first + cells - k
            i = ring[row, START] & LAST
            new = above * (mean_half if edge else mean_whole)
            above *= kept_half if edge else kept_whole
            at = row if from_a else row - 1
            if write:
                parcel[row, i, TEMP] = ground + new
                parcel[row, i, SLOPE] = sign * rate * half * (1.0 if edge else 2.0)
                if k < cells:
                    wall[at, first_node] = ground + near * above
                    wall[at, 1 - first_node] = ground + far * above
            else:
                if ring[row, COUNT] != 1 or abs(parcel[row, i, TEMP] - ground - new) > QUIET_K:
                    return False, 0.0, 0.0
                before += parcel[row, i, MASS] * heat_capacity * (parcel[row, i, TEMP] - ground)
                after += parcel[row, i, MASS] * heat_capacity * new
                if k < cells:
                    w_near, w_far = wall[at, first_node] - ground, wall[at, 1 - first_node] - ground
                    if capacity > 0.0 and max(abs(w_near - near * above), abs(w_far - far * above)) > QUIET_K:
                        return False, 0.0, 0.0
                    before += capacity * (w_near + w_far)
                    after += capacity * (near + far) * above
            if k < cells:
                above *= passed
    lost = 0.5 * rate * dt * (before + after)
    outlet = inlet_c - (lost + after - before) / (flow * heat_capacity * dt)
    return True, outlet, lost
