"""Which limits a solved power flow breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.network import Violation

if TYPE_CHECKING:
    from rexnet_grid.electric.case import FloatArray, GridCase
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits

VOLTAGE_TOLERANCE = 1e-6
LOADING_TOLERANCE = 1e-4
POWER_TOLERANCE = 1e-6


def find_violations(
    nodes: tuple[str, ...], case: GridCase, limits: ElectricLimits, vm: FloatArray, flow: PowerFlow
) -> tuple[Violation, ...]:
    """Return the broken limits of one power flow; ``vm`` (n_nodes,) are the voltages at ``nodes`` [p.u.].

    A limit is broken beyond 1e-6 p.u., 1e-4 percent points or 1e-6 kW, far below what a meter sees.
    """
    found = [
        Violation(nodes[i], "voltage_bus", f"{nodes[i]} undervoltage", float(vm[i]), limits.vm_min_pu, "p.u.")
        for i in np.flatnonzero(vm < limits.vm_min_pu - VOLTAGE_TOLERANCE)
    ]
    found += [
        Violation(nodes[i], "voltage_bus", f"{nodes[i]} overvoltage", float(vm[i]), limits.vm_max_pu, "p.u.")
        for i in np.flatnonzero(vm > limits.vm_max_pu + VOLTAGE_TOLERANCE)
    ]
    for k in np.flatnonzero(flow.loading_percent > limits.loading_percent + LOADING_TOLERANCE):
        name = str(case.branch_name[k])
        kind = "trafo" if str(case.branch_kind[k]).startswith("trafo") else "line"
        found.append(
            Violation(name, kind, f"{name} loading", float(flow.loading_percent[k]), limits.loading_percent, "%")
        )
    supply = float(flow.grid_import_kw)
    for name, value, bound in (("import", supply, limits.import_kw), ("export", -supply, limits.export_kw)):
        if value > bound + POWER_TOLERANCE:
            found.append(Violation("supply", "trafo", f"supply {name}", value, bound, "kW"))
    return tuple(found)
