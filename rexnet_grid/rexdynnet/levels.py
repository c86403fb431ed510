"""How finely a pipe is resolved: in full where water stood, finely where a steep front runs, else in few stretches.

What matters is the range of inlet temperatures whose steady profile the water, the wall and the inflow of a pipe could
belong to. Up to ``RESOLVED_K[CALM]`` two cells do, up to ``RESOLVED_K[MIDDLE]`` a bit less than half of those that a
steep front needs. Where water with a front in it comes to rest or turns round, it meets walls that it has not passed;
there the pipe is cut into more cells until it is calm again. Delay and spread are those of the whole wall at every
level, see :mod:`walls`; what is given up is the shape of a change of that size, below 0.1 K. As soon as more enters,
the pipe is resolved more finely again. All ways keep the energy.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.rexdynnet.compiled import apart, entry, inner
from rexnet_grid.rexdynnet.films import film_w_k
from rexnet_grid.rexdynnet.ordering import STILL_KG_S
from rexnet_grid.rexdynnet.parcels import (
    COUNT,
    LAST,
    MASS,
    MOST_PARCELS,
    SLOPE,
    START,
    TEMP,
    fade,
    growth,
    push,
)
from rexnet_grid.rexdynnet.profiles import extremes, most_turned, most_widened, turn, warm_within, with_pipe
from rexnet_grid.rexdynnet.walls import PLACE

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch, State

# Not plain integers: numba compiles a kernel anew for each plain constant it is called with.
FULL: Any = np.int64(0)
FINE: Any = np.int64(1)
MIDDLE: Any = np.int64(2)
CALM: Any = np.int64(3)
CALM_CELLS = 2
RESOLVED_K = (math.inf, math.inf, 2.0, 0.3)
RESOLVED_SHARE = 0.25
AGAIN = (1.0, 1.0, 0.1, 0.15)
BEND_SHARE = 0.1


@inner
def parts(layout: Layout, p: int, level: int) -> int:
    """Return the number of cells of a pipe at a level."""
    return int(layout.cells[level, p])


@apart
def band(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    cells: int,
    from_a: bool,
    decay: float,
    ground: float,
    mass_kg: float,
    lag: float,
    held: float,
) -> tuple[float, float]:
    """Return lowest and highest inlet temperature, above ground, whose steady state the pipe could be in [K].

    Between cells the steady profile is flatter, by the water's share of the heat capacity, and within them by ``held``,
    that of the wall; places count accordingly.

    ``decay`` is the exponent of the steady law over the whole pipe [-], ``lag`` how much of the water's temperature
    above ground a wall has in the steady state [-], 0 without wall.
    """
    low, high = np.inf, -np.inf
    at = 0.0
    unlagged = 1.0 / lag if lag > 0.0 else 1.0
    for k in range(cells + 1):
        row = first + k
        for j in range(ring[row, COUNT]):
            i = (ring[row, START] + j) & LAST
            share = parcel[row, i, MASS] / mass_kg
            middle = at + 0.5 * share
            middle += held * (k / cells - middle)
            at += share
            above = (parcel[row, i, TEMP] - ground) / fade(decay * (middle if from_a else 1.0 - middle))
            low, high = min(low, above), max(high, above)
        if k < cells and lag > 0.0:
            for node in range(2):
                middle = (k + 0.5 + held * ((0.5 - PLACE) if node == 1 else (PLACE - 0.5))) / cells
                above = (wall[row, node] - ground) * unlagged / fade(decay * (middle if from_a else 1.0 - middle))
                low, high = min(low, above), max(high, above)
    return low, high


@inner
def held_by_wall(layout: Layout, p: int) -> float:
    """Return the wall's share of the heat capacity of a pipe [-]."""
    wall = layout.wall_j_k[p]
    return float(wall / (layout.mass_kg[p] * layout.fluid[1] + wall))


@inner
def steady_lag(layout: Layout, p: int, film: float) -> float:
    """Return how much of the water's temperature above ground a wall has in the steady state [-]; 0 without wall.

    It cools with the rate λ and warms through the conductance ``film`` [W/K], so 1 / (1 + λ C_w / (h P L)).
    """
    wall = layout.wall_j_k[p]
    if wall <= 0.0:
        return 0.0
    rate = layout.loss_w_k[p] / (layout.mass_kg[p] * layout.fluid[1] + wall)
    return float(1.0 / (1.0 + rate * wall / film))


@inner
def tolerance(level: int, low: float, high: float, decay: float) -> float:
    """Return the width of the band within which a pipe may be at a level [K].

    A quarter of what the water cools on its way is added: a change of flow shifts the whole profile by a share of that
    without making a front.
    """
    return float(RESOLVED_K[level] + RESOLVED_SHARE * max(abs(low), abs(high)) * -math.expm1(-decay))


@apart
def copy_profile(
    parcel: FloatArray, ring: IntArray, first: int, cells: int, mass_kg: float, profile: FloatArray
) -> None:
    """Fill in a pipe's parcels from end A to end B as (share of its mass, temperature, slope)."""
    n = 0
    for row in range(first, first + cells + 1):
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

    What is narrower than a part lies on the straight line through the middles of two.
    """
    if (end - begin) * count < 1.0:
        at = 0.5 * (begin + end) * count - 0.5
        k = min(int(max(at, 0.0)), max(count - 2, 0))
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
    """Bring one pipe of one side to another level, its heat kept; return whether it was done.

    Nothing becomes warmer or colder than the warmest and the coldest in the pipe: a front stays as it is, where a
    profile without one is turned about the middle of each stretch.
    """
    parcel, ring, wall = state.parcel, state.ring, state.wall
    pipes = state.flow.shape[0]
    before, after = parts(layout, p, state.level[side, p]), parts(layout, p, level)
    first = int(side * layout.row_ptr[pipes] + layout.row_ptr[p])
    count = 0
    for row in range(first, first + before + 1):
        count += ring[row, COUNT]
    if count > MOST_PARCELS:
        return False
    body, shell = layout.mass_kg[p], layout.wall_j_k[p]
    heat_capacity = layout.fluid[1]
    heat, missed = with_pipe(0.0, 0.0, parcel, ring, wall, first, before, shell / heat_capacity)
    low, high = extremes(parcel, ring, wall, first, before)
    steeper = most_turned(parcel, ring, first, before, ground, 1.0 + shell / (body * heat_capacity), low, high)
    wider = 0.25 / ((0.5 - PLACE) * held_by_wall(layout, p)) if shell > 0.0 else 1.0
    wider = most_widened(wall, first, before, wider, low, high)
    for row in range(first, first + before + 1):
        turn(parcel, ring, row, first, first + before, ground, steeper)
    profile, walls = scratch.profile[0], scratch.profile[1]
    copy_profile(parcel, ring, first, before, body, profile)
    for k in range(before):
        mean, half = 0.5 * (wall[first + k, 0] + wall[first + k, 1]), 0.5 * (wall[first + k, 1] - wall[first + k, 0])
        walls[2 * k, TEMP], walls[2 * k + 1, TEMP] = mean - half * wider, mean + half * wider
    for k in range(after + 1):
        row = first + k
        begin = max(k - 0.5, 0.0) / after
        end = min(k + 0.5, float(after)) / after
        ring[row, START] = 0
        ring[row, COUNT] = 0
        fill(parcel, ring, row, ground, body, profile, count, begin, end)
        if k < after:
            near = min(max(mean_between(walls, 2 * before, k / after, (k + 0.5) / after), low), high)
            far = min(max(mean_between(walls, 2 * before, (k + 0.5) / after, (k + 1.0) / after), low), high)
            mean, half = 0.5 * (near + far), 0.5 * (far - near) / wider
            wall[row, 0], wall[row, 1] = mean - half, mean + half
    for row in range(first, first + after + 1):
        turn(parcel, ring, row, first, first + after, ground, 1.0 / steeper)
    for row in range(first + after + 1, first + before + 1):
        ring[row, COUNT] = 0
    state.level[side, p] = level
    warm_within(parcel, ring, wall, first, after, body, shell / heat_capacity, heat, missed, low, high)
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

    Coming from a finer one it may at a part of the width only. Nor may the steady profile bend too much within a cell.
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


@apart
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
    film: float,
) -> bool:
    """Resolve a pipe more finely where water between ``low`` and ``high`` [degC] that enters calls for it.

    ``film`` is the conductance to the wall [W/K]. Returns whether the level changed.
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
        layout.mass_kg[p],
        steady_lag(layout, p, film),
        held_by_wall(layout, p),
    )
    least, most = min(least, low - ground), max(most, high - ground)
    if fits(layout, p, level, least, most, decay, False):
        return False
    return relevel(layout, state, scratch, p, side, coarsest(layout, p, least, most, decay, False), ground)


@apart
def calm_down(layout: Layout, state: State, scratch: Scratch) -> None:
    """Bring every pipe that has become calmer to fewer stretches."""
    pipes = state.flow.shape[0]
    for side in range(2):
        for p in range(pipes):
            level = state.level[side, p]
            if level == CALM or parts(layout, p, level) <= CALM_CELLS:
                continue
            first = int(side * layout.row_ptr[pipes] + layout.row_ptr[p])
            from_a = state.flow[p] > 0.0 if side == 0 else state.flow[p] < 0.0
            flow = abs(state.flow[p])
            decay = steady_decay(layout, p, flow)
            lag = steady_lag(layout, p, film_w_k(layout, p, flow, state.parcel[first, state.ring[first, START], TEMP]))
            low, high = band(
                state.parcel, state.ring, state.wall, first, parts(layout, p, level), from_a, decay,
                scratch.ground_c[p], layout.mass_kg[p], lag, held_by_wall(layout, p),
            )  # fmt: skip
            calmer = coarsest(layout, p, low, high, decay, True)
            if calmer != FINE and parts(layout, p, calmer) < parts(layout, p, level):
                relevel(layout, state, scratch, p, side, calmer, scratch.ground_c[p])
