r"""What reaches a substation within one step when its valve opens further.

The way back from the substation to its plant is walked pipe by pipe. A pipe that carries :math:`\dot m` hands over
what it holds in :math:`\tau = (M + C_w / c) / \dot m`, the mean delay of a front in water and wall (Anzelius 1926, see
:mod:`walls`); what it holds cools on the way as :math:`e^{-\lambda t}`. After the sum of these times fresh water of the
plant arrives, cooled by :math:`\exp(-\sum R / (\dot m c))` with R the loss per kelvin of each pipe. The mean over a
step of length :math:`\varepsilon` is

.. math:: \bar T = \frac1\varepsilon \Big(\sum_i \tau_i T_i + (\varepsilon - \sum_i \tau_i)^+ T_{fresh}\Big),

and :math:`\kappa = (\varepsilon - \sum \tau)^+ / \varepsilon \cdot \exp(-\sum R / (\dot m c))` is what a kelvin more at
the plant adds to it within the same step. The return of the substation goes the same way back and pushes out what the
return pipes hold first, so the plant gets back :math:`T_{back}`, found in the same manner. Opening the valve raises the
flow of every pipe on the way by the share of the draw that it carries. In a mesh all ways count that join at the first
node on the way back where water is mixed, each by its flow; further on each follows the largest flow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.compiled import apart

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import BoolArray, FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout

STILL = 1e-9


@apart
def opened_flow(flow: FloatArray, factors: FloatArray, extra: float, at: int, p: int) -> float:
    """Return the flow of a pipe when the node ``at`` draws ``extra`` more [kg/s]."""
    return float(flow[p] + extra * factors[p, at])


@apart
def into_node(
    layout: Layout, flow: FloatArray, factors: FloatArray, extra: float, at: int, node: int, below: float
) -> tuple[int, float]:
    """Return the pipe with the largest flow into a node that is less than ``below``, and that flow; -1 where none."""
    best, most = -1, STILL
    for k in range(layout.node_ptr[node], layout.node_ptr[node + 1]):
        p = layout.node_pipe[k]
        now = opened_flow(flow, factors, extra, at, p)
        into = now if layout.pipe_to[p] == node else -now
        if most < into < below:
            best, most = p, into
    return best, most


@apart
def along_way(
    layout: Layout,
    factors: FloatArray,
    parent_pipe: IntArray,
    flow: FloatArray,
    extra: float,
    source_c: FloatArray,
    is_source: BoolArray,
    held_c: FloatArray,
    return_c: float,
    ground_c: float,
    dt: float,
    at: int,
    split: int,
    chosen: int,
) -> tuple[float, float, float]:
    """Return what :func:`arrivals` says of one way back from ``at``, which leaves ``split`` by the pipe ``chosen``."""
    heat_capacity = layout.fluid[1]
    node = at
    spent, heat, fading, behind, back, warm = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for _ in range(layout.node_ptr.shape[0]):
        if is_source[node]:
            break
        p = chosen if node == split else into_node(layout, flow, factors, extra, at, node, math.inf)[0]
        if p < 0:
            p = parent_pipe[node]
        if p < 0:
            break
        m = max(abs(opened_flow(flow, factors, extra, at, p)), STILL)
        body = layout.mass_kg[p] + layout.wall_j_k[p] / heat_capacity
        lasts = min(body / m, dt - spent)
        if math.isnan(held_c[0, p]):
            warm += lasts
        else:
            cooled = math.exp(-layout.loss_w_k[p] / (body * heat_capacity) * (spent + 0.5 * lasts))
            heat += lasts * (ground_c + (held_c[0, p] - ground_c) * cooled)
            behind += body / m
            back += body / m * held_c[1, p]
        spent += lasts
        fading += layout.loss_w_k[p] / (m * heat_capacity)
        node = layout.pipe_from[p] if layout.pipe_to[p] == node else layout.pipe_to[p]
    left = dt - spent
    kept = math.exp(-fading)
    heat += (left + warm) * (ground_c + (source_c[node] - ground_c) * kept)
    fresh = ground_c + (return_c - ground_c) * kept
    returned = back / behind if behind >= dt else (back + (dt - behind) * fresh) / dt
    return heat / dt, left / dt * kept, returned


@apart
def first_split(
    layout: Layout, factors: FloatArray, flow: FloatArray, extra: float, is_source: BoolArray, at: int
) -> int:
    """Return the first node on the way back from a node into which more than one pipe flows, -1 where there is none."""
    node = at
    for _ in range(layout.node_ptr.shape[0]):
        if is_source[node]:
            return -1
        p, most = into_node(layout, flow, factors, extra, at, node, math.inf)
        if p < 0:
            return -1
        if into_node(layout, flow, factors, extra, at, node, most)[0] >= 0:
            return node
        node = layout.pipe_from[p] if layout.pipe_to[p] == node else layout.pipe_to[p]
    return -1


@njit(cache=True, error_model="numpy")
def arrivals(
    layout: Layout,
    factors: FloatArray,
    parent_pipe: IntArray,
    flow: FloatArray,
    extra: FloatArray,
    source_c: FloatArray,
    is_source: BoolArray,
    held_c: FloatArray,
    return_c: FloatArray,
    ground_c: float,
    dt: float,
) -> FloatArray:
    """Return what arrives at each substation when its valve alone opens further, (3, n_substations).

    Parameters
    ----------
    layout, factors, parent_pipe
        The network, its :func:`flow_factors`, and the pipe towards the root at each node, (n_nodes,).
    flow
        (n_pipes,) flows that are reserved [kg/s].
    extra
        (n_substations,) flow by which each valve opens [kg/s].
    source_c, is_source
        (n_nodes,) temperature of the plants and where they are [degC].
    held_c
        (2, n_pipes) what the pipes of each side hold at the start of the step; NaN where they count as warm [degC].
    return_c
        (n_substations,) return temperature of the substations [degC].
    ground_c
        Around the pipes [degC].
    dt
        Length of the step [s].

    Returns
    -------
    ndarray
        Mean temperature over the step [degC], the part of a kelvin at the plant that arrives within it [-], and the
        mean temperature of what comes back to the plant [degC].
    """
    subs = layout.sub_node.shape[0]
    found = np.zeros((3, subs))
    for s in range(subs):
        at = layout.sub_node[s]
        split = first_split(layout, factors, flow, extra[s], is_source, at)
        total, below = 0.0, math.inf
        while True:
            chosen, into = -1, 1.0
            if split >= 0:
                chosen, into = into_node(layout, flow, factors, extra[s], at, split, below)
                if chosen < 0:
                    break
            way = along_way(
                layout, factors, parent_pipe, flow, extra[s], source_c, is_source, held_c, return_c[s], ground_c, dt,
                at, split, chosen,
            )  # fmt: skip
            for k in range(3):
                found[k, s] += into * way[k]
            total, below = total + into, into
            if split < 0:
                break
        found[:, s] /= total
    return found


@njit(cache=True, error_model="numpy")
def arrivals_by_unit(
    layout: Layout,
    factors: FloatArray,
    parent_pipe: IntArray,
    flow: FloatArray,
    extra: FloatArray,
    source_c: FloatArray,
    is_source: BoolArray,
    held_c: FloatArray,
    return_c: FloatArray,
    ground_c: FloatArray,
    dt: float,
) -> FloatArray:
    """Return :func:`arrivals` for every unit and level of opening, (n_levels, 3, n_units, n_substations).

    All arrays but the first three and ``return_c`` have the unit as their first axis; ``extra`` (n_levels, n_units,
    n_substations) is the flow by which each valve opens [kg/s].
    """
    levels, units, subs = extra.shape
    found = np.zeros((levels, 3, units, subs))
    for k in range(units):
        for level in range(levels):
            found[level, :, k, :] = arrivals(
                layout, factors, parent_pipe, flow[k], extra[level, k], source_c[k], is_source[k], held_c[k],
                return_c, ground_c[k], dt,
            )  # fmt: skip
    return found
