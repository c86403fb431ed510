r"""How finely a pipe is resolved: in full where a front runs, in three stretches where temperatures hardly differ.

A calm pipe, one whose water, wall and inflow lie within ``RESOLVED_K`` of one steady profile, has two exchangers. Of
its wall the share :math:`1 - \varphi` moves with the water (it only delays) and the share :math:`\varphi` trades heat,
with :math:`\varphi` and :math:`\varepsilon` such that delay *and* spread are those of the whole wall, as in
:mod:`walls`: with :math:`n` transfer units in all,
:math:`\varphi^2 (2 / \varepsilon - 1) = 4 / n`, :math:`\varphi = \min(1, \sqrt{4 / n})` at 0.3 m/s. What is given up
is the third moment of a change below ``RESOLVED_K``. As soon as more than that enters, the pipe is resolved in full
again. Both ways keep the energy.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.rexdynnet.compiled import apart, entry, inner, part
from rexnet_grid.rexdynnet.ordering import STILL_KG_S
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, MASS, MOST_PARCELS, SLOPE, START, TEMP, push

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch, State

# Not plain integers: numba compiles a kernel anew for each plain constant it is called with.
FINE: Any = np.int64(0)
CALM: Any = np.int64(1)
CALM_EXCHANGERS = 2
RESOLVED_K = 0.5
RESOLVED_SHARE = 0.25
CALM_AGAIN = 0.5


@inner
def parts(layout: Layout, p: int, level: int) -> int:
    """Return the number of exchangers of a pipe at a level."""
    return CALM_EXCHANGERS if level == CALM else int(layout.row_ptr[p + 1] - layout.row_ptr[p] - 1)


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
    has_wall: bool,
) -> tuple[float, float]:
    """Return lowest and highest inlet temperature, above ground, whose steady state the pipe could be in [K].

    ``decay`` is the exponent of the steady law over the whole pipe [-].
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
        if k < exchangers and has_wall:
            middle = (k + 0.5) / exchangers
            above = (wall[row] - ground) * math.exp(decay * (middle if from_a else 1.0 - middle))
            low, high = min(low, above), max(high, above)
    return low, high


@apart
def tolerance(low: float, high: float, decay: float) -> float:
    """Return the width of the band within which a pipe counts as calm [K].

    A quarter of what the water cools on its way is added: a change of flow shifts the whole profile by a share of that
    without making a front.
    """
    return RESOLVED_K + RESOLVED_SHARE * max(abs(low), abs(high)) * -math.expm1(-decay)


@part
def copy_profile(
    parcel: FloatArray, ring: IntArray, first: int, exchangers: int, mass_kg: float, profile: FloatArray
) -> int:
    """Fill in a pipe's parcels from end A to end B as (share of its mass, temperature, slope); return their number."""
    n = 0
    for row in range(first, first + exchangers + 1):
        for j in range(ring[row, COUNT]):
            i = (ring[row, START] + j) & LAST
            profile[n, MASS] = parcel[row, i, MASS] / mass_kg
            profile[n, TEMP] = parcel[row, i, TEMP]
            profile[n, SLOPE] = parcel[row, i, SLOPE]
            n += 1
    return n


@apart
def mean_between(profile: FloatArray, n: int, begin: float, end: float) -> tuple[float, float]:
    """Return mean temperature and slope of a profile between two places, 0 at end A and 1 at end B."""
    at = 0.0
    inside = 0.0
    temp = 0.0
    slope = 0.0
    for k in range(n):
        part = min(at + profile[k, MASS], end) - max(at, begin)
        at += profile[k, MASS]
        if part > 0.0:
            inside += part
            temp += part * profile[k, TEMP]
            slope += profile[k, SLOPE] * part / profile[k, MASS]
    return (temp / inside, slope) if inside > 0.0 else (profile[n - 1, TEMP], 0.0)


@apart
def pipe_heat(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    exchangers: int,
    wall_j_k: float,
    heat_capacity: float,
) -> float:
    """Return the heat in water and wall of one pipe above 0 degC [J]."""
    water = 0.0
    walls = 0.0
    for row in range(first, first + exchangers + 1):
        for j in range(ring[row, COUNT]):
            i = (ring[row, START] + j) & LAST
            water += parcel[row, i, MASS] * parcel[row, i, TEMP]
        if row < first + exchangers:
            walls += wall[row]
    return water * heat_capacity + walls * wall_j_k / exchangers


@apart
def shift(parcel: FloatArray, ring: IntArray, wall: FloatArray, first: int, exchangers: int, change_k: float) -> None:
    """Warm all water and wall of a pipe by ``change_k``."""
    for row in range(first, first + exchangers + 1):
        for j in range(ring[row, COUNT]):
            parcel[row, (ring[row, START] + j) & LAST, TEMP] += change_k
        wall[row] += change_k


@entry
def relevel(layout: Layout, state: State, scratch: Scratch, p: int, side: int, level: int, ground: float) -> bool:
    """Bring one pipe of one side to another level, its heat kept; return whether it was done."""
    parcel, ring, wall = state.parcel, state.ring, state.wall
    pipes = state.flow.shape[0]
    old = state.level[side, p]
    before, after = parts(layout, p, old), parts(layout, p, level)
    first = int(side * layout.row_ptr[pipes] + layout.row_ptr[p])
    count = 0
    for row in range(first, first + before + 1):
        count += ring[row, COUNT]
    if count > MOST_PARCELS:
        return False
    profile, walls = scratch.profile[0], scratch.profile[1]
    copy_profile(parcel, ring, first, before, layout.body_kg[old, p], profile)
    heat_capacity = layout.fluid[1]
    heat = pipe_heat(parcel, ring, wall, first, before, layout.shell_j_k[old, p], heat_capacity)
    for k in range(before):
        walls[k, MASS] = 1.0 / before
        walls[k, TEMP] = wall[first + k]
        walls[k, SLOPE] = 0.0
    body = layout.body_kg[level, p]
    for k in range(after + 1):
        row = first + k
        begin = max(k - 0.5, 0.0) / after
        end = min(k + 0.5, float(after)) / after
        ring[row, START] = 0
        ring[row, COUNT] = 0
        if level == FINE:
            temp, slope = mean_between(profile, count, begin, end)
            push(parcel, ring, row, False, ground, body * (end - begin), temp, slope)
        else:
            fill(parcel, ring, row, ground, body, profile, count, begin, end)
        if k < after:
            wall[row], _ = mean_between(walls, before, k / after, (k + 1.0) / after)
    for row in range(first + after + 1, first + before + 1):
        ring[row, COUNT] = 0
    state.level[side, p] = level
    now = pipe_heat(parcel, ring, wall, first, after, layout.shell_j_k[level, p], heat_capacity)
    shift(parcel, ring, wall, first, after, (heat - now) / (body * heat_capacity + layout.shell_j_k[level, p]))
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
        inside = min(at + profile[k, MASS], end) - max(at, begin)
        at += profile[k, MASS]
        if inside > 1e-9:
            mass = min(inside * mass_kg, wanted - filled)
            slope = profile[k, SLOPE] * inside / profile[k, MASS]
            push(parcel, ring, row, False, ground, mass, profile[k, TEMP], slope)
            filled += mass
    i = (ring[row, START] + ring[row, COUNT] - 1) & LAST
    parcel[row, i, MASS] += wanted - filled


@inner
def steady_decay(layout: Layout, p: int, flow: float) -> float:
    """Return the exponent of the steady law over a pipe, L / (R' m c) [-]; 0 at rest."""
    m = abs(flow)
    return float(layout.loss_w_k[p] / (m * layout.fluid[1])) if m >= STILL_KG_S else 0.0


@part
def stirred(
    layout: Layout, state: State, p: int, side: int, from_a: bool, flow: float, ground: float, low: float, high: float
) -> bool:
    """Return whether water between ``low`` and ``high`` [degC] entering a calm pipe calls for full resolution."""
    first = int(side * layout.row_ptr[state.flow.shape[0]] + layout.row_ptr[p])
    decay = steady_decay(layout, p, flow)
    least, most = band(
        state.parcel,
        state.ring,
        state.wall,
        first,
        CALM_EXCHANGERS,
        from_a,
        decay,
        ground,
        layout.body_kg[CALM, p],
        layout.wall_j_k[p] > 0.0,
    )
    least, most = min(least, low - ground), max(most, high - ground)
    return most - least > tolerance(least, most, decay)


@part
def calm_down(layout: Layout, state: State, scratch: Scratch) -> None:
    """Bring every pipe that has become calm to its three stretches."""
    pipes = state.flow.shape[0]
    for side in range(2):
        for p in range(pipes):
            if state.level[side, p] == CALM or parts(layout, p, FINE) <= CALM_EXCHANGERS:
                continue
            first = int(side * layout.row_ptr[pipes] + layout.row_ptr[p])
            from_a = state.flow[p] > 0.0 if side == 0 else state.flow[p] < 0.0
            decay = steady_decay(layout, p, state.flow[p])
            low, high = band(
                state.parcel, state.ring, state.wall, first, parts(layout, p, FINE), from_a, decay,
                scratch.ground_c[p], layout.mass_kg[p], layout.wall_j_k[p] > 0.0,
            )  # fmt: skip
            if high - low <= CALM_AGAIN * tolerance(low, high, decay):
                relevel(layout, state, scratch, p, side, CALM, scratch.ground_c[p])
