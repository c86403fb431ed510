"""Pressures above the flows: what each substation is left with, what pumps cannot give, the power they take; compiled.

The pump of a plant that keeps the pressure gives H; a substation is left with H less the drop on its way, there and
back. Where that falls short of what a substation needs, its flow is cut by the root of what there is over what it
would take, and given back where others have been cut meanwhile; the flows are found anew until all fit. Those behind
starve first, as they do in a street.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, part
from rexnet_grid.rexdynnet.hydraulics import pipe_drop
from rexnet_grid.rexdynnet.pump import BEST, EFFICIENCY, FALL, FIXED, SHUTOFF, UNLIMITED_PA

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout, Outputs, Scratch

HEAD_TOLERANCE = 1e-3
LEAST_SHARE = 0.1
WORST_EFFICIENCY = 0.1


@apart
def node_drops(layout: Layout, flow: FloatArray, drop: FloatArray) -> None:
    """Fill the pressure drop from the plant that keeps the pressure to each node, one way [Pa]."""
    drop[:] = 0.0
    for k in range(layout.tree_node.shape[0]):
        p = layout.tree_pipe[k]
        if p >= 0:
            node = layout.tree_node[k]
            sign = 1.0 if layout.pipe_to[p] == node else -1.0
            drop[node] = drop[layout.tree_parent[k]] + sign * pipe_drop(layout, p, flow[p])


@apart
def highest_head(layout: Layout, root: int, flow: float) -> float:
    """Return what the pump of a plant gives at full speed, or at the head that was chosen for it [Pa]."""
    head = min(layout.pump[root, SHUTOFF] - layout.pump[root, FALL] * flow * flow, layout.lift_pa[root])
    return float(max(head, 0.0))


@part
def cut_to_head(layout: Layout, scratch: Scratch, flow: FloatArray, given: FloatArray, give_back: bool) -> bool:
    """Cut the flow of substations that the pump's head does not reach; return whether any was changed.

    ``given`` (S,) holds measured flows, which are not touched; ``give_back`` allows cuts to be taken back.
    """
    short = False
    limited = False
    for g in range(layout.pump.shape[0]):
        limited = limited or min(layout.pump[g, SHUTOFF], layout.lift_pa[g]) < UNLIMITED_PA
    if not limited:
        return False
    node_drops(layout, flow, scratch.node_drop_pa)
    for s in range(layout.sub_node.shape[0]):
        node = layout.sub_node[s]
        root = layout.island[node]
        if root < 0 or scratch.sub_kg_s[s] <= 0.0 or not math.isnan(given[s]):
            continue
        way = 2.0 * scratch.node_drop_pa[node]
        head = highest_head(layout, root, scratch.plant_kg_s[root])
        left = head - layout.sub_needs_pa[s]
        asked = scratch.asked_kg_s[s]
        if left <= 0.0:
            share = 0.0
        elif way > left * (1.0 + HEAD_TOLERANCE) or scratch.sub_kg_s[s] < asked * (1.0 - HEAD_TOLERANCE):
            share = max(math.sqrt(left / max(way, 1e-3 * left)), LEAST_SHARE)
            share = min(math.sqrt(share), asked / scratch.sub_kg_s[s]) if share > 1.0 else share
        else:
            continue
        if share < 1.0 or (give_back and share > 1.0 + HEAD_TOLERANCE):
            scratch.sub_kg_s[s] *= share
            scratch.most_kg_s[s] = scratch.sub_kg_s[s]
            short = True
    return short


@apart
def pump_power(layout: Layout, g: int, flow: float, head: float) -> float:
    """Return the electric power of a pump [W], see :class:`Pump`."""
    if flow <= 0.0 or head <= 0.0:
        return 0.0
    efficiency = layout.pump[g, EFFICIENCY]
    if layout.pump[g, BEST] > 0.0:
        speed = math.sqrt((head + layout.pump[g, FALL] * flow * flow) / layout.pump[g, SHUTOFF])
        x = flow / (speed * layout.pump[g, BEST])
        efficiency *= max(x * (2.0 - x), WORST_EFFICIENCY)
    return float(flow * head / (layout.fluid[0] * efficiency))


@part
def write_heads(layout: Layout, scratch: Scratch, outputs: Outputs, row: int) -> None:
    """Write the drop to the worst substation, the pumps' heads and power, what each substation is left with.

    A plant that does not keep the pressure lifts its water by what there is between supply and return at its node.
    """
    drop = scratch.node_drop_pa
    drop[:] = 0.0
    for k in range(layout.tree_node.shape[0]):
        p = layout.tree_pipe[k]
        if p >= 0:
            node = layout.tree_node[k]
            sign = 1.0 if layout.pipe_to[p] == node else -1.0
            drop[node] = drop[layout.tree_parent[k]] + sign * scratch.dp_pa[p]
    heads = outputs.plant_head_pa[row]
    heads[:] = 0.0
    worst = 0.0
    for s in range(layout.sub_node.shape[0]):
        root = layout.island[layout.sub_node[s]]
        if root >= 0 and scratch.sub_kg_s[s] > 0.0:
            way = 2.0 * drop[layout.sub_node[s]]
            worst = max(worst, way)
            heads[root] = max(heads[root], way + layout.sub_needs_pa[s])
    for root in range(heads.shape[0]):
        most = highest_head(layout, root, scratch.plant_kg_s[root])
        running = scratch.plant_kg_s[root] > 0.0
        heads[root] = most if layout.pump[root, FIXED] > 0.0 and running else min(heads[root], most)
    for g in range(heads.shape[0]):
        root = layout.island[layout.plant_node[g]]
        if root >= 0 and root != g:
            lift = max(heads[root] - 2.0 * drop[layout.plant_node[g]], 0.0)
            heads[g] = lift if scratch.plant_kg_s[g] > 0.0 else 0.0
        outputs.pump_w[row, g] = pump_power(layout, g, scratch.plant_kg_s[g], heads[g])
    for s in range(layout.sub_node.shape[0]):
        root = layout.island[layout.sub_node[s]]
        left = heads[root] - 2.0 * drop[layout.sub_node[s]] if root >= 0 else 0.0
        outputs.differential_pa[row, s] = max(left, 0.0)
    outputs.head_pa[row, 0] = worst
