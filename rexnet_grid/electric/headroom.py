"""Headroom of all open units at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.headroom import Headroom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.electric.case import FloatArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.linear_limits import LimitRows


def headroom_of_units(
    rows: LimitRows, nodes: tuple[str, ...], units: Sequence[int], slack: FloatArray
) -> tuple[Headroom, ...]:
    """Return the headroom of every unit; all share one coefficient array, only the slack differs.

    Parameters
    ----------
    rows
        The rows to publish.
    nodes, units
        Names of the columns, numbers of the units.
    slack
        (n_rows, n_units) what is left of each row.
    """
    return tuple(
        Headroom(int(unit), nodes, rows.consuming, np.ascontiguousarray(slack[:, k]), rows.names, rows.injecting)
        for k, unit in enumerate(units)
    )


def remaining(rows: LimitRows, limits: ElectricLimits, position: FloatArray, flow: PowerFlow) -> FloatArray:
    """Return (n_rows, n_units) what is left of each row about ``position`` (n_units, n_nodes) [kW].

    The smaller of the linear slack and the one that the AC solution leaves, so a position that already breaks a limit
    in AC has a negative slack. Of the rows of one branch only the one nearest to binding takes the measured slack, the
    others look in other directions. A unit without an AC solution has no positive slack: nothing that makes it worse
    fits.
    """
    used = rows.consuming @ np.minimum(position, 0.0).T + rows.injecting @ np.maximum(position, 0.0).T
    slack = rows.bound[:, None] - used
    group = rows.group
    nearest = np.full((int(group.max(initial=-1)) + 1, slack.shape[1]), np.inf)
    np.minimum.at(nearest, group, slack)
    return np.where(slack <= nearest[group], np.minimum(slack, measured_slack(rows, limits, flow)), slack)


def used_shares(rows: LimitRows, limits: ElectricLimits, flow: PowerFlow) -> FloatArray:
    """Return (n_rows,) the largest share over all units of what each row had at rest that AC says is used [-].

    All directions of a branch count as used alike; rows without a measured quantity count as unused.
    """
    vm, loading, supply = np.abs(flow.node_voltage), flow.loading_percent, np.asarray(flow.grid_import_kw)
    solved = np.isfinite(supply)
    if not solved.any():
        return np.zeros(len(rows.names))
    vm, loading, supply = vm[solved], loading[solved], supply[solved]
    worst = np.minimum(
        _slack(rows, limits, vm.min(axis=0)[None], loading.max(axis=0)[None], supply.max()[None]),
        _slack(rows, limits, vm.max(axis=0)[None], loading.max(axis=0)[None], supply.min()[None]),
    )[:, 0]
    share = 1.0 - worst / np.maximum(rows.bound, 1e-9)
    return np.where(np.isfinite(share), np.maximum(share, 0.0), 0.0)


def measured_slack(rows: LimitRows, limits: ElectricLimits, flow: PowerFlow) -> FloatArray:
    """Return (n_rows, n_units) limit - measured value with the margin taken off, 0 where there is no solution."""
    out = _slack(rows, limits, np.abs(flow.node_voltage), flow.loading_percent, np.asarray(flow.grid_import_kw))
    out[np.isnan(out)] = 0.0
    return out


def _slack(
    rows: LimitRows, limits: ElectricLimits, vm: FloatArray, loading: FloatArray, supply: FloatArray
) -> FloatArray:
    out = np.full((len(rows.names), len(vm)), np.inf)
    voltage, branch, at_supply = (rows.column == kind for kind in (0, 1, 2))
    sense = rows.sense[voltage]
    limit = np.where(sense < 0.0, limits.vm_min_pu, limits.vm_max_pu)
    least = sense * limit - limits.margin * np.abs(1.0 - limit)
    out[voltage] = least[:, None] - sense[:, None] * vm.T[rows.index[voltage]]
    out[branch] = limits.loading_percent * (1.0 - limits.margin) - loading.T[rows.index[branch]]
    sense = rows.sense[at_supply]
    most = np.where(sense > 0.0, limits.import_kw, limits.export_kw) * (1.0 - limits.margin)
    out[at_supply] = most[:, None] - sense[:, None] * supply[None, :]
    return out
