"""Standing water: it cools, and each parcel approaches the half of a cell's wall that it lies beside.

With a = h P / (A rho c) and b = h P / C'_w, mean water and wall of a half approach each other with the rate a + b, and
what a parcel differs from the mean fades with the rate a: the exact answer, in which nothing leaves the range of what
was there. A stretch between two cells lies beside half of each, so it is cut in the middle.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, inner
from rexnet_grid.rexdynnet.films import film_w_k
from rexnet_grid.rexdynnet.levels import FINE, FULL, parts, relevel
from rexnet_grid.rexdynnet.ordering import STILL_KG_S
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
    from rexnet_grid.rexdynnet.layout import Layout, Scratch, State

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


@inner
def lasting(x: float) -> float:
    """Return (1 - e^-x) / x, the mean of e^-x s for s from 0 to 1."""
    return -math.expm1(-x) / x if x > SLIVER else 1.0


@apart
def end_mean(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    row: int,
    cell: int,
    at_a: bool,
    cells: int,
    water_j_k: float,
    wall_j_k: float,
    loss_w_k: float,
    film_w_k: float,
    ground: float,
    dt: float,
) -> float:
    """Return the mean over a step that begins of the water standing at one end of a pipe [degC].

    ``row`` holds the stretch at that end and ``cell`` its wall. The end of the stretch differs from its mean, and that
    from the wall, by what fades as the module says, beside the loss of both; the end of a parcel by its slope.
    """
    count, half_j_k = ring[row, COUNT], 0.5 * wall_j_k / cells
    mass, heat = 0.0, 0.0
    for k in range(count):
        i = (ring[row, START] + k) & LAST
        mass += parcel[row, i, MASS]
        heat += parcel[row, i, MASS] * parcel[row, i, TEMP]
    end = (ring[row, START] + (0 if at_a else count - 1)) & LAST
    slope = parcel[row, end, SLOPE]
    end_c = ground + (parcel[row, end, TEMP] - ground) / growth(slope) * (1.0 if at_a else math.exp(slope))
    loss = loss_w_k * dt / (water_j_k + wall_j_k)
    if wall_j_k <= 0.0:
        return float(ground + (end_c - ground) * lasting(loss))
    own, fades = heat / mass, film_w_k * dt / water_j_k
    part = half_j_k / (half_j_k + 0.5 * water_j_k / cells)
    apart_k = (own - wall[cell, 0 if at_a else 1]) * part
    meets = fades + film_w_k * dt / wall_j_k
    mean_c = (
        ground + (own - apart_k - ground) * lasting(loss) + apart_k * lasting(loss + meets)
        + (end_c - own) * lasting(loss + fades)
    )  # fmt: skip
    return float(mean_c)


@inner
def keeps_moving(layout: Layout, state: State, scratch: Scratch, p: int, side: int, flow: float) -> bool:
    """Return whether water moves in a pipe, ``flow`` being positive towards its end B.

    Where a front has come to rest or turned round, the pipe is cut into its full number of cells.
    """
    way = 0 if abs(flow) < STILL_KG_S else (1 if flow > 0.0 else -1)
    before = state.moved[side, p]
    if way != before:
        if state.level[side, p] == FINE and (way == 0 or before != 0):
            relevel(layout, state, scratch, p, side, FULL, scratch.ground_c[p])
        state.moved[side, p] = way
    return way != 0


@apart
def standing_c(
    layout: Layout, state: State, scratch: Scratch, node: int, side: int, film: float, p: int, dt: float
) -> float:
    """Return the mean over a step that begins of the water standing at a node, the end of its first pipe [degC]."""
    cells = parts(layout, p, state.level[side, p])
    first = int(side * layout.row_ptr[state.flow.shape[0]] + layout.row_ptr[p])
    at_a = layout.pipe_from[p] == node
    return end_mean(
        state.parcel, state.ring, state.wall, first if at_a else first + cells, first if at_a else first + cells - 1,
        at_a, cells, layout.mass_kg[p] * layout.fluid[1], layout.wall_j_k[p], layout.loss_w_k[p], film,
        scratch.ground_c[p], dt,
    )  # fmt: skip


@apart
def let_stand(layout: Layout, state: State, scratch: Scratch, side: int, dt: float) -> float:
    """Let the pipes of one side without flow stand for a step; return the heat lost [J].

    Fills the mean temperature of what stands at the nodes whose first pipes they are.
    """
    parcel, ring, mean_c = state.parcel, state.ring, scratch.mean_c
    pipes, heat_capacity = state.flow.shape[0], layout.fluid[1]
    side_sign = 1.0 if side == 0 else -1.0
    lost = 0.0
    for p in range(pipes):
        if keeps_moving(layout, state, scratch, p, side, state.flow[p] * side_sign):
            continue
        first, wall_j_k, mass = side * layout.row_ptr[pipes] + layout.row_ptr[p], layout.wall_j_k[p], layout.mass_kg[p]
        film = film_w_k(layout, p, 0.0, parcel[first, ring[first, START], TEMP])
        for node in (layout.pipe_from[p], layout.pipe_to[p]):
            if layout.node_pipe[layout.node_ptr[node]] == p:
                mean_c[node] = standing_c(layout, state, scratch, node, side, film, p, dt)
        lost += stand(
            parcel, ring, state.wall, first, parts(layout, p, state.level[side, p]),
            layout.loss_w_k[p] / (mass * heat_capacity + wall_j_k), scratch.ground_c[p], wall_j_k, film, mass,
            heat_capacity, dt,
        )  # fmt: skip
    return lost
