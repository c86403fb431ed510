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
        Headroom(int(unit), nodes, rows.published, np.ascontiguousarray(slack[:, k]), rows.names, rows.injecting)
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


def measured_slack(rows: LimitRows, limits: ElectricLimits, flow: PowerFlow) -> FloatArray:
    """Return (n_rows, n_units) limit - measured value with the margin taken off, 0 where there is no solution."""
    out = np.full((len(rows.names), len(flow.node_voltage)), np.inf)
    voltage, branch, supply = (rows.column == kind for kind in (0, 1, 2))
    sense = rows.sense[voltage]
    limit = np.where(sense < 0.0, limits.vm_min_pu, limits.vm_max_pu)
    size = np.abs(flow.node_voltage[:, rows.index[voltage]]).T
    out[voltage] = (sense * limit - limits.margin * np.abs(1.0 - limit))[:, None] - sense[:, None] * size
    top = limits.loading_percent * (1.0 - limits.margin)
    out[branch] = top - np.asarray(flow.loading_percent)[:, rows.index[branch]].T
    sense = rows.sense[supply]
    most = np.where(sense > 0.0, limits.import_kw, limits.export_kw) * (1.0 - limits.margin)
    out[supply] = most[:, None] - sense[:, None] * np.asarray(flow.grid_import_kw)[None, :]
    out[np.isnan(out)] = 0.0
    return out


def used_shares(rows: LimitRows, limits: ElectricLimits, flow: PowerFlow) -> FloatArray:
    """Return (n_rows,) the largest share over all units of what each row had at rest that AC says is used [-].

    All directions of a branch count as used alike; rows without a measured quantity count as unused.
    """
    worst = measured_slack(rows, limits, flow).min(axis=1, initial=np.inf)
    share = 1.0 - worst / np.maximum(rows.bound, 1e-9)
    return np.where(np.isfinite(share), np.maximum(share, 0.0), 0.0)
