r"""The film between water and wall: its temperature, and the conductance that follows from it.

The film matters where water and wall differ. So its temperature is the mean of :math:`\tfrac12 (T + w)` over a pipe's
cells, each weighted with its :math:`|T - w|`: half-way between old and new while a front passes, the water's own
afterwards. Water that reaches a cell before half of the step is over counts there instead of what lies beside it.
Viscosity, conductivity and Prandtl number are taken at that temperature (:func:`fluid.film_table`); for a fluid of
constant properties they are the same everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, inner
from rexnet_grid.rexdynnet.correlations import nusselt_at
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, START, TEMP

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout

SAME_K = 0.05
LIVELY, AROUND, PRANDTL, POWER = range(4)


@apart
def film_c(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    cells: int,
    from_a: bool,
    inlet_c: float,
    passed: float,
) -> float:
    """Return the temperature of a pipe's film [degC]; ``passed`` is how often its water is renewed within the step."""
    weight = SAME_K
    total = SAME_K * inlet_c
    for k in range(cells):
        row, beyond = (first + k, first + k + 1) if from_a else (first + cells - k, first + cells - k - 1)
        at = min(row, beyond)
        if 2.0 * k < passed * cells:
            water = inlet_c
        else:
            head = ring[row, START] + (ring[row, COUNT] - 1 if from_a else 0)
            tail = ring[beyond, START] + (0 if from_a else ring[beyond, COUNT] - 1)
            water = 0.5 * (parcel[row, head & LAST, TEMP] + parcel[beyond, tail & LAST, TEMP])
        solid = 0.5 * (wall[at, 0] + wall[at, 1])
        apart_k = abs(water - solid)
        weight += apart_k
        total += apart_k * 0.5 * (water + solid)
    return float(total / weight)


@inner
def film_w_k(layout: Layout, p: int, flow: float, temp_c: float) -> float:
    """Return the conductance between the water of a pipe and the middle of its wall [W/K] for a film's temperature."""
    film = layout.film
    place = min(max(temp_c, 0.0), film.shape[0] - 1.001)
    i = int(place)
    part = place - i
    rest = 1.0 - part
    lively = rest * film[i, LIVELY] + part * film[i + 1, LIVELY]
    around = rest * film[i, AROUND] + part * film[i + 1, AROUND]
    prandtl = rest * film[i, PRANDTL] + part * film[i + 1, PRANDTL]
    power = rest * film[i, POWER] + part * film[i + 1, POWER]
    reynolds = abs(flow) * layout.drag[p, 0] * lively
    inner_w_k = nusselt_at(reynolds, prandtl, power) * around * layout.length_m[p]
    return float(inner_w_k / (1.0 + inner_w_k * layout.wall_resistance_k_w[p]))
