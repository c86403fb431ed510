"""Time steps of the whole network, compiled: draws, flows, supply, substations, return, accounts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, entry, inner
from rexnet_grid.rexdynnet.heads import cut_to_head, cut_to_level, write_boosters, write_heads
from rexnet_grid.rexdynnet.hydraulics import boosts_rings, set_drops, set_speed, solve_flows
from rexnet_grid.rexdynnet.layout import RETURN, SUPPLY
from rexnet_grid.rexdynnet.levels import calm_down
from rexnet_grid.rexdynnet.ordering import circles, order_nodes
from rexnet_grid.rexdynnet.pieces import SHORTEST_S, gather, keep, keep_ends, undo
from rexnet_grid.rexdynnet.rating import (
    HELD_TRIAL,
    MAX_TRIALS,
    begin_rating,
    expect_back,
    may_exceed,
    set_plants,
)
from rexnet_grid.rexdynnet.service import (
    HARD_ROUNDS,
    MAX_ROUNDS,
    begin_search,
    draws,
    end_search,
    guess_again,
    substations,
)
from rexnet_grid.rexdynnet.stored import stored_heat
from rexnet_grid.rexdynnet.transport import sweep
from rexnet_grid.rexdynnet.valves import VALVE_ROUNDS, begin_valves, better_valves, far_off, meets_front, turn_valves

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Inputs, Layout, Outputs, Scratch, State

MAX_CUTS = 40
SPEED_TRIALS = 24


@apart
def share_out(layout: Layout, given: FloatArray, wanted: FloatArray, root: int, held: bool) -> None:
    """Let the plants of one island give what is wanted of them and its root the rest of ``given[root]`` [kg/s].

    Where they are ``held`` none of the others gives more than it circulates at most.
    """
    total = given[root]
    others = 0.0
    for g in range(given.shape[0]):
        if g != root and layout.plant_live[g] == 1 and layout.island[layout.plant_node[g]] == root:
            most = layout.plant_most_kg_s[g] if held else math.inf
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
            share_out(layout, given, inputs.plant_kg_s[row], root, has_valve(layout, inputs, row, root))
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
    are taken as they are, and so are all where a plant of the island has a pump's curve.
    """
    for root in range(layout.plant_node.shape[0]):
        allowed = layout.plant_most_kg_s[root]
        for g in range(layout.plant_node.shape[0]):
            if g != root and layout.plant_live[g] == 1 and layout.island[layout.plant_node[g]] == root:
                given = 0.0 if math.isnan(inputs.plant_kg_s[row, g]) else inputs.plant_kg_s[row, g]
                allowed += min(given, layout.plant_most_kg_s[g])
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
def find_flows(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int) -> tuple[bool, bool]:
    """Find the flows for what substations draw, cut to what the pumps can lift, beginning with the last cuts.

    Returns whether the loops converged, and whether no flow had to be cut any further.
    """
    for s in range(layout.sub_node.shape[0]):
        scratch.most_kg_s[s] = layout.sub_max_kg_s[s] + scratch.bypass_kg_s[s]
    limit_to_plants(layout, scratch, inputs, row)
    for s in range(layout.sub_node.shape[0]):
        scratch.asked_kg_s[s] = scratch.sub_kg_s[s]
        scratch.sub_kg_s[s] = min(scratch.sub_kg_s[s], scratch.cut_kg_s[s])
    solved, fits = False, False
    for cut in range(MAX_CUTS + 1):
        solved = balance(layout, state, scratch, inputs, row)
        if cut == MAX_CUTS or not solved:
            break
        fits = not cut_to_head(layout, scratch, state.flow, inputs.flow_kg_s[row])
        if fits:
            break
    for s in range(layout.sub_node.shape[0]):
        cut = scratch.sub_kg_s[s] < scratch.asked_kg_s[s]
        scratch.cut_kg_s[s] = scratch.sub_kg_s[s] if cut else math.inf
        scratch.most_kg_s[s] = min(scratch.most_kg_s[s], scratch.cut_kg_s[s])
    return solved, fits


@apart
def improve(
    layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int, attempt: int, searching: bool
) -> tuple[bool, bool, bool]:
    """Improve what substations draw; return whether to go on, whether with all valves together, whether it settled."""
    settled = True
    if searching:
        again, settled = better_valves(layout, scratch, inputs, row)
    else:
        again, hard = guess_again(layout, state, scratch, inputs, row, attempt)
        if again and attempt >= (HARD_ROUNDS if hard else MAX_ROUNDS) - 1:
            again = searching = far_off(layout, scratch, inputs, row)
            if searching:
                begin_valves(layout, scratch)
    return again, searching, settled


@apart
def supply_side(
    layout: Layout,
    state: State,
    backup: State,
    scratch: Scratch,
    inputs: Inputs,
    row: int,
    dt: float,
    trial: int,
    searching: bool,
) -> tuple[float, bool, bool, bool, bool, bool]:
    """Step the supply; the flows are found again while a substation's return would miss its wanted temperature.

    Every trial after the first begins with what the supply side held before it; late ones keep the flows. Where the
    plain search does not settle, all valves are searched together, and so from the beginning if ``searching``.

    Returns the heat lost [J], whether the loops converged, whether the head was shared out, whether all valves were
    searched together, whether that settled, and whether a front met them then.
    """
    lost = 0.0
    solved, fits, settled, front = True, True, True, False
    begin_search(layout, state, scratch)
    if searching:
        begin_valves(layout, scratch)
    for attempt in range(HARD_ROUNDS + VALVE_ROUNDS):
        held = trial >= HELD_TRIAL
        if not held:
            if searching:
                turn_valves(layout, scratch, inputs, row)
            else:
                draws(layout, state, scratch, inputs, row)
            solved, fits = find_flows(layout, state, scratch, inputs, row)
            order_nodes(layout, state, scratch.degree)
            set_drops(layout, scratch, state.flow)
        fresh = attempt == 0 and trial == 0
        if fresh:
            calm_down(layout, state, scratch)
        keep(layout, state, backup, SUPPLY, fresh)
        set_plants(layout, scratch, inputs, row)
        lost = sweep(layout, state, scratch, SUPPLY, dt)
        if held:
            break
        again, searching, settled = improve(layout, state, scratch, inputs, row, attempt, searching)
        if not again:
            front = searching and meets_front(layout, scratch, inputs, row)
            break
    end_search(layout, state, scratch)
    return lost, solved, fits, searching, settled, front


@apart
def set_surroundings(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int, side: int) -> None:
    """Fill what each pipe of one side loses its heat to [degC]: the ground, warmed by the other pipe where they couple.

    The other pipe counts with the mean of its ends, as last known.
    """
    for p in range(scratch.ground_c.shape[0]):
        ground = inputs.ground_c[row, p % inputs.ground_c.shape[1]]
        if layout.coupling[p] > 0.0:
            other = state.node_c[1 - side]
            mean = 0.5 * (other[layout.pipe_from[p]] + other[layout.pipe_to[p]])
            ground += layout.coupling[p] * (mean - ground)
        scratch.ground_c[p] = ground


@inner
def write_nodes(state: State, scratch: Scratch, side: int, means: FloatArray, row: int) -> None:
    """Write the mean temperatures of one side's nodes [degC]."""
    for node in range(scratch.mean_c.shape[0]):
        state.node_c[side, node] = scratch.mean_c[node]
        means[row, node] = scratch.mean_c[node]


@apart
def write_row(
    layout: Layout, state: State, scratch: Scratch, outputs: Outputs, row: int, dt: float, lost: float, more: float
) -> None:
    """Write what came of a step: flows, drops, plants, heads and the account of its heat; ``delivered`` stands there.

    ``lost`` and ``more`` are what was lost and stored [J].
    """
    plant = 0.0
    for g in range(layout.plant_node.shape[0]):
        flow = scratch.plant_kg_s[g]
        heat = flow * layout.fluid[1] * (scratch.plant_c[g] - scratch.mean_c[layout.plant_node[g]])
        outputs.plant_w[row, g] = heat
        outputs.plant_kg_s[row, g] = flow
        outputs.plant_c[row, g] = scratch.plant_c[g]
        plant += heat
    for p in range(state.flow.shape[0]):
        outputs.pipe_kg_s[row, p] = state.flow[p]
        outputs.dp_pa[row, p] = scratch.dp_pa[p]
    write_heads(layout, scratch, outputs, row)
    write_boosters(layout, state.flow, outputs, row)
    outputs.ledger[row, 0] = plant
    outputs.ledger[row, 2] = lost / dt
    outputs.ledger[row, 3] = more / dt
    outputs.ledger[row, 4] = plant - outputs.ledger[row, 1] - (lost + more) / dt


@entry
def advance(layout: Layout, state: State, backup: State, scratch: Scratch, inputs: Inputs, outputs: Outputs) -> int:
    """Step the network through every row of the forcing; return in how many pieces the loops did not converge.

    A step is gone in one piece, or in halves of it, and of those, down to a minute, where flows or ratings do not
    settle, or where exchangers short of heat are met by a front.
    """
    failed = 0
    before, before_missed = stored_heat(layout, state)
    row, size, left = 0, 1.0, 1.0
    while row < inputs.supply_c.shape[0]:
        dt = inputs.dt_s[row % inputs.dt_s.shape[0]] * size
        begin_rating(layout, state, scratch)
        keep_ends(state, backup, True)
        lost, solved, fits, kept, searching, settled, front = 0.0, True, True, False, False, True, False
        for trial in range(MAX_TRIALS):
            set_surroundings(layout, state, scratch, inputs, row, SUPPLY)
            lost, solved, fits, searching, settled, front = supply_side(
                layout, state, backup, scratch, inputs, row, dt, trial, searching
            )
            if dt > SHORTEST_S and (front or not settled):
                kept = trial == 0
                break
            write_nodes(state, scratch, SUPPLY, outputs.supply_c, row)
            outputs.ledger[row, 1] = substations(layout, scratch, inputs, outputs, row)
            set_surroundings(layout, state, scratch, inputs, row, RETURN)
            limited = may_exceed(layout, scratch)
            if limited or trial > 0:
                keep(layout, state, backup, RETURN, trial == 0)
            lost += sweep(layout, state, scratch, RETURN, dt)
            kept = not (limited and solved) or not expect_back(layout, backup, scratch, inputs, row, trial)
            if kept:
                break
        if dt > SHORTEST_S and (front or not settled or not kept):
            undo(layout, state, backup, not kept)
            size *= 0.5
            continue
        outputs.unsettled[row, 0] = 0.0 if fits and kept and settled else 1.0
        if not solved:
            failed += 1
        write_nodes(state, scratch, RETURN, outputs.return_c, row)
        after, after_missed = stored_heat(layout, state)
        more = ((after - before) + (after_missed - before_missed)) * layout.fluid[1]
        write_row(layout, state, scratch, outputs, row, dt, lost, more)
        before, before_missed = after, after_missed
        if size < 1.0:
            gather(outputs, scratch.total, row, size, left == 1.0, size == left)
        left -= size
        size = min(2.0 * size, left)
        if left == 0.0:
            row, size, left = row + 1, 1.0, 1.0
    return failed
