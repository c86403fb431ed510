"""Node voltages for given injections: fixed point on a factor made once, Newton where it cannot serve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from rexnet_grid.electric.case import PV, SLACK, ComplexArray, FloatArray, GridCase, IntArray
from rexnet_grid.electric.edges import admittance_of
from rexnet_grid.electric.flow import cuts_of
from rexnet_grid.electric.kernels import power_flows
from rexnet_grid.electric.packing import pack
from rexnet_grid.errors import NetworkDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

PU_TO_KW = 1e3


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """The factors L U = P_r A P_c of the admittance matrix A of the non-slack nodes.

    Attributes
    ----------
    free, slack
        Nodes without and with a given voltage.
    indices
        Pointers and rows of L, of U, without their diagonals, by column; the permutations of rows and of columns.
    value
        Values of L, of U, and one over the diagonal of U.
    idle
        (n_free,) voltages without any injection [p.u.].
    """

    free: IntArray
    slack: IntArray
    indices: tuple[IntArray, ...]
    value: ComplexArray
    idle: ComplexArray

    @classmethod
    def of(cls, case: GridCase) -> Factor:
        """Factor the admittances of ``case``; raises NetworkDataError when they are singular."""
        matrix = admittance_of(case)
        free = np.flatnonzero(case.node_kind != SLACK).astype(np.int64)
        slack = np.flatnonzero(case.node_kind == SLACK).astype(np.int64)
        if not len(free):
            none, zero = np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
            return cls(free, slack, (zero, none, zero, none, none, none), np.zeros(0, complex), np.zeros(0, complex))
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
        return cls(
            free,
            slack,
            tuple(np.asarray(part, dtype=np.int64) for part in parts),
            np.concatenate((lower.data[below], upper.data[above], 1.0 / upper.diagonal())),
            lu.solve(np.asarray(-matrix[free][:, slack] @ case.node_start[slack]).ravel()),
        )

    @property
    def order(self) -> IntArray:
        """Nodes in the order in which the factor eliminates them, slack nodes last."""
        return np.concatenate((self.free[np.argsort(self.indices[-1])], self.slack))


def _without_diagonal(matrix: Any) -> tuple[NDArray[np.bool_], IntArray]:
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    keep = matrix.indices != column
    counts = np.bincount(column[keep], minlength=matrix.shape[1])
    return keep, np.concatenate(([0], np.cumsum(counts)))


class Solver:
    """Solves one topology for many injections.

    Networks whose generators hold voltages go to Newton at once, others to the fixed point, and to Newton where that
    does not contract.

    Parameters
    ----------
    case
        The network.
    factor
        Its factor, where it is known.
    """

    def __init__(self, case: GridCase, factor: Factor | None = None) -> None:
        self.case = case
        self.factor = Factor.of(case) if factor is None else factor
        self.needs_newton = bool((case.node_kind == PV).any())
        self._packed = _packed(case, self.factor)
        self._width = cuts_of(case, 1)[-1]

    def run(self, kw: FloatArray, kvar: FloatArray, first: ComplexArray, cases: int) -> tuple[FloatArray, int]:
        """Return the results of ``cases`` cases in the layout of :mod:`kernels`, and how many have no solution.

        Parameters
        ----------
        kw, kvar
            (cases x n_bus,) injections by bus, one case after the other [kW], [kvar]; contiguous and writable, for the
            compiled code knows no others. No kvar at all means zero.
        first
            (n_node,) first guess [p.u.], or empty.

        Notes
        -----
        The count is -1, and the results mean nothing, when an injection is not finite.
        """
        base_mva = self.case.base_mva
        results = np.empty(cases * self._width)
        lost = 1 if self.needs_newton else power_flows(self._packed, base_mva, kw, kvar, first, results)
        if lost > 0:
            from rexnet_grid.electric.newton_kernels import newton_flows

            only_lost = not self.needs_newton
            lost = newton_flows(self._packed, self.plan, base_mva, kw, kvar, first, results, only_lost)
        return results, lost

    @cached_property
    def admittance(self) -> csr_matrix:
        """The node admittance matrix [p.u.]."""
        return admittance_of(self.case)

    @cached_property
    def plan(self) -> FloatArray:
        """What compiled Newton needs to know of the topology, made when it is first asked for."""
        from rexnet_grid.electric.newton_plan import newton_plan

        rest = self.case.node_start if self.needs_newton else self.rest
        return newton_plan(self.case, self.admittance, self.factor.order, rest)

    @property
    def rest(self) -> ComplexArray:
        """(n_node,) voltages without any injection, were all of them free that are not given [p.u.]."""
        rest = self.case.node_start.copy()
        rest[self.factor.free] = self.factor.idle
        return rest


def _packed(case: GridCase, factor: Factor) -> FloatArray:
    """Return the topology as the compiled loops read it; the parts are named in :mod:`kernels`."""
    is_slack = case.node_kind == SLACK
    edge_slack = is_slack[case.edge_from] + 2 * is_slack[case.edge_to]
    at = np.flatnonzero(case.node_shunt.real)
    per_kw = 1.0 / (PU_TO_KW * case.base_mva)
    return pack(
        [
            *factor.indices,
            factor.value,
            factor.free,
            factor.slack,
            case.bus_node,
            case.edge_from,
            case.edge_to,
            case.edge_branch,
            edge_slack.astype(np.int64),
            factor.idle,
            case.node_start,
            case.node_fixed,
            case.edge_y,
            case.edge_scale,
            case.branch_idle,
            np.column_stack((at, case.node_shunt.real[at], is_slack[at])).astype(np.float64),
            case.node_zip if case.node_zip.any() else np.zeros((0, 4)),
            case.node_unzipped_kw * per_kw,
        ]
    )
