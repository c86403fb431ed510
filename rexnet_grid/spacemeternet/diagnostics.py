"""What residuals and curvature say about a fit: the checks practitioners expect.

Sources: Madsen (2007), Time Series Analysis, DOI 10.1201/9781420059687 (autocorrelation, cumulated periodogram);
Bacher and Madsen (2011), DOI 10.1016/j.enbuild.2011.02.005 (their use for grey-box models of buildings).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_BAND_5_PERCENT = 1.358
_COLOURED = 0.15
_SETTLING_DAYS = 1.0


@dataclass(frozen=True, slots=True)
class Whiteness:
    """How far one-step residuals are from white noise.

    Attributes
    ----------
    next_step, next_day
        (zones,) autocorrelation one step and one day later.
    periodogram, band
        (zones,) largest distance of the cumulated periodogram from the straight line, and its 5 % band.
    across
        (zones, zones) correlation of the residuals at the same instant.
    """

    next_step: FloatArray
    next_day: FloatArray
    periodogram: FloatArray
    band: float
    across: FloatArray

    @property
    def passes(self) -> bool:
        """Whether no zone's residuals are coloured enough to doubt the model."""
        return bool(max(np.abs(self.next_step).max(), np.abs(self.next_day).max()) < _COLOURED)

    @property
    def suspicious(self) -> bool:
        """Whether some zone's residuals leave the band of white noise, however little the colour."""
        return bool(np.max(self.periodogram) > self.band)


def whiteness(innovations: FloatArray, step: float) -> Whiteness:
    """Examine one-step residuals (N, zones), NaN where missing, one every ``step`` [h]; the first day is left out."""
    day = max(round(24.0 / step), 1)
    rows = innovations[min(round(_SETTLING_DAYS * day), len(innovations) // 4) :]
    filled = np.nan_to_num(rows - np.nanmean(rows, axis=0))
    n = filled.shape[1]
    distances = np.array([cumulated_periodogram(filled[:, z])[1] for z in range(n)])
    scale = np.maximum(filled.std(axis=0), 1e-12)
    return Whiteness(
        np.array([autocorrelation(filled[:, z], 1)[1] for z in range(n)]),
        np.array([autocorrelation(filled[:, z], day)[day] if len(filled) > 2 * day else 0.0 for z in range(n)]),
        distances,
        _BAND_5_PERCENT / np.sqrt(max(len(filled) // 2 - 1, 1)),
        (filled / scale).T @ (filled / scale) / len(filled),
    )


def autocorrelation(values: FloatArray, lags: int) -> FloatArray:
    """Return the autocorrelation at lags 0 … ``lags``; the 5 % band of white noise is ±1.96/√N."""
    return cross_correlation(values, values, lags)


def cross_correlation(first: FloatArray, second: FloatArray, lags: int) -> FloatArray:
    """Return the correlation of ``first`` with ``second`` 0 … ``lags`` steps before."""
    a, b = first - first.mean(), second - second.mean()
    scale = max(float(np.sqrt((a @ a) * (b @ b))), 1e-300)
    return np.array([float(a[lag:] @ b[: len(b) - lag]) / scale for lag in range(lags + 1)])


def strongest_correlation(residuals: FloatArray, inputs: FloatArray, lags: int) -> FloatArray:
    """Return the largest cross-correlation (zones, inputs) of residuals with inputs up to ``lags`` steps before.

    A residual that still answers to an input's past says that the way from that input to the reading is wrong: a mass,
    a heat emitter or a second window is missing. Inputs that never change give zeros.
    """
    n = len(residuals)
    size = 1 << (2 * n - 1).bit_length()
    a = residuals - residuals.mean(axis=0)
    b = inputs - inputs.mean(axis=0)
    scale = np.sqrt(np.outer((a * a).sum(axis=0), (b * b).sum(axis=0)))
    spectra = np.fft.rfft(a, size, axis=0)[:, :, None] * np.conj(np.fft.rfft(b, size, axis=0))[:, None, :]
    across = np.fft.irfft(spectra, size, axis=0)[: lags + 1] / np.where(scale > 1e-12, scale, np.inf)
    at = np.abs(across).argmax(axis=0)
    return np.asarray(np.take_along_axis(across, at[None], axis=0)[0])


def cumulated_periodogram(values: FloatArray) -> tuple[FloatArray, float]:
    """Return the cumulated periodogram up to half the sampling rate and its largest distance from a straight line."""
    power = np.abs(np.fft.rfft(values - values.mean())) ** 2
    power = power[1 : (len(values) - 1) // 2 + 1]
    total = np.cumsum(power) / max(float(power.sum()), 1e-300)
    line = np.arange(1, len(total) + 1) / max(len(total), 1)
    return total, float(np.max(np.abs(total - line), initial=0.0))
