"""What a network can still carry in one open unit, as linear rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Members(Protocol):
    """What stands behind rows that each hold for several limits."""

    def limit_at(self, row: int, position_kw: FloatArray) -> tuple[str, float]:
        """Return, as :meth:`Headroom.limit_at`, the limit of ``row`` that has least left, and its unit in the row's."""
        ...


@dataclass(frozen=True, slots=True)
class Headroom:
    """Rows ``coefficients @ delta <= slack`` about the positions reserved so far in one unit.

    ``delta`` is the change of injection at every node [kW] (positive into the network). A negative slack means that
    the positions already break that limit: only trades that do not make it worse fit.

    Attributes
    ----------
    unit
        The open unit it holds for.
    nodes
        Names of the nodes, the order of the columns.
    coefficients
        (n_rows, n_nodes), change of the limited quantity per injection, scaled by the network so that slack is in
        kW-equivalents or in the limit's own unit [limit unit/kW].
    slack
        (n_rows,), what is left before the limit, margin already taken off [limit unit].
    limits
        (n_rows,), the name of each limit, such as ``"trafo 0 loading"`` or ``"bus 12 undervoltage"``. Where one row
        holds for several limits it bears the name of one of them; :meth:`limit_at` tells which it is.
    injecting
        (n_rows, n_nodes), coefficients of a rising injection where they differ from those of a falling one: demand
        draws reactive power that local generation does not give back. None when ``coefficients`` hold for both.
    members
        The limits behind rows that hold for several; None when every row holds for its own.
    """

    unit: int
    nodes: tuple[str, ...]
    coefficients: FloatArray
    slack: FloatArray
    limits: tuple[str, ...]
    injecting: FloatArray | None = None
    members: Members | None = None

    def __post_init__(self) -> None:
        if self.coefficients.shape != (len(self.limits), len(self.nodes)) or self.slack.shape != (len(self.limits),):
            raise ValueError(
                f"headroom of unit {self.unit}: {self.coefficients.shape} coefficients and {self.slack.shape} slacks "
                f"for {len(self.limits)} limits and {len(self.nodes)} nodes"
            )

    def limit_at(self, row: int, position_kw: FloatArray) -> tuple[str, float]:
        """Return the limit that ``row`` stands for once the positions are ``position_kw`` (n_nodes,).

        Its name, and what turns the slack of the row into the unit of that limit.
        """
        return (self.limits[row], 1.0) if self.members is None else self.members.limit_at(row, position_kw)

    def capacity_kw(self, source: int, sink: int) -> float:
        """Return how much more [kW] may be injected at node ``source`` and withdrawn at node ``sink``; never negative.

        The largest t with t (A+[:, source] - A[:, sink]) <= slack, A+ being ``injecting``, and 0 where a broken limit
        would get worse; infinite when no row limits the pair.
        """
        rise = self.coefficients if self.injecting is None else self.injecting
        slope = rise[:, source] - self.coefficients[:, sink]
        rising = slope > 0.0
        if not rising.any():
            return float("inf")
        return max(0.0, float(np.min(self.slack[rising] / slope[rising])))
