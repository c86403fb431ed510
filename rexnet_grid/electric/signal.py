"""Locational signal: what a further injection adds to the losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

from rexnet_grid.electric.case import SLACK

if TYPE_CHECKING:
    from rexnet_grid.electric.case import FloatArray, GridCase
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.network import ElectricNetwork
    from rexnet_grid.electric.node_model import NodeModel

MOST_ROUNDS = 30
CHANGE = 1e-7


def marginal_losses(network: ElectricNetwork, model: NodeModel, flow: PowerFlow, tan_phi: float) -> FloatArray:
    """Return (n_cases, n_node) change of losses per injection [kW/kW]; NaN where the case has no solution.

    Voltages answer to currents by dV = Z dI, and currents to powers and voltages by
    dI = conj(dS / V) - D conj(dV) with D = conj(S) / conj(V)^2. With the gradient g of the losses in V, the adjoint w
    solves w = g - conj(D Z^T w) by fixed-point iteration, and d(loss)/dP = Re((Z^T w) (1 - j t) conj(1 / V)), where
    t = ``tan_phi`` at nodes that do not inject: their reactive power moves along. Where generators hold voltages, the
    Jacobian of every case takes the place of Z. Either way it is the derivative of the AC solution itself.
    """
    case = network.case
    v = np.atleast_2d(flow.node_voltage)
    solved = np.isfinite(v).all(axis=1).reshape(-1, 1)
    v = np.where(solved, v, 1.0)
    power = np.where(solved, np.atleast_2d(flow.node_power), 0.0)
    edges = _edge_admittance(case)
    gradient = np.conj((edges @ v.T).T) + (edges.T @ np.conj(v).T).T
    if network.solver.needs_newton:
        from rexnet_grid.electric.newton_kernels import injection_slopes

        slopes = injection_slopes(network.solver.plan, v, power, np.ascontiguousarray(gradient))
        return np.where(solved, slopes.real + np.where(power.real > 0.0, 0.0, tan_phi) * slopes.imag, np.nan)
    d = np.conj(power) / np.conj(v) ** 2
    d[:, case.node_kind == SLACK] = 0.0
    through = gradient @ model.z
    for _ in range(MOST_ROUNDS):
        new = (gradient - np.conj(d * through)) @ model.z
        change = float(np.max(np.abs(new - through), initial=0.0))
        through = new
        if change < CHANGE * max(1.0, float(np.max(np.abs(through), initial=0.0))):
            break
    along = np.where(power.real > 0.0, 1.0, 1.0 - 1j * tan_phi)
    loss = (through * along * np.conj(1.0 / v)).real
    return np.where(solved, loss, np.nan)


def _edge_admittance(case: GridCase) -> csr_matrix:
    """Return the admittance matrix of the edges alone, shunts left out [p.u.]."""
    f, t = case.edge_from, case.edge_to
    rows, columns = np.concatenate((f, f, t, t)), np.concatenate((f, t, f, t))
    return csr_matrix((case.edge_y.T.ravel(), (rows, columns)), shape=(case.n_node, case.n_node))
