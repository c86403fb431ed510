"""Who says by how much AC solutions break limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import NOWHERE, PQ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.tap_views import View

COLLAPSED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Says by how much solutions break limits, each where a view of them has it; views have places in the solutions.

    A voltage half a band below its limit counts as no solution: it tells nothing of which row was wrong by how much.
    """

    views: Sequence[tuple[int, View]]
    limits: ElectricLimits
    buses: IntArray

    def excess(self, flows: list[PowerFlow]) -> tuple[FloatArray, IntArray]:
        """Return (n_cases,) the worst excess, as a share of what the margin is a share of, and which limit it is."""
        limits = self.limits
        found = []
        for at, view in self.views:
            case, flow = view.network.case, flows[at]
            node = np.unique(case.bus_node[self.buses])
            node = node[(node != NOWHERE) & (case.node_kind[node] == PQ)]
            vm = np.abs(flow.node_voltage)
            loading = np.nan_to_num(flow.loading_percent[:, view.loading], nan=-np.inf)
            under = (limits.vm_min_pu - vm[:, node[view.under[node]]]) / (1.0 - limits.vm_min_pu)
            found += [
                np.where(under > COLLAPSED, np.inf, under),
                (vm[:, node[view.over[node]]] - limits.vm_max_pu) / (limits.vm_max_pu - 1.0),
                loading / limits.loading_percent - 1.0,
                np.where(np.atleast_1d(flow.converged), -np.inf, np.inf)[:, None],
            ]
            if view.whole:
                supply = np.atleast_1d(flow.grid_import_kw)[:, None]
                found += [supply / limits.import_kw - 1.0, -supply / limits.export_kw - 1.0]
        every = np.nan_to_num(np.hstack(found), nan=-np.inf, posinf=np.inf)
        worst = np.argmax(every, axis=1)
        return every[np.arange(len(every)), worst], worst
