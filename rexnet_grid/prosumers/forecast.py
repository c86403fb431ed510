"""A forecast of one's own load that gets better as delivery comes nearer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

    from rexnet_grid.prosumers.base import FloatArray, IntArray


class BridgeForecast:
    r"""Forecasts as a martingale that starts at the expectation and ends at the truth.

    With the lead time l, the information about a unit is :math:`w = e^{-l/\tau}`. The forecast is

    .. math:: f(w) = m + B(w), \qquad B(0) = 0,\; B(1) = a - m

    where B is a Brownian bridge, m the expectation and a what will come. For a Gaussian deviation of standard
    deviation :math:`\sigma` this is a martingale: changes of the forecast cannot be foreseen from the forecast, and
    its error has the standard deviation :math:`\sigma\sqrt{1 - w}`, which for short leads grows like
    :math:`\sqrt{l/\tau}` and for long ones stops at :math:`\sigma` (D. C. Heath and P. L. Jackson, "Modeling the
    evolution of demand forecasts", IIE Transactions 26 (1994), doi:10.1080/07408179408966604).

    Parameters
    ----------
    actual, expected
        (n_units,) what will come and its expectation, in one unit of measure.
    time_constant
        τ [units].
    generator
        The participant's own stream.
    window
        Units over which σ is taken about each unit, for what is at rest at times, as the sun is at night; 0 for one σ
        of all units.
    """

    def __init__(
        self, actual: FloatArray, expected: FloatArray, time_constant: float, generator: Generator, window: int = 0
    ) -> None:
        self.actual = actual
        self.expected = expected
        self.time_constant = time_constant
        squared = (actual - expected) ** 2
        self.sigma = np.sqrt(smooth(squared, window) if window else np.full(len(squared), np.mean(squared)))
        self._generator = generator
        self._known = np.zeros(len(actual))
        self._bridge = np.zeros(len(actual))

    def at(self, now: float, units: IntArray) -> FloatArray:
        """Return the forecast of ``units`` (ascending) at the time ``now`` [units]; time must not run backwards."""
        before = self._known[units]
        after = np.maximum(self.information(now, units), before)
        end = (self.actual - self.expected)[units]
        left = np.maximum(1.0 - before, 1e-12)
        bridge = self._bridge[units]
        mean = bridge + (end - bridge) * (after - before) / left
        spread = self.sigma[units] * np.sqrt((after - before) * (1.0 - after) / left)
        bridge = mean + spread * self._generator.standard_normal(len(units))
        self._known[units] = after
        self._bridge[units] = bridge
        return np.asarray(self.expected[units] + bridge)

    def information(self, now: float, units: IntArray) -> FloatArray:
        """Return w for each unit [-]; 1 from the start of the unit on."""
        return np.asarray(np.exp(-np.maximum(units - now, 0.0) / self.time_constant))

    def error_std(self, now: float, units: IntArray) -> FloatArray:
        """Return the standard deviation of the forecast error of each unit."""
        return np.asarray(self.sigma[units] * np.sqrt(1.0 - self.information(now, units)))


def smooth(series: FloatArray, units: int) -> FloatArray:
    """Return the mean over a window of about ``units`` around each entry."""
    window = np.ones(min(2 * (units // 2) + 1, len(series)))
    return np.asarray(np.convolve(series, window, mode="same") / np.convolve(np.ones(len(series)), window, mode="same"))
