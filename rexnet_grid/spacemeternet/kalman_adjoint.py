"""Reverse sweep of the Kalman filter: the gradient of the log-likelihood by everything the filter was given.

Each function undoes one of :mod:`rexnet_grid.spacemeternet.kalman`. Adjoints of symmetric matrices are kept symmetric.
What the forward pass has left in its :class:`~rexnet_grid.spacemeternet.kalman.Trail` is not computed again, and sums
over a stretch at rest are matrix products over the whole stretch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.spacemeternet.kalman import multiply

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.kalman import FloatArray, IntArray, MaskArray, Trail

_CHUNK = 256  # steps at rest that are reversed together
_REORDER = {"reassoc", "contract"}  # sums may be taken in any order, nothing else


@njit(cache=True, fastmath=_REORDER)
def _mean_adjoint(
    phi: FloatArray,
    residual: FloatArray,
    pattern: MaskArray,
    observed: IntArray,
    gain: FloatArray,
    s: FloatArray,
    weight: float,
    after: FloatArray,
    xbar: FloatArray,
    gbar: FloatArray,
    sbar: FloatArray,
) -> None:
    """Reverse the mean's update and prediction of one step.

    ``after`` (n,) is the adjoint of the mean predicted from the step; ``xbar`` receives that of the mean predicted for
    it; ``gbar`` and ``sbar`` grow by the adjoints of gain and variances.
    """
    m, n = gain.shape
    for a in range(n):
        xbar[a] = 0.0
    for b in range(n):
        f = after[b]
        for a in range(n):
            xbar[a] += phi[b, a] * f
    for i in range(m - 1, -1, -1):
        if pattern[i] == 0:
            along, v = 0.0, residual[i]
            for a in range(n):
                along += xbar[a] * gain[i, a]
                gbar[i, a] += xbar[a] * v
            scaled = v / s[i]
            sbar[i] += 0.5 * weight * (1.0 / s[i] - scaled * scaled)
            xbar[observed[i]] -= along + weight * scaled


@njit(cache=True)
def _elimination(gain: FloatArray, observed: IntArray, pattern: MaskArray) -> FloatArray:
    """Return (I + U)^-1 (m, m), U the part of a later reading's state in an earlier reading's gain."""
    m = len(observed)
    out = np.eye(m)
    for i in range(m - 1, -1, -1):
        for later in range(i + 1, m):
            if pattern[later] != 1:
                f = gain[i, observed[later]]
                for b in range(later, m):
                    out[i, b] -= f * out[later, b]
    return out


@njit(cache=True)
def _rest_adjoint(  # noqa: C901 - loops over steps and readings
    phi: FloatArray,
    residual: FloatArray,
    mask: MaskArray,
    observed: IntArray,
    gain: FloatArray,
    s: FloatArray,
    weight: FloatArray,
    solve: FloatArray,
    after: FloatArray,
    xbar: FloatArray,
    gbar: FloatArray,
    sbar: FloatArray,
) -> None:
    """Reverse the mean over a stretch at rest, arrays (steps, …); the rest as in :func:`_mean_adjoint`.

    What the readings of a step take off the mean's adjoint is linear in it and in the scaled residuals, so that a step
    is one product with the closed loop, and everything else a matrix product over the stretch.
    """
    steps, n = after.shape
    m = len(observed)
    taken = solve @ (gain @ phi.T)
    closed = phi.copy()
    for i in range(m):
        closed[:, observed[i]] -= taken[i]
    pull = np.empty((steps, m))
    for k in range(steps):
        for i in range(m):
            scaled = residual[k, i] / s[i]
            pull[k, i] = weight[k] * scaled
            if mask[k, i] == 0:
                sbar[i] += 0.5 * weight[k] * (1.0 / s[i] - scaled * scaled)
    own = pull @ solve.T
    rows, alone = residual.copy(), np.zeros(m)
    for k in range(steps - 1, -1, -1):
        after[k] = xbar
        held = False
        for i in range(m):
            held |= mask[k, i] == 2
        if held:
            _mean_adjoint(phi, residual[k], mask[k], observed, gain, s, weight[k], after[k], xbar, gbar, alone)
            rows[k] = 0.0
            continue
        for a in range(n):
            xbar[a] = 0.0
        for b in range(n):
            f = after[k, b]
            for a in range(n):
                xbar[a] += closed[b, a] * f
        for i in range(m):
            xbar[observed[i]] -= own[k, i]
    gbar += (rows.T @ after) @ phi
    seen = rows.T @ (own + after @ taken.T)
    for i in range(m):
        for later in range(i + 1, m):
            gbar[i, observed[later]] -= seen[i, later]


@njit(cache=True, fastmath=_REORDER)
def _covariance_adjoint(  # noqa: C901 - loops over readings and states
    columns: FloatArray,
    s: FloatArray,
    observed: IntArray,
    pattern: MaskArray,
    gbar: FloatArray,
    sbar: FloatArray,
    pbar: FloatArray,
    rbar: FloatArray,
    along: FloatArray,
) -> None:
    """Reverse the covariance's update of one step: ``pbar`` enters filtered and leaves predicted.

    Each reading changes one row and column of ``pbar`` only, so ``along = columns @ pbar`` is taken once and brought up
    to date as the readings are undone; afterwards row i of it holds the change of the row of the i-th reading.
    """
    m, n = columns.shape
    multiply(columns, pbar, along)
    for i in range(m - 1, -1, -1):
        if pattern[i] == 1:
            continue
        j = observed[i]
        for later in range(i + 1, m):
            if pattern[later] != 1:
                f = columns[i, observed[later]]
                inner = 0.0
                for a in range(n):
                    along[i, a] += f * along[later, a]
                    inner += columns[i, a] * along[later, a]
                along[i, observed[later]] += inner
        quadratic, down = 0.0, 0.0
        for a in range(n):
            quadratic += along[i, a] * columns[i, a]
            down += gbar[i, a] * columns[i, a]
        down = sbar[i] + (quadratic - down) / (s[i] * s[i])
        for a in range(n):
            along[i, a] = 0.5 * (gbar[i, a] - 2.0 * along[i, a]) / s[i]
        along[i, j] += 0.5 * down
        rbar[i] += down
    for i in range(m):
        if pattern[i] != 1:
            j = observed[i]
            for a in range(n):
                pbar[j, a] += along[i, a]
                pbar[a, j] += along[i, a]


@njit(cache=True)
def _predict_adjoint(
    phi: FloatArray,
    phi_t: FloatArray,
    p: FloatArray,
    pbar: FloatArray,
    phibar: FloatArray,
    qbar: FloatArray,
    work: FloatArray,
    out: FloatArray,
) -> None:
    """Reverse Φ P Φ' + Q: add to half of ``phibar`` and to ``qbar``, write the adjoint of P to ``out``."""
    n = p.shape[0]
    multiply(pbar, phi, work)
    multiply(work, p, out)
    for a in range(n):
        for b in range(n):
            qbar[a, b] += pbar[a, b]
            phibar[a, b] += out[a, b]
    multiply(phi_t, work, out)


@njit(cache=True)
def _solve_rest(closed: FloatArray, source: FloatArray) -> FloatArray:
    """Return W = source + closed' W closed by doubling."""
    total, power = source.copy(), closed.copy()
    for _ in range(60):
        step = power.T @ total @ power
        total = total + step
        power = power @ power
        if np.max(np.abs(step)) <= 1e-15 * np.max(np.abs(total)):
            break
    return total


@njit(cache=True)
def _closed_loop(phi: FloatArray, gain: FloatArray, observed: IntArray, pattern: MaskArray) -> FloatArray:
    """Return the transition (n, n) of the prediction error over a step: Φ after the readings are taken in."""
    n = phi.shape[0]
    closed = np.eye(n)
    for i in range(observed.shape[0]):
        if pattern[i] != 1:
            row = closed[observed[i]].copy()
            for a in range(n):
                for b in range(n):
                    closed[a, b] -= gain[i, a] * row[b]
    return phi @ closed


@njit(cache=True)
def filter_backward(
    phi: FloatArray,
    r: FloatArray,
    observed: IntArray,
    mask: MaskArray,
    weight: FloatArray,
    trail: Trail,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the adjoints of the negative log-likelihood (Φ, Q, r, x0, g) after :func:`filter_forward`.

    Arguments as there. The prior covariance counts as a constant.
    """
    steps, n = trail.filtered.shape
    m = len(r)
    phi_t = phi.T.copy()
    phibar, qbar, rbar = np.zeros((n, n)), np.zeros((n, n)), np.zeros(m)
    after = np.empty((steps, n))
    xbar, gain, gbar, sbar = np.zeros(n), np.zeros((m, n)), np.zeros((m, n)), np.zeros(m)
    pbar, work, out, along = np.zeros((n, n)), np.empty((n, n)), np.empty((n, n)), np.empty((m, n))
    last = steps - 1
    while last >= 0:
        first = last
        while trail.rest[first] < 0:
            first -= 1
        at = trail.rest[first]
        columns, s, p, pattern = trail.columns[at], trail.variances[at], trail.covariances[at], mask[first]
        for i in range(m):
            for a in range(n):
                gain[i, a] = columns[i, a] / s[i]
        if first < last:
            # the stretch at rest: its covariance is the fixed point of one step, whatever came before
            solve = _elimination(gain, observed, pattern)
            for b in range(last + 1, first + 1, -_CHUNK):
                a = max(b - _CHUNK, first + 1)
                _rest_adjoint(
                    phi, trail.residual[a:b], mask[a:b], observed, gain, s, weight[a:b], solve, after[a:b], xbar,
                    gbar, sbar,
                )  # fmt: skip
            source = np.zeros((n, n))
            _covariance_adjoint(columns, s, observed, pattern, gbar, sbar, source, rbar, along)
            total = _solve_rest(_closed_loop(phi, gain, observed, pattern), source + pbar)
            _predict_adjoint(phi, phi_t, p, total, phibar, qbar, work, out)
            gbar[:], sbar[:], pbar[:] = 0.0, 0.0, 0.0
            _covariance_adjoint(columns, s, observed, pattern, gbar, sbar, out, rbar, along)
        after[first] = xbar
        _mean_adjoint(
            phi, trail.residual[first], pattern, observed, gain, s, weight[first], after[first], xbar, gbar, sbar
        )
        _predict_adjoint(phi, phi_t, p, pbar, phibar, qbar, work, out)
        pbar, out = out, pbar
        _covariance_adjoint(columns, s, observed, pattern, gbar, sbar, pbar, rbar, along)
        gbar[:], sbar[:] = 0.0, 0.0
        last = first - 1
    return 2.0 * phibar + after.T @ trail.filtered, qbar, rbar, xbar, after
