"""How much heat water and walls hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.parcels import COUNT, MASS, RING, START, TEMP

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout, State

JOULE_PER_KWH = 3.6e6


def side_capacity_kwh_k(layout: Layout) -> float:
    """Return the heat capacity of water and walls on one side [kWh/K]."""
    return float((layout.mass_kg * layout.fluid[1] + layout.wall_j_k).sum()) / JOULE_PER_KWH


def _heat_rows_j(layout: Layout, state: State, side: int) -> FloatArray:
    """Return the heat above 0 degC of each stretch of water with the wall behind it, (R,) [J].

    Rows beyond a pipe's present number of cells may hold what was tried and taken back; they count as nothing.
    """
    rows = int(layout.row_ptr[-1])
    part = slice(side * rows, (side + 1) * rows)
    length = np.diff(layout.row_ptr)
    cells = layout.cells[state.level[side], np.arange(len(length))]
    behind = np.repeat(cells, length) - (np.arange(rows) - np.repeat(layout.row_ptr[:-1], length))
    place = (np.arange(RING) - state.ring[part, START, None]) % RING
    live = (place < state.ring[part, COUNT, None]) & (behind >= 0)[:, None]
    water = np.where(live, state.parcel[part, :, MASS] * state.parcel[part, :, TEMP], 0.0).sum(axis=1)
    each = np.repeat(layout.wall_j_k / cells, length)
    heat: FloatArray = water * layout.fluid[1] + np.where(behind > 0, each * state.wall[part].mean(axis=1), 0.0)
    return heat


def side_temperatures(layout: Layout, state: State, side: int) -> FloatArray:
    """Return the mean temperature of water and wall of each pipe on the supply (0) or return (1) side [degC].

    Weighted by heat capacity, (n_pipes,): what a pipe hands over as its water is pushed out.
    """
    heat = np.add.reduceat(_heat_rows_j(layout, state, side), layout.row_ptr[:-1])
    mean: FloatArray = heat / (layout.mass_kg * layout.fluid[1] + layout.wall_j_k)
    return mean


def side_heat_kwh(layout: Layout, state: State, side: int) -> float:
    """Return the heat in water and walls of one side, above 0 degC [kWh]."""
    return float(_heat_rows_j(layout, state, side).sum()) / JOULE_PER_KWH
