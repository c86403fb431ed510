"""How flows follow the draws, and the ways that lead to the substations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.hydraulics import slopes, solved

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch

SMALLEST_PART = 1e-3
SMALLEST_KG_S = 1e-6


def flow_factors(layout: Layout, flow: FloatArray | None = None) -> FloatArray:
    r"""Return d flow / d draw, (n_pipes, n_nodes), with the plant that keeps the pressure as the balance [-].

    Exact in trees; in meshes linearised, :math:`F = F_{tree} - B' (B R B')^{-1} B R F_{tree}` with B the loops and R
    the slopes of the pressure drops at the given flow (n_pipes,) [kg/s]. Without one they are those of a flow that is
    equal everywhere, proportional to L / D^5.
    """
    pipes, nodes = len(layout.pipe_from), len(layout.node_ptr) - 1
    factors = np.zeros((pipes, nodes))
    for k in range(1, len(layout.tree_node)):
        node, pipe, parent = layout.tree_node[k], layout.tree_pipe[k], layout.tree_parent[k]
        if parent < 0:
            continue
        factors[:, node] = factors[:, parent]
        factors[pipe, node] = 1.0 if layout.pipe_to[pipe] == node else -1.0
    loops = len(layout.chord)
    if loops:
        if flow is None:
            slope = layout.length_m / layout.diameter_m**5
        else:
            least = SMALLEST_PART * max(float(np.abs(flow).max()), SMALLEST_KG_S)
            slope = slopes(layout, np.where(np.abs(flow) < least, np.copysign(least, flow), flow))
        share = np.zeros((loops, pipes))
        for c in range(loops):
            span = slice(layout.loop_ptr[c], layout.loop_ptr[c + 1])
            share[c, layout.loop_pipe[span]] = layout.loop_sign[span]
        weighted = share * slope
        factors -= share.T @ np.linalg.solve(weighted @ share.T, weighted @ factors)
    return factors


def tree_ways(layout: Layout) -> FloatArray:
    """Return the way to each substation through the spanning forest, (S, n_pipes): 1 along a pipe, -1 against it.

    The drop to a node is the same by all ways, so the sum along this one is the drop to the substation.
    """
    return np.asarray(node_ways(layout)[layout.sub_node])


def node_ways(layout: Layout) -> FloatArray:
    """Return the way to each node as :func:`tree_ways` those to the substations, (n_nodes, n_pipes)."""
    ways = np.zeros((len(layout.node_ptr) - 1, len(layout.pipe_from)))
    for node, parent, pipe in zip(layout.tree_node, layout.tree_parent, layout.tree_pipe, strict=True):
        if parent >= 0:
            ways[node] = ways[parent]
            ways[node, pipe] = 1.0 if layout.pipe_to[pipe] == node else -1.0
    return ways


def flows_for(
    layout: Layout, scratch: Scratch, factors: FloatArray, sub_kg_s: FloatArray, plant_kg_s: FloatArray
) -> FloatArray:
    """Return the flow in every pipe for many cases of draws, (n_cases, n_pipes) [kg/s].

    By the factors, and in meshes from there by the loops themselves. ``sub_kg_s`` (n_cases, n_substations) and
    ``plant_kg_s`` (n_cases, n_plants), of which those that keep the pressure do not count [kg/s].
    """
    flow: FloatArray = sub_kg_s @ factors[:, layout.sub_node].T - plant_kg_s @ factors[:, layout.plant_node].T
    if not len(layout.chord):
        return flow
    draw = np.zeros((len(flow), len(layout.node_ptr) - 1))
    np.add.at(draw.T, layout.sub_node, np.where(layout.island[layout.sub_node] >= 0, sub_kg_s, 0.0).T)
    np.add.at(draw.T, layout.plant_node, -plant_kg_s.T)
    solved(layout, scratch, draw, flow)
    return flow
