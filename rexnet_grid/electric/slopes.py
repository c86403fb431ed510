"""The limits of a network as rows that touch them at one operating point: exact there, and nowhere else promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.sensitivity import loading_response, loss_response, node_responses
from rexnet_grid.electric.solver import PU_TO_KW, Solver

if TYPE_CHECKING:
    from rexnet_grid.electric.case import IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.network import ElectricNetwork


def slope_rows(
    network: ElectricNetwork,
    limits: ElectricLimits,
    buses: IntArray,
    nodes: tuple[str, ...],
    at: IntArray,
    unit: int,
    flow: PowerFlow,
) -> Headroom:
    """Return one row for every limit by the derivatives at a converged ``flow``, with what AC leaves of it.

    Unlike the rows of headroom they keep no margin, and hold for changes so small that the network stays straight:
    d|V| = S_P dP + S_Q dQ, likewise the loading of the end that carries more, and d(import) = d(loss) - dP, with
    dQ = tan(phi) dP of demand and none of infeed. Taps and inverters stay where controllers have left them, and
    what is asked at the first external grid counts for nothing. The limits are named as their violations are; the
    columns are the ``nodes`` that ``at`` tells by their places.
    """
    case = flow.case
    solver = network.solver if case is network.case else Solver(case)
    node = case.bus_node[buses]
    fed = node != NOWHERE
    there = fed[at]
    v = flow.node_voltage
    ignored = case.bus_id[buses[at[there]]] == case.supply_bus[0]
    both = node_responses(case, solver, v, flow.node_power, node[at[there]])
    rated = np.flatnonzero(np.isfinite(flow.loading_percent) & (case.branch_rating > 0.0))
    supply = [kw for kw in ((1.0, limits.import_kw), (-1.0, limits.export_kw)) if np.isfinite(kw[1])]
    sides = []
    for tan_phi in (limits.tan_phi, 0.0):
        d = both[0] + tan_phi * both[1]
        voltage = ((np.conj(v) / np.abs(v))[:, None] * d).real[node[fed]]
        drawn = np.where(ignored, 0.0, loss_response(case, v, d) - 1.0) * PU_TO_KW * case.base_mva
        rows = (
            -voltage,
            voltage,
            loading_response(case, v, d)[rated],
            *(sense * drawn[None, :] for sense, _ in supply),
        )
        side = np.zeros((sum(len(part) for part in rows), len(at)))
        side[:, there] = np.vstack(rows) / (PU_TO_KW * case.base_mva)
        sides.append(side)
    vm, imported = flow.vm_pu[buses[fed]], float(flow.grid_import_kw)
    slack = (
        vm - limits.vm_min_pu,
        limits.vm_max_pu - vm,
        limits.loading_percent - np.asarray(flow.loading_percent)[rated],
        [most - sense * imported for sense, most in supply],
    )
    lit = [nodes[k] for k in np.flatnonzero(fed)]
    names = (
        *(f"{name} undervoltage" for name in lit),
        *(f"{name} overvoltage" for name in lit),
        *(f"{case.branch_name[k]} loading" for k in rated),
        *(f"supply {'import' if sense > 0.0 else 'export'}" for sense, _ in supply),
    )
    return Headroom(unit, tuple(nodes[k] for k in at), sides[0], np.concatenate(slack), names, sides[1])
