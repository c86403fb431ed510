"""Plants at their rating: the supply temperature at which a step takes no more than their largest heat; compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart
from rexnet_grid.rexdynnet.levels import parts
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, START, TEMP

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Inputs, Layout, Outputs, Scratch, State

MAX_TRIALS = 28
HELD_TRIAL = 8
RATING_TOLERANCE = 1e-3
LEAST_TOLERANCE_W = 10.0
SMALLEST_BRACKET_K = 1e-6
STEEPEST, FLATTEST = -9.0, 0.98
BISECT_EVERY = 3
NEAR_K, STALE_K = 0.3, 1.0
CHANGED_K, MISSING_SHARE = 1.0, 0.01
BACK, TRIED, CAME, SAFE, OVER, FOUND_FOR = range(6)


@apart
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


@apart
def begin_rating(layout: Layout, state: State, scratch: Scratch) -> None:
    """Expect back at each plant what came in the step before."""
    for g in range(layout.plant_node.shape[0]):
        scratch.rating[g, BACK] = state.node_c[1, layout.plant_node[g]]


@apart
def may_exceed(layout: Layout, scratch: Scratch) -> bool:
    """Return whether a plant could give more than its largest heat, if only water of 0 degC came back to it."""
    found = False
    for g in range(layout.plant_node.shape[0]):
        found = found or scratch.plant_kg_s[g] * layout.fluid[1] * scratch.plant_c[g] > layout.plant_max_w[g]
    return found


@apart
def lowered(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> bool:
    """Return whether a plant at its largest heat supplies colder water than is wanted of it."""
    found = False
    for g in range(layout.plant_node.shape[0]):
        wanted = min(max(inputs.supply_c[row, g], layout.plant_range_c[g, 0]), layout.plant_range_c[g, 1])
        found = found or (scratch.plant_kg_s[g] > 0.0 and scratch.plant_c[g] < wanted)
    return found


@apart
def starves(layout: Layout, scratch: Scratch, inputs: Inputs, outputs: Outputs, row: int) -> bool:
    """Return whether heat is missing behind plants at their ratings where water changed, or was too cold, in a step.

    What is missing then depends on when the water came; where the same water came all the time it does not.
    """
    if not lowered(layout, scratch, inputs, row):
        return False
    for s in range(layout.sub_node.shape[0]):
        node, heat = layout.sub_node[s], inputs.heat_w[row, s]
        changed = scratch.spread_k[node] > CHANGED_K or scratch.warm_share[node] < 1.0
        if changed and outputs.unserved_w[row, s] > MISSING_SHARE * heat and math.isnan(inputs.flow_kg_s[row, s]):
            return True
    return False


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
def holds_flows(scratch: Scratch, trial: int, usable: bool) -> bool:
    """Return whether a trial keeps the flows of the one before; where not, remember what is expected back now.

    It does where they are ``usable`` and what plants supply is near to what they were found for, and late.
    """
    rating, held = scratch.rating, trial > 0 and usable
    for g in range(rating.shape[0]):
        held = held and abs(rating[g, BACK] - rating[g, FOUND_FOR]) <= NEAR_K
    held = held or trial >= HELD_TRIAL
    for g in range(rating.shape[0]):
        if not held:
            rating[g, FOUND_FOR] = rating[g, BACK]
    return held


@apart
def flows_fit(scratch: Scratch) -> bool:
    """Return whether the flows at last are those for what plants supply, but for a kelvin that valves make up for."""
    fit = True
    for g in range(scratch.rating.shape[0]):
        fit = fit and abs(scratch.rating[g, BACK] - scratch.rating[g, FOUND_FOR]) <= STALE_K
    return fit


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
def remember(
    layout: Layout, before: State, scratch: Scratch, inputs: Inputs, row: int, trial: int, found: bool
) -> None:
    """Let expectations begin anew where flows were found again or will be held from now on; note which were safe."""
    rating = scratch.rating
    if trial == HELD_TRIAL:
        widen(rating, coldest(layout, before, scratch, inputs, row))
    elif found:
        widen(rating, 0.0)
    if trial >= HELD_TRIAL and keeps_ratings(layout, scratch):
        for g in range(rating.shape[0]):
            rating[g, SAFE] = max(rating[g, SAFE], rating[g, BACK])


@apart
def expect_back(
    layout: Layout, before: State, scratch: Scratch, inputs: Inputs, row: int, trial: int, found: bool
) -> bool:
    """Improve what is expected back at each plant that is at its largest heat; return whether any was expected wrongly.

    A plant at its limit supplies ``T_back + P_max / (m c)``, so it gives ``P_max`` where what comes back in the step is
    what was expected, and less where more comes back: secants, within 0.1 % or 10 W, that begin anew with what came
    where flows were ``found`` again.

    Valves that open and shut make what comes back jump, and flows are found within a tolerance. So they are held where
    supplies stay near to what they were found for, and after some trials. What comes back to any plant then rises with
    the supply of every plant, by no more than that. Late expectations lie between the coldest there is, where no plant
    exceeds its rating, and the wanted supply temperature: ``SAFE`` keeps the highest with which all plants kept to
    their ratings together, those that exceed move towards them, and the last trial takes them.
    """
    rating, plants = scratch.rating, layout.plant_node.shape[0]
    late, again = trial >= HELD_TRIAL, False
    remember(layout, before, scratch, inputs, row, trial, found)
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
        if over and late:
            rating[g, OVER] = min(rating[g, OVER], back)
        elif rating[g, OVER] - back < SMALLEST_BRACKET_K:
            rating[g, OVER] = math.inf
        bisect = trial > HELD_TRIAL + BISECT_EVERY and trial % BISECT_EVERY == 0
        guess = next_back(rating[g], came, wanted, over, bisect)
        if not late and abs(guess - rating[g, FOUND_FOR]) > NEAR_K:
            guess = min(came, wanted)
        rating[g, TRIED], rating[g, CAME], rating[g, BACK] = back, came, guess
    if again and trial == MAX_TRIALS - 2:
        for g in range(plants):
            rating[g, BACK] = rating[g, SAFE]
    return again
