"""How node voltages answer to injections, and the states in which a network is full."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from rexnet_grid.electric.case import NOWHERE, PQ, PV, ComplexArray, FloatArray, GridCase, IntArray
from rexnet_grid.electric.sensitivity import node_responses

if TYPE_CHECKING:
    from rexnet_grid.electric.solver import Solver

TO_KW = 1e3


@dataclass(frozen=True, slots=True, eq=False)
class NodeModel:
    """First-order answer of the complex node voltages to injections, about the network that carries nothing.

    Without generators that hold a voltage it is V = W + Z conj(S / W) with Z the inverse of the reduced admittances;
    with them it comes from the Jacobian of the power flow at rest.

    Attributes
    ----------
    idle
        (n_node,) W, voltages without injections [p.u.].
    z
        (n_node, n_node) Z; zero rows and columns at held nodes [p.u.].
    active, reactive
        (n_node, n_node) dV/dP and dV/dQ at W [p.u./kW], [p.u./kvar].
    """

    idle: ComplexArray
    z: ComplexArray
    active: ComplexArray
    reactive: ComplexArray

    @classmethod
    def of(cls, case: GridCase, solver: Solver) -> NodeModel:
        """Invert the reduced admittances of ``case``."""
        free = np.flatnonzero(case.node_kind == PQ)
        held = np.flatnonzero(case.node_kind != PQ)
        idle = case.node_start.copy()
        z = np.zeros((case.n_node, case.n_node), dtype=complex)
        if len(free):
            y = solver.admittance
            factor = splu(csc_matrix(y[free][:, free]))
            z[np.ix_(free, free)] = factor.solve(np.eye(len(free), dtype=complex))
            idle[free] = factor.solve(np.asarray(-y[free][:, held] @ case.node_start[held]).ravel())
            idle[free] += z[np.ix_(free, free)] @ np.conj(case.node_fixed[free] / idle[free])
        per_kw = 1.0 / (TO_KW * case.base_mva)
        if (case.node_kind == PV).any():
            results, lost = solver.run(np.zeros(case.n_bus), np.zeros(0), np.zeros(0, dtype=complex), 1)
            if not lost:
                idle = results[: 2 * case.n_node].view(complex)
            by_p, by_q = node_responses(case, solver, idle, case.node_fixed)
            return cls(idle, z, np.asarray(by_p * per_kw), np.asarray(by_q * per_kw))
        active = np.asarray(z * (np.conj(1.0 / idle) * per_kw)[None, :], dtype=np.complex128)
        return cls(idle, z, active, -1j * active)

    def supported(self, at: IntArray, kvar_per_pu: FloatArray) -> NodeModel:
        """Return the model where reactive power at the nodes ``at`` answers to their voltages, as :func:`supported`."""
        active, reactive = supported(self.active, self.reactive, self.idle, at, kvar_per_pu)
        return replace(self, active=active, reactive=reactive)

    def response(self, tan_phi: float, columns: IntArray) -> ComplexArray:
        """Return (n_node, n_columns) dV per kW that comes with ``tan_phi`` kvar, at the nodes of the columns.

        Zero in columns without a node.
        """
        out = self.active[:, columns] + tan_phi * self.reactive[:, columns]
        out[:, columns == NOWHERE] = 0.0
        return np.asarray(out)


def supported(
    by_p: ComplexArray, by_q: ComplexArray, voltage: ComplexArray, at: IntArray, kvar_per_pu: FloatArray
) -> tuple[ComplexArray, ComplexArray]:
    """Return dV/dP and dV/dQ where nodes ``at`` give so much reactive power for every p.u. that their voltages fall.

    With m the magnitudes' answers and k the slopes, q = -k (m_p p + m_q q) at these nodes.
    """
    unit = (np.conj(voltage[at]) / np.abs(voltage[at]))[:, None]
    own = np.eye(len(at)) + kvar_per_pu[:, None] * (unit * by_q[at]).real[:, at]
    given = [-np.linalg.solve(own, kvar_per_pu[:, None] * (unit * by[at]).real) for by in (by_p, by_q)]
    return np.asarray(by_p + by_q[:, at] @ given[0]), np.asarray(by_q + by_q[:, at] @ given[1])


def fill(use: FloatArray, room: FloatArray) -> FloatArray:
    """Return (n_columns,) rates [kW] when all columns grow alike, each until a limit that it loads is reached.

    Progressive filling, as for max-min fair shares (Bertsekas and Gallager, Data Networks, 1992, 6.5.2).

    Parameters
    ----------
    use
        (n_limits, n_columns) what a rate takes of each limit [1/kW]; negative parts count as nothing.
    room
        (n_limits,) what is left of each limit.
    """
    use = np.maximum(use, 0.0)
    use = np.where(use < 1e-3 * use.max(axis=1, keepdims=True, initial=0.0), 0.0, use)
    room = np.maximum(room, 0.0).copy()
    rate = np.zeros(use.shape[1])
    grows = use.any(axis=0)
    while grows.any():
        pace = use @ grows
        with np.errstate(divide="ignore", invalid="ignore"):
            until = np.where(pace > 0.0, room / pace, np.inf)
        first = int(np.argmin(until))
        step = float(until[first])
        rate[grows] += step
        room -= pace * step
        full = room <= 1e-9 * np.maximum(pace * step, 1e-30)
        full[first] = True
        grows &= ~use[full].any(axis=0)
    return rate
