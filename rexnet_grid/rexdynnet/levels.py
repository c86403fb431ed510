"""How finely a pipe is resolved: in full where a steep front runs, in three stretches where it is all but steady.

What matters is the range of inlet temperatures whose steady profile the water, the wall and the inflow of a pipe could
belong to. Up to ``RESOLVED_K[CALM]`` two exchangers do, up to ``RESOLVED_K[MIDDLE]`` a bit less than half of the full
number. Delay and spread are those of the whole wall at every level, see :mod:`shares`; what is given up is the shape of
a change of that size, below 0.1 K. As soon as more enters, the pipe is resolved more finely again. All ways keep the
energy.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.rexdynnet.compiled import apart, entry, inner, part
from rexnet_grid.rexdynnet.ordering import STILL_KG_S
from rexnet_grid.rexdynnet.parcels import (
    COUNT,
    LAST,
    MASS,
    MOST_PARCELS,
    SLOPE,
    START,
    TEMP,
    edge_c,
    growth,
    mean_c,
    push,
)
from rexnet_grid.rexdynnet.shares import most_share, pipe_heat, share_again, share_fits, shift, wanted_share
from rexnet_grid.rexdynnet.walls import cooling_rate, effectiveness

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch, State

# Not plain integers: numba compiles a kernel anew for each plain constant it is called with.
FINE: Any = np.int64(0)
MIDDLE: Any = np.int64(1)
CALM: Any = np.int64(2)
CALM_EXCHANGERS = 2
RESOLVED_K = (math.inf, 4.0, 0.5)
SHARE_SLACK = (0.02, 0.05, 0.2)
RESOLVED_SHARE = 0.25
AGAIN = (1.0, 0.15, 0.25)
BEND_SHARE = 0.1


@inner
def parts(layout: Layout, p: int, level: int) -> int:
    """Return the number of exchangers of a pipe at a level."""
    return int(layout.exchangers[level, p])


@inner
def body_kg(layout: Layout, state: State, p: int, side: int) -> float:
    """Return what moves in a pipe: its water, and of its wall what does not trade heat, as if it were water [kg]."""
    moving = (1.0 - state.share[side, p]) * layout.wall_j_k[p] / layout.fluid[1]
    return float(layout.mass_kg[p] + moving)


@inner
def shell_j_k(layout: Layout, state: State, p: int, side: int) -> float:
    """Return the heat capacity of the part of a wall that trades heat with the water [J/K]."""
    return float(state.share[side, p] * layout.wall_j_k[p])


@apart
def band(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    exchangers: int,
    from_a: bool,
    decay: float,
    ground: float,
    mass_kg: float,
    lag: float,
) -> tuple[float, float]:
    """Return lowest and highest inlet temperature, above ground, whose steady state the pipe could be in [K].

    ``decay`` is the exponent of the steady law over the whole pipe [-], ``lag`` how much of the water's temperature
    above ground a wall has in the steady state [-], 0 without wall.
    """
    low, high = np.inf, -np.inf
    at = 0.0
    for k in range(exchangers + 1):
        row = first + k
        for j in range(ring[row, COUNT]):
            i = (ring[row, START] + j) & LAST
            share = parcel[row, i, MASS] / mass_kg
            middle = at + 0.5 * share
            at += share
            above = (parcel[row, i, TEMP] - ground) * math.exp(decay * (middle if from_a else 1.0 - middle))
            low, high = min(low, above), max(high, above)
        if k < exchangers and lag > 0.0:
            middle = (k + 0.5) / exchangers
            above = (wall[row] - ground) / lag * math.exp(decay * (middle if from_a else 1.0 - middle))
            low, high = min(low, above), max(high, above)
    return low, high


@inner
def steady_lag(capacity: float, uptake: float, eps: float, rate: float) -> float:
    """Return how much of the water's temperature above ground a wall has in the steady state [-]; 0 without wall.

    ``capacity`` [J/K] is that of the wall at one exchanger, ``uptake`` ṁ c ε [W/K], ``rate`` λ [1/s].
    """
    if capacity <= 0.0:
        return 0.0
    if uptake <= 0.0:
        return 1.0
    held = uptake / (uptake + rate * capacity)
    return float(held / math.sqrt(1.0 - eps * (1.0 - held)))


@inner
def tolerance(level: int, low: float, high: float, decay: float) -> float:
    """Return the width of the band within which a pipe may be at a level [K].

    A quarter of what the water cools on its way is added: a change of flow shifts the whole profile by a share of that
    without making a front.
    """
    return float(RESOLVED_K[level] + RESOLVED_SHARE * max(abs(low), abs(high)) * -math.expm1(-decay))


@apart
def turn(parcel: FloatArray, ring: IntArray, row: int, first: int, last: int, ground: float, factor: float) -> None:
    """Make the profile within a stretch steeper by ``factor`` about its middle, at the pipe's ends about the end.

    Water changes along a pipe by its own delay and by what the wall takes up. A chain has the second all at its
    exchangers, so that between them the profile is flatter by the water's share of the heat capacity.
    """
    if row == first:
        centre = edge_c(parcel, ring, row, ground, True)
    elif row == last:
        centre = edge_c(parcel, ring, row, ground, False)
    else:
        centre = mean_c(parcel, ring, row)
    for k in range(ring[row, COUNT]):
        i = (ring[row, START] + k) & LAST
        before = parcel[row, i, TEMP] - ground
        parcel[row, i, TEMP] = centre + (parcel[row, i, TEMP] - centre) * factor
        after = parcel[row, i, TEMP] - ground
        if abs(after) > 0.5 * abs(before):
            parcel[row, i, SLOPE] *= factor * before / after


@part
def copy_profile(
    parcel: FloatArray, ring: IntArray, first: int, exchangers: int, mass_kg: float, profile: FloatArray
) -> None:
    """Fill in a pipe's parcels from end A to end B as (share of its mass, temperature, slope)."""
    n = 0
    for row in range(first, first + exchangers + 1):
        for j in range(ring[row, COUNT]):
            i = (ring[row, START] + j) & LAST
            profile[n, MASS] = parcel[row, i, MASS] / mass_kg
            profile[n, TEMP] = parcel[row, i, TEMP]
            profile[n, SLOPE] = parcel[row, i, SLOPE]
            n += 1


@inner
def part_mean(above: float, slope: float, begin: float, end: float) -> float:
    """Return the mean of a part of a parcel whose own mean is ``above`` ground, from share ``begin`` to ``end`` [K]."""
    if slope == 0.0:
        return above
    return above / growth(slope) * math.exp(slope * begin) * growth(slope * (end - begin))


@apart
def mean_between(wall: FloatArray, count: int, begin: float, end: float) -> float:
    """Return the mean temperature of a wall of ``count`` equal parts between two places, 0 at end A and 1 at B.

    What is narrower than a part lies on the straight line between the middles of two.
    """
    if (end - begin) * count < 1.0:
        at = min(max(0.5 * (begin + end) * count - 0.5, 0.0), count - 1.0)
        k = min(int(at), max(count - 2, 0))
        beyond = wall[min(k + 1, count - 1), TEMP] - wall[k, TEMP]
        return float(wall[k, TEMP] + (at - k) * beyond)
    total = 0.0
    for k in range(count):
        inside = min((k + 1.0) / count, end) - max(k / count, begin)
        if inside > 0.0:
            total += inside * wall[k, TEMP]
    return total / (end - begin)


@entry
def relevel(layout: Layout, state: State, scratch: Scratch, p: int, side: int, level: int, ground: float) -> bool:
    """Bring one pipe of one side to another level, its heat kept; return whether it was done."""
    parcel, ring, wall = state.parcel, state.ring, state.wall
    pipes = state.flow.shape[0]
    before, after = parts(layout, p, state.level[side, p]), parts(layout, p, level)
    first = int(side * layout.row_ptr[pipes] + layout.row_ptr[p])
    count = 0
    for row in range(first, first + before + 1):
        count += ring[row, COUNT]
    if count > MOST_PARCELS:
        return False
    body, shell = body_kg(layout, state, p, side), shell_j_k(layout, state, p, side)
    heat_capacity = layout.fluid[1]
    heat = pipe_heat(parcel, ring, wall, first, before, shell, heat_capacity)
    steeper = 1.0 + shell / (body * heat_capacity)
    for row in range(first, first + before + 1):
        turn(parcel, ring, row, first, first + before, ground, steeper)
    profile, walls = scratch.profile[0], scratch.profile[1]
    copy_profile(parcel, ring, first, before, body, profile)
    for k in range(before):
        walls[k, TEMP] = wall[first + k]
    for k in range(after + 1):
        row = first + k
        begin = max(k - 0.5, 0.0) / after
        end = min(k + 0.5, float(after)) / after
        ring[row, START] = 0
        ring[row, COUNT] = 0
        fill(parcel, ring, row, ground, body, profile, count, begin, end)
        if k < after:
            wall[row] = mean_between(walls, before, k / after, (k + 1.0) / after)
    for row in range(first, first + after + 1):
        turn(parcel, ring, row, first, first + after, ground, 1.0 / steeper)
    for row in range(first + after + 1, first + before + 1):
        ring[row, COUNT] = 0
    state.level[side, p] = level
    now = pipe_heat(parcel, ring, wall, first, after, shell, heat_capacity)
    shift(parcel, ring, wall, first, after, (heat - now) / (body * heat_capacity + shell))
    return True


@apart
def fill(
    parcel: FloatArray,
    ring: IntArray,
    row: int,
    ground: float,
    mass_kg: float,
    profile: FloatArray,
    n: int,
    begin: float,
    end: float,
) -> None:
    """Put what a profile holds between two places into a row, parcel by parcel; the row's mass comes out exactly."""
    at = 0.0
    filled = 0.0
    wanted = mass_kg * (end - begin)
    for k in range(n):
        whole = profile[k, MASS]
        left, right = max(at, begin), min(at + whole, end)
        if right - left > 1e-9:
            mass = min((right - left) * mass_kg, wanted - filled)
            above = part_mean(profile[k, TEMP] - ground, profile[k, SLOPE], (left - at) / whole, (right - at) / whole)
            push(parcel, ring, row, False, ground, mass, ground + above, profile[k, SLOPE] * (right - left) / whole)
            filled += mass
        at += whole
    i = (ring[row, START] + ring[row, COUNT] - 1) & LAST
    parcel[row, i, MASS] += wanted - filled


@inner
def steady_decay(layout: Layout, p: int, flow: float) -> float:
    """Return the exponent of the steady law over a pipe, L / (R' m c) [-]; 0 at rest."""
    m = abs(flow)
    return float(layout.loss_w_k[p] / (m * layout.fluid[1])) if m >= STILL_KG_S else 0.0


@inner
def fits(layout: Layout, p: int, level: int, least: float, most: float, decay: float, again: bool) -> bool:
    """Return whether a pipe may be at a level with a band of inlet temperatures above ground [K].

    Coming from a finer one it may at a part of the width only. Nor may the steady profile bend too much between two
    exchangers.
    """
    width = (AGAIN[level] if again else 1.0) * tolerance(level, least, most, decay)
    step = decay / parts(layout, p, level)
    bend = max(abs(least), abs(most)) * step * step / 24.0
    return most - least <= width and bend <= BEND_SHARE * RESOLVED_K[level]


@inner
def coarsest(layout: Layout, p: int, least: float, most: float, decay: float, again: bool) -> int:
    """Return the coarsest level that fits."""
    for level in (CALM, MIDDLE):
        fewer = parts(layout, p, level) < parts(layout, p, FINE)
        if fewer and fits(layout, p, level, least, most, decay, again):
            return int(level)
    return int(FINE)


@part
def refine(
    layout: Layout,
    state: State,
    scratch: Scratch,
    p: int,
    side: int,
    from_a: bool,
    flow: float,
    low: float,
    high: float,
) -> bool:
    """Resolve a pipe more finely where water between ``low`` and ``high`` [degC] that enters calls for it.

    Returns whether the level changed.
    """
    level = state.level[side, p]
    ground = scratch.ground_c[p]
    first = int(side * layout.row_ptr[state.flow.shape[0]] + layout.row_ptr[p])
    decay = steady_decay(layout, p, flow)
    least, most = band(
        state.parcel,
        state.ring,
        state.wall,
        first,
        parts(layout, p, level),
        from_a,
        decay,
        ground,
        body_kg(layout, state, p, side),
        steady_lag(
            shell_j_k(layout, state, p, side) / parts(layout, p, level),
            flow * layout.fluid[1] * scratch.eps[side, p],
            scratch.eps[side, p],
            scratch.rate[side, p],
        ),
    )
    least, most = min(least, low - ground), max(most, high - ground)
    if fits(layout, p, level, least, most, decay, False):
        return False
    return relevel(layout, state, scratch, p, side, coarsest(layout, p, least, most, decay, False), ground)


@part
def reshare(layout: Layout, state: State, scratch: Scratch, p: int, side: int, flow: float) -> bool:
    """Let that share of a pipe's wall trade heat which suits its flow; return whether it changed."""
    level = state.level[side, p]
    exchangers = parts(layout, p, level)
    units = scratch.film_w_k[p] / (flow * layout.fluid[1])
    slack = SHARE_SLACK[level]
    old = state.share[side, p]
    wanted = wanted_share(units, exchangers, layout.wall_j_k[p] / (layout.mass_kg[p] * layout.fluid[1]))
    if share_fits(old, wanted, units, exchangers, slack):
        return False
    new = min(wanted, (1.0 - 0.5 * slack) * most_share(units, exchangers))
    first = int(side * layout.row_ptr[state.flow.shape[0]] + layout.row_ptr[p])
    share_again(
        state.parcel, state.ring, state.wall, first, exchangers, layout.mass_kg[p], layout.wall_j_k[p],
        layout.fluid[1], scratch.ground_c[p], old, new,
    )  # fmt: skip
    state.share[side, p] = new
    return True


@part
def calm_down(layout: Layout, state: State, scratch: Scratch) -> None:
    """Bring every pipe that has become calmer to fewer stretches; ``scratch`` holds the films of the flows."""
    pipes = state.flow.shape[0]
    for side in range(2):
        for p in range(pipes):
            level = state.level[side, p]
            if level == CALM or parts(layout, p, FINE) <= CALM_EXCHANGERS:
                continue
            first = int(side * layout.row_ptr[pipes] + layout.row_ptr[p])
            from_a = state.flow[p] > 0.0 if side == 0 else state.flow[p] < 0.0
            flow = abs(state.flow[p])
            decay = steady_decay(layout, p, flow)
            share, exchangers = state.share[side, p], parts(layout, p, level)
            body, shell = body_kg(layout, state, p, side), shell_j_k(layout, state, p, side)
            eps, rate = 0.0, 0.0
            if flow >= STILL_KG_S:
                per_part = 1.0 / (exchangers * flow * layout.fluid[1])
                eps = effectiveness(scratch.film_w_k[p] * share * share * per_part)
                rate = cooling_rate(
                    layout.loss_w_k[p] * per_part, shell / (body * layout.fluid[1]), eps, body / (exchangers * flow)
                )
            lag = steady_lag(shell / exchangers, flow * layout.fluid[1] * eps, eps, rate)
            low, high = band(
                state.parcel, state.ring, state.wall, first, exchangers, from_a, decay, scratch.ground_c[p], body, lag
            )
            calmer = coarsest(layout, p, low, high, decay, True)
            if parts(layout, p, calmer) < parts(layout, p, level):
                relevel(layout, state, scratch, p, side, calmer, scratch.ground_c[p])
