"""Where the air of each zone will be at the end of the next step, how heat moves it, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.discretise import discretise

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.buildingfit import BuildingFit
    from rexnet_grid.spacemeternet.discretise import FloatArray

_DIFFERENCE = 1e-4


def comfort_outlook(
    fit: BuildingFit, hours: float, heat_kw: dict[str, float]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (expected (zones,) [degC], per_kw (zones, zones) [K/kW], std (zones,) [K]) after a step of ``hours``.

    ``per_kw[i, j]`` is the change at zone i per heat to zone j. The standard deviation adds the variance of the state,
    the process noise of the step and the parameters' covariance carried through the outlook by its derivative.
    """
    theta = fit.fit.theta
    expected, per_kw, variance = _outlook(fit, theta, hours, heat_kw)
    spread = fit.curve.covariance
    slopes = np.zeros((len(theta), len(expected)))
    for k in np.flatnonzero(fit.curve.free):
        step = np.zeros_like(theta)
        step[k] = _DIFFERENCE
        slopes[k] = (_outlook(fit, theta + step, hours, heat_kw)[0] - expected) / _DIFFERENCE
    from_parameters = np.einsum("ki,kl,li->i", slopes, spread, slopes)
    return expected, per_kw, np.sqrt(variance + np.maximum(from_parameters, 0.0))


def _outlook(
    fit: BuildingFit, theta: FloatArray, hours: float, heat_kw: dict[str, float]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    network, data = fit.model.network, fit.data
    m = network.matrices(fit.likelihood.values(theta))
    model = discretise(m.capacity, m.conductance, m.power, m.diffusion, hours)
    state = fit.likelihood.states(theta)[-1]
    u = data.inputs()[-1].copy()
    for name, value in heat_kw.items():
        u[network.inputs.index(f"heat {name}")] = value
    air = np.array(fit.model.air)
    after = model.phi @ state + model.gamma0 @ u
    one_kw = np.zeros((len(state), len(data.zones)))
    one_kw[air, np.arange(len(air))] = 1.0
    response = discretise(m.capacity, m.conductance, one_kw, m.diffusion, hours).gamma0
    filtered = fit.filtered_variance(theta)
    variance = np.diag(model.phi @ filtered @ model.phi.T + model.q)[air]
    return after[air], response[air], variance
