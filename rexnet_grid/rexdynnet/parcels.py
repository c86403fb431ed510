r"""Plug flow in a stretch of pipe: a queue of parcels that are pushed, never mixed.

Writing :math:`\Theta = T - T_{ground}`, a parcel at rest or moving cools as :math:`\Theta e^{-\lambda t}`. What flows
past a fixed point is a list of *pieces* (duration, temperature); what lies in the pipe is a queue of *parcels* (mass,
mean temperature, slope), the slope being the logarithm of the ratio of Θ at end B to Θ at end A that arises because
one end entered earlier than the other. Both are exact while flow is steady within a step, so a steady state is the
exponential law, without numerical diffusion, and what a parcel loses is counted where it is lost.

The parcels of one stretch live in one row of a table and form a ring: ``start`` is the parcel at end A.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.compiled import apart, inner
from rexnet_grid.rexdynnet.exact import rounded_off

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray

RING = 64
LAST = RING - 1
PIECES = 192
MOST_PARCELS = 4224
MERGE_K = 1e-3
COLD_K = 1e-4
BLUR_K = 5e-3
BLUR_CELLS = 8.0
MASS, TEMP, SLOPE = 0, 1, 2
START, COUNT = 0, 1


@inner
def fade(x: float) -> float:
    """Return e^-x; by its series, good to 1e-12, where x is small, as it nearly always is."""
    if 0.0 <= x < 0.03:
        return 1.0 - x * (1.0 - x * (0.5 - x * (1.0 / 6.0 - x * (1.0 / 24.0 - x * (1.0 / 120.0 - x / 720.0)))))
    return math.exp(-x)


@inner
def growth(x: float) -> float:
    """Return (e^x - 1) / x, the mean of e^(x s) for s from 0 to 1."""
    if abs(x) < 0.02:
        return 1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x / 120.0)))
    return (math.exp(x) - 1.0) / x


@inner
def common_rise(size_a: float, size_b: float, step: float, rise_a: float, rise_b: float) -> float:
    """Return the rise of a straight line over two straight pieces that keeps their first moment [K].

    ``step`` is the difference of their means.
    """
    whole = size_a + size_b
    return (6.0 * size_a * size_b * step + rise_a * size_a * size_a + rise_b * size_b * size_b) / (whole * whole)


@inner
def emit(piece: FloatArray, slot: int, n: int, tau: float, temp: float, rise: float, blur: float) -> int:
    """Append a piece to a list, joining it with the last where they lie on one line within ``MERGE_K``.

    They are also joined when jump and bend times the shorter duration are below ``blur`` [K s]. A full list first joins
    its two most similar neighbours, energy kept. Returns the new length.
    """
    if tau <= 0.0:
        return n
    if n > 0:
        last, last_rise = piece[slot, n - 1, 0], piece[slot, n - 1, 2]
        step = temp - piece[slot, n - 1, 1]
        total = last + tau
        off = abs(step - 0.5 * (last_rise + rise)) + abs(last_rise * tau - rise * last) / total
        if off <= MERGE_K or off * min(last, tau) <= blur:
            piece[slot, n - 1, 2] = common_rise(last, tau, step, last_rise, rise)
            piece[slot, n - 1, 1] += step * (tau / total)
            piece[slot, n - 1, 0] = total
            return n
    if n == PIECES:
        thin_out(piece, slot)
        n -= 1
    piece[slot, n, 0] = tau
    piece[slot, n, 1] = temp
    piece[slot, n, 2] = rise
    return n + 1


@apart
def thin_out(piece: FloatArray, slot: int) -> None:
    """Join the two most similar neighbours of a full list."""
    best = 0
    least = np.inf
    for k in range(PIECES - 1):
        cost = abs(piece[slot, k + 1, 1] - piece[slot, k, 1]) * min(piece[slot, k, 0], piece[slot, k + 1, 0])
        if cost < least:
            least = cost
            best = k
    total = piece[slot, best, 0] + piece[slot, best + 1, 0]
    piece[slot, best, 2] = common_rise(
        piece[slot, best, 0], piece[slot, best + 1, 0], piece[slot, best + 1, 1] - piece[slot, best, 1],
        piece[slot, best, 2], piece[slot, best + 1, 2],
    )  # fmt: skip
    piece[slot, best, 1] += (piece[slot, best + 1, 1] - piece[slot, best, 1]) * (piece[slot, best + 1, 0] / total)
    piece[slot, best, 0] = total
    for k in range(best + 1, PIECES - 1):
        piece[slot, k, 0] = piece[slot, k + 1, 0]
        piece[slot, k, 1] = piece[slot, k + 1, 1]
        piece[slot, k, 2] = piece[slot, k + 1, 2]


@inner
def reach(mean: float, own: float, beyond: float, rise: float) -> float:
    """Return how far an end may lie from the mean: to the next parcel where the rise goes on there, else to ``own``."""
    goes_on = (beyond - own) * rise > 0.0
    return max(((beyond if goes_on else own) - mean) * math.copysign(1.0, rise), 0.0)


@inner
def joined(parcel: FloatArray, row: int, h: int, i: int, j: int, k: int, ground: float) -> tuple[float, float]:
    """Return the slope of parcels i and j when joined, and how much of their heat that moves [-, kg K].

    Without a jump or a bend between them the slopes add up. With one, the line with the same first moment is taken, no
    steeper than the parcels before (``h``) and behind (``k``) allow, so that a smooth change stays smooth and a front a
    front. At an
    end of the row ``h`` is i, or ``k`` is j.
    """
    mass_i, mass_j = parcel[row, i, MASS], parcel[row, j, MASS]
    above_i, above_j = parcel[row, i, TEMP] - ground, parcel[row, j, TEMP] - ground
    slope_i, slope_j = parcel[row, i, SLOPE], parcel[row, j, SLOPE]
    rise_i, rise_j = above_i * slope_i, above_j * slope_j
    part = mass_i / (mass_i + mass_j)
    bend = abs(rise_i * (1.0 - part) - rise_j * part)
    if abs(above_j / growth(slope_j) - above_i / growth(-slope_i)) + bend <= MERGE_K:
        return slope_i + slope_j, 0.0
    mean = part * above_i + (1.0 - part) * above_j
    rise = common_rise(mass_i, mass_j, above_j - above_i, rise_i, rise_j)
    room_a = reach(mean, above_i - 0.5 * rise_i, parcel[row, h, TEMP] - ground, -rise)
    room_b = reach(mean, above_j + 0.5 * rise_j, parcel[row, k, TEMP] - ground, rise)
    size = 2.0 * min(min(room_a, room_b), min(0.5 * abs(rise), 0.5 * abs(mean)))
    rise = math.copysign(size, rise)
    moved = mass_i * abs(above_i - mean + 0.5 * rise * (1.0 - part))
    moved += 0.25 * (mass_i * abs(rise_i - part * rise) + mass_j * abs(rise_j - (1.0 - part) * rise))
    steep = size / abs(mean) if size > 0.0 else 0.0
    return math.copysign(steep * (1.0 - steep / 6.0), rise * mean), moved


@apart
def make_room(parcel: FloatArray, ring: IntArray, row: int, ground: float) -> None:
    """Join the two neighbours of a full ring that make the straightest line, energy kept."""
    n = ring[row, COUNT]
    first = ring[row, START]
    best = 0
    steepness = 0.0
    least = np.inf
    for k in range(n - 1):
        i = (first + k) & LAST
        j = (first + k + 1) & LAST
        h = (first + max(k - 1, 0)) & LAST
        slope, cost = joined(parcel, row, h, i, j, (first + min(k + 2, n - 1)) & LAST, ground)
        if cost < least:
            least = cost
            steepness = slope
            best = k
    i = (first + best) & LAST
    j = (first + best + 1) & LAST
    total = parcel[row, i, MASS] + parcel[row, j, MASS]
    parcel[row, i, TEMP] += (parcel[row, j, TEMP] - parcel[row, i, TEMP]) * (parcel[row, j, MASS] / total)
    parcel[row, i, SLOPE] = steepness
    parcel[row, i, MASS] = total
    for k in range(best + 1, n - 1):
        i = (first + k) & LAST
        j = (first + k + 1) & LAST
        parcel[row, i, MASS] = parcel[row, j, MASS]
        parcel[row, i, TEMP] = parcel[row, j, TEMP]
        parcel[row, i, SLOPE] = parcel[row, j, SLOPE]
    ring[row, COUNT] = n - 1


@inner
def push(
    parcel: FloatArray,
    ring: IntArray,
    row: int,
    at_a: bool,
    ground: float,
    parcel_mass: float,
    parcel_temp: float,
    parcel_slope: float,
) -> float:
    """Put a parcel in at end A or B, joining it with its neighbour where the two lie on one line.

    Returns mass times temperature that rounding has added [kg K].
    """
    n = ring[row, COUNT]
    if n > 0:
        i = ring[row, START] if at_a else (ring[row, START] + n - 1) & LAST
        away = 0.5 if at_a else -0.5
        edge = (parcel[row, i, TEMP] - ground) * (1.0 - away * parcel[row, i, SLOPE])
        mine = (parcel_temp - ground) * (1.0 + away * parcel_slope)
        total = parcel[row, i, MASS] + parcel_mass
        bend = (parcel[row, i, TEMP] - ground) * parcel[row, i, SLOPE] * parcel_mass
        bend -= (parcel_temp - ground) * parcel_slope * parcel[row, i, MASS]
        if abs(edge - mine) + abs(bend) / total <= MERGE_K:
            own, own_mass = parcel[row, i, TEMP], parcel[row, i, MASS]
            both = own + (parcel_temp - own) * (parcel_mass / total)
            parcel[row, i, TEMP] = both
            parcel[row, i, SLOPE] += parcel_slope
            parcel[row, i, MASS] = total
            moved = own_mass * (both - own) + parcel_mass * (both - parcel_temp)
            return float(moved - rounded_off(own_mass, parcel_mass, total) * both)
    if n == RING:
        make_room(parcel, ring, row, ground)
        n -= 1
    if at_a:
        ring[row, START] = (ring[row, START] - 1) & LAST
        i = ring[row, START]
    else:
        i = (ring[row, START] + n) & LAST
    parcel[row, i, MASS] = parcel_mass
    parcel[row, i, TEMP] = parcel_temp
    parcel[row, i, SLOPE] = parcel_slope
    ring[row, COUNT] = n + 1
    return 0.0


@inner
def edge_c(parcel: FloatArray, ring: IntArray, row: int, ground: float, at_a: bool) -> float:
    """Return the temperature at one end of a stretch [degC]."""
    i = (ring[row, START] if at_a else ring[row, START] + ring[row, COUNT] - 1) & LAST
    half = -0.5 if at_a else 0.5
    return float(ground + (parcel[row, i, TEMP] - ground) * (1.0 + half * parcel[row, i, SLOPE]))


@inner
def mean_c(parcel: FloatArray, ring: IntArray, row: int) -> float:
    """Return the mean temperature of a stretch [degC]."""
    mass = 0.0
    heat = 0.0
    for k in range(ring[row, COUNT]):
        i = (ring[row, START] + k) & LAST
        mass += parcel[row, i, MASS]
        heat += parcel[row, i, MASS] * parcel[row, i, TEMP]
    return float(heat / mass)


@inner
def cooled(temp: float, decay: float, ground: float) -> float:
    """Return a temperature whose distance from the ground's has fallen by the factor ``decay`` [degC]."""
    above = temp - ground
    return ground + (above * decay if abs(above) > COLD_K else 0.0)


@inner
def rest(
    parcel: FloatArray,
    ring: IntArray,
    row: int,
    decay: float,
    ground: float,
) -> float:
    """Let every parcel of a row cool by the factor ``decay``; return mass times temperature lost [kg K].

    That is what the parcels lack now, however their temperatures were rounded.
    """
    lost = 0.0
    for k in range(ring[row, COUNT]):
        i = (ring[row, START] + k) & LAST
        before = parcel[row, i, TEMP]
        parcel[row, i, TEMP] = cooled(before, decay, ground)
        lost += parcel[row, i, MASS] * (before - parcel[row, i, TEMP])
    return lost


@inner
def flow_through(
    parcel: FloatArray,
    ring: IntArray,
    row: int,
    from_a: bool,
    flow: float,
    dt: float,
    rate: float,
    ground: float,
    piece: FloatArray,
    slot_in: int,
    n_in: int,
    slot_out: int,
    blur: float,
) -> tuple[int, float]:
    """Push what flows in through one stretch for ``dt`` seconds.

    Parameters
    ----------
    parcel, ring, row
        The table of parcels (mass [kg], temperature [degC], slope [-]), its rings, and the row of this stretch.
    from_a
        Whether the water enters at end A.
    flow
        Mass flow, positive [kg/s].
    dt
        Step [s].
    rate
        λ, cooling rate of the water at rest [1/s].
    ground
        Temperature of the surroundings [degC].
    piece, slot_in, n_in
        Lists of pieces (duration [s], mean temperature [degC], rise from its beginning to its end [K]) and the one
        that enters; its durations add up to ``dt``.
    slot_out
        The list to be filled with what leaves.
    blur
        Differences below this are joined [K s].

    Returns
    -------
    n_out, lost
        Number of pieces that leave and mass times temperature lost on the way [kg K].
    """
    wanted = flow * dt
    t = 0.0
    n_out = 0
    lost = 0.0
    sign = -1.0 if from_a else 1.0
    while ring[row, COUNT] > 0:
        i = (ring[row, START] + ring[row, COUNT] - 1) & LAST if from_a else ring[row, START]
        whole = parcel[row, i, MASS]
        left = wanted - t * flow
        if left <= 1e-12 * wanted:
            break
        above = parcel[row, i, TEMP] - ground
        older = sign * parcel[row, i, SLOPE]
        head = above / growth(older)
        if whole <= left * (1.0 + 1e-12):
            tau = whole / flow
            leaving = head * fade(rate * t) * growth(older - rate * tau)
            lost += whole * (above - leaving)
            n_out = emit(piece, slot_out, n_out, tau, ground + leaving, leaving * (older - rate * tau), blur)
            if not from_a:
                ring[row, START] = (ring[row, START] + 1) & LAST
            ring[row, COUNT] -= 1
            t += tau
            continue
        share = left / whole
        tau = left / flow
        part = head * growth(older * share)
        leaving = head * fade(rate * t) * growth(older * share - rate * tau)
        n_out = emit(piece, slot_out, n_out, tau, ground + leaving, leaving * (older * share - rate * tau), blur)
        before = parcel[row, i, TEMP]
        parcel[row, i, MASS] = whole - left
        parcel[row, i, TEMP] = before + (above - part) * (left / (whole - left))
        lost += left * (above - leaving) + parcel[row, i, MASS] * (before - parcel[row, i, TEMP])
        lost += rounded_off(whole, -left, parcel[row, i, MASS]) * before
        parcel[row, i, SLOPE] *= 1.0 - share
        t = dt
        break
    if ring[row, COUNT] > 0:
        lost += rest(parcel, ring, row, fade(rate * dt), ground)
        t = dt
    transit = t
    kept = fade(rate * transit)
    now = 0.0
    for j in range(n_in):
        tau = piece[slot_in, j, 0]
        above = piece[slot_in, j, 1] - ground
        rise = piece[slot_in, j, 2]
        passing = min(max(dt - transit - now, 0.0), tau)
        if passing > 1e-12 * dt:
            share = passing / tau
            early = above - 0.5 * rise * (1.0 - share)
            n_out = emit(piece, slot_out, n_out, passing, ground + early * kept, rise * share * kept, blur)
            lost += flow * passing * early * (1.0 - kept)
        else:
            passing = 0.0
        stay = tau - passing
        if stay > 1e-12 * dt:
            late = above + 0.5 * rise * (1.0 - stay / tau)
            rise *= stay / tau
            steep = rise / late if abs(rise) < abs(late) else math.copysign(1.0, rise * late)
            mean = late * fade(rate * max(dt - now - tau, 0.0)) * growth(-rate * stay)
            lost += flow * stay * (late - mean)
            lost -= push(parcel, ring, row, from_a, ground, flow * stay, ground + mean, sign * (rate * stay + steep))
        now += tau
    return n_out, lost
