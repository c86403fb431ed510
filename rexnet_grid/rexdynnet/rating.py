"""Plants at their rating: the supply temperature at which a step takes no more than their largest heat; compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart
from rexnet_grid.rexdynnet.levels import parts
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, START, TEMP

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Inputs, Layout, Scratch, State

MAX_TRIALS = 28
HELD_TRIAL = 8
RATING_TOLERANCE = 1e-3
LEAST_TOLERANCE_W = 10.0
SMALLEST_BRACKET_K = 1e-6
STEEPEST, FLATTEST = -9.0, 0.98
BISECT_EVERY = 3
BACK, TRIED, CAME, SAFE, OVER = range(5)


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
