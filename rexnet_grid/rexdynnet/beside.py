"""Plants beside the main one: what they supply, which flow their heat takes, and which keep a part apart from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import BoolArray, FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.network import HeatNetwork
    from rexnet_grid.rexdynnet.simulation import HeatSimulation

WATT_PER_KILOWATT = 1000.0
SMALLEST_SPREAD_K = 1.0


def plants_supply_c(network: HeatNetwork, main_c: float, target_c: float) -> FloatArray:
    """Return what each plant supplies (n_plants,) [degC]: the main one its own, others the target in their range."""
    low = np.array([p.coldest_c for p in network.plants])
    high = np.array([p.hottest_c for p in network.plants])
    supply = np.clip(np.full(len(low), target_c), low, high)
    supply[0] = main_c
    return np.asarray(supply, dtype=np.float64)


def side_kg_s_kw(sim: HeatSimulation, supply_c: FloatArray) -> FloatArray:
    """Return the flow for a kilowatt of each plant that does not keep the pressure, (n_plants,) [kg/s/kW]; 0 of others.

    Found from what it supplies (n_plants,) [degC] and what comes back to it now.
    """
    layout = sim.layout
    spread = np.maximum(supply_c - sim.state.node_c[1, layout.plant_node], SMALLEST_SPREAD_K)
    beside = (layout.plant_live > 0) & (layout.island[layout.plant_node] != np.arange(len(supply_c)))
    return np.where(beside, WATT_PER_KILOWATT / (layout.fluid[1] * spread), 0.0)


def largest_kw(sim: HeatSimulation, kg_s_kw: FloatArray, kept: float = 1.0) -> FloatArray:
    """Return what each plant can give at most, (n_plants,) [kW]: its largest heat; a side plant what its flow takes.

    One that is stopped, or shut off from all substations, gives nothing. ``kg_s_kw`` (n_plants,) is the flow for a
    kilowatt, see :func:`side_kg_s_kw`; ``kept`` the part of the largest flow of a plant without a pump's curve that is
    counted on [-].
    """
    largest = np.array([p.max_heat_kw for p in sim.network.plants])
    beside = kg_s_kw > 0.0
    moved = kept * sim.layout.plant_most_kg_s / np.where(beside, kg_s_kw, 1.0)
    return np.where(serving(sim.layout), np.where(beside, np.minimum(largest, moved), largest), 0.0)


def serving(layout: Layout) -> BoolArray:
    """Return whether each plant runs and is joined to any substation, (n_plants,)."""
    joined = np.isin(layout.island[layout.plant_node], layout.island[layout.sub_node])
    return np.asarray((layout.plant_live > 0) & joined)


def keepers(layout: Layout) -> IntArray:
    """Return the plants that keep the pressure of a part of the network with substations, without the main plant."""
    each = np.arange(len(layout.plant_node))
    return np.flatnonzero(serving(layout) & (layout.island[layout.plant_node] == each) & (each > 0))


def ends_of(layout: Layout, plant: int) -> FloatArray:
    """Return 1 for running plants and for substations where ``plant`` keeps the pressure, (n_plants + n_substations,).

    And 0 for all others.
    """
    ends = layout.island[np.concatenate((layout.plant_node, layout.sub_node))] == plant
    ends[: len(layout.plant_node)] &= layout.plant_live > 0
    return np.asarray(ends, dtype=np.float64)
