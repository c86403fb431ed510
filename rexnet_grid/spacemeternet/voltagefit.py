"""Estimate the edge values of a feeder tree from P, Q and V by generalised least squares with signs and a prior.

Every instant has white noise of each meter and a supply that wanders, common to all; both are estimated from the
residuals, the wandering as an autoregression (see :mod:`rexnet_grid.spacemeternet.moments`). With w the inverse
variances of the meters, generalised least squares weighs the contrasts of customers by diag(w) - ww'/Σw and their
weighted mean, after the filter, by one over the variance of what cannot be foreseen of it.

The prior says that the reactance of an edge follows its resistance as in low-voltage cables: R'/X' of NAYY 4x50 to
4x150 is 0.642/0.083 to 0.206/0.080 Ω/km (DIN VDE 0276-603), of overhead Al lines about 0.6/0.35. What all customers
share holds the transformer besides, whose X/R is 2 to 4 (EN 50588-1: 4 % impedance, 1.1 to 1.8 % load loss), so little
is said of its ratio.

All that a fit needs of the data are their second moments, so that many trees can be tried on the same data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import block_diag
from scipy.optimize import nnls

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.feedertree import BoolArray, FeederTree
    from rexnet_grid.spacemeternet.moments import Sample

REACTANCE_RATIO = 0.35
REACTANCE_RATIO_SD = 0.3
ROOT_RATIO = 1.5
ROOT_RATIO_SD = 1.5


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Variances of the squared voltage.

    Attributes
    ----------
    meter
        (customers,) of each customer's meter.
    busbar
        Of the busbar, common to all, as it wanders.
    shared
        Of the weighted mean of all customers after the filter: what cannot be foreseen of it.
    reach, power
        (k, n) squared voltages per kW of customers without a meter, and (k,) the variances of what no metered power
        tells of theirs [kW²].
    """

    meter: FloatArray
    busbar: float
    shared: float
    reach: FloatArray
    power: FloatArray

    @classmethod
    def of(cls, own: FloatArray, common: FloatArray, reach: FloatArray | None = None) -> NoiseModel:
        """Split residual covariances (n, n), plain and filtered, into the meters' own part and the common one.

        ``reach`` (k, n) is how voltages move with customers without a meter, whose part is told from the others'.
        """
        whole, power = own, np.zeros(0)
        reach = np.zeros((0, len(own))) if reach is None else reach
        for _ in range(_ROUNDS_OF_POWER if len(reach) else 0):
            meter = cls.of(own, common).meter
            power = _power(whole, reach, meter)
            own = whole - (reach.T * power) @ reach
        n = len(own)
        if n < _ENOUGH_TO_SPLIT:
            meter, busbar = np.maximum(np.diag(own), 1e-16), 1e-16
        else:
            mean = float(own.mean())
            meter = np.maximum((np.diag(own) - 2.0 * own.mean(axis=1) + mean) * n / (n - 1), 1e-16)
            busbar = max(mean - float(meter.sum()) / n**2, 1e-16)
        u = _unit(meter)
        return cls(meter, busbar, max(float(u @ common @ u), 1e-18), reach, power)

    @property
    def mean_weights(self) -> FloatArray:
        """Weights (customers,) of the mean that tells most of what all share."""
        return _unit(self.meter)

    def weights(self) -> tuple[FloatArray, FloatArray]:
        """Return what the plain and the filtered moments weigh: contrasts of customers, and their mean."""
        contrast, u = _contrasts(self.meter), _unit(self.meter)
        for reach, power in zip(self.reach, self.power, strict=True):
            seen = contrast @ reach
            contrast = contrast - np.outer(seen, seen) * power / (1.0 + power * float(reach @ seen))
        return contrast, np.outer(u, u) / self.shared

    def loglik(self, own: FloatArray, common: FloatArray, steps: int) -> float:
        """Return the Gaussian log-likelihood of ``steps`` residuals with these covariances."""
        contrast, mean = self.weights()
        log_det = float(np.log(self.meter).sum() + np.log((1.0 / self.meter).sum()) + np.log(self.shared))
        inside = self.reach @ _contrasts(self.meter) @ self.reach.T
        log_det += float(np.linalg.slogdet(np.eye(len(self.power)) + inside * self.power)[1])
        mahalanobis = float((contrast * own).sum() + (mean * common).sum())
        return -0.5 * steps * (mahalanobis + log_det + len(self.meter) * float(np.log(2 * np.pi)))


def _unit(meter: FloatArray) -> FloatArray:
    w = 1.0 / meter
    return np.asarray(w / w.sum())


def _contrasts(meter: FloatArray) -> FloatArray:
    w = 1.0 / meter
    return np.asarray(np.diag(w) - np.outer(w, w) / w.sum())


def _power(own: FloatArray, reach: FloatArray, meter: FloatArray) -> FloatArray:
    """Return the variances (k,) of what customers without a meter do besides, from residual covariances (n, n)."""
    seen = reach @ _contrasts(meter)
    told = seen @ reach.T
    if not np.diag(told).min() > _LEAST_CONTRAST * (reach**2 / meter).sum(axis=1).max():
        return np.zeros(len(reach))
    inverse = np.linalg.pinv(told, hermitian=True)
    back = inverse @ seen
    far = np.maximum(reach, _LEAST_CONTRAST * reach.max(axis=1, keepdims=True))
    most = (np.diag(own) / far**2).min(axis=1)
    return np.asarray(np.clip(np.diag(back @ own @ back.T - inverse), 0.0, most))


_ENOUGH_TO_SPLIT = 3
_LEAST_CONTRAST = 1e-3
_ROUNDS_OF_POWER = 2


@dataclass(frozen=True, slots=True)
class Unmetered:
    """Customers without a meter at places of the tree.

    Attributes
    ----------
    reach
        (k, n) squared voltages per kW of theirs.
    precision
        (k, 2n, 2n) inverse prior covariance of how the power of each goes along with every metered p and q.
    """

    reach: FloatArray
    precision: FloatArray


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
    follow
        (k, 2 customers) how the powers of customers without a meter go along with the metered p and q.
    """

    tree: FeederTree
    r: FloatArray
    x: FloatArray
    information: FloatArray
    loglik: float
    noise: NoiseModel
    follow: FloatArray

    def predict(self, p: FloatArray, q: FloatArray) -> FloatArray:
        """Return the (N, customers) deviation of the squared voltage from its mean at centred injections."""
        return p @ self.tree.matrix(self.r) + q @ self.tree.matrix(self.x)

    def coefficients(self) -> FloatArray:
        """Return the (2 customers, customers) matrix that takes (p, q) to the squared voltage, hidden ones included."""
        return np.vstack([self.tree.matrix(self.r), self.tree.matrix(self.x)]) + self.follow.T @ self.noise.reach

    def variance(self) -> FloatArray:
        """Return the variance (customers, customers) of each entry of the matrix of r, by the curvature."""
        rows = self.tree.below.astype(float)
        n = len(rows)
        covariance = np.linalg.pinv(self.information)[:n, :n]
        out = np.empty((rows.shape[1], rows.shape[1]))
        for i, above in enumerate(rows.T):
            on_both = above[:, None] * rows
            out[i] = (on_both * (covariance @ on_both)).sum(axis=0)
        return out


def fit_tree(
    tree: FeederTree,
    sample: Sample,
    noise: NoiseModel | None = None,
    rounds: int = 4,
    unmetered: Unmetered | None = None,
) -> TreeFit:
    """Fit a tree to data.

    Parameters
    ----------
    tree
        The tree of the customers.
    sample
        The data.
    noise
        Noise to start from.
    rounds
        How often the noise is estimated anew.
    unmetered
        Customers without a meter; how their power goes along with the others' is integrated out.
    """
    rows = tree.below.astype(float)
    half, n = rows.shape
    own, common = sample.own, sample.common
    reach = unmetered.reach if unmetered is not None else np.zeros((0, n))
    noise = noise or NoiseModel.of(own.yy / own.steps, common.yy / common.steps)
    drive = np.zeros((2 * half + 2 * n * len(reach), 2 * n))
    drive[:half, :n] = rows
    drive[half : 2 * half, n:] = rows
    drive[2 * half :] = np.tile(np.eye(2 * n), (len(reach), 1))
    both = np.vstack([rows, rows, np.repeat(reach, 2 * n, axis=0)])
    seen = [(drive @ m.xx @ drive.T, drive @ m.xy) for m in (own, common)]
    values, information, residuals = np.zeros(2 * half), np.eye(2 * half), (own.yy, common.yy)
    follow, penalty = np.zeros((len(reach), 2 * n)), 0.0
    reactive = drive[:, n:].any(axis=1)
    for _ in range(rounds):
        whole, right = np.zeros((len(drive), len(drive))), np.zeros(len(drive))
        for (gram, cross), w, causes in zip(seen, noise.weights(), (True, not sample.closed), strict=True):
            weighed, told = (both @ w @ both.T) * gram, ((both @ w) * cross).sum(axis=1)
            if not causes:
                told -= weighed[:, reactive] @ np.concatenate([values, follow.ravel()])[reactive]
                told[reactive] = weighed[reactive] = weighed[:, reactive] = 0.0
            whole += weighed
            right += told
        if unmetered is not None:
            index = np.arange(2 * half, len(drive))
            whole[np.ix_(index, index)] += block_diag(*unmetered.precision)
        information, onto = _without(whole, 2 * half)
        effective = right[: 2 * half] - onto.T @ right[2 * half :]
        information = information + _cable_prior(values[:half], information, np.asarray(tree.below.all(axis=1)))
        values = _nonnegative(information, effective)
        if unmetered is not None:
            rest = np.linalg.solve(whole[2 * half :, 2 * half :], right[2 * half :])
            follow = (rest - onto @ values).reshape(len(reach), 2 * n)
            penalty = _penalty(follow, whole[2 * half :, 2 * half :], unmetered.precision)
        coefficients = np.vstack([tree.matrix(values[:half]), tree.matrix(values[half:])]) + follow.T @ reach
        residuals = own.residual(coefficients), common.residual(coefficients)
        noise = NoiseModel.of(*residuals, reach)
    loglik = noise.loglik(*residuals, own.steps) - penalty
    return TreeFit(tree, values[:half], values[half:], information, loglik, noise, follow)


def _penalty(follow: FloatArray, information: FloatArray, precision: FloatArray) -> float:
    """Return what the likelihood loses by not knowing beforehand how hidden powers go along with others' (Laplace)."""
    log_det = np.linalg.slogdet(information)[1] - np.linalg.slogdet(precision)[1].sum()
    return 0.5 * float(np.einsum("ki,kij,kj", follow, precision, follow) + log_det)


def _without(information: FloatArray, kept: int) -> tuple[FloatArray, FloatArray]:
    """Return the information of the first ``kept`` values with the others unknown, and how those follow them."""
    if len(information) == kept:
        return information, np.zeros((0, kept))
    across = information[kept:, :kept]
    onto = np.linalg.solve(information[kept:, kept:], across)
    return information[:kept, :kept] - across.T @ onto, np.asarray(onto)


def _cable_prior(r: FloatArray, information: FloatArray, root: BoolArray) -> FloatArray:
    """Return the information of the prior x_e ~ N(ratio r_e, (sd r_e)²) as a penalty on (r, x)."""
    n = len(r)
    out = np.zeros_like(information)
    typical = float(np.mean(r)) if np.any(r > 0) else 0.0
    if typical == 0.0:
        return out + np.diag(np.full(2 * n, 1e-9 * float(np.trace(information)) / (2 * n)))
    ratio = np.where(root, ROOT_RATIO, REACTANCE_RATIO)
    precision = 1.0 / (np.where(root, ROOT_RATIO_SD, REACTANCE_RATIO_SD) * np.maximum(r, 0.2 * typical)) ** 2
    index = np.arange(n)
    out[index, index] += precision * ratio**2
    out[index + n, index + n] += precision
    out[index, index + n] -= precision * ratio
    out[index + n, index] -= precision * ratio
    return out


def _nonnegative(information: FloatArray, right: FloatArray) -> FloatArray:
    """Minimise z'Iz/2 - b'z over z >= 0."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    scaled = information * np.outer(scale, scale)
    least = float(np.linalg.eigvalsh(scaled)[0])
    factor = np.linalg.cholesky(scaled + (1e-10 + 2.0 * max(-least, 0.0)) * np.eye(len(right))).T
    solution, _ = nnls(factor, np.linalg.solve(factor.T, right * scale), maxiter=100 * len(right))
    return np.asarray(solution) * scale
