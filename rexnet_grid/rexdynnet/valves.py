r"""Valves that the plain search leaves unsettled: all flows at once, by the heat that they bring; compiled.

Where warmer water reaches a street within a step, a little more flow at one valve brings it sooner to all, and what a
valve has to let through may change a hundredfold within a kelvin. The heat that a substation can take in the step,
:math:`D_s`, has no such jumps: it rises smoothly with its own flow and with all others. So the unknowns are the
logarithms of the flows, and what is to vanish is

.. math:: r_s(\ln \dot m) = \frac{D_s(\dot m_s, T_s(\dot m)) - Q_s}{Q_s + \dot m_s c \vartheta}

with ϑ = 0 behind an exchanger, and 10 K where the return temperature is handed in and may be near what arrives; by
Broyden's first method (C. G. Broyden, Math. Comp. 19 (1965) 577-593, doi:10.1090/S0025-5718-1965-0198670-6) with the
inverse kept as a few pairs of vectors. No flow changes by more than a factor of its own in a round, which shrinks where
its residual changes sign and grows where it does not (as in resilient propagation, M. Riedmiller and H. Braun, IEEE
Int. Conf. Neural Networks 1993, doi:10.1109/ICNN.1993.298623). A valve that stands wide open may bring too little. One
that passes many times what it needs brings hardly more heat through an exchanger, but takes the pump's power: there the
logarithm of that ratio joins the residual, and a search does not end by itself above a fifth too much.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart
from rexnet_grid.rexdynnet.ends import has_exchanger
from rexnet_grid.rexdynnet.service import (
    LARGEST_KG_S,
    LEAST_SHARE,
    OPENING,
    SMALLEST_FLOW_KG_S,
    exchanger_draw,
    handed_over,
    heat_at,
    open_bypass,
)

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.layout import Inputs, Layout, Scratch

PAIRS = 8
X, LAST_X, MISS, LAST_MISS, CAP, BEST, STEP, WORK, LEFT = range(9)
RIGHT = LEFT + PAIRS
ROWS = RIGHT + PAIRS
VALVE_ROUNDS = 40
LATE_ROUND = 16
TOLERANCE = 2.5e-3
LATE_TOLERANCE = 1e-2
FIRST_CAP, LARGEST_CAP = 1.0, 1.5
SHRINK, GROW = 0.7, 1.5
SMALLEST_PIVOT = 1e-10
FRONT_K = 5.0
TOO_WIDE = 1.2
LAST_TOLERANCE = 0.2
BACK = 0.2
WIDE_SHARE = 2e-3
SPREAD_K = 10.0
ROUND, USED, LEAST_MISSING = range(3)


@apart
def turned(layout: Layout, inputs: Inputs, row: int, s: int) -> bool:
    """Return whether a substation has a valve that follows the heat asked for, and a plant that it is joined to."""
    joined = layout.island[layout.sub_node[s]] >= 0 and layout.sub_max_kg_s[s] > 0.0
    return bool(joined and inputs.heat_w[row, s] > 0.0 and math.isnan(inputs.flow_kg_s[row, s]))


@apart
def begin_valves(layout: Layout, scratch: Scratch) -> None:
    """Begin with the flows as they are."""
    valve = scratch.valve
    scratch.round[ROUND], scratch.round[USED], scratch.round[LEAST_MISSING] = 0.0, 0.0, math.inf
    for s in range(layout.sub_node.shape[0]):
        flow = max(scratch.sub_kg_s[s] - scratch.bypass_kg_s[s], SMALLEST_FLOW_KG_S)
        valve[X, s] = math.log(flow)
        valve[CAP, s] = FIRST_CAP


@apart
def turn_valves(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> None:
    """Fill the flow of each substation from the unknowns [kg/s]."""
    for s in range(layout.sub_node.shape[0]):
        if turned(layout, inputs, row, s):
            scratch.bypass_kg_s[s] = scratch.search[s, OPENING] * layout.bypass[s, LARGEST_KG_S]
            flow = min(math.exp(scratch.valve[X, s]), layout.sub_max_kg_s[s])
            scratch.sub_kg_s[s] = flow + scratch.bypass_kg_s[s]
        elif not math.isnan(inputs.flow_kg_s[row, s]):
            scratch.sub_kg_s[s] = inputs.flow_kg_s[row, s]
        else:
            scratch.bypass_kg_s[s] = scratch.search[s, OPENING] * layout.bypass[s, LARGEST_KG_S]
            scratch.sub_kg_s[s] = scratch.bypass_kg_s[s]


@apart
def times(scratch: Scratch, source: int, into: int, transposed: bool) -> None:
    """Fill ``into`` with the inverse slopes, or their transpose, times another row of the unknowns' table."""
    valve, subs = scratch.valve, scratch.valve.shape[1]
    for s in range(subs):
        valve[into, s] = valve[source, s]
    for k in range(int(scratch.round[USED])):
        left, right = (RIGHT + k, LEFT + k) if transposed else (LEFT + k, RIGHT + k)
        total = 0.0
        for s in range(subs):
            total += valve[right, s] * valve[source, s]
        for s in range(subs):
            valve[into, s] += total * valve[left, s]


@apart
def learn(scratch: Scratch) -> None:
    """Take what the last change of flows has shown into the inverse slopes; begin anew where the pairs are full."""
    valve, subs = scratch.valve, scratch.valve.shape[1]
    if int(scratch.round[USED]) == PAIRS:
        scratch.round[USED] = 0.0
    k = int(scratch.round[USED])
    for s in range(subs):
        valve[LAST_X, s] = valve[X, s] - valve[LAST_X, s]
        valve[LAST_MISS, s] = valve[MISS, s] - valve[LAST_MISS, s]
    times(scratch, LAST_MISS, WORK, False)
    times(scratch, LAST_X, RIGHT + k, True)
    pivot, moved = 0.0, 0.0
    for s in range(subs):
        pivot += valve[LAST_X, s] * valve[WORK, s]
        moved += valve[LAST_X, s] ** 2
    if abs(pivot) <= SMALLEST_PIVOT * moved or moved == 0.0:
        return
    for s in range(subs):
        valve[LEFT + k, s] = (valve[LAST_X, s] - valve[WORK, s]) / pivot
    scratch.round[USED] = k + 1.0


@apart
def residual(layout: Layout, scratch: Scratch, inputs: Inputs, row: int, s: int, flow: float) -> float:
    """Return what is to vanish at a substation with this flow, see the module [-]."""
    heat = inputs.heat_w[row, s]
    taken = heat_at(layout, scratch, inputs, row, s, flow)
    if has_exchanger(layout.exchanger[s]):
        return float(taken / heat - 1.0)
    return float((taken - heat) / (heat + flow * layout.fluid[1] * SPREAD_K))


@apart
def width(layout: Layout, scratch: Scratch, inputs: Inputs, row: int, s: int, flow: float) -> float:
    """Return how many times the flow is what its heat needs of the water that arrived, at least 1 [-].

    An exchanger yields hardly more at a hundred times the flow, so its heat does not tell.
    """
    if not has_exchanger(layout.exchanger[s]):
        return float(max(heat_at(layout, scratch, inputs, row, s, flow) / inputs.heat_w[row, s], 1.0))
    node = layout.sub_node[s]
    share = scratch.warm_share[node]
    if share <= 0.0:
        return 1.0
    at = scratch.mean_c[node] if share == 1.0 else scratch.warm_c[node]
    need, _ = exchanger_draw(layout, inputs, row, s, at, max(share, LEAST_SHARE))
    return float(max(flow / max(need, SMALLEST_FLOW_KG_S), 1.0))


@apart
def widest(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> float:
    """Return the largest :func:`width` of all valves [-]."""
    most = 1.0
    for s in range(layout.sub_node.shape[0]):
        if turned(layout, inputs, row, s):
            flow = max(scratch.sub_kg_s[s] - scratch.bypass_kg_s[s], SMALLEST_FLOW_KG_S)
            most = max(most, width(layout, scratch, inputs, row, s, flow))
    return most


@apart
def far_off(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> bool:
    """Return whether a valve stands far too wide open, or leaves heat unserved that it could let through."""
    for s in range(layout.sub_node.shape[0]):
        if not turned(layout, inputs, row, s):
            continue
        flow = max(scratch.sub_kg_s[s] - scratch.bypass_kg_s[s], SMALLEST_FLOW_KG_S)
        if width(layout, scratch, inputs, row, s, flow) > TOO_WIDE:
            return True
        given, _ = handed_over(layout, scratch, inputs, row, s, flow, False)
        full = scratch.sub_kg_s[s] >= scratch.most_kg_s[s]
        if given < inputs.heat_w[row, s] * (1.0 - TOLERANCE) and not full:
            return True
    return False


@apart
def misses(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> tuple[float, float, float, float]:
    """Fill flows as they were and residuals; return the worst of those, the heat missing and that asked for [W].

    The last one returned is what counts as missing where valves stand too wide [W]. They are driven back by a residual
    that grows with the logarithm of their width, as their heat hardly does.
    """
    valve = scratch.valve
    worst, missing, asked, wide = 0.0, 0.0, 0.0, 0.0
    for s in range(layout.sub_node.shape[0]):
        valve[MISS, s] = 0.0
        if not turned(layout, inputs, row, s):
            continue
        flow = max(scratch.sub_kg_s[s] - scratch.bypass_kg_s[s], SMALLEST_FLOW_KG_S)
        valve[X, s] = math.log(flow)
        heat = inputs.heat_w[row, s]
        miss = residual(layout, scratch, inputs, row, s, flow) - TOLERANCE
        asked += heat
        if miss < 0.0 and scratch.sub_kg_s[s] >= scratch.most_kg_s[s]:
            continue
        worst = max(worst, abs(miss))
        if miss > TOLERANCE:
            excess = math.log(width(layout, scratch, inputs, row, s, flow))
            miss += BACK * excess
            wide += WIDE_SHARE * excess * heat
        valve[MISS, s] = miss
        if miss < -2.0 * TOLERANCE:
            given, _ = handed_over(layout, scratch, inputs, row, s, flow, False)
            missing += max(heat - given, 0.0)
    return worst, missing, asked, wide


@apart
def bypasses_swing(layout: Layout, scratch: Scratch) -> bool:
    """Improve the openings of the bypasses; return whether any does not fit the temperature yet."""
    swings = False
    for s in range(layout.sub_node.shape[0]):
        if layout.bypass[s, LARGEST_KG_S] > 0.0 and open_bypass(layout, scratch, s):
            swings = True
    return swings


@apart
def step_valves(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> None:
    """Change the flows by a quasi-Newton step, each by its own factor at most."""
    valve, subs = scratch.valve, layout.sub_node.shape[0]
    if scratch.round[ROUND] > 0.0:
        for s in range(subs):
            same = valve[MISS, s] * valve[LAST_MISS, s] >= 0.0
            valve[CAP, s] = min(GROW * valve[CAP, s], LARGEST_CAP) if same else SHRINK * valve[CAP, s]
        learn(scratch)
    times(scratch, MISS, STEP, False)
    for s in range(subs):
        valve[LAST_X, s], valve[LAST_MISS, s] = valve[X, s], valve[MISS, s]
        if turned(layout, inputs, row, s):
            valve[X, s] -= min(max(valve[STEP, s], -valve[CAP, s]), valve[CAP, s])
            valve[X, s] = max(valve[X, s], math.log(SMALLEST_FLOW_KG_S))


@apart
def better_valves(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> tuple[bool, bool]:
    """Improve the flows; return whether to go on with them, and whether they are settled.

    The last round takes the flows that left least heat missing, those that are too wide counted with a share of theirs.
    """
    valve, subs = scratch.valve, layout.sub_node.shape[0]
    attempt = int(scratch.round[ROUND])
    swings = bypasses_swing(layout, scratch)
    worst, missing, asked, wide = misses(layout, scratch, inputs, row)
    enough = worst <= TOLERANCE
    if attempt >= LATE_ROUND:
        enough = worst <= LATE_TOLERANCE or (missing == 0.0 and widest(layout, scratch, inputs, row) <= TOO_WIDE)
    if enough and not swings:
        return False, True
    if attempt >= VALVE_ROUNDS - 1:
        return False, missing <= LATE_TOLERANCE * asked and worst <= LAST_TOLERANCE
    if missing + wide < scratch.round[LEAST_MISSING]:
        scratch.round[LEAST_MISSING] = missing + wide
        for s in range(subs):
            valve[BEST, s] = valve[X, s]
    if attempt == VALVE_ROUNDS - 2:
        for s in range(subs):
            valve[X, s] = valve[BEST, s]
    else:
        step_valves(layout, scratch, inputs, row)
    scratch.round[ROUND] += 1.0
    return True, False


@apart
def meets_front(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> bool:
    """Return whether the water that reached a substation with an exchanger changed by more than a few kelvin."""
    for s in range(layout.sub_node.shape[0]):
        changed = scratch.spread_k[layout.sub_node[s]] > FRONT_K
        if changed and has_exchanger(layout.exchanger[s]) and turned(layout, inputs, row, s):
            return True
    return False
