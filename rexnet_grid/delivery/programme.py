"""The linear programmes of the safety maintainer: scaled, tried in two ways, relaxed only where nothing holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.delivery.headroom import FloatArray

METHODS: tuple[Literal["highs-ds", "highs-ipm"], ...] = ("highs-ds", "highs-ipm")
NEGLIGIBLE = 1e-9
SOLVED, INFEASIBLE = 0, 2


class NoOptimumError(ArithmeticError):
    """No solver found an optimum of a programme that has one."""


def least_cost(
    cost: FloatArray, rows: FloatArray, bound: FloatArray, most: FloatArray, weight: FloatArray
) -> FloatArray:
    """Return x that minimises cost x subject to rows x <= bound and 0 <= x <= most.

    Where no x holds all rows, the weighted sum of what is left broken is made least first, and the cost among all x
    that leave no more broken than that: two programmes one after the other, so that no price stands for "never".

    Parameters
    ----------
    cost
        (n,) not negative [EUR/MWh].
    rows, bound
        (n_rows, n) and (n_rows,); each row is scaled by its own largest entry.
    most
        (n,) [kW].
    weight
        (n_rows,) of what a row is broken by, in x that would mend it [1/kW]; infinite where it may not be broken.

    Raises
    ------
    NoOptimumError
        HiGHS fails at it by its dual simplex and by its interior-point method.
    """
    unit = max(float(np.median(most)), 1e-9)
    size = np.maximum(np.abs(rows).max(axis=1, initial=0.0), 1e-12)
    a, b, upper = rows / size[:, None], bound / (size * unit), most / unit
    a = np.where(np.abs(a) < NEGLIGIBLE, 0.0, a)
    can_bind = np.maximum(a, 0.0) @ upper > b
    a, b, weight = a[can_bind], b[can_bind], weight[can_bind]
    if not len(b):
        return np.zeros(len(cost))
    price = cost / max(float(cost.max()), 1e-9)
    can_hold = (np.minimum(a, 0.0) @ upper <= b).all()
    x = _unrelaxed(price, a, b, upper) if can_hold else None
    return unit * (_relaxed(price, a, b, upper, weight) if x is None else x)


def _unrelaxed(price: FloatArray, a: FloatArray, b: FloatArray, upper: FloatArray) -> FloatArray | None:
    """Return the optimum, or None where there is none or it is not found."""
    try:
        return _highs(price, a, b, upper)
    except NoOptimumError:
        return None


def _relaxed(price: FloatArray, a: FloatArray, b: FloatArray, upper: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the cheapest x among those that break the rows least."""
    soft: NDArray[np.int64] = np.flatnonzero(np.isfinite(weight))
    give = np.zeros((len(b), len(soft)))
    give[soft, np.arange(len(soft))] = -1.0
    least = _highs(
        np.concatenate((np.zeros(len(price)), weight[soft])),
        np.hstack((a, give)),
        b,
        np.concatenate((upper, np.full(len(soft), np.inf))),
    )
    if least is None:
        raise NoOptimumError("the relaxed programme has no solution")
    x, broken = least[: len(price)], least[len(price) :]
    wider = b.copy()
    wider[soft] += np.maximum(broken, 0.0) * (1.0 + NEGLIGIBLE) + NEGLIGIBLE
    cheaper = _unrelaxed(price, a, wider, upper)
    return x if cheaper is None else cheaper


def _highs(price: FloatArray, a: FloatArray, b: FloatArray, upper: FloatArray) -> FloatArray | None:
    """Return the optimum, None where no x holds the rows."""
    from scipy.optimize import linprog

    bounds = [(0.0, float(most)) for most in upper]
    said = ""
    for method in METHODS:
        found = linprog(price, A_ub=a, b_ub=b, bounds=bounds, method=method)
        if found.status == INFEASIBLE:
            return None
        if found.status == SOLVED and found.x is not None:
            return np.clip(np.asarray(found.x, dtype=np.float64), 0.0, upper)
        said = str(found.message)
    raise NoOptimumError(said)
