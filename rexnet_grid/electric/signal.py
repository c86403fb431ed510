"""Locational signal: what a further injection adds to the losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import SLACK

if TYPE_CHECKING:
    from rexnet_grid.electric.case import FloatArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.linear_limits import NodeModel
    from rexnet_grid.electric.network import ElectricNetwork


def marginal_losses(network: ElectricNetwork, model: NodeModel, flow: PowerFlow) -> FloatArray:
    """Return (n_cases, n_node) change of losses per injection [kW/kW]; zero where the case has no solution.

    With the currents I = conj(S/V), the losses that depend on them are I^H H I with H the Hermitian part of Z, and
    dI_j/dP_j = conj(1/V_j) at given voltage, so d(loss)/dP_j = 2 Re(conj(H I)_j conj(1/V_j)).
    """
    hermitian = 0.5 * (model.z + model.z.conj().T)
    v = np.atleast_2d(flow.node_voltage)
    current = np.conj(np.atleast_2d(flow.node_power) / v)
    current[:, network.case.node_kind == SLACK] = 0.0
    current[~np.isfinite(current)] = 0.0
    loss = 2.0 * (np.conj(current @ hermitian.T) * np.conj(1.0 / v)).real
    return np.nan_to_num(np.asarray(loss))
