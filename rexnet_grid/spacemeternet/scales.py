"""Whose powers are on another scale than the others', or whose reactive power has the wrong sign.

How much a kilowatt of a customer moves the others' voltages has to be how much theirs move its own: c is symmetric. A
customer whose kilowatts are kilowatt-hours of a quarter hour, or megawatts, or half of what flows, breaks it. All that
a trial needs are the second moments multiplied by the factors, on the tree found from the readings as they are; what
looks better so is put to the test in :mod:`rexnet_grid.spacemeternet.mending`. Of many customers those are tried whose
powers the likelihood would have larger or smaller (its derivative, over the root of the information: Rao's score test,
1948, DOI 10.1017/S0305004100023987).

All customers on one wrong scale cannot be told: with r and x divided by the factor, the physics are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.moments import Moments, Sample
from rexnet_grid.spacemeternet.voltagefit import fit_tree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.voltagefit import TreeFit

FACTORS = (1000.0, 4.0, 2.0, 0.5, 0.25)
_SCREEN = 5.0
_FEW = 20


def multiplied(sample: Sample, factors: FloatArray) -> Sample:
    """Return the sample with injections (p, q) multiplied by (2n,)."""

    def part(m: Moments) -> Moments:
        return Moments(m.xx * np.outer(factors, factors), m.xy * factors[:, None], m.yy, m.steps)

    return Sample(part(sample.own), part(sample.common), sample.closed)


def exchanged(sample: Sample, order: NDArray[np.int64]) -> Sample:
    """Return the sample with the voltages in another order."""

    def part(m: Moments) -> Moments:
        return Moments(m.xx, m.xy[:, order], m.yy[np.ix_(order, order)], m.steps)

    return Sample(part(sample.own), part(sample.common), sample.closed)


def off_scale(fit: TreeFit, sample: Sample, most: int) -> list[tuple[int, float]]:
    """Return customers and what their powers should be multiplied by, the likeliest first, up to ``most``."""
    n = fit.tree.below.shape[1]
    found: list[tuple[float, int, float]] = []
    powers, _ = scores(fit, sample)
    for a in suspected(-np.abs(powers)):
        for factor in FACTORS:
            factors = np.ones(2 * n)
            factors[[a, n + a]] = factor
            found.append((_gain(fit, sample, factors), a, factor))
    return [(a, factor) for gain, a, factor in sorted(found, reverse=True)[:most] if gain > _SCREEN]


def turned_reactive(fit: TreeFit, sample: Sample, most: int) -> list[int]:
    """Return customers whose reactive power alone looks turned, the likeliest first, up to ``most``."""
    n = fit.tree.below.shape[1]
    found = []
    for a in suspected(scores(fit, sample)[1]):
        factors = np.ones(2 * n)
        factors[n + a] = -1.0
        found.append((_gain(fit, sample, factors), a))
    return [a for gain, a in sorted(found, reverse=True)[:most] if gain > _SCREEN]


def scores(fit: TreeFit, sample: Sample) -> tuple[FloatArray, FloatArray]:
    """Return by how many standard errors each customer's powers, and its reactive one, should be larger (n,)."""
    c = fit.coefficients()
    slope, information = np.zeros(len(c)), np.zeros((len(c), len(c)))
    for m, weight in zip((sample.own, sample.common), fit.noise.weights(), strict=True):
        slope += (((m.xy - m.xx @ c) @ weight) * c).sum(axis=1)
        information += m.xx * (c @ weight @ c.T)
    n, own = len(c) // 2, np.diag(information)
    both = own[:n] + own[n:] + 2.0 * np.diag(information[:n, n:])
    return (slope[:n] + slope[n:]) / np.sqrt(np.maximum(both, 1e-300)), slope[n:] / np.sqrt(np.maximum(own[n:], 1e-300))


def suspected(score: FloatArray) -> list[int]:
    """Return the customers of the lowest scores; all of a few."""
    return [int(a) for a in np.argsort(score)[: _FEW if len(score) > _FEW else None]]


def _gain(fit: TreeFit, sample: Sample, factors: FloatArray) -> float:
    return fit_tree(fit.tree, multiplied(sample, factors), fit.noise, rounds=2).loglik - fit.loglik
