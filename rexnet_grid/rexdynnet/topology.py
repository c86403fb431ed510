"""From the drawn network to the arrays of the kernels: numbering and how finely a wall is cut."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from rexnet_grid.rexdynnet.correlations import nusselt
from rexnet_grid.rexdynnet.ends import exchanger_table
from rexnet_grid.rexdynnet.hydraulics import drag_table
from rexnet_grid.rexdynnet.layout import Layout
from rexnet_grid.rexdynnet.levels import CALM_EXCHANGERS
from rexnet_grid.rexdynnet.loops import short_loops, spanning_forest, whole
from rexnet_grid.rexdynnet.pump import NO_CURVE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.fluid import Fluid
    from rexnet_grid.rexdynnet.network import HeatNetwork
    from rexnet_grid.rexdynnet.pipe import Pipe

DESIGN_VELOCITY_M_S = 0.3
UNITS_PER_EXCHANGER = 0.35
MIN_EXCHANGERS = 2
MAX_EXCHANGERS = 48
BARE_STRETCHES = 8
VALVE_VELOCITY_M_S = 3.0
FAR_W = 1e15


def transfer_units(pipe: Pipe, fluid: Fluid) -> float:
    """Return the transfer units between water and wall at 0.3 m/s, h P L / (m c) [-]."""
    flow = DESIGN_VELOCITY_M_S * pipe.area_m2 * fluid.density
    reynolds = DESIGN_VELOCITY_M_S * pipe.inner_diameter_m * fluid.density / fluid.viscosity
    film = nusselt(reynolds, fluid.prandtl) * fluid.conductivity * math.pi
    return pipe.length_m / (1.0 / film + pipe.wall_resistance_mk_w) / (flow * fluid.heat_capacity)


def exchangers(pipe: Pipe, fluid: Fluid) -> int:
    """Return into how many exchangers a wall is cut: one per ``UNITS_PER_EXCHANGER`` transfer units at 0.3 m/s.

    At least 2 and at most 48; 8 idle ones for a pipe without wall. The chain has the delay and spread of the real wall
    for any number, see :mod:`walls`; the number decides on the shape and on what happens at low flow.
    """
    if pipe.wall_capacity_j_mk <= 0.0:
        return BARE_STRETCHES
    wanted = math.ceil(transfer_units(pipe, fluid) / UNITS_PER_EXCHANGER)
    return int(min(max(wanted, MIN_EXCHANGERS), MAX_EXCHANGERS))


def pipe_arrays(pipes: Sequence[Pipe], fluid: Fluid) -> dict[str, FloatArray | IntArray]:
    """Return the per-pipe arrays of :class:`Layout`."""
    rows = np.array([exchangers(pipe, fluid) + 1 for pipe in pipes], dtype=np.int64)
    length = np.array([pipe.length_m for pipe in pipes])
    diameter = np.array([pipe.inner_diameter_m for pipe in pipes])
    mass = np.array([pipe.volume_m3 for pipe in pipes]) * fluid.density
    wall = np.array([pipe.wall_capacity_j_mk for pipe in pipes]) * length
    trading = np.minimum(1.0, np.sqrt([2.0 * CALM_EXCHANGERS / transfer_units(pipe, fluid) for pipe in pipes])) * wall
    return {
        "row_ptr": np.concatenate(([0], np.cumsum(rows))).astype(np.int64),
        "diameter_m": diameter,
        "length_m": length,
        "drag": drag_table(
            diameter,
            length,
            np.array([pipe.roughness_m for pipe in pipes]),
            np.array([pipe.minor_loss for pipe in pipes]),
            fluid_array(fluid),
        ),
        "mass_kg": mass,
        "wall_j_k": wall,
        "coupling": np.array([pipe.coupling for pipe in pipes]),
        "body_kg": np.stack((mass, mass + (wall - trading) / fluid.heat_capacity)),
        "shell_j_k": np.stack((wall, trading)),
        "loss_w_k": length / np.array([pipe.loss_resistance_mk_w for pipe in pipes]),
        "wall_resistance_k_w": np.array([pipe.wall_resistance_mk_w for pipe in pipes]) / length,
    }


def fluid_array(fluid: Fluid) -> FloatArray:
    """Return the properties in the order of :attr:`Layout.fluid`."""
    prandtl = fluid.prandtl
    return np.array(
        [fluid.density, fluid.heat_capacity, fluid.viscosity, fluid.conductivity, prandtl, prandtl ** (2.0 / 3.0)]
    )


def build_layout(network: HeatNetwork, closed: Collection[str] = (), stopped: Collection[str] = ()) -> Layout:
    """Return the arrays of a network; node, pipe, substation and plant order are those of the network.

    Parameters
    ----------
    network
        The network.
    closed
        Names of pipes that are shut on both sides; what lies behind them and has no other plant stands still.
    stopped
        Nodes of plants that do not pump. Where the first plant of an island is stopped the next keeps the pressure.
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
        sub_max_kg_s=np.array(max_flow),
        plant_node=whole([index[g.node] for g in network.plants]),
        plant_max_w=np.array([min(g.max_heat_kw * 1000.0, FAR_W) for g in network.plants]),
        pump=np.array([NO_CURVE if g.pump is None else g.pump.row for g in network.plants]),
        sub_needs_pa=np.array([s.min_differential_pa for s in network.substations]),
        plant_live=whole([int(root >= 0) for root in roots]),
        fluid=fluid_array(fluid),
        exchanger=exchanger_table(network.substations),
        **pipe_arrays(pipes, fluid),  # type: ignore[arg-type]
    )
