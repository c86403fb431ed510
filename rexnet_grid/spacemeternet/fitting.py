"""Maximum likelihood from several starts, and what the curvature says about the uncertainty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.descent import Fit, descend

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.kalman import BoolArray
    from rexnet_grid.spacemeternet.likelihood import Likelihood

_AT_BOUND = 1e-6
_HESSIAN_STEP = 1e-4
_MANY = 60
_SAME_OPTIMUM = 0.5
_RESTARTS = 4
_GAIN = 0.02


@dataclass(frozen=True, slots=True)
class Curvature:
    """Second derivatives at a maximum.

    Attributes
    ----------
    hessian
        (p, p) of the negative log-posterior by theta.
    covariance
        (p, p) inverse over the free parameters, zero rows for those at a bound.
    free
        (p,) which parameters are off their bounds.
    rank, condition, smallest
        Numerical rank, condition number and smallest eigenvalue of the scaled Hessian of the free parameters.
    """

    hessian: FloatArray
    covariance: FloatArray
    free: BoolArray
    rank: int
    condition: float
    smallest: float


def maximise(
    likelihood: Likelihood,
    starts: int = 1,
    rng: np.random.Generator | None = None,
    spread: float = 0.7,
    theta: FloatArray | None = None,
    agree: int = 2,
) -> Fit:
    """Minimise the negative log-posterior from the model's start and from ``starts - 1`` scattered ones.

    Each start takes Fisher's information there for a Hessian and descends by projected BFGS; where that gets stuck, it
    takes the information anew.

    Parameters
    ----------
    likelihood
        What to maximise.
    starts
        Most starts; the first is ``theta`` or the parameters' own start. The search ends before when ``agree``
        starts have met at the best objective so far.
    rng
        Source of the scatter; needed for more than one start.
    spread
        Standard deviation of the scatter in logarithms, or in scales for linear parameters.
    theta
        First start; the model's own if None.
    agree
        Starts that have to meet.
    """
    centre = likelihood.start if theta is None else theta
    fits: list[Fit] = []
    for start in range(starts):
        x0 = centre
        if start > 0 and rng is not None:
            x0 = np.clip(centre + rng.normal(0.0, spread, len(centre)), likelihood.lower, likelihood.upper)
        fits.append(_from_one_start(likelihood, x0))
        best = min(fit.objective for fit in fits)
        if sum(fit.objective < best + _SAME_OPTIMUM for fit in fits) >= agree:
            break
    winner = min(fits, key=lambda fit: fit.objective)
    return replace(
        winner,
        evaluations=sum(fit.evaluations for fit in fits),
        objectives=tuple(fit.objective for fit in fits),
    )


def _from_one_start(likelihood: Likelihood, x0: FloatArray) -> Fit:
    evaluations, x, last = 0, x0, np.inf
    for _ in range(_RESTARTS):
        fit = descend(likelihood, x, likelihood.information(x))
        evaluations += fit.evaluations
        if fit.converged or last - fit.objective < _GAIN:
            break
        x, last = fit.theta, fit.objective
    return replace(fit, evaluations=evaluations)


def at_bound(likelihood: Likelihood, theta: FloatArray) -> BoolArray:
    """Return for each parameter whether it lies on one of its bounds."""
    return (theta - likelihood.lower <= _AT_BOUND) | (likelihood.upper - theta <= _AT_BOUND)


def curvature(likelihood: Likelihood, theta: FloatArray) -> Curvature:
    """Return the Hessian at a maximum and its inverse over the free parameters.

    The Hessian comes from differences of the exact gradient; of more than 60 parameters from Fisher's information,
    which costs a fraction of it.
    """
    hessian = hessian_at(likelihood, theta) if len(theta) <= _MANY else likelihood.information(theta)
    return invert(hessian, ~at_bound(likelihood, theta))


def hessian_at(likelihood: Likelihood, theta: FloatArray) -> FloatArray:
    """Return the Hessian from central differences of the exact gradient."""
    p = len(theta)
    hessian = np.zeros((p, p))
    for i in range(p):
        step = np.zeros(p)
        step[i] = _HESSIAN_STEP
        up = likelihood.value_and_gradient(theta + step)[1]
        hessian[i] = (up - likelihood.value_and_gradient(theta - step)[1]) / (2.0 * _HESSIAN_STEP)
    return 0.5 * (hessian + hessian.T)


def invert(hessian: FloatArray, free: BoolArray) -> Curvature:
    """Return the covariance of the free parameters: eigenvalues that are not positive count as unidentified."""
    p = len(free)
    index = np.flatnonzero(free)
    block = hessian[np.ix_(index, index)]
    scale = np.sqrt(np.maximum(np.diag(block), 1e-12))
    values, vectors = np.linalg.eigh(block / np.outer(scale, scale))
    floor = 1e-5 * max(float(values.max(initial=0.0)), 1e-12)
    good = values > floor
    inverse = (vectors / np.where(good, values, floor)) @ vectors.T / np.outer(scale, scale)
    covariance = np.zeros((p, p))
    covariance[np.ix_(index, index)] = inverse
    lowest = float(np.min(values, initial=np.inf))
    condition = float(values.max(initial=0.0) / lowest) if lowest > 0 else float("inf")
    return Curvature(hessian, covariance, free, int(good.sum()), condition, lowest)
