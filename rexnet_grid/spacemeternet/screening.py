"""Which pairs of zones are worth a closer look when there is no floor plan.

For each zone and several windows W the change of temperature over W is regressed, with non-negative coefficients, on
the heat and sun it received, on the mean differences to outdoors and to every other zone, and on the differences to
its own past, which stand for the masses in its walls. A pair is kept if either zone asks for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.zonemodel import Pair, ZoneData

WINDOWS_H = (1.0, 2.0, 4.0)
MEMORIES_H = (3.0, 12.0, 48.0)
FEW_ZONES = 8


def screen(data: ZoneData, smooth: FloatArray, pairs: tuple[Pair, ...], keep: int = 8) -> tuple[Pair, ...]:
    """Return the pairs that stand out; all of them in a building of few zones.

    Parameters
    ----------
    data, smooth
        The meters, and temperatures (N, zones) without gaps and noise.
    pairs
        Pairs to choose from.
    keep
        Most partners that one zone may ask for.
    """
    n = len(data.zones)
    if n <= FEW_ZONES:
        return pairs
    allowed: list[list[int]] = [[] for _ in range(n)]
    for i, j in pairs:
        allowed[i].append(j)
        allowed[j].append(i)
    asked: set[Pair] = set()
    for zone in range(n):
        weight = np.zeros(len(allowed[zone]))
        for window in WINDOWS_H:
            weight += _partners(data, smooth, zone, allowed[zone], max(round(window / data.step), 1))
        for k in np.argsort(-weight, kind="stable")[:keep]:
            if weight[k] > 0.0:
                j = allowed[zone][k]
                asked.add((min(zone, j), max(zone, j)))
    return tuple(pair for pair in pairs if pair in asked)


def _partners(data: ZoneData, smooth: FloatArray, zone: int, partners: list[int], width: int) -> FloatArray:
    """Return how many standard errors each partner's coefficient is above zero (partners,)."""
    own = smooth[:, zone]
    known = np.isfinite(data.temperature[:, zone])
    heat = data.heat[:, [i for i, c in enumerate(data.circuits) if zone in c.zones]]
    columns = [heat, data.boundary - own[:, None], np.ones((len(own), 1))]
    columns.append(np.column_stack([_low_pass(own, memory / data.step) - own for memory in MEMORIES_H]))
    if data.sun is not None:
        columns.append(data.sun[:, None])
    fixed = sum(c.shape[1] for c in columns)
    columns.append(smooth[:, partners] - own[:, None])
    rows = np.arange(0, len(own) - width, width)
    total = np.vstack([np.zeros((1, fixed + len(partners))), np.cumsum(np.hstack(columns), axis=0)])
    design = (total[rows + width] - total[rows]) / width
    change = own[rows + width] - own[rows]
    whole = known[rows] & known[rows + width]
    design, change = design[whole], change[whole]
    scale = np.maximum(np.sqrt((design**2).mean(axis=0)), 1e-12)
    solution, norm = nnls(design / scale, change, maxiter=30 * len(scale))
    active = solution > 0.0
    out = np.zeros(len(scale))
    if active.any() and len(change) > active.sum():
        gram = (design[:, active] / scale[active]).T @ (design[:, active] / scale[active])
        variance = norm**2 / (len(change) - active.sum()) * np.diag(np.linalg.pinv(gram))
        out[active] = solution[active] / np.sqrt(np.maximum(variance, 1e-300))
    return out[fixed:]


def _low_pass(values: FloatArray, steps: float) -> FloatArray:
    """Return the exponential mean of the past with a memory of ``steps``."""
    out = np.empty_like(values)
    out[0] = values[0]
    share = 1.0 / (1.0 + steps)
    for k in range(1, len(values)):
        out[k] = out[k - 1] + share * (values[k] - out[k - 1])
    return out
