"""Steps gone in pieces: what is needed to go back to the beginning of one, and the means over all of them; compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart
from rexnet_grid.rexdynnet.layout import RETURN, SUPPLY
from rexnet_grid.rexdynnet.levels import parts
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, START

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout, Outputs, State

SHORTEST_S = 60.0


@apart
def keep(layout: Layout, state: State, backup: State, side: int, forward: bool) -> None:
    """Copy what a side holds into ``backup``, or back."""
    into = backup if forward else state
    out = state if forward else backup
    to_parcel, from_parcel = into.parcel, out.parcel
    to_ring, from_ring = into.ring, out.ring
    to_wall, from_wall = into.wall, out.wall
    pipes = state.flow.shape[0]
    for p in range(pipes):
        into.level[side, p], into.moved[side, p] = out.level[side, p], out.moved[side, p]
        begin = side * layout.row_ptr[pipes] + layout.row_ptr[p]
        for row in range(begin, begin + parts(layout, p, out.level[side, p]) + 1):
            first, count = from_ring[row, START], from_ring[row, COUNT]
            to_ring[row, START] = first
            to_ring[row, COUNT] = count
            to_wall[row, 0], to_wall[row, 1] = from_wall[row, 0], from_wall[row, 1]
            for k in range(count):
                i = (first + k) & LAST
                for column in range(3):
                    to_parcel[row, i, column] = from_parcel[row, i, column]


@apart
def keep_ends(state: State, backup: State, forward: bool) -> None:
    """Copy what is known of nodes and substations into ``backup``, or back."""
    into = backup if forward else state
    out = state if forward else backup
    for node in range(state.node_c.shape[1]):
        into.node_c[0, node], into.node_c[1, node] = out.node_c[0, node], out.node_c[1, node]
    for s in range(state.arrive_c.shape[0]):
        into.arrive_c[s], into.opening[s] = out.arrive_c[s], out.opening[s]


@apart
def undo(layout: Layout, state: State, backup: State, both: bool) -> None:
    """Go back to the beginning of a piece: the supply side, the ends and, where it was swept, the return side."""
    keep(layout, state, backup, SUPPLY, False)
    if both:
        keep(layout, state, backup, RETURN, False)
    keep_ends(state, backup, False)


@apart
def gather(outputs: Outputs, total: FloatArray, row: int, share: float, first: bool, last: bool) -> None:
    """Add what came of a piece to the sums over a step; the last piece writes the means."""
    k = 0
    for number in range(len(outputs)):
        array = outputs[number]
        for column in range(array.shape[1]):
            total[k] = share * array[row, column] + (0.0 if first else total[k])
            if last:
                array[row, column] = total[k]
            k += 1
    if last and outputs.unsettled[row, 0] > 0.0:
        outputs.unsettled[row, 0] = 1.0
