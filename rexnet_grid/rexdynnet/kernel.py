"""Time steps of the whole network, compiled: draws, flows, supply, substations, return, accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, entry, inner
from rexnet_grid.rexdynnet.flows import find_flows
from rexnet_grid.rexdynnet.heads import write_boosters, write_heads
from rexnet_grid.rexdynnet.hydraulics import set_drops
from rexnet_grid.rexdynnet.layout import RETURN, SUPPLY
from rexnet_grid.rexdynnet.levels import calm_down
from rexnet_grid.rexdynnet.ordering import order_nodes
from rexnet_grid.rexdynnet.pieces import SHORTEST_S, gather, keep, keep_ends, undo
from rexnet_grid.rexdynnet.rating import (
    MAX_TRIALS,
    begin_rating,
    expect_back,
    flows_fit,
    holds_flows,
    may_exceed,
    set_plants,
    starves,
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
from rexnet_grid.rexdynnet.transport import ends_c, sweep
from rexnet_grid.rexdynnet.valves import VALVE_ROUNDS, begin_valves, better_valves, far_off, meets_front, turn_valves

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Inputs, Layout, Outputs, Scratch, State


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
    held: bool,
    found: tuple[bool, bool, bool, bool],
) -> tuple[float, bool, bool, bool, bool, bool]:
    """Step the supply; the flows are found again while a substation's return would miss its wanted temperature.

    Every trial after the first begins with what the supply side held before it, with the same flows if ``held``: what
    was ``found`` of them then, the four in the middle of what is returned, stays so. Where the plain search does not
    settle, all valves are searched together, and so from the beginning if they were before.

    Returns the heat lost [J], whether the loops converged, whether the head was shared out, whether all valves were
    searched together, whether that settled, and whether a front met them then.
    """
    lost = 0.0
    solved, fits, searching, settled = found
    front = False
    if not held:
        begin_search(layout, state, scratch)
    if searching and not held:
        begin_valves(layout, scratch)
    for attempt in range(HARD_ROUNDS + VALVE_ROUNDS):
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

    The other pipe counts with the mean of its ends: the supply of this step, the return of the last one or, where it
    has stood, as it is now.
    """
    for p in range(scratch.ground_c.shape[0]):
        ground = inputs.ground_c[row, p % inputs.ground_c.shape[1]]
        if layout.coupling[p] > 0.0:
            other = state.node_c[1 - side]
            mean = 0.5 * (other[layout.pipe_from[p]] + other[layout.pipe_to[p]])
            if side == SUPPLY and state.moved[RETURN, p] == 0:
                mean = ends_c(layout, state, p, RETURN)
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


@apart
def go(
    layout: Layout, state: State, backup: State, scratch: Scratch, inputs: Inputs, outputs: Outputs, row: int, dt: float
) -> tuple[float, bool, bool, bool, bool]:
    """Go a piece of a step, with the flows found and the plants kept to their ratings.

    Returns the heat lost [J], whether the loops converged, whether all was settled, whether the piece is to be gone in
    halves instead, and whether the return side was gone too.
    """
    begin_rating(layout, state, scratch)
    keep_ends(state, backup, True)
    lost, solved, fits, kept, searching, settled, front = 0.0, True, True, False, False, True, False
    for trial in range(MAX_TRIALS):
        held = holds_flows(scratch, trial, fits and settled)
        set_surroundings(layout, state, scratch, inputs, row, SUPPLY)
        lost, solved, fits, searching, settled, front = supply_side(
            layout, state, backup, scratch, inputs, row, dt, trial, held, (solved, fits, searching, settled)
        )
        if dt > SHORTEST_S and (front or not settled):
            return lost, solved, False, True, trial > 0
        write_nodes(state, scratch, SUPPLY, outputs.supply_c, row)
        outputs.ledger[row, 1] = substations(layout, scratch, inputs, outputs, row)
        set_surroundings(layout, state, scratch, inputs, row, RETURN)
        limited = may_exceed(layout, scratch)
        if limited or trial > 0:
            keep(layout, state, backup, RETURN, trial == 0)
        lost += sweep(layout, state, scratch, RETURN, dt)
        kept = not (limited and solved) or not expect_back(layout, backup, scratch, inputs, row, trial, not held)
        if kept:
            break
    settled = settled and kept and (flows_fit(scratch) or not solved)
    shorter = dt > SHORTEST_S and (not settled or starves(layout, scratch, inputs, outputs, row))
    return lost, solved, settled and fits, shorter, True


@entry
def advance(layout: Layout, state: State, backup: State, scratch: Scratch, inputs: Inputs, outputs: Outputs) -> int:
    """Step the network through every row of the forcing; return in how many pieces the loops did not converge.

    A step is gone in one piece, or in halves of it, and of those, down to a minute, where flows or ratings do not
    settle, or where substations short of heat are met by a front.
    """
    failed = 0
    before, before_missed = stored_heat(layout, state)
    row, size, left = 0, 1.0, 1.0
    while row < inputs.supply_c.shape[0]:
        dt = inputs.dt_s[row % inputs.dt_s.shape[0]] * size
        lost, solved, settled, shorter, both = go(layout, state, backup, scratch, inputs, outputs, row, dt)
        if shorter:
            undo(layout, state, backup, both)
            size *= 0.5
            continue
        outputs.unsettled[row, 0] = 0.0 if settled else 1.0
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
