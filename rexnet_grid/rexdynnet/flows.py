"""The flows of a piece: what plants give, what the network carries, what pumps lift; compiled.

The root of an island, its first plant that pumps, keeps the pressure and takes up the balance; the others are told what
to give. Each of them lifts its water by what there is between supply and return at its node. Where that is more than
the curve of its pump gives at that flow, it gives less: what the network asks of it rises with its own flow, as water
from it goes further then, and its curve falls, so there is one flow at which they meet, and none where the network asks
for more than the head without flow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, inner
from rexnet_grid.rexdynnet.heads import HEAD_TOLERANCE, cut_to_head, cut_to_level, spare_head
from rexnet_grid.rexdynnet.hydraulics import boosts_rings, set_speed, solve_flows
from rexnet_grid.rexdynnet.ordering import circles
from rexnet_grid.rexdynnet.pump import SHUTOFF, UNLIMITED_PA

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Inputs, Layout, Scratch, State

MAX_CUTS = 40
SPEED_TRIALS = 24
MAX_TURNS = 8
MAX_MEETINGS = 30
CLOSE_FLOW = 1e-6


@apart
def share_out(layout: Layout, scratch: Scratch, wanted: FloatArray, root: int, held: bool) -> None:
    """Let the plants of one island give what is wanted of them and its root the rest of what it has to [kg/s].

    Where they are ``held`` none of the others gives more than it circulates at most, or its pump lifts.
    """
    given = scratch.plant_kg_s
    total = given[root]
    others = 0.0
    for g in range(given.shape[0]):
        if g != root and layout.plant_live[g] == 1 and layout.island[layout.plant_node[g]] == root:
            most = min(layout.plant_most_kg_s[g], scratch.lifted_kg_s[g]) if held else math.inf
            given[g] = 0.0 if math.isnan(wanted[g]) else min(wanted[g], most)
            others += given[g]
    scale = total / others if others > total else 1.0
    for g in range(given.shape[0]):
        if g != root and layout.plant_live[g] == 1 and layout.island[layout.plant_node[g]] == root:
            given[g] *= scale
    given[root] = max(total - scale * others, 0.0)


@inner
def has_valve(layout: Layout, inputs: Inputs, row: int, root: int) -> bool:
    """Return whether any flow of an island is not measured."""
    found = False
    for s in range(layout.sub_node.shape[0]):
        found = found or (layout.island[layout.sub_node[s]] == root and math.isnan(inputs.flow_kg_s[row, s]))
    return found


@apart
def set_draw(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> None:
    """Fill what each node draws and what each plant gives [kg/s]; the root of each island takes up its balance."""
    given = scratch.plant_kg_s
    for node in range(scratch.draw.shape[0]):
        scratch.draw[node] = 0.0
    given[:] = 0.0
    for s in range(layout.sub_node.shape[0]):
        node = layout.sub_node[s]
        root = layout.island[node]
        if root < 0:
            scratch.sub_kg_s[s] = 0.0
            continue
        scratch.draw[node] += scratch.sub_kg_s[s]
        given[root] += scratch.sub_kg_s[s]
    for root in range(layout.plant_node.shape[0]):
        if layout.plant_live[root] == 1 and layout.island[layout.plant_node[root]] == root:
            share_out(layout, scratch, inputs.plant_kg_s[row], root, has_valve(layout, inputs, row, root))
    for g in range(layout.plant_node.shape[0]):
        scratch.draw[layout.plant_node[g]] -= given[g]


@apart
def balance(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int) -> bool:
    """Find the flows for what substations draw as it is; return whether the loops converged.

    Boosters in rings run as fast as they can without driving water round in a circle, found by bisection.
    """
    solved, rings = False, boosts_rings(layout)
    slow, fast, speed = 0.0, 1.0, 1.0
    for trial in range(SPEED_TRIALS + 1):
        if rings:
            set_speed(layout, speed)
        set_draw(layout, scratch, inputs, row)
        solved = solve_flows(layout, scratch, state.flow)
        if trial == SPEED_TRIALS or not (rings and solved):
            break
        if circles(layout, state, scratch.degree):
            fast = speed
        else:
            slow = speed
        if slow == 1.0:
            break
        speed = slow if trial == SPEED_TRIALS - 1 else 0.5 * (slow + fast)
    return solved


@apart
def limit_to_plants(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> None:
    """Cut the largest flows of an island, all to one level, to what its plants circulate at most.

    That is what other plants give as they are told, and what the one that keeps the pressure may add. Measured flows
    are taken as they are, and so are all where the one that keeps the pressure has a pump's curve.
    """
    for root in range(layout.plant_node.shape[0]):
        allowed = layout.plant_most_kg_s[root]
        for g in range(layout.plant_node.shape[0]):
            if g != root and layout.plant_live[g] == 1 and layout.island[layout.plant_node[g]] == root:
                given = 0.0 if math.isnan(inputs.plant_kg_s[row, g]) else inputs.plant_kg_s[row, g]
                allowed += min(given, layout.plant_most_kg_s[g], scratch.lifted_kg_s[g])
        wanted, valves = 0.0, 0
        for s in range(layout.sub_node.shape[0]):
            if layout.island[layout.sub_node[s]] == root:
                if math.isnan(inputs.flow_kg_s[row, s]):
                    wanted, valves = wanted + scratch.sub_kg_s[s], valves + 1
                else:
                    allowed -= scratch.sub_kg_s[s]
        if wanted > allowed:
            cut_to_level(layout, scratch, inputs, row, root, max(allowed, 0.0), valves)


@apart
def lifts(layout: Layout, inputs: Inputs, row: int, g: int) -> bool:
    """Return whether a plant beside the one that keeps the pressure is asked for a flow that its pump's curve bounds.

    Where all flows are measured, so is its own.
    """
    root = layout.island[layout.plant_node[g]]
    beside = layout.plant_live[g] == 1 and root >= 0 and root != g
    curved = beside and layout.pump[g, SHUTOFF] < UNLIMITED_PA and inputs.plant_kg_s[row, g] > 0.0
    return bool(curved and has_valve(layout, inputs, row, root))


@apart
def misses_curve(layout: Layout, scratch: Scratch, inputs: Inputs, row: int, g: int, spare: float) -> bool:
    """Return whether a side plant gives what its pump does not lift, or less than it is told although it could."""
    close = HEAD_TOLERANCE * layout.pump[g, SHUTOFF]
    if spare < 0.0:
        return bool(scratch.plant_kg_s[g] > 0.0 and spare < -close)
    limit = scratch.lifted_kg_s[g]
    held_back = limit < inputs.plant_kg_s[row, g] and scratch.plant_kg_s[g] >= limit * (1.0 - CLOSE_FLOW)
    return bool(held_back and spare > close)


@apart
def meet_curve(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int, g: int, spare: float) -> bool:
    """Find the flow at which a side plant's curve meets what the network asks of it; return whether loops converged.

    Regula falsi with the Illinois step on the head that is left over, ``spare`` as it is now [Pa].
    """
    close = 0.3 * HEAD_TOLERANCE * layout.pump[g, SHUTOFF]
    asked = min(inputs.plant_kg_s[row, g], layout.plant_most_kg_s[g])
    now = scratch.plant_kg_s[g]
    low, above, high, below = now, spare, asked, math.nan
    if spare < 0.0:
        low, above, high, below = 0.0, math.nan, now, spare
    scratch.lifted_kg_s[g] = high if math.isnan(below) else low
    solved = balance(layout, state, scratch, inputs, row)
    spare = spare_head(layout, scratch, state.flow, g)
    if not solved or (math.isnan(below) and spare >= 0.0):
        scratch.lifted_kg_s[g] = math.inf
        return solved
    if math.isnan(above) and spare <= 0.0:
        return solved
    above, below = (spare, below) if math.isnan(above) else (above, spare)
    for _ in range(MAX_MEETINGS):
        flow = low + above * (high - low) / (above - below)
        scratch.lifted_kg_s[g] = flow
        solved = balance(layout, state, scratch, inputs, row)
        spare = spare_head(layout, scratch, state.flow, g)
        if not solved or abs(spare) <= close or high - low <= CLOSE_FLOW * asked:
            break
        if spare > 0.0:
            low, above = flow, spare
            below *= 0.5
        else:
            high, below = flow, spare
            above *= 0.5
    return solved


@apart
def hold_curves(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int) -> tuple[bool, bool]:
    """Let no side plant give more than its pump lifts; return whether the loops converged and whether any was held."""
    solved, held = True, False
    for _ in range(MAX_TURNS):
        again = False
        for g in range(layout.plant_node.shape[0]):
            if not (solved and lifts(layout, inputs, row, g)):
                continue
            spare = spare_head(layout, scratch, state.flow, g)
            if misses_curve(layout, scratch, inputs, row, g, spare):
                solved = meet_curve(layout, state, scratch, inputs, row, g, spare)
                again, held = True, True
        if not again:
            break
    return solved, held


@apart
def ask(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> None:
    """Fill what substations are allowed to ask for and let them draw that, less what has been cut already."""
    limit_to_plants(layout, scratch, inputs, row)
    for s in range(layout.sub_node.shape[0]):
        scratch.asked_kg_s[s] = scratch.sub_kg_s[s]
        scratch.sub_kg_s[s] = min(scratch.sub_kg_s[s], scratch.cut_kg_s[s])


@apart
def note_cuts(layout: Layout, scratch: Scratch) -> None:
    """Keep what substations are cut to."""
    for s in range(layout.sub_node.shape[0]):
        cut = scratch.sub_kg_s[s] < scratch.asked_kg_s[s]
        scratch.cut_kg_s[s] = scratch.sub_kg_s[s] if cut else math.inf


@apart
def find_flows(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int) -> tuple[bool, bool]:
    """Find the flows for what substations draw, cut to what the pumps can lift, beginning with the last cuts.

    Returns whether the loops converged, and whether no flow had to be cut any further.
    """
    for s in range(layout.sub_node.shape[0]):
        scratch.most_kg_s[s] = layout.sub_max_kg_s[s] + scratch.bypass_kg_s[s]
    ask(layout, scratch, inputs, row)
    solved, fits = False, False
    for cut in range(MAX_CUTS + 1):
        solved = balance(layout, state, scratch, inputs, row)
        if cut == MAX_CUTS or not solved:
            break
        solved, held = hold_curves(layout, state, scratch, inputs, row)
        if not solved:
            break
        fits = not cut_to_head(layout, scratch, state.flow, inputs.flow_kg_s[row])
        if held:
            note_cuts(layout, scratch)
            for s in range(layout.sub_node.shape[0]):
                scratch.sub_kg_s[s] = scratch.asked_kg_s[s]
            ask(layout, scratch, inputs, row)
            fits = False
        if fits:
            break
    note_cuts(layout, scratch)
    for s in range(layout.sub_node.shape[0]):
        scratch.most_kg_s[s] = min(scratch.most_kg_s[s], scratch.cut_kg_s[s])
    return solved, fits
