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
    BoolArray = NDArray[np.bool_]

_WIDE, _NARROW = 20, 2
_LINE = 3.0
_AROUND, _STANDS_OUT = 10, 12.0


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
    """What a tree is fitted to: plain moments for what tells customers apart, filtered ones for what they share.

    Where inverters follow the voltage the loop is ``closed``: what the busbar does to all of them moves their reactive
    powers, so that what all share says nothing of what these do.
    """

    own: Moments
    common: Moments
    closed: bool = False

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
        own, common = Moments.total([s.own for s in parts]), Moments.total([s.common for s in parts])
        return cls(own, common, any(s.closed for s in parts))

    @property
    def apart(self) -> Sample:
        """The sample without what all customers share."""
        m = self.common
        return Sample(self.own, Moments(np.zeros_like(m.xx), np.zeros_like(m.xy), np.zeros_like(m.yy), m.steps))


def lines_of(x: FloatArray) -> BoolArray:
    """Return at which frequencies the sums of active or of reactive powers (N, 2n) have lines, such as the day's."""
    sums = x.reshape(len(x), 2, -1).sum(axis=2)
    power = np.abs(np.fft.rfft(sums, axis=0)) ** 2
    at = np.clip(np.arange(len(power)), 1 + _AROUND, max(len(power) - 1 - _AROUND, 1 + _AROUND))
    around = np.clip(at[:, None] + np.arange(-_AROUND, _AROUND + 1), 0, len(power) - 1)
    return np.asarray((power > _STANDS_OUT * np.median(power[around], axis=1)).any(axis=1))


def without_lines(x: FloatArray, y: FloatArray, lines: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return injections (N, 2n) and squared voltages (N, n) without some of their frequencies."""
    return _through(x, y, np.asarray(~lines, dtype=np.float64))


def without_wandering(
    x: FloatArray, y: FloatArray, shared: FloatArray, lines: BoolArray, *, with_lines: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return injections (N, 2n) and squared voltages (N, n) filtered so that ``shared`` (N,) would be white.

    The spectrum of ``shared`` is smoothed over 5 frequencies at the low end, over up to 41 higher up, and over 5 again
    where a line stands out. A supply with a daily course goes along with the loads' own, and a fit would take it for
    theirs: so the ``lines`` of the powers are left out, unless ``shared`` is of a fit without them. Then each counts by
    what is left there, less what the slope's own error makes of it: nothing is lost where the supply is steady.
    """
    power, calm = np.abs(np.fft.rfft(shared)) ** 2, np.asarray(~lines, dtype=np.float64)
    calm[0] = 0.0
    narrow = _smoothed(power, calm, np.full(len(power), _NARROW))
    wide = _smoothed(power, calm, np.clip(np.arange(len(power)) // 2, _NARROW, _WIDE))
    smooth = np.where(narrow > _LINE * wide, narrow, wide)
    smooth = np.maximum(smooth, 1e-12 * smooth.max())
    gain = calm / np.sqrt(smooth)
    gain[0] = 0.0
    if with_lines:
        load = np.abs(np.fft.rfft(x[:, : x.shape[1] // 2].sum(axis=1))) ** 2
        slope = 1.0 / max(float((calm * load / smooth).sum()), 1e-300)
        gain = 1.0 / np.sqrt(smooth + lines * np.maximum(power - smooth - slope * load, 0.0))
    return _through(x, y, gain / np.sqrt(np.mean(gain**2)))


def _through(x: FloatArray, y: FloatArray, gain: FloatArray) -> tuple[FloatArray, FloatArray]:
    first, second = (np.fft.irfft(np.fft.rfft(s, axis=0) * gain[:, None], len(s), axis=0) for s in (x, y))
    return np.asarray(first), np.asarray(second)


def _smoothed(power: FloatArray, calm: FloatArray, half: IntArray) -> FloatArray:
    """Return the mean of the calm ones among each entry and ``half`` neighbours on both sides, of all if none is."""
    at = np.arange(len(power))
    first, last = np.maximum(at - half, 0), np.minimum(at + half + 1, len(power))
    total, count = (np.concatenate([[0.0], np.cumsum(values)]) for values in (power * calm, calm))
    inside = count[last] - count[first]
    mean = float(total[-1]) / max(float(count[-1]), 1.0)
    return np.where(inside > 0.0, (total[last] - total[first]) / np.maximum(inside, 1.0), mean)
