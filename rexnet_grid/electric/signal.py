"""Locational signal: what a further injection adds to the losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import SLACK
from rexnet_grid.electric.edges import edge_admittance_of, with_two_ports
from rexnet_grid.electric.node_model import NodeModel
from rexnet_grid.electric.solver import Solver

if TYPE_CHECKING:
    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase
    from rexnet_grid.electric.flow import PowerFlow

MOST_ROUNDS = 30
CHANGE = 1e-7
MOST_STATES = 64


class MarginalLosses:
    """Derivatives of the losses, at the AC solution, in the network as controllers have left it.

    Voltages answer to currents by dV = Z dI, and currents to powers and voltages by
    dI = conj(dS / V) - D conj(dV) with D = conj(S) / conj(V)^2. With the gradient g of the losses in V, the adjoint w
    solves w = g - conj(D Z^T w) by fixed-point iteration, and d(loss)/dP = Re((Z^T w) (1 - j t) conj(1 / V)), where
    t = tan phi at nodes that do not inject: their reactive power moves along. Where generators hold voltages, the
    Jacobian of every case takes the place of Z. Taps, and the reactive power of inverters that follow Q(V), are held
    where the controllers left them.

    Parameters
    ----------
    case
        The network.
    solver
        Its solver.
    tan_phi
        Reactive power that moves along with demand [kvar/kW].
    """

    def __init__(self, case: GridCase, solver: Solver, tan_phi: float) -> None:
        self._case, self._solver, self._tan_phi = case, solver, tan_phi
        self._states: dict[bytes, _State] = {}

    def of(self, flow: PowerFlow) -> FloatArray:
        """Return (n_cases, n_node) change of losses per injection [kW/kW]; NaN where the case has no solution."""
        v = np.atleast_2d(flow.node_voltage)
        solved = np.isfinite(v).all(axis=1).reshape(-1, 1)
        v = np.where(solved, v, 1.0)
        power = np.where(solved, np.atleast_2d(flow.node_power), 0.0)
        if flow.edge_y is None:
            losses = self._state(flow.case.edge_y).losses(v, power, self._tan_phi)
        else:
            losses = np.empty(v.shape)
            states, which = np.unique(flow.edge_y, axis=0, return_inverse=True)
            for k, edge_y in enumerate(states):
                some = which.ravel() == k
                losses[some] = self._state(edge_y).losses(v[some], power[some], self._tan_phi)
        return np.where(solved, losses, np.nan)

    def _state(self, edge_y: ComplexArray) -> _State:
        """Return the network with these two-ports of its edges."""
        key = edge_y.tobytes()
        if key not in self._states:
            if len(self._states) >= MOST_STATES:
                self._states.clear()
            case = with_two_ports(self._case, edge_y)
            self._states[key] = _State(case, self._solver if case is self._case else Solver(case))
        return self._states[key]


class _State:
    """The network with its taps in one place."""

    def __init__(self, case: GridCase, solver: Solver) -> None:
        self._case, self._solver = case, solver
        self._edges = edge_admittance_of(case)
        self._z = None if solver.needs_newton else NodeModel.of(case, solver).z

    def losses(self, v: ComplexArray, power: ComplexArray, tan_phi: float) -> FloatArray:
        """Return (n_cases, n_node) change of losses per injection [kW/kW] at voltages and powers [p.u.]."""
        gradient = np.conj((self._edges @ v.T).T) + (self._edges.T @ np.conj(v).T).T
        if self._z is None:
            from rexnet_grid.electric.newton_kernels import injection_slopes

            slopes = injection_slopes(self._solver.plan, v, power, np.ascontiguousarray(gradient))
            return np.asarray(slopes.real + np.where(power.real > 0.0, 0.0, tan_phi) * slopes.imag)
        d = np.conj(power) / np.conj(v) ** 2
        d[:, self._case.node_kind == SLACK] = 0.0
        through = gradient @ self._z
        for _ in range(MOST_ROUNDS):
            new = (gradient - np.conj(d * through)) @ self._z
            change = float(np.max(np.abs(new - through), initial=0.0))
            through = new
            if change < CHANGE * max(1.0, float(np.max(np.abs(through), initial=0.0))):
                break
        along = np.where(power.real > 0.0, 1.0, 1.0 - 1j * tan_phi)
        return np.asarray((through * along * np.conj(1.0 / v)).real)
