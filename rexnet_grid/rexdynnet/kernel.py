"""Time steps of the whole network, compiled: draws, flows, supply, substations, return, accounts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, entry, part
from rexnet_grid.rexdynnet.heads import cut_to_head, write_heads
from rexnet_grid.rexdynnet.hydraulics import boosts_rings, set_drops, set_speed, solve_flows
from rexnet_grid.rexdynnet.layout import RETURN, SUPPLY
from rexnet_grid.rexdynnet.levels import calm_down, parts
from rexnet_grid.rexdynnet.ordering import circles, order_nodes
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, START, TEMP
from rexnet_grid.rexdynnet.service import (
    HARD_ROUNDS,
    MAX_ROUNDS,
    begin_search,
    draws,
    end_search,
    guess_again,
    substations,
)
from rexnet_grid.rexdynnet.transport import stored_heat, sweep

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Inputs, Layout, Outputs, Scratch, State

MAX_CUTS = 40
SPEED_TRIALS = 24
MAX_TRIALS = 28
HELD_TRIAL = 8
RATING_TOLERANCE = 1e-3
LEAST_TOLERANCE_W = 10.0
SMALLEST_BRACKET_K = 1e-6
STEEPEST, FLATTEST = -9.0, 0.98
BISECT_EVERY = 3
BACK, TRIED, CAME, SAFE, OVER = range(5)


@part
def share_out(layout: Layout, given: FloatArray, wanted: FloatArray, root: int) -> None:
    """Let the plants of one island give what is wanted of them and its root the rest of ``given[root]`` [kg/s]."""
    total = given[root]
    others = 0.0
    for g in range(given.shape[0]):
        if g != root and layout.plant_live[g] == 1 and layout.island[layout.plant_node[g]] == root:
            given[g] = 0.0 if math.isnan(wanted[g]) else wanted[g]
            others += given[g]
    scale = total / others if others > total else 1.0
    for g in range(given.shape[0]):
        if g != root and layout.plant_live[g] == 1 and layout.island[layout.plant_node[g]] == root:
            given[g] *= scale
    given[root] = max(total - scale * others, 0.0)


@part
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
            share_out(layout, given, inputs.plant_kg_s[row], root)
    for g in range(layout.plant_node.shape[0]):
        scratch.draw[layout.plant_node[g]] -= given[g]


@part
def set_plants(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> None:
    """Fill the supply temperature of each plant [degC] and its source.

    It is the wanted one inside the plant's own limits, lowered where its heat does not suffice for what comes back to
    it as expected, see :func:`expect_back`.
    """
    for node in range(scratch.source_kg_s.shape[0]):
        scratch.source_kg_s[node] = 0.0
        scratch.source_c[node] = 0.0
    for g in range(layout.plant_node.shape[0]):
        node = layout.plant_node[g]
        scratch.plant_c[g] = min(max(inputs.supply_c[row, g], layout.plant_range_c[g, 0]), layout.plant_range_c[g, 1])
        flow = scratch.plant_kg_s[g]
        if flow > 0.0:
            reach = scratch.rating[g, BACK] + layout.plant_max_w[g] / (flow * layout.fluid[1])
            scratch.plant_c[g] = min(scratch.plant_c[g], reach)
            together = scratch.source_kg_s[node] + flow
            scratch.source_c[node] += (scratch.plant_c[g] - scratch.source_c[node]) * (flow / together)
            scratch.source_kg_s[node] = together


@part
def begin_rating(layout: Layout, state: State, scratch: Scratch) -> None:
    """Expect back at each plant what came in the step before."""
    for g in range(layout.plant_node.shape[0]):
        scratch.rating[g, BACK] = state.node_c[1, layout.plant_node[g]]


@part
def may_exceed(layout: Layout, scratch: Scratch) -> bool:
    """Return whether a plant could give more than its largest heat, if only water of 0 degC came back to it."""
    found = False
    for g in range(layout.plant_node.shape[0]):
        found = found or scratch.plant_kg_s[g] * layout.fluid[1] * scratch.plant_c[g] > layout.plant_max_w[g]
    return found


@apart
def coldest(layout: Layout, before: State, scratch: Scratch, inputs: Inputs, row: int) -> float:
    """Return the coldest of the water and walls before the step, the ground and what substations return [degC].

    Nothing colder can come back, and it is not below freezing.
    """
    least = math.inf
    pipes = before.flow.shape[0]
    for side in range(2):
        for p in range(pipes):
            least = min(least, inputs.ground_c[row, p % inputs.ground_c.shape[1]])
            first = side * layout.row_ptr[pipes] + layout.row_ptr[p]
            last = first + parts(layout, p, before.level[side, p])
            for at in range(first, last + 1):
                for k in range(before.ring[at, COUNT]):
                    least = min(least, before.parcel[at, (before.ring[at, START] + k) & LAST, TEMP])
                if at < last:
                    least = min(least, before.wall[at, 0], before.wall[at, 1])
    for s in range(layout.sub_node.shape[0]):
        if scratch.sub_kg_s[s] > 0.0:
            least = min(least, inputs.return_c[row, s], scratch.return_c[s])
    return max(least, 0.0)


@apart
def widen(rating: FloatArray, least_c: float) -> None:
    """Let the expectations at all plants begin anew between the coldest there is and what they want to supply."""
    for g in range(rating.shape[0]):
        rating[g, TRIED] = math.nan
        rating[g, SAFE] = least_c
        rating[g, OVER] = math.inf


@apart
def next_back(rating: FloatArray, came: float, most_c: float, over: bool, bisect: bool) -> float:
    """Return the next expectation of one plant: a secant step inside its bracket, or half the bracket [degC]."""
    back, slope = rating[BACK], 0.0
    if not math.isnan(rating[TRIED]) and rating[TRIED] != back:
        slope = min(max((came - rating[CAME]) / (back - rating[TRIED]), STEEPEST), FLATTEST)
    guess = back + (came - back) / (1.0 - slope)
    low = rating[SAFE] if over else min(back, rating[SAFE])
    high = min(most_c, rating[OVER])
    closed = rating[OVER] < math.inf
    if (closed and not low < guess < high) or (bisect and closed):
        guess = 0.5 * (low + high) if high > low else low
    return float(min(max(guess, low), high))


@apart
def keeps_ratings(layout: Layout, scratch: Scratch) -> bool:
    """Return whether no plant gives more than its largest heat."""
    kept = True
    for g in range(layout.plant_node.shape[0]):
        flow, most = scratch.plant_kg_s[g] * layout.fluid[1], layout.plant_max_w[g]
        heat = flow * (scratch.plant_c[g] - scratch.mean_c[layout.plant_node[g]])
        kept = kept and (flow <= 0.0 or heat <= most + max(RATING_TOLERANCE * most, LEAST_TOLERANCE_W))
    return kept


@apart
def expect_back(layout: Layout, before: State, scratch: Scratch, inputs: Inputs, row: int, trial: int) -> bool:
    """Improve what is expected back at each plant that is at its largest heat; return whether any was expected wrongly.

    A plant at its limit supplies ``T_back + P_max / (m c)``, so it gives ``P_max`` where what comes back in the step is
    what was expected, and less where more comes back. The expectation lies between the coldest there is, where no
    plant exceeds its rating, and the wanted supply temperature: secants inside that bracket, within 0.1 % or 10 W.

    Valves that open and shut make what comes back jump. So flows are held after some trials. What comes back to any
    plant then rises with the supply of every plant, by no more than that: ``SAFE`` keeps the highest expectations with
    which all plants kept to their ratings together, those that exceed move towards them, and the last trial takes them.
    """
    rating, plants = scratch.rating, layout.plant_node.shape[0]
    if trial in (0, HELD_TRIAL):
        widen(rating, coldest(layout, before, scratch, inputs, row))
    again = False
    if keeps_ratings(layout, scratch):
        for g in range(plants):
            rating[g, SAFE] = max(rating[g, SAFE], rating[g, BACK])
    for g in range(plants):
        flow, most = scratch.plant_kg_s[g] * layout.fluid[1], layout.plant_max_w[g]
        came = scratch.mean_c[layout.plant_node[g]]
        wanted = min(max(inputs.supply_c[row, g], layout.plant_range_c[g, 0]), layout.plant_range_c[g, 1])
        heat = flow * (scratch.plant_c[g] - came)
        close = max(RATING_TOLERANCE * most, LEAST_TOLERANCE_W)
        if flow <= 0.0 or abs(heat - most) <= close or (heat < most and scratch.plant_c[g] >= wanted):
            continue
        again = True
        over, back = heat > most, rating[g, BACK]
        if over:
            rating[g, OVER] = min(rating[g, OVER], back)
        elif rating[g, OVER] - back < SMALLEST_BRACKET_K:
            rating[g, OVER] = math.inf
        guess = next_back(rating[g], came, wanted, over, trial % BISECT_EVERY == 0)
        rating[g, TRIED], rating[g, CAME], rating[g, BACK] = back, came, guess
    if again and trial == MAX_TRIALS - 2:
        for g in range(plants):
            rating[g, BACK] = rating[g, SAFE]
    return again


@apart
def keep(layout: Layout, state: State, backup: State, side: int, forward: bool) -> None:
    """Copy what a side holds into ``backup``, or back."""
    into = backup if forward else state
    out = state if forward else backup
    to_parcel, from_parcel = into.parcel, out.parcel
    to_ring, from_ring = into.ring, out.ring
    to_wall, from_wall = into.wall, out.wall
    pipes = state.flow.shape[0]
    for p in range(pipes):
        into.level[side, p], into.moved[side, p] = out.level[side, p], out.moved[side, p]
        begin = side * layout.row_ptr[pipes] + layout.row_ptr[p]
        for row in range(begin, begin + parts(layout, p, out.level[side, p]) + 1):
            first, count = from_ring[row, START], from_ring[row, COUNT]
            to_ring[row, START] = first
            to_ring[row, COUNT] = count
            to_wall[row, 0], to_wall[row, 1] = from_wall[row, 0], from_wall[row, 1]
            for k in range(count):
                i = (first + k) & LAST
                for column in range(3):
                    to_parcel[row, i, column] = from_parcel[row, i, column]


@part
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


@part
def find_flows(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int) -> tuple[bool, bool]:
    """Find the flows for what substations draw, cut to what the pumps can lift, beginning with the last cuts.

    Returns whether the loops converged, and whether no flow had to be cut any further.
    """
    for s in range(layout.sub_node.shape[0]):
        scratch.most_kg_s[s] = layout.sub_max_kg_s[s] + scratch.bypass_kg_s[s]
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


@part
def supply_side(
    layout: Layout, state: State, backup: State, scratch: Scratch, inputs: Inputs, row: int, dt: float, trial: int
) -> tuple[float, bool, bool]:
    """Step the supply; the flows are found again while a substation's return would miss its wanted temperature.

    Every trial after the first begins with what the supply side held before it; late ones keep the flows.

    Returns the heat lost [J], whether the loops converged, and whether the head was shared out.
    """
    lost = 0.0
    solved, fits = True, True
    begin_search(layout, state, scratch)
    for attempt in range(HARD_ROUNDS):
        held = trial >= HELD_TRIAL
        if not held:
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
        again, hard = guess_again(layout, state, scratch, inputs, row, attempt)
        if not again or attempt >= (HARD_ROUNDS if hard else MAX_ROUNDS) - 1:
            break
    end_search(layout, state, scratch)
    return lost, solved, fits


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


@entry
def advance(layout: Layout, state: State, backup: State, scratch: Scratch, inputs: Inputs, outputs: Outputs) -> int:
    """Step the network through every row of the forcing; return how many steps had loops that did not converge."""
    steps = inputs.supply_c.shape[0]
    heat_capacity = layout.fluid[1]
    failed = 0
    reference_c = inputs.ground_c[0, 0]
    before = stored_heat(layout, state, reference_c)
    for row in range(steps):
        dt = inputs.dt_s[row % inputs.dt_s.shape[0]]
        begin_rating(layout, state, scratch)
        lost, delivered, solved, fits, kept = 0.0, 0.0, True, True, False
        for trial in range(MAX_TRIALS):
            set_surroundings(layout, state, scratch, inputs, row, SUPPLY)
            lost, solved, fits = supply_side(layout, state, backup, scratch, inputs, row, dt, trial)
            for node in range(scratch.mean_c.shape[0]):
                state.node_c[0, node] = scratch.mean_c[node]
                outputs.supply_c[row, node] = scratch.mean_c[node]
            delivered = substations(layout, scratch, inputs, outputs, row)
            set_surroundings(layout, state, scratch, inputs, row, RETURN)
            limited = may_exceed(layout, scratch)
            if limited or trial > 0:
                keep(layout, state, backup, RETURN, trial == 0)
            lost += sweep(layout, state, scratch, RETURN, dt)
            kept = not (limited and solved) or not expect_back(layout, backup, scratch, inputs, row, trial)
            if kept:
                break
        outputs.unsettled[row, 0] = 0.0 if fits and kept else 1.0
        if not solved:
            failed += 1
        for node in range(scratch.mean_c.shape[0]):
            state.node_c[1, node] = scratch.mean_c[node]
            outputs.return_c[row, node] = scratch.mean_c[node]
        plant = 0.0
        for g in range(layout.plant_node.shape[0]):
            flow = scratch.plant_kg_s[g]
            heat = flow * heat_capacity * (scratch.plant_c[g] - scratch.mean_c[layout.plant_node[g]])
            outputs.plant_w[row, g] = heat
            outputs.plant_kg_s[row, g] = flow
            outputs.plant_c[row, g] = scratch.plant_c[g]
            plant += heat
        for p in range(state.flow.shape[0]):
            outputs.pipe_kg_s[row, p] = state.flow[p]
            outputs.dp_pa[row, p] = scratch.dp_pa[p]
        write_heads(layout, scratch, outputs, row)
        after = stored_heat(layout, state, reference_c)
        outputs.ledger[row, 0] = plant
        outputs.ledger[row, 1] = delivered
        outputs.ledger[row, 2] = lost / dt
        outputs.ledger[row, 3] = (after - before) / dt
        outputs.ledger[row, 4] = plant - delivered - (lost + after - before) / dt
        before = after
    return failed
