"""One step of one side of the network: through the pipes in the order of flow, mixed at the nodes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numba import njit

from rexnet_grid.rexdynnet.ordering import STILL_KG_S
from rexnet_grid.rexdynnet.parcels import BLUR_K, COLD_K, COUNT, LAST, MASS, START, TEMP, emit, flow_through, rest
from rexnet_grid.rexdynnet.quiet import pass_quietly
from rexnet_grid.rexdynnet.walls import cooling_rate, effectiveness, pass_wall, settle

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch, State


@njit(cache=True, error_model="numpy")
def set_rates(layout: Layout, scratch: Scratch, flow: FloatArray) -> None:
    """Fill ε and λ of each pipe for its flow; ``scratch.film_w_k`` holds the conductance to the wall [W/K]."""
    heat_capacity = layout.fluid[1]
    row_ptr, wall_j_k, mass_kg, loss_w_k = layout.row_ptr, layout.wall_j_k, layout.mass_kg, layout.loss_w_k
    film, eps, rate = scratch.film_w_k, scratch.eps, scratch.rate
    for p in range(flow.shape[0]):
        exchangers = row_ptr[p + 1] - row_ptr[p] - 1
        water = mass_kg[p] * heat_capacity
        m = abs(flow[p])
        if m < STILL_KG_S:
            eps[p] = 0.0
            rate[p] = loss_w_k[p] / (water + wall_j_k[p])
            continue
        per_part = 1.0 / (exchangers * m * heat_capacity)
        eps[p] = effectiveness(film[p] * per_part)
        rate[p] = cooling_rate(loss_w_k[p] * per_part, wall_j_k[p] / water, eps[p], water * per_part)


@njit(cache=True, error_model="numpy")
def stand(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    exchangers: int,
    rate: float,
    ground: float,
    wall_j_k: float,
    film_w_k: float,
    heat_capacity: float,
    dt: float,
) -> float:
    """Let one pipe stand still for a step: it cools, wall and water approach each other; return the heat lost [J]."""
    decay = math.exp(-rate * dt)
    last = first + exchangers
    lost = 0.0
    for row in range(first, last + 1):
        lost += heat_capacity * rest(parcel, ring, row, decay, ground)
    for row in range(first, last):
        if wall_j_k <= 0.0:
            break
        capacity = wall_j_k / exchangers
        above = wall[row] - ground
        after = above * decay if abs(above) > COLD_K else 0.0
        lost += capacity * (above - after)
        mass = 0.0
        heat = 0.0
        for beside in (row, row + 1):
            share = 1.0 if beside in (first, last) else 0.5
            for k in range(ring[beside, COUNT]):
                i = (ring[beside, START] + k) & LAST
                mass += share * parcel[beside, i, MASS]
                heat += share * parcel[beside, i, MASS] * parcel[beside, i, TEMP]
        wall[row], change = settle(
            ground + after, capacity, film_w_k / exchangers, mass, heat / mass, heat_capacity, dt
        )
        for beside in (row, row + 1):
            share = 1.0 if beside in (first, last) else 0.5
            for k in range(ring[beside, COUNT]):
                i = (ring[beside, START] + k) & LAST
                parcel[beside, i, TEMP] += share * change
    return lost


@njit(cache=True, error_model="numpy")
def move(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    piece: FloatArray,
    first: int,
    exchangers: int,
    from_a: bool,
    flow: float,
    dt: float,
    rate: float,
    eps: float,
    ground: float,
    wall_j_k: float,
    heat_capacity: float,
    mass_kg: float,
    slot_in: int,
    n: int,
    slot_out: int,
    slot_free: int,
) -> tuple[int, float]:
    """Push the pieces of one list through one pipe into another list.

    Returns the number of pieces that leave and the heat lost [J]; ``slot_free`` and the one after it are used inside.
    """
    if n == 1:
        done, outlet_c, lost = pass_quietly(
            parcel, ring, wall, first, exchangers, from_a, flow, dt, rate, eps, ground, wall_j_k, heat_capacity,
            mass_kg, piece[slot_in, 0, 1],
        )  # fmt: skip
        if done:
            piece[slot_out, 0, 0] = dt
            piece[slot_out, 0, 1] = outlet_c
            return 1, lost
    lost = 0.0
    now = slot_in
    slot_other = slot_free + 1
    for k in range(exchangers + 1):
        row = first + k if from_a else first + exchangers - k
        last = k == exchangers
        n, lost_kg_k = flow_through(
            parcel, ring, row, from_a, flow, dt, rate, ground, piece, now, n, slot_out if last else slot_free
        )
        lost += heat_capacity * lost_kg_k
        if last:
            break
        if wall_j_k <= 0.0:
            now = slot_free
            slot_free = slot_other
            slot_other = now
            continue
        at = row if from_a else row - 1
        now = slot_other
        wall[at], n, lost_j = pass_wall(
            wall[at],
            wall_j_k / exchangers,
            flow * heat_capacity,
            eps,
            rate,
            ground,
            piece,
            slot_free,
            n,
            now,
            BLUR_K * dt,
        )
        lost += lost_j
    return n, lost


@njit(cache=True, error_model="numpy")
def inflow(flow: FloatArray, pipe_to: IntArray, p: int, node: int, side_sign: float) -> float:
    """Return the flow from a pipe into one of its end nodes; negative when it leaves [kg/s]."""
    return float(flow[p] * side_sign if pipe_to[p] == node else -flow[p] * side_sign)


@njit(cache=True, error_model="numpy")
def merge(
    piece: FloatArray,
    out_n: IntArray,
    stream: FloatArray,
    node_pipe: IntArray,
    begin: int,
    end: int,
    pipe_to: IntArray,
    flow: FloatArray,
    side_sign: float,
    node: int,
    source: float,
    source_c: float,
    slot: int,
    dt: float,
) -> tuple[int, float]:
    """Walk several streams in step and mix them by flow; see :func:`mix`."""
    heat = 0.0
    now = 0.0
    n = 0
    while now < dt * (1.0 - 1e-13):
        length = dt - now
        weight = source
        total = source * source_c
        for k in range(begin, end):
            p = node_pipe[k]
            into = inflow(flow, pipe_to, p, node, side_sign)
            if into >= STILL_KG_S:
                j = int(stream[0, p])
                if j < out_n[p] - 1:
                    length = min(length, piece[p, j, 0] - stream[1, p])
                weight += into
                total += into * piece[p, j, 1]
        length = max(length, 0.0)
        for k in range(begin, end):
            p = node_pipe[k]
            j = int(stream[0, p])
            stream[1, p] += length
            if j < out_n[p] - 1 and stream[1, p] >= piece[p, j, 0] * (1.0 - 1e-13):
                stream[0, p] += 1.0
                stream[1, p] = 0.0
        n = emit(piece, slot, n, length, total / weight, BLUR_K * dt)
        heat += length * total / weight
        now += length
    return n, heat / dt


@njit(cache=True, error_model="numpy")
def mix(
    piece: FloatArray,
    out_n: IntArray,
    stream: FloatArray,
    node_pipe: IntArray,
    begin: int,
    end: int,
    pipe_to: IntArray,
    flow: FloatArray,
    side_sign: float,
    node: int,
    source: float,
    source_c: float,
    slot: int,
    dt: float,
) -> tuple[int, float]:
    """Mix what reaches a node into one list; return the number of pieces and their mean [degC].

    Flows are constant in the step, so the streams are walked piece by piece and weighted by flow. ``stream`` (2, P) is
    working memory: position in each list and time used of that piece. No inflow gives 0 pieces.
    """
    streams = 0
    only = -1
    for k in range(begin, end):
        p = node_pipe[k]
        if inflow(flow, pipe_to, p, node, side_sign) >= STILL_KG_S:
            streams += 1
            only = p
            stream[0, p] = 0.0
            stream[1, p] = 0.0
    if streams == 0:
        if source <= 0.0:
            return 0, 0.0
        piece[slot, 0, 0] = dt
        piece[slot, 0, 1] = source_c
        return 1, source_c
    heat = 0.0
    if streams == 1 and source <= 0.0:
        for j in range(out_n[only]):
            piece[slot, j, 0] = piece[only, j, 0]
            piece[slot, j, 1] = piece[only, j, 1]
            heat += piece[only, j, 0] * piece[only, j, 1]
        return out_n[only], heat / dt
    return merge(
        piece, out_n, stream, node_pipe, begin, end, pipe_to, flow, side_sign, node, source, source_c, slot, dt
    )


@njit(cache=True, error_model="numpy")
def standing_c(layout: Layout, state: State, node: int, offset: int) -> float:
    """Return the temperature of the water standing at a node, that of the end of its first pipe [degC]."""
    p = layout.node_pipe[layout.node_ptr[node]]
    if layout.pipe_from[p] == node:
        row = layout.row_ptr[p] + offset
        return float(state.parcel[row, state.ring[row, START], TEMP])
    row = layout.row_ptr[p + 1] - 1 + offset
    return float(state.parcel[row, (state.ring[row, START] + state.ring[row, COUNT] - 1) & LAST, TEMP])


@njit(cache=True, error_model="numpy")
def sweep(layout: Layout, state: State, scratch: Scratch, side: int, dt: float) -> float:
    """Carry one side through a step; return the heat lost [J].

    ``scratch.source_kg_s`` and ``source_c`` hold what enters at the nodes; ``scratch.mean_c`` is filled with the mean
    temperature at each node, that of the standing water where nothing flows.
    """
    parcel, ring, wall, flow, order = state.parcel, state.ring, state.wall, state.flow, state.order
    piece, out_n, stream = scratch.piece, scratch.out_n, scratch.stream
    row_ptr, node_ptr, node_pipe, pipe_to = layout.row_ptr, layout.node_ptr, layout.node_pipe, layout.pipe_to
    rate, eps, film, ground = scratch.rate, scratch.eps, scratch.film_w_k, scratch.ground_c
    mass_kg = layout.mass_kg
    wall_j_k, source_kg_s, source_c, mean_c = layout.wall_j_k, scratch.source_kg_s, scratch.source_c, scratch.mean_c
    heat_capacity = layout.fluid[1]
    pipes = flow.shape[0]
    nodes = order.shape[0]
    offset = int(side * row_ptr[pipes])
    side_sign = 1.0 if side == 0 else -1.0
    lost = 0.0
    for p in range(pipes):
        if abs(flow[p]) < STILL_KG_S:
            lost += stand(
                parcel, ring, wall, row_ptr[p] + offset, row_ptr[p + 1] - row_ptr[p] - 1, rate[p], ground[p],
                wall_j_k[p], film[p], heat_capacity, dt,
            )  # fmt: skip
    for step in range(nodes):
        node = int(order[step] if side == 0 else order[nodes - 1 - step])
        begin, end = node_ptr[node], node_ptr[node + 1]
        n, mean_c[node] = mix(
            piece, out_n, stream, node_pipe, begin, end, pipe_to, flow, side_sign, node, source_kg_s[node],
            source_c[node], pipes + 2, dt,
        )  # fmt: skip
        if n == 0:
            mean_c[node] = standing_c(layout, state, node, offset)
            continue
        for k in range(begin, end):
            p = node_pipe[k]
            out = -inflow(flow, pipe_to, p, node, side_sign)
            if out >= STILL_KG_S:
                out_n[p], lost_j = move(
                    parcel, ring, wall, piece, row_ptr[p] + offset, row_ptr[p + 1] - row_ptr[p] - 1,
                    flow[p] * side_sign > 0.0, out, dt, rate[p], eps[p], ground[p], wall_j_k[p], heat_capacity,
                    mass_kg[p], pipes + 2, n, p, pipes,
                )  # fmt: skip
                lost += lost_j
    return lost


@njit(cache=True, error_model="numpy")
def stored_heat(layout: Layout, state: State, reference_c: float) -> float:
    """Return the heat in all water and walls above a temperature [J]."""
    parcel, ring, wall, row_ptr, wall_j_k = state.parcel, state.ring, state.wall, layout.row_ptr, layout.wall_j_k
    pipes = wall_j_k.shape[0]
    rows = row_ptr[pipes]
    water = 0.0
    for row in range(2 * rows):
        for k in range(ring[row, COUNT]):
            i = (ring[row, START] + k) & LAST
            water += parcel[row, i, MASS] * (parcel[row, i, TEMP] - reference_c)
    walls = 0.0
    for p in range(pipes):
        exchangers = row_ptr[p + 1] - row_ptr[p] - 1
        for row in range(row_ptr[p], row_ptr[p + 1] - 1):
            walls += wall_j_k[p] / exchangers * (wall[row] + wall[rows + row] - 2.0 * reference_c)
    return float(water * layout.fluid[1] + walls)
