"""The profile of water and wall along one pipe: its extremes, its heat, and how it is turned without passing them.

A front has no steady profile behind it. Whatever is made of it when a pipe is cut anew must lie between the coldest and
the warmest that was there, as water and wall only mix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart
from rexnet_grid.rexdynnet.exact import added_product
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, MASS, SLOPE, START, TEMP, edge_c, mean_c

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray

SMALLEST_K = 1e-6


@apart
def with_pipe(
    total: float,
    missed: float,
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    cells: int,
    wall_kg: float,
) -> tuple[float, float]:
    """Return a sum of mass times temperature with water and wall of one pipe more, and what it misses [kg K].

    The wall counts as ``wall_kg`` of water.
    """
    per_place = 0.5 * wall_kg / cells
    for row in range(first, first + cells + 1):
        for j in range(ring[row, COUNT]):
            i = (ring[row, START] + j) & LAST
            total, missed = added_product(total, missed, parcel[row, i, MASS], parcel[row, i, TEMP])
        if row < first + cells:
            for place in range(2):
                total, missed = added_product(total, missed, per_place, wall[row, place])
    return total, missed


@apart
def extremes(parcel: FloatArray, ring: IntArray, wall: FloatArray, first: int, cells: int) -> tuple[float, float]:
    """Return the lowest and the highest temperature of water and wall in one pipe [degC]."""
    low = high = parcel[first, ring[first, START] & LAST, TEMP]
    for row in range(first, first + cells + 1):
        for j in range(ring[row, COUNT]):
            value = parcel[row, (ring[row, START] + j) & LAST, TEMP]
            low, high = min(low, value), max(high, value)
        if row < first + cells:
            low, high = min(low, wall[row, 0], wall[row, 1]), max(high, wall[row, 0], wall[row, 1])
    return low, high


@apart
def centre_of(parcel: FloatArray, ring: IntArray, row: int, first: int, last: int, ground: float) -> float:
    """Return what the profile of a stretch is turned about: its mean, at the pipe's ends the end [degC]."""
    if row == first:
        return float(edge_c(parcel, ring, row, ground, True))
    if row == last:
        return float(edge_c(parcel, ring, row, ground, False))
    return float(mean_c(parcel, ring, row))


@apart
def most_turned(
    parcel: FloatArray, ring: IntArray, first: int, cells: int, ground: float, factor: float, low: float, high: float
) -> float:
    """Return how much steeper, up to ``factor`` and at least 1, a pipe becomes between ``low`` and ``high`` [-]."""
    for row in range(first, first + cells + 1):
        centre = centre_of(parcel, ring, row, first, first + cells, ground)
        for j in range(ring[row, COUNT]):
            off = parcel[row, (ring[row, START] + j) & LAST, TEMP] - centre
            room = high - centre if off > 0.0 else low - centre
            if abs(off) * factor > abs(room) + SMALLEST_K:
                factor = max(abs(room) / abs(off), 1.0)
    return factor


@apart
def most_widened(wall: FloatArray, first: int, cells: int, factor: float, low: float, high: float) -> float:
    """Return how much further apart, up to ``factor`` and at least 1, the two places of each wall may come [-]."""
    for row in range(first, first + cells):
        mean, half = 0.5 * (wall[row, 0] + wall[row, 1]), 0.5 * abs(wall[row, 1] - wall[row, 0])
        room = min(high - mean, mean - low)
        if half * factor > room + SMALLEST_K:
            factor = max(room / half, 1.0)
    return factor


@apart
def turn(parcel: FloatArray, ring: IntArray, row: int, first: int, last: int, ground: float, factor: float) -> None:
    """Make the profile within a stretch steeper by ``factor`` about its middle, at the pipe's ends about the end.

    Water changes along a pipe by its own delay and by what the wall takes up. A chain has the second all in its
    cells, so that between them the profile is flatter by the water's share of the heat capacity, and within them by the
    wall's.
    """
    centre = centre_of(parcel, ring, row, first, last, ground)
    for k in range(ring[row, COUNT]):
        i = (ring[row, START] + k) & LAST
        before = parcel[row, i, TEMP] - ground
        parcel[row, i, TEMP] = centre + (parcel[row, i, TEMP] - centre) * factor
        after = parcel[row, i, TEMP] - ground
        if abs(after) > 0.5 * abs(before):
            parcel[row, i, SLOPE] *= factor * before / after


@apart
def warm_within(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    cells: int,
    mass_kg: float,
    wall_kg: float,
    wanted: float,
    wanted_missed: float,
    low: float,
    high: float,
) -> None:
    """Give a pipe the heat ``wanted`` [kg K]: all comes nearer, by one share, to the extreme on that side [degC].

    Where nearly all is there already, all becomes warmer by the same. What rounding leaves is the first wall's.
    """
    now, missed = with_pipe(0.0, 0.0, parcel, ring, wall, first, cells, wall_kg)
    heat = (wanted - now) + (wanted_missed - missed)
    whole = mass_kg + wall_kg
    goal = high if heat > 0.0 else low
    room = goal * whole - now
    share = heat / room if abs(heat) < abs(room) else 0.0
    change = heat / whole if share == 0.0 else 0.0
    for row in range(first, first + cells + 1):
        for j in range(ring[row, COUNT]):
            i = (ring[row, START] + j) & LAST
            parcel[row, i, TEMP] += change + share * (goal - parcel[row, i, TEMP])
        if row < first + cells:
            for place in range(2):
                wall[row, place] += change + share * (goal - wall[row, place])
    if wall_kg > 0.0:
        now, missed = with_pipe(0.0, 0.0, parcel, ring, wall, first, cells, wall_kg)
        wall[first, 0] += ((wanted - now) + (wanted_missed - missed)) / (0.5 * wall_kg / cells)
