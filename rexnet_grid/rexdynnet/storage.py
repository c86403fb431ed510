"""How much heat water and walls hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.levels import CALM, CALM_EXCHANGERS
from rexnet_grid.rexdynnet.parcels import COUNT, MASS, RING, START, TEMP

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout, State

JOULE_PER_KWH = 3.6e6


def side_capacity_kwh_k(layout: Layout) -> float:
    """Return the heat capacity of water and walls on one side [kWh/K]."""
    return float((layout.mass_kg * layout.fluid[1] + layout.wall_j_k).sum()) / JOULE_PER_KWH


def _water_rows(layout: Layout, state: State, side: int) -> FloatArray:
    rows = int(layout.row_ptr[-1])
    part = slice(side * rows, (side + 1) * rows)
    place = (np.arange(RING) - state.ring[part, START, None]) % RING
    live = place < state.ring[part, COUNT, None]
    heat: FloatArray = np.where(live, state.parcel[part, :, MASS] * state.parcel[part, :, TEMP], 0.0).sum(axis=1)
    return heat


def _of_level(state: State, side: int, values: FloatArray) -> FloatArray:
    """Return what holds for each pipe at its present level, from (2, n_pipes)."""
    chosen: FloatArray = values[state.level[side], np.arange(values.shape[1])]
    return chosen


def side_temperatures(layout: Layout, state: State, side: int) -> FloatArray:
    """Return the mean temperature of the water in each pipe of the supply (0) or return (1) side, (n_pipes,) [degC]."""
    heat = np.add.reduceat(_water_rows(layout, state, side), layout.row_ptr[:-1])
    mean: FloatArray = heat / _of_level(state, side, layout.body_kg)
    return mean


def side_heat_kwh(layout: Layout, state: State, side: int) -> float:
    """Return the heat in water and walls of one side, above 0 degC [kWh]."""
    rows = int(layout.row_ptr[-1])
    length = np.diff(layout.row_ptr)
    exchangers = np.where(state.level[side] == CALM, CALM_EXCHANGERS, length - 1)
    water = float(_water_rows(layout, state, side).sum()) * layout.fluid[1]
    share = np.repeat(_of_level(state, side, layout.shell_j_k) / exchangers, length)
    live = np.arange(rows) - np.repeat(layout.row_ptr[:-1], length) < np.repeat(exchangers, length)
    walls = float(np.where(live, share * state.wall[side * rows : (side + 1) * rows], 0.0).sum())
    return float((water + walls) / JOULE_PER_KWH)
