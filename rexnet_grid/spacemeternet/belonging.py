"""Whether the voltage and the power of each customer belong together, whatever the map.

In a radial network the voltages of two customers, relative to each other, answer to the same customers' powers with::

    ∂(v_a² - v_b²)/∂p_a - ∂(v_a² - v_b²)/∂p_b = c_aa + c_bb - 2 c_ab >= 0,

the resistance of the way between them, and c is symmetric: what a does to k against b, k does to a against b. Columns
that are swapped turn the signs of both, and a power counted the wrong way round turns its own effect. The effects come
from a regression of the squared voltages on all powers; their standard errors from the scatter of whole blocks of time
(Liang and Zeger 1986, DOI 10.1093/biomet/73.1.13).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

BLOCKS = 30
_STRANGE = -4.0


@dataclass(frozen=True, slots=True)
class Answers:
    """How n squared voltages answer to n customers' powers, by regression.

    Attributes
    ----------
    effect
        (n, n) row: power, column: voltage [p.u.²/kW].
    scores
        (blocks, n, n) part of each block of time in the error of ``effect``.
    """

    effect: FloatArray
    scores: FloatArray

    @classmethod
    def of(cls, u: FloatArray, y: FloatArray) -> Answers:
        """Return the answers of centred squared voltages (N, n) to centred powers (N, n)."""
        gram = u.T @ u
        gram = gram + np.diag(np.maximum(1e-9 * np.diag(gram), 1e-9 * max(float(np.diag(gram).max()), 1e-12)))
        inverse = np.linalg.inv(gram)
        effect = inverse @ (u.T @ y)
        reach, residual = u @ inverse, y - u @ effect
        parts = np.split(np.arange(len(y)), block_starts(len(y))[1:])
        return cls(effect, np.stack([reach[rows].T @ residual[rows] for rows in parts]))

    def own(self) -> FloatArray:
        """Return the t statistic (n,) of how much more each power moves its own voltage than the others' mean."""
        return t_statistic(over_others(self.effect), over_others(self.scores))

    def exchanged(self) -> FloatArray:
        """Return for each two customers (n, n) the log-likelihood ratio against their voltages being exchanged.

        Positive speaks for the voltages as they are, negative for the exchange. With x the effect of k's power on a's
        voltage against b's, y that of a's power against b's on k's voltage, and R the resistance between a and b, it
        is Σ_k x_k y_k / σ_k² + sign(R) R² / 2 σ_R²; whichever is true, x and y agree or are opposite.
        """
        n = len(self.effect)
        way, error = _between(self.effect), (_between(self.scores) ** 2).sum(axis=0)
        ratio = 0.5 * np.sign(way) * way**2 / np.maximum(error, 1e-300)
        level, scores = self.effect - self.effect.mean(axis=1, keepdims=True), self.scores
        scores = scores - scores.mean(axis=2, keepdims=True)
        for k in range(n):
            x, y = _pairs(self.effect[k]), _pairs(level[:, k])
            variance = 0.5 * (_pairs(self.scores[:, k]) ** 2 + _pairs(scores[:, :, k]) ** 2).sum(axis=0)
            share = x * y / np.maximum(variance, 1e-300)
            share[k], share[:, k] = 0.0, 0.0
            ratio += share
        np.fill_diagonal(ratio, 0.0)
        return np.asarray(ratio)


def strange_pairs(answers: Answers, most: int) -> list[tuple[int, int]]:
    """Return the pairs of customers whose voltages look exchanged, the strangest first."""
    ratio = np.triu(answers.exchanged(), 1)
    found = np.argwhere(ratio < _STRANGE)
    order = np.argsort(ratio[found[:, 0], found[:, 1]])[:most]
    return [(int(a), int(b)) for a, b in found[order]]


def _pairs(values: FloatArray) -> FloatArray:
    return np.asarray(values[..., :, None] - values[..., None, :])


def _between(effect: FloatArray) -> FloatArray:
    own = np.diagonal(effect, axis1=-2, axis2=-1)
    return np.asarray(own[..., :, None] + own[..., None, :] - effect - np.swapaxes(effect, -1, -2))


def over_others(effect: FloatArray) -> FloatArray:
    """Return by how much powers (…, n, n) move their own voltage more than the others' mean (…, n)."""
    own, n = np.diagonal(effect, axis1=-2, axis2=-1), effect.shape[-1]
    return np.asarray(own - (effect.sum(axis=-1) - own) / max(n - 1, 1))


def t_statistic(value: FloatArray, scores: FloatArray) -> FloatArray:
    """Return values (…) over the standard errors that the blocks' scores (blocks, …) give."""
    return np.asarray(value / np.sqrt(np.maximum((scores**2).sum(axis=0), 1e-300)))


def block_starts(rows: int) -> list[int]:
    """Return the first rows of the blocks of time that errors are judged by."""
    return [int(part[0]) for part in np.array_split(np.arange(rows), min(BLOCKS, rows))]
