"""Whose reactive power follows the voltage: inverters on a falling Q(V) curve (VDE-AR-N 4105:2018-11, section 5.7.2.4).

They close a loop: what lifts the voltage makes them absorb. To a fit that takes reactive powers for causes they look
turned, as the voltage falls where they rise. What tells them from turned ones: what no active power explains of the
voltage, the busbar's wandering, is answered by an inverter's reactive power while it feeds in, and against it. Turned
reactive powers of loads, and those of inverters with a fixed cos phi, follow active ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.kalman import BoolArray

_LEAST_KW, _LEAST_ROWS, _ROWS_A_CUSTOMER = 0.02, 48, 4
_AGAINST, _MOVES = -0.4, 1e-9


def followers(p: FloatArray, q: FloatArray, v: FloatArray) -> BoolArray:
    """Return whose reactive power follows its own voltage (customers,).

    Parameters
    ----------
    p, q, v
        (N, customers) readings [kW, kvar, p.u.].
    """
    return np.array([_follows(p, q[:, a], v[:, a], a) for a in range(p.shape[1])], dtype=bool)


def _follows(p: FloatArray, q: FloatArray, v: FloatArray, a: int) -> bool:
    """Return whether q of a falls with its v while it feeds in, all powers p and a bend of its own removed."""
    feeds = (p[:, a] > _LEAST_KW) & np.isfinite(q) & np.isfinite(v) & np.isfinite(p).all(axis=1)
    if feeds.sum() < max(_LEAST_ROWS, _ROWS_A_CUSTOMER * p.shape[1]):
        return False
    told = np.column_stack([np.ones(int(feeds.sum())), p[feeds], p[feeds, a] ** 2])
    left = np.column_stack([q[feeds], v[feeds]])
    left = left - told @ np.linalg.lstsq(told, left, rcond=None)[0]
    spread = left.std(axis=0)
    if not (spread > _MOVES).all():
        return False
    return bool((left[:, 0] * left[:, 1]).mean() < _AGAINST * spread.prod())
