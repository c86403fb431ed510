"""From the drawn network to the arrays of the kernels: numbering, spanning tree, loops, how finely a wall is cut."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from rexnet_grid.rexdynnet.correlations import nusselt
from rexnet_grid.rexdynnet.ends import exchanger_table
from rexnet_grid.rexdynnet.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def exchangers(pipe: Pipe, fluid: Fluid) -> int:
    """Return into how many exchangers a wall is cut: one per ``UNITS_PER_EXCHANGER`` transfer units at 0.3 m/s.

    At least 2 and at most 48; 8 idle ones for a pipe without wall. The chain has the delay and spread of the real wall
    for any number, see :mod:`walls`; the number decides on the shape and on what happens at low flow.
    """
    if pipe.wall_capacity_j_mk <= 0.0:
        return BARE_STRETCHES
    flow = DESIGN_VELOCITY_M_S * pipe.area_m2 * fluid.density
    reynolds = DESIGN_VELOCITY_M_S * pipe.inner_diameter_m * fluid.density / fluid.viscosity
    film = nusselt(reynolds, fluid.prandtl) * fluid.conductivity * math.pi
    units = pipe.length_m / (1.0 / film + pipe.wall_resistance_mk_w) / (flow * fluid.heat_capacity)
    return int(min(max(math.ceil(units / UNITS_PER_EXCHANGER), MIN_EXCHANGERS), MAX_EXCHANGERS))


def pipe_arrays(pipes: Sequence[Pipe], fluid: Fluid) -> dict[str, FloatArray | IntArray]:
    """Return the per-pipe arrays of :class:`Layout`."""
    rows = np.array([exchangers(pipe, fluid) + 1 for pipe in pipes], dtype=np.int64)
    length = np.array([pipe.length_m for pipe in pipes])
    return {
        "row_ptr": np.concatenate(([0], np.cumsum(rows))).astype(np.int64),
        "diameter_m": np.array([pipe.inner_diameter_m for pipe in pipes]),
        "length_m": length,
        "roughness_m": np.array([pipe.roughness_m for pipe in pipes]),
        "minor_loss": np.array([pipe.minor_loss for pipe in pipes]),
        "mass_kg": np.array([pipe.volume_m3 for pipe in pipes]) * fluid.density,
        "wall_j_k": np.array([pipe.wall_capacity_j_mk for pipe in pipes]) * length,
        "loss_w_k": length / np.array([pipe.loss_resistance_mk_w for pipe in pipes]),
        "wall_resistance_k_w": np.array([pipe.wall_resistance_mk_w for pipe in pipes]) / length,
    }


def fluid_array(fluid: Fluid) -> FloatArray:
    """Return the properties in the order of :attr:`Layout.fluid`."""
    return np.array([fluid.density, fluid.heat_capacity, fluid.viscosity, fluid.conductivity, fluid.prandtl])


def _tree(
    graph: nx.Graph, index: dict[str, int], edge_number: dict[frozenset[str], int], root: str
) -> tuple[list[int], list[int], list[int], dict[str, str]]:
    nodes, parents, pipes = [index[root]], [-1], [-1]
    parent_of: dict[str, str] = {}
    for parent, child in nx.bfs_edges(graph, root):
        nodes.append(index[child])
        parents.append(index[parent])
        pipes.append(edge_number[frozenset((parent, child))])
        parent_of[child] = parent
    return nodes, parents, pipes, parent_of


def _path(parent_of: dict[str, str], node: str) -> list[str]:
    path = [node]
    while path[-1] in parent_of:
        path.append(parent_of[path[-1]])
    return path


def _loop(path_a: list[str], path_b: list[str]) -> list[tuple[str, str]]:
    """Return the directed tree edges from the end of b back to the start of a."""
    while len(path_a) > 1 and len(path_b) > 1 and path_a[-2] == path_b[-2]:
        path_a, path_b = path_a[:-1], path_b[:-1]
    down = [(path_b[k], path_b[k + 1]) for k in range(len(path_b) - 1)]
    up = [(path_a[k + 1], path_a[k]) for k in reversed(range(len(path_a) - 1))]
    return down + up


def _loops(
    ends: list[tuple[str, str]], edge_number: dict[frozenset[str], int], tree_pipes: set[int], parent_of: dict[str, str]
) -> tuple[list[int], list[int], list[int], list[float]]:
    chords = [p for p in range(len(ends)) if p not in tree_pipes]
    pointer, pipes, signs = [0], [], []
    for chord in chords:
        a, b = ends[chord]
        pipes.append(chord)
        signs.append(1.0)
        for start, end in _loop(_path(parent_of, a), _path(parent_of, b)):
            p = edge_number[frozenset((start, end))]
            pipes.append(p)
            signs.append(1.0 if ends[p] == (start, end) else -1.0)
        pointer.append(len(pipes))
    return chords, pointer, pipes, signs


def build_layout(network: HeatNetwork) -> Layout:
    """Return the arrays of a network; node, pipe, substation and plant order are those of the network."""
    graph, fluid = network.graph, network.fluid
    index = {node: k for k, node in enumerate(graph)}
    drawn = list(graph.edges(data=True))
    ends = [(data["from_node"], b if data["from_node"] == a else a) for a, b, data in drawn]
    edge_number = {frozenset(pair): p for p, pair in enumerate(ends)}
    nodes, parents, tree_pipes, parent_of = _tree(graph, index, edge_number, network.plants[0].node)
    chords, pointer, loop_pipes, loop_signs = _loops(ends, edge_number, set(tree_pipes), parent_of)
    at_node: list[list[int]] = [[] for _ in index]
    for p, (a, b) in enumerate(ends):
        at_node[index[a]].append(p)
        at_node[index[b]].append(p)
    pipes = [data["pipe"] for _, _, data in drawn]
    max_flow = []
    for s in network.substations:
        widest = max(pipes[p].area_m2 for p in at_node[index[s.node]])
        max_flow.append(s.max_mass_flow_kg_s or VALVE_VELOCITY_M_S * widest * fluid.density)

    def whole(values: Sequence[int]) -> IntArray:
        return np.array(values, dtype=np.int64)

    return Layout(
        pipe_from=whole([index[a] for a, _ in ends]),
        pipe_to=whole([index[b] for _, b in ends]),
        node_ptr=whole(np.concatenate(([0], np.cumsum([len(k) for k in at_node]))).tolist()),
        node_pipe=whole([p for k in at_node for p in k]),
        tree_node=whole(nodes),
        tree_parent=whole(parents),
        tree_pipe=whole(tree_pipes),
        chord=whole(chords),
        loop_ptr=whole(pointer),
        loop_pipe=whole(loop_pipes),
        loop_sign=np.array(loop_signs, dtype=np.float64),
        sub_node=whole([index[s.node] for s in network.substations]),
        sub_max_kg_s=np.array(max_flow),
        plant_node=whole([index[g.node] for g in network.plants]),
        plant_max_w=np.array([min(g.max_heat_kw * 1000.0, FAR_W) for g in network.plants]),
        fluid=fluid_array(fluid),
        exchanger=exchanger_table(network.substations),
        **pipe_arrays(pipes, fluid),  # type: ignore[arg-type]
    )
