"""Estimate the edge values of a feeder tree from P, Q and V by generalised least squares with signs and a prior.

Every instant has noise σ² of each meter and τ² of the busbar, common to all; both are estimated from the residuals.
The prior says that the reactance of an edge follows its resistance as in low-voltage cables: R'/X' of NAYY 4x50 to
4x150 is 0.642/0.083 to 0.206/0.080 Ω/km (DIN VDE 0276-603), of overhead Al lines about 0.6/0.35.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.feedertree import FeederTree

REACTANCE_RATIO = 0.35
REACTANCE_RATIO_SD = 0.3


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Variances of the squared voltage: of each customer's meter (customers,) and of the busbar, common to all."""

    meter: FloatArray
    busbar: float

    def weight(self) -> FloatArray:
        """Return the inverse of diag(meter) + busbar 11'."""
        w = 1.0 / self.meter
        return np.asarray(np.diag(w) - np.outer(w, w) / (1.0 / max(self.busbar, 1e-30) + w.sum()))


@dataclass(frozen=True, slots=True)
class TreeFit:
    """Edge values of a tree.

    Attributes
    ----------
    tree
        The tree.
    r, x
        (edges,) squared p.u. voltage per kW and per kvar.
    covariance
        (2 edges, 2 edges) of (r, x), edges at zero included as if free.
    loglik
        Gaussian log-likelihood.
    noise
        Noise at which it was fitted.
    """

    tree: FeederTree
    r: FloatArray
    x: FloatArray
    covariance: FloatArray
    loglik: float
    noise: NoiseModel

    @property
    def n_free(self) -> int:
        """Number of edge values above zero."""
        return int((self.r > 0).sum() + (self.x > 0).sum())

    def predict(self, p: FloatArray, q: FloatArray) -> FloatArray:
        """Return the (N, customers) deviation of the squared voltage from the busbar's."""
        return p @ self.tree.matrix(self.r) + q @ self.tree.matrix(self.x)


def fit_tree(tree: FeederTree, p: FloatArray, q: FloatArray, v2: FloatArray, rounds: int = 4) -> TreeFit:
    """Fit a tree to centred data.

    Parameters
    ----------
    tree
        The tree of the customers.
    p, q, v2
        (N, customers) injections [kW, kvar] and squared voltages [p.u.], each less its mean.
    rounds
        How often the noise is estimated anew.
    """
    noise = NoiseModel(np.full(v2.shape[1], max(float(v2.var()) * 0.1, 1e-14)), float(v2.mean(axis=1).var()) + 1e-14)
    rows = tree.below.astype(float)
    drive = np.hstack([p @ rows.T, q @ rows.T])
    both = np.vstack([rows, rows])
    gram = drive.T @ drive
    cross = drive.T @ v2
    values = np.zeros(len(both))
    information = np.eye(len(both))
    for _ in range(rounds):
        w = noise.weight()
        information = (both @ w @ both.T) * gram
        right = ((both @ w) * cross).sum(axis=1)
        information = information + _cable_prior(values[: len(rows)], information)
        values = _nonnegative(information, right)
        residual = v2 - p @ tree.matrix(values[: len(rows)]) - q @ tree.matrix(values[len(rows) :])
        noise = estimate_noise(residual)
    half = len(rows)
    covariance = np.asarray(np.linalg.pinv(information))
    return TreeFit(tree, values[:half], values[half:], covariance, gaussian_loglik(residual, noise), noise)


def estimate_noise(residual: FloatArray) -> NoiseModel:
    """Split residuals (N, customers) into a part common to all and the meters' own."""
    n = residual.shape[1]
    if n < 3:
        return NoiseModel(np.maximum(residual.var(axis=0), 1e-16), 1e-16)
    common = residual.mean(axis=1, keepdims=True)
    own = np.maximum((residual - common).var(axis=0) * n / (n - 1), 1e-16)
    return NoiseModel(own, max(float(common.var()) - float(own.sum()) / n**2, 1e-16))


def gaussian_loglik(residual: FloatArray, noise: NoiseModel) -> float:
    """Return the Gaussian log-likelihood of residuals (N, customers)."""
    n_steps, n = residual.shape
    w = noise.weight()
    log_det = float(np.log(noise.meter).sum() + np.log1p(noise.busbar * (1.0 / noise.meter).sum()))
    return float(-0.5 * (float(((residual @ w) * residual).sum()) + n_steps * (log_det + n * np.log(2 * np.pi))))


def _cable_prior(r: FloatArray, information: FloatArray) -> FloatArray:
    """Return the information of the prior x_e ~ N(ratio r_e, (sd r_e)²) as a penalty on (r, x)."""
    n = len(r)
    out = np.zeros_like(information)
    typical = float(np.mean(r)) if np.any(r > 0) else 0.0
    if typical == 0.0:
        return out + np.diag(np.full(2 * n, 1e-9 * float(np.trace(information)) / (2 * n)))
    precision = 1.0 / (REACTANCE_RATIO_SD * np.maximum(r, 0.2 * typical)) ** 2
    index = np.arange(n)
    out[index, index] += precision * REACTANCE_RATIO**2
    out[index + n, index + n] += precision
    out[index, index + n] -= precision * REACTANCE_RATIO
    out[index + n, index] -= precision * REACTANCE_RATIO
    return out


def _nonnegative(information: FloatArray, right: FloatArray) -> FloatArray:
    """Minimise z'Iz/2 - b'z over z >= 0."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    scaled = information * np.outer(scale, scale) + 1e-12 * np.eye(len(right))
    factor = np.linalg.cholesky(scaled).T
    target = np.linalg.solve(factor.T, right * scale)
    solution, _ = nnls(factor, target, maxiter=50 * len(right))
    return np.asarray(solution) * scale
