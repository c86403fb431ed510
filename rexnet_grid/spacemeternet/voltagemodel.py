"""The linear model of a feeder's voltages that an estimate ends in, whichever way it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.moments import Moments
from rexnet_grid.spacemeternet.unmetered import disturbance
from rexnet_grid.spacemeternet.voltagefit import NoiseModel

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.treesearch import Forest


@dataclass(frozen=True, slots=True)
class LinearVoltage:
    """Squared voltages as linear in the injections, about their means.

    Attributes
    ----------
    c, d
        (customers, customers) row: squared voltage, column: injection [p.u.²/kW, p.u.²/kvar].
    spread
        (customers, customers) variance of ``c``.
    noise
        Noise that remains.
    draws
        (resamples, customers, customers) of ``c``; empty where the map is known.
    disturbance
        (customers,) variance of the squared voltages by customers without a meter.
    """

    c: FloatArray
    d: FloatArray
    spread: FloatArray
    noise: NoiseModel
    draws: FloatArray
    disturbance: FloatArray

    @classmethod
    def of_trees(cls, forest: Forest) -> LinearVoltage:
        """Return the mean over weighted trees, with its spread.

        The spread is the mean square of the resamples about the mean, so that it holds what resampling moves all one
        way (a bias) as well, or that of the curvature if larger; by how much other views of the readings differ comes
        on top.
        """
        pairs = list(zip(forest.weights.tolist(), forest.fits, strict=True))
        c = np.sum([w * f.tree.matrix(f.r) for w, f in pairs], axis=0)
        d = np.sum([w * f.tree.matrix(f.x) for w, f in pairs], axis=0)
        spread = forest.fits[0].variance()
        if len(forest.c) > 1:
            bias = forest.c.mean(axis=0) - c
            spread = np.maximum(spread, forest.c.var(axis=0, ddof=1) + bias**2)
        spread = spread + forest.hidden.spread
        if len(forest.rivals):
            spread = spread + ((forest.rivals - c) ** 2).max(axis=0)
        return cls(c, d, spread, forest.fits[0].noise, forest.c, disturbance(forest.fits[0], forest.sample))

    @classmethod
    def free(cls, p: FloatArray, q: FloatArray, v2: FloatArray) -> LinearVoltage:
        """Return the least-squares regression of each squared voltage on every P and Q, without signs or symmetry."""
        n = v2.shape[1]
        moments = Moments.of(np.hstack([p, q]), v2)
        ridge = 1e-10 * np.diag(np.diag(moments.xx)) + 1e-14 * np.eye(2 * n)
        inverse = np.linalg.inv(moments.xx + ridge)
        coefficients = inverse @ moments.xy
        own = moments.residual(coefficients) * moments.steps / max(moments.steps - 2 * n - 1, 1)
        spread = np.outer(np.diag(own), np.diag(inverse)[:n])
        none = np.empty((0, n, n)), np.zeros(n)
        return cls(coefficients[:n].T, coefficients[n:].T, spread, NoiseModel.of(own, own), *none)

    def change(self, dp: FloatArray, dq: FloatArray) -> FloatArray:
        """Return the (N, customers) change of the squared voltages by changes (N, customers) of the injections."""
        return np.asarray(dp @ self.c.T + dq @ self.d.T)


@dataclass(frozen=True, slots=True)
class OperatingModel:
    """Voltages and how sure they are at any injections: all that is needed of an estimate to act on it.

    Attributes
    ----------
    model
        The sensitivities of the squared voltages.
    per_kw, per_kw_error
        (customers, customers) sensitivities of the voltages and their standard errors [p.u./kW].
    square
        (customers,) true squared voltages at the mean injections [p.u.²].
    mean_kw, mean_kvar
        (customers,) mean injections [kW, kvar].
    gain_error
        (customers,) standard error of the meters' gains [-].
    """

    model: LinearVoltage
    per_kw: FloatArray
    per_kw_error: FloatArray
    square: FloatArray
    mean_kw: FloatArray
    mean_kvar: FloatArray
    gain_error: FloatArray

    def squares(self, p_kw: FloatArray, q_kvar: FloatArray) -> FloatArray:
        """Return the true squared voltages (N, customers) at injections, the busbar at its mean."""
        return np.asarray(self.square + self.model.change(p_kw - self.mean_kw, q_kvar - self.mean_kvar))

    def at(self, p_kw: FloatArray, q_kvar: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (customers,) of the voltages [p.u.] at injections (customers,)."""
        q = self.mean_kvar if q_kvar is None else q_kvar
        voltage = np.sqrt(np.maximum(self.squares(p_kw[None], q[None])[0], 1e-6))
        own = self.per_kw_error**2 @ (p_kw - self.mean_kw) ** 2
        scatter = (self.model.noise.busbar + self.model.disturbance) / (4.0 * voltage**2)
        return voltage, np.sqrt(own + (voltage * self.gain_error) ** 2 + scatter)


def meter_gains(
    model: LinearVoltage, mean_square: FloatArray, p: FloatArray, q: FloatArray, gain_std: float, steps: int
) -> tuple[FloatArray, FloatArray]:
    """Return the constant gain (customers,) of each voltage meter and its standard error, from the mean levels.

    A meter whose mean is above what the others and the model say reads too much; what all read too much alike cannot
    be told. The prior is a gain of one with standard deviation ``gain_std``.

    Parameters
    ----------
    model
        The sensitivities.
    mean_square
        (customers,) mean squared readings [p.u.²].
    p, q
        (customers,) mean injections [kW, kvar].
    gain_std
        Prior standard deviation of a gain [-].
    steps
        Number of instants behind the means.
    """
    drop = model.c @ p + model.d @ q
    supply = float(np.mean(mean_square - drop))
    square = mean_square / (supply + drop)
    apart = model.draws @ p if len(model.draws) > 1 else np.zeros((2, len(p)))
    apart = apart - apart.mean(axis=1, keepdims=True)
    variance = (apart.var(axis=0, ddof=1) + model.noise.meter / steps) / supply**2
    prior = (2.0 * gain_std) ** 2
    share = prior / (prior + variance)
    posterior = share * variance + prior / len(p)
    return np.sqrt(1.0 + share * (square - 1.0)), 0.5 * np.sqrt(posterior)
