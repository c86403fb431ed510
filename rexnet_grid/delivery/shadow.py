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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.delivery.headroom import FloatArray, Headroom


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


def shadow_prices(headroom: Headroom, slack: FloatArray, orders: RestingOrders) -> FloatArray:
    """Return the shadow price of every row [EUR/MWh per limit unit/kW], not negative.

    Parameters
    ----------
    headroom
        The rows of the unit.
    slack
        (n_rows,) what is left of them now; negative ones count as zero.
    orders
        The orders that rest in the unit's book.
    """
    rows = len(headroom.limits)
    if rows == 0 or not orders.sells.any() or orders.sells.all():
        return np.zeros(rows)
    sign = np.where(orders.sells, 1.0, -1.0)
    rising = headroom.coefficients if headroom.injecting is None else headroom.injecting
    effect = np.where(orders.sells, rising[:, orders.node], -headroom.coefficients[:, orders.node])
    scale = np.maximum(np.abs(effect).max(axis=1), 1e-12)
    effect = effect / scale[:, None]
    solution: Any = linprog(  # type: ignore[call-overload]
        sign * orders.price,
        A_ub=effect,
        b_ub=np.maximum(slack, 0.0) / scale,
        A_eq=sign[None, :],
        b_eq=np.zeros(1),
        bounds=np.column_stack([np.zeros(len(sign)), orders.quantity_kw]),
        method="highs",
    )
    if solution.status != 0:
        return np.zeros(rows)
    prices: FloatArray = np.maximum(-np.asarray(solution.ineqlin.marginals, dtype=np.float64), 0.0) / scale
    return prices


def congestion_charge(headroom: Headroom, prices: FloatArray, *, injects: bool) -> FloatArray:
    """Return what congestion costs at each node per injection, (n_nodes,) [EUR/MWh], for who injects or withdraws."""
    rows = headroom.coefficients if headroom.injecting is None or not injects else headroom.injecting
    charge: FloatArray = np.einsum("r,rn->n", prices, rows)
    return charge
