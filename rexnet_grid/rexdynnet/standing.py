"""Standing water: it cools, and each parcel approaches the half of a cell's wall that it lies beside.

With a = h P / (A rho c) and b = h P / C'_w, mean water and wall of a half approach each other with the rate a + b, and
what a parcel differs from the mean fades with the rate a: the exact answer, in which nothing leaves the range of what
was there. A stretch between two cells lies beside half of each, so it is cut in the middle.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, inner
from rexnet_grid.rexdynnet.parcels import (
    COUNT,
    LAST,
    MASS,
    RING,
    SLOPE,
    START,
    TEMP,
    cooled,
    growth,
    make_room,
    rest,
)

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray

SLIVER = 1e-9


@apart
def cut(parcel: FloatArray, ring: IntArray, row: int, mass_kg: float, ground: float) -> tuple[int, float]:
    """Cut a row ``mass_kg`` from its end A.

    Returns how many parcels lie on that side, and mass times temperature that rounding has taken away [kg K].
    """
    while True:
        count = ring[row, COUNT]
        filled = 0.0
        for k in range(count):
            i = (ring[row, START] + k) & LAST
            whole = parcel[row, i, MASS]
            share = (mass_kg - filled) / whole
            filled += whole
            if share > 1.0 - SLIVER and (share <= 1.0 + SLIVER or k == count - 1):
                return k + 1, 0.0
            if share <= SLIVER:
                return int(k), 0.0
            if share < 1.0:
                break
        else:
            return int(count), 0.0
        if count < RING:
            break
        make_room(parcel, ring, row, ground)
    for j in range(count, k + 1, -1):
        i, before = (ring[row, START] + j) & LAST, (ring[row, START] + j - 1) & LAST
        for column in range(3):
            parcel[row, i, column] = parcel[row, before, column]
    i, after = (ring[row, START] + k) & LAST, (ring[row, START] + k + 1) & LAST
    temp, slope, near = parcel[row, i, TEMP], parcel[row, i, SLOPE], whole * share
    far = whole - near
    near_c = temp + (temp - ground) * (growth(slope * share) / growth(slope) - 1.0)
    far_c = temp + (temp - near_c) * (near / far)
    parcel[row, i, MASS] = near
    parcel[row, i, TEMP] = near_c
    parcel[row, i, SLOPE] = slope * share
    parcel[row, after, MASS] = far
    parcel[row, after, TEMP] = far_c
    parcel[row, after, SLOPE] = slope * (1.0 - share)
    ring[row, COUNT] = count + 1
    return int(k + 1), float(near * (temp - near_c) + far * (temp - far_c))


@inner
def approach(
    parcel: FloatArray,
    ring: IntArray,
    row: int,
    begin: int,
    end: int,
    wall: FloatArray,
    at: int,
    node: int,
    capacity: float,
    heat_capacity: float,
    faded: float,
    met: float,
    ground: float,
) -> None:
    """Let some parcels of a row and one place of a wall approach each other; the wall takes what the water gave.

    ``faded`` is e^(-a t), ``met`` 1 - e^(-(a + b) t); ``capacity`` [J/K] is that of this place of the wall.
    """
    mass, heat = 0.0, 0.0
    for k in range(begin, end):
        i = (ring[row, START] + k) & LAST
        mass += parcel[row, i, MASS]
        heat += parcel[row, i, MASS] * parcel[row, i, TEMP]
    water_c = heat / mass
    water = mass * heat_capacity
    mean_c = water_c - (water_c - wall[at, node]) * met / (water + capacity) * capacity
    given = 0.0
    for k in range(begin, end):
        i = (ring[row, START] + k) & LAST
        own = parcel[row, i, TEMP]
        parcel[row, i, TEMP] = mean_c + (own - water_c) * faded
        given += parcel[row, i, MASS] * (own - parcel[row, i, TEMP])
        before, after = (own - ground) * faded, parcel[row, i, TEMP] - ground
        parcel[row, i, SLOPE] *= before / after if abs(after) > 0.5 * abs(before) else 1.0
    wall[at, node] += given * heat_capacity / capacity


@inner
def stand(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    cells: int,
    rate: float,
    ground: float,
    wall_j_k: float,
    film_w_k: float,
    mass_kg: float,
    heat_capacity: float,
    dt: float,
) -> float:
    """Let one pipe stand still for a step: it cools, wall and water approach each other; return the heat lost [J]."""
    decay = math.exp(-rate * dt)
    last = first + cells
    lost = 0.0
    for row in range(first, last + 1):
        lost += heat_capacity * rest(parcel, ring, row, decay, ground)
    if wall_j_k <= 0.0:
        return lost
    half_j_k = 0.5 * wall_j_k / cells
    faded = math.exp(-film_w_k * dt / (mass_kg * heat_capacity))
    met = -math.expm1(-film_w_k * dt * (1.0 / (mass_kg * heat_capacity) + 1.0 / wall_j_k))
    for row in range(first, last + 1):
        middle = 0 if row == first else ring[row, COUNT]
        if first < row < last:
            middle, rounded = cut(parcel, ring, row, 0.5 * mass_kg / cells, ground)
            lost += heat_capacity * rounded
        if row > first:
            before = wall[row - 1, 1]
            wall[row - 1, 1] = cooled(before, decay, ground)
            lost += half_j_k * (before - wall[row - 1, 1])
            approach(
                parcel, ring, row, 0, middle, wall, row - 1, 1, half_j_k, heat_capacity, faded, met, ground
            )  # fmt: skip
        if row < last:
            before = wall[row, 0]
            wall[row, 0] = cooled(before, decay, ground)
            lost += half_j_k * (before - wall[row, 0])
            approach(
                parcel, ring, row, middle, ring[row, COUNT], wall, row, 0, half_j_k, heat_capacity, faded, met, ground
            )  # fmt: skip
    return lost
