"""Pressures above the flows: what each substation is left with, what pumps cannot give, the power they take; compiled.

The pump of a plant that keeps the pressure gives H; a substation is left with H less the drop on its way, there and
back. Where that falls short of what a substation needs, its valve gets what the pump's curve and the pipes carry: each
substation in turn, from the ends of the streets on, takes the flow at which nothing is left over, none, or all that it
asks for, until that holds for all. What is left over at a substation falls with its flow, and the drops and the curve
are the slopes of one convex potential, so the turns go downhill on it and end where those behind starve first. Chords
keep their flow meanwhile; the loops are solved anew after it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, inner
from rexnet_grid.rexdynnet.hydraulics import ALONG, BOOST, BOW, SAG, SHARE, boost, drop_and_slope, pipe_drop
from rexnet_grid.rexdynnet.pump import BEST, EFFICIENCY, FALL, FIXED, SHUTOFF, UNLIMITED_PA

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Inputs, Layout, Outputs, Scratch

HEAD_TOLERANCE = 1e-3
MAX_SWEEPS = 200
MAX_BISECTIONS = 40
WORST_EFFICIENCY = 0.1
SLOWEST = 1e-9


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


@apart
def kept_head(layout: Layout, scratch: Scratch, root: int) -> float:
    """Return the head of the plant that keeps the pressure of an island, from the drops to its nodes [Pa].

    It suffices for the worst of its substations that draw, as far as the pump goes; at fixed speed it is the curve's.
    """
    head, drawn = 0.0, 0.0
    for s in range(layout.sub_node.shape[0]):
        if layout.island[layout.sub_node[s]] == root and scratch.sub_kg_s[s] > 0.0:
            head = max(head, 2.0 * scratch.node_drop_pa[layout.sub_node[s]] + layout.sub_needs_pa[s])
            drawn += scratch.sub_kg_s[s]
    most = highest_head(layout, root, scratch.plant_kg_s[root])
    return most if layout.pump[root, FIXED] > 0.0 and drawn > 0.0 else min(head, most)


@apart
def spare_head(layout: Layout, scratch: Scratch, flow: FloatArray, g: int) -> float:
    """Return what the pump of a side plant gives at its flow beyond what the network asks at its node [Pa]."""
    node_drops(layout, flow, scratch.node_drop_pa)
    asked = kept_head(layout, scratch, layout.island[layout.plant_node[g]])
    asked -= 2.0 * scratch.node_drop_pa[layout.plant_node[g]]
    given = scratch.plant_kg_s[g]
    return float(layout.pump[g, SHUTOFF] - layout.pump[g, FALL] * given * given - max(asked, 0.0))


@apart
def head_over(layout: Layout, at: IntArray, flow: FloatArray, s: int, total: float, more: float) -> tuple[float, float]:
    """Return the head left over if a substation drew ``more``, and how it falls with that [Pa, Pa s/kg].

    ``at`` (N,) says where the tree has each node, ``total`` what the plant that keeps the pressure gives now [kg/s].
    """
    node = layout.sub_node[s]
    root = layout.island[node]
    head = highest_head(layout, root, total + more)
    over = head - layout.sub_needs_pa[s]
    slope = 2.0 * layout.pump[root, FALL] * max(total + more, 0.0) if 0.0 < head < layout.lift_pa[root] else 0.0
    k = at[node]
    while layout.tree_pipe[k] >= 0:
        p = layout.tree_pipe[k]
        sign = 1.0 if layout.pipe_to[p] == layout.tree_node[k] else -1.0
        drop, steep = drop_and_slope(layout, p, flow[p] + sign * more)
        over -= 2.0 * sign * drop
        slope += 2.0 * steep
        k = at[layout.tree_parent[k]]
    return over, slope


@apart
def more_flow(layout: Layout, at: IntArray, flow: FloatArray, s: int, total: float, low: float, high: float) -> float:
    """Return the change of a substation's flow, between two bounds, at which no head is left over [kg/s]; Newton."""
    if head_over(layout, at, flow, s, total, high)[0] >= 0.0:
        return high
    if head_over(layout, at, flow, s, total, low)[0] <= 0.0:
        return low
    close = 1e-6 * (high - low)
    more = min(max(0.0, low), high)
    for _ in range(MAX_BISECTIONS):
        over, slope = head_over(layout, at, flow, s, total, more)
        if over > 0.0:
            low = more
        else:
            high = more
        step = over / slope if slope > 0.0 else 0.0
        inside = low < more + step < high
        more = more + step if inside else 0.5 * (low + high)
        if (inside and abs(step) < close) or high - low < close:
            break
    return more


@inner
def wrong(layout: Layout, scratch: Scratch, s: int, over: float, head: float) -> bool:
    """Return whether a substation draws what its head does not drive, or is cut although there is head left over."""
    close = HEAD_TOLERANCE * max(head - layout.sub_needs_pa[s], HEAD_TOLERANCE * layout.sub_needs_pa[s], 1.0)
    if over < 0.0:
        return bool(scratch.sub_kg_s[s] > 0.0 and over < -close)
    return bool(scratch.sub_kg_s[s] < scratch.asked_kg_s[s] and over > close)


@apart
def share_head(layout: Layout, scratch: Scratch, flow: FloatArray, given: FloatArray) -> None:
    """Let the substations take the flow that the head drives, in turn from the ends on, until all fit."""
    at = scratch.degree
    for k in range(layout.tree_node.shape[0]):
        at[layout.tree_node[k]] = k
    for _ in range(MAX_SWEEPS):
        fits = True
        for end in range(layout.tree_node.shape[0] - 1, -1, -1):
            node = layout.tree_node[end]
            root = layout.island[node]
            for s in range(layout.sub_node.shape[0]):
                asked = scratch.asked_kg_s[s]
                if layout.sub_node[s] != node or root < 0 or asked <= 0.0 or not math.isnan(given[s]):
                    continue
                now, total = scratch.sub_kg_s[s], scratch.plant_kg_s[root]
                over = head_over(layout, at, flow, s, total, 0.0)[0]
                if wrong(layout, scratch, s, over, highest_head(layout, root, total)):
                    fits = False
                    more = more_flow(layout, at, flow, s, total, -now, asked - now)
                    scratch.sub_kg_s[s] = max(now + more, 0.0)
                    scratch.plant_kg_s[root] += more
                    k = end
                    while layout.tree_pipe[k] >= 0:
                        p = layout.tree_pipe[k]
                        flow[p] += more if layout.pipe_to[p] == layout.tree_node[k] else -more
                        k = at[layout.tree_parent[k]]
        if fits:
            break


@apart
def cut_to_head(layout: Layout, scratch: Scratch, flow: FloatArray, given: FloatArray) -> bool:
    """Cut the flow of substations that the pump's head does not reach; return whether any was changed.

    ``given`` (S,) holds measured flows, which are not touched. Cuts are taken back where others are cut meanwhile.
    """
    limited = False
    for g in range(layout.pump.shape[0]):
        limited = limited or min(layout.pump[g, SHUTOFF], layout.lift_pa[g]) < UNLIMITED_PA
    if not limited:
        return False
    node_drops(layout, flow, scratch.node_drop_pa)
    short = False
    for s in range(layout.sub_node.shape[0]):
        node = layout.sub_node[s]
        root = layout.island[node]
        if root >= 0 and scratch.asked_kg_s[s] > 0.0 and math.isnan(given[s]):
            head = highest_head(layout, root, scratch.plant_kg_s[root])
            over = head - layout.sub_needs_pa[s] - 2.0 * scratch.node_drop_pa[node]
            short = short or wrong(layout, scratch, s, over, head)
    if short:
        share_head(layout, scratch, flow, given)
    return short


@apart
def cut_to_level(
    layout: Layout, scratch: Scratch, inputs: Inputs, row: int, root: int, allowed: float, valves: int
) -> None:
    """Cut the largest of an island's ``valves`` flows that are not measured to one level, so that ``allowed`` is left.

    The level rises from an equal share of each by what smaller flows leave [kg/s], as long as more flows come below it.
    """
    level, below = allowed / valves, -1
    for _ in range(valves + 1):
        small, count = 0.0, 0
        for s in range(layout.sub_node.shape[0]):
            valve = layout.island[layout.sub_node[s]] == root and math.isnan(inputs.flow_kg_s[row, s])
            if valve and scratch.sub_kg_s[s] < level:
                small, count = small + scratch.sub_kg_s[s], count + 1
        if count <= below or count == valves:
            break
        level, below = (allowed - small) / (valves - count), count
    for s in range(layout.sub_node.shape[0]):
        if layout.island[layout.sub_node[s]] == root and math.isnan(inputs.flow_kg_s[row, s]):
            scratch.sub_kg_s[s] = min(scratch.sub_kg_s[s], level)
            scratch.most_kg_s[s] = min(scratch.most_kg_s[s], level)


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


@apart
def write_boosters(layout: Layout, flow: FloatArray, outputs: Outputs, row: int) -> None:
    """Write the electric power of the boosters [W], see :class:`Booster`; none where water comes the other way."""
    for k in range(layout.boost_pipe.shape[0]):
        drag = layout.drag[layout.boost_pipe[k]]
        m, power = flow[layout.boost_pipe[k]], 0.0
        if m > 0.0 and drag[ALONG] > 0.0:
            head = boost(drag, m)[0] / drag[SHARE]
            efficiency, best = layout.boost_pump[k, 0], layout.boost_pump[k, 1]
            if best > 0.0:
                sag = drag[SAG] * m
                reach = sag * sag + 4.0 * drag[BOOST] * (head + drag[BOW] * m * m)
                speed = max((sag + math.sqrt(reach)) / (2.0 * drag[BOOST]), SLOWEST)
                x = m / (speed * best)
                efficiency *= max(x * (2.0 - x), WORST_EFFICIENCY)
            power = layout.boost_pump[k, 2] * m * head / (layout.fluid[0] * efficiency)
        outputs.boost_w[row, k] = power


@apart
def write_heads(layout: Layout, scratch: Scratch, outputs: Outputs, row: int) -> None:
    """Write the drop to the worst substation, the pumps' heads and power, what each substation is left with.

    A plant that does not keep the pressure lifts its water by what there is between supply and return at its node, or,
    where its pump runs at a fixed speed, by its curve, and throttles the rest.
    """
    drop = scratch.node_drop_pa
    drop[:] = 0.0
    for k in range(layout.tree_node.shape[0]):
        p = layout.tree_pipe[k]
        if p >= 0:
            node = layout.tree_node[k]
            sign = 1.0 if layout.pipe_to[p] == node else -1.0
            drop[node] = drop[layout.tree_parent[k]] + sign * scratch.dp_pa[p]
    worst = 0.0
    for s in range(layout.sub_node.shape[0]):
        if layout.island[layout.sub_node[s]] >= 0 and scratch.sub_kg_s[s] > 0.0:
            worst = max(worst, 2.0 * drop[layout.sub_node[s]])
    heads = outputs.plant_head_pa[row]
    for g in range(heads.shape[0]):
        root = layout.island[layout.plant_node[g]]
        heads[g] = kept_head(layout, scratch, g) if root == g else 0.0
    for g in range(heads.shape[0]):
        root = layout.island[layout.plant_node[g]]
        flow = scratch.plant_kg_s[g]
        if root >= 0 and root != g and flow > 0.0:
            most = highest_head(layout, g, flow)
            lift = max(heads[root] - 2.0 * drop[layout.plant_node[g]], 0.0)
            heads[g] = most if layout.pump[g, FIXED] > 0.0 else min(lift, most)
        outputs.pump_w[row, g] = pump_power(layout, g, flow, heads[g])
    for s in range(layout.sub_node.shape[0]):
        root = layout.island[layout.sub_node[s]]
        left = heads[root] - 2.0 * drop[layout.sub_node[s]] if root >= 0 else 0.0
        outputs.differential_pa[row, s] = max(left, 0.0)
    outputs.head_pa[row, 0] = worst
