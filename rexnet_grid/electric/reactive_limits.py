"""Generators that hold voltages as long as their reactive limits let them, for many cases at once.

As in pandapower with ``enforce_q_lims``: every generator whose reactive power is beyond a limit is set to that limit
and lets its voltage go, all of them at once, and the network is solved again until none is beyond. No voltage is taken
back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import PQ
from rexnet_grid.electric.edges import admittance_of
from rexnet_grid.electric.flow import PowerFlow, cuts_of
from rexnet_grid.electric.solver import PU_TO_KW, Solver

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase, IntArray

NO_START: ComplexArray = np.zeros(0, dtype=np.complex128)
MOST_SOLVERS = 256


@dataclass(frozen=True, slots=True, eq=False)
class ReactiveLimits:
    """What generators may give, one at a node.

    Attributes
    ----------
    case
        The network with all of them holding their voltages.
    node, bus
        (n_held,) their nodes, and the position of a bus of each.
    low, high
        (n_held,) what they give at least and at most [kvar].
    """

    case: GridCase
    node: IntArray
    bus: IntArray
    low: FloatArray
    high: FloatArray
    solvers: dict[bytes, Solver] = field(default_factory=dict)

    def flow(self, kw: FloatArray, kvar: FloatArray) -> PowerFlow:
        """Return the power flow of injections (n_bus,) or (n_cases, n_bus), without what these generators give.

        A single one is about the network in which those at a limit hold no voltage.
        """
        results, freed, converged = self._settled(np.atleast_2d(kw), np.atleast_2d(kvar))
        cuts = cuts_of(self.case, len(freed))
        if kw.ndim == 2:
            return PowerFlow(self.case, results, cuts, converged)
        return PowerFlow(self._solver(freed[0]).case, results, cuts, bool(converged[0]))

    def _settled(self, kw: FloatArray, kvar: FloatArray) -> tuple[FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the results of all cases, which generators hold no voltage in each, and which have a solution."""
        n = len(kw)
        end = np.zeros((n, len(self.node)))
        cuts = cuts_of(self.case, n)
        results = np.full(cuts[-1], np.nan)
        rows = np.arange(n)
        while len(rows):
            states, which = np.unique(end[rows] != 0.0, axis=0, return_inverse=True)
            for k, freed in enumerate(states):
                some = rows[which.ravel() == k]
                given = np.where(end[some] > 0.0, self.high, np.where(end[some] < 0.0, self.low, 0.0))
                asked = kvar[some]
                asked[:, self.bus] += given
                found, _ = self._solver(freed).run(kw[some].ravel(), asked.ravel(), NO_START, len(some))
                _keep(results, cuts, n, some, found, cuts_of(self.case, len(some)))
            given = self._given(results, cuts, rows)
            holds = end[rows] == 0.0
            over, under = holds & (given > self.high), holds & (given < self.low)
            end[rows] += np.where(over, 1.0, np.where(under, -1.0, 0.0))
            rows = rows[(over | under).any(axis=1)]
        return results, end != 0.0, results[cuts[-2] :] >= 0.0

    def _given(self, results: FloatArray, cuts: tuple[int, ...], rows: IntArray) -> FloatArray:
        """Return (n_rows, n_held) the reactive power that flows from the generators' nodes beyond what was asked."""
        voltage, power = (
            results[cuts[k] : cuts[k + 1]].view(np.complex128).reshape(-1, self.case.n_node)[rows] for k in (0, 1)
        )
        y = admittance_of(self.case)[self.node]
        flows = voltage[:, self.node] * np.conj((y @ voltage.T).T)
        return np.asarray((flows - power[:, self.node]).imag * PU_TO_KW * self.case.base_mva)

    def _solver(self, freed: NDArray[np.bool_]) -> Solver:
        """Return the solver of the network in which these hold no voltage."""
        key = freed.tobytes()
        if key not in self.solvers:
            if len(self.solvers) >= MOST_SOLVERS:
                self.solvers.clear()
            kind = self.case.node_kind.copy()
            kind[self.node[freed]] = PQ
            self.solvers[key] = Solver(replace(self.case, node_kind=kind, controlled=0))
        return self.solvers[key]


def _keep(
    results: FloatArray, cuts: tuple[int, ...], n: int, rows: IntArray, found: FloatArray, found_cuts: tuple[int, ...]
) -> None:
    """Put what was found for these rows where it belongs in the results of all ``n`` cases."""
    for k in range(len(cuts) - 1):
        part = results[cuts[k] : cuts[k + 1]].reshape(n, -1)
        part[rows] = found[found_cuts[k] : found_cuts[k + 1]].reshape(len(rows), -1)
