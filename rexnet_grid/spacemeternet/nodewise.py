"""Each zone on its own, its neighbours' temperatures as inputs: the first look at a building of many zones.

The likelihood of the whole building splits into the zones' likelihoods given their neighbours' temperatures, as in the
neighbourhood selection of graphical models (Meinshausen and Bühlmann 2006, DOI 10.1214/009053606000000281). A wall is
then estimated twice, from either side; physics says that both must agree, so their precision-weighted mean is the
estimate, and where they disagree by more than their errors allow, the error is widened.

Neighbours' readings carry noise, which would pull conductances to zero; they are smoothed by a local quadratic first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.signal import savgol_filter

from rexnet_grid.spacemeternet.fitting import at_bound, invert, maximise
from rexnet_grid.spacemeternet.likelihood import Likelihood, Observations
from rexnet_grid.spacemeternet.zonemodel import Circuit, ZoneData, ZoneModel, build_zone_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.spacemeternet.descent import Fit
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.fitting import Curvature

_SMOOTHING_HOURS = 1.25
_HOLD_HOURS = 1.0
_STARTS = 6


@dataclass(frozen=True, slots=True)
class NodeFit:
    """One zone's fit.

    Attributes
    ----------
    zone, neighbours
        Indices of the zone and of the neighbours that were inputs.
    conductance
        (neighbours,) estimates, of either sign [kW/K].
    covariance
        (neighbours, neighbours) from the curvature [(kW/K)²].
    daily
        (days, neighbours) by how much each day's readings move the estimates [kW/K], for the robust covariance.
    model, likelihood, fit, curve
        The fitted model itself.
    """

    zone: int
    neighbours: tuple[int, ...]
    conductance: FloatArray
    covariance: FloatArray
    daily: FloatArray
    model: ZoneModel
    likelihood: Likelihood
    fit: Fit
    curve: Curvature

    @property
    def states(self) -> int:
        """Number of states of the zone."""
        return self.model.order

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        k = int(self.curve.free.sum())
        return float(np.log(self.likelihood.n_observed)) * k - 2.0 * self.likelihood.loglik(self.fit.theta)

    @property
    def std_error(self) -> FloatArray:
        """(neighbours,) the larger of the curvature's and the days' standard error [kW/K]."""
        by_days = np.sqrt((self.daily**2).sum(axis=0))
        return np.asarray(np.maximum(np.sqrt(np.maximum(np.diag(self.covariance), 0.0)), by_days))


def smoothed(temperature: FloatArray, step: float) -> FloatArray:
    """Return temperatures (N, zones) with gaps bridged and the meters' noise smoothed by a local quadratic."""
    filled = pd.DataFrame(temperature).interpolate(limit_direction="both").to_numpy()
    window = max(round(_SMOOTHING_HOURS / step) // 2 * 2 + 1, 1)
    if window < 4:  # a quadratic needs more points than it has coefficients
        return np.asarray(filled)
    return np.asarray(savgol_filter(filled, window, 2, axis=0))


def fit_node(
    data: ZoneData,
    zone: int,
    neighbours: Sequence[int],
    smooth: FloatArray,
    states: int,
    *,
    signed: bool = True,
    start: NodeFit | None = None,
) -> NodeFit:
    """Fit one zone with its candidate neighbours as inputs.

    Parameters
    ----------
    data
        The building's meters.
    zone, neighbours
        Indices.
    smooth
        (N, zones) :func:`smoothed` temperatures.
    states
        1, 2 or 3 states of the zone.
    signed
        Let conductances take either sign, so that errors about zero are normal.
    start
        A smaller model's fit to start from; several starts are scattered without it.
    """
    part = _alone(data, zone, neighbours, smooth)
    model = build_zone_model(part, (), states, signed=data.zones if signed else ())
    observations = Observations.from_readings(part.temperature, part.inputs(), part.step, int(_HOLD_HOURS / part.step))
    likelihood = Likelihood(model.network, observations, tolerance=1e-9)
    if start is None:
        fit = maximise(likelihood, starts=_STARTS, rng=np.random.default_rng(zone))
    else:
        fit = maximise(likelihood, theta=carried_over(start.likelihood, start.fit.theta, likelihood))
    curve = invert(likelihood.information(fit.theta), ~at_bound(likelihood, fit.theta))
    names = [p.name for p in model.network.parameters]
    at = [names.index(f"loss {data.zones[zone]} to {data.zones[j]}") for j in neighbours]
    free = curve.free.copy()
    free[at] = True
    opened = invert(curve.hessian, free)
    slope = likelihood.slope(fit.theta)
    days = int(np.clip(len(part.temperature) * part.step / 24.0, 4, 60))
    scores = likelihood.scores(fit.theta, days)
    moves = -(scores - scores.mean(axis=0)) @ opened.covariance * slope
    return NodeFit(
        zone,
        tuple(neighbours),
        likelihood.values(fit.theta)[at],
        (opened.covariance * np.outer(slope, slope))[np.ix_(at, at)],
        moves[:, at],
        model,
        likelihood,
        fit,
        curve,
    )


def carried_over(smaller: Likelihood, theta: FloatArray, larger: Likelihood) -> FloatArray:
    """Return a vector for ``larger`` with the values that parameters of the same name have in ``smaller``."""
    known = dict(zip((p.name for p in smaller.network.parameters), smaller.values(theta).tolist(), strict=True))
    return larger.theta(np.array([known.get(p.name, p.start) for p in larger.network.parameters]))


def _alone(data: ZoneData, zone: int, neighbours: Sequence[int], smooth: FloatArray) -> ZoneData:
    """Return the meters of one zone, its neighbours as known temperatures."""
    serving = [i for i, c in enumerate(data.circuits) if zone in c.zones]
    circuits = tuple(Circuit(data.circuits[i].name, (0,), len(data.circuits[i].zones)) for i in serving)
    return ZoneData(
        (data.zones[zone],),
        circuits,
        (*data.boundaries, *(data.zones[j] for j in neighbours)),
        data.temperature[:, [zone]],
        np.hstack([data.boundary, smooth[:, list(neighbours)]]),
        data.heat[:, serving],
        data.sun,
        data.step,
        data.first_order_heat,
        data.clock,
    )


def combine(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    """Return the precision-weighted mean of a wall's two estimates (value, standard error) and its standard error.

    If the two differ by more than their errors allow, the error is widened by the ratio (Birge's factor).
    """
    (a, sa), (b, sb) = first, second
    wa, wb = 1.0 / max(sa, 1e-12) ** 2, 1.0 / max(sb, 1e-12) ** 2
    mean = (wa * a + wb * b) / (wa + wb)
    apart = abs(a - b) / np.hypot(sa, sb)
    return float(mean), float((wa + wb) ** -0.5 * max(1.0, apart))
