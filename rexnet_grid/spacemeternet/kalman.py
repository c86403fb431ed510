"""Kalman filter of a linear Gaussian model with missing data: its log-likelihood and what the gradient needs of it.

Observations are single states with independent noise, so each is taken in on its own (sequential processing), which
needs no matrix inverse and makes missing readings a matter of skipping. Once the covariance has come to rest under an
unchanged pattern of missing readings, its recursion stops and only the mean moves; the gradient of that stretch
follows from the fixed point of the covariance, so that it stays exact to the tolerance.

Model, for step k with the input's contribution g_k::

    y_k = x_k[observed] + e_k,   e_k ~ N(0, diag(r))
    x_{k+1} = Φ x_k + g_k + w_k, w_k ~ N(0, Q)

Sources: Durbin and Koopman, Time Series Analysis by State Space Methods, 2nd ed. (2012), sections 4.3 and 6.4,
DOI 10.1093/acprof:oso/9780199641178.001.0001; the adjoint is the reverse sweep of these recursions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
MaskArray = NDArray[np.int8]

OBSERVED = 0
MISSING = 1
HELD = 2  # not observed, but the gain stays as if it were: a single lost reading
LOG_2PI = math.log(2.0 * math.pi)
BLAS_FROM = 12  # below this size plain loops are faster than a call of BLAS


class Trail(NamedTuple):
    """What the forward pass leaves for the reverse sweep; N steps, n states, m readings, K covariances that moved.

    Attributes
    ----------
    filtered
        (N, n) means after the readings of a step.
    residual
        (N, m) each reading minus its mean when its turn came; 0 where there was none.
    covariances
        (K, n, n) filtered covariances.
    columns, variances
        (K, m, n), (K, m) column of the covariance and variance of each reading when its turn came; 0 and 1 where the
        reading is missing.
    rest
        (N,) index of each step's covariance, as -1 - index where it was at rest.
    """

    filtered: FloatArray
    residual: FloatArray
    covariances: FloatArray
    columns: FloatArray
    variances: FloatArray
    rest: IntArray


def empty_trail(steps: int, n: int, m: int, *, keep: bool) -> Trail:
    """Return room for a trail; with ``keep`` false only one step of it, for the value alone."""
    size = steps if keep else 1
    return Trail(
        np.empty((size, n)),
        np.empty((size, m)),
        np.empty((size, n, n)),
        np.empty((size, m, n)),
        np.empty((size, m)),
        np.empty(steps, dtype=np.int64),
    )


@njit(cache=True)
def multiply(a: FloatArray, b: FloatArray, out: FloatArray) -> None:
    """Write a @ b to ``out``."""
    n, m, q = a.shape[0], a.shape[1], b.shape[1]
    if n >= BLAS_FROM:
        np.dot(a, b, out)
        return
    for i in range(n):
        for j in range(q):
            out[i, j] = 0.0
        for k in range(m):
            f = a[i, k]
            for j in range(q):
                out[i, j] += f * b[k, j]


@njit(cache=True)
def update_covariance(  # noqa: C901 - loops over readings and states
    p: FloatArray,
    r: FloatArray,
    observed: IntArray,
    pattern: MaskArray,
    columns: FloatArray,
    s: FloatArray,
    gain: FloatArray,
    work: FloatArray,
) -> None:
    """Take in the observations of one step: ``p`` becomes the filtered covariance.

    ``columns``, ``s`` and ``gain = columns / s`` keep the path; missing readings get zeros and a variance of 1.
    """
    n, m = p.shape[0], observed.shape[0]
    for i in range(m):
        j = observed[i]
        if pattern[i] == 1:
            s[i] = 1.0
            for a in range(n):
                columns[i, a] = 0.0
                gain[i, a] = 0.0
            continue
        for a in range(n):
            columns[i, a] = p[j, a]
        for before in range(i):
            f = gain[before, j]
            if f != 0.0:
                for a in range(n):
                    columns[i, a] -= f * columns[before, a]
        s[i] = columns[i, j] + r[i]
        for a in range(n):
            gain[i, a] = columns[i, a] / s[i]
    multiply(columns.T.copy(), gain, work)
    for a in range(n):
        for b in range(n):
            p[a, b] -= work[a, b]


@njit(cache=True)
def _predict_covariance(
    phi: FloatArray, phi_t: FloatArray, p: FloatArray, q: FloatArray, work: FloatArray, out: FloatArray
) -> None:
    """Write Φ P Φ' + Q to ``out``, exactly symmetric."""
    n = p.shape[0]
    multiply(phi, p, work)
    multiply(work, phi_t, out)
    for a in range(n):
        for b in range(a + 1):
            mean = 0.5 * (out[a, b] + out[b, a]) + q[a, b]
            out[a, b] = mean
            out[b, a] = mean


@njit(cache=True)
def _predict_mean(phi_t: FloatArray, x: FloatArray, g: FloatArray, out: FloatArray) -> None:
    """Write Φ x + g to ``out``."""
    n = x.shape[0]
    for a in range(n):
        out[a] = g[a]
    for b in range(n):
        f = x[b]
        for a in range(n):
            out[a] += phi_t[b, a] * f


@njit(cache=True)
def _moved(p: FloatArray, after: FloatArray, tolerance: float) -> bool:
    """Return whether a covariance has changed by more than ``tolerance`` of its largest variance."""
    n = p.shape[0]
    largest, moved = 0.0, 0.0
    for a in range(n):
        largest = max(largest, after[a, a])
        for b in range(n):
            moved = max(moved, abs(after[a, b] - p[a, b]))
    return moved > tolerance * largest


@njit(cache=True)
def filter_forward(  # noqa: C901 - one kernel, compiled once
    phi: FloatArray,
    q: FloatArray,
    r: FloatArray,
    observed: IntArray,
    x0: FloatArray,
    p0: FloatArray,
    g: FloatArray,
    y: FloatArray,
    mask: MaskArray,
    changed: BoolArray,
    weight: FloatArray,
    tolerance: float,
    trail: Trail,
) -> tuple[float, int]:
    """Run the filter; return (negative log-likelihood, number of covariances kept).

    Parameters
    ----------
    phi, q
        (n, n) transition matrix and process-noise covariance of a step.
    r, observed
        (m,) measurement variances and indices of the observed states.
    x0, p0
        (n,), (n, n) mean and covariance before the first observation.
    g
        (N, n) contribution of the inputs to the step from k to k + 1.
    y, mask
        (N, m) observations, and OBSERVED, MISSING or HELD for each.
    changed
        (N,) whether the pattern of missing readings differs from the step before.
    weight
        (N,) weight of each step in the likelihood.
    tolerance
        Relative change of the covariance at which it counts as at rest.
    trail
        Receives the path of the filter, if it has room for it.
    """
    steps, m = y.shape
    n = x0.shape[0]
    keep = trail.filtered.shape[0] == steps
    phi_t = phi.T.copy()
    x, x_next = x0.copy(), np.empty(n)
    p, filtered, after, work = p0.copy(), np.empty((n, n)), np.empty((n, n)), np.empty((n, n))
    columns, s, gain = np.zeros((m, n)), np.ones(m), np.zeros((m, n))
    log_s = np.zeros(m)
    resting = False
    used = 0
    nll = 0.0
    for k in range(steps):
        if changed[k]:
            resting = False
        if resting:
            trail.rest[k] = -used
        else:
            trail.rest[k] = used
            filtered[:] = p
            update_covariance(filtered, r, observed, mask[k], columns, s, gain, work)
            for i in range(m):
                log_s[i] = math.log(s[i]) + LOG_2PI
            if keep:
                trail.covariances[used] = filtered
                trail.columns[used] = columns
                trail.variances[used] = s
            used += 1
        square = 0.0
        for i in range(m):
            v = 0.0
            if mask[k, i] == 0:
                v = y[k, i] - x[observed[i]]
                square += v * v / s[i] + log_s[i]
                for a in range(n):
                    x[a] += gain[i, a] * v
            if keep:
                trail.residual[k, i] = v
        nll += 0.5 * weight[k] * square
        if keep:
            trail.filtered[k] = x
        _predict_mean(phi_t, x, g[k], x_next)
        x, x_next = x_next, x
        if not resting:
            _predict_covariance(phi, phi_t, filtered, q, work, after)
            resting = not _moved(p, after, tolerance)
            p, after = after, p
    return nll, used
