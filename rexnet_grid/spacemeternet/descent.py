"""Minimise within bounds from a good start and a good guess of the Hessian: projected BFGS.

With hundreds of parameters the guess, put together from the zones' own fits, is what makes a handful of steps enough.
Steps follow Bertsekas (1982), Projected Newton methods for optimization problems with simple constraints,
DOI 10.1137/0320018: parameters at a bound whose gradient points outwards stay there, the others take a quasi-Newton
step along the projected arc.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.kalman import BoolArray
    from rexnet_grid.spacemeternet.likelihood import Likelihood

_AT_BOUND = 1e-9
_HALVINGS = 12
_SHORTEST = (0.1, 0.6)
_REFRESH = 15
_PATIENCE = 8
_OPTIMISM = 4.0
_LARGEST_STEP = 2.0
_RIDGE = 1e-8


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


def descend(
    likelihood: Likelihood,
    theta: FloatArray,
    hessian: FloatArray,
    iterations: int = 80,
    tolerance: float = 1e-4,
    bounds: tuple[FloatArray, FloatArray] | None = None,
    target: float = np.inf,
) -> Fit:
    """Minimise the negative log-posterior.

    Parameters
    ----------
    likelihood
        What to minimise.
    theta
        (p,) start.
    hessian
        (p, p) symmetric guess of the Hessian there.
    iterations
        Most steps.
    tolerance
        The search ends when the decrease expected of the next step, in units of log-likelihood, is below this.
    bounds
        (p,), (p,) lower and upper bounds; the likelihood's own if None.
    target
        An objective that has to be reached for the fit to be of use: the search gives up, unconverged, where the steps
        to come promise less than a quarter of what is missing.
    """
    lower, upper = (likelihood.lower, likelihood.upper) if bounds is None else bounds
    x = np.clip(theta, lower, upper)
    b = _positive(hessian)
    value, gradient = likelihood.value_and_gradient(x)
    evaluations, converged = 1, False
    for iteration in range(iterations):
        if iteration and iteration % _REFRESH == 0:
            b = _renewed(b, likelihood, x, _free(x, gradient, lower, upper))
        free = _free(x, gradient, lower, upper)
        step = _newton_step(b, gradient, free)
        if -float(gradient @ step) < 2.0 * tolerance:
            converged = True
            break
        if iteration >= _PATIENCE and value + _OPTIMISM * 0.5 * float(gradient @ step) > target:
            break
        length, found = 1.0, False
        for _ in range(_HALVINGS):
            candidate = np.clip(x + length * step, lower, upper)
            new_value, new_gradient = likelihood.value_and_gradient(candidate)
            evaluations += 1
            slope = float(gradient @ (candidate - x))
            if new_value < value + 1e-4 * slope:
                found = True
                break
            length *= _shortened(slope, new_value - value)
        if not found:
            break
        b = _updated(b, candidate - x, new_gradient - gradient)
        x, value, gradient = candidate, new_value, new_gradient
    return Fit(x, value, converged, evaluations, (value,))


def _renewed(b: FloatArray, likelihood: Likelihood, x: FloatArray, free: BoolArray) -> FloatArray:
    """Return the Hessian with Fisher's information about the free parameters in it; the others stand apart."""
    index = np.flatnonzero(free)
    out = np.diag(np.diag(b))
    out[np.ix_(index, index)] = likelihood.information(x, index)
    return _positive(out)


def _shortened(slope: float, rise: float) -> float:
    """Return by how much to shorten a step that did not help: to the minimum of the parabola through what was seen."""
    least, most = _SHORTEST
    return float(np.clip(-0.5 * slope / (rise - slope), least, most)) if rise > slope else most


def _free(x: FloatArray, gradient: FloatArray, lower: FloatArray, upper: FloatArray) -> BoolArray:
    held = ((x <= lower + _AT_BOUND) & (gradient > 0.0)) | ((x >= upper - _AT_BOUND) & (gradient < 0.0))
    return ~held


def _newton_step(b: FloatArray, gradient: FloatArray, free: BoolArray) -> FloatArray:
    step = np.zeros_like(gradient)
    index = np.flatnonzero(free)
    scale = 1.0 / np.sqrt(np.maximum(np.diag(b)[index], 1e-12))
    scaled = b[np.ix_(index, index)] * np.outer(scale, scale) + _RIDGE * np.eye(len(index))
    step[index] = -scale * np.linalg.solve(scaled, scale * gradient[index])
    return step * min(1.0, _LARGEST_STEP / max(float(np.max(np.abs(step))), 1e-12))


def _updated(b: FloatArray, s: FloatArray, y: FloatArray) -> FloatArray:
    """Return the BFGS update with Powell's damping, so that it stays positive definite."""
    bs = b @ s
    sbs, sy = float(s @ bs), float(s @ y)
    if sbs <= 0.0:
        return b
    if sy < 0.2 * sbs:
        blend = 0.8 * sbs / (sbs - sy)
        y = blend * y + (1.0 - blend) * bs
        sy = float(s @ y)
    return np.asarray(b - np.outer(bs, bs) / sbs + np.outer(y, y) / sy)


def _positive(hessian: FloatArray) -> FloatArray:
    """Return the nearest matrix that is positive definite on the scale of its own diagonal."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-8))
    values, vectors = np.linalg.eigh(hessian / np.outer(scale, scale))
    values = np.maximum(np.abs(values), 1e-4)
    return np.asarray((vectors * values) @ vectors.T * np.outer(scale, scale))
