"""Clocks that drift: a meter in time at first whose readings come more and more steps late, or early.

The steps of a voltage move with those of the others' mean, as they share supply and cables. In six windows of time the
correlation is taken at every lag up to twelve steps; a clock that drifts has its peak on a slant line over the windows,
one that is off at the same lag in all. With z the correlations times the root of their readings, the sum along a line
over the root of six is a standard normal where nothing is shared (Stouffer's method).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_WINDOWS, _MOST_LAG = 6, 12
_LEAST_ROWS = 6 * _WINDOWS * _MOST_LAG
_SURE, _DOMINATES = 6.0, 1.5


def drifting(voltage: FloatArray) -> list[tuple[int, int, int]]:
    """Return who drifts among meters (N, n) that move together, and how many steps late it is at first and at last."""
    rows, n = voltage.shape
    if n < 2 or rows < _LEAST_ROWS:
        return []
    z = _correlations(np.diff(voltage, axis=0))
    lags = np.arange(-_MOST_LAG, _MOST_LAG + 1)
    share = (np.arange(_WINDOWS) + 0.5) / _WINDOWS
    first, last = (ends.ravel() for ends in np.meshgrid(lags, lags, indexing="ij"))
    path = np.rint(first[:, None] + (last - first)[:, None] * share).astype(int) + _MOST_LAG
    along = z[np.arange(_WINDOWS), path].sum(axis=1) / np.sqrt(_WINDOWS)
    slant = np.abs(last - first) > 1
    steady, moving = along[first == last].max(axis=0), np.where(slant[:, None], along, -np.inf)
    best = moving.argmax(axis=0)
    sure = (moving.max(axis=0) > _SURE) & (moving.max(axis=0) > _DOMINATES * steady)
    return [(a, int(first[best[a]]), int(last[best[a]])) for a in np.flatnonzero(sure).tolist()]


def in_words(first: int, last: int) -> str:
    """Return what a clock does that is so many steps late at first and at last."""
    return f"a clock that drifts from {_steps(first)} to {_steps(last)}"


def _steps(late: int) -> str:
    if late == 0:
        return "in time"
    return f"{abs(late)} step{'s' * (abs(late) != 1)} {'late' if late > 0 else 'early'}"


def _correlations(step: FloatArray) -> FloatArray:
    """Return the correlation (windows, lags, n) of each with the others' mean so many steps before, times root N."""
    step = (step - step.mean(axis=0)) / np.maximum(step.std(axis=0), 1e-300)
    middle = (step.sum(axis=1, keepdims=True) - step) / (step.shape[1] - 1)
    middle /= np.maximum(middle.std(axis=0), 1e-300)
    inside = slice(_MOST_LAG, len(step) - _MOST_LAG)
    starts = [int(part[0]) for part in np.array_split(np.arange(len(step) - 2 * _MOST_LAG), _WINDOWS)]
    products = [step[inside] * np.roll(middle, lag, axis=0)[inside] for lag in range(-_MOST_LAG, _MOST_LAG + 1)]
    sums = np.stack([np.add.reduceat(product, starts, axis=0) for product in products], axis=1)
    return np.asarray(sums / np.sqrt(len(products[0]) / _WINDOWS))
