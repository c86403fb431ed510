"""One step of one side of the network: through the pipes in the order of flow, mixed at the nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.compiled import apart, inner
from rexnet_grid.rexdynnet.films import film_c, film_w_k
from rexnet_grid.rexdynnet.layout import RETURN
from rexnet_grid.rexdynnet.levels import CALM, FINE, parts, refine
from rexnet_grid.rexdynnet.ordering import STILL_KG_S
from rexnet_grid.rexdynnet.parcels import BLUR_CELLS, BLUR_K, COUNT, LAST, START, TEMP, emit, flow_through
from rexnet_grid.rexdynnet.quiet import pass_quietly
from rexnet_grid.rexdynnet.standing import let_stand
from rexnet_grid.rexdynnet.walls import LONGEST, LONGEST_CALM, RATE, pass_wall, set_cell

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch, State


@apart
def set_pipe(
    layout: Layout,
    state: State,
    scratch: Scratch,
    p: int,
    side: int,
    from_a: bool,
    flow: float,
    dt: float,
    inlet_c: float,
) -> float:
    """Fill what the cells of a pipe do in a step; return the conductance of its film [W/K].

    Where no front runs the film has the mean temperature of what enters and what leaves next.
    """
    level = state.level[side, p]
    cells = parts(layout, p, level)
    first = int(side * layout.row_ptr[state.flow.shape[0]] + layout.row_ptr[p])
    mass = layout.mass_kg[p]
    if level <= FINE:
        film_at = film_c(state.parcel, state.ring, state.wall, first, cells, from_a, inlet_c, flow * dt / mass)
    else:
        film_at = 0.5 * (inlet_c + far_end_c(state.parcel, state.ring, first, cells, from_a))
    film = film_w_k(layout, p, flow, film_at)
    water = mass * layout.fluid[1]
    per_part = 1.0 / (cells * flow * layout.fluid[1])
    set_cell(
        scratch.cell[side], p, film * per_part, LONGEST_CALM if level == CALM else LONGEST,
        layout.wall_j_k[p] / water, layout.loss_w_k[p] * per_part, water * per_part,
    )  # fmt: skip
    return film


@inner
def move(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    piece: FloatArray,
    first: int,
    cells: int,
    from_a: bool,
    flow: float,
    dt: float,
    cell: FloatArray,
    p: int,
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
    blur = BLUR_K * dt * min(1.0, BLUR_CELLS / cells)
    for k in range(cells + 1):
        row = first + k if from_a else first + cells - k
        last = k == cells
        n, lost_kg_k = flow_through(
            parcel,
            ring,
            row,
            from_a,
            flow,
            dt,
            cell[p, RATE],
            ground,
            piece,
            now,
            n,
            slot_out if last else slot_free,
            blur,
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
        n, lost_j = pass_wall(wall, at, from_a, wall_j_k / cells, cell, p, ground, piece, slot_free, n, now, blur)
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
        rise = 0.0
        for k in range(begin, end):
            p = node_pipe[k]
            into = inflow(flow, pipe_to, p, node, side_sign)
            if into >= STILL_KG_S:
                j = int(stream[0, p])
                share = length / piece[p, j, 0]
                rise += into * piece[p, j, 2] * share
                total += into * piece[p, j, 2] * (stream[1, p] / piece[p, j, 0] + 0.5 * share - 0.5)
        for k in range(begin, end):
            p = node_pipe[k]
            j = int(stream[0, p])
            stream[1, p] += length
            if j < out_n[p] - 1 and stream[1, p] >= piece[p, j, 0] * (1.0 - 1e-13):
                stream[0, p] += 1.0
                stream[1, p] = 0.0
        n = emit(piece, slot, n, length, total / weight, rise / weight, BLUR_K * dt)
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
        piece[slot, 0, 2] = 0.0
        return 1, source_c
    heat = 0.0
    if streams == 1 and source <= 0.0:
        for j in range(out_n[only]):
            piece[slot, j, 0] = piece[only, j, 0]
            piece[slot, j, 1] = piece[only, j, 1]
            piece[slot, j, 2] = piece[only, j, 2]
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
def far_end_c(parcel: FloatArray, ring: IntArray, first: int, cells: int, from_a: bool) -> float:
    """Return the temperature of the parcel that leaves a pipe next [degC]."""
    row = first + cells if from_a else first
    i = (ring[row, START] + (ring[row, COUNT] - 1 if from_a else 0)) & LAST
    return float(parcel[row, i, TEMP])


@apart
def ends_c(layout: Layout, state: State, p: int, side: int) -> float:
    """Return the mean of the water at both ends of a pipe as it is now [degC]."""
    cells = parts(layout, p, state.level[side, p])
    first = int(side * layout.row_ptr[state.flow.shape[0]] + layout.row_ptr[p])
    at_a = far_end_c(state.parcel, state.ring, first, cells, False)
    return 0.5 * (at_a + far_end_c(state.parcel, state.ring, first, cells, True))


@inner
def note_warmth(layout: Layout, scratch: Scratch, side: int, node: int, n: int, mean: float, dt: float) -> None:
    """Write the part of the step in which what reaches a node is warm enough there, and its mean then [-, degC]."""
    least = layout.least_c[node]
    if side == RETURN:
        return
    if least <= 0.0:
        scratch.warm_share[node] = 1.0
        return
    piece, slot = scratch.piece, layout.pipe_to.shape[0] + 2
    warm, heat = 0.0, 0.0
    for j in range(n):
        half = 0.5 * abs(piece[slot, j, 2])
        coldest, hottest = piece[slot, j, 1] - half, piece[slot, j, 1] + half
        if coldest >= least:
            warm += piece[slot, j, 0]
            heat += piece[slot, j, 0] * piece[slot, j, 1]
        elif hottest > least:
            lasts = piece[slot, j, 0] * (hottest - least) / (hottest - coldest)
            warm += lasts
            heat += lasts * 0.5 * (hottest + least)
    all_warm = warm >= dt * (1.0 - 1e-9) or n == 0
    scratch.warm_share[node] = 1.0 if all_warm else warm / dt
    scratch.warm_c[node] = mean if all_warm or warm == 0.0 else heat / warm


@apart
def sweep(layout: Layout, state: State, scratch: Scratch, side: int, dt: float) -> float:
    """Carry one side through a step; return the heat lost [J].

    ``scratch.source_kg_s`` and ``source_c`` hold what enters at the nodes; ``scratch.mean_c`` is filled with the mean
    temperature at each node, that of the standing water at the end of its first pipe where nothing flows.
    """
    parcel, ring, wall, flow, order = state.parcel, state.ring, state.wall, state.flow, state.order
    piece, out_n, stream = scratch.piece, scratch.out_n, scratch.stream
    row_ptr, node_ptr, node_pipe, pipe_to = layout.row_ptr, layout.node_ptr, layout.node_pipe, layout.pipe_to
    ground, level, cell = scratch.ground_c, state.level[side], scratch.cell[side]
    source_kg_s, source_c, mean_c = scratch.source_kg_s, scratch.source_c, scratch.mean_c
    heat_capacity = layout.fluid[1]
    pipes = flow.shape[0]
    nodes = order.shape[0]
    offset = int(side * row_ptr[pipes])
    side_sign = 1.0 if side == 0 else -1.0
    lost = let_stand(layout, state, scratch, side, dt)
    for step in range(nodes):
        node = int(order[step] if side == 0 else order[nodes - 1 - step])
        begin, end = node_ptr[node], node_ptr[node + 1]
        n, mean = mix(
            piece, out_n, stream, node_pipe, begin, end, pipe_to, flow, side_sign, node, source_kg_s[node],
            source_c[node], pipes + 2, dt,
        )  # fmt: skip
        if n > 0:
            mean_c[node] = mean
        note_warmth(layout, scratch, side, node, n, mean_c[node], dt)
        if n == 0:
            scratch.spread_k[node] = 0.0
            if state.moved[side, node_pipe[begin]] != 0:
                mean_c[node] = state.node_c[side, node]
            continue
        low, high = extremes(piece, pipes + 2, n)
        scratch.spread_k[node] = high - low
        for k in range(begin, end):
            p = node_pipe[k]
            out = -inflow(flow, pipe_to, p, node, side_sign)
            if out < STILL_KG_S:
                continue
            from_a = flow[p] * side_sign > 0.0
            first, wall_j_k, mass = row_ptr[p] + offset, layout.wall_j_k[p], layout.mass_kg[p]
            cells = parts(layout, p, level[p])
            film = set_pipe(layout, state, scratch, p, side, from_a, out, dt, mean_c[node])
            if n == 1:
                done, outlet_c, lost_j = pass_quietly(
                    parcel, ring, wall, first, cells, from_a, out, dt, cell, p, ground[p],
                    wall_j_k, heat_capacity, mass, low,
                )  # fmt: skip
                if done:
                    piece[p, 0, 0] = dt
                    piece[p, 0, 1] = outlet_c
                    piece[p, 0, 2] = 0.0
                    out_n[p] = 1
                    lost += lost_j
                    continue
            if level[p] > FINE and refine(layout, state, scratch, p, side, from_a, out, low, high, film):
                cells = parts(layout, p, level[p])
                set_pipe(layout, state, scratch, p, side, from_a, out, dt, mean_c[node])
            out_n[p], lost_j = move(
                parcel, ring, wall, piece, first, cells, from_a, out, dt, cell, p, ground[p],
                wall_j_k, heat_capacity, pipes + 2, n, p, pipes,
            )  # fmt: skip
            lost += lost_j
    return lost
