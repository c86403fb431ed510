"""A whole building fitted at once, with every candidate edge: conductances and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from rexnet_grid.spacemeternet.buildingfit import observations
from rexnet_grid.spacemeternet.descent import Fit, descend
from rexnet_grid.spacemeternet.diagnostics import whiteness
from rexnet_grid.spacemeternet.fitting import Curvature, curvature
from rexnet_grid.spacemeternet.jointfit import assemble, edge_estimates
from rexnet_grid.spacemeternet.likelihood import Likelihood
from rexnet_grid.spacemeternet.nodewise import carried_over
from rexnet_grid.spacemeternet.support import root_ratio
from rexnet_grid.spacemeternet.zonemodel import SPLIT, Pair, ZoneData, ZoneModel, build_zone_model

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.diagnostics import Whiteness
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.nodewise import NodeFit

W_PER_KW = 1000.0
_MOST_DAYS = 60
_POLISHES = 4
ONE_SIDED = 1.645
_HALF_CHI2 = 0.5 * ONE_SIDED**2
_CLOSE_CALL = (1.5, 4.0)
_TIMES_SCALE = 10.0
_ASTRAY = 2.0
_AT_REST, _AMONG_VISITS = 1e-9, 1e-13
_SIGNIFICANT = 3.84
_NEARLY_NONE = {"envelope": 0.0, "loss": 0.15}  # of their usual start, so that a wider model starts where a fit ended
_NEW = 10.0  # curvature of what the fit before did not have, so that first steps stay small


@dataclass(frozen=True, slots=True)
class Whole:
    """A building fitted with all its candidate edges; conductances and standard errors [W/K].

    Attributes
    ----------
    data, model, likelihood, fit, curve
        The readings, and the model fitted to them.
    conductance, std_error
        (edges,) [W/K].
    daily
        (days, edges) by how much each day's readings move the conductances [W/K].
    curvature_share
        (edges,) the curvature's share of each squared standard error.
    white
        What the residuals say.
    """

    data: ZoneData
    model: ZoneModel
    likelihood: Likelihood
    fit: Fit
    curve: Curvature
    conductance: FloatArray
    std_error: FloatArray
    daily: FloatArray
    curvature_share: FloatArray
    white: Whiteness

    @property
    def hidden(self) -> int:
        """Number of hidden neighbours."""
        return self.model.hidden

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        n = float(np.log(self.likelihood.n_observed))
        return n * int(self.curve.free.sum()) - 2.0 * self.likelihood.loglik(self.fit.theta)

    @property
    def z(self) -> FloatArray:
        """Estimates over standard errors."""
        known = np.isfinite(self.std_error) & (self.std_error > 0.0)
        return np.where(known, self.conductance / np.where(known, self.std_error, 1.0), 0.0)

    def tested(self) -> FloatArray:
        """Return what the edges are tested by: z, or the root of the likelihood ratio where it is a close call."""
        out = self.z.copy()
        low, high = _CLOSE_CALL
        for number in np.flatnonzero((out > low) & (out < high)):
            edge, share = self.model.edges[number], float(self.curvature_share[number])
            out[number] = root_ratio(self.likelihood, self.fit, self.curve, edge, share)
        return out


def fit_whole(data: ZoneData, pairs: tuple[Pair, ...], kept: tuple[Pair, ...], nodes: list[NodeFit]) -> Whole:
    """Fit a building from the fits of its zones; ``kept`` are the pairs that these looked at."""
    model = build_zone_model(data, pairs, nodes[0].states)
    likelihood = likelihood_of(model, data)
    return judged(data, model, likelihood, _joint_fit(data, model, likelihood, nodes, kept))


def likelihood_of(model: ZoneModel, data: ZoneData) -> Likelihood:
    """Return a model's likelihood; a covariance comes to rest by its largest variance, which visits make large."""
    return Likelihood(model.network, observations(data), tolerance=_AMONG_VISITS if model.lived_in else _AT_REST)


def widened(whole: Whole) -> Whole | None:
    """Fit the building anew with one more hidden neighbour; None where that cannot lower the BIC."""
    data = whole.data
    model = remodelled(whole, data, hidden=whole.hidden + 1)
    needed = np.log(whole.likelihood.n_observed) * len(data.zones)
    likelihood, fit = refitted(whole, data, model, target=whole.fit.objective - 0.5 * needed)
    gained = 2.0 * (likelihood.loglik(fit.theta) - whole.likelihood.loglik(whole.fit.theta))
    if gained < needed:
        return None
    return judged(data, model, likelihood, fit)


def with_outer_walls(whole: Whole) -> tuple[Whole, FloatArray]:
    """Try masses that lose heat to outdoors themselves; return the better model and what the choice adds to the errors.

    Outer walls are the rule in houses, so that each need only be significant at 5 % (3.84 in twice the log-likelihood),
    not earn its place by BIC; where residuals stay coloured, likelihoods prove nothing and the simpler model stays.
    What the choice of one of two models adds to the standard errors (edges,) [W/K] is the spread of the two about their
    mean (Buckland, Burnham and Augustin 1997, DOI 10.2307/2533961).
    """
    if whole.model.order == 1 or whole.model.envelope:
        return whole, np.zeros(len(whole.model.edges))
    data = whole.data
    model = remodelled(whole, data, envelope=True)
    likelihood, fit = refitted(whole, data, model)
    other = W_PER_KW * likelihood.values(fit.theta)[list(model.edges)]
    spread = np.abs(other - whole.conductance) / np.sqrt(2.0)
    more = int(((fit.theta > likelihood.lower) & (fit.theta < likelihood.upper)).sum()) - int(whole.curve.free.sum())
    gained = 2.0 * likelihood.loglik(fit.theta) - 2.0 * whole.likelihood.loglik(whole.fit.theta)
    better = gained > _SIGNIFICANT * more and whole.white.passes
    return (judged(data, model, likelihood, fit) if better else whole), spread


def remodelled(
    whole: Whole,
    data: ZoneData,
    pairs: tuple[Pair, ...] | None = None,
    *,
    hidden: int | None = None,
    envelope: bool | None = None,
    lived_in: bool | None = None,
) -> ZoneModel:
    """Return the model of a fit for some readings, with what is given changed."""
    old = whole.model
    return build_zone_model(
        data,
        old.pairs if pairs is None else pairs,
        old.order,
        hidden=old.hidden if hidden is None else hidden,
        envelope=old.envelope if envelope is None else envelope,
        lived_in=old.lived_in if lived_in is None else lived_in,
    )


def refitted(
    whole: Whole, data: ZoneData, model: ZoneModel, tolerance: float = 1e-4, target: float = np.inf
) -> tuple[Likelihood, Fit]:
    """Fit another model, or other readings, from where a fit has ended; the parameters' names tell what is what.

    Tolerance and target as in :func:`rexnet_grid.spacemeternet.descent.descend`.
    """
    likelihood = likelihood_of(model, data)
    start = carried_over(whole.likelihood, whole.fit.theta, likelihood)
    known = {p.name for p in whole.model.network.parameters}
    for k, parameter in enumerate(model.network.parameters):
        if parameter.name not in known:
            start[k] *= _NEARLY_NONE.get(parameter.name.split(" ")[0], 1.0)
    same = len(known) == len(start)
    hessian = carried_hessian(whole, likelihood) if same else likelihood.information(start)
    return likelihood, descend(likelihood, start, hessian, tolerance=tolerance, target=target)


def carried_hessian(whole: Whole, likelihood: Likelihood) -> FloatArray:
    """Return a guess of another likelihood's Hessian from a fit's; the parameters' names tell what is what."""
    before = {p.name: k for k, p in enumerate(whole.model.network.parameters)}
    names = [p.name for p in likelihood.network.parameters]
    kept = np.array([k for k, name in enumerate(names) if name in before], dtype=int)
    source = np.array([before[names[k]] for k in kept], dtype=int)
    hessian = np.diag(likelihood.prior_precision + _NEW)
    unit = np.where(likelihood.is_log[kept], 1.0, likelihood.unit[kept] / whole.likelihood.unit[source])
    share = likelihood.n_observed / whole.likelihood.n_observed
    hessian[np.ix_(kept, kept)] = share * whole.curve.hessian[np.ix_(source, source)] * np.outer(unit, unit)
    return hessian


def judged(data: ZoneData, model: ZoneModel, likelihood: Likelihood, fit: Fit) -> Whole:
    """Return a fit, polished, with its conductances and what the residuals say."""
    fit, curve = _polished(likelihood, fit)
    white = whiteness(likelihood.innovations(fit.theta), data.step)
    return Whole(data, model, likelihood, fit, curve, *edge_statistics(data, model, likelihood, fit, curve), white)


def edge_statistics(
    data: ZoneData, model: ZoneModel, likelihood: Likelihood, fit: Fit, curve: Curvature
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return of every edge conductance and standard error [W/K], the days' moves and the curvature's share of it.

    The standard error is the larger of the curvature's and of the one that the scatter of the days' scores gives
    (White 1982, DOI 10.2307/1912526), which knows when the model is wrong; it is widened as Student's t is for so many
    days. An edge at zero gets the standard error it has when it alone is set free, see :func:`error_at_zero`.
    """
    days = int(np.clip(len(data.temperature) * data.step / 24.0, 4, _MOST_DAYS))
    scores = likelihood.scores(fit.theta, days)
    scores = scores - scores.mean(axis=0)
    small_sample = float(student.ppf(0.975, days - 1) / norm.ppf(0.975) * np.sqrt(days / (days - 1)))
    slope = likelihood.slope(fit.theta)
    gradient = likelihood.value_and_gradient(fit.theta)[1]
    out, share = np.empty(len(model.edges)), np.ones(len(model.edges))
    moves = np.zeros((days, len(model.edges)))
    for number, edge in enumerate(model.edges):
        row = _influence(curve, edge)
        by_days = float(((scores @ row) ** 2).sum())
        wide = np.sqrt(max(row[edge], by_days)) if np.isfinite(row[edge]) else np.inf
        if not curve.free[edge] and gradient[edge] > 0.0:
            bend = 1.0 / row[edge] if np.isfinite(row[edge]) else 0.0
            wide = error_at_zero(wide, float(gradient[edge]), bend)
        out[number] = small_sample * wide * slope[edge]
        if np.isfinite(row[edge]):
            moves[:, number] = -W_PER_KW * slope[edge] * (scores @ row)
            share[number] = row[edge] / (small_sample * wide) ** 2
    return W_PER_KW * likelihood.values(fit.theta)[list(model.edges)], W_PER_KW * out, moves, share


def scale_error(whole: Whole) -> FloatArray:
    """Return what the common scale of all conductances adds to their standard errors (edges,) [W/K].

    The share of the heat that goes to the air scales every conductance alike, and is seen only in how masses answer
    over hours and days, where the model is crudest. The part of each variance that comes from it counts ten times;
    whether an edge is there does not depend on it.
    """
    names = [p.name for p in whole.model.network.parameters]
    edges = list(whole.model.edges)
    if SPLIT not in names:
        return np.zeros(len(edges))
    split = names.index(SPLIT)
    row = _influence(whole.curve, split)
    if not np.isfinite(row[split]) or row[split] <= 0.0:
        return np.zeros(len(edges))
    along = row[edges] / np.sqrt(row[split])
    slope = whole.likelihood.slope(whole.fit.theta)[edges]
    return np.asarray(W_PER_KW * np.abs(slope * along) * np.sqrt(_TIMES_SCALE - 1.0))


def error_at_zero(std_error: float, gradient: float, bend: float) -> float:
    """Return the standard error of an edge that is zero in the fit.

    It is smaller than ``std_error``, the one it has when it alone is set free, where the likelihood falls off steeply
    from zero: the one whose 95 % bound is that of the likelihood ratio. But where the edge would go below zero by more
    than two standard errors if it could, which no wall can, the model is astray, by no less than that: then the error
    is how far below zero it would go.

    Parameters
    ----------
    std_error
        Of the edge set free; infinite if nothing is known.
    gradient, bend
        First and second derivative of the negative log-likelihood at zero.
    """
    below = gradient / bend if bend > 0.0 else 0.0
    if below > _ASTRAY * std_error:
        return below
    return min(std_error, _ratio_bound(gradient, bend) / ONE_SIDED)


def _ratio_bound(gradient: float, bend: float) -> float:
    """Return t with gradient t + bend t²/2 = χ²/2: where the likelihood ratio reaches the 95 % bound."""
    root = np.sqrt(gradient**2 + 2.0 * bend * _HALF_CHI2)
    return float(2.0 * _HALF_CHI2 / (gradient + root))


def _influence(curve: Curvature, edge: int) -> FloatArray:
    """Return the row of the covariance (p,) of an edge, which is set free if it is at its bound."""
    if curve.free[edge]:
        return np.asarray(curve.covariance[edge])
    index = np.flatnonzero(curve.free)
    across = curve.hessian[edge, index]
    along = curve.covariance[np.ix_(index, index)] @ across
    own = float(curve.hessian[edge, edge] - across @ along)
    row = np.zeros(len(curve.free))
    if own > 0.0:
        row[index] = -along / own
        row[edge] = 1.0 / own
    else:
        row[edge] = np.inf
    return row


def _polished(likelihood: Likelihood, fit: Fit) -> tuple[Fit, Curvature]:
    """Go on from a fit with the true Hessian until it stays where it is."""
    curve = curvature(likelihood, fit.theta)
    for _ in range(_POLISHES):
        if fit.converged and curve.smallest > 0.0:
            break
        better = descend(likelihood, fit.theta, curve.hessian)
        fit = replace(better, evaluations=fit.evaluations + better.evaluations)
        curve = curvature(likelihood, fit.theta)
    return fit, curve


def _joint_fit(
    data: ZoneData, model: ZoneModel, likelihood: Likelihood, nodes: list[NodeFit], kept: tuple[Pair, ...]
) -> Fit:
    """Fit the whole; edges that were not looked at closely start at zero with a typical curvature."""
    start = np.zeros(len(model.pairs))
    number = {pair: k for k, pair in enumerate(model.pairs)}
    estimate, std_error = edge_estimates(nodes, kept)
    chosen = [number[pair] for pair in kept]
    start[chosen] = np.where(estimate > 0.5 * std_error, estimate, 0.0)
    theta, hessian = assemble(data, model, likelihood, nodes, start)
    edges = np.array(model.edges, dtype=int)
    if chosen:
        typical = float(np.median(np.diag(hessian)[edges[chosen]]))
        others = np.setdiff1d(np.arange(len(edges)), chosen)
        hessian[edges[others], edges[others]] += typical
    return descend(likelihood, theta, hessian)
