"""How flows follow the draws, and the steady temperatures that follow from flows, for many cases at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout

ROUNDS = 4


def flow_factors(layout: Layout, flow: FloatArray | None = None) -> FloatArray:
    """Return d flow / d draw, (n_pipes, n_nodes), with the plant that keeps the pressure as the balance [-].

    Exact in trees; in meshes linearised: the slope of the pressure drop is proportional to L |m| / D^5, with |m| the
    given flow or, without one, equal everywhere.
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
        size = np.ones(pipes) if flow is None else np.maximum(np.abs(flow), 1e-3 * max(np.abs(flow).max(), 1e-6))
        slope = layout.length_m * size / layout.diameter_m**5
        share = np.zeros((loops, pipes))
        for c in range(loops):
            span = slice(layout.loop_ptr[c], layout.loop_ptr[c + 1])
            share[c, layout.loop_pipe[span]] = layout.loop_sign[span]
        weighted = share * slope
        factors -= share.T @ np.linalg.solve(weighted @ share.T, weighted @ factors)
    return factors


def steady_losses(
    layout: Layout,
    factors: FloatArray,
    order: IntArray,
    heat_w: FloatArray,
    supply_c: float,
    return_c: FloatArray,
    ground_c: float,
    plant_w: FloatArray,
    plant_c: FloatArray,
) -> FloatArray:
    """Return the steady heat loss of supply and return for many cases of demand and of plants, (n_cases,) [W].

    Parameters
    ----------
    layout, factors
        The network and its :func:`flow_factors`.
    order
        (n_nodes,) nodes in the order of flow.
    heat_w
        (n_cases, n_substations) heat taken [W].
    supply_c, return_c, ground_c
        At the main plant, given back by the substations (n_substations,), around the pipes [degC].
    plant_w, plant_c
        (n_cases, n_plants) heat put in and (n_plants,) supply temperature of the plants [W, degC]; those of the main
        one, which takes up the balance, are not looked at.
    """
    heat_capacity = layout.fluid[1]
    back_c = np.full(plant_w.shape, return_c.mean())
    arrive = np.full(heat_w.shape, supply_c)
    loss, back = np.zeros(len(heat_w)), np.zeros(len(heat_w))
    for _ in range(ROUNDS):
        gives = plant_w / (heat_capacity * np.maximum(plant_c - back_c, 1.0))
        gives[:, 0] = 0.0
        flow_s = heat_w / (heat_capacity * np.maximum(arrive - return_c, 1.0))
        flow = flow_s @ factors[:, layout.sub_node].T - gives @ factors[:, layout.plant_node].T
        node_c = np.full((len(heat_w), factors.shape[1]), supply_c)
        into = np.zeros((len(heat_w), factors.shape[1]))
        energy = np.zeros_like(into)
        for g, node in enumerate(layout.plant_node):
            into[:, node] += gives[:, g]
            energy[:, node] += gives[:, g] * plant_c[g]
        loss = np.zeros(len(heat_w))
        for node in order:
            fed = into[:, node] > 0.0
            node_c[fed, node] = energy[fed, node] / into[fed, node]
            for k in range(layout.node_ptr[node], layout.node_ptr[node + 1]):
                p = layout.node_pipe[k]
                starts = layout.pipe_from[p] == node
                out = np.maximum(flow[:, p] if starts else -flow[:, p], 0.0)
                far = layout.pipe_to[p] if starts else layout.pipe_from[p]
                reach = layout.loss_w_k[p] / (np.maximum(out, 1e-9) * heat_capacity)
                lost = (node_c[:, node] - ground_c) * -np.expm1(-reach)
                loss += out * heat_capacity * lost
                into[:, far] += out
                energy[:, far] += out * (node_c[:, node] - lost)
        arrive = node_c[:, layout.sub_node]
        back, back_c = _return_losses(layout, order, flow, flow_s, return_c, ground_c)
    return loss + back


def _return_losses(
    layout: Layout, order: IntArray, flow: FloatArray, flow_s: FloatArray, return_c: FloatArray, ground_c: float
) -> tuple[FloatArray, FloatArray]:
    """Return the steady loss of the return side, which carries the supply's flows back, and what comes to the plants.

    (n_cases,) [W] and (n_cases, n_plants) [degC].
    """
    heat_capacity = layout.fluid[1]
    into = np.zeros((len(flow), len(layout.node_ptr) - 1))
    energy = np.zeros_like(into)
    for s, node in enumerate(layout.sub_node):
        into[:, node] += flow_s[:, s]
        energy[:, node] += flow_s[:, s] * return_c[s]
    loss = np.zeros(len(flow))
    for node in order[::-1]:
        node_c = energy[:, node] / np.maximum(into[:, node], 1e-12)
        for k in range(layout.node_ptr[node], layout.node_ptr[node + 1]):
            p = layout.node_pipe[k]
            ends = layout.pipe_to[p] == node
            back = np.maximum(flow[:, p] if ends else -flow[:, p], 0.0)
            far = layout.pipe_from[p] if ends else layout.pipe_to[p]
            reach = layout.loss_w_k[p] / (np.maximum(back, 1e-9) * heat_capacity)
            lost = (node_c - ground_c) * -np.expm1(-reach)
            loss += back * heat_capacity * lost
            into[:, far] += back
            energy[:, far] += back * (node_c - lost)
    at_plants = energy[:, layout.plant_node] / np.maximum(into[:, layout.plant_node], 1e-12)
    return loss, np.where(into[:, layout.plant_node] > 0.0, at_plants, return_c.mean())
