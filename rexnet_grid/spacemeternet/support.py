"""How well an edge is supported: by subsets of the days, and by what the likelihood loses without it.

*Stability* (Meinshausen and Bühlmann 2010, DOI 10.1111/j.1467-9868.2010.00740.x; complementary halves after Shah and
Samworth 2013, DOI 10.1111/j.1467-9868.2011.01034.x) is the share of halves of the days in which an edge still shows. A
half is not fitted anew: one Newton step from the whole, ``g_half = g + 2 Σ_{days in half} m_day`` with m_day by how
much a day's readings move the estimate, gives its estimate.

*Likelihood ratios* compare the fit with the best one without the edge; at the bound the ratio of one edge is half χ²_0
and half χ²_1 (Self and Liang 1987, DOI 10.1080/01621459.1987.10478472), and for k edges ½χ²_{k-1} + ½χ²_k bounds the
p-value from above (Kodde and Palm 1986, DOI 10.2307/1912331). Where the days scatter more than the curvature says, the
ratio is scaled down by the ratio of the variances (Chandler and Bate 2007, DOI 10.1093/biomet/asm015).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import chi2

from rexnet_grid.spacemeternet.descent import descend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.spacemeternet.buildingfit import BuildingFit
    from rexnet_grid.spacemeternet.descent import Fit
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.fitting import Curvature
    from rexnet_grid.spacemeternet.likelihood import Likelihood

_HALVES = 50
_SHOWS = 1.2816


def stability(conductance: FloatArray, std_error: FloatArray, daily: FloatArray, seed: int = 0) -> FloatArray:
    """Return the share of halves of the days (edges,) in which each edge shows.

    An edge shows in a half if its estimate there is above zero by the one-sided 10 % quantile of its standard error in
    a half, which is √2 that of the whole.

    Parameters
    ----------
    conductance, std_error
        (edges,) [W/K].
    daily
        (days, edges) by how much each day's readings move the estimates [W/K].
    seed
        Seed of the halves, which come in complementary pairs.
    """
    days = len(daily)
    rng = np.random.default_rng(seed)
    shown = np.zeros(len(conductance))
    for _ in range(_HALVES):
        order = rng.permutation(days)
        for half in (order[: days // 2], order[days // 2 :]):
            estimate = conductance + days / len(half) * daily[half].sum(axis=0)
            shown += estimate > _SHOWS * np.sqrt(2.0) * std_error
    return shown / (2 * _HALVES)


def without(likelihood: Likelihood, fit: Fit, curve: Curvature, dropped: Sequence[int], tolerance: float = 1e-4) -> Fit:
    """Return the best fit with the parameters ``dropped`` held at zero, from a fit that has them."""
    at = np.array(dropped, dtype=int)
    theta = fit.theta.copy()
    block = curve.covariance[np.ix_(at, at)]
    theta -= curve.covariance[:, at] @ np.linalg.pinv(block) @ theta[at]
    theta[at] = 0.0
    lower, upper = likelihood.lower.copy(), likelihood.upper.copy()
    lower[at] = upper[at] = 0.0
    return descend(likelihood, theta, curve.hessian, tolerance=tolerance, bounds=(lower, upper))


def root_ratio(likelihood: Likelihood, fit: Fit, curve: Curvature, edge: int, variance_ratio: float) -> float:
    """Return the square root of an edge's likelihood ratio, which is standard normal if there is no edge.

    ``variance_ratio`` is the curvature's variance over the one that counts the scatter of the days.
    """
    lost = without(likelihood, fit, curve, [edge]).objective - fit.objective
    return float(np.sqrt(2.0 * max(lost, 0.0) * variance_ratio))


def edge_test(ratio: float, edges: int) -> float:
    """Return the p-value of a likelihood ratio for ``edges`` non-negative conductances, bounded from above."""
    if edges <= 0 or ratio <= 0.0:
        return 1.0
    fewer = float(chi2.sf(ratio, edges - 1)) if edges > 1 else 0.0
    return 0.5 * (fewer + float(chi2.sf(ratio, edges)))


def nested_models(found: BuildingFit) -> pd.DataFrame:
    """Return a table of nested models of a building: no edges, the present ones, all candidates.

    Columns: parameters, loglik, aic, bic, and the p-value of the likelihood ratio against the row above.
    """
    likelihood, fit, curve = found.likelihood, found.fit, found.curve
    edges = np.array(found.model.edges, dtype=int)
    present = np.array([v.state == "present" for v in found.verdicts], dtype=bool)
    models = {"no edges": edges, "present edges": edges[~present], "all candidate edges": edges[:0]}
    rows: list[tuple[str, int, float, float, float, float]] = []
    n = float(np.log(likelihood.n_observed))
    before, had = np.nan, 0
    for name, dropped in models.items():
        best = without(likelihood, fit, curve, dropped.tolist()) if len(dropped) else fit
        loglik = likelihood.loglik(best.theta)
        kept = len(edges) - len(dropped)
        k = found.n_free - int(curve.free[edges].sum()) + int((best.theta[edges] > 0.0).sum())
        p = edge_test(2.0 * (loglik - before), kept - had) if np.isfinite(before) else np.nan
        rows.append((name, k, loglik, 2.0 * k - 2.0 * loglik, n * k - 2.0 * loglik, p))
        before, had = loglik, kept
    return pd.DataFrame(rows, columns=["model", "parameters", "loglik", "aic", "bic", "p_value"]).set_index("model")
