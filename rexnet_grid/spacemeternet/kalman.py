"""Kalman filter of a linear Gaussian model with missing data: its log-likelihood and the adjoint gradient of it.

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


@njit(cache=True)
def update_covariance(
    p: FloatArray, r: FloatArray, observed: IntArray, pattern: MaskArray, columns: FloatArray, s: FloatArray
) -> None:
    """Take in the observations of one step: ``p`` becomes the filtered covariance, ``columns``/``s`` keep the path."""
    n = p.shape[0]
    for i in range(observed.shape[0]):
        if pattern[i] == 1:
            continue
        j = observed[i]
        s[i] = p[j, j] + r[i]
        for a in range(n):
            columns[i, a] = p[a, j]
        for a in range(n):
            f = columns[i, a] / s[i]
            for b in range(n):
                p[a, b] -= f * columns[i, b]


@njit(cache=True)
def multiply(a: FloatArray, b: FloatArray, out: FloatArray) -> None:
    """Write a @ b to ``out``."""
    n, m, q = a.shape[0], a.shape[1], b.shape[1]
    for i in range(n):
        for j in range(q):
            out[i, j] = 0.0
        for k in range(m):
            f = a[i, k]
            for j in range(q):
                out[i, j] += f * b[k, j]


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
    states: FloatArray,
    covariances: FloatArray,
    rest: IntArray,
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
    states
        (N, n) receives the predicted means; an array of length 1 keeps nothing.
    covariances, rest
        (K, n, n) receives the predicted covariances of the steps whose covariance moved, (N,) receives for each step
        the index of its covariance, as -1 - index where the covariance was at rest.
    """
    steps, m = y.shape
    n = x0.shape[0]
    keep = states.shape[0] == steps
    phi_t = phi.T.copy()
    x, x_next = x0.copy(), np.empty(n)
    p, p_next, work = p0.copy(), np.empty((n, n)), np.empty((n, n))
    columns, s, gain = np.zeros((m, n)), np.ones(m), np.zeros((m, n))
    log_s = np.zeros(m)
    resting = False
    used = 0
    nll = 0.0
    for k in range(steps):
        if changed[k]:
            resting = False
        if keep:
            for a in range(n):
                states[k, a] = x[a]
        if resting:
            rest[k] = -used
        else:
            rest[k] = used
            if keep:
                covariances[used] = p
            used += 1
            p_next[:] = p
            update_covariance(p_next, r, observed, mask[k], columns, s)
            for i in range(m):
                if mask[k, i] != 1:
                    log_s[i] = math.log(s[i])
                    for a in range(n):
                        gain[i, a] = columns[i, a] / s[i]
        for i in range(m):
            if mask[k, i] == 0:
                v = y[k, i] - x[observed[i]]
                nll += 0.5 * weight[k] * (v * v / s[i] + log_s[i] + LOG_2PI)
                for a in range(n):
                    x[a] += gain[i, a] * v
        _predict_mean(phi_t, x, g[k], x_next)
        x, x_next = x_next, x
        if not resting:
            covariance = np.empty((n, n))
            _predict_covariance(phi, phi_t, p_next, q, work, covariance)
            largest, moved = 0.0, 0.0
            for a in range(n):
                largest = max(largest, covariance[a, a])
                for b in range(n):
                    moved = max(moved, abs(covariance[a, b] - p[a, b]))
            p = covariance
            resting = moved <= tolerance * largest
    return nll, used
