"""Fisher's information of a metered network, in one pass over the readings instead of one pass a parameter.

With innovations e_k of covariance S_k the information about parameters i and j is

    I_ij = Σ_k  ∂e_k/∂θ_i' S_k⁻¹ ∂e_k/∂θ_j + ½ tr(S_k⁻¹ ∂S_k/∂θ_i S_k⁻¹ ∂S_k/∂θ_j)

(Schweppe 1965, DOI 10.1109/TIT.1965.1053737; Cavanaugh and Shumway 1996, DOI 10.1016/0378-3758(95)00186-0). It is what
the Hessian of the negative log-likelihood is on average, and never indefinite. The derivatives of all states run
through the filter side by side,

    ∂x_{k+1} = Φ (I - K_k H) ∂x_k + ∂Φ x̂_k + ∂Γ u_k + Φ ∂K e_k ,

so that a step is a product of matrices. The gain K_k is the filter's own; the *derivatives* of gain and innovations'
covariance are those of the filter at rest with all its readings, from the Lyapunov equation of the covariance at rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from scipy.linalg.blas import dsyrk

from rexnet_grid.spacemeternet.kalman import OBSERVED, multiply

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import Discrete
    from rexnet_grid.spacemeternet.kalman import FloatArray, IntArray, MaskArray, Trail

_ENTRIES = 2_000_000  # of the forcing that is held at once
_DOUBLINGS = 60
_SETTLED = 1e-12


class Tangent(NamedTuple):
    """Derivatives by each of p parameters: Φ, Γ0, Γ1 and Q (p, …), measurement variances (p, m), first means (p, n)."""

    phi: FloatArray
    gamma0: FloatArray
    gamma1: FloatArray
    q: FloatArray
    r: FloatArray
    initial: FloatArray


class Rest(NamedTuple):
    """The filter at rest: covariances of prediction and innovations, gain, and their derivatives (p, …)."""

    gain: FloatArray
    variance: FloatArray
    d_gain: FloatArray
    d_variance: FloatArray


def information(
    model: Discrete,
    tangent: Tangent,
    r: FloatArray,
    observed: IntArray,
    mask: MaskArray,
    trail: Trail,
    drive: tuple[FloatArray, FloatArray, FloatArray],
) -> FloatArray:
    """Return Fisher's information (p, p) about the parameters.

    Parameters
    ----------
    model, r, observed, mask
        The discretised network, measurement variances (m,), observed states (m,) and the readings' mask (N, m).
    tangent
        Derivatives by the parameters.
    trail
        What the filter left.
    drive
        Inputs (N, k), their first differences where they run straight (N, l), and innovations (N, m), 0 where there
        is no reading.
    """
    n, p, m = len(model.phi), len(tangent.phi), len(observed)
    rest = at_rest(model.phi, model.q, r, observed, tangent)
    seen = (mask == OBSERVED).astype(np.float64)
    root = np.linalg.inv(np.linalg.cholesky(rest.variance))
    by_scale = (root @ rest.d_variance @ root.T * np.sqrt(0.5 * (seen.T @ seen))).reshape(p, -1)
    out = by_scale @ by_scale.T
    pull = np.concatenate(
        [
            tangent.phi.transpose(2, 1, 0),
            tangent.gamma0.transpose(2, 1, 0),
            tangent.gamma1.transpose(2, 1, 0),
            (model.phi @ rest.d_gain).transpose(2, 1, 0),
        ]
    ).reshape(-1, n * p)
    source = np.hstack([trail.filtered, *drive])
    moved, lower = np.ascontiguousarray(tangent.initial.T), np.zeros((p, p), order="F")
    chunk = max(_ENTRIES // (n * p), 1)
    for first in range(0, len(mask), chunk):
        last = min(first + chunk, len(mask))
        forcing = (source[first:last] @ pull).reshape(last - first, n, p)
        scaled = np.empty((last - first, m, p))
        _sensitivities(
            model.phi, observed, mask[first:last], trail.columns, trail.variances, trail.rest[first:last], forcing,
            moved, scaled,
        )  # fmt: skip
        lower = dsyrk(1.0, scaled.reshape(-1, p).T, beta=1.0, c=lower, overwrite_c=1, lower=1)
    return np.asarray(out + np.tril(lower) + np.tril(lower, -1).T)


@njit(cache=True)
def _sensitivities(
    phi: FloatArray,
    observed: IntArray,
    mask: MaskArray,
    columns: FloatArray,
    variances: FloatArray,
    rest: IntArray,
    forcing: FloatArray,
    moved: FloatArray,
    scaled: FloatArray,
) -> None:
    """Run the states' derivatives ``moved`` (n, p) on; write those of the scaled innovations (steps, m, p)."""
    n, p = moved.shape
    m = len(observed)
    rows, left, closed, after = np.zeros((m, n)), np.empty((n, n)), np.empty((n, n)), np.empty((n, p))
    for k in range(len(mask)):
        at = rest[k] if rest[k] >= 0 else -1 - rest[k]
        left[:] = 0.0
        for a in range(n):
            left[a, a] = 1.0
        for i in range(m):
            if mask[k, i] != 0:
                rows[i] = 0.0
                continue
            s = variances[at, i]
            rows[i] = left[observed[i]]
            for a in range(n):
                f = columns[at, i, a] / s
                if f != 0.0:
                    for b in range(n):
                        left[a, b] -= f * rows[i, b]
            rows[i] /= np.sqrt(s)
        multiply(rows, moved, scaled[k])
        multiply(phi, left, closed)
        multiply(closed, moved, after)
        for a in range(n):
            for b in range(p):
                moved[a, b] = after[a, b] + forcing[k, a, b]


def at_rest(phi: FloatArray, q: FloatArray, r: FloatArray, observed: IntArray, tangent: Tangent) -> Rest:
    """Return the filter at rest with all readings, and its derivatives.

    The covariance P solves a Riccati equation (structure-preserving doubling: Chu, Fan, Lin and Wang 2004,
    DOI 10.1080/00207170410001714988), its derivative the Lyapunov equation ∂P = F ∂P F' + W with F = Φ (I - K H).
    """
    n, m = len(phi), len(observed)
    a, g, cov = phi.T.copy(), np.zeros((n, n)), q.copy()
    g[observed, observed] = 1.0 / r
    for _ in range(_DOUBLINGS):
        solved = np.linalg.solve(np.eye(n) + g @ cov, np.hstack([a, g @ a.T]))
        more = a.T @ cov @ solved[:, :n]
        g, a = g + a @ solved[:, n:], a @ solved[:, :n]
        cov = cov + 0.5 * (more + more.T)
        g = 0.5 * (g + g.T)
        if np.abs(more).max() <= _SETTLED * np.abs(cov).max():
            break
    variance = cov[np.ix_(observed, observed)] + np.diag(r)
    gain = np.asarray(np.linalg.solve(variance, cov[observed]), dtype=np.float64).T
    filtered = cov - gain @ cov[observed]
    ahead = phi @ gain
    closed = phi.copy()
    closed[:, observed] -= ahead
    total = tangent.phi @ (filtered @ phi.T)
    total = total + total.transpose(0, 2, 1) + tangent.q + (ahead * tangent.r[:, None, :]) @ ahead.T
    for _ in range(_DOUBLINGS):
        total = total + closed @ total @ closed.T
        closed = closed @ closed
        if np.abs(closed).max() < _SETTLED:
            break
    d_variance = total[:, observed[:, None], observed]
    d_variance[:, np.arange(m), np.arange(m)] += tangent.r
    across = (total[:, :, observed] - gain @ d_variance).transpose(0, 2, 1)
    d_gain = np.asarray(np.linalg.solve(variance, across), dtype=np.float64).transpose(0, 2, 1)
    return Rest(gain, variance, d_gain, d_variance)
