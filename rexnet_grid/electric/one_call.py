"""From injections at buses to voltages and loadings in one compiled call; few arguments, for each costs time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.electric.kernels import edge_flows, fixed_point

if TYPE_CHECKING:
    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase, IntArray
    from rexnet_grid.electric.solver import Factor


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """One topology in three arrays, and where each part of them ends.

    Attributes
    ----------
    index
        Factor indices, their sizes, free nodes, slack nodes, supplied buses and their nodes, edge ends and owners.
    value
        Factor values, idle voltages, start voltages, fixed injections, edge admittances [p.u.].
    number
        Voltage-dependent shares, generators' part, edge scales, idle loadings, shunt conductances.
    cuts
        Ends of the parts of ``index``, ``value`` and ``number``, one after the other.
    """

    index: IntArray
    value: ComplexArray
    number: FloatArray
    cuts: IntArray

    @classmethod
    def of(cls, case: GridCase, factor: Factor, zip_share: FloatArray, unzipped: FloatArray) -> Packed:
        """Pack a case and its factor."""
        alive = np.flatnonzero(case.bus_node >= 0)
        index = (
            factor.index,
            factor.sizes,
            factor.free,
            factor.slack,
            alive,
            case.bus_node[alive],
            case.edge_from,
            case.edge_to,
            case.edge_branch,
        )
        value = (factor.value, factor.idle, case.node_start, case.node_fixed, case.edge_y.ravel())
        number = (zip_share.ravel(), unzipped, case.edge_scale.ravel(), case.branch_idle, case.node_shunt.real)
        cuts = np.concatenate([np.cumsum([len(part) for part in parts]) for parts in (index, value, number)])
        return cls(
            np.concatenate(index).astype(np.int64),
            np.concatenate(value).astype(np.complex128),
            np.concatenate(number).astype(np.float64),
            cuts.astype(np.int64),
        )


@njit(cache=True, error_model="numpy")
def node_power(
    kw: FloatArray, kvar: FloatArray, alive: IntArray, node: IntArray, fixed: ComplexArray, per_unit: float
) -> ComplexArray:
    """Return (n_case, n_node) injections of the nodes, buses on one node added up [p.u.]."""
    power = np.empty((len(kw), len(fixed)), dtype=np.complex128)
    for case in range(len(kw)):
        power[case] = fixed
        for k in range(len(alive)):
            power[case, node[k]] += complex(kw[case, alive[k]] * per_unit, kvar[case, alive[k]] * per_unit)
    return power


@njit(cache=True, error_model="numpy")
def one_call(
    index: IntArray,
    value: ComplexArray,
    number: FloatArray,
    cuts: IntArray,
    kw: FloatArray,
    kvar: FloatArray,
    first: ComplexArray,
    per_unit: float,
    tolerance: float,
    most: int,
) -> tuple[ComplexArray, ComplexArray, FloatArray, FloatArray, IntArray]:
    """Return node voltages and injections (n_case, n_node), loadings, (4, n_case) powers, and iterations.

    ``kw`` and ``kvar`` (n_case, n_bus) are multiplied by ``per_unit``; ``first`` (n_node,) is the first guess, empty
    for the idle voltages. The powers are loss in edges, power in shunts, power out of the slack nodes, own injection
    there [p.u.]. A case with -1 iterations has no solution here, and its numbers mean nothing.
    """
    free, slack = index[cuts[1] : cuts[2]], index[cuts[2] : cuts[3]]
    alive, node = index[cuts[3] : cuts[4]], index[cuts[4] : cuts[5]]
    c = cuts[9:14]
    idle, start, fixed = value[c[0] : c[1]], value[c[1] : c[2]], value[c[2] : c[3]]
    d = cuts[14:]
    zip_share = number[: d[0]].reshape(-1, 4)
    cases, n = len(kw), len(start)
    power = node_power(kw, kvar, alive, node, fixed, per_unit)
    inner = np.empty((cases, len(free)), dtype=np.complex128)
    powers = np.zeros((4, cases))
    for case in range(cases):
        for k in range(len(free)):
            inner[case, k] = power[case, free[k]]
        for k in range(len(slack)):
            powers[3, case] += power[case, slack[k]].real
    guess = idle.copy()
    if len(first) > 0:
        for k in range(len(free)):
            guess[k] = first[free[k]]
    found, rounds = fixed_point(
        index[: cuts[0]],
        value[: c[0]],
        index[cuts[0] : cuts[1]],
        idle,
        inner,
        zip_share,
        number[d[0] : d[1]],
        guess,
        tolerance,
        most,
    )
    voltage = np.empty((cases, n), dtype=np.complex128)
    for case in range(cases):
        for k in range(len(free)):
            voltage[case, free[k]] = found[case, k]
        for k in range(len(slack)):
            voltage[case, slack[k]] = start[slack[k]]
    loading, loss, shunt, given = edge_flows(
        voltage,
        index[cuts[5] : cuts[6]],
        index[cuts[6] : cuts[7]],
        value[c[3] : c[4]].reshape(-1, 4),
        number[d[1] : d[2]].reshape(-1, 2),
        index[cuts[7] : cuts[8]],
        number[d[2] : d[3]],
        number[d[3] : d[4]],
        slack,
    )
    powers[0], powers[1], powers[2] = loss, shunt, given
    return voltage, power, loading, powers, rounds
