"""A fitted building: its parameters with their uncertainty, its edges, what it predicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.diagnostics import strongest_correlation
from rexnet_grid.spacemeternet.likelihood import Likelihood, Observations
from rexnet_grid.spacemeternet.names import Names

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.descent import Fit
    from rexnet_grid.spacemeternet.diagnostics import Whiteness
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.fitting import Curvature
    from rexnet_grid.spacemeternet.structure import EdgeVerdict
    from rexnet_grid.spacemeternet.zonemodel import ZoneData, ZoneModel

_HOLD_HOURS = 1.0


def observations(data: ZoneData) -> Observations:
    """Return a building's meters as the likelihood takes them; single lost readings do not move the gain."""
    return Observations.from_readings(data.temperature, data.inputs(), data.step, int(_HOLD_HOURS / data.step))


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
    whiteness: Whiteness
    names: Names = field(default_factory=Names)

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

    def diagnostics(self) -> dict[str, Any]:
        """Return what residuals, curvature and search say about the fit."""
        parameters = self.model.network.parameters
        white = self.whiteness
        return {
            "states_per_zone": self.model.order,
            "converged": self.fit.converged,
            "evaluations": self.fit.evaluations,
            "white": white.passes,
            "autocorrelation_next_step": dict(zip(self.data.zones, white.next_step.tolist(), strict=True)),
            "autocorrelation_next_day": dict(zip(self.data.zones, white.next_day.tolist(), strict=True)),
            "cumulated_periodogram": dict(zip(self.data.zones, white.periodogram.tolist(), strict=True)),
            "cumulated_periodogram_band": white.band,
            "residual_correlation": pd.DataFrame(white.across, self.data.zones, self.data.zones),
            "input_correlation": self._input_correlation(),
            "correlation_band": 1.96 / float(np.sqrt(len(self.data.temperature))),
            "time_constants_h": self.state_space().time_constants_h.tolist(),
            "start_objectives": list(self.fit.objectives),
            "at_bound": [
                p.name for p, free in zip(parameters, self.curve.free, strict=True) if not free and p.lower < p.upper
            ],
            "lived_in": self.model.lived_in,
            "hessian_rank": self.curve.rank,
            "hessian_condition": self.curve.condition,
            "names": self.names.remarks(self.data.zones),
        }

    def _input_correlation(self) -> pd.DataFrame:
        """Return the strongest correlation of each zone's residuals with each input of the day before."""
        day = max(round(24.0 / self.data.step), 1)
        first = min(day, len(self.data.temperature) // 4)
        residuals = self.likelihood.innovations(self.fit.theta)[first:]
        filled = np.nan_to_num(residuals - np.nanmean(residuals, axis=0))
        names = [name for name in self.data.input_names() if name != "one"]
        columns = [self.data.input_names().index(name) for name in names]
        across = strongest_correlation(filled, self.data.inputs()[first:, columns], min(day, len(filled) - 1))
        return pd.DataFrame(across, self.data.zones, names)

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
        columns = [
            "a", "b", "state", "conductance_w_k", "std_error", "z", "probability", "stability", "also_as",
            "room_probability",
        ]  # fmt: skip
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
            np.sqrt(np.diag(m.diffusion)),
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
        variance = self.filtered_variance(self.fit.theta)
        for _ in range(horizon):
            variance = model.phi @ variance @ model.phi.T + model.q
        air = np.array(self.model.air)
        std = np.sqrt(variance[air, air] + m.measurement)
        return mean, np.broadcast_to(std, mean.shape).copy()

    def simulate(self, data: ZoneData, initial: FloatArray) -> FloatArray:
        """Return the (N, zones) temperatures that the inputs of ``data`` bring about from ``initial`` (zones,)."""
        other = self._on(data)
        _, model, g = other.discrete(self.fit.theta)
        x = np.append(initial, data.boundary[0, 0])[list(self.model.inside)]
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
        return Likelihood(self.model.network, observations(data))

    def filtered_variance(self, theta: FloatArray) -> FloatArray:
        """Return the covariance (n, n) of the states after a reading, once the filter has come to rest."""
        m, model, _ = self.likelihood.discrete(theta)
        measurement = m.measurement
        p = np.eye(len(model.phi))
        air = np.array(self.model.air)
        for _ in range(2000):
            gain = np.linalg.solve(p[np.ix_(air, air)] + np.diag(measurement), p[air]).T
            filtered = p - gain @ p[air]
            after = model.phi @ filtered @ model.phi.T + model.q
            size = np.sqrt(np.maximum(np.diag(after), 0.0))
            if (np.abs(after - p) <= 1e-9 * np.outer(size, size)).all():
                break
            p = after
        return np.asarray(filtered)
