r"""What reaches a substation within one step when its valve opens further.

The way back from the substation to its plant is walked pipe by pipe. A pipe that carries :math:`\dot m` hands over
what it holds in :math:`\tau = (M + C_w / c) / \dot m`, the mean delay of a front in water and wall (Anzelius 1926, see
:mod:`walls`), the section at its outlet first; what it holds cools on the way as :math:`e^{-\lambda t}`. After the sum
of these times fresh water of the plant arrives, cooled by :math:`\exp(-\sum R / (\dot m c))` with R the loss per kelvin
of each pipe. The mean over a step of length :math:`\varepsilon` is

.. math:: \bar T = \frac1\varepsilon \Big(\sum_i \tau_i T_i + (\varepsilon - \sum_i \tau_i)^+ T_{fresh}\Big),

and :math:`\kappa = (\varepsilon - \sum \tau)^+ / \varepsilon \cdot \exp(-\sum R / (\dot m c))` is what a kelvin more at
the plant adds to it within the same step. The return of the substation goes the same way back and pushes out what the
return pipes hold first, so the plant gets back :math:`T_{back}`, found in the same manner. Opening the valve raises the
flow of every pipe on the way by the share of the draw that it carries. In a mesh all ways count that join at the first
node on the way back where water is mixed, each by its flow; further on each follows the largest flow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.bundles import by_address
from rexnet_grid.rexdynnet.compiled import inner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.rexdynnet.arrays import BoolArray, FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout

STILL = 1e-9


class Water(NamedTuple):
    """What is in the pipes and enters them in a unit; P pipes, N nodes, S substations.

    ``source_c``, ``is_source`` (N,) temperature of the plants and where they are [degC]; ``held_c`` (P, sections) and
    ``behind_c`` (P,) what the pipes of supply and return hold at the start; NaN where they count as warm [degC];
    ``return_c`` (S,) of the substations [degC]; ``ground_c`` around the pipes [degC]; ``dt`` length of the unit [s] and
    ``parts`` the number of its steps.
    """

    source_c: FloatArray
    is_source: BoolArray
    held_c: FloatArray
    behind_c: FloatArray
    return_c: FloatArray
    ground_c: float
    dt: float
    parts: int = 1


@by_address
class Ways(NamedTuple):
    """What the ways back depend on; P pipes, N nodes.

    ``node_ptr``, ``node_pipe``, ``pipe_from``, ``pipe_to`` as in :class:`Layout`; ``parent_pipe`` (N,) the pipe towards
    the root; ``by_node`` (N, P) change of flow by draw; ``body_kg`` (P,) water that holds as much heat as a pipe with
    its wall; ``loss_kg_s`` (P,) loss per kelvin over the heat capacity of water.
    """

    node_ptr: IntArray
    node_pipe: IntArray
    pipe_from: IntArray
    pipe_to: IntArray
    parent_pipe: IntArray
    by_node: FloatArray
    body_kg: FloatArray
    loss_kg_s: FloatArray


def ways_of(layout: Layout, factors: FloatArray, parent_pipe: IntArray) -> Ways:
    """Return the ways of a network with its :func:`flow_factors` (n_pipes, n_nodes)."""
    heat_capacity = layout.fluid[1]
    return Ways(
        layout.node_ptr,
        layout.node_pipe,
        layout.pipe_from,
        layout.pipe_to,
        parent_pipe,
        np.ascontiguousarray(factors.T),
        layout.mass_kg + layout.wall_j_k / heat_capacity,
        layout.loss_w_k / heat_capacity,
    )


@inner
def opened_flow(ways: Ways, flow: FloatArray, extra: float, at: int, p: int) -> float:
    """Return the flow of a pipe when the node ``at`` draws ``extra`` more [kg/s]."""
    return float(flow[p] + extra * ways.by_node[at, p])


@inner
def into_node(ways: Ways, flow: FloatArray, extra: float, at: int, node: int, below: float) -> tuple[int, float]:
    """Return the pipe with the largest flow into a node that is less than ``below``, and that flow; -1 where none."""
    best, most = -1, STILL
    for k in range(ways.node_ptr[node], ways.node_ptr[node + 1]):
        p = ways.node_pipe[k]
        now = opened_flow(ways, flow, extra, at, p)
        into = now if ways.pipe_to[p] == node else -now
        if most < into < below:
            best, most = p, into
    return best, most


@inner
def held_near(held_c: FloatArray, p: int, part: float, outlet_at_b: bool) -> float:
    """Return the mean temperature of the part of a pipe that is next to its outlet [degC]."""
    sections = held_c.shape[1]
    heat, left, wide = 0.0, part * sections, part * sections
    for k in range(sections):
        inside = min(left, 1.0)
        if inside <= 0.0:
            break
        heat += inside * held_c[p, sections - 1 - k if outlet_at_b else k]
        left -= inside
    return float(heat / wide)


@inner
def along_way(
    ways: Ways,
    flow: FloatArray,
    extra: float,
    water: Water,
    return_c: float,
    at: int,
    split: int,
    chosen: int,
    one_way: bool,
    dt: float,
) -> tuple[float, float, float]:
    """Return what :func:`over_ways` says of one way back from ``at``, which leaves ``split`` by the pipe ``chosen``."""
    held_c, behind_c, ground_c = water.held_c, water.behind_c, water.ground_c
    node = at
    spent, heat, fading, behind, back, warm = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for _ in range(ways.node_ptr.shape[0]):
        if water.is_source[node]:
            break
        p = chosen
        if node != split:
            p = -1 if one_way else into_node(ways, flow, extra, at, node, math.inf)[0]
        if p < 0:
            p = ways.parent_pipe[node]
        if p < 0:
            break
        m = max(abs(opened_flow(ways, flow, extra, at, p)), STILL)
        body = ways.body_kg[p]
        lasts = min(body / m, dt - spent)
        if math.isnan(held_c[p, 0]):
            warm += lasts
        elif lasts > 0.0:
            cooled = math.exp(-ways.loss_kg_s[p] / body * (spent + 0.5 * lasts))
            near_c = held_near(held_c, p, min(lasts * m / body, 1.0), ways.pipe_to[p] == node)
            heat += lasts * (ground_c + (near_c - ground_c) * cooled)
        if not math.isnan(behind_c[p]):
            behind += body / m
            back += body / m * behind_c[p]
        spent += lasts
        fading += ways.loss_kg_s[p] / m
        node = ways.pipe_from[p] if ways.pipe_to[p] == node else ways.pipe_to[p]
    left = dt - spent
    kept = math.exp(-fading)
    heat += (left + warm) * (ground_c + (water.source_c[node] - ground_c) * kept)
    fresh = ground_c + (return_c - ground_c) * kept
    returned = back / behind if behind >= dt else (back + (dt - behind) * fresh) / dt
    return heat / dt, left / dt * kept, returned


@inner
def first_split(ways: Ways, flow: FloatArray, extra: float, is_source: BoolArray, at: int) -> int:
    """Return the first node on the way back from a node into which more than one pipe flows, -1 where there is none."""
    node = at
    for _ in range(ways.node_ptr.shape[0]):
        if is_source[node]:
            return -1
        p, most = into_node(ways, flow, extra, at, node, math.inf)
        if p < 0:
            return -1
        if into_node(ways, flow, extra, at, node, most)[0] >= 0:
            return node
        node = ways.pipe_from[p] if ways.pipe_to[p] == node else ways.pipe_to[p]
    return -1


@inner
def over_ways(
    ways: Ways, flow: FloatArray, extra: float, water: Water, s: int, at: int, one_way: bool, dt: float
) -> tuple[float, float, float]:
    """Return the first three of :func:`arrivals` at the node ``at`` of substation s over ``dt`` [s], by all ways."""
    split = -1 if one_way else first_split(ways, flow, extra, water.is_source, at)
    if split < 0:
        return along_way(ways, flow, extra, water, water.return_c[s], at, split, -1, one_way, dt)
    total, below, heat, share, back = 0.0, math.inf, 0.0, 0.0, 0.0
    while True:
        chosen, into = into_node(ways, flow, extra, at, split, below)
        if chosen < 0:
            break
        way = along_way(ways, flow, extra, water, water.return_c[s], at, split, chosen, one_way, dt)
        heat, share, back = heat + into * way[0], share + into * way[1], back + into * way[2]
        total, below = total + into, into
    return heat / total, share / total, back / total


@njit(cache=True, error_model="numpy")
def arrivals(
    ways: Ways,
    flow: FloatArray,
    extra: FloatArray,
    water: Water,
    sub_node: IntArray,
    one_way: bool,
) -> FloatArray:
    """Return what arrives at each substation when its valve alone opens further, (5, n_substations).

    Parameters
    ----------
    ways
        Those of the network.
    flow
        (n_pipes,) flows that are reserved [kg/s].
    extra
        (n_substations,) flow by which each valve opens [kg/s].
    water
        What is in the pipes and enters them.
    sub_node, one_way
        Nodes of the substations, and whether only one way leads to each.

    Returns
    -------
    ndarray
        Means over the unit: the temperature [degC], the part of a kelvin at the plant that arrives within it [-], the
        temperature of what comes back to the plant [degC]. Then the temperature in the coldest of the unit's steps, and
        the part of a kelvin in the step in which it is largest: all steps are to be served.
    """
    subs, parts = sub_node.shape[0], water.parts
    found = np.zeros((5, subs))
    for s in range(subs):
        coldest, most, temperature, share = math.inf, 0.0, 0.0, 0.0
        for k in range(1, parts + 1):
            now = over_ways(ways, flow, extra[s], water, s, sub_node[s], one_way, water.dt * k / parts)
            coldest = min(coldest, k * now[0] - (k - 1) * temperature)
            most = max(most, k * now[1] - (k - 1) * share)
            temperature, share = now[0], now[1]
            found[2, s] = now[2]
        found[0, s], found[1, s], found[3, s], found[4, s] = temperature, share, coldest, most
    return found


@njit(cache=True, error_model="numpy")
def arrivals_each(ways: Ways, flow: FloatArray, water: Water, sub_node: IntArray, one_way: bool) -> FloatArray:
    """Return the last two of :func:`arrivals` for substations with flows of their own, (n_substations, n_pipes)."""
    found, none = np.zeros((2, sub_node.shape[0])), np.zeros(1)
    for s in range(sub_node.shape[0]):
        own = Water(
            water.source_c, water.is_source, water.held_c, water.behind_c, water.return_c[s : s + 1], water.ground_c,
            water.dt, water.parts,
        )  # fmt: skip
        found[:, s] = arrivals(ways, flow[s], none, own, sub_node[s : s + 1], one_way)[3:, 0]
    return found


def arrivals_by_unit(
    layout: Layout,
    factors: FloatArray,
    parent_pipe: IntArray,
    flow: FloatArray,
    extra: FloatArray,
    waters: Sequence[Water],
) -> FloatArray:
    """Return :func:`arrivals` for every unit and level of opening, (n_levels, 5, n_units, n_substations).

    ``flow`` (n_units, n_pipes); ``extra`` (n_levels, n_units, n_substations) is the flow by which each valve opens
    [kg/s]; one water a unit.
    """
    one_way = len(layout.chord) == 0 and len(layout.plant_node) == 1
    ways = ways_of(layout, factors, parent_pipe)
    found = np.zeros((len(extra), 5, *flow.shape[:1], extra.shape[2]))
    for k, water in enumerate(waters):
        for level in range(len(extra)):
            found[level, :, k] = arrivals(ways, flow[k], extra[level, k], water, layout.sub_node, one_way)
    return found
