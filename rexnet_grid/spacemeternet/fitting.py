"""Maximum likelihood from several starts, and what the curvature says about the uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.kalman import BoolArray
    from rexnet_grid.spacemeternet.likelihood import Likelihood

_AT_BOUND = 1e-6
_HESSIAN_STEP = 1e-4
_MANY = 60
_SAME_OPTIMUM = 0.5


@dataclass(frozen=True, slots=True)
class Fit:
    """A maximum of the likelihood.

    Attributes
    ----------
    theta
        (p,) the optimiser's vector.
    objective
        Negative log-posterior.
    converged
        Whether the best start met the optimiser's tolerance.
    evaluations
        Value-and-gradient calls over all starts.
    objectives
        The objective that each start reached.
    """

    theta: FloatArray
    objective: float
    converged: bool
    evaluations: int
    objectives: tuple[float, ...]


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
    max_iterations: int = 500,
    tolerance: float = 1e-9,
) -> Fit:
    """Minimise the negative log-posterior by L-BFGS-B from the model's start and from ``starts - 1`` scattered ones.

    Parameters
    ----------
    likelihood
        What to maximise.
    starts
        Most starts; the first is ``theta`` or the parameters' own start. The search ends before when two starts have
        met at the best objective so far.
    rng
        Source of the scatter; needed for more than one start.
    spread
        Standard deviation of the scatter in logarithms, or in scales for linear parameters.
    max_iterations, tolerance
        Of each start; the tolerance is relative to the objective.
    """
    centre = likelihood.start if theta is None else theta
    bounds = list(zip(likelihood.lower, likelihood.upper, strict=True))
    best, evaluations, objectives = None, 0, []
    for start in range(starts):
        x0 = centre
        if start > 0 and rng is not None:
            x0 = np.clip(centre + rng.normal(0.0, spread, len(centre)), likelihood.lower, likelihood.upper)
        result = minimize(
            likelihood.value_and_gradient,
            x0,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={
                "maxiter": max_iterations,
                "maxfun": 2 * max_iterations,
                "ftol": tolerance,
                "gtol": 1e-5,
                "maxcor": 25,
            },
        )
        evaluations += int(result.nfev)
        objectives.append(float(result.fun))
        if best is None or result.fun < best.fun:
            best = result
        if sum(value < best.fun + _SAME_OPTIMUM for value in objectives) > 1:
            break
    assert best is not None  # noqa: S101
    return Fit(np.asarray(best.x), float(best.fun), bool(best.success), evaluations, tuple(objectives))


def at_bound(likelihood: Likelihood, theta: FloatArray) -> BoolArray:
    """Return for each parameter whether it lies on one of its bounds."""
    return (theta - likelihood.lower <= _AT_BOUND) | (likelihood.upper - theta <= _AT_BOUND)


def curvature(likelihood: Likelihood, theta: FloatArray) -> Curvature:
    """Return the Hessian from differences of the exact gradient, and its inverse over the free parameters.

    Central differences for few parameters; forward ones, at half the cost, for many.
    """
    p = len(theta)
    hessian = np.zeros((p, p))
    here = likelihood.value_and_gradient(theta)[1] if p > _MANY else None
    for i in range(p):
        step = np.zeros(p)
        step[i] = _HESSIAN_STEP
        up = likelihood.value_and_gradient(theta + step)[1]
        if here is None:
            hessian[i] = (up - likelihood.value_and_gradient(theta - step)[1]) / (2.0 * _HESSIAN_STEP)
        else:
            hessian[i] = (up - here) / _HESSIAN_STEP
    hessian = 0.5 * (hessian + hessian.T)
    free = ~at_bound(likelihood, theta)
    return invert(hessian, free)


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
