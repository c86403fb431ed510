"""Second moments of a feeder's meters, and the wandering of its supply filtered out of what all customers share.

The voltage of the busbar moves all customers at once and wanders (tap changers, the day's course of the medium
voltage), while the meters' own noise is white. What the customers have in common is therefore weighted by frequency
with the inverse spectrum of its residuals (Hannan 1963, Regression for time series, in Rosenblatt, Proc. Symp. Time
Series Analysis, Wiley); what tells customers apart does not feel the busbar and is taken as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.spacemeternet.discretise import FloatArray

    IntArray = NDArray[np.int64]

_WIDE, _NARROW = 20, 2
_LINE = 3.0


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the instants of centred injections x = (p, q) and squared voltages y.

    Attributes
    ----------
    xx, xy, yy
        (2n, 2n), (2n, n), (n, n).
    steps
        Number of instants.
    """

    xx: FloatArray
    xy: FloatArray
    yy: FloatArray
    steps: int

    @classmethod
    def of(cls, x: FloatArray, y: FloatArray) -> Moments:
        """Return the moments of centred injections (N, 2n) and squared voltages (N, n)."""
        return cls(x.T @ x, x.T @ y, y.T @ y, len(y))

    @classmethod
    def total(cls, parts: Sequence[Moments]) -> Moments:
        """Return the sum of the parts."""
        xx, xy, yy = (np.sum([getattr(m, name) for m in parts], axis=0) for name in ("xx", "xy", "yy"))
        return cls(xx, xy, yy, sum(m.steps for m in parts))

    def residual(self, coefficients: FloatArray) -> FloatArray:
        """Return the covariance (n, n) of y - x @ coefficients (2n, n)."""
        across = coefficients.T @ self.xy
        return np.asarray((self.yy - across - across.T + coefficients.T @ self.xx @ coefficients) / self.steps)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a tree is fitted to: plain moments for what tells customers apart, filtered ones for what they share."""

    own: Moments
    common: Moments

    @classmethod
    def of(cls, x: FloatArray, y: FloatArray, rows: IntArray | slice = slice(None)) -> Sample:
        """Return the sample of some rows of plain series (N, 2n) and (N, n)."""
        return cls.both((x, y), (x, y), rows)

    @classmethod
    def both(
        cls,
        plain: tuple[FloatArray, FloatArray],
        filtered: tuple[FloatArray, FloatArray],
        rows: IntArray | slice = slice(None),
    ) -> Sample:
        """Return the sample of some rows of plain and of filtered series."""
        return cls(Moments.of(*(s[rows] for s in plain)), Moments.of(*(s[rows] for s in filtered)))

    @classmethod
    def total(cls, parts: Sequence[Sample]) -> Sample:
        """Return the sum of the parts."""
        return cls(Moments.total([s.own for s in parts]), Moments.total([s.common for s in parts]))


def without_wandering(x: FloatArray, y: FloatArray, shared: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return injections (N, 2n) and squared voltages (N, n) filtered so that ``shared`` (N,) would be white.

    The spectrum of ``shared`` is smoothed over 5 frequencies at the low end, over up to 41 higher up, and over 5 again
    where a line such as the day's stands out.
    """
    n = len(shared)
    power = np.abs(np.fft.rfft(shared)) ** 2
    power[0] = power[1 : 1 + 2 * _NARROW].mean()
    narrow = _smoothed(power, np.full(len(power), _NARROW))
    wide = _smoothed(power, np.clip(np.arange(len(power)) // 2, _NARROW, _WIDE))
    smooth = np.where(narrow > _LINE * wide, narrow, wide)
    gain = 1.0 / np.sqrt(np.maximum(smooth, 1e-12 * smooth.max()))
    gain /= np.sqrt(np.mean(gain**2))
    filtered = [np.fft.irfft(np.fft.rfft(s, axis=0) * gain[:, None], n, axis=0) for s in (x, y)]
    return np.asarray(filtered[0]), np.asarray(filtered[1])


def _smoothed(power: FloatArray, half: IntArray) -> FloatArray:
    """Return the mean of each entry and ``half`` neighbours on either side."""
    total = np.concatenate([[0.0], np.cumsum(power)])
    at = np.arange(len(power))
    first, last = np.maximum(at - half, 0), np.minimum(at + half + 1, len(power))
    return np.asarray((total[last] - total[first]) / (last - first))
