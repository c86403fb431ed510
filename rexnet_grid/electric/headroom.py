"""Headroom of all open units at once: the rows that are nearest to binding about each position."""

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
    rows: LimitRows,
    limits: ElectricLimits,
    nodes: tuple[str, ...],
    units: Sequence[int],
    position: FloatArray,
    flow: PowerFlow,
    most_rows: int,
) -> tuple[Headroom, ...]:
    """Return the headroom of every unit.

    Parameters
    ----------
    rows
        All limits of the network as linear rows.
    limits
        The limits themselves, for the measured slack.
    nodes, units
        Names of the columns, numbers of the units.
    position
        (n_units, n_nodes) injections reserved so far [kW].
    flow
        The AC solution at these positions, one case a unit.
    most_rows
        How many rows to keep; those that the smallest trade at their most sensitive node would bind are kept.

    Notes
    -----
    The slack is the smaller of the linear one and the one that the AC solution leaves, so a position that already
    breaks a limit in AC has a negative slack. Of the rows of one branch only the one nearest to binding takes the
    measured slack, the others look in other directions. A unit without an AC solution has no positive slack: nothing
    that makes it worse fits.
    """
    used = rows.consuming @ np.minimum(position, 0.0).T + rows.injecting @ np.maximum(position, 0.0).T
    slack = rows.bound[:, None] - used
    measured = measured_slack(rows, limits, flow)
    nearest = np.full((int(rows.group.max(initial=-1)) + 1, len(units)), np.inf)
    np.minimum.at(nearest, rows.group, slack)
    slack = np.where(slack <= nearest[rows.group], np.minimum(slack, measured), slack)
    steepest = np.maximum(
        np.abs(rows.consuming).max(axis=1, initial=0.0), np.abs(rows.injecting).max(axis=1, initial=0.0)
    )
    reach = np.where(steepest[:, None] > 0.0, slack / np.maximum(steepest, 1e-300)[:, None], np.inf)
    keep = min(most_rows, len(rows.names))
    chosen = (
        np.sort(np.argpartition(reach, keep - 1, axis=0)[:keep], axis=0)
        if keep
        else np.zeros((0, len(units)), dtype=np.int64)
    )
    out = []
    for k, unit in enumerate(units):
        pick = chosen[:, k]
        coefficients = rows.consuming[pick]
        generating = np.flatnonzero(position[k] > 0.0)
        if len(generating):
            coefficients[:, generating] = rows.injecting[np.ix_(pick, generating)]
        out.append(Headroom(int(unit), nodes, coefficients, slack[pick, k], tuple(rows.names[i] for i in pick)))
    return tuple(out)


def measured_slack(rows: LimitRows, limits: ElectricLimits, flow: PowerFlow) -> FloatArray:
    """Return (n_rows, n_units) limit - measured value with the margin taken off, 0 where there is no solution."""
    out = np.empty((len(rows.names), len(flow.node_voltage)))
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
