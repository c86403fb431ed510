"""Readings that are lost here and there, filled with what the others say of them, and what is not known of them kept.

In every instant the n customers' (p, q, v) are taken as one normal vector; its mean and covariance are found from all
readings that are there by expectation and maximisation (Dempster, Laird and Rubin 1977, DOI
10.1111/j.2517-6161.1977.tb01600.x; Little and Rubin, Statistical Analysis with Missing Data, 3rd ed., Wiley 2019, DOI
10.1002/9781119482260, section 11.2). With K the inverse covariance, what is missing (M) of a row d has::

    E[d_M] = -K_MM⁻¹ K_MO d_O,    cov(d_M) = K_MM⁻¹

A tree is then fitted to the expected second moments, which hold that covariance (two-stage estimation: Savalei and
Bentler 2009, DOI 10.1080/10705510903008238). What is known of the steps before and after, each customer's power and the
level of all voltages, helps to fill but is no part of the answer (Graham 2003, DOI 10.1207/S15328007SEM1001_4). Loads
are not normal, but of second moments the normal likelihood is consistent where it does not depend on a reading's value
whether it is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.spacemeternet.discretise import FloatArray

    IntArray = NDArray[np.int64]
    Pattern = tuple[IntArray, IntArray]

ROWS_A_CUSTOMER = 12
_REACH, _FEW, _ROWS_TO_REACH = 2, 30, 20
_ROUNDS, _ROUNDS_AGAIN = 40, 3
_SETTLED = 1e-3
_RIDGE = 1e-7


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is not known of readings after they were filled.

    Attributes
    ----------
    values
        (N, m) readings p, q and v, then those of other steps, centred and of unit scale, filled.
    missing
        Rows that lack as many: which (R,), and the columns (R, m) that they lack.
    mean, covariance
        (m,) and (m, m) of a row.
    scale
        (3n,) units of the columns: of p, q and the squared voltage.
    """

    values: FloatArray
    missing: tuple[Pattern, ...]
    mean: FloatArray
    covariance: FloatArray
    scale: FloatArray

    def scaled(self, voltage: FloatArray) -> Gaps:
        """Return the same with squared voltages multiplied by (n,)."""
        n = len(voltage)
        scale = self.scale.copy()
        scale[2 * n :] *= voltage
        return Gaps(self.values, self.missing, self.mean, self.covariance, scale)

    def unknown(self, blocks: Sequence[IntArray]) -> list[Moments]:
        """Return for each block of rows the second moments of what is not known of it."""
        inverse, of_row = np.linalg.inv(self.covariance), np.zeros(len(self.values), dtype=np.int64)
        for number, rows in enumerate(blocks):
            of_row[rows] = number
        out = np.zeros((len(blocks), *self.covariance.shape))
        for rows, columns in self.missing:
            held = columns[:, :, None], columns[:, None, :]
            np.add.at(out, (of_row[rows][:, None, None], *held), np.linalg.inv(inverse[held]))
        return [self._moments(block) for block in out]

    def anew(self, blocks: Sequence[IntArray], drawn: IntArray) -> Moments:
        """Return by how much the moments of a resample change if its gaps are filled from it alone.

        Parameters
        ----------
        blocks
            The rows of each block.
        drawn
            (blocks,) how often each is in the resample.
        """
        weight = np.zeros(len(self.values))
        for rows, times in zip(blocks, drawn, strict=True):
            weight[rows] = times
        mean, covariance = self.mean, self.covariance
        old = _expected(self.values, self.missing, mean, covariance, weight)[1]
        new, second = self.values, old
        for _ in range(_ROUNDS_AGAIN):
            new, second = _expected(new, self.missing, mean, covariance, weight)
            mean, covariance = _moved(new, second, weight)
        return self._moments(second - old)

    def _moments(self, second: FloatArray) -> Moments:
        """Return second moments (3n, 3n) in the columns' units as moments of no rows of their own."""
        second = second[: len(self.scale), : len(self.scale)] * np.outer(self.scale, self.scale)
        half = 2 * len(second) // 3
        return Moments(second[:half, :half], second[:half, half:], second[half:, half:], 0)


def fill(p_kw: FloatArray, q_kvar: FloatArray, vm_pu: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, Gaps]:
    """Return readings (N, n) of P, Q and V with what is missing (NaN) filled, and what is not known of them."""
    n, values = vm_pu.shape[1], np.hstack([p_kw, q_kvar, vm_pu, _supply(vm_pu), *_shifted(p_kw)])
    centre, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    values = (values - centre) / np.where(scale > 0.0, scale, 1.0)
    missing, lost = _patterns(np.isnan(values)), np.isnan(values)
    values[lost] = 0.0
    mean, weight = np.zeros(len(scale)), np.ones(len(values))
    covariance = _regular(values.T @ values / len(values) + np.diag(lost.mean(axis=0)))
    for _ in range(_ROUNDS):
        values, second = _expected(values, missing, mean, covariance, weight)
        before = covariance
        mean, covariance = _moved(values, second, weight)
        if np.abs(covariance - before).max() < _SETTLED:
            break
    values = _expected(values, missing, mean, covariance, weight)[0] - mean
    centre, mean = centre + mean * scale, np.zeros(len(scale))
    p, q, v, *_ = np.split(centre + values * scale, [n, 2 * n, 3 * n], axis=1)
    units = scale[: 3 * n] * np.concatenate([np.ones(2 * n), 2.0 * centre[2 * n : 3 * n]])
    return p, q, v, Gaps(values, missing, mean, covariance, units)


def _shifted(p_kw: FloatArray) -> list[FloatArray]:
    """Return the powers (N, n) of the steps before and after: loads last, and the filter of the supply feels it."""
    rows, n = p_kw.shape
    reach = _REACH if n <= _FEW and rows >= _ROWS_TO_REACH * n else 1
    out = []
    for k in range(1, reach + 1):
        none = np.full((k, n), np.nan)
        out += [np.vstack([none, p_kw[:-k]]), np.vstack([p_kw[k:], none])]
    return out


def _beside(values: FloatArray, first: int, last: int) -> FloatArray:
    """Return the mean of the readings ``first`` to ``last`` steps before and after (N, n), NaN where none is there."""
    total, count = np.zeros_like(values), np.zeros_like(values)
    there, known = np.isfinite(values), np.nan_to_num(values)
    for k in range(first, last + 1):
        for now, other in ((slice(k, None), slice(None, -k)), (slice(None, -k), slice(k, None))):
            total[now] += known[other]
            count[now] += there[other]
    return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)


def _supply(vm_pu: FloatArray) -> FloatArray:
    """Return where the voltages of all were just before and after (N, 2): what the supply wanders is no news then."""
    away = vm_pu - np.nanmean(vm_pu, axis=0)
    count = np.isfinite(away).sum(axis=1, keepdims=True)
    level = np.where(count > 0, np.nansum(away, axis=1, keepdims=True) / np.maximum(count, 1), np.nan)
    return np.hstack([_beside(level, 1, 1), _beside(level, 2, 4)])


def _patterns(lost: NDArray[np.bool_]) -> tuple[Pattern, ...]:
    many = lost.sum(axis=1)
    groups = [np.flatnonzero(many == m) for m in np.unique(many[many > 0])]
    return tuple((rows, np.nonzero(lost[rows])[1].reshape(len(rows), -1)) for rows in groups)


def _expected(
    values: FloatArray, missing: tuple[Pattern, ...], mean: FloatArray, covariance: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the rows with their expected values, and the weighted sum of their expected second moments about zero."""
    inverse, filled = np.linalg.inv(covariance), values.copy()
    second = np.zeros_like(covariance)
    for rows, columns in missing:
        held = columns[:, :, None], columns[:, None, :]
        own, here = np.linalg.inv(inverse[held]), rows[:, None]
        filled[here, columns] = mean[columns]
        pull = np.take_along_axis((filled[rows] - mean) @ inverse, columns, axis=1)
        filled[here, columns] -= (own @ pull[:, :, None])[:, :, 0]
        np.add.at(second, held, weight[rows][:, None, None] * own)
    return filled, second + (filled * weight[:, None]).T @ filled


def _moved(values: FloatArray, second: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and covariance of rows with second moments about zero."""
    total = weight.sum()
    mean = weight @ values / total
    return mean, _regular(second / total - np.outer(mean, mean))


def _regular(covariance: FloatArray) -> FloatArray:
    """Return a covariance that can be inverted, whatever moves together."""
    return np.asarray(0.5 * (covariance + covariance.T) + _RIDGE * np.eye(len(covariance)))
