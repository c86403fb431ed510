"""What few readings allow to say of a feeder: every kilowatt counts alike, and what that misses is taken off.

Before there is enough to tell customers apart, each voltage is a line over the sum of all injections::

    v_i = a_i + b_i Σ_j p_j + e_i,   b_i >= 0

by least squares. The rows use the upper end of the slope's interval and take off the prediction error at the point in
question (Draper and Smith, Applied Regression Analysis, 3rd ed., Wiley 1998, section 3.1, DOI 10.1002/9781118625590),
with Student's t for so few readings. Who sits where is in the scatter, so the rows hold for customers as mixed as they
have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

LEAST_ROWS = 8


@dataclass(frozen=True, slots=True)
class CommonSlope:
    """Lines of n voltages over the sum of the injections.

    Attributes
    ----------
    mean_kw, mean_pu
        Means of the sum and of each voltage.
    slope, slope_error
        (n,) b and its standard error [p.u./kW].
    scatter
        (n,) standard deviation about the line [p.u.].
    moved
        Σ (P - mean)² [kW²].
    steps
        Readings.
    """

    mean_kw: float
    mean_pu: FloatArray
    slope: FloatArray
    slope_error: FloatArray
    scatter: FloatArray
    moved: float
    steps: int

    @classmethod
    def of(cls, p_kw: FloatArray, vm_pu: FloatArray) -> CommonSlope | None:
        """Return the lines of (N, n) injections and voltages; None where there are less than 8 complete rows."""
        complete = np.isfinite(p_kw).all(axis=1) & np.isfinite(vm_pu).all(axis=1)
        total, v = p_kw[complete].sum(axis=1), vm_pu[complete]
        moved = float(((total - total.mean()) ** 2).sum()) if len(total) else 0.0
        if len(total) < LEAST_ROWS or moved <= 0.0:
            return None
        away = total - total.mean()
        slope = np.maximum(away @ (v - v.mean(axis=0)) / moved, 0.0)
        left = v - v.mean(axis=0) - np.outer(away, slope)
        scatter = np.sqrt((left**2).sum(axis=0) / (len(total) - 2))
        return cls(float(total.mean()), v.mean(axis=0), slope, scatter / np.sqrt(moved), scatter, moved, len(total))

    def rows(self, p_kw: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return slopes (n,), expected voltages (n,) and margins (n,) at the sum of injections (n,) [kW]."""
        quantile = float(student.ppf(confidence, self.steps - 2))
        away = float(p_kw.sum()) - self.mean_kw
        spread = self.scatter * np.sqrt(1.0 + 1.0 / self.steps + away**2 / self.moved)
        return self.slope + quantile * self.slope_error, self.mean_pu + self.slope * away, quantile * spread
