"""The search for a building's structure: joint fits, choice of the states, a verdict for every candidate edge."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.fitting import Curvature, Fit, curvature, invert, maximise
from rexnet_grid.spacemeternet.likelihood import Likelihood, Observations
from rexnet_grid.spacemeternet.structure import EdgeVerdict, judge
from rexnet_grid.spacemeternet.zonemodel import Pair, ZoneData, ZoneModel, build_zone_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rexnet_grid.spacemeternet.discretise import Discrete, FloatArray

_HOLD_HOURS = 1.0
_MATERIAL_SHARE = 0.15
_W_PER_KW = 1000.0


@dataclass(frozen=True, slots=True)
class SearchRules:
    """How edges are judged; see :class:`rexnet_grid.spacemeternet.thermal.ThermalSpaceNet`."""

    states: Literal["auto", 1, 2] = "auto"
    material_w_k: float | None = None
    false_discovery_rate: float = 0.05
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class StateSpace:
    """The estimated building in continuous time, dx/dt = A x + B u, y = C x + e.

    Attributes
    ----------
    A, B, C
        Matrices; time in hours, temperatures in degC, powers in kW, irradiance in kW/m².
    states, inputs, outputs
        Names of rows and columns.
    process_std, measurement_std
        σ of each state [K/√h] and of each reading [K].
    """

    A: FloatArray
    B: FloatArray
    C: FloatArray
    states: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    process_std: FloatArray
    measurement_std: FloatArray

    @property
    def time_constants_h(self) -> FloatArray:
        """Time constants of the free response [h], longest first."""
        return np.sort(-1.0 / np.minimum(np.linalg.eigvals(self.A).real, -1e-12))[::-1]


@dataclass(frozen=True, slots=True)
class BuildingFit:
    """A fitted building with its verdicts."""

    data: ZoneData
    model: ZoneModel
    likelihood: Likelihood
    fit: Fit
    curve: Curvature
    verdicts: tuple[EdgeVerdict, ...]
    diagnostics: dict[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> FloatArray:
        """Parameters in their units."""
        return self.likelihood.values(self.fit.theta)

    @property
    def covariance(self) -> FloatArray:
        """(p, p) covariance of the parameters in their units."""
        slope = self.likelihood.slope(self.fit.theta)
        return self.curve.covariance * np.outer(slope, slope)

    @property
    def loglik(self) -> float:
        """Log-likelihood of all readings."""
        return self.likelihood.loglik(self.fit.theta)

    @property
    def n_free(self) -> int:
        """Number of parameters that are not at a bound."""
        return int(self.curve.free.sum())

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2.0 * self.n_free - 2.0 * self.loglik

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return float(np.log(self.likelihood.n_observed)) * self.n_free - 2.0 * self.loglik

    def parameter_table(self) -> pd.DataFrame:
        """Return value, standard error, unit and whether at a bound, one row a parameter."""
        parameters = self.model.network.parameters
        return pd.DataFrame(
            {
                "value": self.values,
                "std_error": np.where(self.curve.free, np.sqrt(np.maximum(np.diag(self.covariance), 0.0)), np.nan),
                "unit": [p.unit for p in parameters],
                "at_bound": ~self.curve.free,
            },
            index=[p.name for p in parameters],
        )

    def edge_table(self) -> pd.DataFrame:
        """Return one row for each candidate edge, the absent ones too."""
        columns = ["a", "b", "state", "conductance_w_k", "std_error", "z", "probability"]
        return pd.DataFrame([[getattr(v, c) for c in columns] for v in self.verdicts], columns=columns)

    def state_space(self) -> StateSpace:
        """Return the building in continuous time."""
        network = self.model.network
        m = network.matrices(self.values)
        c = np.zeros((len(network.observed), len(network.states)))
        c[np.arange(len(network.observed)), network.observed] = 1.0
        return StateSpace(
            -m.conductance / m.capacity[:, None],
            m.power / m.capacity[:, None],
            c,
            tuple(network.states),
            network.inputs,
            self.data.zones,
            np.sqrt(m.variance),
            np.sqrt(m.measurement),
        )

    def predict(self, horizon: int) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (N, zones) of the readings as predicted ``horizon`` steps before."""
        m, model, g = self.likelihood.discrete(self.fit.theta)
        states = self.likelihood.states(self.fit.theta)
        ahead = states.copy()
        for step in range(1, horizon):
            ahead[step:] = ahead[step - 1 : -1] @ model.phi.T + g[step - 1 : -1]
        mean = ahead[:, list(self.model.air)]
        mean[: horizon - 1] = np.nan
        variance = self._filtered_variance(model, m.measurement)
        for _ in range(horizon):
            variance = model.phi @ variance @ model.phi.T + model.q
        air = np.array(self.model.air)
        std = np.sqrt(variance[air, air] + m.measurement)
        return mean, np.broadcast_to(std, mean.shape).copy()

    def simulate(self, data: ZoneData, initial: FloatArray) -> FloatArray:
        """Return the (N, zones) temperatures that the inputs of ``data`` bring about from ``initial`` (zones,)."""
        other = self._on(data)
        _, model, g = other.discrete(self.fit.theta)
        x = np.empty(len(self.model.network.states))
        per_zone = len(x) // len(self.data.zones)
        x[:] = np.repeat(initial, per_zone)
        out = np.empty((len(g), len(self.data.zones)))
        for k in range(len(g)):
            out[k] = x[list(self.model.air)]
            x = model.phi @ x + g[k]
        return out

    def score(self, data: ZoneData) -> float:
        """Return the mean log predictive density of ``data``."""
        other = self._on(data)
        return other.loglik(self.fit.theta) / other.n_observed

    def _on(self, data: ZoneData) -> Likelihood:
        if data.input_names() != self.data.input_names() or data.zones != self.data.zones:
            raise MeterDataError(
                [Issue("data", "columns", ", ".join(data.input_names()), ", ".join(self.data.input_names()))]
            )
        return Likelihood(self.model.network, _observations(data))

    def _filtered_variance(self, model: Discrete, measurement: FloatArray) -> FloatArray:
        p = np.eye(len(model.phi))
        air = np.array(self.model.air)
        for _ in range(2000):
            gain = np.linalg.solve(p[np.ix_(air, air)] + np.diag(measurement), p[air]).T
            filtered = p - gain @ p[air]
            after = model.phi @ filtered @ model.phi.T + model.q
            if np.max(np.abs(after - p)) <= 1e-9 * np.max(np.diag(after)):
                break
            p = after
        return np.asarray(filtered)


def search(data: ZoneData, candidates: Iterable[tuple[str, str]] | None, rules: SearchRules) -> BuildingFit:
    """Fit a building with all candidate edges, choose its states and give a verdict on every edge.

    Raises
    ------
    MeterDataError
        If a candidate names a zone that is not there.
    """
    pairs = candidate_pairs(data.zones, candidates)
    best: tuple[float, ZoneModel, Likelihood, Fit, Curvature] | None = None
    for states in (1, 2) if rules.states == "auto" else (rules.states,):
        model = build_zone_model(data, pairs, states)
        likelihood = Likelihood(model.network, _observations(data))
        fit = maximise(likelihood)
        curve = curvature(likelihood, fit.theta)
        bic = np.log(likelihood.n_observed) * curve.free.sum() - 2.0 * likelihood.loglik(fit.theta)
        if best is None or bic < best[0]:
            best = (float(bic), model, likelihood, fit, curve)
    assert best is not None  # noqa: S101
    _, model, likelihood, fit, curve = best
    verdicts = _verdicts(data, model, likelihood, fit, curve, rules)
    return BuildingFit(data, model, likelihood, fit, curve, verdicts)


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


def _observations(data: ZoneData) -> Observations:
    return Observations.from_readings(data.temperature, data.inputs(), data.step, int(_HOLD_HOURS / data.step))


def _verdicts(
    data: ZoneData, model: ZoneModel, likelihood: Likelihood, fit: Fit, curve: Curvature, rules: SearchRules
) -> tuple[EdgeVerdict, ...]:
    """Judge every candidate edge; an edge at zero gets the standard error it has when set free."""
    edges = np.array(model.edges, dtype=int)
    if len(edges) == 0:
        return ()
    free = curve.free.copy()
    free[edges] = True
    opened = invert(curve.hessian, free).covariance
    slope = likelihood.slope(fit.theta)
    std_error = _W_PER_KW * np.sqrt(np.maximum(np.diag(opened)[edges], 0.0)) * slope[edges]
    conductance = _W_PER_KW * likelihood.values(fit.theta)[edges]
    scale = conductance[conductance > 3.0 * std_error]
    material = rules.material_w_k or _MATERIAL_SHARE * float(np.median(scale) if len(scale) else np.median(std_error))
    states, probability = judge(conductance, std_error, material, rules.false_discovery_rate, rules.confidence)
    out = []
    for number, (i, j) in enumerate(model.pairs):
        g, s = float(conductance[number]), float(std_error[number])
        out.append(
            EdgeVerdict(
                data.zones[i], data.zones[j], states[number], g, s, g / s if s > 0 else 0.0, float(probability[number])
            )
        )
    return tuple(out)
