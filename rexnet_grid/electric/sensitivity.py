"""How voltages, loadings and losses answer to injections, from the Jacobian at the operating point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import splu

from rexnet_grid.electric.case import NOWHERE, PQ, SLACK, ComplexArray, FloatArray, GridCase, IntArray
from rexnet_grid.electric.jacobian import jacobian
from rexnet_grid.electric.solver import PU_TO_KW, Solver

if TYPE_CHECKING:
    from rexnet_grid.electric.flow import PowerFlow


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivities:
    """First derivatives at one operating point; rows are what answers, columns where one injects.

    Attributes
    ----------
    vm_pu_per_kw, vm_pu_per_kvar
        (n_bus, n_bus) [p.u./kW], [p.u./kvar]; rows of buses without supply are NaN, their columns zero elsewhere.
    loading_percent_per_kw, loading_percent_per_kvar
        (n_branch, n_bus) of the end that carries more [%/kW], [%/kvar].
    loss_kw_per_kw, loss_kw_per_kvar
        (n_bus,) change of losses [kW/kW], [kW/kvar].
    """

    vm_pu_per_kw: FloatArray
    vm_pu_per_kvar: FloatArray
    loading_percent_per_kw: FloatArray
    loading_percent_per_kvar: FloatArray
    loss_kw_per_kw: FloatArray
    loss_kw_per_kvar: FloatArray


def sensitivities(case: GridCase, solver: Solver, flow: PowerFlow) -> Sensitivities:
    """Return the derivatives of one converged power flow.

    With F(x) = S(V(x)) - S_given = 0 and x the angles and magnitudes, dx/dS = J^-1. Everything else follows by the
    chain rule through dV = V (j d(angle) + d|V|/|V|). A branch without current has no derivative of its magnitude: its
    row is zero.
    """
    by_p, by_q = node_responses(case, solver, flow.node_voltage, flow.node_power)
    v = flow.node_voltage
    unit = np.conj(v) / np.abs(v)
    per_kw = 1.0 / (PU_TO_KW * case.base_mva)
    node, alive = case.bus_node, case.bus_node != NOWHERE
    out: list[FloatArray] = []
    for d in (by_p, by_q):
        magnitude = (unit[:, None] * d).real * per_kw
        vm = np.full((case.n_bus, case.n_bus), np.nan)
        vm[alive] = 0.0
        vm[np.ix_(alive, alive)] = magnitude[np.ix_(node[alive], node[alive])]
        loading = np.zeros((len(case.branch_name), case.n_bus))
        loading[:, alive] = (loading_response(case, v, d) * per_kw)[:, node[alive]]
        loading[np.isnan(case.branch_idle)] = np.nan
        loss = np.zeros(case.n_bus)
        loss[alive] = loss_response(case, v, d)[node[alive]]
        out += [vm, loading, loss]
    return Sensitivities(out[0], out[3], out[1], out[4], out[2], out[5])


def node_responses(
    case: GridCase, solver: Solver, v: ComplexArray, power: ComplexArray, at: IntArray | None = None
) -> tuple[ComplexArray, ComplexArray]:
    """Return d(complex node voltage)/dP and /dQ, each (n_node, n_node) [p.u./p.u.]; zero columns at held nodes.

    Only the columns of the nodes ``at``, in their order, where these are given.
    """
    at = np.arange(case.n_node) if at is None else at
    angle_at = np.flatnonzero(case.node_kind != SLACK)
    size_at = np.flatnonzero(case.node_kind == PQ)
    n, n_a = case.n_node, len(angle_at)
    if not n_a:
        return np.zeros((n, len(at)), complex), np.zeros((n, len(at)), complex)
    factor = splu(jacobian(case, solver.admittance, v, power))
    ci, cz, di, dz = case.node_zip.T
    size = np.abs(v)
    results = []
    for rows, held, share in (
        (np.arange(n_a), angle_at, 1.0 - ci - cz + ci * size + cz * size**2),
        (n_a + np.arange(len(size_at)), size_at, 1.0 - di - dz + di * size + dz * size**2),
    ):
        row = np.full(n, NOWHERE)
        row[held] = rows
        moved = np.flatnonzero(row[at] != NOWHERE)
        right = np.zeros((n_a + len(size_at), len(moved)))
        right[row[at[moved]], np.arange(len(moved))] = share[at[moved]]
        x = factor.solve(right)
        d = np.zeros((n, len(at)), dtype=complex)
        d[np.ix_(angle_at, moved)] += 1j * v[angle_at, None] * x[:n_a]
        d[np.ix_(size_at, moved)] += (v / size)[size_at, None] * x[n_a:]
        results.append(d)
    return results[0], results[1]


def loss_response(case: GridCase, v: ComplexArray, d: ComplexArray) -> FloatArray:
    """Return (n_columns,) change of the edges' losses per change of injection [p.u./p.u.] for voltage changes ``d``."""
    gradient = np.zeros(case.n_node, dtype=complex)
    f, t, y = case.edge_from, case.edge_to, case.edge_y
    vf, vt = v[f], v[t]
    np.add.at(gradient, f, np.conj(y[:, 0] * vf + y[:, 1] * vt) + np.conj(vf) * y[:, 0] + np.conj(vt) * y[:, 2])
    np.add.at(gradient, t, np.conj(y[:, 2] * vf + y[:, 3] * vt) + np.conj(vf) * y[:, 1] + np.conj(vt) * y[:, 3])
    return np.asarray((gradient @ d).real)


def loading_response(case: GridCase, v: ComplexArray, d: ComplexArray) -> FloatArray:
    """Return (n_branch, n_columns) change of loading per injection [%/p.u.], of the end that carries most."""
    f, t, y = case.edge_from, case.edge_to, case.edge_y
    best = np.zeros(len(case.branch_name))
    out = np.zeros((len(case.branch_name), d.shape[1]))
    for end, (a, b) in enumerate(((0, 1), (2, 3))):
        current = y[:, a] * v[f] + y[:, b] * v[t]
        size = np.abs(current)
        change = y[:, a, None] * d[f] + y[:, b, None] * d[t]
        unit = np.where(size > 1e-12, np.conj(current) / np.where(size > 0, size, 1.0), 0.0)
        slope = (unit[:, None] * change).real * case.edge_scale[:, end, None]
        percent = size * case.edge_scale[:, end]
        for e in np.flatnonzero(case.edge_branch >= 0):
            branch = case.edge_branch[e]
            if percent[e] > best[branch]:
                best[branch] = percent[e]
                out[branch] = slope[e]
    return out
