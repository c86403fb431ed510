"""A fitted building as a step over a unit, its state after the latest reading, and how sure it is of what comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.comfort import RoomModel
from rexnet_grid.spacemeternet.discretise import Discrete, discretise

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.buildingfit import BuildingFit
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.zonemodel import ZoneData

_DIFFERENCE = 1e-4
_CHECKED_AHEAD = (1, 4, 16, 48)


@dataclass(frozen=True, slots=True)
class FittedRooms:
    """A building as it was estimated, ready to be followed unit by unit.

    Attributes
    ----------
    rooms
        The step.
    model
        Its discretisation.
    meters
        The building's meters without their readings: how inputs are put together.
    gain
        (m, n) of the filter at rest.
    spread_k
        (H, n) standard deviation of the airs so many units ahead [K]: state and process, parameters, or what the fit's
        own predictions missed by, whichever is larger.
    """

    rooms: RoomModel
    model: Discrete
    meters: ZoneData
    gain: FloatArray
    spread_k: FloatArray

    @classmethod
    def of(cls, fit: BuildingFit, horizon: int) -> FittedRooms:
        """Return a fitted building with its spread up to ``horizon`` units ahead."""
        theta = fit.fit.theta
        names = fit.data.input_names()
        heated = [names.index(f"heat {zone}") for zone in fit.data.zones]
        m, model, _ = fit.likelihood.discrete(theta)
        air = np.array(fit.model.air)
        filtered = fit.filtered_variance(theta)
        before = model.phi @ filtered @ model.phi.T + model.q
        gain = np.linalg.solve(before[np.ix_(air, air)] + np.diag(m.measurement), before[air]).T
        rooms = RoomModel(model.phi, np.ascontiguousarray(model.gamma0[:, heated]), air)
        variance, after = np.empty((horizon, len(air))), filtered
        for k in range(horizon):
            after = model.phi @ after @ model.phi.T + model.q
            variance[k] = np.diag(after)[air]
        variance = np.maximum(variance + _from_parameters(fit, horizon), _missed_by(fit, horizon) ** 2)
        empty = replace(fit.data, temperature=fit.data.temperature[:0], boundary=fit.data.boundary[:0])
        empty = replace(empty, heat=fit.data.heat[:0], sun=_none_of(fit.data.sun), clock=_none_of(fit.data.clock))
        return cls(rooms, model, empty, gain, np.sqrt(variance))

    def first_state(self, fit: BuildingFit) -> FloatArray:
        """Return the state (m,) after the fit's last reading."""
        return self.correct(fit.likelihood.states(fit.fit.theta)[-1], fit.data.temperature[-1])

    def correct(self, state: FloatArray, air_c: FloatArray) -> FloatArray:
        """Return the state (m,) after readings (n,) [degC], NaN where there is none."""
        innovation = np.nan_to_num(air_c - state[self.rooms.air])
        return np.asarray(state + self.gain @ innovation)

    def drive(self, outdoor_c: FloatArray, sun_kw_m2: FloatArray, clock_h: FloatArray) -> FloatArray:
        """Return (H, m) what weather and people bring.

        Parameters
        ----------
        outdoor_c
            (H + 1,) outdoor temperatures at the start of each unit and at the end of the last [degC].
        sun_kw_m2, clock_h
            (H,) irradiance [kW/m²] and hour of the day of each unit.
        """
        h, n = len(sun_kw_m2), len(self.meters.zones)
        meters = replace(
            self.meters,
            temperature=np.zeros((h, n)),
            boundary=outdoor_c[:-1, None],
            heat=np.zeros((h, len(self.meters.circuits))),
            sun=None if self.meters.sun is None else sun_kw_m2,
            clock=None if self.meters.clock is None else clock_h,
        )
        rise = np.outer(np.diff(outdoor_c), self.model.gamma1[:, meters.input_names().index("outdoor")])
        return np.asarray(meters.inputs() @ self.model.gamma0.T + rise)


def _none_of(values: FloatArray | None) -> FloatArray | None:
    return None if values is None else values[:0]


def _from_parameters(fit: BuildingFit, horizon: int) -> FloatArray:
    """Return the variance (H, n) that the parameters' covariance brings to predictions of the last readings."""
    theta, free = fit.fit.theta, np.flatnonzero(fit.curve.free)
    first = max(len(fit.data.temperature) - horizon, 0)
    state = fit.likelihood.states(theta)[first]
    air = np.array(fit.model.air)
    inputs = fit.data.inputs()[first:]
    steps = np.vstack([np.diff(inputs, axis=0), np.zeros(inputs.shape[1])])
    rising = steps * np.array(fit.model.network.first_order, dtype=float)

    def course(at: FloatArray) -> FloatArray:
        m = fit.model.network.matrices(fit.likelihood.values(at))
        model = discretise(m.capacity, m.conductance, m.power, m.diffusion, fit.data.step)
        g, x = inputs @ model.gamma0.T + rising @ model.gamma1.T, state
        out = np.empty((horizon, len(air)))
        for k in range(horizon):
            x = model.phi @ x + g[min(k, len(g) - 1)]
            out[k] = x[air]
        return out

    base = course(theta)
    nudges = _DIFFERENCE * np.eye(len(theta))
    slopes = np.array([(course(theta + nudges[k]) - base) / _DIFFERENCE for k in free])
    spread = fit.curve.covariance[np.ix_(free, free)]
    return np.asarray(np.maximum(np.einsum("khi,kl,lhi->hi", slopes, spread, slopes, optimize=True), 0.0))


def _missed_by(fit: BuildingFit, horizon: int) -> FloatArray:
    """Return the root mean square (H, n) by which the fit's own predictions missed, straight between a few horizons."""
    ahead = [h for h in _CHECKED_AHEAD if h < len(fit.data.temperature) // 4]
    away = np.array([np.sqrt(np.nanmean((fit.data.temperature - fit.predict(h)[0]) ** 2, axis=0)) for h in ahead])
    at = np.arange(1, horizon + 1)
    return np.array([np.interp(at, ahead, column) for column in away.T]).T
