r"""The rows of headroom for what the pumps of plants beside the main one lift.

The pump of plant g has to lift its water by what there is between supply and return at its node: with a main plant that
runs as slowly as the worst substation allows, the drop from g to that one and back and what it needs, so for every s

.. math:: 2 \sum_{p \in g \to s} \Delta p_p + \Delta p_s^{min} + k_g \dot m_g^2 \le H_{0,g},

and with one at a fixed speed, whose head is at most the one without flow, :math:`2 \sum_{p \in g \to main} \Delta p_p +
H_{main} + k_g \dot m_g^2 \le H_{0,g}`. Each pipe counts with the steepest of three chords to where that is used up:
along what g gives, what s draws, and what all draw in proportion to their usual flows. Who draws on the way relieves
the pump; by these chords where that draw is sold again, and by the slope of the drop as it is where more is drawn, so
there are two rows for each way. All are divided by what a kilowatt of the plant counts: they are in kilowatts of it.

A plant that gives nothing is bound by no pump, and binds nobody: its rows are its own, with the substation at the end
of each way at its usual largest flow. So are the rows of one that already asks too much of its pump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.chords import steepest_chords
from rexnet_grid.rexdynnet.hydraulics import drops, slopes
from rexnet_grid.rexdynnet.piperows import FAR, SMALLEST_FLOW, SMALLEST_HEAD_PA, weights_of
from rexnet_grid.rexdynnet.pump import FALL, FIXED, SHUTOFF, UNLIMITED_PA
from rexnet_grid.rexdynnet.sensitivity import node_ways

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import BoolArray, FloatArray
    from rexnet_grid.rexdynnet.foresight import Foresight
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.piperows import PipeRows, Rows


def curved_sides(layout: Layout) -> BoolArray:
    """Return which plants beside the one that keeps their pressure have a pump's curve, (n_plants,)."""
    root = layout.island[layout.plant_node]
    beside = (layout.plant_live > 0) & (root >= 0) & (root != np.arange(len(root)))
    return np.asarray(beside & (layout.pump[:, SHUTOFF] < UNLIMITED_PA))


def side_rows(pipes: PipeRows, seen: Foresight) -> list[Rows]:
    """Return the rows of every side plant that has a curve, after :meth:`PipeRows.make` for the same foresight."""
    layout, found = pipes.layout, []
    every = node_ways(layout)
    for g in np.flatnonzero(curved_sides(layout)):
        root = int(layout.island[layout.plant_node[g]])
        if layout.pump[root, FIXED] > 0.0:
            ends, above = layout.plant_node[[root]], layout.pump[root, [SHUTOFF]]
            own = np.zeros((1, pipes.subs))
        else:
            same = np.flatnonzero(pipes.root == root)
            ends, own = layout.sub_node[same], np.eye(pipes.subs)[same]
            above = layout.sub_needs_pa[same]
        block = _ways(pipes, seen, int(g), every[ends] - every[layout.plant_node[g]], above, own)
        found.append((block, (f"plant {pipes.network.plants[g].node} pump",) * block[1].shape[1]))
    return found


def _ways(
    pipes: PipeRows, seen: Foresight, g: int, ways: FloatArray, above_pa: FloatArray, own: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return two rows for each way from plant g, (n_ways, P), at whose end ``above_pa`` (n_ways,) is needed.

    Ways whose drop stays within the curve whatever plants give and valves draw have none. ``own`` (n_ways, S) is 1 for
    the substation at the end.
    """
    layout, most_pa, fall = pipes.layout, float(pipes.layout.pump[g, SHUTOFF]), float(pipes.layout.pump[g, FALL])
    given = np.clip(seen.position_kw[:, g], 0.0, None) * pipes.side_kg_s_kw[g]
    whole = most_pa - above_pa
    kept = np.minimum(whole - pipes.limits.margin * most_pa, whole * pipes.flow_kept**2)
    up, down = pipes.side_room(seen)
    opened = np.maximum(pipes.needs.cap_kg_s - seen.sub_flow, 0.0) @ np.abs(pipes.by_sub).T
    wide = np.abs(seen.pipe_flow) + opened + (up + down) @ np.abs(pipes.by_plant).T
    most = given[:, None] + up[:, [g]]
    risky = (2.0 * drops(layout, wide) @ np.abs(ways).T + fall * most**2 > kept).any(axis=0)
    ways, own, kept = ways[risky], own[risky], kept[risky]
    room = kept - 2.0 * drops(layout, seen.pipe_flow) @ ways.T - fall * given[:, None] ** 2
    rays, along = _rays(pipes, g, ways, own)
    curve, far = np.zeros((*rays.shape[:2], 3)), np.ones(rays.shape[:2])
    curve[:, :, 0], curve[0, :, 2] = 0.5 * fall, along
    way_pipe, head = np.nonzero(ways)[1], 0.5 * np.maximum(kept, SMALLEST_HEAD_PA)
    pointer = np.concatenate(([0], np.cumsum((ways != 0.0).sum(axis=1))))
    units, count = len(seen.units), len(ways)
    matrix, slack = np.zeros((units, 2 * count, pipes.columns)), np.zeros((units, 2 * count))
    draws, cooling, weights = pipes.flow_per_kw(seen), pipes.cooling(seen), weights_of(seen)
    for k in range(units if count else 0):
        curve[:, :, 1] = given[k]
        steep = steepest_chords(layout, seen.pipe_flow[k], rays, pointer, way_pipe, head, curve, far)
        bend, steep = 2.0 * steep[:, -1], 2.0 * steep[:, :-1] * ways
        slope = 2.0 * slopes(layout, seen.pipe_flow[k]) * ways
        left, alone = room[k], np.full(count, given[k] <= SMALLEST_FLOW) | (room[k] < 0.0)
        if given[k] <= SMALLEST_FLOW:
            spare = np.maximum(pipes.usual_kg_s - seen.sub_flow[k], 0.0)
            left = np.maximum(left - (np.maximum(steep @ pipes.by_sub, 0.0) * own) @ spare, 0.0)
        lifted = np.maximum(-steep @ pipes.by_plant[:, g] + bend, SMALLEST_FLOW) * pipes.side_kg_s_kw[g]
        turned = (steep @ cooling[k])[:, None] * weights[k]
        for part, relief in enumerate((steep, slope)):
            span = slice(part * count, (part + 1) * count)
            rows = np.where(alone[:, None], 0.0, _rows(pipes, steep, relief, draws[k], turned))
            rows[:, g] = lifted
            matrix[k, span], slack[k, span] = rows / lifted[:, None], np.minimum(left / lifted, FAR)
    sold = np.clip(seen.position_kw[:, g], 0.0, None)
    return matrix, np.maximum(slack, np.where(slack < 0.0, -sold[:, None], slack))


def _rays(pipes: PipeRows, g: int, ways: FloatArray, own: FloatArray) -> tuple[FloatArray, float]:
    """Return what is added in proportion to the pipes' flows, (3, n_ways, P), and to that of plant g by the first."""
    usual = pipes.usual_kg_s
    along = max(min(float(pipes.plants_kw[g] * pipes.side_kg_s_kw[g]), float(usual.sum())), SMALLEST_FLOW)
    return np.stack(
        (
            np.broadcast_to(-pipes.by_plant[:, g] * along, ways.shape),
            (own * usual) @ pipes.by_sub.T,
            np.broadcast_to(pipes.by_sub @ usual, ways.shape),
        )
    ), along


def _rows(pipes: PipeRows, steep: FloatArray, relief: FloatArray, draws: FloatArray, turned: FloatArray) -> FloatArray:
    """Return what each injection adds to the head on each way, (n_ways, n_nodes) [Pa/kW], but for the plant's own.

    Parameters
    ----------
    pipes
        The rows of the pipes.
    steep, relief
        (n_ways, P) chords of the drops along each way, and the slopes by which they are relieved [Pa s/kg].
    draws
        (S,) flow for a kilowatt of each substation [kg/s/kW].
    turned
        (n_ways, G + S) what comes of water that cools [Pa/kW].
    """
    plants, subs = pipes.plants, pipes.subs
    by_plant = -pipes.by_plant * pipes.side_kg_s_kw
    more, less = steep @ pipes.by_sub, relief @ pipes.by_sub
    rows = np.zeros((len(steep), pipes.columns))
    rows[:, :plants] = np.maximum(steep @ by_plant, relief @ by_plant)
    rows[:, plants : plants + subs] = -np.where(less < 0.0, less, more) * draws
    rows[:, : plants + subs] += turned
    return rows
