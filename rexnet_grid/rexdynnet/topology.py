"""From the drawn network to the arrays of the kernels: numbering and how finely a wall is cut."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from rexnet_grid.rexdynnet.arrays import reals
from rexnet_grid.rexdynnet.booster import boost_pumps, boost_table, boosters_of
from rexnet_grid.rexdynnet.correlations import TURBULENT_REYNOLDS, nusselt
from rexnet_grid.rexdynnet.ends import exchanger_table
from rexnet_grid.rexdynnet.fluid import film_table
from rexnet_grid.rexdynnet.hydraulics import ALONG, drag_table
from rexnet_grid.rexdynnet.layout import Layout
from rexnet_grid.rexdynnet.levels import CALM_CELLS
from rexnet_grid.rexdynnet.loops import short_loops, spanning_forest, whole
from rexnet_grid.rexdynnet.pump import NO_CURVE, UNLIMITED_PA
from rexnet_grid.rexdynnet.walls import LONGEST

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.fluid import Fluid
    from rexnet_grid.rexdynnet.network import HeatNetwork, Plant
    from rexnet_grid.rexdynnet.pipe import Pipe

DESIGN_VELOCITIES_M_S = (0.3, 0.02)
MIN_CELLS = 2
LEAST_FULL, MOST_FULL = 9, 64
FULL_CELL_M = 3.0
MAX_CELLS = 128
MIDDLE_SHARE = 0.4
BARE_STRETCHES = 8
VALVE_VELOCITY_M_S = 3.0
FAR_W = 1e15
WARM_ENOUGH_K = 0.05


def transfer_units(pipe: Pipe, fluid: Fluid, velocity_m_s: float) -> float:
    """Return the transfer units between water and wall at a velocity, h P L / (m c) [-]."""
    flow = velocity_m_s * pipe.area_m2 * fluid.density
    reynolds = velocity_m_s * pipe.inner_diameter_m * fluid.density / fluid.viscosity
    film = nusselt(reynolds, fluid.prandtl) * fluid.conductivity * math.pi
    return pipe.length_m / (1.0 / film + pipe.wall_resistance_mk_w) / (flow * fluid.heat_capacity)


def cells(pipe: Pipe, fluid: Fluid) -> tuple[int, int, int, int]:
    """Return into how many cells a wall is cut in full, finely, in the middle and when calm.

    Finely as many as it takes to follow a step of 60 K within 0.01 K at 0.3 and 0.02 m/s and where the flow becomes
    turbulent: one a transfer unit and one more, 2.8 + 0.8 n^0.68 for many units, and none longer than ``LONGEST``; at
    most 128. In full at least 9, and one for every ``FULL_CELL_M`` up to 64, as water that stands or turns round
    between two cells meets their walls only when it moves on. Eight idle ones for a pipe without wall.
    """
    if pipe.wall_capacity_j_mk <= 0.0:
        return BARE_STRETCHES, BARE_STRETCHES, BARE_STRETCHES, CALM_CELLS
    turbulent = TURBULENT_REYNOLDS * fluid.viscosity / (fluid.density * pipe.inner_diameter_m)
    units = max(transfer_units(pipe, fluid, v) for v in (*DESIGN_VELOCITIES_M_S, turbulent))
    wanted = math.ceil(max(min(1.0 + units, 2.8 + 0.8 * units**0.68), units / LONGEST))
    fine = min(max(wanted, MIN_CELLS), MAX_CELLS)
    middle = min(max(math.ceil(MIDDLE_SHARE * wanted), MIN_CELLS), fine)
    short = min(max(math.ceil(pipe.length_m / FULL_CELL_M), LEAST_FULL), MOST_FULL)
    return max(fine, short), fine, middle, CALM_CELLS


def pipe_arrays(pipes: Sequence[Pipe], fluid: Fluid) -> dict[str, FloatArray | IntArray]:
    """Return the per-pipe arrays of :class:`Layout`."""
    cut = np.array([cells(pipe, fluid) for pipe in pipes], dtype=np.int64)
    length = reals([pipe.length_m for pipe in pipes])
    diameter = reals([pipe.inner_diameter_m for pipe in pipes])
    return {
        "row_ptr": np.concatenate(([0], np.cumsum(cut[:, 0] + 1))).astype(np.int64),
        "cells": np.ascontiguousarray(cut.T),
        "diameter_m": diameter,
        "length_m": length,
        "drag": drag_table(
            diameter,
            length,
            reals([pipe.roughness_m for pipe in pipes]),
            reals([pipe.minor_loss for pipe in pipes]),
            fluid_array(fluid),
        ),
        "mass_kg": reals([pipe.volume_m3 for pipe in pipes]) * fluid.density,
        "wall_j_k": reals([pipe.wall_capacity_j_mk for pipe in pipes]) * length,
        "coupling": reals([pipe.coupling for pipe in pipes]),
        "loss_w_k": length / reals([pipe.loss_resistance_mk_w for pipe in pipes]),
        "wall_resistance_k_w": reals([pipe.wall_resistance_mk_w for pipe in pipes]) / length,
    }


def fluid_array(fluid: Fluid) -> FloatArray:
    """Return the properties in the order of :attr:`Layout.fluid`."""
    return reals([fluid.density, fluid.heat_capacity, fluid.viscosity, fluid.conductivity])


def least_c(network: HeatNetwork, index: Mapping[str, int]) -> FloatArray:
    """Return below which temperature water is of no use at each node, (n_nodes,) [degC]; 0 where nobody minds."""
    least = np.zeros(len(index))
    for s in network.substations:
        least[index[s.node]] = max(s.min_supply_c - WARM_ENOUGH_K, 0.0)
    return least


def _range_c(plant: Plant) -> tuple[float, float]:
    low = -math.inf if plant.min_supply_c is None else plant.min_supply_c
    return low, math.inf if plant.max_supply_c is None else plant.max_supply_c


def most_flow(has_curve: bool, areas_m2: Sequence[float], density: float) -> float:
    """Return what a plant circulates at most [kg/s]: with a pump's curve what that lifts, else 3 m/s in its pipes."""
    return math.inf if has_curve else VALVE_VELOCITY_M_S * sum(areas_m2) * density


def build_layout(network: HeatNetwork, closed: Collection[str] = (), stopped: Collection[str] = ()) -> Layout:
    """Return the arrays of a network; node, pipe, substation and plant order are those of the network.

    Parameters
    ----------
    network
        The network.
    closed
        Names of pipes that are shut on both sides; what lies behind them and has no other plant stands still.
    stopped
        Nodes of plants that do not pump, and pipes whose boosters do not. Where the first plant of an island is
        stopped the next keeps the pressure.
    """
    graph, fluid = network.graph, network.fluid
    index = {node: k for k, node in enumerate(graph)}
    drawn = list(graph.edges(data=True))
    ends = [(index[data["from_node"]], index[b if data["from_node"] == a else a]) for a, b, data in drawn]
    open_pipes: nx.Graph[int] = nx.Graph()
    open_pipes.add_nodes_from(range(len(index)))
    open_pipes.add_edges_from(
        (*ends[p], {"pipe": p}) for p, (_, _, data) in enumerate(drawn) if data["name"] not in closed
    )
    roots = [-1 if g.node in stopped else index[g.node] for g in network.plants]
    forest = spanning_forest(open_pipes, roots, len(index))
    loops = short_loops(open_pipes, forest, ends)
    at_node: list[list[int]] = [[] for _ in index]
    for p, (a, b) in enumerate(ends):
        at_node[a].append(p)
        at_node[b].append(p)
    pipes = [data["pipe"] for _, _, data in drawn]
    max_flow = []
    for s in network.substations:
        widest = max(pipes[p].area_m2 for p in at_node[index[s.node]])
        if forest.island[index[s.node]] < 0:
            max_flow.append(0.0)
            continue
        max_flow.append(s.max_mass_flow_kg_s or VALVE_VELOCITY_M_S * widest * fluid.density)
    arrays = pipe_arrays(pipes, fluid)
    arrays["drag"][:, ALONG:] = boost_table(network, stopped)
    return Layout(
        pipe_from=whole([a for a, _ in ends]),
        pipe_to=whole([b for _, b in ends]),
        node_ptr=whole(np.concatenate(([0], np.cumsum([len(k) for k in at_node]))).tolist()),
        node_pipe=whole([p for k in at_node for p in k]),
        tree_node=forest.node,
        tree_parent=forest.parent,
        tree_pipe=forest.pipe,
        island=forest.island,
        chord=loops.chord,
        loop_ptr=loops.pointer,
        loop_pipe=loops.pipe,
        loop_sign=loops.sign,
        row_start=loops.row_start,
        pair_at=loops.pair_at,
        pair_pipe=loops.pair_pipe,
        pair_sign=loops.pair_sign,
        sub_node=whole([index[s.node] for s in network.substations]),
        sub_max_kg_s=reals(max_flow),
        plant_node=whole([index[g.node] for g in network.plants]),
        plant_range_c=reals([_range_c(g) for g in network.plants]),
        plant_most_kg_s=reals(
            [
                most_flow(g.pump is not None, [pipes[p].area_m2 for p in at_node[index[g.node]]], fluid.density)
                for g in network.plants
            ]
        ),
        plant_max_w=reals([min(g.max_heat_kw * 1000.0, FAR_W) for g in network.plants]),
        pump=reals([NO_CURVE if g.pump is None else g.pump.row for g in network.plants]),
        lift_pa=np.full(len(network.plants), UNLIMITED_PA),
        sub_needs_pa=reals([s.min_differential_pa for s in network.substations]),
        least_c=least_c(network, index),
        bypass=reals([(s.bypass_supply_c, s.bypass_kg_s) for s in network.substations]),
        plant_live=whole([int(root >= 0) for root in roots]),
        fluid=fluid_array(fluid),
        film=film_table(fluid),
        exchanger=exchanger_table(network.substations),
        boost_pipe=whole(list(boosters_of(network))),
        boost_pump=boost_pumps(network),
        **arrays,  # type: ignore[arg-type]
    )
