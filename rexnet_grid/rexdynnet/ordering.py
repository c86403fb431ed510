"""The nodes in the order of flow, so that what enters a pipe is known before it is pushed through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, part

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import IntArray
    from rexnet_grid.rexdynnet.layout import Layout, State

STILL_KG_S = 1e-10


@part
def turned(state: State) -> bool:
    """Note the direction of flow in each pipe; return whether any changed."""
    flow, sign = state.flow, state.sign
    changed = False
    for p in range(flow.shape[0]):
        now = 0 if abs(flow[p]) < STILL_KG_S else (1 if flow[p] > 0.0 else -1)
        changed = changed or now != sign[p]
        sign[p] = now
    return changed


@part
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


@part
def order_nodes(layout: Layout, state: State, degree: IntArray) -> None:
    """Put the nodes into the order of flow on the supply side, where a direction changed; Kahn's algorithm."""
    if not turned(state):
        return
    sign, order, pipe_from, pipe_to = state.sign, state.order, layout.pipe_from, layout.pipe_to
    count_inflows(layout, sign, degree)
    n = append(degree, order, 0, True)
    done = 0
    while done < n:
        node = order[done]
        done += 1
        for k in range(layout.node_ptr[node], layout.node_ptr[node + 1]):
            p = layout.node_pipe[k]
            far = pipe_to[p] if sign[p] > 0 else pipe_from[p]
            if sign[p] != 0 and far != node:
                degree[far] -= 1
                if degree[far] == 0:
                    order[n] = far
                    n += 1
    if n < order.shape[0]:
        append(degree, order, n, False)
