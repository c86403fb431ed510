"""The heat that a network holds, to more digits than one number has, see :mod:`exact`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import entry
from rexnet_grid.rexdynnet.levels import parts
from rexnet_grid.rexdynnet.profiles import with_pipe

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.layout import Layout, State


@entry
def stored_heat(layout: Layout, state: State) -> tuple[float, float]:
    """Return mass times temperature of all water and walls above 0 degC, and what that number misses [kg K].

    A wall counts as the mass of water with its heat capacity.
    """
    pipes = state.flow.shape[0]
    total, missed = 0.0, 0.0
    for side in range(2):
        for p in range(pipes):
            first = side * layout.row_ptr[pipes] + layout.row_ptr[p]
            total, missed = with_pipe(
                total, missed, state.parcel, state.ring, state.wall, first, parts(layout, p, state.level[side, p]),
                layout.wall_j_k[p] / layout.fluid[1],
            )  # fmt: skip
    return total, missed
