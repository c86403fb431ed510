"""Estimate the edge values of a feeder tree from P, Q and V by generalised least squares with signs and a prior.

Every instant has noise σ² of each meter and τ² of the busbar, common to all; both are estimated from the residuals.
The prior says that the reactance of an edge follows its resistance as in low-voltage cables: R'/X' of NAYY 4x50 to
4x150 is 0.642/0.083 to 0.206/0.080 Ω/km (DIN VDE 0276-603), of overhead Al lines about 0.6/0.35.

All that a fit needs of the data are their second moments, so that many trees can be tried on the same data.
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
class Moments:
    """Sums over the instants of centred injections x = (p, q) and squared voltages y.

    Attributes
    ----------
    xx, xy, yy
        (2n, 2n), (2n, n), (n, n).
    steps
        Number of instants.
    """

    xx: FloatArray
    xy: FloatArray
    yy: FloatArray
    steps: int

    @classmethod
    def of(cls, p: FloatArray, q: FloatArray, v2: FloatArray) -> Moments:
        """Return the moments of (N, customers) arrays, which are centred here."""
        x = np.hstack([p, q])
        x, y = x - x.mean(axis=0), v2 - v2.mean(axis=0)
        return cls(x.T @ x, x.T @ y, y.T @ y, len(y))

    def residual(self, coefficients: FloatArray) -> FloatArray:
        """Return the covariance (n, n) of y - x @ coefficients (2n, n)."""
        across = coefficients.T @ self.xy
        return np.asarray((self.yy - across - across.T + coefficients.T @ self.xx @ coefficients) / self.steps)


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Variances of the squared voltage: of each customer's meter (customers,) and of the busbar, common to all."""

    meter: FloatArray
    busbar: float

    @classmethod
    def of(cls, residual: FloatArray) -> NoiseModel:
        """Split a residual covariance (n, n) into the meters' own part and the one common to all."""
        n = len(residual)
        if n < _ENOUGH_TO_SPLIT:
            return cls(np.maximum(np.diag(residual), 1e-16), 1e-16)
        common = float(residual.mean())
        own = np.maximum((np.diag(residual) - 2.0 * residual.mean(axis=1) + common) * n / (n - 1), 1e-16)
        return cls(own, max(common - float(own.sum()) / n**2, 1e-16))

    def weight(self) -> FloatArray:
        """Return the inverse of diag(meter) + busbar 11'."""
        w = 1.0 / self.meter
        return np.asarray(np.diag(w) - np.outer(w, w) / (1.0 / max(self.busbar, 1e-30) + w.sum()))

    def loglik(self, residual: FloatArray, steps: int) -> float:
        """Return the Gaussian log-likelihood of ``steps`` residuals with this covariance."""
        log_det = float(np.log(self.meter).sum() + np.log1p(self.busbar * (1.0 / self.meter).sum()))
        mahalanobis = float((self.weight() * residual).sum())
        return -0.5 * steps * (mahalanobis + log_det + len(self.meter) * float(np.log(2 * np.pi)))


_ENOUGH_TO_SPLIT = 3


@dataclass(frozen=True, slots=True)
class TreeFit:
    """Edge values of a tree.

    Attributes
    ----------
    tree
        The tree.
    r, x
        (edges,) squared p.u. voltage per kW and per kvar.
    information
        (2 edges, 2 edges) of (r, x).
    loglik
        Gaussian log-likelihood.
    noise
        Noise that remains.
    """

    tree: FeederTree
    r: FloatArray
    x: FloatArray
    information: FloatArray
    loglik: float
    noise: NoiseModel

    def predict(self, p: FloatArray, q: FloatArray) -> FloatArray:
        """Return the (N, customers) deviation of the squared voltage from its mean at centred injections."""
        return p @ self.tree.matrix(self.r) + q @ self.tree.matrix(self.x)

    def variance(self) -> FloatArray:
        """Return the variance (customers, customers) of each entry of the matrix of r, by the curvature."""
        rows = self.tree.below.astype(float)
        n = len(rows)
        covariance = np.linalg.pinv(self.information)[:n, :n]
        both = np.einsum("ei,ej->ije", rows, rows)
        return np.asarray(np.einsum("ije,ef,ijf->ij", both, covariance, both, optimize=True))


def fit_tree(tree: FeederTree, moments: Moments, noise: NoiseModel | None = None, rounds: int = 4) -> TreeFit:
    """Fit a tree to data.

    Parameters
    ----------
    tree
        The tree of the customers.
    moments
        The data.
    noise
        Noise to start from.
    rounds
        How often the noise is estimated anew.
    """
    rows = tree.below.astype(float)
    half = len(rows)
    n = rows.shape[1]
    noise = noise or NoiseModel.of(moments.yy / moments.steps)
    both = np.vstack([rows, rows])
    drive = np.zeros((2 * half, 2 * n))
    drive[:half, :n] = rows
    drive[half:, n:] = rows
    gram, cross = drive @ moments.xx @ drive.T, drive @ moments.xy
    values, information, residual = np.zeros(2 * half), np.eye(2 * half), moments.yy
    for _ in range(rounds):
        w = noise.weight()
        information = (both @ w @ both.T) * gram
        information = information + _cable_prior(values[:half], information)
        values = _nonnegative(information, ((both @ w) * cross).sum(axis=1))
        coefficients = np.vstack([tree.matrix(values[:half]), tree.matrix(values[half:])])
        residual = moments.residual(coefficients)
        noise = NoiseModel.of(residual)
    return TreeFit(tree, values[:half], values[half:], information, noise.loglik(residual, moments.steps), noise)


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
    scaled = information * np.outer(scale, scale) + 1e-10 * np.eye(len(right))
    factor = np.linalg.cholesky(scaled).T
    solution, _ = nnls(factor, np.linalg.solve(factor.T, right * scale), maxiter=100 * len(right))
    return np.asarray(solution) * scale
