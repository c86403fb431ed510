r"""Marginal heat losses by node: what a kilowatt more or less at a node changes in the losses, once all is steady.

With L the steady loss of supply and return, :math:`P_n` the injection at node n (a substation's is negative), and all
supply temperatures and those of the houses held,

.. math:: \mu_n = \frac{\partial L}{\partial P_n}, \qquad
          L = \sum_{sides} \sum_p \dot m_p c\, (T_p - T_g)\,(1 - e^{-U_p / (\dot m_p c)}),

where the main plant takes up the balance, so :math:`\mu` is zero there. The derivative is the whole one: a substation
that draws more carries warmer water to itself and to all behind it, which then draw less; in a mesh the flow comes by
all ways that the pressure drops open, :math:`d \dot m = F\, d \dot m_{draw}` with the :func:`flow_factors` at the
steady flow; water mixes at nodes, and the return carries the mirror image. Behind an exchanger the flow and what it
gives back are those of the exchanger itself for its load and the temperature that arrives. A plant beside the main one
gives what its heat takes, :math:`\dot m = P / (c (T_{plant} - T_{back}))`. Not in it are bypasses and valves that are
full.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.compiled import inner
from rexnet_grid.rexdynnet.ends import has_exchanger, station_draw
from rexnet_grid.rexdynnet.hydraulics import solve_flows
from rexnet_grid.rexdynnet.ordering import flow_order
from rexnet_grid.rexdynnet.sensitivity import flow_factors

if TYPE_CHECKING:
    from collections.abc import Callable

    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.houses import HouseRow
    from rexnet_grid.rexdynnet.layout import Layout, Scratch

LEVELS = 4
LEVELS_APART = 0.01
LEAST_LOAD = 0.02
BUMP = 1e-5
ROUNDS = 120
SMALLEST_WEIGHT = 0.02
SETTLED_K = 1e-9
SMALLEST_KG_S = 1e-12
SMALLEST_SPREAD_K = 1.0


class Loads(NamedTuple):
    """What substations and plants do: ``heat_w``, its ``hot_w``, ``return_c`` and ``secondary_c`` of the houses, (S,).

    ``plant_w`` (G,) heat of the plants [W, degC].
    """

    heat_w: FloatArray
    hot_w: FloatArray
    return_c: FloatArray
    secondary_c: FloatArray
    plant_w: FloatArray


@inner
def carried(
    layout: Layout,
    order: IntArray,
    flow: FloatArray,
    node_c: FloatArray,
    entering: FloatArray,
    ground_c: float,
    side: int,
) -> float:
    """Fill the steady temperatures of one side's nodes from what enters, (2, n_nodes) [kg/s, kg/s K]; return its loss.

    The loss is in W over the heat capacity of water [kg/s K]. ``entering`` is used up.
    """
    lost, nodes = 0.0, order.shape[0]
    for k in range(nodes):
        node = order[k] if side == 0 else order[nodes - 1 - k]
        if entering[0, node] > SMALLEST_KG_S:
            node_c[side, node] = entering[1, node] / entering[0, node]
        for at in range(layout.node_ptr[node], layout.node_ptr[node + 1]):
            p = layout.node_pipe[at]
            a, b = layout.pipe_from[p], layout.pipe_to[p]
            starts, along = a == node, flow[p] if side == 0 else -flow[p]
            out = along if starts else -along
            if out <= SMALLEST_KG_S:
                continue
            far = b if starts else a
            other = 0.5 * (node_c[1 - side, a] + node_c[1 - side, b])
            around = ground_c + layout.coupling[p] * (other - ground_c)
            fall = (node_c[side, node] - around) * -math.expm1(-layout.loss_w_k[p] / (out * layout.fluid[1]))
            lost += out * fall
            entering[0, far] += out
            entering[1, far] += out * (node_c[side, node] - fall)
    return lost


@njit(cache=True, error_model="numpy")
def steady_case(
    layout: Layout,
    order: IntArray,
    flow: FloatArray,
    sub_kg_s: FloatArray,
    plant_kg_s: FloatArray,
    supply_c: FloatArray,
    return_c: FloatArray,
    ground_c: float,
    node_c: FloatArray,
) -> float:
    """Return the loss at given flows [W]; fill the temperatures of the nodes, from those that were there before.

    ``plant_kg_s`` (n_plants,) counts those beside the main one; ``return_c`` (n_substations,) what is given back;
    ``node_c`` (2, n_nodes) [degC].
    """
    nodes = node_c.shape[1]
    entering = np.zeros((2, nodes))
    for g in range(layout.plant_node.shape[0]):
        node = layout.plant_node[g]
        if layout.island[node] == g:
            node_c[0, node] = supply_c[g]
        entering[0, node] += plant_kg_s[g]
        entering[1, node] += plant_kg_s[g] * supply_c[g]
    lost = carried(layout, order, flow, node_c, entering, ground_c, 0)
    entering[:] = 0.0
    for s in range(layout.sub_node.shape[0]):
        node = layout.sub_node[s]
        entering[0, node] += sub_kg_s[s]
        entering[1, node] += sub_kg_s[s] * return_c[s]
    lost += carried(layout, order, flow, node_c, entering, ground_c, 1)
    return float(lost * layout.fluid[1])


@inner
def set_draws(
    layout: Layout,
    loads: Loads,
    supply_c: FloatArray,
    node_c: FloatArray,
    back_c: FloatArray,
    sub_kg_s: FloatArray,
    plant_kg_s: FloatArray,
    eased: FloatArray,
) -> None:
    """Fill flows of substations, what they give back, and flows of plants that do not keep the pressure.

    These give no more than is drawn. The flow of an exchanger falls so steeply with the temperature that arrives, which
    rises with the flow, that it is only moved a part of the way, half of the part before where it has turned round:
    ``eased`` (2, n_substations) holds that part and the last move [kg/s].
    """
    drawn = np.zeros(layout.plant_node.shape[0])
    for s in range(layout.sub_node.shape[0]):
        node = layout.sub_node[s]
        root = layout.island[node]
        back_c[s], before = loads.return_c[s], sub_kg_s[s]
        spread = max(node_c[0, node] - back_c[s], SMALLEST_SPREAD_K)
        sub_kg_s[s] = loads.heat_w[s] / (layout.fluid[1] * spread) if root >= 0 else 0.0
        if root >= 0 and has_exchanger(layout.exchanger[s]):
            wanted, back_c[s] = station_draw(
                layout.exchanger[s], loads.heat_w[s], loads.hot_w[s], node_c[0, node], loads.return_c[s],
                loads.secondary_c[s], layout.sub_max_kg_s[s], layout.fluid[1],
            )  # fmt: skip
            move = wanted - before
            turned = move * eased[1, s] < 0.0
            eased[0, s] = max(0.5 * eased[0, s], SMALLEST_WEIGHT) if turned else min(1.2 * eased[0, s], 1.0)
            eased[1, s] = eased[0, s] * move
            sub_kg_s[s] = before + eased[1, s]
        if root >= 0:
            drawn[root] += sub_kg_s[s]
    given = np.zeros(drawn.shape[0])
    for g in range(drawn.shape[0]):
        node = layout.plant_node[g]
        root = layout.island[node]
        beside = layout.plant_live[g] == 1 and root >= 0 and root != g
        spread = max(supply_c[g] - node_c[1, node], SMALLEST_SPREAD_K)
        plant_kg_s[g] = loads.plant_w[g] / (layout.fluid[1] * spread) if beside else 0.0
        if beside:
            given[root] += plant_kg_s[g]
    for g in range(drawn.shape[0]):
        root = layout.island[layout.plant_node[g]]
        if root >= 0 and given[root] > drawn[root]:
            plant_kg_s[g] *= drawn[root] / given[root]


@inner
def renew(before: FloatArray, now: FloatArray) -> float:
    """Write the temperatures of the nodes over those before; return the largest change [K]."""
    most = 0.0
    for side in range(now.shape[0]):
        for node in range(now.shape[1]):
            most = max(most, abs(now[side, node] - before[side, node]))
            before[side, node] = now[side, node]
    return most


@njit(cache=True, error_model="numpy")
def settle(
    layout: Layout,
    scratch: Scratch,
    loads: Loads,
    supply_c: FloatArray,
    ground_c: float,
    flow: FloatArray,
    node_c: FloatArray,
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Find steady flows and temperatures, from those given on; return draws of all ends and the order of flow."""
    sub_kg_s, plant_kg_s = np.zeros(loads.heat_w.shape[0]), np.zeros(loads.plant_w.shape[0])
    back_c, eased = np.zeros(sub_kg_s.shape[0]), np.zeros((2, sub_kg_s.shape[0]))
    eased[0] = 1.0
    before = node_c.copy()
    order = flow_order(layout, flow)
    for _ in range(ROUNDS):
        set_draws(layout, loads, supply_c, node_c, back_c, sub_kg_s, plant_kg_s, eased)
        scratch.draw[:] = 0.0
        for s in range(sub_kg_s.shape[0]):
            scratch.draw[layout.sub_node[s]] += sub_kg_s[s]
        for g in range(plant_kg_s.shape[0]):
            scratch.draw[layout.plant_node[g]] -= plant_kg_s[g]
        solve_flows(layout, scratch, flow)
        order = flow_order(layout, flow)
        steady_case(layout, order, flow, sub_kg_s, plant_kg_s, supply_c, back_c, ground_c, node_c)
        if renew(before, node_c) < SETTLED_K:
            break
    return sub_kg_s, plant_kg_s, order


@njit(cache=True, error_model="numpy")
def slopes_by_node(
    layout: Layout,
    factors: FloatArray,
    order: IntArray,
    flow: FloatArray,
    sub_kg_s: FloatArray,
    plant_kg_s: FloatArray,
    loads: Loads,
    more: Loads,
    supply_c: FloatArray,
    ground_c: float,
    node_c: FloatArray,
) -> FloatArray:
    """Return the change of the loss with each plant's and each substation's heat, (n_plants + n_substations,) [W/W].

    Each does in turn what ``more`` has of it. Flows are linear about a steady case, by ``factors`` (n_pipes,
    n_substations + n_plants); directions stay.
    """
    subs, plants = loads.heat_w.shape[0], loads.plant_w.shape[0]
    found = np.zeros(plants + subs + 1)
    change, bump_w, back_c = np.zeros(subs + plants), np.ones(plants + subs), np.zeros(subs)
    drawn, given, eased = sub_kg_s.copy(), plant_kg_s.copy(), np.zeros((2, subs))
    for k in range(plants + subs + 1):
        case = Loads(
            loads.heat_w.copy(), loads.hot_w.copy(), loads.return_c.copy(), loads.secondary_c.copy(),
            loads.plant_w.copy(),
        )  # fmt: skip
        if k < plants:
            case.plant_w[k] = more.plant_w[k]
            bump_w[k] = more.plant_w[k] - loads.plant_w[k]
        elif k < plants + subs:
            s = k - plants
            case.heat_w[s], case.hot_w[s] = more.heat_w[s], more.hot_w[s]
            case.return_c[s], case.secondary_c[s] = more.return_c[s], more.secondary_c[s]
            bump_w[k] = more.heat_w[s] - loads.heat_w[s]
        now, before = node_c.copy(), node_c.copy()
        drawn[:], given[:], eased[0], eased[1] = sub_kg_s, plant_kg_s, 0.5, 0.0
        for _ in range(ROUNDS):
            set_draws(layout, case, supply_c, now, back_c, drawn, given, eased)
            change[:subs], change[subs:] = drawn - sub_kg_s, plant_kg_s - given
            found[k] = steady_case(
                layout, order, flow + factors @ change, drawn, given, supply_c, back_c, ground_c, now
            )
            if renew(before, now) < SETTLED_K:
                break
    slope: FloatArray = (found[:-1] - found[-1]) / bump_w
    return slope


def marginal_losses(
    layout: Layout,
    scratch: Scratch,
    drawn_w: FloatArray,
    given_w: FloatArray,
    design_w: FloatArray,
    supply_c: FloatArray,
    houses: Callable[[FloatArray], HouseRow],
    ground_c: float,
) -> FloatArray:
    """Return the change of the steady loss by injection, (n_units, n_plants + n_substations) [W/W].

    Found at four levels of total demand, shared out as over all units, and interpolated between them.

    Parameters
    ----------
    layout, scratch
        The network and its working memory.
    drawn_w, given_w
        (n_units, n_substations) and (n_units, n_plants) heat of substations and plants [W]; that of a plant that keeps
        the pressure is the balance.
    design_w
        (n_substations,) a fiftieth of which is the least that counts as drawn [W].
    supply_c, ground_c
        (n_plants,) supplied by the plants, and around the pipes [degC].
    houses
        Returns the houses for loads (1, n_substations) [W].
    """
    base = np.maximum(drawn_w, LEAST_LOAD * design_w)
    totals, plants = base.sum(axis=1), given_w.shape[1]
    levels = np.linspace(totals.min(), totals.max(), LEVELS if np.ptp(totals) > LEVELS_APART * totals.max() else 1)
    bump = BUMP * np.concatenate((np.full(plants, design_w.sum()), design_w))
    by_level = np.zeros((len(levels), plants + base.shape[1]))
    flow = np.zeros(len(layout.pipe_from))
    node_c = np.empty((2, len(layout.node_ptr) - 1))
    node_c[0], node_c[1] = supply_c[0], houses(base[:1]).return_c.mean()

    def loads_of(heat_w: FloatArray, plant_w: FloatArray) -> Loads:
        row = houses(heat_w[None])
        return Loads(heat_w, row.hot_w[0], row.return_c[0], row.secondary_c[0], plant_w)

    at = np.concatenate((layout.sub_node, layout.plant_node))
    for k, level in enumerate(levels):
        share = level / totals.sum()
        heat, plant = share * base.sum(axis=0), share * given_w.sum(axis=0)
        loads, more = loads_of(heat, plant), loads_of(heat + bump[plants:], plant + bump[:plants])
        sub_kg_s, plant_kg_s, order = settle(layout, scratch, loads, supply_c, ground_c, flow, node_c)
        factors = np.ascontiguousarray(flow_factors(layout, flow)[:, at])
        by_level[k] = slopes_by_node(
            layout, factors, order, flow, sub_kg_s, plant_kg_s, loads, more, supply_c, ground_c, node_c
        )
    by_level[:, plants:] *= -1.0
    found = np.zeros((len(base), by_level.shape[1]))
    for n in range(by_level.shape[1]):
        found[:, n] = np.interp(totals, levels, by_level[:, n])
    return found
