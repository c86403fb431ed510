"""Which column of the busbar a voltage follows, by regression on all columns.

A customer's voltage is that of its phase at the busbar and what cables drop: on all columns at once it has a
coefficient near one on its own and near zero on the others. Errors are those of blocks of time (Liang and Zeger 1986,
DOI 10.1093/biomet/73.1.13).
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from rexnet_grid.spacemeternet.belonging import block_starts

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.feedertree import BoolArray
    from rexnet_grid.spacemeternet.phasemodel import LabelArray

_CONTRADICTED = 3.0
_MOSTLY = 0.6


def of_another(v: FloatArray, busbar: FloatArray, labels: LabelArray) -> BoolArray:
    """Return whose voltage (N, customers) follows another phase of the busbar (N, phases) more than its label's.

    Where most customers are on one phase a long cable of it can pass for a phase of its own.
    """
    follows, scores = _follows(v, busbar)
    more = follows - np.take_along_axis(follows, labels[None], axis=0)
    apart = scores - np.take_along_axis(scores, labels[None, None], axis=1)
    error = np.sqrt(np.maximum((apart**2).sum(axis=0), 1e-300))
    return np.asarray((more > _CONTRADICTED * error).any(axis=0))


def anchored(v: FloatArray, busbar: FloatArray, labels: LabelArray, groups: int) -> tuple[LabelArray, FloatArray]:
    """Return names for groups where the busbar has fewer columns than there may be phases, and how sure they are.

    A group without a column follows those that are there by what all phases share, and likelihood may name it after
    one of them. A column's group is the one that follows it most beyond the other columns.

    Parameters
    ----------
    v, busbar
        (N, customers) and (N, columns) centred voltages.
    labels
        (customers,) groups; numbers from ``groups`` on are none.

    Returns
    -------
    LabelArray
        (groups,) the column of each group, numbers beyond the columns for those that have none.
    FloatArray
        (groups,) the probability of the name, from the least of its leads over the other columns and of the other
        groups on its column; 0 where less than most of what a group follows is its column.
    """
    columns = busbar.shape[1]
    members = [labels == g for g in range(groups)]
    means = np.column_stack([v[:, m].mean(axis=1) if m.any() else np.zeros(len(v)) for m in members])
    follows, scores = _follows(means, busbar)
    lead, error = np.zeros((groups, columns)), np.zeros((groups, columns))
    for k in range(columns):
        others = [j for j in range(columns) if j != k]
        next_best = np.array(others)[follows[others].argmax(axis=0)] if others else None
        for g in range(groups):
            j = None if next_best is None else int(next_best[g])
            lead[g, k] = follows[k, g] - (follows[j, g] if j is not None else 0.0)
            error[g, k] = np.sqrt(((scores[:, k, g] - (scores[:, j, g] if j is not None else 0.0)) ** 2).sum())
    order = max(permutations(range(groups), columns), key=lambda who: sum(lead[g, k] for k, g in enumerate(who)))
    names, sure = np.full(groups, -1, dtype=np.int64), np.zeros(groups)
    for k, g in enumerate(order):
        names[g] = k
        rest = [h for h in range(groups) if h != g and members[h].any()]
        leads = [lead[g, k] / max(error[g, k], 1e-300)]
        leads += [(lead[g, k] - lead[h, k]) / max(float(np.hypot(error[g, k], error[h, k])), 1e-300) for h in rest]
        if members[g].any() and lead[g, k] > _MOSTLY * np.maximum(follows[:, g], 0.0).sum():
            sure[g] = float(norm.cdf(min(leads) - _CONTRADICTED + 1.0))
    names[names < 0] = np.arange(columns, groups)
    return names, sure


def _follows(v: FloatArray, busbar: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (columns, n) of voltages (N, n) on the busbar's and their errors by blocks."""
    inverse = np.linalg.pinv(busbar.T @ busbar)
    follows = inverse @ busbar.T @ v
    left = v - busbar @ follows
    scores = np.add.reduceat((busbar @ inverse)[:, :, None] * left[:, None, :], block_starts(len(v)), axis=0)
    return np.asarray(follows), np.asarray(scores)
