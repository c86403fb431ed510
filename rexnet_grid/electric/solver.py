"""Node voltages for given node injections: fixed point on a factor made once, Newton where it cannot serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix
from scipy.sparse.linalg import splu

from rexnet_grid.electric.case import PV, SLACK, ComplexArray, GridCase, IntArray
from rexnet_grid.electric.kernels import fixed_point
from rexnet_grid.electric.newton import newton
from rexnet_grid.electric.one_call import Packed
from rexnet_grid.errors import NetworkDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-11
MOST_ITERATIONS = 80
PU_TO_KW = 1e3


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """The factors of the admittance matrix of the non-slack nodes, packed for :func:`kernels.fixed_point`.

    Attributes
    ----------
    free, slack
        Nodes without and with a given voltage.
    index, value, sizes
        Index arrays and values of L, U and both permutations one after the other, and where each ends.
    idle
        (n_free,) voltages without any injection [p.u.].
    """

    free: IntArray
    slack: IntArray
    index: IntArray
    value: ComplexArray
    sizes: IntArray
    idle: ComplexArray

    @classmethod
    def of(cls, case: GridCase) -> Factor:
        """Factor the admittances of ``case``; raises NetworkDataError when they are singular."""
        matrix = admittance(case)
        free = np.flatnonzero(case.node_kind != SLACK).astype(np.int64)
        slack = np.flatnonzero(case.node_kind == SLACK).astype(np.int64)
        if not len(free):
            empty = np.zeros(0, dtype=np.int64)
            return cls(
                free,
                slack,
                np.zeros(2, dtype=np.int64),
                np.zeros(0, complex),
                np.array([1, 1, 2, 2, 2, 2]),
                empty.astype(complex),
            )
        try:
            lu = splu(
                csc_matrix(matrix[free][:, free]),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
        except RuntimeError as error:
            raise NetworkDataError(f"{case.name}: the admittance matrix is singular; is there an island?") from error
        lower, upper = lu.L.tocsc(), lu.U.tocsc()
        lower.sort_indices()
        upper.sort_indices()
        below, l_ptr = _without_diagonal(lower)
        above, u_ptr = _without_diagonal(upper)
        parts = (l_ptr, lower.indices[below], u_ptr, upper.indices[above], lu.perm_r, lu.perm_c)
        idle = lu.solve(np.asarray(-matrix[free][:, slack] @ case.node_start[slack]).ravel())
        return cls(
            free,
            slack,
            np.concatenate(parts).astype(np.int64),
            np.concatenate((lower.data[below], upper.data[above], 1.0 / upper.diagonal())),
            np.cumsum([len(p) for p in parts]).astype(np.int64),
            idle,
        )


def _without_diagonal(matrix: Any) -> tuple[NDArray[np.bool_], IntArray]:
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    keep = matrix.indices != column
    counts = np.bincount(column[keep], minlength=matrix.shape[1])
    return keep, np.concatenate(([0], np.cumsum(counts)))


def admittance(case: GridCase) -> csr_matrix:
    """Return the node admittance matrix [p.u.]."""
    return csr_matrix((case.y_data, case.y_indices, case.y_indptr), shape=(case.n_node, case.n_node))


class Solver:
    """Solves one topology for many injections.

    Parameters
    ----------
    case
        The network.
    """

    def __init__(self, case: GridCase) -> None:
        self.case = case
        self.factor = Factor.of(case)
        self.needs_newton = bool((case.node_kind == PV).any())
        free = self.factor.free
        self._zip = np.ascontiguousarray(case.node_zip[free]) if case.node_zip.any() else np.zeros((0, 4))
        self._unzipped = case.node_unzipped_kw[free] / (PU_TO_KW * case.base_mva)
        self.admittance = admittance(case)
        self.packed = Packed.of(case, self.factor, self._zip, self._unzipped)

    def solve(self, power: ComplexArray, start: ComplexArray | None = None) -> tuple[ComplexArray, np.ndarray]:
        """Return node voltages and whether each case converged.

        Parameters
        ----------
        power
            (n_case, n_node) injections at nominal voltage [p.u.].
        start
            (n_node,) a first guess; without one, the voltages of the idle network.

        Returns
        -------
        voltage
            (n_case, n_node) [p.u.]; NaN in every case that did not converge.
        converged
            (n_case,) bool.
        """
        case, factor = self.case, self.factor
        voltage = np.empty((len(power), case.n_node), dtype=complex)
        voltage[:, factor.slack] = case.node_start[factor.slack]
        if self.needs_newton:
            converged = np.zeros(len(power), dtype=bool)
        else:
            guess = factor.idle if start is None else np.ascontiguousarray(start[factor.free])
            found, rounds = fixed_point(
                factor.index,
                factor.value,
                factor.sizes,
                factor.idle,
                np.ascontiguousarray(power[:, factor.free]),
                self._zip,
                self._unzipped,
                guess,
                TOLERANCE,
                MOST_ITERATIONS,
            )
            voltage[:, factor.free] = found
            converged = rounds >= 0
        for row in np.flatnonzero(~converged):
            first = self._first_guess(start)
            voltage[row], converged[row] = newton(case, self.admittance, power[row], first)
        voltage[~converged] = np.nan
        return voltage, converged

    def _first_guess(self, start: ComplexArray | None) -> ComplexArray:
        """Return the given start, or that of the network: its DC solution where generators hold voltages, else idle."""
        case, free = self.case, self.factor.free
        if start is not None and np.isfinite(start).all():
            guess = start.copy()
        else:
            guess = case.node_start.copy()
            if not self.needs_newton:
                guess[free] = self.factor.idle
        held = case.node_kind == PV
        guess[held] *= np.abs(case.node_start[held]) / np.abs(guess[held])
        return guess


def zip_power(case: GridCase, power: ComplexArray, magnitude: np.ndarray) -> ComplexArray:
    """Return the injections at the voltages found: constant impedance and current shares applied [p.u.]."""
    if not case.node_zip.any():
        return power
    ci, cz, di, dz = case.node_zip.T
    own = case.node_unzipped_kw / (PU_TO_KW * case.base_mva)
    p = own + (power.real - own) * (1.0 - ci - cz + ci * magnitude + cz * magnitude**2)
    q = power.imag * (1.0 - di - dz + di * magnitude + dz * magnitude**2)
    return np.asarray(p + 1j * q)
