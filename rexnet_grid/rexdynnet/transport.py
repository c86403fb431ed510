"""One step of one side of the network: through the pipes in the order of flow, mixed at the nodes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.compiled import apart, entry, inner, part
from rexnet_grid.rexdynnet.layout import RETURN, SUPPLY
from rexnet_grid.rexdynnet.levels import FINE, body_kg, parts, refine, reshare, shell_j_k
from rexnet_grid.rexdynnet.ordering import STILL_KG_S
from rexnet_grid.rexdynnet.parcels import BLUR_K, COLD_K, COUNT, LAST, MASS, START, TEMP, emit, flow_through, rest
from rexnet_grid.rexdynnet.quiet import pass_quietly
from rexnet_grid.rexdynnet.shares import beside, warm_beside
from rexnet_grid.rexdynnet.walls import cooling_rate, effectiveness, pass_wall, settle

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch, State


@apart
def set_rate(layout: Layout, state: State, scratch: Scratch, p: int, side: int, flow: float) -> None:
    """Fill ε and λ of a pipe on one side; ``scratch.film_w_k`` holds the conductance to the wall [W/K]."""
    heat_capacity = layout.fluid[1]
    water, wall = body_kg(layout, state, p, side) * heat_capacity, shell_j_k(layout, state, p, side)
    m = abs(flow)
    if m < STILL_KG_S:
        scratch.eps[side, p] = 0.0
        scratch.rate[side, p] = layout.loss_w_k[p] / (water + wall)
        return
    share = state.share[side, p]
    per_part = 1.0 / (parts(layout, p, state.level[side, p]) * m * heat_capacity)
    scratch.eps[side, p] = effectiveness(scratch.film_w_k[p] * share * share * per_part)
    scratch.rate[side, p] = cooling_rate(
        layout.loss_w_k[p] * per_part, wall / water, scratch.eps[side, p], water * per_part
    )


@part
def set_rates(layout: Layout, state: State, scratch: Scratch) -> None:
    """Fill ε and λ of each pipe for its flow."""
    level, share = state.level, state.share
    for p in range(state.flow.shape[0]):
        set_rate(layout, state, scratch, p, SUPPLY, state.flow[p])
        if level[1, p] == level[0, p] and share[1, p] == share[0, p]:
            scratch.eps[1, p] = scratch.eps[0, p]
            scratch.rate[1, p] = scratch.rate[0, p]
        else:
            set_rate(layout, state, scratch, p, RETURN, state.flow[p])


@inner
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
        mass, water_c = beside(parcel, ring, row, first, last)
        wall[row], change = settle(ground + after, capacity, film_w_k / exchangers, mass, water_c, heat_capacity, dt)
        warm_beside(parcel, ring, row, first, last, change)
    return lost


@inner
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
    slot_in: int,
    n: int,
    slot_out: int,
    slot_free: int,
) -> tuple[int, float]:
    """Push the pieces of one list through one pipe into another list.

    Returns the number of pieces that leave and the heat lost [J]; ``slot_free`` and the one after it are used inside.
    """
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


@inner
def inflow(flow: FloatArray, pipe_to: IntArray, p: int, node: int, side_sign: float) -> float:
    """Return the flow from a pipe into one of its end nodes; negative when it leaves [kg/s]."""
    return float(flow[p] * side_sign if pipe_to[p] == node else -flow[p] * side_sign)


@inner
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


@inner
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


@inner
def extremes(piece: FloatArray, slot: int, n: int) -> tuple[float, float]:
    """Return the lowest and highest temperature in a list [degC]."""
    low, high = np.inf, -np.inf
    for j in range(n):
        low, high = min(low, piece[slot, j, 1]), max(high, piece[slot, j, 1])
    return low, high


@inner
def standing_c(layout: Layout, state: State, node: int, offset: int) -> float:
    """Return the temperature of the water standing at a node, that of the end of its first pipe [degC]."""
    p = layout.node_pipe[layout.node_ptr[node]]
    if layout.pipe_from[p] == node:
        row = layout.row_ptr[p] + offset
        return float(state.parcel[row, state.ring[row, START], TEMP])
    row = layout.row_ptr[p] + parts(layout, p, state.level[1 if offset > 0 else 0, p]) + offset
    return float(state.parcel[row, (state.ring[row, START] + state.ring[row, COUNT] - 1) & LAST, TEMP])


@inner
def note_warmth(layout: Layout, scratch: Scratch, side: int, node: int, n: int, mean: float, dt: float) -> None:
    """Write the part of the step in which what reaches a node is warm enough there, and its mean then [-, degC]."""
    least = layout.least_c[node]
    if least <= 0.0 or side == RETURN:
        return
    piece, slot = scratch.piece, layout.pipe_to.shape[0] + 2
    warm, heat = 0.0, 0.0
    for j in range(n):
        if piece[slot, j, 1] >= least:
            warm += piece[slot, j, 0]
            heat += piece[slot, j, 0] * piece[slot, j, 1]
    all_warm = warm >= dt * (1.0 - 1e-9) or n == 0
    scratch.warm_share[node] = 1.0 if all_warm else warm / dt
    scratch.warm_c[node] = mean if all_warm or warm == 0.0 else heat / warm


@apart
def sweep(layout: Layout, state: State, scratch: Scratch, side: int, dt: float) -> float:
    """Carry one side through a step; return the heat lost [J].

    ``scratch.source_kg_s`` and ``source_c`` hold what enters at the nodes; ``scratch.mean_c`` is filled with the mean
    temperature at each node, that of the standing water where nothing flows.
    """
    parcel, ring, wall, flow, order = state.parcel, state.ring, state.wall, state.flow, state.order
    piece, out_n, stream = scratch.piece, scratch.out_n, scratch.stream
    row_ptr, node_ptr, node_pipe, pipe_to = layout.row_ptr, layout.node_ptr, layout.node_pipe, layout.pipe_to
    film, ground, level = scratch.film_w_k, scratch.ground_c, state.level[side]
    rate, eps = scratch.rate[side], scratch.eps[side]
    source_kg_s, source_c, mean_c = scratch.source_kg_s, scratch.source_c, scratch.mean_c
    heat_capacity = layout.fluid[1]
    pipes = flow.shape[0]
    nodes = order.shape[0]
    offset = int(side * row_ptr[pipes])
    side_sign = 1.0 if side == 0 else -1.0
    lost = 0.0
    for p in range(pipes):
        if abs(flow[p]) < STILL_KG_S:
            lost += stand(
                parcel, ring, wall, row_ptr[p] + offset, parts(layout, p, level[p]), rate[p], ground[p],
                shell_j_k(layout, state, p, side), film[p], heat_capacity, dt,
            )  # fmt: skip
    for step in range(nodes):
        node = int(order[step] if side == 0 else order[nodes - 1 - step])
        begin, end = node_ptr[node], node_ptr[node + 1]
        n, mean_c[node] = mix(
            piece, out_n, stream, node_pipe, begin, end, pipe_to, flow, side_sign, node, source_kg_s[node],
            source_c[node], pipes + 2, dt,
        )  # fmt: skip
        note_warmth(layout, scratch, side, node, n, mean_c[node], dt)
        if n == 0:
            mean_c[node] = standing_c(layout, state, node, offset)
            continue
        low, high = extremes(piece, pipes + 2, n)
        for k in range(begin, end):
            p = node_pipe[k]
            out = -inflow(flow, pipe_to, p, node, side_sign)
            if out < STILL_KG_S:
                continue
            from_a = flow[p] * side_sign > 0.0
            if n == 1:
                done, outlet_c, lost_j = pass_quietly(
                    parcel, ring, wall, row_ptr[p] + offset, parts(layout, p, level[p]), from_a, out, dt, rate[p],
                    eps[p], ground[p], shell_j_k(layout, state, p, side), heat_capacity,
                    body_kg(layout, state, p, side), low,
                )  # fmt: skip
                if done:
                    piece[p, 0, 0] = dt
                    piece[p, 0, 1] = outlet_c
                    out_n[p] = 1
                    lost += lost_j
                    continue
            changed = level[p] != FINE and refine(layout, state, scratch, p, side, from_a, out, low, high)
            if (layout.wall_j_k[p] > 0.0 and reshare(layout, state, scratch, p, side, out)) or changed:
                set_rate(layout, state, scratch, p, side, out)
            out_n[p], lost_j = move(
                parcel, ring, wall, piece, row_ptr[p] + offset, parts(layout, p, level[p]), from_a, out, dt,
                rate[p], eps[p], ground[p], shell_j_k(layout, state, p, side), heat_capacity, pipes + 2, n, p, pipes,
            )  # fmt: skip
            lost += lost_j
    return lost


@entry
def stored_heat(layout: Layout, state: State, reference_c: float) -> float:
    """Return the heat in all water and walls above a temperature [J]."""
    parcel, ring, wall = state.parcel, state.ring, state.wall
    pipes = state.flow.shape[0]
    total = 0.0
    for side in range(2):
        for p in range(pipes):
            exchangers = parts(layout, p, state.level[side, p])
            per_part = shell_j_k(layout, state, p, side) / exchangers
            first = side * layout.row_ptr[pipes] + layout.row_ptr[p]
            heat = 0.0
            for row in range(first, first + exchangers + 1):
                water = 0.0
                for k in range(ring[row, COUNT]):
                    i = (ring[row, START] + k) & LAST
                    water += parcel[row, i, MASS] * (parcel[row, i, TEMP] - reference_c)
                heat += water * layout.fluid[1]
                if row < first + exchangers:
                    heat += per_part * (wall[row] - reference_c)
            total += heat
    return total
