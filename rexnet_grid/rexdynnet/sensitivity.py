"""How flows follow the draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.hydraulics import slopes

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout

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
