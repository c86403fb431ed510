"""Trees for a feeder whose map is lost: rebuilt from shared resistances, improved by swapping branches, and weighted.

The data are resampled by blocks of time; each resample builds a tree of its own (Felsenstein's bootstrap, 1985,
DOI 10.1111/j.1558-5646.1985.tb00420.x). How often a tree comes out is its weight, and how much the sensitivities move
between resamples is their standard error, which so holds the uncertainty of the map as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.feedertree import FeederTree
from rexnet_grid.spacemeternet.moments import Moments, Sample, lines_of, without_lines, without_wandering
from rexnet_grid.spacemeternet.scales import multiplied
from rexnet_grid.spacemeternet.unmetered import Hidden, hidden
from rexnet_grid.spacemeternet.voltagefit import REACTANCE_RATIO, TreeFit, fit_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.gaps import Gaps
    from rexnet_grid.spacemeternet.voltagefit import Unmetered

_BLOCKS = 30
_FEW, _SOME = 25, 60
_SWEEPS, _SWEEPS_OF_SOME = 6, 2
_FILTER_ROUNDS = 3
_RULED_OUT = 8.0


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees that the data allow.

    Attributes
    ----------
    fits
        Distinct trees fitted to all data.
    weights
        Weight of each.
    c, d
        (resamples, customers, customers) matrices of r and x of each resample.
    rivals
        (k, customers, customers) matrices of r that other views of the same readings give.
    doubtful
        Customers whose reactive power may be turned.
    hidden
        Who is without a meter.
    sample
        All readings.
    """

    fits: tuple[TreeFit, ...]
    weights: FloatArray
    c: FloatArray
    d: FloatArray
    rivals: FloatArray
    doubtful: tuple[int, ...]
    hidden: Hidden
    sample: Sample


@dataclass(frozen=True, slots=True)
class FeederSeries:
    """What a feeder is estimated from.

    Attributes
    ----------
    p, q, v2
        (N, customers) centred injections and squared voltages.
    capacitive
        (customers,) whether it injects reactive power where it withdraws active power.
    gaps
        What is not known of the series if some of their readings had to be filled.
    closed
        Whether reactive powers answer to voltages (:class:`rexnet_grid.spacemeternet.moments.Sample`).
    """

    p: FloatArray
    q: FloatArray
    v2: FloatArray
    capacitive: NDArray[np.bool_]
    gaps: Gaps | None
    closed: bool = False


def grow(series: FeederSeries, resamples: int, rng: np.random.Generator) -> Forest:
    """Return the trees of a feeder.

    Up to 25 customers branches are swapped on every resample; up to 60 on the whole data only; beyond that the trees
    stay as rebuilt.
    """
    n = series.v2.shape[1]
    readings = _Resampled.of(series)
    sweeps = _SWEEPS if n <= _FEW else _SWEEPS_OF_SOME if n <= _SOME else 0
    first, missed = grown(readings.whole, sweeps)
    trees, c, d = [first.tree], [], []
    for _ in range(resamples):
        drawn = readings.drawn(rng)
        fit = fit_tree(rebuilt(drawn), drawn, unmetered=missed.at(first))
        if n <= _FEW:
            fit = improve(fit, drawn, _SWEEPS, missed.at(first))
        fit = missed.refitted(fit, drawn)
        trees.append(fit.tree)
        c.append(fit.tree.matrix(fit.r))
        d.append(fit.tree.matrix(fit.x))
    votes: dict[bytes, list[int]] = {}
    for number, tree in enumerate(trees):
        votes.setdefault(tree.key(), []).append(number)
    alone = (fit_tree(trees[members[0]], readings.whole, unmetered=missed.at(first)) for members in votes.values())
    fits = tuple(missed.refitted(fit, readings.whole) for fit in alone)
    weights = np.array([float(len(members)) for members in votes.values()])
    rivals, doubtful = readings.rivals(first, missed)
    return Forest(fits, weights / weights.sum(), np.array(c), np.array(d), rivals, doubtful, missed, readings.whole)


def grown(sample: Sample, sweeps: int) -> tuple[TreeFit, Hidden]:
    """Return the likeliest tree, and who is without a meter: each depends on the other."""
    fit = improve(fit_tree(rebuilt(sample), sample), sample, sweeps)
    missed = hidden(fit, sample)
    if missed.places:
        fit = missed.refitted(fit, sample)
        plain = improve(fit, sample, sweeps, missed.at(fit))
        missed = hidden(fit_tree(plain.tree, sample), sample)
        fit = missed.refitted(plain, sample)
    return fit, missed


def fit_known(tree: FeederTree, series: FeederSeries, resamples: int, rng: np.random.Generator) -> Forest:
    """Return the one tree of a feeder whose map is known.

    Where readings are missing, resamples tell how much less is known, which the curvature does not.
    """
    n = series.v2.shape[1]
    readings = _Resampled.of(series, tree)
    fit = fit_tree(tree, readings.whole)
    missed = hidden(fit, readings.whole)
    fit = missed.refitted(fit, readings.whole)
    again = range(resamples if series.gaps is not None or missed.places else 0)
    drawn = [missed.refitted(fit, readings.drawn(rng)) for _ in again]
    c, d = (np.array([tree.matrix(getattr(f, name)) for f in drawn]).reshape(-1, n, n) for name in ("r", "x"))
    return Forest((fit,), np.ones(1), c, d, *readings.rivals(fit, missed), missed, readings.whole)


@dataclass(frozen=True, slots=True)
class _Resampled:
    """Readings in blocks of time, of which samples are drawn with replacement."""

    series: FeederSeries
    blocks: list[NDArray[np.int64]]
    parts: list[Sample]
    whole: Sample
    calm: tuple[FloatArray, FloatArray]

    @classmethod
    def of(cls, series: FeederSeries, tree: FeederTree | None = None) -> _Resampled:
        x, v2, gaps = np.hstack([series.p, series.q]), series.v2, series.gaps
        blocks = np.array_split(np.arange(len(v2)), min(_BLOCKS, len(v2)))
        unknown = [Sample(m, m) for m in gaps.unknown(blocks)] if gaps is not None else []
        calm = filtered(x, v2, tree, unknown)
        parts = [replace(Sample.both((x, v2), calm, rows), closed=series.closed) for rows in blocks]
        if unknown:
            parts = [Sample.total(both) for both in zip(parts, unknown, strict=True)]
        return cls(series, blocks, parts, Sample.total(parts), calm)

    def drawn(self, rng: np.random.Generator) -> Sample:
        chosen = rng.integers(0, len(self.parts), len(self.parts))
        sample = Sample.total([self.parts[b] for b in chosen])
        if self.series.gaps is None:
            return sample
        change = self.series.gaps.anew(self.blocks, np.bincount(chosen, minlength=len(self.blocks)))
        return Sample.total([sample, Sample(change, change)])

    def rivals(self, fit: TreeFit, missed: Hidden) -> tuple[FloatArray, tuple[int, ...]]:
        """Return the matrices of r (k, n, n) that other views give, and whose reactive power may be turned.

        Where readings were filled: as if what all share were known. What is missing of a load is not quite as white
        as the filter takes it to be, and the difference says how much hangs on it. Where customers who withdraw
        inject reactive power, as few appliances do: with its sign turned, one customer's or all these customers',
        unless the voltages rule it out. Where reactive powers follow the voltage: as if they did not.
        """
        n, matrix = fit.tree.below.shape[1], fit.tree.matrix
        hidden_ones = missed.at(fit)
        views = []
        if self.series.gaps is not None:
            views.append(matrix(fit_tree(fit.tree, self._as_known(), unmetered=hidden_ones).r))
        if self.whole.closed:
            views.append(matrix(fit_tree(fit.tree, replace(self.whole, closed=False), unmetered=hidden_ones).r))
        capacitive = self.series.capacitive
        trials = [*np.eye(n, dtype=bool)[capacitive], capacitive] if capacitive.any() else []
        doubtful = np.zeros(n, dtype=bool)
        for turned in trials:
            factors = np.concatenate([np.ones(n), np.where(turned, -1.0, 1.0)])
            other = fit_tree(fit.tree, multiplied(self.whole, factors), fit.noise, 2, hidden_ones)
            if other.loglik > fit.loglik - _RULED_OUT:
                views.append(matrix(other.r))
                doubtful |= turned
        return np.array(views).reshape(-1, n, n), tuple(np.flatnonzero(doubtful).tolist())

    def _as_known(self) -> Sample:
        return Sample(self.whole.own, Moments.of(*self.calm), self.whole.closed)


def filtered(
    x: FloatArray, y: FloatArray, tree: FeederTree | None = None, unknown: Sequence[Sample] = ()
) -> tuple[FloatArray, FloatArray]:
    """Return the series after the supply's wandering was filtered out of them, as a first fit sees it.

    ``unknown`` are moments of what is not known of the series; it is white, so the filter leaves them as they are.
    """
    lines = lines_of(x)
    filtered = without_lines(x, y, lines)
    for left in reversed(range(_FILTER_ROUNDS)):
        sample = Sample.total([Sample.both((x, y), filtered), *unknown])
        fit = fit_tree(tree if tree is not None else rebuilt(sample), sample)
        shared = (y - x @ fit.coefficients()) @ fit.noise.mean_weights
        filtered = without_wandering(x, y, shared, lines, with_lines=not left)
    return filtered


def improve(fit: TreeFit, sample: Sample, sweeps: int, unmetered: Unmetered | None = None) -> TreeFit:
    """Return the tree after swapping neighbouring branches as long as the likelihood grows."""
    for _ in range(sweeps):
        before = fit.loglik
        for row in range(len(fit.tree.below)):
            for candidate in fit.tree.swaps(row):
                other = fit_tree(candidate, sample, fit.noise, 2, unmetered)
                if other.loglik > fit.loglik + 1e-6:
                    fit = other
                    break
        if fit.loglik < before + 0.1:
            break
    return fit


def shared_resistance(sample: Sample) -> FloatArray:
    """Return a symmetric first estimate of c up to a constant, which the order of joining does not need.

    Each squared voltage is regressed on all powers, P and the Q that a cable makes of it together: apart, they move so
    much alike that their effects drown. Only contrasts K of voltages to their mean are used, which no supply moves. As
    c is symmetric, c_ij = K_ij + m_j with m_j the mean of K_jk over k, up to a constant; each power counts by how well
    its effect is known, in m as in the mean of c_ij and c_ji.
    """
    n = len(sample.own.yy)
    drive = np.vstack([np.eye(n), REACTANCE_RATIO * np.eye(n)])
    gram = drive.T @ sample.own.xx @ drive
    inverse = np.linalg.inv(gram + 1e-3 * np.diag(np.diag(gram)) + 1e-12 * np.eye(n))
    effect = (inverse @ drive.T @ sample.own.xy).T
    contrast = effect - effect.mean(axis=0)
    weight = 1.0 / np.diag(inverse)
    c = contrast + contrast @ weight / weight.sum()
    return np.asarray((c * weight + c.T * weight[:, None]) / (weight + weight[:, None]))


def rebuilt(sample: Sample) -> FeederTree:
    """Return the tree that joins customers in the order of the resistance they share."""
    return FeederTree.from_shared(shared_resistance(sample))
