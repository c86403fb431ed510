"""Trees for a feeder whose map is lost: rebuilt from shared resistances, improved by swapping branches, and weighted.

The data are resampled by blocks of time; each resample builds a tree of its own (Felsenstein's bootstrap, 1985,
DOI 10.1111/j.1558-5646.1985.tb00420.x). How often a tree comes out is its weight, and how much the sensitivities move
between resamples is their standard error, which so holds the uncertainty of the map as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.feedertree import FeederTree
from rexnet_grid.spacemeternet.moments import Sample, without_wandering
from rexnet_grid.spacemeternet.voltagefit import REACTANCE_RATIO, TreeFit, fit_tree

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_BLOCKS = 30
_FEW, _SOME = 25, 60
_SWEEPS, _SWEEPS_OF_SOME = 6, 2
_FILTER_ROUNDS = 3


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
    """

    fits: tuple[TreeFit, ...]
    weights: FloatArray
    c: FloatArray
    d: FloatArray


def grow(p: FloatArray, q: FloatArray, v2: FloatArray, resamples: int, rng: np.random.Generator) -> Forest:
    """Return the trees of a feeder from centred (N, customers) injections and squared voltages.

    Up to 25 customers branches are swapped on every resample; up to 60 on the whole data only; beyond that the trees
    stay as rebuilt.
    """
    n = v2.shape[1]
    x = np.hstack([p, q])
    calm = filtered(x, v2)
    blocks = np.array_split(np.arange(len(v2)), min(_BLOCKS, len(v2)))
    parts = [Sample.both((x, v2), calm, rows) for rows in blocks]
    whole = Sample.total(parts)
    sweeps = _SWEEPS if n <= _FEW else _SWEEPS_OF_SOME if n <= _SOME else 0
    first = improve(fit_tree(rebuilt(whole), whole), whole, sweeps)
    trees, c, d = [first.tree], [], []
    for _ in range(resamples):
        drawn = Sample.total([parts[b] for b in rng.integers(0, len(parts), len(parts))])
        fit = fit_tree(rebuilt(drawn), drawn)
        if n <= _FEW:
            fit = improve(fit, drawn, _SWEEPS)
        trees.append(fit.tree)
        c.append(fit.tree.matrix(fit.r))
        d.append(fit.tree.matrix(fit.x))
    votes: dict[bytes, list[int]] = {}
    for number, tree in enumerate(trees):
        votes.setdefault(tree.key(), []).append(number)
    fits = tuple(fit_tree(trees[members[0]], whole) for members in votes.values())
    weights = np.array([float(len(members)) for members in votes.values()])
    return Forest(fits, weights / weights.sum(), np.array(c), np.array(d))


def fit_known(tree: FeederTree, p: FloatArray, q: FloatArray, v2: FloatArray) -> Forest:
    """Return the one tree of a feeder whose map is known, fitted to centred (N, customers) injections and voltages."""
    x, n = np.hstack([p, q]), v2.shape[1]
    fit = fit_tree(tree, Sample.both((x, v2), filtered(x, v2, tree)))
    return Forest((fit,), np.ones(1), np.empty((0, n, n)), np.empty((0, n, n)))


def filtered(x: FloatArray, y: FloatArray, tree: FeederTree | None = None) -> tuple[FloatArray, FloatArray]:
    """Return the series after the supply's wandering was filtered out of them, as a first fit sees it."""
    filtered = x, y
    for _ in range(_FILTER_ROUNDS):
        sample = Sample.both((x, y), filtered)
        fit = fit_tree(tree if tree is not None else rebuilt(sample), sample)
        shared = (y - x @ fit.coefficients()) @ fit.noise.mean_weights
        filtered = without_wandering(x, y, shared)
    return filtered


def improve(fit: TreeFit, sample: Sample, sweeps: int) -> TreeFit:
    """Return the tree after swapping neighbouring branches as long as the likelihood grows."""
    for _ in range(sweeps):
        before = fit.loglik
        for row in range(len(fit.tree.below)):
            for candidate in fit.tree.swaps(row):
                other = fit_tree(candidate, sample, fit.noise, rounds=2)
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
