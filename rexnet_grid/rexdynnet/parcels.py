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

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray

RING = 32
PIECES = 96
MERGE_K = 1e-3


@njit(cache=True)
def growth(x: float) -> float:
    """Return (e^x - 1) / x, the mean of e^(x s) for s from 0 to 1."""
    if abs(x) < 0.02:
        return 1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x / 120.0)))
    return math.expm1(x) / x


@njit(cache=True)
def emit(duration: FloatArray, value: FloatArray, n: int, tau: float, temp: float) -> int:
    """Append a piece to a list, joining it with the last where the two differ by less than ``MERGE_K``.

    A full list first joins its two most similar neighbours, energy kept.
    """
    if tau <= 0.0:
        return n
    if n > 0 and abs(value[n - 1] - temp) <= MERGE_K:
        total = duration[n - 1] + tau
        value[n - 1] += (temp - value[n - 1]) * (tau / total)
        duration[n - 1] = total
        return n
    if n == duration.shape[0]:
        best = 0
        least = np.inf
        for k in range(n - 1):
            cost = abs(value[k + 1] - value[k]) * min(duration[k], duration[k + 1])
            if cost < least:
                least = cost
                best = k
        total = duration[best] + duration[best + 1]
        value[best] += (value[best + 1] - value[best]) * (duration[best + 1] / total)
        duration[best] = total
        for k in range(best + 1, n - 1):
            duration[k] = duration[k + 1]
            value[k] = value[k + 1]
        n -= 1
    duration[n] = tau
    value[n] = temp
    return n + 1


@njit(cache=True)
def make_room(
    mass: FloatArray, temp: FloatArray, slope: FloatArray, start: IntArray, count: IntArray, row: int
) -> None:
    """Join the two most similar neighbours of a full ring, energy kept."""
    n = count[row]
    first = start[row]
    best = 0
    least = np.inf
    for k in range(n - 1):
        i = (first + k) % RING
        j = (first + k + 1) % RING
        cost = abs(temp[row, j] - temp[row, i]) * min(mass[row, i], mass[row, j])
        if cost < least:
            least = cost
            best = k
    i = (first + best) % RING
    j = (first + best + 1) % RING
    total = mass[row, i] + mass[row, j]
    temp[row, i] += (temp[row, j] - temp[row, i]) * (mass[row, j] / total)
    slope[row, i] += slope[row, j]
    mass[row, i] = total
    for k in range(best + 1, n - 1):
        i = (first + k) % RING
        j = (first + k + 1) % RING
        mass[row, i] = mass[row, j]
        temp[row, i] = temp[row, j]
        slope[row, i] = slope[row, j]
    count[row] = n - 1


@njit(cache=True)
def push(
    mass: FloatArray,
    temp: FloatArray,
    slope: FloatArray,
    start: IntArray,
    count: IntArray,
    row: int,
    at_a: bool,
    ground: float,
    parcel_mass: float,
    parcel_temp: float,
    parcel_slope: float,
) -> None:
    """Put a parcel in at end A or B, joining it with its neighbour where the two meet without a jump."""
    n = count[row]
    if n > 0:
        i = start[row] if at_a else (start[row] + n - 1) % RING
        away = 0.5 if at_a else -0.5
        edge = (temp[row, i] - ground) * (1.0 - away * slope[row, i])
        mine = (parcel_temp - ground) * (1.0 + away * parcel_slope)
        if abs(edge - mine) <= MERGE_K:
            total = mass[row, i] + parcel_mass
            temp[row, i] += (parcel_temp - temp[row, i]) * (parcel_mass / total)
            slope[row, i] += parcel_slope
            mass[row, i] = total
            return
    if n == RING:
        make_room(mass, temp, slope, start, count, row)
        n -= 1
    if at_a:
        start[row] = (start[row] - 1) % RING
        i = start[row]
    else:
        i = (start[row] + n) % RING
    mass[row, i] = parcel_mass
    temp[row, i] = parcel_temp
    slope[row, i] = parcel_slope
    count[row] = n + 1


@njit(cache=True)
def rest(
    temp: FloatArray,
    mass: FloatArray,
    start: IntArray,
    count: IntArray,
    row: int,
    decay: float,
    ground: float,
) -> float:
    """Let every parcel of a row cool by the factor ``decay``; return mass times temperature lost [kg K]."""
    lost = 0.0
    for k in range(count[row]):
        i = (start[row] + k) % RING
        above = temp[row, i] - ground
        lost += mass[row, i] * above * (1.0 - decay)
        temp[row, i] = ground + above * decay
    return lost


@njit(cache=True)
def flow_through(
    mass: FloatArray,
    temp: FloatArray,
    slope: FloatArray,
    start: IntArray,
    count: IntArray,
    row: int,
    from_a: bool,
    flow: float,
    dt: float,
    rate: float,
    ground: float,
    n_in: int,
    in_tau: FloatArray,
    in_temp: FloatArray,
    out_tau: FloatArray,
    out_temp: FloatArray,
) -> tuple[int, float]:
    """Push what flows in through one stretch for ``dt`` seconds.

    Parameters
    ----------
    mass, temp, slope, start, count, row
        The table of parcels [kg, degC, -] and the row of this stretch.
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
    n_in, in_tau, in_temp
        Pieces that enter [s, degC]; their durations add up to ``dt``.
    out_tau, out_temp
        Filled with the pieces that leave.

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
    while count[row] > 0:
        i = (start[row] + count[row] - 1) % RING if from_a else start[row]
        whole = mass[row, i]
        left = wanted - t * flow
        if left <= 1e-12 * wanted:
            break
        above = temp[row, i] - ground
        older = sign * slope[row, i]
        head = above / growth(older)
        if whole <= left * (1.0 + 1e-12):
            tau = whole / flow
            leaving = head * math.exp(-rate * t) * growth(older - rate * tau)
            lost += whole * (above - leaving)
            n_out = emit(out_tau, out_temp, n_out, tau, ground + leaving)
            if not from_a:
                start[row] = (start[row] + 1) % RING
            count[row] -= 1
            t += tau
            continue
        share = left / whole
        tau = left / flow
        part = head * growth(older * share)
        leaving = head * math.exp(-rate * t) * growth(older * share - rate * tau)
        lost += left * (part - leaving)
        n_out = emit(out_tau, out_temp, n_out, tau, ground + leaving)
        mass[row, i] = whole - left
        temp[row, i] = ground + (whole * above - left * part) / (whole - left)
        slope[row, i] *= 1.0 - share
        t = dt
        break
    if count[row] > 0:
        lost += rest(temp, mass, start, count, row, math.exp(-rate * dt), ground)
        t = dt
    transit = t
    kept = math.exp(-rate * transit)
    now = 0.0
    for j in range(n_in):
        tau = in_tau[j]
        above = in_temp[j] - ground
        passing = min(max(dt - transit - now, 0.0), tau)
        if passing > 1e-12 * dt:
            n_out = emit(out_tau, out_temp, n_out, passing, ground + above * kept)
            lost += flow * passing * above * (1.0 - kept)
        else:
            passing = 0.0
        stay = tau - passing
        if stay > 1e-12 * dt:
            mean = above * math.exp(-rate * max(dt - now - tau, 0.0)) * growth(-rate * stay)
            lost += flow * stay * (above - mean)
            push(mass, temp, slope, start, count, row, from_a, ground, flow * stay, ground + mean, sign * rate * stay)
        now += tau
    return n_out, lost
