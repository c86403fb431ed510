"""The search for a building's structure: from the zones' own fits to a verdict on every candidate edge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.buildingfit import BuildingFit, observations
from rexnet_grid.spacemeternet.descent import Fit, descend
from rexnet_grid.spacemeternet.diagnostics import whiteness
from rexnet_grid.spacemeternet.fitting import Curvature, curvature
from rexnet_grid.spacemeternet.jointfit import assemble, edge_estimates, fit_nodes
from rexnet_grid.spacemeternet.likelihood import Likelihood
from rexnet_grid.spacemeternet.nodewise import NodeFit, smoothed
from rexnet_grid.spacemeternet.screening import FEW_ZONES, screen
from rexnet_grid.spacemeternet.structure import EdgeVerdict, judge
from rexnet_grid.spacemeternet.support import root_ratio, stability, without
from rexnet_grid.spacemeternet.zonemodel import ENOUGH_FOR_COMMON, Pair, ZoneData, ZoneModel, build_zone_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rexnet_grid.spacemeternet.diagnostics import Whiteness
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.kalman import BoolArray

_MATERIAL_SHARE = 0.2
_W_PER_KW = 1000.0
_MOST_DAYS = 60
_POLISHES = 4
_FEWEST_HOURS = 72.0
_SUPPORT = 1.645
_ONE_SIDED = 1.645
_HALF_CHI2 = 0.5 * _ONE_SIDED**2
_CLOSE_CALL = (1.5, 4.0)


@dataclass(frozen=True, slots=True)
class SearchRules:
    """How edges are judged; see :class:`rexnet_grid.spacemeternet.thermal.ThermalSpaceNet`."""

    states: Literal["auto", 1, 2] = "auto"
    material_w_k: float | None = None
    false_discovery_rate: float = 0.05
    confidence: float = 0.95


def search(data: ZoneData, candidates: Iterable[tuple[str, str]] | None, rules: SearchRules) -> BuildingFit:
    """Fit a building and give a verdict on every candidate edge.

    Zones are fitted on their own, with one and with two states; the sum of their BIC decides between the two. Without
    a floor plan the pairs are screened first. The whole building is then fitted with every candidate edge, starting
    from the zones' fits. Where residuals stray from white noise, a hidden neighbour is tried. Where they stay
    coloured, and always in a building of few zones without a floor plan, an edge has to show with the other number of
    states too, or it stays undetermined; without a floor plan it has to show with constant gains as well.

    Raises
    ------
    MeterDataError
        If a candidate names a zone that is not there.
    """
    pairs = candidate_pairs(data.zones, candidates)
    kept = pairs if candidates is not None else screen(data, smoothed(data.temperature, data.step), pairs)
    options = [fit_nodes(data, kept, s) for s in ((1, 2) if rules.states == "auto" else (rules.states,))]
    nodes = min(options, key=lambda fits: sum(node.bic for node in fits))
    chosen = _fit_whole(data, pairs, kept, nodes)
    white = _whiteness(data, chosen)
    doubted = np.zeros(len(pairs), dtype=bool)
    if white.suspicious and len(data.zones) >= ENOUGH_FOR_COMMON:
        wider = _fit_whole(data, pairs, kept, nodes, hidden=True)
        cleaner = _whiteness(data, wider)
        if wider.bic < chosen.bic and cleaner.passes:
            doubted |= chosen.z < _SUPPORT
            chosen, white = wider, cleaner
    unaided = candidates is None and len(data.zones) <= FEW_ZONES
    if pairs and (unaided or not white.passes):
        order = 3 - nodes[0].states
        others = next((fits for fits in options if fits[0].states == order), None) or fit_nodes(data, kept, order)
        doubted |= _fit_whole(data, pairs, kept, others).z < _SUPPORT
    if candidates is None:
        doubted |= _without_daily_gains(chosen) < _ONE_SIDED
    verdicts = _verdicts(data, chosen, doubted, rules, dependent=candidates is None)
    return BuildingFit(data, chosen.model, chosen.likelihood, chosen.fit, chosen.curve, verdicts, white)


def _whiteness(data: ZoneData, whole: _Whole) -> Whiteness:
    return whiteness(whole.likelihood.innovations(whole.fit.theta), data.step)


def _without_daily_gains(whole: _Whole) -> FloatArray:
    """Return z of the edges in the fit whose gains are constant: conductance there over standard error here."""
    daily = [k for k, p in enumerate(whole.model.network.parameters) if p.name.endswith("/day")]
    if not daily:
        return np.full(len(whole.model.edges), np.inf)
    steady = without(whole.likelihood, whole.fit, whole.curve, daily)
    conductance = _W_PER_KW * whole.likelihood.values(steady.theta)[list(whole.model.edges)]
    return np.asarray(conductance / np.maximum(whole.std_error, 1e-12))


@dataclass(frozen=True, slots=True)
class _Whole:
    """A building fitted with all its candidate edges; conductances and standard errors [W/K].

    ``daily`` (days, edges) is by how much each day's readings move the conductances [W/K], ``curvature_share`` the
    curvature's share of each squared standard error.
    """

    model: ZoneModel
    likelihood: Likelihood
    fit: Fit
    curve: Curvature
    conductance: FloatArray
    std_error: FloatArray
    daily: FloatArray
    curvature_share: FloatArray

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


def _fit_whole(
    data: ZoneData, pairs: tuple[Pair, ...], kept: tuple[Pair, ...], nodes: list[NodeFit], *, hidden: bool = False
) -> _Whole:
    model = build_zone_model(data, pairs, nodes[0].states, hidden=hidden)
    likelihood = Likelihood(model.network, observations(data), tolerance=1e-9)
    fit, curve = _polished(likelihood, _joint_fit(data, model, likelihood, nodes, kept))
    return _Whole(model, likelihood, fit, curve, *edge_statistics(data, model, likelihood, fit, curve))


def candidate_pairs(zones: tuple[str, ...], candidates: Iterable[tuple[str, str]] | None) -> tuple[Pair, ...]:
    """Return the candidate edges as ordered pairs of zone indices; all pairs if there is no floor plan."""
    if candidates is None:
        return tuple(combinations(range(len(zones)), 2))
    issues, pairs = [], set()
    for a, b in candidates:
        if str(a) not in zones or str(b) not in zones or a == b:
            issues.append(Issue("candidate_edges", f"{a}-{b}", "an unknown zone", "two columns of the temperatures"))
        else:
            i, j = zones.index(str(a)), zones.index(str(b))
            pairs.add((min(i, j), max(i, j)))
    if issues:
        raise MeterDataError(issues)
    return tuple(sorted(pairs))


def edge_statistics(
    data: ZoneData, model: ZoneModel, likelihood: Likelihood, fit: Fit, curve: Curvature
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return of every edge conductance and standard error [W/K], the days' moves and the curvature's share of it.

    The standard error is the larger of the curvature's and of the one that the scatter of the days' scores gives
    (White 1982, DOI 10.2307/1912526), which knows when the model is wrong; it is widened as Student's t is for so many
    days. An edge at zero gets the standard error it has when it alone is set free, or a smaller one where the
    likelihood falls off steeply from zero: the one whose 95 % bound is that of the likelihood ratio.
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
            wide = min(wide, _ratio_bound(float(gradient[edge]), bend) / _ONE_SIDED)
        out[number] = small_sample * wide * slope[edge]
        if np.isfinite(row[edge]):
            moves[:, number] = -_W_PER_KW * slope[edge] * (scores @ row)
            share[number] = row[edge] / (small_sample * wide) ** 2
    return _W_PER_KW * likelihood.values(fit.theta)[list(model.edges)], _W_PER_KW * out, moves, share


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


def _verdicts(
    data: ZoneData, whole: _Whole, doubted: BoolArray, rules: SearchRules, *, dependent: bool
) -> tuple[EdgeVerdict, ...]:
    """Judge every candidate edge; what a simpler or richer model does not find either is left open.

    Without a floor plan (``dependent``) most pairs are no edges and lean on the same temperatures, so that false
    discoveries are held under any dependence (Benjamini and Yekutieli 2001, DOI 10.1214/aos/1013699998).
    """
    conductance, std_error = whole.conductance, whole.std_error
    if len(conductance) == 0:
        return ()
    scale = conductance[conductance > 3.0 * std_error]
    material = rules.material_w_k or _MATERIAL_SHARE * float(np.median(scale) if len(scale) else np.median(std_error))
    support = stability(conductance, std_error, whole.daily)
    rate = rules.false_discovery_rate
    if dependent:
        rate /= float((1.0 / np.arange(1, len(conductance) + 1)).sum())
    states, probability = judge(conductance, std_error, whole.tested(), support, material, rate, rules.confidence)
    if len(data.temperature) * data.step < _FEWEST_HOURS:
        doubted = np.ones(len(states), dtype=bool)
    if not data.circuits:  # without a metered power nothing says how large a conductance is
        doubted, std_error = np.ones(len(states), dtype=bool), np.full(len(states), np.inf)
    states = tuple(
        "undetermined" if state == "present" and doubt else state for state, doubt in zip(states, doubted, strict=True)
    )
    return tuple(
        EdgeVerdict(data.zones[i], data.zones[j], state, g, s, g / s if s > 0 else 0.0, p, share)
        for (i, j), state, g, s, p, share in zip(
            whole.model.pairs,
            states,
            conductance.tolist(),
            std_error.tolist(),
            probability.tolist(),
            support.tolist(),
            strict=True,
        )
    )
