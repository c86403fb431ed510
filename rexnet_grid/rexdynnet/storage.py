"""How much heat water and walls hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.compiled import inner
from rexnet_grid.rexdynnet.layout import pair_loss_w_k
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, MASS, START, TEMP

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout, State

JOULE_PER_KWH = 3.6e6
WATT_PER_KILOWATT = 1000.0
SECTIONS = 8


def side_capacity_kwh_k(layout: Layout) -> float:
    """Return the heat capacity of water and walls on one side [kWh/K]."""
    return float((layout.mass_kg * layout.fluid[1] + layout.wall_j_k).sum()) / JOULE_PER_KWH


def side_temperatures(layout: Layout, state: State, side: int) -> FloatArray:
    """Return the mean temperature of water and wall of each pipe on the supply (0) or return (1) side [degC].

    Weighted by heat capacity, (n_pipes,): what a pipe hands over as its water is pushed out.
    """
    mean: FloatArray = section_temperatures(layout, state, side).mean(axis=1)
    return mean


def side_heat_kwh(layout: Layout, state: State, side: int) -> float:
    """Return the heat in water and walls of one side, above 0 degC [kWh]."""
    capacity = layout.mass_kg * layout.fluid[1] + layout.wall_j_k
    return float(capacity @ side_temperatures(layout, state, side)) / JOULE_PER_KWH


def heat_loss_kw(layout: Layout, state: State, ground_c: float) -> float:
    """Return the heat that supply and return lose to the ground as warm as they are [kW]."""
    both = sum(side_temperatures(layout, state, side) - ground_c for side in (0, 1))
    return float(pair_loss_w_k(layout) @ both) / WATT_PER_KILOWATT


@inner
def spread(sections: FloatArray, p: int, begin: float, end: float, heat: float) -> None:
    """Add heat that lies evenly between two places of a pipe (0 at end A, 1 at end B) to its sections."""
    count = sections.shape[1]
    first, last = min(int(begin * count), count - 1), min(int(end * count), count - 1)
    for k in range(first, last + 1):
        inside = min(end * count, k + 1.0) - max(begin * count, float(k))
        sections[p, k] += heat * max(inside, 0.0) / max((end - begin) * count, 1e-12)


@njit(cache=True, error_model="numpy")
def section_temperatures(layout: Layout, state: State, side: int) -> FloatArray:
    """Return the temperature of water and wall in each eighth of each pipe from end A on, (n_pipes, 8) [degC]."""
    pipes = layout.pipe_from.shape[0]
    sections = np.zeros((pipes, SECTIONS))
    for p in range(pipes):
        cells = layout.cells[state.level[side, p], p]
        first = side * layout.row_ptr[pipes] + layout.row_ptr[p]
        at, water = 0.0, layout.mass_kg[p]
        for row in range(first, first + cells + 1):
            for k in range(state.ring[row, COUNT]):
                i = (state.ring[row, START] + k) & LAST
                wide = state.parcel[row, i, MASS] / water
                heat = state.parcel[row, i, MASS] * layout.fluid[1] * state.parcel[row, i, TEMP]
                spread(sections, p, at, min(at + wide, 1.0), heat)
                at = min(at + wide, 1.0)
        for k in range(cells):
            for half in range(2):
                begin = (k + 0.5 * half) / cells
                heat = 0.5 * layout.wall_j_k[p] / cells * state.wall[first + k, half]
                spread(sections, p, begin, begin + 0.5 / cells, heat)
        scale = SECTIONS / (water * layout.fluid[1] + layout.wall_j_k[p])
        for k in range(SECTIONS):
            sections[p, k] *= scale
    return sections
