r"""Shadow prices: what a limit of the network is worth to the orders that it keeps apart.

With resting orders i at nodes n(i), prices p_i and quantities Q_i, and headroom rows A Δ <= b about the positions, the
gains from trade that the network leaves open are

.. math:: \max_x \sum_{buy} p_i x_i - \sum_{sell} p_i x_i, \quad 0 \le x_i \le Q_i, \quad
          \sum_{sell} x_i = \sum_{buy} x_i, \quad
          \sum_{sell} A^+_{r n(i)} x_i - \sum_{buy} A_{r n(i)} x_i \le b_r ,

where A and A+ are the coefficients of falling and of rising injections, as admission takes them. The multiplier μ_r of
row r is its shadow price. Who injects at node n is charged :math:`\sum_r \mu_r A^+_{rn}` per injection, who withdraws
:math:`\sum_r \mu_r A_{rn}`, so that a trade pays what it takes of the limits: the congestion part of a locational
marginal price (Schweppe, Caramanis, Tabors, Bohn, Spot Pricing of Electricity, Kluwer 1988, ch. 3). The program is
solved by HiGHS (Huangfu and Hall, doi:10.1007/s12532-017-0130-5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.delivery.headroom import FloatArray, Headroom

BROKEN_KW = 1e-7


@dataclass(frozen=True, slots=True)
class RestingOrders:
    """Orders of one unit; equal-length arrays.

    Attributes
    ----------
    node
        Index of the node of each order.
    sells
        Whether it sells.
    price
        Its limit [EUR/MWh].
    quantity_kw
        What is left of it [kW].
    """

    node: NDArray[np.int64]
    sells: NDArray[np.bool_]
    price: FloatArray
    quantity_kw: FloatArray


@dataclass(frozen=True, slots=True)
class TradedUnit:
    """What one open unit's limits and orders are.

    Attributes
    ----------
    headroom
        The rows of the unit.
    slack
        (n_rows,) what is left of them now; negative ones count as zero.
    orders
        The orders that rest in the unit's book.
    bound
        Rows to look at first: those that are known to have kept orders apart. The result does not depend on them.
    """

    headroom: Headroom
    slack: FloatArray
    orders: RestingOrders
    bound: NDArray[np.int64]


def shadow_prices(headroom: Headroom, slack: FloatArray, orders: RestingOrders) -> FloatArray:
    """Return the shadow price of every row of one unit [EUR/MWh per limit unit/kW], not negative."""
    return shadow_prices_of([TradedUnit(headroom, slack, orders, np.zeros(0, dtype=np.int64))])[0]


def shadow_prices_of(units: Sequence[TradedUnit]) -> list[FloatArray]:
    """Return, for every unit, the shadow price of each of its rows [EUR/MWh per limit unit/kW], not negative.

    Units share nothing, so one program holds them all. It begins with the rows that bound; whatever row its solution
    would break joins, until none is broken.
    """
    programs = [_Program.of(unit) for unit in units]
    prices = [np.zeros(len(unit.headroom.limits)) for unit in units]
    open_programs = [(program, price) for program, price in zip(programs, prices, strict=True) if program is not None]
    while open_programs:
        solved = _solve([program for program, _ in open_programs])
        if solved is None:
            break
        again = []
        for (program, price), (taken, marginals) in zip(open_programs, solved, strict=True):
            price[:] = 0.0
            price[program.rows] = np.maximum(-marginals, 0.0) / program.scale[program.rows]
            broken = np.flatnonzero(program.effect @ taken > program.room + BROKEN_KW)
            fresh = np.setdiff1d(broken, program.rows)
            if len(fresh):
                program.rows = np.concatenate((program.rows, fresh))
                again.append((program, price))
        open_programs = again
    return prices


@dataclass(slots=True)
class _Program:
    """The program of one unit: rows scaled to [kW], of which ``rows`` are in force so far."""

    effect: FloatArray
    room: FloatArray
    scale: FloatArray
    gain: FloatArray
    sign: FloatArray
    most: FloatArray
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, unit: TradedUnit) -> _Program | None:
        """Return None where no trade is possible at all."""
        headroom, orders = unit.headroom, unit.orders
        if not headroom.limits or not orders.sells.any() or orders.sells.all():
            return None
        sign = np.where(orders.sells, 1.0, -1.0)
        rising = headroom.coefficients if headroom.injecting is None else headroom.injecting
        effect = np.where(orders.sells, rising[:, orders.node], -headroom.coefficients[:, orders.node])
        scale = np.maximum(np.abs(effect).max(axis=1), 1e-12)
        room = np.maximum(unit.slack, 0.0) / scale
        return cls(effect / scale[:, None], room, scale, sign * orders.price, sign, orders.quantity_kw, unit.bound)


def _solve(programs: Sequence[_Program]) -> list[tuple[FloatArray, FloatArray]] | None:
    """Return quantities and multipliers of the rows in force, unit by unit; None when there is no solution."""
    solution: Any = linprog(  # type: ignore[call-overload]
        np.concatenate([program.gain for program in programs]),
        A_ub=_diagonal([program.effect[program.rows] for program in programs]),
        b_ub=np.concatenate([program.room[program.rows] for program in programs]),
        A_eq=_diagonal([program.sign[None, :] for program in programs]),
        b_eq=np.zeros(len(programs)),
        bounds=np.concatenate([np.column_stack([np.zeros(len(p.most)), p.most]) for p in programs]),
        method="highs",
    )
    if solution.status != 0:
        return None
    marginals = np.asarray(solution.ineqlin.marginals, dtype=np.float64)
    taken = np.split(np.asarray(solution.x), np.cumsum([len(p.most) for p in programs])[:-1])
    return list(zip(taken, np.split(marginals, np.cumsum([len(p.rows) for p in programs])[:-1]), strict=True))


def _diagonal(blocks: Sequence[FloatArray]) -> csr_matrix:
    """Return the matrix with ``blocks`` along its diagonal."""
    heights, widths = np.array([block.shape for block in blocks], dtype=np.int32).T
    right = np.cumsum(widths)
    columns = [np.tile(np.arange(r - w, r), h) for h, w, r in zip(heights, widths, right, strict=True)]
    ends = np.concatenate(([0], np.cumsum(np.repeat(widths, heights))))
    values = np.concatenate([block.ravel() for block in blocks])
    return csr_matrix((values, np.concatenate(columns).astype(np.int32), ends), shape=(heights.sum(), right[-1]))


def congestion_charge(headroom: Headroom, prices: FloatArray, *, injects: bool) -> FloatArray:
    """Return what congestion costs at each node per injection, (n_nodes,) [EUR/MWh], for who injects or withdraws."""
    rows = headroom.coefficients if headroom.injecting is None or not injects else headroom.injecting
    charge: FloatArray = np.einsum("r,rn->n", prices, rows)
    return charge
