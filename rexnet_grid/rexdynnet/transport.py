"""One step of one side of the network: through the pipes in the order of flow, mixed at the nodes."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
from rexnet_grid.rexdynnet.layout import Layout, Scratch, State
from rexnet_grid.rexdynnet.parcels import RING, emit, flow_through, rest
from rexnet_grid.rexdynnet.walls import cooling_rate, effectiveness, pass_wall, settle

STILL_KG_S = 1e-10


@njit(cache=True)
def set_rates(layout: Layout, scratch: Scratch, flow: FloatArray) -> None:
    """Fill ε and λ of each pipe for its flow; ``scratch.film_w_k`` holds the water side h P L [W/K]."""
    heat_capacity = layout.fluid[1]
    for p in range(flow.shape[0]):
        exchangers = layout.row_ptr[p + 1] - layout.row_ptr[p] - 1
        ratio = layout.wall_j_k[p] / (layout.mass_kg[p] * heat_capacity)
        m = abs(flow[p])
        if m < STILL_KG_S:
            scratch.eps[p] = 0.0
            scratch.rate[p] = layout.loss_w_k[p] / (layout.mass_kg[p] * heat_capacity * (1.0 + ratio))
            continue
        parts = max(exchangers, 1)
        capacity_rate = m * heat_capacity
        eps = effectiveness(scratch.film_w_k[p] / (parts * capacity_rate)) if exchangers > 0 else 1.0
        scratch.eps[p] = eps
        scratch.rate[p] = cooling_rate(
            layout.loss_w_k[p] / (parts * capacity_rate),
            ratio if exchangers > 0 else 0.0,
            eps,
            layout.mass_kg[p] / (parts * m),
        )


@njit(cache=True)
def stand(layout: Layout, state: State, scratch: Scratch, p: int, offset: int, dt: float) -> float:
    """Let one pipe stand still for a step; return the heat lost [J]."""
    heat_capacity = layout.fluid[1]
    decay = math.exp(-scratch.rate[p] * dt)
    ground = scratch.ground_c[p]
    first = layout.row_ptr[p] + offset
    last = layout.row_ptr[p + 1] + offset - 1
    exchangers = last - first
    lost = 0.0
    for row in range(first, last + 1):
        lost += heat_capacity * rest(state.temp, state.mass, state.start, state.count, row, decay, ground)
    for row in range(first, last):
        capacity = layout.wall_j_k[p] / exchangers
        above = state.wall[row] - ground
        lost += capacity * above * (1.0 - decay)
        state.wall[row] = ground + above * decay
        mass = 0.0
        heat = 0.0
        for side in range(2):
            share = 1.0 if (row + side == first or row + side == last) else 0.5
            for k in range(state.count[row + side]):
                i = (state.start[row + side] + k) % RING
                mass += share * state.mass[row + side, i]
                heat += share * state.mass[row + side, i] * state.temp[row + side, i]
        wall, change = settle(
            state.wall[row], capacity, scratch.film_w_k[p] / exchangers, mass, heat / mass, heat_capacity, dt
        )
        state.wall[row] = wall
        for side in range(2):
            share = 1.0 if (row + side == first or row + side == last) else 0.5
            for k in range(state.count[row + side]):
                i = (state.start[row + side] + k) % RING
                state.temp[row + side, i] += share * change
    return lost


@njit(cache=True)
def move(
    layout: Layout,
    state: State,
    scratch: Scratch,
    p: int,
    offset: int,
    signed_flow: float,
    dt: float,
    n_in: int,
    in_tau: FloatArray,
    in_temp: FloatArray,
) -> float:
    """Push pieces through one pipe into ``scratch.out_*[p]``; return the heat lost [J]."""
    heat_capacity = layout.fluid[1]
    from_a = signed_flow > 0.0
    m = abs(signed_flow)
    ground = scratch.ground_c[p]
    first = layout.row_ptr[p] + offset
    rows = layout.row_ptr[p + 1] - layout.row_ptr[p]
    lost = 0.0
    now_tau = in_tau
    now_temp = in_temp
    n = n_in
    for k in range(rows):
        row = first + k if from_a else first + rows - 1 - k
        last = k == rows - 1
        out_tau = scratch.out_tau[p] if last else scratch.piece[0]
        out_temp = scratch.out_temp[p] if last else scratch.piece[1]
        n, lost_kg_k = flow_through(
            state.mass, state.temp, state.slope, state.start, state.count, row, from_a, m, dt, scratch.rate[p], ground,
            n, now_tau, now_temp, out_tau, out_temp,
        )  # fmt: skip
        lost += heat_capacity * lost_kg_k
        if last:
            break
        at = row if from_a else row - 1
        state.wall[at], n, lost_j = pass_wall(
            state.wall[at], layout.wall_j_k[p] / (rows - 1), m * heat_capacity, scratch.eps[p], scratch.rate[p], ground,
            n, out_tau, out_temp, scratch.piece[2], scratch.piece[3],
        )  # fmt: skip
        lost += lost_j
        now_tau = scratch.piece[2]
        now_temp = scratch.piece[3]
    scratch.out_n[p] = n
    return lost


@njit(cache=True)
def mix(
    layout: Layout, scratch: Scratch, node: int, side_sign: float, flow: FloatArray, dt: float
) -> tuple[int, float]:
    """Mix what reaches a node into ``scratch.piece[4:6]``; return the number of pieces and their mean [degC].

    Flows are constant in the step, so the streams are walked piece by piece and weighted by flow. No inflow gives 0
    pieces.
    """
    tau = scratch.piece[4]
    temp = scratch.piece[5]
    streams = 0
    only = -1
    for k in range(layout.node_ptr[node], layout.node_ptr[node + 1]):
        p = layout.node_pipe[k]
        into = flow[p] * side_sign * (1.0 if layout.pipe_to[p] == node else -1.0)
        if into >= STILL_KG_S:
            streams += 1
            only = p
    source = scratch.source_kg_s[node]
    if streams == 1 and source <= 0.0:
        heat = 0.0
        for j in range(scratch.out_n[only]):
            tau[j] = scratch.out_tau[only, j]
            temp[j] = scratch.out_temp[only, j]
            heat += tau[j] * temp[j]
        return scratch.out_n[only], heat / dt
    if streams == 0:
        if source <= 0.0:
            return 0, 0.0
        tau[0] = dt
        temp[0] = scratch.source_c[node]
        return 1, scratch.source_c[node]
    position = np.zeros(streams, dtype=np.int64)
    used = np.zeros(streams)
    now = 0.0
    n = 0
    heat = 0.0
    while now < dt * (1.0 - 1e-13):
        length = dt - now
        weight = source
        total = source * scratch.source_c[node]
        stream = 0
        for k in range(layout.node_ptr[node], layout.node_ptr[node + 1]):
            p = layout.node_pipe[k]
            into = flow[p] * side_sign * (1.0 if layout.pipe_to[p] == node else -1.0)
            if into < STILL_KG_S:
                continue
            j = min(position[stream], scratch.out_n[p] - 1)
            if position[stream] < scratch.out_n[p] - 1:
                length = min(length, scratch.out_tau[p, j] - used[stream])
            weight += into
            total += into * scratch.out_temp[p, j]
            stream += 1
        stream = 0
        for k in range(layout.node_ptr[node], layout.node_ptr[node + 1]):
            p = layout.node_pipe[k]
            into = flow[p] * side_sign * (1.0 if layout.pipe_to[p] == node else -1.0)
            if into < STILL_KG_S:
                continue
            used[stream] += length
            j = position[stream]
            if j < scratch.out_n[p] - 1 and used[stream] >= scratch.out_tau[p, j] * (1.0 - 1e-13):
                position[stream] += 1
                used[stream] = 0.0
            stream += 1
        length = max(length, 0.0)
        n = emit(tau, temp, n, length, total / weight)
        heat += length * total / weight
        now += length
    return n, heat / dt


@njit(cache=True)
def sweep(layout: Layout, state: State, scratch: Scratch, side: int, dt: float) -> float:
    """Carry one side through a step; return the heat lost [J].

    ``scratch.source_kg_s`` and ``source_c`` hold what enters at the nodes; ``scratch.mean_c`` is filled with the mean
    temperature at each node, that of the standing water where nothing flows.
    """
    nodes = layout.node_ptr.shape[0] - 1
    offset = side * layout.row_ptr[layout.row_ptr.shape[0] - 1]
    side_sign = 1.0 if side == 0 else -1.0
    flow = state.flow
    lost = 0.0
    for p in range(flow.shape[0]):
        if abs(flow[p]) < STILL_KG_S:
            lost += stand(layout, state, scratch, p, offset, dt)
    for step in range(nodes):
        node = state.order[step] if side == 0 else state.order[nodes - 1 - step]
        n, mean = mix(layout, scratch, node, side_sign, flow, dt)
        if n == 0:
            p = layout.node_pipe[layout.node_ptr[node]]
            if layout.pipe_from[p] == node:
                row = layout.row_ptr[p] + offset
                mean = state.temp[row, state.start[row]]
            else:
                row = layout.row_ptr[p + 1] - 1 + offset
                mean = state.temp[row, (state.start[row] + state.count[row] - 1) % RING]
        scratch.mean_c[node] = mean
        if n == 0:
            continue
        for k in range(layout.node_ptr[node], layout.node_ptr[node + 1]):
            p = layout.node_pipe[k]
            out = flow[p] * side_sign * (1.0 if layout.pipe_from[p] == node else -1.0)
            if out >= STILL_KG_S:
                lost += move(
                    layout, state, scratch, p, offset, flow[p] * side_sign, dt, n, scratch.piece[4], scratch.piece[5]
                )
    return lost


@njit(cache=True)
def stored_heat(layout: Layout, state: State) -> float:
    """Return the heat in all water and walls above 0 degC [J]."""
    heat_capacity = layout.fluid[1]
    rows = layout.row_ptr[layout.row_ptr.shape[0] - 1]
    water = 0.0
    for row in range(2 * rows):
        for k in range(state.count[row]):
            i = (state.start[row] + k) % RING
            water += state.mass[row, i] * state.temp[row, i]
    walls = 0.0
    for p in range(layout.pipe_from.shape[0]):
        exchangers = layout.row_ptr[p + 1] - layout.row_ptr[p] - 1
        for k in range(exchangers):
            row = layout.row_ptr[p] + k
            walls += layout.wall_j_k[p] / exchangers * (state.wall[row] + state.wall[rows + row])
    return water * heat_capacity + walls


@njit(cache=True)
def order_nodes(layout: Layout, state: State, degree: IntArray) -> None:
    """Put the nodes into the order of flow on the supply side; only where a direction changed."""
    changed = False
    for p in range(state.flow.shape[0]):
        sign = 0 if abs(state.flow[p]) < STILL_KG_S else (1 if state.flow[p] > 0.0 else -1)
        if sign != state.sign[p]:
            state.sign[p] = sign
            changed = True
    if not changed:
        return
    nodes = degree.shape[0]
    for node in range(nodes):
        degree[node] = 0
    for p in range(state.flow.shape[0]):
        if state.sign[p] != 0:
            degree[layout.pipe_to[p] if state.sign[p] > 0 else layout.pipe_from[p]] += 1
    n = 0
    for node in range(nodes):
        if degree[node] == 0:
            state.order[n] = node
            n += 1
    done = 0
    while done < n:
        node = state.order[done]
        done += 1
        for k in range(layout.node_ptr[node], layout.node_ptr[node + 1]):
            p = layout.node_pipe[k]
            sign = state.sign[p]
            if sign == 0 or (layout.pipe_from[p] if sign > 0 else layout.pipe_to[p]) != node:
                continue
            far = layout.pipe_to[p] if sign > 0 else layout.pipe_from[p]
            degree[far] -= 1
            if degree[far] == 0:
                state.order[n] = far
                n += 1
    for node in range(nodes):
        if degree[node] > 0:
            state.order[n] = node
            n += 1
