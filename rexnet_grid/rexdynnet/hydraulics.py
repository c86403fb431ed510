r"""Flows and pressure drops: trees by summation, meshes by Newton on the loops.

Darcy-Weisbach with the friction of :mod:`correlations` and minor losses, :math:`\Delta p = (f L / D + \zeta)\, \dot m
|\dot m| / (2 \rho A^2)`. Supply and return of a route carry the same flow in opposite directions (what a substation
draws it gives back at the same node, and so do plants), hence one side is solved and the circuit has twice its drop.
A booster's head is taken from the drop of its pipe, in halves where it lifts one side only: drops are the mean of both.
In each part of the network the first plant that pumps keeps the pressure and takes up the balance of flow; a part
without one stands still.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.compiled import apart, entry, inner
from rexnet_grid.rexdynnet.correlations import friction_and_slope, roughness_term
from rexnet_grid.rexdynnet.ordering import STILL_KG_S

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch

REYNOLDS, HEAD, REACH, ROUGH, BENDS = range(5)
ALONG, SHARE, BOOST, SAG, BOW, SPEED, LEAST = range(5, 12)
LOOP_TOLERANCE = 1e-8
MAX_NEWTON = 60
WHOLE_STEPS = 8
SMALLEST_KG_S = 1e-9


def drag_table(
    diameter_m: FloatArray, length_m: FloatArray, roughness_m: FloatArray, minor_loss: FloatArray, fluid: FloatArray
) -> FloatArray:
    """Return what a pipe's drop depends on besides its flow, (P, 12), see :attr:`Layout.drag`; without boosters."""
    area = 0.25 * math.pi * diameter_m**2
    return np.stack(
        (
            diameter_m / (area * fluid[2]),
            0.5 / (fluid[0] * area**2),
            length_m / diameter_m,
            roughness_term(roughness_m / diameter_m),
            minor_loss,
            *np.zeros((LEAST - BENDS, len(diameter_m))),
        ),
        axis=1,
    )


@apart
def boost(drag: FloatArray, flow: float) -> tuple[float, float]:
    """Return what a booster takes from the drop of its pipe and how that falls by flow, see :mod:`booster`."""
    m, n = max(flow * drag[ALONG], 0.0), drag[SPEED]
    lift = n * n * drag[BOOST] - (n * drag[SAG] + drag[BOW] * m) * m
    if lift <= drag[LEAST]:
        return 0.0, 0.0
    fall = n * drag[SAG] + 2.0 * drag[BOW] * m if m > 0.0 else 0.0
    return drag[ALONG] * drag[SHARE] * lift, drag[SHARE] * fall


@inner
def boosts_rings(layout: Layout) -> bool:
    """Return whether a booster lies in a loop."""
    found = False
    for k in range(layout.loop_pipe.shape[0]):
        found = found or layout.drag[layout.loop_pipe[k], ALONG] != 0.0
    return found


@apart
def set_speed(layout: Layout, speed: float) -> None:
    """Let all boosters in loops run at a part of their full speed."""
    for k in range(layout.loop_pipe.shape[0]):
        layout.drag[layout.loop_pipe[k], SPEED] = speed


@entry
def drop_and_slope(layout: Layout, p: int, flow: float) -> tuple[float, float]:
    """Return the pressure drop of a pipe from end A to end B and its slope by flow [Pa, Pa s/kg]."""
    drag = layout.drag
    m = max(abs(flow), SMALLEST_KG_S)
    reynolds = m * drag[p, REYNOLDS]
    friction, bend = friction_and_slope(reynolds, drag[p, ROUGH])
    loss = friction * drag[p, REACH] + drag[p, BENDS]
    head = drag[p, HEAD] * m
    drop, slope = head * loss * flow, head * (2.0 * loss + bend * reynolds * drag[p, REACH])
    if drag[p, ALONG] != 0.0:
        lift, fall = boost(drag[p], flow)
        return drop - lift, slope + fall
    return drop, slope


@entry
def pipe_drop(layout: Layout, p: int, flow: float) -> float:
    """Return the pressure drop of a pipe from end A to end B [Pa]."""
    return drop_and_slope(layout, p, flow)[0]


@apart
def set_drops(layout: Layout, scratch: Scratch, flow: FloatArray) -> None:
    """Fill the pressure drop of each pipe [Pa]."""
    for p in range(flow.shape[0]):
        scratch.dp_pa[p] = drop_and_slope(layout, p, flow[p])[0]


@apart
def tree_flows(layout: Layout, draw: FloatArray, flow: FloatArray) -> None:
    """Sum the draws from the leaves to the roots; chords keep the flow they have. ``draw`` is used up."""
    for c in range(layout.chord.shape[0]):
        p = layout.chord[c]
        draw[layout.pipe_from[p]] += flow[p]
        draw[layout.pipe_to[p]] -= flow[p]
    for k in range(layout.tree_node.shape[0] - 1, 0, -1):
        p = layout.tree_pipe[k]
        if p >= 0:
            node = layout.tree_node[k]
            flow[p] = draw[node] if layout.pipe_to[p] == node else -draw[node]
            draw[layout.tree_parent[k]] += draw[node]


@apart
def loop_drops(layout: Layout, flow: FloatArray, slope: FloatArray, residual: FloatArray) -> None:
    """Fill the sum of pressure drops around each loop [Pa] and the slope of each of its pipes [Pa s/kg]."""
    for c in range(residual.shape[0]):
        total = 0.0
        for k in range(layout.loop_ptr[c], layout.loop_ptr[c + 1]):
            p = layout.loop_pipe[k]
            drop, slope[p] = drop_and_slope(layout, p, flow[p])
            total += layout.loop_sign[k] * drop
        residual[c] = total


@entry
def factorise(row_start: IntArray, matrix: FloatArray) -> None:
    """Turn the envelope of a symmetric positive definite matrix into its Cholesky factor, row by row, in place."""
    for i in range(row_start.shape[0] - 1):
        at_i = row_start[i + 1] - 1 - i
        first_i = row_start[i] - at_i
        for j in range(first_i, i + 1):
            at_j = row_start[j + 1] - 1 - j
            first = max(first_i, row_start[j] - at_j)
            total = matrix[at_i + j]
            for k in range(first, j):
                total -= matrix[at_i + k] * matrix[at_j + k]
            matrix[at_i + j] = math.sqrt(total) if i == j else total / matrix[at_j + j]


@entry
def substitute(row_start: IntArray, factor: FloatArray, values: FloatArray) -> None:
    """Solve with a factor of :func:`factorise`, in place."""
    count = row_start.shape[0] - 1
    for i in range(count):
        at = row_start[i + 1] - 1 - i
        for k in range(row_start[i] - at, i):
            values[i] -= factor[at + k] * values[k]
        values[i] /= factor[at + i]
    for i in range(count - 1, -1, -1):
        at = row_start[i + 1] - 1 - i
        values[i] /= factor[at + i]
        for k in range(row_start[i] - at, i):
            values[k] -= factor[at + k] * values[i]


@apart
def largest(values: FloatArray) -> float:
    """Return the largest magnitude in an array."""
    found = 0.0
    for k in range(values.shape[0]):
        found = max(found, abs(values[k]))
    return found


@entry
def solve_flows(layout: Layout, scratch: Scratch, flow: FloatArray) -> bool:
    """Find the flows for what the nodes draw (plants negative) [kg/s]; return whether the loops converged.

    Newton on one correction per loop from the flows of the last call, B diag(d dp / d m) B' being symmetric and
    positive definite; from the eighth step on it is halved, which ends a swing between two laws of friction. A step
    below ``LOOP_TOLERANCE`` ends it: the next would be its square. ``scratch.draw`` is used up.
    """
    draw = scratch.draw
    drawn = largest(draw)
    if drawn < STILL_KG_S:
        flow[:] = 0.0
        return True
    tree_flows(layout, draw, flow)
    loops = layout.chord.shape[0]
    if loops == 0:
        return True
    total = max(largest(flow), drawn)
    change, slope, matrix = scratch.loop_pa, scratch.slope, scratch.matrix
    for attempt in range(MAX_NEWTON):
        loop_drops(layout, flow, slope, change)
        matrix[:] = 0.0
        for k in range(layout.pair_at.shape[0]):
            matrix[layout.pair_at[k]] += layout.pair_sign[k] * slope[layout.pair_pipe[k]]
        factorise(layout.row_start, matrix)
        substitute(layout.row_start, matrix, change)
        share = 1.0 if attempt < WHOLE_STEPS else 0.5
        for c in range(loops):
            for k in range(layout.loop_ptr[c], layout.loop_ptr[c + 1]):
                flow[layout.loop_pipe[k]] -= share * layout.loop_sign[k] * change[c]
        if largest(change) <= LOOP_TOLERANCE * total:
            return True
    return False


@njit(cache=True, error_model="numpy")
def drops(layout: Layout, flow: FloatArray) -> FloatArray:
    """Return the pressure drop of every pipe for many cases of flow, both (n_cases, n_pipes) [Pa, kg/s]."""
    found = np.zeros_like(flow)
    for case in range(flow.shape[0]):
        for p in range(flow.shape[1]):
            found[case, p] = pipe_drop(layout, p, flow[case, p])
    return found


@njit(cache=True, error_model="numpy")
def slopes(layout: Layout, flow: FloatArray) -> FloatArray:
    """Return how the pressure drop of every pipe rises with its flow, both (n_pipes,) [Pa s/kg, kg/s]."""
    found = np.zeros_like(flow)
    for p in range(flow.shape[0]):
        found[p] = drop_and_slope(layout, p, flow[p])[1]
    return found


@njit(cache=True, error_model="numpy")
def solved(layout: Layout, scratch: Scratch, draw: FloatArray, flow: FloatArray) -> None:
    """Solve the flows of many cases (n_cases, n_pipes), in place, for what nodes draw (n_cases, n_nodes) [kg/s]."""
    for case in range(flow.shape[0]):
        scratch.draw[:] = draw[case]
        solve_flows(layout, scratch, flow[case])
