"""Reverse sweep of the Kalman filter: the gradient of the log-likelihood by everything the filter was given.

Each function undoes one of :mod:`rexnet_grid.spacemeternet.kalman`. Adjoints of symmetric matrices are kept symmetric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.spacemeternet.kalman import multiply, update_covariance

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.kalman import FloatArray, IntArray, MaskArray


@njit(cache=True)
def _mean_adjoint(
    x: FloatArray,
    y: FloatArray,
    pattern: MaskArray,
    observed: IntArray,
    gain: FloatArray,
    s: FloatArray,
    weight: float,
    v: FloatArray,
    xbar: FloatArray,
    gbar: FloatArray,
    sbar: FloatArray,
) -> None:
    """Reverse the mean's update of one step; ``x`` enters predicted and leaves filtered."""
    m, n = gain.shape
    for i in range(m):
        if pattern[i] == 0:
            v[i] = y[i] - x[observed[i]]
            for a in range(n):
                x[a] += gain[i, a] * v[i]
    for i in range(m - 1, -1, -1):
        if pattern[i] == 0:
            along = 0.0
            for a in range(n):
                along += xbar[a] * gain[i, a]
                gbar[i, a] += xbar[a] * v[i]
            sbar[i] += 0.5 * weight * (1.0 - v[i] * v[i] / s[i]) / s[i]
            xbar[observed[i]] -= along + weight * v[i] / s[i]


@njit(cache=True)
def _covariance_adjoint(
    columns: FloatArray,
    s: FloatArray,
    observed: IntArray,
    pattern: MaskArray,
    gbar: FloatArray,
    sbar: FloatArray,
    pbar: FloatArray,
    rbar: FloatArray,
) -> None:
    """Reverse the covariance's update of one step: ``pbar`` enters filtered and leaves predicted."""
    m, n = columns.shape
    cbar = np.empty(n)
    for i in range(m - 1, -1, -1):
        if pattern[i] == 1:
            continue
        j = observed[i]
        for a in range(n):
            cbar[a] = 0.0
        for b in range(n):
            f = columns[i, b]
            for a in range(n):
                cbar[a] += pbar[b, a] * f
        quadratic, along = 0.0, 0.0
        for a in range(n):
            quadratic += cbar[a] * columns[i, a]
            along += gbar[i, a] * columns[i, a]
        down = sbar[i] + (quadratic - along) / (s[i] * s[i])
        for a in range(n):
            cbar[a] = (gbar[i, a] - 2.0 * cbar[a]) / s[i]
        for a in range(n):
            pbar[a, j] += 0.5 * cbar[a]
            pbar[j, a] += 0.5 * cbar[a]
        pbar[j, j] += down
        rbar[i] += down


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
    """Reverse Φ P Φ' + Q: add to ``phibar`` and ``qbar``, write the adjoint of P to ``out``."""
    n = p.shape[0]
    multiply(pbar, phi, work)
    multiply(phi_t, work, out)
    for a in range(n):
        for b in range(n):
            qbar[a, b] += pbar[a, b]
        for k in range(n):
            f = 2.0 * work[a, k]
            for b in range(n):
                phibar[a, b] += f * p[k, b]


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
def _close_rest(
    phi: FloatArray,
    phi_t: FloatArray,
    p: FloatArray,
    pbar: FloatArray,
    columns: FloatArray,
    gain: FloatArray,
    s: FloatArray,
    observed: IntArray,
    pattern: MaskArray,
    gbar: FloatArray,
    sbar: FloatArray,
    rbar: FloatArray,
    phibar: FloatArray,
    qbar: FloatArray,
    work: FloatArray,
    out: FloatArray,
) -> None:
    """Book a stretch at rest: its covariance is the fixed point of one step, whatever came before it.

    ``p`` is the filtered covariance, ``pbar`` the adjoint of the predicted one from the steps after the stretch;
    ``gbar`` and ``sbar`` hold the sums over the stretch. All three adjoints are zero afterwards.
    """
    n = p.shape[0]
    source = np.zeros((n, n))
    _covariance_adjoint(columns, s, observed, pattern, gbar, sbar, source, rbar)
    closed = np.eye(n)
    for i in range(observed.shape[0]):
        if pattern[i] != 1:
            row = closed[observed[i]].copy()
            for a in range(n):
                for b in range(n):
                    closed[a, b] -= gain[i, a] * row[b]
    total = _solve_rest(phi @ closed, source + pbar)
    _predict_adjoint(phi, phi_t, p, total, phibar, qbar, work, out)
    gbar[:] = 0.0
    sbar[:] = 0.0
    pbar[:] = 0.0
    _covariance_adjoint(columns, s, observed, pattern, gbar, sbar, out, rbar)


@njit(cache=True)
def filter_backward(  # noqa: C901 - one kernel, compiled once
    phi: FloatArray,
    r: FloatArray,
    observed: IntArray,
    y: FloatArray,
    mask: MaskArray,
    weight: FloatArray,
    states: FloatArray,
    covariances: FloatArray,
    rest: IntArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the adjoints of the negative log-likelihood (Φ, Q, r, x0, g) after :func:`filter_forward`.

    Arguments as there. The prior covariance counts as a constant.
    """
    steps, n = states.shape
    m = y.shape[1]
    phi_t = phi.T.copy()
    phibar, qbar, rbar, input_bar = np.zeros((n, n)), np.zeros((n, n)), np.zeros(m), np.zeros((steps, n))
    filtered = np.empty((steps, n))
    xbar, x_next_bar, x = np.zeros(n), np.zeros(n), np.empty(n)
    p, pbar, filtered_bar, work = np.empty((n, n)), np.zeros((n, n)), np.zeros((n, n)), np.empty((n, n))
    columns, s, gain = np.zeros((m, n)), np.ones(m), np.zeros((m, n))
    gbar, sbar, v = np.zeros((m, n)), np.zeros(m), np.zeros(m)
    at = -1
    for k in range(steps - 1, -1, -1):
        resting = rest[k] < 0
        index = -rest[k] - 1 if resting else rest[k]
        if index != at:
            p[:] = covariances[index]
            update_covariance(p, r, observed, mask[k], columns, s)
            for i in range(m):
                for a in range(n):
                    gain[i, a] = columns[i, a] / s[i]
            at = index
        elif not resting:
            _close_rest(
                phi,
                phi_t,
                p,
                pbar,
                columns,
                gain,
                s,
                observed,
                mask[k],
                gbar,
                sbar,
                rbar,
                phibar,
                qbar,
                work,
                filtered_bar,
            )
        x[:] = states[k]
        x_next_bar[:] = xbar
        for a in range(n):
            xbar[a] = 0.0
        for b in range(n):
            f = x_next_bar[b]
            for a in range(n):
                xbar[a] += phi[b, a] * f
        _mean_adjoint(x, y[k], mask[k], observed, gain, s, weight[k], v, xbar, gbar, sbar)
        for a in range(n):
            f = x_next_bar[a]
            input_bar[k, a] = f
            filtered[k, a] = x[a]
        if not resting:
            _predict_adjoint(phi, phi_t, p, pbar, phibar, qbar, work, filtered_bar)
            pbar[:] = filtered_bar
            _covariance_adjoint(columns, s, observed, mask[k], gbar, sbar, pbar, rbar)
            gbar[:] = 0.0
            sbar[:] = 0.0
    return phibar + input_bar.T @ filtered, qbar, rbar, xbar, input_bar
