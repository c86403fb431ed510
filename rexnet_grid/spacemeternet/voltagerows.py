"""Rows of headroom from an estimated feeder that hold for all that they admit, not only near the point they are about.

Squared voltages are linear in the injections where losses are left out, so a limit is a limit of the square: with
``v² - w² = (v - w)(v + w)`` the slopes are c / (v + w), exact up to the limit w. What losses take besides is, for a
drop X of the square on one line to one load, z²S²/v² = (1 + (x/r)²)(X/2)²/v² (Baran and Wu 1989, DOI
10.1109/61.25627; less where loads are spread along the line, more where some inject and others withdraw). Three times
(X/2)²/w² is kept for it: of what is left to the lower limit, D, the rows admit the X that solves X + 3X²/4w² = D.

The margin is the quantile of what is not known at the base point, and of what is not known of the slopes at as much as
the row admits: with e the largest relative standard error among the row's slopes and k the quantile, a row admits the s
that solves s + k sqrt(m² + (e s)²) = slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.spacemeternet.constraints import margin_factor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.voltagemodel import OperatingModel

_MOST_RELATIVE = 3.0
_LOSSES = 3.0


def voltage_rows(
    unit: int,
    names: Sequence[str],
    model: OperatingModel,
    p_kw: FloatArray,
    band_pu: tuple[float, float],
    confidence: float,
) -> Headroom:
    """Return the rows that keep the voltages of the customers inside a band.

    Parameters
    ----------
    unit
        The open unit.
    names
        Of the customers: columns, and limits as in ``"a overvoltage"``.
    model
        The estimate.
    p_kw
        (customers,) injections about which the rows hold [kW].
    band_pu
        Lowest and highest voltage allowed [p.u.].
    confidence
        One-sided confidence of each row.
    """
    expected, std = model.at(p_kw)
    factor, (low, high) = margin_factor(confidence), band_pu
    slope = 0.5 * model.model.c / expected[:, None]
    relative = _relative(slope, model.per_kw_error)
    up, down = (admitted(room, factor * std, factor * relative) for room in (high - expected, expected - low))
    below = (down > 0.0) & (low > 0.0)
    squares = np.where(below, down * (expected + low), 0.0)
    bend = _LOSSES / (4.0 * max(low, 1e-6) ** 2)
    down = np.where(below, (np.sqrt(1.0 + 4.0 * bend * squares) - 1.0) / (2.0 * bend) / (2.0 * expected), down)
    up = np.where(up > 0.0, up * (expected + high) / (2.0 * expected), up)
    return Headroom(
        unit=unit,
        nodes=tuple(names),
        coefficients=np.vstack([slope, -slope]),
        slack=np.concatenate([up, down]),
        limits=tuple([f"{n} overvoltage" for n in names] + [f"{n} undervoltage" for n in names]),
    )


def admitted(room: FloatArray, margin: FloatArray, relative: FloatArray) -> FloatArray:
    """Return s (rows,) with s + sqrt(margin² + (relative s)²) = room, or room - margin where that is negative."""
    at_base = room - margin
    square = np.minimum(relative, _MOST_RELATIVE) ** 2
    # (room - s)² = margin² + relative² s², the root below room
    a, half, rest = 1.0 - square, room, room**2 - margin**2
    root = np.sqrt(np.maximum(half**2 - a * rest, 0.0))
    return np.asarray(np.where(at_base > 0.0, rest / np.maximum(half + root, 1e-300), at_base))


def _relative(slope: FloatArray, error: FloatArray) -> FloatArray:
    """Return the largest relative standard error among the slopes of each row, slopes below a tenth aside."""
    size = np.abs(slope)
    counts = size > 0.1 * size.max(axis=1, keepdims=True)
    return np.asarray(np.where(counts, error / np.maximum(size, 1e-12), 0.0).max(axis=1))
