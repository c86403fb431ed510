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


def _water_rows(layout: Layout, state: State, side: int) -> FloatArray:
    rows = int(layout.row_ptr[-1])
    part = slice(side * rows, (side + 1) * rows)
    place = (np.arange(RING) - state.ring[part, START, None]) % RING
    live = place < state.ring[part, COUNT, None]
    heat: FloatArray = np.where(live, state.parcel[part, :, MASS] * state.parcel[part, :, TEMP], 0.0).sum(axis=1)
    return heat


def _trading_j_k(layout: Layout, state: State, side: int) -> FloatArray:
    """Return the heat capacity of each pipe's wall that does not move with the water, (n_pipes,) [J/K]."""
    trading: FloatArray = layout.wall_j_k * state.share[side]
    return trading


def side_temperatures(layout: Layout, state: State, side: int) -> FloatArray:
    """Return the mean temperature of the water in each pipe of the supply (0) or return (1) side, (n_pipes,) [degC]."""
    heat = np.add.reduceat(_water_rows(layout, state, side), layout.row_ptr[:-1])
    moving = (layout.wall_j_k - _trading_j_k(layout, state, side)) / layout.fluid[1]
    mean: FloatArray = heat / (layout.mass_kg + moving)
    return mean


def side_heat_kwh(layout: Layout, state: State, side: int) -> float:
    """Return the heat in water and walls of one side, above 0 degC [kWh]."""
    rows = int(layout.row_ptr[-1])
    length = np.diff(layout.row_ptr)
    exchangers = layout.exchangers[state.level[side], np.arange(len(length))]
    water = float(_water_rows(layout, state, side).sum()) * layout.fluid[1]
    share = np.repeat(_trading_j_k(layout, state, side) / exchangers, length)
    live = np.arange(rows) - np.repeat(layout.row_ptr[:-1], length) < np.repeat(exchangers, length)
    walls = float(np.where(live, share * state.wall[side * rows : (side + 1) * rows], 0.0).sum())
    return float((water + walls) / JOULE_PER_KWH)
