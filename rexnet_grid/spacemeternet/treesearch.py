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
from rexnet_grid.spacemeternet.voltagefit import Moments, TreeFit, fit_tree

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_BLOCKS = 30
_FEW, _SOME = 25, 40
_SWEEPS = 6


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
    """Return the trees of a feeder from (N, customers) injections and squared voltages.

    Up to 25 customers branches are swapped on every resample; up to 40 on the whole data only; beyond that the trees
    stay as rebuilt, and fewer resamples are drawn.
    """
    n = v2.shape[1]
    blocks = np.array_split(np.arange(len(v2)), min(_BLOCKS, len(v2)))
    parts = [_raw(p[b], q[b], v2[b]) for b in blocks]
    whole = _total(parts)
    first = improve(fit_tree(_rebuilt(whole), whole), whole, _SWEEPS if n <= _SOME else 0)
    count = resamples if n <= _FEW else min(resamples, 8) if n <= _SOME else 4
    trees, c, d = [first.tree], [], []
    for _ in range(count):
        drawn = _total([parts[b] for b in rng.integers(0, len(parts), len(parts))])
        fit = fit_tree(_rebuilt(drawn), drawn)
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


def improve(fit: TreeFit, moments: Moments, sweeps: int) -> TreeFit:
    """Return the tree after swapping neighbouring branches as long as the likelihood grows."""
    for _ in range(sweeps):
        before = fit.loglik
        for row in range(len(fit.tree.below)):
            for candidate in fit.tree.swaps(row):
                other = fit_tree(candidate, moments, fit.noise, rounds=2)
                if other.loglik > fit.loglik + 1e-6:
                    fit = other
                    break
        if fit.loglik < before + 0.1:
            break
    return fit


def shared_resistance(moments: Moments) -> FloatArray:
    """Return a symmetric first estimate of c by ridge regression of each squared voltage on all P and Q."""
    n = len(moments.yy)
    ridge = 1e-3 * np.diag(np.diag(moments.xx)) + 1e-12 * np.eye(2 * n)
    c = np.linalg.solve(moments.xx + ridge, moments.xy)[:n]
    return np.asarray(0.5 * (c + c.T))


def _rebuilt(moments: Moments) -> FeederTree:
    return FeederTree.from_shared(shared_resistance(moments))


def _raw(p: FloatArray, q: FloatArray, v2: FloatArray) -> Moments:
    x = np.hstack([p, q])
    return Moments(x.T @ x, x.T @ v2, v2.T @ v2, len(v2))


def _total(parts: list[Moments]) -> Moments:
    return Moments(
        np.sum([m.xx for m in parts], axis=0),
        np.sum([m.xy for m in parts], axis=0),
        np.sum([m.yy for m in parts], axis=0),
        sum(m.steps for m in parts),
    )
