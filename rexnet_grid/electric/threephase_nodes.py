"""Nodes of a three-phase study: those of the buses with supply, and those that only ends of branches need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.threephase_checks import opened_ends

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.electric.case import GridCase


class PhaseNodes:
    """Numbers of nodes and their rated voltages.

    Attributes
    ----------
    at
        Node of every bus, ``NOWHERE`` where it has no supply.
    kv
        Rated voltage of every node [kV].
    """

    def __init__(self, case: GridCase, net: Any) -> None:
        self.at: dict[int, int] = dict(zip(case.bus_id.tolist(), case.bus_node.tolist(), strict=True))
        alive = case.bus_node != NOWHERE
        rated = np.full(case.n_node, 0.4)
        rated[case.bus_node[alive]] = case.bus_kv[alive]
        self.kv: list[float] = rated.tolist()
        self._bus_kv = dict(zip(case.bus_id.tolist(), case.bus_kv.tolist(), strict=True))
        self._opened = opened_ends(net)

    def add(self, kv: float) -> int:
        """Return a node more."""
        self.kv.append(kv)
        return len(self.kv) - 1

    def ends(self, kind: str, frame: pd.DataFrame, column: str) -> tuple[list[int], list[bool]]:
        """Return nodes of one end of lines (``kind`` "l") or transformers ("t"), and where it is closed.

        At a bus without supply it is open: there it gets a node of its own.
        """
        nodes, closed = [], []
        for row, bus in zip(frame.index, frame[column], strict=True):
            node = self.at[int(bus)]
            dark = node == NOWHERE
            nodes.append(self.add(self._bus_kv[int(bus)]) if dark else node)
            closed.append(not dark and (kind, int(row), int(bus)) not in self._opened)
        return nodes, closed
