r"""Flows and pressure drops: trees by summation, meshes by Newton on the loops.

Darcy-Weisbach with the friction of :mod:`correlations` and minor losses, :math:`\Delta p = (f L / D + \zeta)\, \dot m
|\dot m| / (2 \rho A^2)`. Supply and return of a route carry the same flow in opposite directions (what a substation
draws it gives back at the same node, and so do plants), hence one side is solved and the circuit has twice its drop.
The main plant keeps the pressure and takes up the balance of flow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.correlations import friction_factor, nusselt
from rexnet_grid.rexdynnet.ordering import STILL_KG_S

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch

LOOP_TOLERANCE = 1e-10
MAX_NEWTON = 60


@njit(cache=True, error_model="numpy")
def pipe_drop(layout: Layout, p: int, flow: float) -> float:
    """Return the pressure drop of a pipe from end A to end B [Pa]."""
    diameter = layout.diameter_m[p]
    area = 0.25 * math.pi * diameter * diameter
    m = abs(flow)
    reynolds = m * diameter / (area * layout.fluid[2])
    friction = friction_factor(reynolds, layout.roughness_m[p] / diameter)
    head = (friction * layout.length_m[p] / diameter + layout.minor_loss[p]) * m * flow
    return float(head / (2.0 * layout.fluid[0] * area * area))


@njit(cache=True, error_model="numpy")
def set_films(layout: Layout, scratch: Scratch, flow: FloatArray) -> None:
    """Fill the pressure drop [Pa] and the conductance between water and wall [W/K] of each pipe."""
    diameter_m, length_m, roughness_m = layout.diameter_m, layout.length_m, layout.roughness_m
    minor_loss, wall_resistance = layout.minor_loss, layout.wall_resistance_k_w
    dp_pa, film_w_k = scratch.dp_pa, scratch.film_w_k
    density, viscosity = layout.fluid[0], layout.fluid[2]
    conductivity, prandtl = layout.fluid[3], layout.fluid[4]
    for p in range(flow.shape[0]):
        diameter = diameter_m[p]
        area = 0.25 * math.pi * diameter * diameter
        m = abs(flow[p])
        reynolds = m * diameter / (area * viscosity)
        friction = friction_factor(reynolds, roughness_m[p] / diameter)
        dp_pa[p] = (friction * length_m[p] / diameter + minor_loss[p]) * m * flow[p] / (2.0 * density * area * area)
        film = nusselt(reynolds, prandtl) * conductivity * math.pi * length_m[p]
        film_w_k[p] = 1.0 / (1.0 / film + wall_resistance[p])


@njit(cache=True, error_model="numpy")
def tree_flows(layout: Layout, draw: FloatArray, flow: FloatArray) -> None:
    """Sum the draws from the leaves to the root; chords keep the flow they have. ``draw`` is used up."""
    for c in range(layout.chord.shape[0]):
        p = layout.chord[c]
        draw[layout.pipe_from[p]] += flow[p]
        draw[layout.pipe_to[p]] -= flow[p]
    for k in range(layout.tree_node.shape[0] - 1, 0, -1):
        node = layout.tree_node[k]
        p = layout.tree_pipe[k]
        flow[p] = draw[node] if layout.pipe_to[p] == node else -draw[node]
        draw[layout.tree_parent[k]] += draw[node]


@njit(cache=True, error_model="numpy")
def loop_drop(layout: Layout, c: int, flow: FloatArray) -> float:
    """Return the sum of pressure drops around a loop [Pa]."""
    total = 0.0
    for k in range(layout.loop_ptr[c], layout.loop_ptr[c + 1]):
        p = layout.loop_pipe[k]
        total += layout.loop_sign[k] * pipe_drop(layout, p, flow[p])
    return total


@njit(cache=True, error_model="numpy")
def loop_jacobian(layout: Layout, flow: FloatArray, bump: float) -> FloatArray:
    """Return B diag(d dp / d m) B', the change of the loops' drops with their corrections, (n_loops, n_loops)."""
    loops = layout.chord.shape[0]
    pipes = flow.shape[0]
    slope = np.zeros(pipes)
    share = np.zeros((loops, pipes))
    for p in range(pipes):
        width = bump + 1e-6 * abs(flow[p])
        slope[p] = (pipe_drop(layout, p, flow[p] + width) - pipe_drop(layout, p, flow[p] - width)) / (2.0 * width)
    for c in range(loops):
        for k in range(layout.loop_ptr[c], layout.loop_ptr[c + 1]):
            share[c, layout.loop_pipe[k]] = layout.loop_sign[k]
    jacobian = np.zeros((loops, loops))
    for c in range(loops):
        for k in range(layout.loop_ptr[c], layout.loop_ptr[c + 1]):
            p = layout.loop_pipe[k]
            for d in range(loops):
                jacobian[c, d] += layout.loop_sign[k] * slope[p] * share[d, p]
    return jacobian


@njit(cache=True, error_model="numpy")
def solve_flows(layout: Layout, draw: FloatArray, flow: FloatArray) -> bool:
    """Find the flows for what the nodes draw (plants negative) [kg/s]; return whether the loops converged.

    Newton on one correction per loop.
    """
    drawn = np.abs(draw).max()
    if drawn < STILL_KG_S:
        flow[:] = 0.0
        return True
    tree_flows(layout, draw, flow)
    loops = layout.chord.shape[0]
    if loops == 0:
        return True
    total = max(np.abs(flow).max(), drawn)
    residual = np.zeros(loops)
    for _ in range(MAX_NEWTON):
        for c in range(loops):
            residual[c] = loop_drop(layout, c, flow)
        change = np.linalg.solve(loop_jacobian(layout, flow, 1e-6 * total), residual)
        for c in range(loops):
            for k in range(layout.loop_ptr[c], layout.loop_ptr[c + 1]):
                flow[layout.loop_pipe[k]] -= layout.loop_sign[k] * change[c]
        if np.abs(change).max() <= LOOP_TOLERANCE * total:
            return True
    return False
