r"""What substations draw and give back: the flow for their heat, the lowest supply temperature, the bypass; compiled.

**Lowest supply temperature.** What passes a substation within a step is a list of pieces (duration, temperature). Those
colder than its lowest supply temperature pass without giving heat, the others for the share u of the step at the mean
:math:`T_u`, so it is handed

.. math:: Q = u\,\dot m\,c\,(T_u - T_{ret}) = \dot m\,c\,(T_e - T_{ret}), \qquad
          T_e = T_{ret} + u\,(T_u - T_{ret}),

and the valve opens until that is the heat asked for, at most to its largest flow: it flushes a branch that stood, makes
up within the step for what the cold water did not give, and keeps a long branch warm enough at small draws. What is
still missing is unserved. Where all is too cold it stands wide open. A flow that was measured is taken as it is.

**Bypass.** A self-acting valve between supply and return, closed at its set temperature and fully open 2 K below
(proportional, as thermostatic by-pass valves for dead ends are made; S. Frederiksen and S. Werner, *District Heating
and Cooling*, Studentlitteratur 2013, ch. 8). It follows the mean temperature of the step; what it lets through returns
as it came.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart
from rexnet_grid.rexdynnet.ends import has_exchanger, measured_heat, station_draw, station_heat

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Inputs, Layout, Outputs, Scratch, State

RETURN_TOLERANCE_K = 0.1
BRACKET = 1.05
BYPASS_BAND_K = 2.0
MAX_ROUNDS = 8
HARD_ROUNDS = 16
SMALLEST_FLOW_KG_S = 1e-6
SMALLEST_SPREAD_K = 1.0
COLD_SPREAD_K = 0.01
LEAST_SHARE = 0.05
SET_C, LARGEST_KG_S = 0, 1
SERVED, FAILED, SHARE, COLD, OPENING, MISS, LOW, HIGH = range(8)


@apart
def exchanger_draw(
    layout: Layout, inputs: Inputs, row: int, s: int, arrive_c: float, share: float
) -> tuple[float, float]:
    """Return flow and return temperature of exchangers at a supply temperature for a share of the step [kg/s, degC]."""
    secondary, hot = inputs.secondary_c, inputs.hot_w
    return station_draw(
        layout.exchanger[s],
        inputs.heat_w[row, s] / share,
        hot[row % hot.shape[0], s % hot.shape[1]] / share,
        arrive_c,
        inputs.return_c[row, s],
        secondary[row % secondary.shape[0], s % secondary.shape[1]],
        layout.sub_max_kg_s[s],
        layout.fluid[1],
    )


@apart
def begin_search(layout: Layout, state: State, scratch: Scratch) -> None:
    """Forget what was found about flows in the step before, but how far bypasses stood open."""
    for s in range(layout.sub_node.shape[0]):
        scratch.cut_kg_s[s] = math.inf
        scratch.search[s, SERVED] = -math.inf
        scratch.search[s, FAILED] = math.inf
        scratch.search[s, SHARE] = 1.0
        scratch.search[s, COLD] = 0.0
        scratch.search[s, OPENING] = state.opening[s]
        scratch.search[s, MISS] = math.nan
        scratch.search[s, LOW] = 0.0
        scratch.search[s, HIGH] = 1.0
    scratch.lifted_kg_s[:] = math.inf


@apart
def end_search(layout: Layout, state: State, scratch: Scratch) -> None:
    """Keep what the next step expects: the temperature of what was of use, and how far bypasses stand open."""
    for s in range(layout.sub_node.shape[0]):
        node = layout.sub_node[s]
        warm = scratch.warm_share[node]
        state.arrive_c[s] = scratch.mean_c[node] if warm in (0.0, 1.0) else scratch.warm_c[node]
        state.opening[s] = wanted_opening(layout, s, scratch.mean_c[node])


@apart
def draws(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int) -> None:
    """Fill flow, bypass and return of each substation [kg/s, degC] for the supply temperature expected there."""
    heat_capacity = layout.fluid[1]
    for s in range(layout.sub_node.shape[0]):
        given = inputs.flow_kg_s[row, s]
        expected = state.arrive_c[s]
        scratch.bypass_kg_s[s] = 0.0
        if not math.isnan(given):
            scratch.wanted_c[s] = inputs.return_c[row, s]
            scratch.sub_kg_s[s] = given
            continue
        heat = inputs.heat_w[row, s]
        if has_exchanger(layout.exchanger[s]):
            share = scratch.search[s, SHARE]
            if share < 1.0:
                expected = scratch.wanted_c[s] + (expected - scratch.wanted_c[s]) / share
            flow, scratch.wanted_c[s] = exchanger_draw(layout, inputs, row, s, expected, share)
        else:
            scratch.wanted_c[s] = inputs.return_c[row, s]
            least = COLD_SPREAD_K if scratch.search[s, COLD] > 0.0 else SMALLEST_SPREAD_K
            spread = max(expected - inputs.return_c[row, s], least)
            flow = min(heat / (heat_capacity * spread), layout.sub_max_kg_s[s])
        scratch.bypass_kg_s[s] = scratch.search[s, OPENING] * layout.bypass[s, LARGEST_KG_S]
        flow += scratch.bypass_kg_s[s]
        if flow <= SMALLEST_FLOW_KG_S:
            flow, scratch.bypass_kg_s[s] = 0.0, 0.0
        scratch.sub_kg_s[s] = flow


@apart
def wanted_opening(layout: Layout, s: int, arrived_c: float) -> float:
    """Return how far a bypass opens at a temperature, 0 to 1."""
    if layout.bypass[s, LARGEST_KG_S] <= 0.0 or layout.sub_max_kg_s[s] <= 0.0:
        return 0.0
    return float(min(max((layout.bypass[s, SET_C] - arrived_c) / BYPASS_BAND_K, 0.0), 1.0))


@apart
def open_bypass(layout: Layout, scratch: Scratch, s: int) -> bool:
    """Improve the opening of a bypass, in a bracket; return whether it does not fit the temperature yet.

    More flow brings warmer water and closes the valve, so the miss falls with the opening and has one root.
    """
    search = scratch.search
    opening = search[s, OPENING]
    wanted = wanted_opening(layout, s, scratch.mean_c[layout.sub_node[s]])
    miss = wanted - opening
    if abs(miss) * BYPASS_BAND_K <= RETURN_TOLERANCE_K or search[s, HIGH] - search[s, LOW] < 1e-3:
        return False
    other = HIGH if miss > 0.0 else LOW
    search[s, LOW if miss > 0.0 else HIGH] = opening
    far = search[s, other]
    new = 0.5 * (opening + far)
    if math.isnan(search[s, MISS]):
        new = wanted
    elif (miss > 0.0) != (search[s, MISS] > 0.0):
        new = opening + miss * (far - opening) / (miss - search[s, MISS])
    search[s, MISS] = miss
    search[s, OPENING] = new
    return True


@apart
def useful_c(scratch: Scratch, node: int, wanted_c: float) -> float:
    """Return the temperature whose water would give as much heat as what arrived, see the module [degC]."""
    share = scratch.warm_share[node]
    if share == 1.0:
        return float(scratch.mean_c[node])
    return float(wanted_c + share * (scratch.warm_c[node] - wanted_c))


@apart
def heat_at(layout: Layout, scratch: Scratch, inputs: Inputs, row: int, s: int, flow: float) -> float:
    """Return the heat that a substation can take from a flow with the water that arrived in the step [W]."""
    node = layout.sub_node[s]
    if not has_exchanger(layout.exchanger[s]):
        back = inputs.return_c[row, s]
        return float(flow * layout.fluid[1] * (useful_c(scratch, node, back) - back))
    share = scratch.warm_share[node]
    if share <= 0.0:
        return 0.0
    arrived = scratch.mean_c[node] if share == 1.0 else scratch.warm_c[node]
    longer = max(share, LEAST_SHARE)
    secondary, hot = inputs.secondary_c, inputs.hot_w
    taken = station_heat(
        layout.exchanger[s],
        inputs.heat_w[row, s] / longer,
        hot[row % hot.shape[0], s % hot.shape[1]] / longer,
        arrived,
        inputs.return_c[row, s],
        secondary[row % secondary.shape[0], s % secondary.shape[1]],
        flow,
        layout.fluid[1],
    )
    return float(share * taken)


@apart
def bracketed(
    search: FloatArray, attempt: int, expected: float, useful: float, wanted: float, guess: float
) -> tuple[float, bool]:
    """Return the next expected temperature where some water was too cold, and whether it is good enough as it is.

    What arrives then jumps with the flow, which goes with the inverse of ``expected - wanted``: ``SERVED`` is the
    highest expected temperature that was met, ``FAILED`` the lowest that was not; between them flows are halved.
    """
    met = useful >= expected - RETURN_TOLERANCE_K
    if met:
        search[SERVED] = max(search[SERVED], expected)
    else:
        search[FAILED] = min(search[FAILED], expected)
    served, failed = search[SERVED], search[FAILED]
    if served == -math.inf:
        return max(guess, wanted), expected - wanted <= COLD_SPREAD_K
    low, high = max(served - wanted, COLD_SPREAD_K), max(failed - wanted, COLD_SPREAD_K)
    if met and served == expected and high <= BRACKET * low:
        return expected, True
    if attempt >= HARD_ROUNDS - 3:
        return served, met and served == expected
    if failed < math.inf and not served < guess < failed:
        return wanted + math.sqrt(low * high), False
    return guess, False


@apart
def guess_again(
    layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int, attempt: int
) -> tuple[bool, bool]:
    """Improve the expected supply temperatures and bypasses; return whether any missed, and whether that is hard.

    More flow brings warmer water sooner, so the plain iteration may swing: each substation takes a secant step on
    its own difference of arrived and expected temperature, with the slope kept between -9 and 0.5. Bypasses and water
    that is too cold are hard.
    """
    again = False
    hard = False
    for s in range(layout.sub_node.shape[0]):
        node = layout.sub_node[s]
        flow = scratch.sub_kg_s[s] - scratch.bypass_kg_s[s]
        measured = not math.isnan(inputs.flow_kg_s[row, s])
        wanted = scratch.wanted_c[s]
        arrived = scratch.mean_c[node] if measured else useful_c(scratch, node, wanted)
        expected = state.arrive_c[s]
        slope = 0.0
        moved = expected - scratch.guess_c[s]
        if attempt > 0 and abs(moved) > 1e-6:
            slope = min(max((arrived - scratch.arrived_c[s]) / moved, -9.0), 0.5)
        scratch.guess_c[s] = expected
        scratch.arrived_c[s] = arrived
        state.arrive_c[s] = expected + (arrived - expected) / (1.0 - slope)
        if measured:
            continue
        if layout.bypass[s, LARGEST_KG_S] > 0.0 and open_bypass(layout, scratch, s):
            again, hard = True, True
        if flow <= 0.0:
            continue
        back = arrived - inputs.heat_w[row, s] / (flow * layout.fluid[1])
        full = scratch.sub_kg_s[s] >= scratch.most_kg_s[s] and back < wanted
        missed = abs(back - wanted) > RETURN_TOLERANCE_K and not full
        if scratch.warm_share[node] < 1.0 or scratch.search[s, COLD] > 0.0:
            scratch.search[s, COLD] = 1.0
            scratch.search[s, SHARE] = max(scratch.warm_share[node], LEAST_SHARE)
            search = scratch.search[s]
            state.arrive_c[s], enough = bracketed(search, attempt, expected, arrived, wanted, state.arrive_c[s])
            missed = missed and not enough
            hard = hard or missed
        again = again or missed
    return again, hard


@apart
def exchanged_at(layout: Layout, inputs: Inputs, row: int, s: int, arrived_c: float, flow: float) -> float:
    """Return the heat that exchangers hand over at a measured flow, no more than is asked for where that is known [W].

    For what is asked as hot water, see :func:`measured_heat`, where the heat itself is not known.
    """
    secondary, hot, asked = inputs.secondary_c, inputs.hot_w, inputs.heat_w[row, s]
    hot_w, supply_c = (
        hot[row % hot.shape[0], s % hot.shape[1]],
        secondary[row % secondary.shape[0], s % secondary.shape[1]],
    )
    pair, back_c, heat_capacity = layout.exchanger[s], inputs.return_c[row, s], layout.fluid[1]
    if math.isnan(asked):
        return measured_heat(pair, hot_w, arrived_c, back_c, supply_c, flow, heat_capacity)
    if asked <= 0.0:
        return 0.0
    given = station_heat(pair, asked, hot_w, arrived_c, back_c, supply_c, flow, heat_capacity)
    return float(min(given, asked))


@apart
def handed_over(
    layout: Layout, scratch: Scratch, inputs: Inputs, row: int, s: int, flow: float, full: bool
) -> tuple[float, float]:
    """Return the heat that a substation takes from a flow and the temperature of what was of use then [W, degC]."""
    node, heat, heat_capacity = layout.sub_node[s], inputs.heat_w[row, s], layout.fluid[1]
    wanted, yielded = inputs.return_c[row, s], 0.0
    if not math.isnan(inputs.flow_kg_s[row, s]):
        arrived = scratch.mean_c[node]
        if has_exchanger(layout.exchanger[s]):
            yielded = exchanged_at(layout, inputs, row, s, arrived, flow)
            return yielded, arrived - yielded / (flow * heat_capacity)
        back = wanted if math.isnan(heat) else arrived - heat / (flow * heat_capacity)
        return flow * heat_capacity * (arrived - back), back
    share = scratch.warm_share[node]
    if has_exchanger(layout.exchanger[s]):
        at = scratch.mean_c[node] if share == 1.0 else scratch.warm_c[node]
        _, wanted = exchanger_draw(layout, inputs, row, s, at, max(share, LEAST_SHARE))
        yielded = heat_at(layout, scratch, inputs, row, s, flow)
    arrived = useful_c(scratch, node, wanted)
    floor = wanted if full or share < 1.0 else wanted - 1.0
    floor = min(floor, arrived - yielded / (flow * heat_capacity))
    back = max(arrived - heat / (flow * heat_capacity), min(floor, arrived))
    return flow * heat_capacity * (arrived - back), back


@apart
def substations(layout: Layout, scratch: Scratch, inputs: Inputs, outputs: Outputs, row: int) -> float:
    """Hand over the heat and fill the return side's sources; return the heat delivered [W].

    The heat asked for is taken exactly where the water is warm enough; a return temperature more than a kelvin below
    the wanted one (of an exchanger: the one it yields at the temperature that arrived) is not accepted, the rest stays
    unserved.
    """
    total = 0.0
    for node in range(scratch.source_kg_s.shape[0]):
        scratch.source_kg_s[node] = 0.0
        scratch.source_c[node] = 0.0
    for s in range(layout.sub_node.shape[0]):
        node = layout.sub_node[s]
        through = scratch.sub_kg_s[s]
        past = min(max(scratch.bypass_kg_s[s] - max(scratch.asked_kg_s[s] - through, 0.0), 0.0), through)
        flow = through - past
        given, back = 0.0, scratch.mean_c[node] if past > 0.0 else inputs.return_c[row, s]
        if flow > 0.0:
            given, back = handed_over(layout, scratch, inputs, row, s, flow, through >= scratch.most_kg_s[s])
            if past > 0.0 or scratch.warm_share[node] < 1.0:
                back = scratch.mean_c[node] - given / (through * layout.fluid[1])
        scratch.return_c[s] = back
        outputs.sub_kg_s[row, s] = through
        outputs.bypass_kg_s[row, s] = past
        outputs.delivered_w[row, s] = given
        heat = given if math.isnan(inputs.heat_w[row, s]) else inputs.heat_w[row, s]
        missing = heat - given
        outputs.unserved_w[row, s] = missing if missing > 1e-9 * abs(heat) else 0.0
        total += given
        if through > 0.0:
            together = scratch.source_kg_s[node] + through
            scratch.source_c[node] += (back - scratch.source_c[node]) * (through / together)
            scratch.source_kg_s[node] = together
    return total
