"""Time steps of the whole network, compiled: draws, flows, supply, substations, return, accounts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, entry, part
from rexnet_grid.rexdynnet.heads import cut_to_head, write_heads
from rexnet_grid.rexdynnet.hydraulics import set_drops, solve_flows
from rexnet_grid.rexdynnet.layout import RETURN, SUPPLY
from rexnet_grid.rexdynnet.levels import calm_down, parts
from rexnet_grid.rexdynnet.ordering import order_nodes
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, START
from rexnet_grid.rexdynnet.service import (
    HARD_ROUNDS,
    MAX_ROUNDS,
    begin_search,
    draws,
    end_search,
    guess_again,
    substations,
)
from rexnet_grid.rexdynnet.transport import stored_heat, sweep

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Inputs, Layout, Outputs, Scratch, State

MAX_CUTS = 40


@part
def share_out(layout: Layout, given: FloatArray, wanted: FloatArray, root: int) -> None:
    """Let the plants of one island give what is wanted of them and its root the rest of ``given[root]`` [kg/s]."""
    total = given[root]
    others = 0.0
    for g in range(given.shape[0]):
        if g != root and layout.plant_live[g] == 1 and layout.island[layout.plant_node[g]] == root:
            given[g] = 0.0 if math.isnan(wanted[g]) else wanted[g]
            others += given[g]
    scale = total / others if others > total else 1.0
    for g in range(given.shape[0]):
        if g != root and layout.plant_live[g] == 1 and layout.island[layout.plant_node[g]] == root:
            given[g] *= scale
    given[root] = max(total - scale * others, 0.0)


@part
def set_draw(layout: Layout, scratch: Scratch, inputs: Inputs, row: int) -> None:
    """Fill what each node draws and what each plant gives [kg/s]; the root of each island takes up its balance."""
    given = scratch.plant_kg_s
    for node in range(scratch.draw.shape[0]):
        scratch.draw[node] = 0.0
    given[:] = 0.0
    for s in range(layout.sub_node.shape[0]):
        node = layout.sub_node[s]
        root = layout.island[node]
        if root < 0:
            scratch.sub_kg_s[s] = 0.0
            continue
        scratch.draw[node] += scratch.sub_kg_s[s]
        given[root] += scratch.sub_kg_s[s]
    for root in range(layout.plant_node.shape[0]):
        if layout.plant_live[root] == 1 and layout.island[layout.plant_node[root]] == root:
            share_out(layout, given, inputs.plant_kg_s[row], root)
    for g in range(layout.plant_node.shape[0]):
        scratch.draw[layout.plant_node[g]] -= given[g]


@part
def set_plants(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int) -> None:
    """Fill the supply temperature of each plant [degC], lowered where its heat does not suffice, and its source."""
    for node in range(scratch.source_kg_s.shape[0]):
        scratch.source_kg_s[node] = 0.0
        scratch.source_c[node] = 0.0
    for g in range(layout.plant_node.shape[0]):
        node = layout.plant_node[g]
        wanted = inputs.supply_c[row, g]
        flow = scratch.plant_kg_s[g]
        if flow > 0.0:
            reach = state.node_c[1, node] + layout.plant_max_w[g] / (flow * layout.fluid[1])
            wanted = min(wanted, max(reach, state.node_c[1, node]))
            together = scratch.source_kg_s[node] + flow
            scratch.source_c[node] += (wanted - scratch.source_c[node]) * (flow / together)
            scratch.source_kg_s[node] = together
        scratch.plant_c[g] = wanted


@apart
def keep(layout: Layout, state: State, backup: State, forward: bool) -> None:
    """Copy the live supply side into ``backup``, or back."""
    into = backup if forward else state
    out = state if forward else backup
    to_parcel, from_parcel = into.parcel, out.parcel
    to_ring, from_ring = into.ring, out.ring
    to_wall, from_wall = into.wall, out.wall
    for p in range(state.flow.shape[0]):
        into.level[0, p] = out.level[0, p]
        begin = layout.row_ptr[p]
        for row in range(begin, begin + parts(layout, p, out.level[0, p]) + 1):
            first, count = from_ring[row, START], from_ring[row, COUNT]
            to_ring[row, START] = first
            to_ring[row, COUNT] = count
            to_wall[row, 0], to_wall[row, 1] = from_wall[row, 0], from_wall[row, 1]
            for k in range(count):
                i = (first + k) & LAST
                for column in range(3):
                    to_parcel[row, i, column] = from_parcel[row, i, column]


@part
def find_flows(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int) -> bool:
    """Find the flows for what substations draw, cut to what the pumps can lift; return whether the loops converged."""
    for s in range(layout.sub_node.shape[0]):
        scratch.most_kg_s[s] = layout.sub_max_kg_s[s] + scratch.bypass_kg_s[s]
        scratch.asked_kg_s[s] = scratch.sub_kg_s[s]
    solved = False
    for cut in range(MAX_CUTS + 1):
        set_draw(layout, scratch, inputs, row)
        solved = solve_flows(layout, scratch, state.flow)
        if cut == MAX_CUTS or not solved:
            break
        if not cut_to_head(layout, scratch, state.flow, inputs.flow_kg_s[row]):
            break
    return solved


@part
def supply_side(
    layout: Layout, state: State, backup: State, scratch: Scratch, inputs: Inputs, row: int, dt: float
) -> tuple[float, bool]:
    """Step the supply; the flows are found again while a substation's return would miss its wanted temperature.

    Returns the heat lost [J] and whether the loops converged.
    """
    lost = 0.0
    solved = True
    begin_search(layout, state, scratch)
    for attempt in range(HARD_ROUNDS):
        draws(layout, state, scratch, inputs, row)
        solved = find_flows(layout, state, scratch, inputs, row)
        order_nodes(layout, state, scratch.degree)
        set_drops(layout, scratch, state.flow)
        if attempt == 0:
            calm_down(layout, state, scratch)
        keep(layout, state, backup, attempt == 0)
        set_plants(layout, state, scratch, inputs, row)
        lost = sweep(layout, state, scratch, SUPPLY, dt)
        again, hard = guess_again(layout, state, scratch, inputs, row, attempt)
        if not again or attempt >= (HARD_ROUNDS if hard else MAX_ROUNDS) - 1:
            break
    end_search(layout, state, scratch)
    return lost, solved


@apart
def set_surroundings(layout: Layout, state: State, scratch: Scratch, inputs: Inputs, row: int, side: int) -> None:
    """Fill what each pipe of one side loses its heat to [degC]: the ground, warmed by the other pipe where they couple.

    The other pipe counts with the mean of its ends, as last known.
    """
    for p in range(scratch.ground_c.shape[0]):
        ground = inputs.ground_c[row, p % inputs.ground_c.shape[1]]
        if layout.coupling[p] > 0.0:
            other = state.node_c[1 - side]
            mean = 0.5 * (other[layout.pipe_from[p]] + other[layout.pipe_to[p]])
            ground += layout.coupling[p] * (mean - ground)
        scratch.ground_c[p] = ground


@entry
def advance(layout: Layout, state: State, backup: State, scratch: Scratch, inputs: Inputs, outputs: Outputs) -> int:
    """Step the network through every row of the forcing; return how many steps had loops that did not converge."""
    steps = inputs.supply_c.shape[0]
    heat_capacity = layout.fluid[1]
    failed = 0
    reference_c = inputs.ground_c[0, 0]
    before = stored_heat(layout, state, reference_c)
    for row in range(steps):
        dt = inputs.dt_s[row % inputs.dt_s.shape[0]]
        set_surroundings(layout, state, scratch, inputs, row, SUPPLY)
        lost, solved = supply_side(layout, state, backup, scratch, inputs, row, dt)
        if not solved:
            failed += 1
        for node in range(scratch.mean_c.shape[0]):
            state.node_c[0, node] = scratch.mean_c[node]
            outputs.supply_c[row, node] = scratch.mean_c[node]
        delivered = substations(layout, scratch, inputs, outputs, row)
        set_surroundings(layout, state, scratch, inputs, row, RETURN)
        lost += sweep(layout, state, scratch, RETURN, dt)
        for node in range(scratch.mean_c.shape[0]):
            state.node_c[1, node] = scratch.mean_c[node]
            outputs.return_c[row, node] = scratch.mean_c[node]
        plant = 0.0
        for g in range(layout.plant_node.shape[0]):
            flow = scratch.plant_kg_s[g]
            heat = flow * heat_capacity * (scratch.plant_c[g] - scratch.mean_c[layout.plant_node[g]])
            outputs.plant_w[row, g] = heat
            outputs.plant_kg_s[row, g] = flow
            outputs.plant_c[row, g] = scratch.plant_c[g]
            plant += heat
        for p in range(state.flow.shape[0]):
            outputs.pipe_kg_s[row, p] = state.flow[p]
            outputs.dp_pa[row, p] = scratch.dp_pa[p]
        write_heads(layout, scratch, outputs, row)
        after = stored_heat(layout, state, reference_c)
        outputs.ledger[row, 0] = plant
        outputs.ledger[row, 1] = delivered
        outputs.ledger[row, 2] = lost / dt
        outputs.ledger[row, 3] = (after - before) / dt
        outputs.ledger[row, 4] = plant - delivered - (lost + after - before) / dt
        before = after
    return failed
