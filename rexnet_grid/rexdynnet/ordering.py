"""The nodes in the order of flow, so that what enters a pipe is known before it is pushed through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.compiled import apart

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout, State

STILL_KG_S = 1e-10
LEFT_OVER = 1e-6
UNKNOWN = 2


@apart
def turned(state: State) -> bool:
    """Note the direction of flow in each pipe; return whether any changed."""
    flow, sign = state.flow, state.sign
    changed = False
    for p in range(flow.shape[0]):
        now = 0 if abs(flow[p]) < STILL_KG_S else (1 if flow[p] > 0.0 else -1)
        changed = changed or now != sign[p]
        sign[p] = now
    return changed


@apart
def count_inflows(layout: Layout, sign: IntArray, degree: IntArray) -> None:
    """Fill how many pipes flow into each node."""
    degree[:] = 0
    for p in range(sign.shape[0]):
        if sign[p] != 0:
            degree[layout.pipe_to[p] if sign[p] > 0 else layout.pipe_from[p]] += 1


@apart
def append(degree: IntArray, order: IntArray, n: int, ready: bool) -> int:
    """Append the nodes that wait for nothing (``ready``) or for a pipe for ever; return the new length."""
    for node in range(degree.shape[0]):
        if (degree[node] == 0) == ready:
            order[n] = node
            n += 1
    return n


@apart
def pipe_into(
    node: int,
    sign: IntArray,
    pipe_from: IntArray,
    pipe_to: IntArray,
    node_ptr: IntArray,
    node_pipe: IntArray,
    degree: IntArray,
) -> int:
    """Return a pipe through which water enters a node from one that waits too, -1 where there is none."""
    for k in range(node_ptr[node], node_ptr[node + 1]):
        p = node_pipe[k]
        into, out = (pipe_to[p], pipe_from[p]) if sign[p] > 0 else (pipe_from[p], pipe_to[p])
        if sign[p] != 0 and into == node and out != node and degree[out] != 0:
            return int(p)
    return -1


@apart
def stop_circle(
    flow: FloatArray,
    sign: IntArray,
    pipe_from: IntArray,
    pipe_to: IntArray,
    node_ptr: IntArray,
    node_pipe: IntArray,
    degree: IntArray,
) -> bool:
    """Take the least flow of a circle out of all its pipes; return False where no circle is found among what waits.

    Friction lets no water run in a circle; where it does, it is what the loops' solver has left. Every node keeps its
    balance, and at least one pipe comes to rest.
    """
    node = 0
    while node < degree.shape[0] and degree[node] <= 0:
        node += 1
    while node < degree.shape[0] and degree[node] > 0:
        degree[node] = -1
        p = pipe_into(node, sign, pipe_from, pipe_to, node_ptr, node_pipe, degree)
        if p < 0:
            return False
        node = pipe_from[p] if sign[p] > 0 else pipe_to[p]
    if node == degree.shape[0]:
        return False
    least, end = np.inf, node
    for take in (False, True):
        while True:
            p = pipe_into(node, sign, pipe_from, pipe_to, node_ptr, node_pipe, degree)
            node = pipe_from[p] if sign[p] > 0 else pipe_to[p]
            if take:
                flow[p] -= sign[p] * least
            else:
                least = min(least, abs(flow[p]))
            if node == end:
                break
    return True


@apart
def sort_nodes(
    sign: IntArray,
    pipe_from: IntArray,
    pipe_to: IntArray,
    node_ptr: IntArray,
    node_pipe: IntArray,
    degree: IntArray,
    order: IntArray,
) -> int:
    """Put the nodes into the order of flow by Kahn's algorithm; return how many of them wait for no circle."""
    n, done = append(degree, order, 0, True), 0
    while done < n:
        node = order[done]
        done += 1
        for k in range(node_ptr[node], node_ptr[node + 1]):
            p = node_pipe[k]
            far = pipe_to[p] if sign[p] > 0 else pipe_from[p]
            if sign[p] != 0 and far != node:
                degree[far] -= 1
                if degree[far] == 0:
                    order[n] = far
                    n += 1
    return n


@apart
def circles(layout: Layout, state: State, degree: IntArray) -> bool:
    """Return whether water runs in a circle, more than a solver leaves, or stands; the order has to be found anew."""
    most = 0.0
    for p in range(state.flow.shape[0]):
        most = max(most, abs(state.flow[p]))
    for p in range(state.flow.shape[0]):
        state.sign[p] = 0 if abs(state.flow[p]) <= LEFT_OVER * most else (1 if state.flow[p] > 0.0 else -1)
    degree[:] = 0
    for p in range(state.sign.shape[0]):
        if state.sign[p] != 0:
            degree[layout.pipe_to[p] if state.sign[p] > 0 else layout.pipe_from[p]] += 1
    n = sort_nodes(state.sign, layout.pipe_from, layout.pipe_to, layout.node_ptr, layout.node_pipe, degree, state.order)
    state.sign[:] = UNKNOWN
    return most < STILL_KG_S or n < state.order.shape[0]


@apart
def order_nodes(layout: Layout, state: State, degree: IntArray) -> None:
    """Put the nodes into the order of flow on the supply side, where a direction changed; circles are stopped."""
    if not turned(state):
        return
    pipe_from, pipe_to, ptr, pipe = layout.pipe_from, layout.pipe_to, layout.node_ptr, layout.node_pipe
    n = 0
    for _ in range(pipe_from.shape[0] + 1):
        count_inflows(layout, state.sign, degree)
        n = sort_nodes(state.sign, pipe_from, pipe_to, ptr, pipe, degree, state.order)
        if n == state.order.shape[0]:
            break
        if not stop_circle(state.flow, state.sign, pipe_from, pipe_to, ptr, pipe, degree):
            break
        turned(state)
    if n < state.order.shape[0]:
        append(degree, state.order, n, False)


@njit(cache=True, error_model="numpy")
def flow_order(layout: Layout, flow: FloatArray) -> IntArray:
    """Return the nodes in the order of given flows (n_pipes,) [kg/s]; those on a circle come last."""
    sign = np.zeros(flow.shape[0], dtype=np.int64)
    for p in range(flow.shape[0]):
        sign[p] = 0 if abs(flow[p]) < STILL_KG_S else (1 if flow[p] > 0.0 else -1)
    nodes = layout.node_ptr.shape[0] - 1
    degree, order = np.zeros(nodes, dtype=np.int64), np.zeros(nodes, dtype=np.int64)
    for p in range(sign.shape[0]):
        if sign[p] != 0:
            degree[layout.pipe_to[p] if sign[p] > 0 else layout.pipe_from[p]] += 1
    n = sort_nodes(sign, layout.pipe_from, layout.pipe_to, layout.node_ptr, layout.node_pipe, degree, order)
    if n < nodes:
        append(degree, order, n, False)
    return order
